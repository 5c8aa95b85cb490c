"""A query that is put together once gives what the query itself would give, each time anew."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.models import Value
from django.test.utils import CaptureQueriesContext

from accounts.compiled import Compiled, Each, Given
from accounts.models import Account, Membership, Notification

of_company = Compiled(
    lambda: (
        Membership.objects.filter(account=Given("account"), is_active=True)
        .select_related("user", "account__tier", "account__parent")
        .annotate(note=Value("seen"))
        .order_by("user__email")
    )
)
some = Compiled(lambda: Account.objects.filter(pk__in=Each(Given("ids"))).order_by("name"))


def test_it_gives_the_rows_of_each_call_with_what_the_query_selects_along(acme, globex, admin, viewer, other_admin):
    found = of_company(account=acme.pk)

    assert [one.user for one in found] == [admin, viewer]
    assert [one.user for one in of_company(account=globex.pk)] == [other_admin]
    with CaptureQueriesContext(connection) as asked:
        assert {(one.account.tier.code, one.account.parent, one.note) for one in found} == {("premier", None, "seen")}
    assert not asked.captured_queries


def test_nothing_but_the_sql_is_remembered(acme, admin, viewer):
    assert len(of_company(account=acme.pk)) == 2

    Membership.objects.filter(user=viewer).update(is_active=False)

    assert [one.user for one in of_company(account=acme.pk)] == [admin]


def test_a_list_of_ids_can_be_given(acme, globex):
    assert some(ids=[globex.pk, acme.pk, 0]) == [acme, globex]
    assert some(ids=[]) == []


def test_values_are_read_as_the_fields_read_them(acme, admin):
    Notification.objects.create(account=acme, user=admin, kind="case_reply", link="/", params={"case": ["CS-1", 2]})
    written = Compiled(lambda: Notification.objects.filter(created_at__gte=Given("since")))

    assert [one.params for one in written(since=datetime(2000, 1, 1, tzinfo=UTC))] == [{"case": ["CS-1", 2]}]
    assert written(since=datetime(2999, 1, 1, tzinfo=UTC)) == []


def test_a_value_that_is_missing_is_an_error(acme):
    with pytest.raises(KeyError, match="account"):
        of_company()


@pytest.mark.django_db(transaction=True)
def test_threads_ask_side_by_side_over_connections_of_their_own(acme, admin):
    def ask(_number: int) -> list[str]:
        try:
            return [one.user.email for one in of_company(account=acme.pk)]
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=4) as pool:
        assert list(pool.map(ask, range(12))) == [["admin@acme.example"]] * 12
