"""Which tables a customer's request may touch, and how: the one list, held against the catalog by a test.

Every table of a local app stands here. A *tenant* table has a column that names the account, and the same policy as
every other; a *shared* table has none, and says why. What a table grants is what `portal_customer` gets: no grant, no
access, whatever the code tries. `after_migrate` applies the list; it can be run any number of times.
"""

from dataclasses import dataclass
from typing import Any

from django.apps import AppConfig, apps
from django.db import connections

from accounts.scope import CUSTOMER_ROLE
from accounts.staff import sync_groups

READ = "SELECT"
ADD = "SELECT, INSERT"
EDIT = "SELECT, INSERT, UPDATE"
WRITES = "INSERT OR UPDATE"
AUDIT = "INSERT"  # Added by triggers; never read, changed or deleted by a customer's request.


@dataclass(frozen=True)
class Tenant:
    """A table whose rows belong to accounts."""

    grants: str
    column: str = "account_id"
    user_column: str = ""  # Also shows the rows of the person signed in.
    changes: str = ""  # The only columns that may be updated, where UPDATE is not granted as a whole.
    only: str = ""  # What rows must also be, to be seen or written: SQL on the table's own columns.
    also: str = ""  # Which rows of others are shown, too: for tables that customers read and don't write.
    administered: str = ""  # What none but the company's administrators do, whatever the page: events of a trigger.
    own: str = ""  # The column of the person who may do it, too.


@dataclass(frozen=True)
class Personal:
    """A table whose rows belong to people, whichever of their companies they work for: each sees their own."""

    grants: str
    user_column: str = "user_id"


@dataclass(frozen=True)
class Shared:
    """A table without an account."""

    grants: str  # Empty: staff and jobs only.
    reason: str
    only: str = ""  # What rows must be, to be seen: SQL on the table's own columns.


# What a company's administrators say about it; its tier, its stage and its people are the vendor's to write.
COMPANY_DETAILS = (
    "phone, website, billing_email, billing_street, billing_postal_code, billing_city, billing_country, vat_id, "
    "time_zone, language, is_open_to_parent"
)

# Parts of what prices show; the policies of the tables asked hold there too.
_OF_OWN_TIER = "(tier_id IS NULL OR tier_id IN (SELECT tier_id FROM accounts_account))"
_IN_OWN_CURRENCY = (
    "currency IN (SELECT currency FROM accounts_account UNION ALL SELECT currency FROM commerce_contract)"
)
_SCHEDULE_OF = "commerce_discountschedule.id IN (p.volume_schedule_id, p.term_schedule_id)"

