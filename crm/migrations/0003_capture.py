"""Capture of changes: every insert or update of a synced record adds a row to the outbox, in the same transaction.

Triggers see what code can't promise to: bulk updates, the admin, SQL written by hand. They run with the rights of the
tables' owner, so a customer's request is captured although it may not touch the outbox. A transaction that brings a
change from the CRM, or loads demo or migrated data, says so in `portal.origin` and is left alone.
"""

from django.db import migrations

# Only columns that the CRM sees (crm/mapping.py): a visit or a cached date is no news over there.
ACCOUNT = [
    "name", "tier_id", "industry", "lifecycle_stage", "phone", "website", "billing_street", "billing_postal_code",
    "billing_city", "billing_country", "is_active", "first_login_at",
]  # fmt: skip
MEMBERSHIP = ["account_id", "user_id", "roles", "department", "is_active"]
USER = ["email", "name", "phone", "job_title", "is_active"]
CASE = ["account_id", "opened_by_id", "subject", "topic", "priority", "status"]
DEAL = ["account_id", "name", "type", "stage", "source", "amount_minor", "currency", "close_date"]
ORDER = ["account_id", "deal_id", "status", "placed_at", "currency", "total_minor", "po_number"]

FUNCTIONS = """
CREATE FUNCTION crm_capture() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF coalesce(current_setting('portal.origin', true), '') NOT IN ('crm', 'seed') THEN
    INSERT INTO public.crm_outboxrow (object, external_id, state, attempts, next_at, last_code, last_message, created_at)
    VALUES (TG_ARGV[0], NEW.public_id, 'pending', 0, clock_timestamp(), '', '', clock_timestamp());
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION crm_capture_person() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF coalesce(current_setting('portal.origin', true), '') NOT IN ('crm', 'seed') THEN
    INSERT INTO public.crm_outboxrow (object, external_id, state, attempts, next_at, last_code, last_message, created_at)
    SELECT 'Contact', public_id, 'pending', 0, clock_timestamp(), '', '', clock_timestamp()
    FROM public.accounts_membership WHERE user_id = NEW.id;
  END IF;
  RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION crm_capture(), crm_capture_person() FROM PUBLIC;
"""


def _on_insert(table: str, crm_object: str, when: str = "") -> str:
    condition = f"WHEN ({when}) " if when else ""
    return (
        f"CREATE TRIGGER crm_capture_insert AFTER INSERT ON {table} FOR EACH ROW {condition}"
        f"EXECUTE FUNCTION crm_capture('{crm_object}');\n"
    )


def _on_update(table: str, columns: list[str], call: str) -> str:
    moved = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
    return (
        f"CREATE TRIGGER crm_capture_update AFTER UPDATE ON {table} FOR EACH ROW WHEN ({moved}) "
        f"EXECUTE FUNCTION {call};\n"
    )


TRIGGERS = "".join(
    [
        _on_insert("accounts_account", "Account"),
        _on_update("accounts_account", ACCOUNT, "crm_capture('Account')"),
        _on_insert("accounts_membership", "Contact"),
        _on_update("accounts_membership", MEMBERSHIP, "crm_capture('Contact')"),
        _on_update("accounts_user", USER, "crm_capture_person()"),
        _on_insert("cases_case", "Case"),
        _on_update("cases_case", CASE, "crm_capture('Case')"),
        # Messages are never edited, and notes between staff stay here.
        _on_insert("cases_casemessage", "Portal_Case_Message__c", "NOT NEW.is_internal"),
        _on_insert("commerce_deal", "Opportunity"),
        _on_update("commerce_deal", DEAL, "crm_capture('Opportunity')"),
        _on_insert("commerce_order", "Order"),
        _on_update("commerce_order", ORDER, "crm_capture('Order')"),
    ]
)


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0002_attempts_pauses_conflicts"),
        ("accounts", "0001_initial"),
        ("cases", "0001_initial"),
        ("commerce", "0001_initial"),
    ]

    operations = [
        # CASCADE takes the triggers along.
        migrations.RunSQL(FUNCTIONS + TRIGGERS, "DROP FUNCTION IF EXISTS crm_capture(), crm_capture_person() CASCADE;")
    ]
