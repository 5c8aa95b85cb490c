"""The list in accounts/tenancy.py is what the database does."""

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from accounts.tenancy import SYSTEM_ENDPOINTS, TABLES, Personal, Shared, Tenant
from tests.pages import patterns

pytestmark = pytest.mark.django_db

# Unique keys that do not start with the account. Made by the portal or the database, never the target of ON CONFLICT
# from a customer's request, so that another account's invisible row cannot answer for one's own.
KEYS_BY_THE_PORTAL = {
    "public_id", "serial", "number", "message_id", "crm_id", "quote_id", "order_id", "membership_id", "id",
}  # fmt: skip

# Written by the owner alone, after the DNS or a member of staff has said whose the domain is.
KEYS_BY_THE_OWNER = {
    "accounts_domain.name",
    "accounts_auditentry.source",
    "accounts_scimtoken.digest",  # 256 random bits.
    "accounts_scimuser.membership_id",
}


def rows(sql, *params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def local_tables():
    """Every table, partition and M2M table of the local apps, from the catalog."""
    prefixes = tuple(f"{app}_" for app in settings.LOCAL_APPS)
    found = rows("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace")
    return {name for (name,) in found if name.startswith(prefixes)}


def test_every_table_of_a_local_app_is_listed():
    assert local_tables() - TABLES.keys() == set()


def test_the_list_names_only_tables_that_exist():
    existing = {name for (name,) in rows("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')")}
    assert TABLES.keys() - existing == set()


def test_every_table_without_an_account_says_why():
    assert [name for name, rule in TABLES.items() if isinstance(rule, Shared) and len(rule.reason) < 10] == []


def test_every_table_with_an_account_has_the_policy():
    found = {
        name: (enabled, policies)
        for name, enabled, policies in rows(
            """SELECT relname, relrowsecurity, (SELECT count(*) FROM pg_policy WHERE polrelid = pg_class.oid)
               FROM pg_class WHERE relkind IN ('r', 'p')"""
        )
    }
    tenants = [name for name, rule in TABLES.items() if isinstance(rule, Tenant | Personal)]
    assert [name for name in tenants if found[name] != (True, 1)] == []


def test_every_policy_holds_reads_and_writes_to_the_account_and_to_what_its_table_adds():
    policies = {
        table: (command, reads, writes)
        for table, command, reads, writes in rows(
            """SELECT tablename, cmd, qual, with_check FROM pg_policies WHERE policyname = 'accounts_of_the_request'"""
        )
    }
    wrong = []
    for name, rule in TABLES.items():
        if isinstance(rule, Tenant):
            command, reads, writes = policies[name]
            wanted = [rule.column, "portal.accounts", rule.user_column, rule.only.removeprefix("NOT ")]
            if command != "ALL" or reads != writes or not all(part in reads for part in wanted):
                wrong.append(name)
    assert wrong == []


def test_a_person_s_table_shows_each_their_own_rows_alone():
    policies = {
        table: (command, reads, writes)
        for table, command, reads, writes in rows(
            "SELECT tablename, cmd, qual, with_check FROM pg_policies WHERE policyname = 'accounts_of_the_request'"
        )
    }
    for name, rule in TABLES.items():
        if isinstance(rule, Personal):
            command, reads, writes = policies[name]
            assert command == "ALL"
            assert reads == writes
            assert reads.startswith(f"({rule.user_column} = (NULLIF(current_setting('portal.user'")


def test_a_table_with_an_account_column_is_a_tenant_table():
    with_column = {
        name
        for (name,) in rows("SELECT table_name FROM information_schema.columns WHERE column_name = 'account_id'")
        if name in TABLES
    }
    assert {name for name in with_column if isinstance(TABLES[name], Shared)} == set()


def test_the_grants_are_those_of_the_list():
    granted = {}
    for name, privilege in rows(
        """SELECT relname, privilege_type FROM pg_class, aclexplode(relacl) AS acl
           WHERE acl.grantee = 'portal_customer'::regrole AND relkind IN ('r', 'p', 'm', 'v')"""
    ):
        granted.setdefault(name, set()).add(privilege)
    wanted = {name: set(rule.grants.split(", ")) for name, rule in TABLES.items() if rule.grants}
    assert granted == wanted


def test_no_materialised_view_is_granted():
    assert (
        rows(
            """SELECT relname FROM pg_class, aclexplode(relacl) AS acl
               WHERE acl.grantee = 'portal_customer'::regrole AND relkind = 'm'"""
        )
        == []
    )


def test_the_customer_role_is_weak():
    assert rows("SELECT rolcanlogin, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = 'portal_customer'") == [
        (False, False, False)
    ]


def test_unique_keys_of_tenant_tables_start_with_the_account():
    found = rows(
        """SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
           JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
           WHERE i.indisunique AND NOT i.indisprimary AND c.relnamespace = 'public'::regnamespace"""
    )
    wrong = [
        f"{table}.{column}"
        for table, column in found
        if isinstance(rule := TABLES.get(table), Tenant)
        and column != rule.column
        and column not in KEYS_BY_THE_PORTAL
        and f"{table}.{column}" not in KEYS_BY_THE_OWNER
    ]
    assert wrong == []


def test_history_cannot_be_deleted_by_customers():
    assert [name for name, rule in TABLES.items() if isinstance(rule, Tenant) and "DELETE" in rule.grants] == []


def test_system_endpoints_exist_and_say_why():
    known = {name for name, _route in patterns()}
    for name, reason in SYSTEM_ENDPOINTS.items():
        assert name in known
        assert len(reason) > 20


def test_every_audited_model_keeps_its_account():
    """An audit table without the account's column could not be held to the policy."""
    for model in apps.get_models():
        if hasattr(model, "pgh_tracked_model"):
            rule = TABLES[model._meta.db_table]
            if isinstance(rule, Tenant):
                assert rule.column in [field.column for field in model._meta.fields]
