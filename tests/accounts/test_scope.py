"""A customer's request sees its own company and nothing else: the traps of row-level security, one by one."""

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from psycopg_pool import ConnectionPool

from accounts.models import Account, Membership, User
from accounts.pool import reset_connection
from accounts.scope import account_scope

pytestmark = pytest.mark.urls("tests.accounts.scope_urls")


def current_role():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return cursor.fetchone()[0]


def test_a_customer_sees_only_their_company(acme, globex):
    with account_scope([acme.pk]):
        assert list(Account.objects.all()) == [acme]
    assert Account.objects.count() == 2


def test_with_nothing_set_there_are_no_rows_and_no_error(acme):
    with account_scope([]):
        assert Account.objects.count() == 0


def test_a_parent_company_may_see_several(acme, globex):
    with account_scope([acme.pk, globex.pk]):
        assert Account.objects.count() == 2


def test_memberships_also_show_the_persons_own(admin, other_admin):
    with account_scope([], user_id=admin.pk):
        assert list(Membership.objects.all()) == [admin.membership]


def test_another_companys_row_cannot_be_written_to(acme, globex):
    with account_scope([acme.pk]):
        assert Account.objects.filter(pk=globex.pk).update(phone="stolen") == 0
    globex.refresh_from_db()
    assert globex.phone == ""


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("accounts_account", "tier_id = NULL"),
        ("accounts_account", "lifecycle_stage = 'growing'"),
        ("accounts_membership", "user_id = user_id"),
        ("accounts_membership", "account_id = account_id + 1"),
        ("commerce_contract", "end_date = '2099-01-01'"),
    ],
)
def test_what_is_the_vendors_to_write_cannot_be_written(acme, admin, table, change):
    refused = pytest.raises(ProgrammingError, match="permission denied")
    with refused, account_scope([acme.pk], user_id=admin.pk), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {change}")


def test_a_row_cannot_be_added_for_another_company(acme, globex):
    from tracking.models import Event

    with pytest.raises(ProgrammingError, match="row-level security"), account_scope([acme.pk]):
        Event.objects.create(name="login", account_id=globex.pk, actor_kind="customer", occurred_at="2026-01-01T00:00Z")
    assert not Event.objects.exists()


# Trap 1: what renders after the view has returned.


def test_a_template_response_renders_in_the_scope(admin, other_admin, signed_in):
    response = signed_in(admin).get("/late")
    assert response.content.decode() == "Acme Logistics GmbH;"


@pytest.mark.django_db(transaction=True)
def test_a_streamed_response_reads_in_the_scope(admin, other_admin, signed_in):
    response = signed_in(admin).get("/stream")
    assert b"".join(response.streaming_content).decode() == "Acme Logistics GmbH;"
    assert current_role() == "portal"


@pytest.mark.django_db(transaction=True)
def test_a_stream_for_visitors_reads_nobodys_rows(acme, client):
    assert b"".join(client.get("/public-stream").streaming_content) == b""


@pytest.mark.django_db(transaction=True)
def test_a_stream_for_somebody_without_a_company_reads_nobodys_rows(acme, signed_in):
    from tests.factories import make_user

    response = signed_in(make_user("new@acme.example", "New")).get("/stream")
    assert b"".join(response.streaming_content) == b""


@pytest.mark.django_db(transaction=True)
def test_a_stream_of_a_view_with_its_own_transactions_reads_in_the_scope(admin, other_admin, signed_in):
    response = signed_in(admin).get("/outside-stream")
    assert b"".join(response.streaming_content).decode() == "Acme Logistics GmbH;"


@pytest.mark.django_db(transaction=True)
def test_a_file_keeps_no_transaction_open_for_a_slow_reader(admin, signed_in):
    response = signed_in(admin).get("/file")
    assert b"".join(response.streaming_content) == b"portal"


# Trap 2: an exception that became an error page must not commit.


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/fail", "/nothing"])
def test_a_view_that_fails_leaves_nothing_behind(admin, signed_in, path):
    client = signed_in(admin)
    client.raise_request_exception = False
    assert client.get(path).status_code == 500
    admin.membership.refresh_from_db()
    assert admin.membership.department == ""


# Trap 3: role and scope outlive a nested atomic unless they are restored.


def test_a_nested_scope_gives_the_outer_one_back(acme, globex):
    with account_scope([acme.pk]):
        with account_scope([globex.pk]):
            assert [account.name for account in Account.objects.all()] == ["Globex Retail Ltd"]
        assert [account.name for account in Account.objects.all()] == ["Acme Logistics GmbH"]
        assert current_role() == "portal_customer"
    assert current_role() == "portal"


@pytest.mark.django_db(transaction=True)
def test_nothing_survives_the_end_of_a_scope(acme):
    with account_scope([acme.pk]):
        pass
    assert current_role() == "portal"
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('portal.accounts', true)")
        assert cursor.fetchone()[0] in (None, "")


@pytest.mark.django_db(transaction=True)
def test_a_scope_that_fails_gives_the_role_back(acme):
    with pytest.raises(ZeroDivisionError), account_scope([acme.pk]):
        raise ZeroDivisionError
    assert current_role() == "portal"


