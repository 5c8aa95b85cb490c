"""Changes that customers make of their contracts; and from when what they own is billed."""

import django.db.models.deletion
import django.utils.timezone
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


# Until now everything was billed from the day it was owned. The ledger is appended to: this once the guard looks away.
BACKFILL = """
ALTER TABLE commerce_subscriptiondelta DISABLE TRIGGER append_only;
UPDATE commerce_subscriptiondelta SET billing_date = effective_date;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE commerce_subscriptiondelta ENABLE TRIGGER append_only;
"""

# A planned change is done, taken back or has failed, and that is that; what was decided stands. Customers plan and take
# back; doing it is ours. People may be joined (accounts_is_merge).
GUARDS = """
CREATE FUNCTION commerce_guard_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
  closing CONSTANT text[] := ARRAY['status', 'closed_at', 'closed_by_id', 'closing_note'];
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'change % is kept', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'open' THEN
      RAISE EXCEPTION 'a change begins as a plan' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.status <> 'open' OR NEW.status = 'open' THEN
    RAISE EXCEPTION 'change % cannot go from % to %', OLD.public_id, OLD.status, NEW.status
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF current_user = 'portal_customer' AND NEW.status <> 'cancelled' THEN
    RAISE EXCEPTION 'a customer only takes change % back', OLD.public_id USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF to_jsonb(OLD) - closing IS DISTINCT FROM to_jsonb(NEW) - closing THEN
    RAISE EXCEPTION 'what change % says stands', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_rest BEFORE INSERT OR DELETE ON commerce_pendingchange
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_change();
CREATE TRIGGER guard BEFORE UPDATE ON commerce_pendingchange FOR EACH ROW
  WHEN (NOT accounts_is_merge(to_jsonb(OLD), to_jsonb(NEW), 'requested_by_id', 'closed_by_id'))
  EXECUTE FUNCTION commerce_guard_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commerce_pendingline
  FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
CREATE TRIGGER kept BEFORE DELETE ON commerce_retentionanswer FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
CREATE TRIGGER append_only BEFORE UPDATE ON commerce_retentionanswer FOR EACH ROW
  WHEN (NOT accounts_is_merge(to_jsonb(OLD), to_jsonb(NEW), 'answered_by_id'))
  EXECUTE FUNCTION commerce_append_only();
"""
DROP_GUARDS = """
DROP TRIGGER append_only ON commerce_retentionanswer;
DROP TRIGGER kept ON commerce_retentionanswer;
DROP TRIGGER append_only ON commerce_pendingline;
DROP TRIGGER guard ON commerce_pendingchange;
DROP TRIGGER guard_rest ON commerce_pendingchange;
DROP FUNCTION commerce_guard_change();
"""

# What we say to those who want to leave, until somebody writes better offers.
OFFERS = [
    ("too_expensive", "discount", "10 % off your next term", "Stay for another term, and we take 10 % off each line of it.", "10"),
    ("not_used", "pause", "Pause instead", "Keep your data and your prices, and come back when you need us again.", None),
    ("own_business", "pause", "Pause instead", "Keep your data and your prices until your business has settled.", None),
    ("missing", "talk", "Tell us what is missing", "The people who build it call you within two working days.", None),
    ("other_product", "talk", "Compare with us", "We go through both with you, with your own figures.", None),
    ("service", "talk", "Let us put it right", "The head of customer success calls you within one working day.", None),
]  # fmt: skip


