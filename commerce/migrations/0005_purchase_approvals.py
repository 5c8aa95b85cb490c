"""Purchase limits per role, and purchases that wait for a colleague's approval."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.db import migrations, models

# What was asked for stands, and what was decided is final. No way back, no second decision, no other decider.
GUARD = """
CREATE FUNCTION commerce_guard_approval() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'approval % is kept', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (OLD.public_id, OLD.account_id, OLD.quote_id, OLD.amount_minor, OLD.currency, OLD.expires_at, OLD.requested_by_id,
      OLD.requested_roles, OLD.requested_at, OLD.consent_name, OLD.consent_ip, OLD.price_hash, OLD.po_number)
     IS DISTINCT FROM
     (NEW.public_id, NEW.account_id, NEW.quote_id, NEW.amount_minor, NEW.currency, NEW.expires_at, NEW.requested_by_id,
      NEW.requested_roles, NEW.requested_at, NEW.consent_name, NEW.consent_ip, NEW.price_hash, NEW.po_number) THEN
    RAISE EXCEPTION 'what approval % asks for stands', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF OLD.status <> 'waiting' AND OLD IS DISTINCT FROM NEW THEN
    RAISE EXCEPTION 'approval % is decided', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON commerce_purchaseapproval
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_approval();
"""
DROP_GUARD = """
DROP TRIGGER guard ON commerce_purchaseapproval;
DROP FUNCTION commerce_guard_approval();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_audit_log"),
        ("commerce", "0004_amounts_permission"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PurchaseApproval",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("expires_at", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting for approval"),
                            ("approved", "Approved"),
                            ("refused", "Refused"),
                            ("withdrawn", "Withdrawn"),
                            ("lapsed", "Could not be ordered"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                (
                    "requested_roles",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), size=None),
                ),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("consent_name", models.CharField(max_length=150)),
                ("consent_ip", models.GenericIPAddressField(blank=True, null=True)),
                ("price_hash", models.CharField(max_length=64)),
                ("po_number", models.CharField(blank=True, max_length=60)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("note", models.CharField(blank=True, max_length=500)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="purchase_approvals",
                        to="accounts.account",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "quote",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="approvals", to="commerce.quote"
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PurchaseApprovalEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("pgh_context_id", models.UUIDField(null=True)),
                ("id", models.BigIntegerField()),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("expires_at", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting for approval"),
                            ("approved", "Approved"),
                            ("refused", "Refused"),
                            ("withdrawn", "Withdrawn"),
                            ("lapsed", "Could not be ordered"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                (
                    "requested_roles",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), size=None),
                ),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("consent_name", models.CharField(max_length=150)),
                ("consent_ip", models.GenericIPAddressField(blank=True, null=True)),
                ("price_hash", models.CharField(max_length=64)),
                ("po_number", models.CharField(blank=True, max_length=60)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("note", models.CharField(blank=True, max_length=500)),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="accounts.account",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="commerce.purchaseapproval",
                    ),
                ),
                (
                    "quote",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="commerce.quote",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="PurchaseLimit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[("administrator", "Administrator"), ("buyer", "Buyer"), ("approver", "Approver")],
                        max_length=20,
                        verbose_name="role",
                    ),
                ),
                ("limit_minor", models.BigIntegerField(blank=True, null=True, verbose_name="limit")),
                ("currency", models.CharField(max_length=3)),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="accounts.account")),
            ],
        ),
        migrations.CreateModel(
            name="PurchaseLimitEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("pgh_context_id", models.UUIDField(null=True)),
                ("id", models.BigIntegerField()),
                (
                    "role",
                    models.CharField(
                        choices=[("administrator", "Administrator"), ("buyer", "Buyer"), ("approver", "Approver")],
                        max_length=20,
                        verbose_name="role",
                    ),
                ),
                ("limit_minor", models.BigIntegerField(blank=True, null=True, verbose_name="limit")),
                ("currency", models.CharField(max_length=3)),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="accounts.account",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="commerce.purchaselimit",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddIndex(
            model_name="purchaseapproval",
            index=models.Index(fields=["account", "-requested_at", "-id"], name="approval_account_recent"),
        ),
        migrations.AddConstraint(
            model_name="purchaseapproval",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "waiting")), fields=("account", "quote"), name="approval_one_waiting"
            ),
        ),
        migrations.AddConstraint(
            model_name="purchaseapproval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decided_by__isnull", True),
                    models.Q(("decided_by", models.F("requested_by")), _negated=True),
                    _connector="OR",
                ),
                name="approval_never_ones_own",
            ),
        ),
        migrations.AddConstraint(
            model_name="purchaseapproval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("decided_by__isnull", True), ("status", "waiting")),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                        ("status__in", ["approved", "refused"]),
                    ),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", True),
                        ("status__in", ["withdrawn", "lapsed"]),
                    ),
                    _connector="OR",
                ),
                name="approval_decision_complete",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="purchaseapproval",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "commerce_purchaseapprovalevent" ("account_id", "amount_minor", "consent_ip", "consent_name", "currency", "decided_at", "decided_by_id", "expires_at", "id", "note", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "po_number", "price_hash", "public_id", "quote_id", "requested_at", "requested_by_id", "requested_roles", "status") VALUES (NEW."account_id", NEW."amount_minor", NEW."consent_ip", NEW."consent_name", NEW."currency", NEW."decided_at", NEW."decided_by_id", NEW."expires_at", NEW."id", NEW."note", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."po_number", NEW."price_hash", NEW."public_id", NEW."quote_id", NEW."requested_at", NEW."requested_by_id", NEW."requested_roles", NEW."status"); RETURN NULL;',
                    hash="878d5e597cfcb0d3f0f4b5b385aab8f6d1eafc6f",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_cd02c",
                    table="commerce_purchaseapproval",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="purchaseapproval",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "commerce_purchaseapprovalevent" ("account_id", "amount_minor", "consent_ip", "consent_name", "currency", "decided_at", "decided_by_id", "expires_at", "id", "note", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "po_number", "price_hash", "public_id", "quote_id", "requested_at", "requested_by_id", "requested_roles", "status") VALUES (NEW."account_id", NEW."amount_minor", NEW."consent_ip", NEW."consent_name", NEW."currency", NEW."decided_at", NEW."decided_by_id", NEW."expires_at", NEW."id", NEW."note", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."po_number", NEW."price_hash", NEW."public_id", NEW."quote_id", NEW."requested_at", NEW."requested_by_id", NEW."requested_roles", NEW."status"); RETURN NULL;',
                    hash="5c0985b48fe909b0aa371308d23e50646b6eedf6",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_9087e",
                    table="commerce_purchaseapproval",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="purchaseapprovalevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="2d6dabed2e821bb066997294676314fff9b3bc2b",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_bfb4f",
                    table="commerce_purchaseapprovalevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="purchaselimit",
            constraint=models.UniqueConstraint(fields=("account", "role"), name="purchase_limit_once"),
        ),
        migrations.AddConstraint(
            model_name="purchaselimit",
            constraint=models.CheckConstraint(
                condition=models.Q(("limit_minor__isnull", True), ("limit_minor__gte", 0), _connector="OR"),
                name="purchase_limit_amount",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="purchaselimit",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "commerce_purchaselimitevent" ("account_id", "currency", "id", "limit_minor", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "role") VALUES (NEW."account_id", NEW."currency", NEW."id", NEW."limit_minor", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."role"); RETURN NULL;',
                    hash="4344e70b8b86aca86c002ffb0978cca280d9962f",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_d0c8e",
                    table="commerce_purchaselimit",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="purchaselimit",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "commerce_purchaselimitevent" ("account_id", "currency", "id", "limit_minor", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "role") VALUES (NEW."account_id", NEW."currency", NEW."id", NEW."limit_minor", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."role"); RETURN NULL;',
                    hash="8f32221793c4f48024b8289ca55939d68ec1c11c",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_e3377",
                    table="commerce_purchaselimit",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="purchaselimitevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="d38964438373776ba9b485685eef25e9d5e00f6f",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_f4cb4",
                    table="commerce_purchaselimitevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(GUARD, DROP_GUARD),
    ]
