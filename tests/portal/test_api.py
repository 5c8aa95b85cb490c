"""The API's frame: who gets in, and what it says of itself."""

import pytest

pytestmark = pytest.mark.django_db


def test_a_program_that_is_not_signed_in_gets_401_and_no_page(client):
    assert client.get("/api/v1/cases").status_code == 401


def test_the_schema_names_the_operations(admin, signed_in):
    paths = signed_in(admin).get("/api/v1/openapi.json").json()["paths"]
    assert {"/api/v1/cases", "/api/v1/quotes", "/api/v1/help/articles"} <= paths.keys()


def test_a_member_reads_their_companys_cases_only(admin, other_admin, signed_in):
    assert signed_in(other_admin).get("/api/v1/cases").status_code == 200


@pytest.mark.parametrize("limit", ["-13754148829142218752", "99999999999999999999", "abc", "0"])
def test_nonsense_is_a_4xx(admin, signed_in, limit):
    assert signed_in(admin).get(f"/api/v1/cases?limit={limit}").status_code in (400, 422)