def make_offers(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    offers = apps.get_model("commerce", "RetentionOffer")
    offers.objects.bulk_create(
        offers(reason=reason, kind=kind, headline=headline, text=text, discount_percent=percent)
        for reason, kind, headline, text, percent in OFFERS
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0025_sign_in_and_invitations"),
        ("commerce", "0022_preview_catalogue"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PendingChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("contract_version", models.PositiveIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("reduction", "Less than before"),
                            ("pause", "Pause"),
                            ("resume", "End of the pause"),
                            ("end", "Cancellation"),
                            ("reactivation", "Reactivation"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Planned"),
                            ("applied", "Done"),
                            ("cancelled", "Taken back"),
                            ("failed", "Could not be done"),
                        ],
                        default="open",
                        max_length=9,
                    ),
                ),
                (
                    "effective_policy",
                    models.CharField(
                        choices=[
                            ("immediate", "At once"),
                            ("next_period", "With the next month that is billed"),
                            ("end_of_term", "At the end of the term"),
                            ("date", "On a date"),
                        ],
                        max_length=11,
                    ),
                ),
                ("effective_date", models.DateField()),
                (
                    "billing_policy",
                    models.CharField(
                        choices=[
                            ("immediate", "At once"),
                            ("next_period", "With the next month that is billed"),
                            ("end_of_term", "At the end of the term"),
                            ("date", "On a date"),
                        ],
                        max_length=11,
                    ),
                ),
                ("billing_date", models.DateField()),
                ("until_date", models.DateField(blank=True, null=True)),
                ("currency", models.CharField(max_length=3)),
                ("monthly_before_minor", models.BigIntegerField()),
                ("monthly_after_minor", models.BigIntegerField()),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("too_expensive", "It costs too much"),
                            ("not_used", "We don't use it enough"),
                            ("missing", "Something that we need is missing"),
                            ("other_product", "We use another product"),
                            ("service", "We are not happy with the service"),
                            ("own_business", "Our own business has changed"),
                            ("other", "Another reason"),
                        ],
                        max_length=13,
                    ),
                ),
                ("words", models.TextField(blank=True, max_length=1000)),
                ("renewed_before", models.BooleanField(default=False)),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closing_note", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "permissions": [("amend_contracts", "Can change, end and reactivate contracts for customers")],
            },
        ),
        migrations.CreateModel(
            name="PendingChangeEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("pgh_context_id", models.UUIDField(null=True)),
                ("id", models.BigIntegerField()),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("contract_version", models.PositiveIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("reduction", "Less than before"),
                            ("pause", "Pause"),
                            ("resume", "End of the pause"),
                            ("end", "Cancellation"),
                            ("reactivation", "Reactivation"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Planned"),
                            ("applied", "Done"),
                            ("cancelled", "Taken back"),
                            ("failed", "Could not be done"),
                        ],
                        default="open",
                        max_length=9,
                    ),
                ),
                (
                    "effective_policy",
                    models.CharField(
                        choices=[
                            ("immediate", "At once"),
                            ("next_period", "With the next month that is billed"),
                            ("end_of_term", "At the end of the term"),
                            ("date", "On a date"),
                        ],
                        max_length=11,
                    ),
                ),
                ("effective_date", models.DateField()),
                (
                    "billing_policy",
                    models.CharField(
                        choices=[
                            ("immediate", "At once"),
                            ("next_period", "With the next month that is billed"),
                            ("end_of_term", "At the end of the term"),
                            ("date", "On a date"),
                        ],
                        max_length=11,
                    ),
                ),
                ("billing_date", models.DateField()),
                ("until_date", models.DateField(blank=True, null=True)),
                ("currency", models.CharField(max_length=3)),
                ("monthly_before_minor", models.BigIntegerField()),
                ("monthly_after_minor", models.BigIntegerField()),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("too_expensive", "It costs too much"),
                            ("not_used", "We don't use it enough"),
                            ("missing", "Something that we need is missing"),
                            ("other_product", "We use another product"),
                            ("service", "We are not happy with the service"),
                            ("own_business", "Our own business has changed"),
                            ("other", "Another reason"),
                        ],
                        max_length=13,
                    ),
                ),
                ("words", models.TextField(blank=True, max_length=1000)),
                ("renewed_before", models.BooleanField(default=False)),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closing_note", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="PendingLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("new", "New"),
                            ("quantity", "Quantity changed"),
                            ("swap_in", "Changed to"),
                            ("swap_out", "Changed from"),
                            ("cancel", "Cancelled"),
                            ("renewal", "Renewed"),
                            ("pause", "Paused"),
                            ("resume", "Resumed"),
                            ("reactivation", "Reactivated"),
                        ],
                        max_length=12,
                    ),
                ),
                ("quantity", models.DecimalField(decimal_places=4, max_digits=20)),
                ("unit_price", models.DecimalField(decimal_places=12, max_digits=20)),
                ("recurring_minor", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="RetentionAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("too_expensive", "It costs too much"),
                            ("not_used", "We don't use it enough"),
                            ("missing", "Something that we need is missing"),
                            ("other_product", "We use another product"),
                            ("service", "We are not happy with the service"),
                            ("own_business", "Our own business has changed"),
                            ("other", "Another reason"),
                        ],
                        max_length=13,
                    ),
                ),
                ("headline", models.CharField(max_length=100)),
                ("discount_percent", models.DecimalField(decimal_places=2, max_digits=5, null=True)),
                ("is_taken", models.BooleanField()),
                ("words", models.TextField(blank=True, max_length=1000)),
                ("answered_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name="RetentionOffer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("too_expensive", "It costs too much"),
                            ("not_used", "We don't use it enough"),
                            ("missing", "Something that we need is missing"),
                            ("other_product", "We use another product"),
                            ("service", "We are not happy with the service"),
                            ("own_business", "Our own business has changed"),
                            ("other", "Another reason"),
                        ],
                        max_length=13,
                        verbose_name="reason",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("pause", "A pause"),
                            ("discount", "A discount from the next term on"),
                            ("talk", "A talk with us"),
                        ],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("headline", models.CharField(max_length=100, verbose_name="headline")),
                ("text", models.TextField(max_length=600, verbose_name="text")),
                (
                    "discount_percent",
                    models.DecimalField(blank=True, decimal_places=2, max_digits=5, null=True, verbose_name="discount"),
                ),
                ("rank", models.PositiveSmallIntegerField(default=1, verbose_name="rank")),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
            ],
            options={
                "ordering": ["reason", "rank"],
            },
        ),
        migrations.CreateModel(
            name="RetentionOfferEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("pgh_context_id", models.UUIDField(null=True)),
                ("id", models.BigIntegerField()),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("too_expensive", "It costs too much"),
                            ("not_used", "We don't use it enough"),
                            ("missing", "Something that we need is missing"),
                            ("other_product", "We use another product"),
                            ("service", "We are not happy with the service"),
                            ("own_business", "Our own business has changed"),
                            ("other", "Another reason"),
                        ],
                        max_length=13,
                        verbose_name="reason",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("pause", "A pause"),
                            ("discount", "A discount from the next term on"),
                            ("talk", "A talk with us"),
                        ],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("headline", models.CharField(max_length=100, verbose_name="headline")),
                ("text", models.TextField(max_length=600, verbose_name="text")),
                (
                    "discount_percent",
                    models.DecimalField(blank=True, decimal_places=2, max_digits=5, null=True, verbose_name="discount"),
                ),
                ("rank", models.PositiveSmallIntegerField(default=1, verbose_name="rank")),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
            ],
            options={
                "abstract": False,
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="contract",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="contract",
            name="update_update",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="quote",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="quote",
            name="update_update",
        ),
        migrations.AddField(
            model_name="contract",
            name="longest_pause_days",
            field=models.PositiveSmallIntegerField(default=90),
        ),
        migrations.AddField(
            model_name="contract",
            name="most_pauses",
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="contractevent",
            name="longest_pause_days",
            field=models.PositiveSmallIntegerField(default=90),
        ),
        migrations.AddField(
            model_name="contractevent",
            name="most_pauses",
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="quote",
            name="takes_effect_date",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="quoteevent",
            name="takes_effect_date",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="subscriptiondelta",
            name="billing_date",
            field=models.DateField(null=True),
        ),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="subscriptiondelta",
            name="billing_date",
            field=models.DateField(),
        ),
        migrations.AlterField(
            model_name="quoteline",
            name="change",
            field=models.CharField(
                choices=[
                    ("new", "New"),
                    ("quantity", "Quantity changed"),
                    ("swap_in", "Changed to"),
                    ("swap_out", "Changed from"),
                    ("cancel", "Cancelled"),
                    ("renewal", "Renewed"),
                    ("pause", "Paused"),
                    ("resume", "Resumed"),
                    ("reactivation", "Reactivated"),
                ],
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="subscriptiondelta",
            name="kind",
            field=models.CharField(
                choices=[
                    ("new", "New"),
                    ("quantity", "Quantity changed"),
                    ("swap_in", "Changed to"),
                    ("swap_out", "Changed from"),
                    ("cancel", "Cancelled"),
                    ("renewal", "Renewed"),
                    ("pause", "Paused"),
                    ("resume", "Resumed"),
                    ("reactivation", "Reactivated"),
                ],
                max_length=12,
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contract",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "commerce_contractevent" ("account_id", "auto_renew", "created_at", "currency", "end_date", "id", "longest_pause_days", "most_pauses", "notice_days", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "price_book_id", "public_id", "risk_score", "serial", "signed_date", "start_date", "status", "term_months", "version") VALUES (NEW."account_id", NEW."auto_renew", NEW."created_at", NEW."currency", NEW."end_date", NEW."id", NEW."longest_pause_days", NEW."most_pauses", NEW."notice_days", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."price_book_id", NEW."public_id", NEW."risk_score", NEW."serial", NEW."signed_date", NEW."start_date", NEW."status", NEW."term_months", NEW."version"); RETURN NULL;',
                    hash="dedf5d67a715f120164b813e173923ff3b8b946f",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_90bce",
                    table="commerce_contract",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contract",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "commerce_contractevent" ("account_id", "auto_renew", "created_at", "currency", "end_date", "id", "longest_pause_days", "most_pauses", "notice_days", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "price_book_id", "public_id", "risk_score", "serial", "signed_date", "start_date", "status", "term_months", "version") VALUES (NEW."account_id", NEW."auto_renew", NEW."created_at", NEW."currency", NEW."end_date", NEW."id", NEW."longest_pause_days", NEW."most_pauses", NEW."notice_days", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."price_book_id", NEW."public_id", NEW."risk_score", NEW."serial", NEW."signed_date", NEW."start_date", NEW."status", NEW."term_months", NEW."version"); RETURN NULL;',
                    hash="952d1aeb307cf9a7241b3c85cf63a4edc5f3fec2",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_95f2d",
                    table="commerce_contract",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="quote",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "commerce_quoteevent" ("accepted_at", "accepted_by_id", "accepted_hash", "accepted_ip", "accepted_name", "accepted_role", "account_id", "approved_at", "closed_at", "closed_by_id", "closing_note", "configuration", "contract_id", "contract_version", "created_at", "created_by_id", "currency", "deal_id", "document_hash", "document_id", "expires_at", "form_key", "id", "manual_prices", "origin", "payment_days", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "po_number", "presented_at", "price_date", "price_hash", "public_id", "recurring_after_minor", "recurring_before_minor", "serial", "special_terms", "status", "submitted_at", "submitted_by_id", "subtotal_minor", "takes_effect_date", "tax_minor", "title", "total_minor", "valid_until", "version", "viewed_at") VALUES (NEW."accepted_at", NEW."accepted_by_id", NEW."accepted_hash", NEW."accepted_ip", NEW."accepted_name", NEW."accepted_role", NEW."account_id", NEW."approved_at", NEW."closed_at", NEW."closed_by_id", NEW."closing_note", NEW."configuration", NEW."contract_id", NEW."contract_version", NEW."created_at", NEW."created_by_id", NEW."currency", NEW."deal_id", NEW."document_hash", NEW."document_id", NEW."expires_at", NEW."form_key", NEW."id", NEW."manual_prices", NEW."origin", NEW."payment_days", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."po_number", NEW."presented_at", NEW."price_date", NEW."price_hash", NEW."public_id", NEW."recurring_after_minor", NEW."recurring_before_minor", NEW."serial", NEW."special_terms", NEW."status", NEW."submitted_at", NEW."submitted_by_id", NEW."subtotal_minor", NEW."takes_effect_date", NEW."tax_minor", NEW."title", NEW."total_minor", NEW."valid_until", NEW."version", NEW."viewed_at"); RETURN NULL;',
                    hash="8ba774e95142702c4df3e07ca44b73feaa945753",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_749ed",
                    table="commerce_quote",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="quote",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "commerce_quoteevent" ("accepted_at", "accepted_by_id", "accepted_hash", "accepted_ip", "accepted_name", "accepted_role", "account_id", "approved_at", "closed_at", "closed_by_id", "closing_note", "configuration", "contract_id", "contract_version", "created_at", "created_by_id", "currency", "deal_id", "document_hash", "document_id", "expires_at", "form_key", "id", "manual_prices", "origin", "payment_days", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "po_number", "presented_at", "price_date", "price_hash", "public_id", "recurring_after_minor", "recurring_before_minor", "serial", "special_terms", "status", "submitted_at", "submitted_by_id", "subtotal_minor", "takes_effect_date", "tax_minor", "title", "total_minor", "valid_until", "version", "viewed_at") VALUES (NEW."accepted_at", NEW."accepted_by_id", NEW."accepted_hash", NEW."accepted_ip", NEW."accepted_name", NEW."accepted_role", NEW."account_id", NEW."approved_at", NEW."closed_at", NEW."closed_by_id", NEW."closing_note", NEW."configuration", NEW."contract_id", NEW."contract_version", NEW."created_at", NEW."created_by_id", NEW."currency", NEW."deal_id", NEW."document_hash", NEW."document_id", NEW."expires_at", NEW."form_key", NEW."id", NEW."manual_prices", NEW."origin", NEW."payment_days", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."po_number", NEW."presented_at", NEW."price_date", NEW."price_hash", NEW."public_id", NEW."recurring_after_minor", NEW."recurring_before_minor", NEW."serial", NEW."special_terms", NEW."status", NEW."submitted_at", NEW."submitted_by_id", NEW."subtotal_minor", NEW."takes_effect_date", NEW."tax_minor", NEW."title", NEW."total_minor", NEW."valid_until", NEW."version", NEW."viewed_at"); RETURN NULL;',
                    hash="d0f4fbddb0d364df9d38d1a84ac5791126b403b5",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_bcc1f",
                    table="commerce_quote",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="pendingchange",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="pending_changes", to="accounts.account"
            ),
        ),
        migrations.AddField(
            model_name="pendingchange",
            name="closed_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="pendingchange",
            name="contract",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="commerce.contract"
            ),
        ),
        migrations.AddField(
            model_name="pendingchange",
            name="quote",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="pending_change",
                to="commerce.quote",
            ),
        ),
        migrations.AddField(
            model_name="pendingchange",
            name="requested_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="subscriptiondelta",
            name="change",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deltas",
                to="commerce.pendingchange",
            ),
        ),
        migrations.AddField(
            model_name="pendingchangeevent",
            name="account",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.account",
            ),
        ),
        migrations.AddField(
            model_name="pendingchangeevent",
            name="closed_by",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="pendingchangeevent",
            name="contract",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="commerce.contract",
            ),
        ),
        migrations.AddField(
            model_name="pendingchangeevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="commerce.pendingchange",
            ),
        ),
        migrations.AddField(
            model_name="pendingchangeevent",
            name="quote",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="commerce.quote",
            ),
        ),
        migrations.AddField(
            model_name="pendingchangeevent",
            name="requested_by",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="pendingline",
            name="account",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="accounts.account"),
        ),
        migrations.AddField(
            model_name="pendingline",
            name="change",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="commerce.pendingchange"
            ),
        ),
        migrations.AddField(
            model_name="pendingline",
            name="product",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="commerce.product"),
        ),
        migrations.AddField(
            model_name="retentionanswer",
            name="account",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="accounts.account"),
        ),
        migrations.AddField(
            model_name="retentionanswer",
            name="answered_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="retentionanswer",
            name="contract",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="retention_answers", to="commerce.contract"
            ),
        ),
        migrations.AddConstraint(
            model_name="retentionoffer",
            constraint=models.UniqueConstraint(fields=("reason", "rank"), name="retention_offer_rank"),
        ),
        migrations.AddConstraint(
            model_name="retentionoffer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("discount_percent__gt", 0), ("discount_percent__lte", 100), ("kind", "discount")),
                    models.Q(models.Q(("kind", "discount"), _negated=True), ("discount_percent__isnull", True)),
                    _connector="OR",
                ),
                name="retention_offer_discount",
                violation_error_message="A discount needs its percentage, and nothing else has one.",
            ),
        ),
        migrations.AddField(
            model_name="retentionanswer",
            name="offer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="answers", to="commerce.retentionoffer"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="retentionoffer",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "commerce_retentionofferevent" ("discount_percent", "headline", "id", "is_active", "kind", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "rank", "reason", "text") VALUES (NEW."discount_percent", NEW."headline", NEW."id", NEW."is_active", NEW."kind", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."rank", NEW."reason", NEW."text"); RETURN NULL;',
                    hash="f0f3bb14ef7cd4be1671a5cc0db51d072b76d6b1",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_9ee81",
                    table="commerce_retentionoffer",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="retentionoffer",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "commerce_retentionofferevent" ("discount_percent", "headline", "id", "is_active", "kind", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "rank", "reason", "text") VALUES (NEW."discount_percent", NEW."headline", NEW."id", NEW."is_active", NEW."kind", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."rank", NEW."reason", NEW."text"); RETURN NULL;',
                    hash="9c1baca6088890215bf1d45237534e81e788b87f",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_619a0",
                    table="commerce_retentionoffer",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="retentionofferevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="commerce.retentionoffer",
            ),
        ),
        migrations.AddIndex(
            model_name="pendingchange",
            index=models.Index(fields=["account", "contract", "-requested_at"], name="change_of_contract"),
        ),
        migrations.AddIndex(
            model_name="pendingchange",
            index=models.Index(condition=models.Q(("status", "open")), fields=["effective_date"], name="change_due"),
        ),
        migrations.AddConstraint(
            model_name="pendingchange",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "open")), fields=("account", "contract"), name="change_one_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="pendingchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("until_date__isnull", True), ("until_date__gt", models.F("effective_date")), _connector="OR"
                ),
                name="change_pause",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="pendingchange",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "commerce_pendingchangeevent" ("account_id", "billing_date", "billing_policy", "closed_at", "closed_by_id", "closing_note", "contract_id", "contract_version", "currency", "effective_date", "effective_policy", "id", "kind", "monthly_after_minor", "monthly_before_minor", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "quote_id", "reason", "renewed_before", "requested_at", "requested_by_id", "status", "until_date", "words") VALUES (NEW."account_id", NEW."billing_date", NEW."billing_policy", NEW."closed_at", NEW."closed_by_id", NEW."closing_note", NEW."contract_id", NEW."contract_version", NEW."currency", NEW."effective_date", NEW."effective_policy", NEW."id", NEW."kind", NEW."monthly_after_minor", NEW."monthly_before_minor", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."public_id", NEW."quote_id", NEW."reason", NEW."renewed_before", NEW."requested_at", NEW."requested_by_id", NEW."status", NEW."until_date", NEW."words"); RETURN NULL;',
                    hash="b8d4e289f0909d01ceab8f345a2646bcebd34fbe",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_0848b",
                    table="commerce_pendingchange",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="pendingchange",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "commerce_pendingchangeevent" ("account_id", "billing_date", "billing_policy", "closed_at", "closed_by_id", "closing_note", "contract_id", "contract_version", "currency", "effective_date", "effective_policy", "id", "kind", "monthly_after_minor", "monthly_before_minor", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "quote_id", "reason", "renewed_before", "requested_at", "requested_by_id", "status", "until_date", "words") VALUES (NEW."account_id", NEW."billing_date", NEW."billing_policy", NEW."closed_at", NEW."closed_by_id", NEW."closing_note", NEW."contract_id", NEW."contract_version", NEW."currency", NEW."effective_date", NEW."effective_policy", NEW."id", NEW."kind", NEW."monthly_after_minor", NEW."monthly_before_minor", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."public_id", NEW."quote_id", NEW."reason", NEW."renewed_before", NEW."requested_at", NEW."requested_by_id", NEW."status", NEW."until_date", NEW."words"); RETURN NULL;',
                    hash="3680a57fc94fbf831935bb76879e153a3d39e865",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_d2efc",
                    table="commerce_pendingchange",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="pendingchangeevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="faab4e3b30f3595d755b649fac700545ac5dfe04",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_e89b8",
                    table="commerce_pendingchangeevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="pendingline",
            constraint=models.UniqueConstraint(fields=("account", "change", "product"), name="pending_line_once"),
        ),
        migrations.AddIndex(
            model_name="retentionanswer",
            index=models.Index(fields=["account", "contract", "-answered_at"], name="retention_of_contract"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="retentionofferevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="983ceac35960b302525ddd0c1656052877416967",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_26206",
                    table="commerce_retentionofferevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(GUARDS, DROP_GUARDS),
        migrations.RunPython(make_offers, migrations.RunPython.noop),
    ]