TABLES: dict[str, Tenant | Personal | Shared] = {
    # tracking
    "tracking_event": Tenant(ADD),
    "tracking_usagedaily": Tenant(READ),
    # accounts
    "accounts_account": Tenant(
        READ,
        column="id",
        changes=f"{COMPANY_DETAILS}, first_login_at",
        administered=f"UPDATE OF {COMPANY_DETAILS}",
    ),
    "accounts_accountevent": Tenant(AUDIT, column="id"),
    # A trigger lets administrators of the same company alone change roles, department and state.
    "accounts_membership": Tenant(ADD, user_column="user_id", changes="last_seen_at, roles, department, is_active"),
    "accounts_membershipevent": Tenant(AUDIT, user_column="user_id"),
    # The same trigger guards invitations and the files they come from.
    "accounts_invitation": Tenant(
        ADD, changes="token_hash, sent_at, sent_count, expires_at, revoked_at, invited_by_id"
    ),
    "accounts_invitationevent": Tenant(AUDIT),
    "accounts_memberimport": Tenant(ADD, changes="state, confirmed_at, uploaded_by_id"),
    "accounts_importline": Tenant(ADD),
    "accounts_joinrequest": Tenant(READ, user_column="user_id", changes="state, decided_at, decided_by_id"),
    "accounts_joinrequestevent": Tenant(AUDIT, user_column="user_id"),
    "accounts_homelayout": Tenant(EDIT),
    "accounts_entitlement": Tenant("SELECT"),
    "accounts_suspension": Tenant(READ),
    "accounts_domain": Tenant(ADD, changes="is_joinable", administered=WRITES),  # The owner alone verifies and removes.
    "accounts_domainevent": Tenant(AUDIT),
    "accounts_viewing": Tenant(""),  # The owner begins, asks for and ends each visit.
    "accounts_viewingevent": Tenant(""),
    "accounts_scimtoken": Tenant(ADD, changes="revoked_at", administered=WRITES),
    "accounts_scimtokenevent": Tenant(AUDIT),
    "accounts_scimuser": Tenant(READ),
    # The directory writes the rest.
    "accounts_scimgroup": Tenant(READ, changes="roles, updated_at", administered=WRITES),
    "accounts_scimgroupevent": Tenant(AUDIT),
    "accounts_scimgroupmember": Tenant(READ),
    "accounts_identityprovider": Tenant(EDIT, administered=WRITES),
    "accounts_identityproviderevent": Tenant(AUDIT),
    "accounts_ssoidentity": Tenant(""),  # Written at sign-in, before anybody's request.
    "accounts_usedanswer": Tenant(""),  # As above: what has been used counts whoever asks.
    "accounts_storedfile": Tenant(EDIT),
    "accounts_outgoingmail": Tenant(AUDIT),
    "accounts_consent": Personal(ADD),
    "accounts_termsacceptance": Personal(ADD),
    "accounts_dataexport": Personal(ADD),
    "accounts_erasure": Personal(EDIT),
    "accounts_termsversion": Shared(READ, "the vendor's terms, the same for everybody"),
    "accounts_termstext": Shared(READ, "the vendor's terms, the same for everybody"),
    "accounts_retentionrule": Shared("", "the vendor's rules about old data, staff only"),
    "accounts_retentionruleevent": Shared("", "audit of the vendor's rules; customers change none"),
    "accounts_retentionrun": Shared("", "what the rules removed, staff only"),
    "accounts_auditnote": Tenant(ADD),
    "accounts_auditentry": Tenant(READ, only="is_public"),
    "accounts_auditsource": Shared("", "how far the audit log has been read in"),
    "accounts_auditseal": Shared("", "signatures over the log of all companies together"),
    "accounts_notification": Tenant(ADD, user_column="user_id", changes="read_at"),
    # Each chooses for themselves; what the company suggests names nobody.
    "accounts_notificationchoice": Tenant(EDIT, administered=WRITES, own="user_id"),
    "accounts_mailtimes": Personal(EDIT),
    "accounts_inboundmail": Shared("", "arrives before anybody knows whose it is"),
    "accounts_mailreport": Shared("", "said by mail services about addresses"),
    "accounts_announcement": Shared(READ, "the vendor's announcements; who sees one is accounts.announcements"),
    "accounts_announcementtext": Shared(READ, "the vendor's announcements in other languages"),
    "accounts_brand": Shared(READ, "the vendor's names, logos and colours: everybody sees them"),
    "accounts_brandevent": Shared("", "audit of the vendor's brands; customers change none"),
    "accounts_menurule": Shared(READ, "the vendor's menus: which entries each role sees"),
    "accounts_menuruleevent": Shared("", "audit of the vendor's menus; customers change none"),
    "accounts_securitypolicy": Tenant(EDIT, administered=WRITES),
    "accounts_securitypolicyevent": Tenant(AUDIT),
    "accounts_tier": Shared(READ, "the vendor's tiers: names, the same for everybody"),
    "accounts_user": Shared(
        EDIT, "sign-in looks people up before it knows their company; lists go through memberships"
    ),
    "accounts_personmerge": Shared("", "which entries of one person were joined, staff only"),
    "accounts_distinctpair": Shared("", "who looks alike and is two, staff only"),
    "accounts_user_groups": Shared(READ, "staff groups; customers have none"),
    "accounts_user_user_permissions": Shared(READ, "staff permissions; customers have none"),
    "accounts_installation": Shared("", "the vendor's own decisions, staff only"),
    "accounts_installationevent": Shared("", "audit of the vendor's decisions; customers change none"),
    "accounts_setuptick": Shared("", "the vendor's checklist, staff only"),
    "accounts_cover": Shared(READ, "who of the vendor's people is away, and who stands in: the account team's card"),
    "accounts_handover": Shared("", "hand-overs among the vendor's people, staff only"),
    "accounts_handoverline": Tenant(""),
    # knowledge
    "knowledge_category": Shared(READ, "the vendor's shelves"),
    "knowledge_article": Shared(READ, "the vendor's articles; who may read one is ArticleQuerySet.visible_to"),
    "knowledge_articleevent": Shared("", "audit of the vendor's articles; customers change none"),
    "knowledge_articleversion": Shared("", "editing history, staff only"),
    "knowledge_deflection": Tenant(ADD),
    "knowledge_articlevote": Tenant(EDIT),
    # cases
    # Of a company's cases, those that the person signed in sees: `cases_shows` knows the company's rules.
    "cases_case": Tenant(EDIT, only="cases_shows(account_id, opened_by_id, id)"),
    "cases_caseevent": Tenant(AUDIT),
    # Notes of the staff to each other stay theirs.
    "cases_casemessage": Tenant(ADD, only="(NOT is_internal) AND cases_shows_case(case_id)"),
    "cases_caseattachment": Tenant(ADD, only="cases_shows_message(message_id)"),
    "cases_caseparticipant": Tenant(EDIT, only="cases_shows_case(case_id)"),
    "cases_caseparticipantevent": Tenant(AUDIT),
    "cases_casevisibility": Tenant(EDIT, administered=WRITES),
    "cases_casevisibilityevent": Tenant(AUDIT),
    "cases_caserule": Tenant(EDIT, administered=WRITES),
    "cases_caseruleevent": Tenant(AUDIT),
    # commerce
    "commerce_product": Shared(READ, "the vendor's catalogue"),
    "commerce_productgrant": Shared(READ, "the vendor's catalogue"),
    "commerce_productfile": Shared(READ, "the vendor's catalogue"),
    "commerce_featuregroup": Shared(READ, "the vendor's catalogue"),
    "commerce_bundleoption": Shared(READ, "the vendor's catalogue"),
    "commerce_configurationrule": Shared(READ, "the vendor's rules about what goes together"),
    "commerce_configurationruletext": Shared(READ, "the vendor's rules in other languages"),
    "commerce_configurationruleevent": Shared("", "audit of the vendor's rules; customers change none"),
    # Prices are private. A company reads its own book, that of its tier, those that its contracts were made with, and
    # the one for everybody; what was agreed with itself and with its parents; and no costs at all.
    "commerce_pricebook": Tenant(
        READ,
        also=f"(account_id IS NULL AND {_OF_OWN_TIER} AND {_IN_OWN_CURRENCY})"
        " OR id IN (SELECT price_book_id FROM commerce_contract)",
    ),
    "commerce_price": Shared(
        READ, "of the books that a company sees", only="book_id IN (SELECT id FROM commerce_pricebook)"
    ),
    "commerce_priceevent": Shared("", "audit of the vendor's prices; customers change none"),
    "commerce_contractedprice": Tenant(READ, also="account_id IN (SELECT commerce_families())"),
    "commerce_contractedpriceevent": Tenant(""),
    "commerce_discountschedule": Shared(
        READ,
        "of the prices that a company sees",
        only=f"EXISTS (SELECT FROM commerce_price p WHERE {_SCHEDULE_OF})"
        f" OR EXISTS (SELECT FROM commerce_contractedprice p WHERE {_SCHEDULE_OF})",
    ),
    "commerce_pricerule": Tenant(READ, also=f"(account_id IS NULL AND {_OF_OWN_TIER})"),
    "commerce_priceruleevent": Tenant(""),
    "commerce_productcost": Shared("", "what things cost the vendor, and the least they are sold for"),
    "commerce_productcostevent": Shared("", "audit of the vendor's costs"),
    "commerce_taxrate": Shared(READ, "public tax rates"),
    "commerce_legalentity": Shared(READ, "the vendor as it stands on every bill"),
    "commerce_legalentityevent": Shared("", "audit of the vendor's companies; customers change none"),
    "commerce_invoiceseries": Shared("", "numbers are handed out by a function of the database"),
    "commerce_contract": Tenant(READ, changes="version"),
    "commerce_contractevent": Tenant(AUDIT),
    "commerce_subscription": Tenant(ADD),
    "commerce_subscriptionevent": Tenant(AUDIT),
    "commerce_subscriptiondelta": Tenant(ADD),
    # Customers plan changes of their contracts, and take them back; a trigger refuses the rest.
    "commerce_pendingchange": Tenant(ADD, changes="status, closed_at, closed_by_id, closing_note"),
    "commerce_pendingchangeevent": Tenant(AUDIT),
    "commerce_pendingline": Tenant(ADD),
    "commerce_contractpaper": Tenant(READ, only="withdrawn_at IS NULL"),
    "commerce_contractpaperevent": Tenant(""),  # The vendor's people add papers and take them back.
    "commerce_goal": Tenant(ADD),
    "commerce_goalversion": Tenant(ADD),
    "commerce_retentionoffer": Shared(READ, "what the vendor offers to those who want to leave"),
    "commerce_retentionofferevent": Shared("", "audit of the vendor's offers; customers change none"),
    "commerce_retentionanswer": Tenant(ADD),
    "commerce_renewal": Tenant(READ),  # What customers decide is written with the owner's rights.
    "commerce_renewalnotice": Tenant(READ),
    "commerce_renewalterms": Tenant(READ),
    "commerce_renewaltermsevent": Tenant(""),
    "commerce_deal": Tenant(EDIT),
    "commerce_activity": Tenant(READ),
    # What the staff still work on is not offered yet.
    "commerce_quote": Tenant(EDIT, only="commerce_offers(origin, presented_at)"),
    "commerce_quoteevent": Tenant(AUDIT),
    "commerce_quoteline": Tenant(ADD, only="commerce_shows_quote(quote_id)"),
    # Written as a quote is presented; drawn, and removed, with the owner's rights.
    "commerce_quotedrawing": Tenant(ADD, only="commerce_shows_quote(quote_id)"),
    # What the vendor's people say to each other stays theirs.
    "commerce_quotecomment": Tenant(ADD, only="(NOT is_internal) AND commerce_shows_quote(quote_id)"),
    # The vendor's own approvals: a quote is put before them with the owner's rights.
    "commerce_quoteapproval": Tenant(""),
    "commerce_quoteapprovalevent": Tenant(""),
    "commerce_quotepricing": Tenant(""),  # What the staff still work on.
    "commerce_approvalrule": Shared("", "what the vendor approves, staff only"),
    "commerce_approvalruleevent": Shared("", "audit of the vendor's rules; customers change none"),
    "commerce_approvalstep": Shared("", "whom the vendor asks, staff only"),
    "commerce_approvalstepevent": Shared("", "audit of the vendor's rules; customers change none"),
    "commerce_selfservicelimit": Tenant(READ, also=f"(account_id IS NULL AND {_OF_OWN_TIER})"),
    "commerce_selfservicelimitevent": Tenant(""),
    "commerce_delegation": Shared("", "who of the vendor's people decides for whom, staff only"),
    "commerce_delegationevent": Shared("", "audit of who decides for whom; customers change none"),
    "commerce_purchaselimit": Tenant(EDIT, administered=WRITES),
    "commerce_purchaselimitevent": Tenant(AUDIT),
    "commerce_purchaseapproval": Tenant(EDIT),  # A trigger keeps what was asked, and what was decided.
    "commerce_purchaseapprovalevent": Tenant(AUDIT),
    # What somebody puts together is theirs, and of the colleagues with whom they share it.
    "commerce_savedconfiguration": Tenant(EDIT, only="commerce_shows_configuration(created_by_id, id)"),
    "commerce_configurationshare": Tenant(ADD, changes="shared_at, ended_at"),
    "commerce_quoterequest": Tenant(ADD, changes="status, closed_at"),  # The vendor's people answer.
    "commerce_quoterequestevent": Tenant(AUDIT),
    "commerce_order": Tenant(EDIT),
    "commerce_orderstep": Tenant(ADD),
    "commerce_productstep": Shared(READ, "how long the vendor needs to set products up"),
    "commerce_provisioningstep": Tenant(READ),  # Moved on with the owner's rights.
    "commerce_provisioningstepevent": Tenant(""),
    "commerce_licencekey": Tenant(READ),  # Sealed.
    "commerce_invoice": Tenant(ADD, changes="status, pdf_id"),  # A trigger refuses "paid".
    "commerce_invoiceline": Tenant(ADD),
    "commerce_balanceentry": Tenant(READ),  # Credit is given, used and paid back with the owner's rights.
    "commerce_refundattempt": Tenant(READ),
    "commerce_invoicereminder": Tenant(READ),
    "commerce_billingperiod": Tenant(READ),  # What was billed is noted with the owner's rights.
    "commerce_billedentry": Tenant(READ),
    "commerce_usagecharge": Tenant(READ),
    "commerce_bookscheck": Shared("", "whether the vendor's books add up, staff only"),
    "commerce_periodclose": Shared(READ, "up to when the vendor's books are closed"),
    "commerce_stripecustomer": Tenant(READ),
    # Cards are stored, and what is charged to them decided, with the owner's rights: Stripe is asked first.
    "commerce_storedcard": Tenant(READ),
    "commerce_autopay": Tenant(READ),
    "commerce_collection": Tenant(READ),
    "commerce_dunningpolicy": Shared(READ, "the vendor's terms for who pays late"),
    "commerce_dunningpolicyevent": Shared("", "audit of the vendor's terms; customers change none"),
    "commerce_daytotal": Shared("", "what finance holds against Stripe, staff only"),
    "commerce_bankstatement": Shared("", "the vendor's bank statements, staff only"),
    "commerce_banktransfer": Tenant(READ),
    "commerce_dunning": Tenant(READ),
    "commerce_dunningstep": Tenant(""),  # With what the vendor's people say to each other.
    "commerce_paymentattempt": Tenant(ADD),
    "commerce_webhookevent": Shared("", "deliveries of Stripe, stored before anybody knows whose they are"),
    "commerce_eventcursor": Shared("", "how far the events of Stripe have been fetched"),
    # recommendations
    "recommendations_offer": Shared(READ, "the vendor's rules"),
    "recommendations_contentblock": Shared(READ, "the vendor's content"),
    # crm
    "crm_link": Shared("", "the sync's own book-keeping"),
    "crm_outboxrow": Shared("", "written by definer-rights triggers alone"),
    "crm_syncattempt": Shared("", "the sync's own book-keeping"),
    "crm_cursor": Shared("", "the sync's own book-keeping"),
    "crm_conflict": Shared("", "the sync's own book-keeping"),
    "crm_pause": Shared("", "the sync's own book-keeping"),
    # Django's and libraries' tables: no account. Customers' code never reads django_admin_log.
    "django_session": Shared("SELECT, INSERT, UPDATE, DELETE", "sessions are opened before a company is known"),
    "django_content_type": Shared(READ, "Django's table of models"),
    "auth_group": Shared(READ, "staff groups"),
    "auth_group_permissions": Shared(READ, "staff groups"),
    "auth_permission": Shared(READ, "staff permissions"),
    "account_emailaddress": Shared("SELECT, INSERT, UPDATE, DELETE", "sign-in by e-mail, before a company is known"),
    "account_emailconfirmation": Shared("SELECT, INSERT, UPDATE, DELETE", "e-mail verification"),
    "usersessions_usersession": Shared(
        "SELECT, INSERT, UPDATE, DELETE", "where people are signed in, of all companies"
    ),
    "mfa_authenticator": Shared("SELECT, INSERT, UPDATE, DELETE", "second factors of sign-in"),
}

