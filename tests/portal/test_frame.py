"""What stands around every page: navigation, icon, and the admin in the brand's colours."""

import re

import pytest
from django.conf import settings
from django.core.cache import cache
from django.urls import reverse
from django.utils import translation

from accounts import brands
from accounts.models import Brand, MenuEntry, MenuRule
from accounts.permissions import Role, StaffGroup
from cases.notifications import CaseResolved
from portal.admin_site import BRAND_ON_DARK, BRAND_ON_LIGHT
from portal.context import _ITEMS, navigation
from tests.conftest import NOW
from tests.factories import make_member, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_brand_remembered():
    cache.delete(brands.CACHE_KEY)
    brands._current.set(None)  # What a page before this test wore; a request of one's own begins without.
    yield
    cache.delete(brands.CACHE_KEY)


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


# Menus by role


def menu_of(membership, rf, *rules):
    """The labels of somebody's menu. A rule is a role, an entry, and "left out" or its place."""
    brand = Brand(name="Northwind", legal_name="Northwind AG", is_default=True)
    brands.save_brand(brand, now=NOW)
    for role, entry, what in rules:
        hidden, position = (True, None) if what == "left out" else (False, what)
        MenuRule.objects.create(brand=brand, role=role, entry=entry, is_hidden=hidden, position=position)
    cache.delete(brands.CACHE_KEY)
    request = rf.get("/")
    request.membership = membership
    return [item.label for item in navigation(request)]


@pytest.fixture
def buyer_and_supporter(acme):
    return make_member(acme, "bea@acme.example", "Bea", roles=["buyer", "support"]).membership


def test_every_entry_of_the_menu_has_its_page():
    assert set(_ITEMS) == set(MenuEntry)


def test_a_role_does_not_see_what_the_brand_leaves_out(admin, rf):
    assert "Usage" not in menu_of(admin.membership, rf, (Role.ADMINISTRATOR, MenuEntry.USAGE, "left out"))


def test_what_is_left_out_of_the_menu_stays_open(admin, rf, signed_in):
    menu_of(admin.membership, rf, (Role.ADMINISTRATOR, MenuEntry.USAGE, "left out"))
    page = signed_in(admin).get(reverse("commerce:usage"))
    assert page.status_code == 200
    assert f'class="nav-link" href="{reverse("commerce:usage")}"' not in page.content.decode()


def test_licences_stand_in_the_menu_of_those_who_see_no_orders(acme, admin, rf):
    support = make_member(acme, "sue@acme.example", "Sue", roles=["support"]).membership
    assert "Licences and downloads" in menu_of(support, rf)
    assert "Orders" not in menu_of(support, rf)
    assert "Licences and downloads" not in menu_of(admin.membership, rf)  # A part of their orders.


def test_a_rule_opens_nothing(acme, rf):
    viewer = make_member(acme, "vera@acme.example", "Vera", roles=["viewer"]).membership
    assert "Plans" not in menu_of(viewer, rf, (Role.VIEWER, MenuEntry.PLANS, 1))


def test_a_second_role_shows_what_the_first_leaves_out(buyer_and_supporter, rf):
    assert "Usage" in menu_of(buyer_and_supporter, rf, (Role.BUYER, MenuEntry.USAGE, "left out"))


def test_only_a_role_that_opens_the_page_shows_its_entry(buyer_and_supporter, rf):
    """Support contacts see no plans: that no rule leaves them out for that role shows them to nobody."""
    assert "Plans" not in menu_of(buyer_and_supporter, rf, (Role.BUYER, MenuEntry.PLANS, "left out"))


def test_entries_take_the_places_they_are_given(acme, rf):
    support = make_member(acme, "sue@acme.example", "Sue", roles=["support"]).membership
    menu = menu_of(support, rf, (Role.SUPPORT, MenuEntry.CASES, 1), (Role.SUPPORT, MenuEntry.HOME, 3))
    assert menu == ["Cases", "Help", "Home", "Usage", "Licences and downloads", "Company"]


def test_of_two_places_the_first_counts(buyer_and_supporter, rf):
    menu = menu_of(buyer_and_supporter, rf, (Role.BUYER, MenuEntry.USAGE, 4), (Role.SUPPORT, MenuEntry.USAGE, 1))
    assert menu[:2] == ["Usage", "Home"]


def test_the_menu_costs_no_query_once_the_brand_is_known(admin, rf, django_assert_num_queries):
    menu_of(admin.membership, rf, (Role.ADMINISTRATOR, MenuEntry.USAGE, "left out"))
    request = rf.get("/")
    request.membership = admin.membership
    with django_assert_num_queries(0):
        navigation(request)


def test_staff_arrange_the_menu_on_the_page_of_the_brand(signed_in, admin, rf, django_capture_on_commit_callbacks):
    menu_of(admin.membership, rf)
    brand = Brand.objects.get()
    client = signed_in(make_staff("mark@vendor.example", "Mark", group=StaffGroup.MARKETING))
    url = reverse("admin:accounts_brand_change", args=[brand.pk])
    form = client.get(url).context["adminform"].form
    body = {name: value for name, value in form.initial.items() if value not in (None, "")}
    rule = {"role": Role.ADMINISTRATOR, "entry": MenuEntry.USAGE, "is_hidden": "on"}
    body |= {"menu_rules-TOTAL_FORMS": 1, "menu_rules-INITIAL_FORMS": 0}
    body |= {f"menu_rules-0-{name}": value for name, value in rule.items()}
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(url, body).status_code == 302
    assert (Role.ADMINISTRATOR, MenuEntry.USAGE) in brands.default().menu


def test_a_name_leaves_the_direction_of_an_arabic_sentence_alone(acme, admin, signed_in, settings):
    """Latin names would turn the commas and figures beside them; English pages are left as they are."""
    client = signed_in(admin)
    page = reverse("accounts:leave-company")
    assert f"Leave {acme.name}?" in client.get(page).content.decode()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "ar"
    assert f"\u2068{acme.name}\u2069" in client.get(page).content.decode()


def test_a_line_of_the_bell_begins_in_its_own_direction():
    """The line is a link of its own, so its first letter says which way it is read."""
    with translation.override("ar"):
        line = CaseResolved.line_with({"number": "CS-10001", "subject": "Sync"})
    assert "\u2068CS-10001\u2069" in line
    assert "\u2068Sync\u2069" in line
