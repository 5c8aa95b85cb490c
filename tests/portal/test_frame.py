"""What stands around every page: navigation, icon, and the admin in the brand's colours."""

import re

import pytest
from django.conf import settings

from portal.admin_site import BRAND_ON_DARK, BRAND_ON_LIGHT
from portal.context import navigation
from tests.factories import make_member

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/", "Home"),
        ("/help/a/reset-a-password/", "Help"),
        ("/cases/CS-10001/", "Cases"),
        ("/contracts/C-1/", "Contracts"),
        ("/usage/", "Usage"),
        ("/plans/configure/", "Plans"),
        ("/quotes/", "Plans"),
        ("/orders/O-5001/", "Orders"),
        ("/invoices/INV-00001/pay/", "Invoices"),
        ("/payments/00000000-0000-4000-8000-000000000000/", "Invoices"),
        ("/company/", "Company"),
        ("/accounts/email/", None),
    ],
)
def test_one_item_of_the_navigation_says_where_one_is(admin, rf, path, current):
    request = rf.get(path)
    request.membership = admin.membership
    assert [item.label for item in navigation(request) if item.is_current] == ([current] if current else [])


def test_the_navigation_lists_only_what_a_role_may_open(acme, rf):
    request = rf.get("/")
    request.membership = make_member(acme, "buyer@acme.example", "Bea", roles=["buyer"]).membership
    labels = [item.label for item in navigation(request)]
    assert "Plans" in labels
    assert "Cases" not in labels


def test_the_admin_wears_the_brand(agent, signed_in):
    brand = (settings.BASE_DIR / "assets" / "brand.css").read_text()
    assert re.search(r"--color-primary: light-dark\((#\w+), (#\w+)\)", brand).groups() == (
        BRAND_ON_LIGHT,
        BRAND_ON_DARK,
    )
    page = signed_in(agent).get("/admin/").content.decode()
    assert re.search(r"--color-primary-600:\s*rgb\(11, 93, 103\)", page)
    assert re.search(r"--color-primary-100:\s*color-mix\(in oklab, #4fc3d3 20%, white\)", page)
    assert '<link rel="icon" href="/static/portal/favicon.svg"' in re.sub(r"\s+", " ", page)


def test_browsers_find_an_icon_where_no_page_names_one(client):
    response = client.get("/favicon.ico")
    assert (response.status_code, response["Content-Type"]) == (200, "image/svg+xml")
    assert b"".join(response.streaming_content).startswith(b"<svg")