# Functions with the owner's rights that a customer's request may call, instead of a table it may not touch.
FUNCTIONS = (
    "commerce_next_invoice_number(text, text)",
    "commerce_first_open_day()",
    "commerce_line_of(bigint)",
    "commerce_families()",
    "commerce_shows_configuration(bigint, bigint)",
    "cases_shows(bigint, bigint, bigint)",
    "cases_shows_case(bigint)",
    "cases_shows_message(bigint)",
)

# URL names (namespace:name) that run as the owner role although nobody on the staff is signed in.
_DIRECTORY = "a directory comes with a token, and the view opens the scope of the company that the token belongs to"
SYSTEM_ENDPOINTS: dict[str, str] = {
    "accounts:stop-viewing": "takes a member of staff back from a person's place to their own",
    "scim:config": "says what the directory interface offers; reads no rows",
    "scim:resource-types": "says what the directory interface offers; reads no rows",
    "scim:resource-type": "says what the directory interface offers; reads no rows",
    "scim:schemas": "says what the directory interface offers; reads no rows",
    "scim:schema": "says what the directory interface offers; reads no rows",
    "scim:users": _DIRECTORY,
    "scim:search-users": _DIRECTORY,
    "scim:user": _DIRECTORY,
    "scim:groups": _DIRECTORY,
    "scim:search-groups": _DIRECTORY,
    "scim:group": _DIRECTORY,
    "scim:search": _DIRECTORY,
    "scim:me": _DIRECTORY,
    "scim:unknown": _DIRECTORY,
    "livez": "answers while the process can serve; touches no rows",
    "accounts:sso-begin": "leads to a company's identity provider before anybody is signed in",
    "accounts:sso-callback": "an identity provider's answer, which speaks for its company once it has been checked",
    "accounts:sso-acs": "an identity provider's answer is put aside, unread",
    "accounts:sso-finish": "an identity provider's answer, which speaks for its company once it has been checked",
    "accounts:sso-metadata": "our own addresses, for a company's identity provider",
    "healthz": "asks each part whether it works; reads no customer's rows",
    "accounts:inbound-mail": "a mail server hands over a message; whose it is comes out when it is read",
    "accounts:mail-service": "a mail service speaks for no account; it reports bounces and hands over messages",
    "accounts:unsubscribe": "the signed link names the person and the company; nobody has to be signed in (RFC 8058)",
    "api:list_steps": "the vendor's systems come with a token, and set up what companies bought",
    "api:report_step": "the vendor's systems come with a token, and set up what companies bought",
    "commerce:stripe-webhook": "Stripe speaks for no account until its event has been verified and matched",
}