@pytest.mark.django_db(transaction=True)
def test_a_failed_statement_inside_an_outer_transaction_gives_the_role_back(acme):
    with transaction.atomic():
        with pytest.raises(ProgrammingError), account_scope([acme.pk]), connection.cursor() as cursor:
            cursor.execute("SELECT * FROM crm_outboxrow")
        assert current_role() == "portal"


# Trap 4: what a pooled connection carries to the next request.


@pytest.mark.django_db(transaction=True)
def test_a_pool_of_one_forgets_the_last_request(acme):
    parameters = connection.get_connection_params()
    parameters.pop("cursor_factory", None)
    parameters.pop("context", None)
    with ConnectionPool(
        psycopg.conninfo.make_conninfo(),
        kwargs=parameters | {"autocommit": True},
        min_size=1,
        max_size=1,
        reset=reset_connection,
        open=True,
    ) as pool:
        with pool.connection() as first:
            first.execute("SET ROLE portal_customer")
            first.execute("SELECT set_config('portal.accounts', '{1}', false)")
            pid = first.info.backend_pid
        with pool.connection() as second:
            assert second.info.backend_pid == pid
            row = second.execute(
                "SELECT current_user, current_setting('portal.accounts', true), current_setting('TimeZone')"
            ).fetchone()
    assert row == ("portal", "", "UTC")


def test_the_pool_of_the_web_process_is_reset_and_large_enough():
    from portal import settings

    source = (django_settings.BASE_DIR / "portal" / "settings.py").read_text()
    assert '"reset": reset_connection' in source
    assert settings.reset_connection is reset_connection


# Trap 5: triggers run as the caller.


def test_a_customers_change_is_audited_with_who_did_it(admin, as_customer):
    with as_customer(admin.membership):
        Account.objects.update(phone="+49 30 1234")
    entry = Account.pgh_event_model.objects.get(pgh_label="update")
    assert entry.phone == "+49 30 1234"
    assert entry.pgh_context["user_id"] == admin.pk
    assert entry.pgh_context["kind"] == "customer"
    assert entry.pgh_context["account_id"] == admin.membership.account_id


@pytest.mark.parametrize("statement", ["SELECT 1 FROM", "UPDATE", "DELETE FROM"])
def test_a_customer_neither_reads_changes_nor_deletes_audit(admin, as_customer, statement):
    suffix = " SET phone = ''" if statement == "UPDATE" else ""
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        as_customer(admin.membership),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"{statement} accounts_accountevent{suffix}")


EDITS = ["UPDATE accounts_accountevent SET phone = 'x'", "DELETE FROM accounts_accountevent"]


@pytest.mark.parametrize("statement", EDITS)
def test_nobody_edits_audit(acme, statement):
    with (
        pytest.raises(ProgrammingError, match="Cannot update or delete"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_audit_is_never_switched_off():
    """`pgtrigger.ignore` skips audit too: it stands in no module of ours but migrations."""
    root = django_settings.BASE_DIR
    offenders = [
        str(path.relative_to(root))
        for app in django_settings.LOCAL_APPS
        for path in (root / app).rglob("*.py")
        if "migrations" not in path.parts and "pgtrigger.ignore" in path.read_text()
    ]
    assert offenders == []


# Trap 7: operators that are not leakproof cannot use an index under a policy.


def test_a_customers_text_search_narrows_by_account_first(acme):
    from cases.models import Case

    with account_scope([acme.pk]):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        plan = Case.objects.for_account(acme).filter(subject__icontains="export").explain()
    assert "Index" in plan
    assert "account_id = " in plan.split("Filter")[0]


# Trap 8: default privileges are per database.


def test_a_customers_request_runs_as_the_customer_role(admin, signed_in):
    seen = signed_in(admin).get("/whoami").json()
    assert seen == {"role": "portal_customer", "accounts": f"{{{admin.membership.account_id}}}", "atomic": True}


def test_staff_run_as_the_owner(agent, signed_in):
    assert signed_in(agent).get("/whoami").json()["role"] == "portal"


def test_a_view_that_talks_to_the_outside_opens_its_own_scope(admin, globex, signed_in):
    seen = signed_in(admin).get("/outside").json()
    assert seen == {"before": "portal", "seen": ["Acme Logistics GmbH"]}


def test_a_view_that_forgot_its_filter_changes_nothing_of_another_company(admin, globex, signed_in):
    assert signed_in(admin).get(f"/steal/{globex.pk}").content == b"0"
    globex.refresh_from_db()
    assert globex.phone == ""


@pytest.mark.parametrize("column", ["is_staff", "is_superuser"])
def test_a_customers_request_makes_nobody_staff(admin, as_customer, column):
    with pytest.raises(ProgrammingError, match="makes nobody staff"), as_customer(admin.membership):
        User.objects.filter(pk=admin.pk).update(**{column: True})
    admin.refresh_from_db()
    assert not getattr(admin, column)


def test_a_visitor_who_signs_up_is_not_staff(acme):
    with pytest.raises(ProgrammingError, match="makes nobody staff"), account_scope([]):
        User.objects.create(email="x@new.example", name="X", is_staff=True)
    assert not User.objects.filter(email="x@new.example").exists()
