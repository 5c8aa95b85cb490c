"""The admin's sidebar: what each staff group may open, sorted by what they do, and nothing else."""

import re

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.permissions import STAFF_TABLE, StaffGroup
from portal.sidebar import GROUPS, navigation
from tests.world import client_of, undone

pytestmark = pytest.mark.usefixtures("in_the_world")

LINK = re.compile(r'<a href="([^"]+)"')


def sidebar_of(response):
    text = response.content.decode()
    start = text.index('id="nav-sidebar-apps"')
    return text[start : text.rindex("</details>")]


def links_of(response):
    return LINK.findall(sidebar_of(response))


@pytest.fixture(params=StaffGroup, ids=lambda group: group.name)
def somebody(request, world):
    return world.staff[request.param]


def test_every_link_opens_for_who_sees_it(somebody):
    client = client_of(somebody)
    with undone():
        links = links_of(client.get(reverse("admin:index")))
    assert links
    for link in links:
        with undone():
            assert client.get(link).status_code == 200, link


def test_every_list_that_a_group_may_see_is_in_its_sidebar(somebody, rf):
    request = rf.get("/")
    request.user = somebody
    may_see = {
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model, model_admin in admin.site._registry.items()
        if model_admin.has_view_permission(request)
    }
    with undone():
        shown = links_of(client_of(somebody).get(reverse("admin:index")))
    assert len(shown) == len(set(shown))
    assert may_see == {link for link in shown if link.count("/") == 4}


def test_every_model_of_the_admin_stands_in_one_group():
    """A new one needs its place in portal/sidebar.py."""
    listed = [entry for group in GROUPS for entry in group.entries if isinstance(entry, str)]
    assert sorted(listed) == sorted(model._meta.label_lower for model in admin.site._registry)


def test_pages_of_our_own_ask_for_a_permission_of_the_table():
    own = [entry for group in GROUPS for entry in group.entries if not isinstance(entry, str)]
    assert [entry.url_name for entry in own if entry.permission not in STAFF_TABLE] == []


def test_marketing_sees_no_group_without_anything_to_open(world):
    with undone():
        shown = sidebar_of(client_of(world.staff[StaffGroup.MARKETING]).get(reverse("admin:index")))
    for title in ("Customers", "Offers and content"):
        assert f"<span>{title}</span>" in shown
    for title in ("Salesforce", "Insights"):
        assert f"<span>{title}</span>" not in shown


def test_the_group_of_the_page_at_hand_stands_open(world):
    with undone():
        shown = sidebar_of(client_of(world.superuser).get(reverse("admin:accounts_auditentry_changelist")))
    opened = re.findall(r"<details[^>]* open>.*?</details>", shown, re.DOTALL)
    assert len(opened) == 1
    assert "Law and audit" in opened[0]


def test_who_is_in_no_group_reads_that_on_the_first_page(world):
    from tests.factories import make_user
    from tests.world import sign_in

    with undone():
        nobody = make_user("new@vendor.example", "Nell New", is_staff=True)
        sign_in([nobody])
        text = client_of(nobody).get(reverse("admin:index")).content.decode()
    assert "You are in no staff group yet" in text


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("commerce_bankstatement_read", "Read a bank statement in"),
        ("commerce_banktransfer_changelist", "Bank transfers"),
        ("commerce_invoice_changelist", "Invoices"),
        ("index", None),
    ],
)
def test_one_entry_is_marked_as_open(world, rf, page, title):
    request = rf.get(reverse(f"admin:{page}"))
    request.user = world.superuser
    with undone():
        marked = [item["title"] for group in navigation(request) for item in group["items"] if item["active"]]
    assert marked == ([title] if title else [])