_POLICY = "coalesce(nullif(current_setting('portal.accounts', true), ''), '{}')::bigint[]"
_OWN = "nullif(current_setting('portal.user', true), '')::bigint"

# Arguments of the trigger: the account's column, and that of the person who may, too. Of an update both the row as it
# was and as it will be count. Jobs and staff run as the owner.
_GUARD = f"""
CREATE OR REPLACE FUNCTION accounts_guard_administered() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
  found jsonb;
BEGIN
  IF current_user <> '{CUSTOMER_ROLE}' THEN
    RETURN NEW;
  END IF;
  FOREACH found IN ARRAY
    CASE TG_OP WHEN 'INSERT' THEN ARRAY[to_jsonb(NEW)] ELSE ARRAY[to_jsonb(OLD), to_jsonb(NEW)] END
  LOOP
    IF (found ->> TG_ARGV[1] = current_setting('portal.user', true)) IS NOT TRUE
       AND NOT accounts_administers((found ->> TG_ARGV[0])::bigint) THEN
      RAISE EXCEPTION 'only an administrator of the company changes %', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
    END IF;
  END LOOP;
  RETURN NEW;
END $$;
"""


def _role_sql() -> str:
    # Servers are shared by parallel test runs: another session may create the role in between.
    return f"""
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{CUSTOMER_ROLE}') THEN
    BEGIN CREATE ROLE {CUSTOMER_ROLE} NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;
  END IF;
  IF NOT pg_has_role(current_user, '{CUSTOMER_ROLE}', 'SET') THEN
    EXECUTE format('GRANT {CUSTOMER_ROLE} TO %I WITH INHERIT FALSE, SET TRUE', current_user);
  END IF;
END $$;
GRANT USAGE ON SCHEMA public TO {CUSTOMER_ROLE};
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {CUSTOMER_ROLE};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {CUSTOMER_ROLE};
"""


