"""Who looks after a company is news for the CRM: a hand-over is captured like every other change of an account."""

from django.db import migrations

BEFORE = [
    "name", "tier_id", "industry", "lifecycle_stage", "phone", "website", "billing_street", "billing_postal_code",
    "billing_city", "billing_country", "is_active", "first_login_at",
]  # fmt: skip
NOW = [*BEFORE, "owner_id", "sales_contact_id"]


def _trigger(columns: list[str]) -> str:
    moved = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
    return (
        "CREATE OR REPLACE TRIGGER crm_capture_update AFTER UPDATE ON accounts_account FOR EACH ROW "
        f"WHEN ({moved}) EXECUTE FUNCTION crm_capture('Account');"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0004_names"),
        ("accounts", "0001_initial"),
    ]

    operations = [migrations.RunSQL(_trigger(NOW), _trigger(BEFORE))]
