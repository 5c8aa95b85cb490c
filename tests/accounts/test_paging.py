"""Lists read by key: nothing twice, nothing left out, at any page."""

import pytest

from accounts.models import Account
from accounts.paging import BadCursor, page_of
from tests.factories import make_account

pytestmark = pytest.mark.django_db

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def companies():
    """Seven, some of a name, and one whose name looks like a cursor."""
    for name in ["Acme", "Acme", "Acme", "Beta~2", "Globex", "Initech", "Initech"]:
        make_account(name)
    return Account.objects.order_by("name", "public_id")


def walk(rows, cursor, direction, size=2):
    pages = []
    while True:
        page = page_of(rows, cursor=cursor, size=size)
        pages.append([account.pk for account in page.rows])
        cursor = getattr(page, direction)
        if not cursor:
            return pages


@pytest.mark.parametrize("is_reversed", [False, True])
def test_pages_follow_each_other_in_both_directions(companies, is_reversed):
    rows = companies.order_by("-name", "-public_id") if is_reversed else companies
    there = walk(rows, "", "next")
    assert [pk for page in there for pk in page] == [account.pk for account in rows]
    assert [len(page) for page in there] == [2, 2, 2, 1]
    last = page_of(rows, cursor=page_of(rows, size=6).next, size=2)
    assert walk(rows, last.previous, "previous")[::-1] == there[:3]


def test_a_cursor_stands_where_its_row_has_been(companies):
    first = page_of(companies, size=4)
    Account.objects.filter(pk=first.rows[-1].pk).update(name="Zorro")
    assert [account.name for account in page_of(companies, cursor=first.next, size=2).rows] == ["Globex", "Initech"]


def test_before_the_first_row_is_the_first_page(companies):
    second = page_of(companies, cursor=page_of(companies, size=2).next, size=2)
    Account.objects.filter(name="Acme").update(name="Zorro")
    page = page_of(companies, cursor=second.previous, size=2)
    assert [account.name for account in page.rows] == ["Beta~2", "Globex"]
    assert page.previous == ""


@pytest.mark.parametrize(
    "cursor",
    ["x", "older", "older~", "older~Acme", "older~Acme~", "older~Acme~1", f"sideways~Acme~{NOBODY}",
     f"older~A\x00~{NOBODY}", f"older~{'A' * 999}~{NOBODY}"],
)  # fmt: skip
def test_what_no_page_gave_is_refused(companies, cursor):
    with pytest.raises(BadCursor):
        page_of(companies, cursor=cursor)


@pytest.mark.parametrize("moment", ["2026-01-01", "2026-01-01T00:00:00", "yesterday", "None"])
def test_a_time_without_its_zone_is_refused(companies, moment):
    with pytest.raises(BadCursor):
        page_of(Account.objects.order_by("created_at", "public_id"), cursor=f"older~{moment}~{NOBODY}")


@pytest.mark.parametrize("order", [(), ("name",), ("name", "-public_id")])
def test_a_list_without_a_clear_order_cannot_be_read_by_key(companies, order):
    with pytest.raises(ValueError, match="two fields"):
        page_of(companies.order_by(*order))
