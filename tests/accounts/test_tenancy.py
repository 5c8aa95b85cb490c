"""The list in accounts/tenancy.py is what the database does."""

import pytest
from django.apps import apps
from django.conf import settings
from django.db import ProgrammingError, connection
from django.utils import timezone

from accounts.models import (
    Domain,
    IdentityProvider,
    MailTimes,
    NotificationChoice,
    ScimGroup,
    ScimToken,
    SecurityPolicy,
)
from accounts.scope import account_scope
from accounts.tenancy import SYSTEM_ENDPOINTS, TABLES, Personal, Shared, Tenant
from cases.models import CaseRule, CaseVisibility
from commerce.models import PurchaseLimit
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
    "commerce_pricerule.order",  # The vendor's rules, in one order for all.
    "accounts_auditentry.source",
    "accounts_scimtoken.digest",  # 256 random bits.
    "accounts_scimuser.membership_id",
    "commerce_renewal.contract_id",
    "commerce_renewal.successor_id",
    "commerce_collection.invoice_id",
    "commerce_banktransfer.legal_entity",  # A line of the vendor's bank, whose company may be unknown.
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
    tenants = [name for name, rule in TABLES.items() if isinstance(rule, Tenant | Personal) or rule.only]
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


def test_what_administrators_alone_change_is_guarded():
    found = rows(
        """SELECT c.relname, encode(t.tgargs, 'escape') FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
           WHERE t.tgname = 'administered' AND t.tgenabled = 'O'"""
    )
    wanted = {
        (name, f"{rule.column}\\000{rule.own}\\000")
        for name, rule in TABLES.items()
        if isinstance(rule, Tenant) and rule.administered
    }
    assert set(found) == wanted
    assert {"accounts_securitypolicy", "accounts_identityprovider", "commerce_purchaselimit"} <= {n for n, _ in found}


@pytest.fixture
def settled(acme, now):
    """Acme with one row of everything that only its administrators change; what each looks like now, by table."""
    SecurityPolicy.objects.create(account=acme, mfa_required=True)
    IdentityProvider.objects.create(account=acme, protocol="oidc", is_active=True, is_enforced=True)
    Domain.objects.create(account=acme, name="acme.example", verified_at=now, verified_how="dns")
    token, _secret = ScimToken.make(account=acme)
    token.save()
    ScimGroup.objects.create(account=acme, display_name="Staff", roles=["viewer"])
    PurchaseLimit.objects.create(account=acme, role="buyer", limit_minor=500_00, currency="EUR")
    CaseVisibility.objects.create(account=acme, sight="own")
    CaseRule.objects.create(account=acme, role="viewer")
    NotificationChoice.objects.create(account=acme, kind="case_reply", in_bell=True, by_mail="now")
    return acme


CHANGES = {
    "accounts_account": {"phone": "+49 40 1", "is_open_to_parent": True},
    "accounts_securitypolicy": {"mfa_required": False},
    "accounts_identityprovider": {"is_enforced": False},
    "accounts_domain": {"is_joinable": True},
    "accounts_scimtoken": {"revoked_at": timezone.now()},
    "accounts_scimgroup": {"roles": ["administrator"]},
    "accounts_notificationchoice": {"by_mail": "off"},
    "commerce_purchaselimit": {"limit_minor": None},
    "cases_casevisibility": {"sight": "company"},
    "cases_caserule": {"is_active": False},
}
MODELS = {model._meta.db_table: model for model in apps.get_models()}


def of(account, table):
    column = TABLES[table].column
    return MODELS[table].objects.filter(**{column: account.pk})


def test_everything_that_administrators_alone_change_is_tried():
    assert {name for name, rule in TABLES.items() if isinstance(rule, Tenant) and rule.administered} == CHANGES.keys()


@pytest.mark.parametrize("table", CHANGES)
def test_nobody_but_an_administrator_changes_what_is_theirs_to_change(settled, admin, viewer, as_customer, table):
    """Whatever a view lets through: the database asks again."""
    before = of(settled, table).values().get()
    with pytest.raises(ProgrammingError, match="only an administrator"), as_customer(viewer.membership):
        of(settled, table).update(**CHANGES[table])
    assert of(settled, table).values().get() == before
    with as_customer(admin.membership):
        assert of(settled, table).update(**CHANGES[table]) == 1
    assert of(settled, table).values().get() == before | CHANGES[table]


@pytest.mark.parametrize("table", CHANGES)
def test_an_administrator_changes_nothing_of_another_company(settled, other_admin, as_customer, table):
    before = of(settled, table).values().get()
    with as_customer(other_admin.membership):
        assert of(settled, table).update(**CHANGES[table]) == 0
    with (  # Also where a view opened another company's scope.
        pytest.raises(ProgrammingError, match="only an administrator"),
        account_scope([settled.pk], user_id=other_admin.pk),
    ):
        of(settled, table).update(**CHANGES[table])
    assert of(settled, table).values().get() == before


@pytest.mark.parametrize(
    "row",
    [
        lambda account: SecurityPolicy(account=account),
        lambda account: IdentityProvider(account=account, protocol="saml"),
        lambda account: Domain(account=account, name="new.example"),
        lambda account: ScimToken.make(account=account)[0],
        lambda account: PurchaseLimit(account=account, role="buyer", currency="EUR"),
        lambda account: CaseVisibility(account=account, sight="company"),
        lambda account: CaseRule(account=account, role="viewer"),
        lambda account: NotificationChoice(account=account, kind="case_reply", in_bell=False, by_mail="off"),
    ],
)
def test_nobody_but_an_administrator_adds_what_is_theirs_to_add(acme, admin, member, other_admin, as_customer, row):
    made = row(acme)
    for other in (member, other_admin):
        with pytest.raises(ProgrammingError), as_customer(other.membership):
            made.save()
        made.pk = None
    assert not type(made).objects.exists()
    with as_customer(admin.membership):
        made.save()
    assert type(made).objects.filter(account=acme).count() == 1


def test_everybody_chooses_for_themselves_how_they_are_told(acme, admin, member, as_customer):
    choice = {"account": acme, "kind": "case_reply", "in_bell": False, "by_mail": "off"}
    with as_customer(member.membership):
        own = NotificationChoice.objects.create(user=member, **choice)
        assert NotificationChoice.objects.filter(pk=own.pk).update(by_mail="now") == 1
    with pytest.raises(ProgrammingError), as_customer(member.membership):
        NotificationChoice.objects.create(user=admin, **choice)
    theirs = NotificationChoice.objects.create(user=admin, **choice)
    with pytest.raises(ProgrammingError), as_customer(member.membership):
        NotificationChoice.objects.filter(pk=theirs.pk).update(user=member, kind="other")
    theirs.refresh_from_db()
    assert theirs.user == admin


def test_everybody_sets_their_own_mail_times_alone(acme, admin, member, other_admin, as_customer):
    """A person's hours are the same in each of their companies; nobody else's request sees or sets them."""
    MailTimes.objects.create(user=admin, digest_hour=7)
    for other in (member, other_admin):
        with as_customer(other.membership):
            assert not MailTimes.objects.filter(user=admin).exists()
            assert MailTimes.objects.filter(user=admin).update(digest_every="never") == 0
        with pytest.raises(ProgrammingError), as_customer(member.membership):
            MailTimes.objects.create(user=other_admin)
    with as_customer(admin.membership):
        assert MailTimes.objects.filter(user=admin).update(digest_hour=9) == 1
    assert list(MailTimes.objects.values_list("user", "digest_hour", "digest_every")) == [(admin.pk, 9, "day")]


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
