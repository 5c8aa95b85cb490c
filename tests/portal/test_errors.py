"""Error pages: calm, without a database, and with the right status."""

import pytest
from django.db import OperationalError
from django.test import RequestFactory

from portal import errors


@pytest.mark.django_db
def test_an_unknown_address_is_404_in_our_look(client):
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert "<h1" in response.content.decode()


@pytest.mark.parametrize(
    ("view", "status"),
    [
        (lambda request: errors.bad_request(request, Exception()), 400),
        (lambda request: errors.forbidden(request, Exception()), 403),
        (lambda request: errors.not_found(request, Exception()), 404),
        (errors.server_error, 500),
    ],
)
def test_error_pages_need_no_database(view, status):
    response = view(RequestFactory().get("/"))
    assert response.status_code == status
    assert b"<h1" in response.content


def test_a_database_that_is_away_is_503_and_says_when_to_come_back():
    try:
        raise OperationalError("connection refused")
    except OperationalError:
        response = errors.server_error(RequestFactory().get("/"))
    assert response.status_code == 503
    assert response["Retry-After"] == "30"


@pytest.mark.django_db
def test_a_form_without_its_token_is_refused_in_our_look(admin):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    response = client.post("/company/profile/", {"phone": "1"})
    assert response.status_code == 403
    assert b"<h1" in response.content


@pytest.mark.django_db
def test_every_answer_carries_the_strict_policy(client):
    policy = client.get("/accounts/login/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/", "/company/", "/usage/export/", "/nowhere/", "/api/v1/cases"])
def test_nobody_keeps_a_copy_of_a_private_page(admin, signed_in, address):
    assert "no-store" in signed_in(admin).get(address)["Cache-Control"]


@pytest.mark.django_db
def test_only_the_admin_has_a_wider_policy(agent, signed_in):
    client = signed_in(agent)
    assert "unsafe-eval" in client.get("/admin/")["Content-Security-Policy"]
    assert "unsafe" not in client.get("/help/")["Content-Security-Policy"]