def _condition(rule: Tenant | Personal | Shared) -> str:
    """Which rows a request sees and writes; empty for all."""
    if isinstance(rule, Shared):
        return rule.only
    if isinstance(rule, Personal):
        return f"{rule.user_column} = {_OWN}"
    condition = f"{rule.column} = ANY ({_POLICY})"
    if rule.user_column:
        condition += f" OR {rule.user_column} = {_OWN}"
    if rule.also:
        condition += f" OR {rule.also}"
    return f"({condition}) AND ({rule.only})" if rule.only else condition


def _table_sql(name: str, rule: Tenant | Personal | Shared) -> str:
    statements = []
    if condition := _condition(rule):
        rows = f"USING ({condition}) WITH CHECK ({condition})"
        statements += [
            f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
            f"DROP POLICY IF EXISTS accounts_of_the_request ON {name}",
            f"CREATE POLICY accounts_of_the_request ON {name} TO {CUSTOMER_ROLE} {rows}",
        ]
    if rule.grants:
        statements.append(f"GRANT {rule.grants} ON {name} TO {CUSTOMER_ROLE}")
    if isinstance(rule, Tenant):
        statements.append(f"DROP TRIGGER IF EXISTS administered ON {name}")
    if isinstance(rule, Tenant) and rule.administered:
        guard = f"accounts_guard_administered('{rule.column}', '{rule.own}')"
        statements.append(
            f"CREATE TRIGGER administered BEFORE {rule.administered} ON {name} FOR EACH ROW EXECUTE FUNCTION {guard}"
        )
    if isinstance(rule, Tenant) and rule.changes:
        statements.append(f"GRANT UPDATE ({rule.changes}) ON {name} TO {CUSTOMER_ROLE}")
    return ";\n".join(statements) + ";\n" if statements else ""


def _function_sql(signature: str) -> str:
    return f"""
REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {signature} TO {CUSTOMER_ROLE};
"""


def apply(using: str = "default") -> None:
    """Put the policies, grants and guards of `TABLES` and `FUNCTIONS` onto those that exist.

    Raises `django.db.utils.ProgrammingError` when the connection's role may not create `portal_customer`.
    """
    connection = connections[using]
    with connection.cursor() as cursor:
        existing = set(connection.introspection.table_names(cursor))
        cursor.execute(
            _role_sql() + _GUARD + "".join(_table_sql(name, rule) for name, rule in TABLES.items() if name in existing)
        )
        for signature in FUNCTIONS:
            cursor.execute("SELECT to_regprocedure(%s)", [signature])
            if cursor.fetchone()[0]:
                cursor.execute(_function_sql(signature))


def after_migrate(sender: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Runs once per migrate, after the last app: new tables get their policy, recreated functions their rights."""
    if sender != [config for config in apps.get_app_configs() if config.models_module][-1]:
        return
    apply(using)
    sync_groups(using=using)
    from accounts.law.retention import sync_rules  # Its tables are there only now.

    sync_rules(using=using)
