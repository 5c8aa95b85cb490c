"""Renewals: what becomes of contracts at the end of their terms, and what was told about it."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


# A renewal goes forward only, and is kept; what was told was told. The quote's guard knows nothing of its kind: it is
# what a draft begins with.
GUARDS = """
CREATE FUNCTION commerce_guard_renewal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
  step text;
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'renewal % is kept', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (OLD.account_id, OLD.contract_id, OLD.public_id, OLD.due_date)
     IS DISTINCT FROM (NEW.account_id, NEW.contract_id, NEW.public_id, NEW.due_date) THEN
    RAISE EXCEPTION 'what renewal % is about stands', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  step := OLD.state || ' ' || NEW.state;
  IF OLD.state = NEW.state OR step IN (
    'waiting offered', 'waiting declined', 'waiting grace',
    'offered waiting', 'offered accepted', 'offered declined', 'offered grace',
    'accepted waiting', 'accepted declined', 'accepted rolled_over',
    'declined waiting', 'declined lapsed',
    'grace accepted', 'grace declined', 'grace suspended',
    'suspended lapsed'
  ) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'renewal % cannot go from % to %', OLD.public_id, OLD.state, NEW.state
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON commerce_renewal
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_renewal();
CREATE FUNCTION commerce_guard_renewalnotice() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.sent_at IS NOT NULL OR OLD.dropped_at IS NOT NULL
     OR to_jsonb(OLD) - 'sent_at' - 'dropped_at' IS DISTINCT FROM to_jsonb(NEW) - 'sent_at' - 'dropped_at' THEN
    RAISE EXCEPTION 'what was told about renewal % stands', OLD.renewal_id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON commerce_renewalnotice
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_renewalnotice();
"""
DROP_GUARDS = """
DROP TRIGGER guard ON commerce_renewalnotice;
DROP FUNCTION commerce_guard_renewalnotice();
DROP TRIGGER guard ON commerce_renewal;
DROP FUNCTION commerce_guard_renewal();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0026_billing_references"),
        ("commerce", "0030_drop_unused_change_quote"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Renewal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Offer being made"),
                            ("offered", "Offered"),
                            ("accepted", "Renews"),
                            ("rolled_over", "Renewed"),
                            ("declined", "Declined"),
                            ("grace", "In grace"),
                            ("suspended", "Suspended"),
                            ("lapsed", "Lost"),
                        ],
                        default="waiting",
                        max_length=11,
                    ),
                ),
                ("due_date", models.DateField()),
                ("term_months", models.PositiveSmallIntegerField()),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("same", "Same price as before"),
                            ("list", "Today's list price"),
                            ("uplift", "Same price with an uplift"),
                        ],
                        default="same",
                        max_length=6,
                    ),
                ),
                ("uplift_percent", models.DecimalField(decimal_places=4, default=Decimal("0"), max_digits=8)),
                ("promised_percent", models.DecimalField(decimal_places=2, default=Decimal("0"), max_digits=5)),
                ("flags", models.JSONField(default=dict)),
                ("currency", models.CharField(max_length=3)),
                ("monthly_before_minor", models.BigIntegerField(default=0)),
                ("monthly_after_minor", models.BigIntegerField(default=0)),
                ("grace_days", models.PositiveSmallIntegerField(default=15)),
                ("wish", models.JSONField(default=dict)),
                ("is_automatic", models.BooleanField(default=False)),
                ("is_notified", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("offered_at", models.DateTimeField(null=True)),
                ("notified_at", models.DateTimeField(null=True)),
                ("accepted_at", models.DateTimeField(null=True)),
                ("declined_at", models.DateTimeField(null=True)),
                ("rolled_over_at", models.DateTimeField(null=True)),
                ("grace_at", models.DateTimeField(null=True)),
                ("suspended_at", models.DateTimeField(null=True)),
                ("winback_at", models.DateTimeField(null=True)),
                ("lapsed_at", models.DateTimeField(null=True)),
            ],
            options={
                "permissions": [("renew_contracts", "Can decide about renewals for customers")],
            },
        ),
        migrations.CreateModel(
            name="RenewalNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("offer", "The offer"),
                            ("notice", "A reminder"),
                            ("renewed", "Renewed"),
                            ("grace", "Begin of the grace"),
                            ("suspended", "Suspension"),
                            ("winback", "Offer to come back"),
                        ],
                        max_length=9,
                    ),
                ),
                ("days_before", models.SmallIntegerField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("sent_at", models.DateTimeField(null=True)),
                ("dropped_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="RenewalTerms",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("same", "Same price as before"),
                            ("list", "Today's list price"),
                            ("uplift", "Same price with an uplift"),
                        ],
                        default="same",
                        max_length=6,
                        verbose_name="method",
                    ),
                ),
                (
                    "uplift_percent",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("0"),
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0")),
                            django.core.validators.MaxValueValidator(Decimal("100")),
                        ],
                        verbose_name="uplift",
                    ),
                ),
                (
                    "is_per_year",
                    models.BooleanField(
                        default=True,
                        help_text="Off: once, however long it was.",
                        verbose_name="uplift for each year of the ended term",
                    ),
                ),
                (
                    "index_percent",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="What prices rose by in a year. Blank: the uplift does not follow an index.",
                        max_digits=5,
                        null=True,
                        verbose_name="price index",
                    ),
                ),
                (
                    "spread_percent",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("0"),
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0")),
                            django.core.validators.MaxValueValidator(Decimal("100")),
                        ],
                        verbose_name="above the index",
                    ),
                ),
                (
                    "floor_percent",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("0"),
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0")),
                            django.core.validators.MaxValueValidator(Decimal("100")),
                        ],
                        verbose_name="at least",
                    ),
                ),
                (
                    "cap_percent",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        max_digits=5,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0")),
                            django.core.validators.MaxValueValidator(Decimal("100")),
                        ],
                        verbose_name="at most",
                    ),
                ),
                ("grace_days", models.PositiveSmallIntegerField(default=15, verbose_name="days of grace")),
                (
                    "winback_percent",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("10"),
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0")),
                            django.core.validators.MaxValueValidator(Decimal("100")),
                        ],
                        verbose_name="discount for coming back",
                    ),
                ),
                ("sends_notices", models.BooleanField(default=True, verbose_name="send notices")),
            ],
            options={
                "verbose_name_plural": "renewal terms",
            },
        ),
        migrations.CreateModel(
            name="RenewalTermsEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("pgh_context_id", models.UUIDField(null=True)),
                ("id", models.BigIntegerField()),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("same", "Same price as before"),
                            ("list", "Today's list price"),
                            ("uplift", "Same price with an uplift"),
                        ],
                        default="same",
                        max_length=6,
                        verbose_name="method",
                    ),
                ),
                (
                    "uplift_percent",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("0"),
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0")),
                            django.core.validators.MaxValueValidator(Decimal("100")),
                        ],
                        verbose_name="uplift",
                    ),
                ),
                (
                    "is_per_year",
                    models.BooleanField(
                        default=True,
                        help_text="Off: once, however long it was.",
                        verbose_name="uplift for each year of the ended term",
                    ),
                ),
                (
                    "index_percent",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="What prices rose by in a year. Blank: the uplift does not follow an index.",
                        max_digits=5,
                        null=True,
                        verbose_name="price index",
                    ),
                ),
                (
                    "spread_percent",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("0"),
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0")),
                            django.core.validators.MaxValueValidator(Decimal("100")),
                        ],
                        verbose_name="above the index",
                    ),
                ),
                (
                    "floor_percent",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("0"),
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0")),
                            django.core.validators.MaxValueValidator(Decimal("100")),
                        ],
                        verbose_name="at least",
                    ),
                ),
                (
                    "cap_percent",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        max_digits=5,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0")),
                            django.core.validators.MaxValueValidator(Decimal("100")),
                        ],
                        verbose_name="at most",
                    ),
                ),
                ("grace_days", models.PositiveSmallIntegerField(default=15, verbose_name="days of grace")),
                (
                    "winback_percent",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("10"),
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0")),
                            django.core.validators.MaxValueValidator(Decimal("100")),
                        ],
                        verbose_name="discount for coming back",
                    ),
                ),
                ("sends_notices", models.BooleanField(default=True, verbose_name="send notices")),
            ],
            options={
                "abstract": False,
            },
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
            model_name="quote",
            name="kind",
            field=models.CharField(
                choices=[("amendment", "Changes the contract"), ("renewal", "Renews the contract")],
                default="amendment",
                editable=False,
                max_length=9,
            ),
        ),
        migrations.AddField(
            model_name="quoteevent",
            name="kind",
            field=models.CharField(
                choices=[("amendment", "Changes the contract"), ("renewal", "Renews the contract")],
                default="amendment",
                editable=False,
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="quote",
            name="created_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="quotes_created",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="quote",
            name="origin",
            field=models.CharField(
                choices=[
                    ("portal", "The customer, in the portal"),
                    ("staff", "Our people"),
                    ("system", "The portal, as a contract comes to its end"),
                ],
                default="portal",
                max_length=6,
            ),
        ),
        migrations.AlterField(
            model_name="quoteevent",
            name="created_by",
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
        migrations.AlterField(
            model_name="quoteevent",
            name="origin",
            field=models.CharField(
                choices=[
                    ("portal", "The customer, in the portal"),
                    ("staff", "Our people"),
                    ("system", "The portal, as a contract comes to its end"),
                ],
                default="portal",
                max_length=6,
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="quote",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "commerce_quoteevent" ("accepted_at", "accepted_by_id", "accepted_hash", "accepted_ip", "accepted_name", "accepted_role", "account_id", "approved_at", "closed_at", "closed_by_id", "closing_note", "configuration", "contract_id", "contract_version", "created_at", "created_by_id", "currency", "deal_id", "document_hash", "document_id", "expires_at", "form_key", "id", "kind", "manual_prices", "origin", "payment_days", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "po_number", "presented_at", "price_date", "price_hash", "public_id", "recurring_after_minor", "recurring_before_minor", "serial", "special_terms", "start_date", "status", "submitted_at", "submitted_by_id", "subtotal_minor", "tax_minor", "term_months", "title", "total_minor", "valid_until", "version", "viewed_at") VALUES (NEW."accepted_at", NEW."accepted_by_id", NEW."accepted_hash", NEW."accepted_ip", NEW."accepted_name", NEW."accepted_role", NEW."account_id", NEW."approved_at", NEW."closed_at", NEW."closed_by_id", NEW."closing_note", NEW."configuration", NEW."contract_id", NEW."contract_version", NEW."created_at", NEW."created_by_id", NEW."currency", NEW."deal_id", NEW."document_hash", NEW."document_id", NEW."expires_at", NEW."form_key", NEW."id", NEW."kind", NEW."manual_prices", NEW."origin", NEW."payment_days", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."po_number", NEW."presented_at", NEW."price_date", NEW."price_hash", NEW."public_id", NEW."recurring_after_minor", NEW."recurring_before_minor", NEW."serial", NEW."special_terms", NEW."start_date", NEW."status", NEW."submitted_at", NEW."submitted_by_id", NEW."subtotal_minor", NEW."tax_minor", NEW."term_months", NEW."title", NEW."total_minor", NEW."valid_until", NEW."version", NEW."viewed_at"); RETURN NULL;',
                    hash="81ea2a0a33e5fc4788a7914b2a3530490e3f8fb0",
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
                    func='INSERT INTO "commerce_quoteevent" ("accepted_at", "accepted_by_id", "accepted_hash", "accepted_ip", "accepted_name", "accepted_role", "account_id", "approved_at", "closed_at", "closed_by_id", "closing_note", "configuration", "contract_id", "contract_version", "created_at", "created_by_id", "currency", "deal_id", "document_hash", "document_id", "expires_at", "form_key", "id", "kind", "manual_prices", "origin", "payment_days", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "po_number", "presented_at", "price_date", "price_hash", "public_id", "recurring_after_minor", "recurring_before_minor", "serial", "special_terms", "start_date", "status", "submitted_at", "submitted_by_id", "subtotal_minor", "tax_minor", "term_months", "title", "total_minor", "valid_until", "version", "viewed_at") VALUES (NEW."accepted_at", NEW."accepted_by_id", NEW."accepted_hash", NEW."accepted_ip", NEW."accepted_name", NEW."accepted_role", NEW."account_id", NEW."approved_at", NEW."closed_at", NEW."closed_by_id", NEW."closing_note", NEW."configuration", NEW."contract_id", NEW."contract_version", NEW."created_at", NEW."created_by_id", NEW."currency", NEW."deal_id", NEW."document_hash", NEW."document_id", NEW."expires_at", NEW."form_key", NEW."id", NEW."kind", NEW."manual_prices", NEW."origin", NEW."payment_days", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."po_number", NEW."presented_at", NEW."price_date", NEW."price_hash", NEW."public_id", NEW."recurring_after_minor", NEW."recurring_before_minor", NEW."serial", NEW."special_terms", NEW."start_date", NEW."status", NEW."submitted_at", NEW."submitted_by_id", NEW."subtotal_minor", NEW."tax_minor", NEW."term_months", NEW."title", NEW."total_minor", NEW."valid_until", NEW."version", NEW."viewed_at"); RETURN NULL;',
                    hash="958077482f235162376c06fefc95d945e984a462",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_bcc1f",
                    table="commerce_quote",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="renewal",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="renewals", to="accounts.account"
            ),
        ),
        migrations.AddField(
            model_name="renewal",
            name="contract",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="renewal", to="commerce.contract"
            ),
        ),
        migrations.AddField(
            model_name="renewal",
            name="quote",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="renewal", to="commerce.quote"
            ),
        ),
        migrations.AddField(
            model_name="renewal",
            name="successor",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="renewal_of_predecessor",
                to="commerce.contract",
            ),
        ),
        migrations.AddField(
            model_name="renewalnotice",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.account"
            ),
        ),
        migrations.AddField(
            model_name="renewalnotice",
            name="renewal",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="notices", to="commerce.renewal"
            ),
        ),
        migrations.AddField(
            model_name="renewalterms",
            name="account",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="renewal_terms", to="accounts.account"
            ),
        ),
        migrations.AddField(
            model_name="renewaltermsevent",
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
            model_name="renewaltermsevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="commerce.renewalterms",
            ),
        ),
        migrations.AddIndex(
            model_name="renewal",
            index=models.Index(fields=["account", "due_date"], name="renewal_account_due"),
        ),
        migrations.AddIndex(
            model_name="renewal",
            index=models.Index(fields=["state", "due_date"], name="renewal_state_due"),
        ),
        migrations.AddConstraint(
            model_name="renewal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("rolled_over_at__isnull", False), ("state", "rolled_over"), ("successor__isnull", False)),
                    models.Q(models.Q(("state", "rolled_over"), _negated=True), ("successor__isnull", True)),
                    _connector="OR",
                ),
                name="renewal_successor",
            ),
        ),
        migrations.AddConstraint(
            model_name="renewal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["offered", "accepted"]), _negated=True),
                    ("quote__isnull", False),
                    _connector="OR",
                ),
                name="renewal_has_quote",
            ),
        ),
        migrations.AddIndex(
            model_name="renewalnotice",
            index=models.Index(
                condition=models.Q(("dropped_at__isnull", True), ("sent_at__isnull", True)),
                fields=["id"],
                name="renewal_notice_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="renewalnotice",
            constraint=models.UniqueConstraint(
                fields=("account", "renewal", "kind", "days_before"), name="renewal_notice_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="renewalterms",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cap_percent__isnull", True), ("cap_percent__gte", models.F("floor_percent")), _connector="OR"
                ),
                name="renewal_terms_cap",
                violation_error_message="The most must not be less than the least.",
            ),
        ),
        migrations.AddConstraint(
            model_name="renewalterms",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("floor_percent__gte", 0),
                    ("spread_percent__gte", 0),
                    ("uplift_percent__gte", 0),
                    ("winback_percent__gte", 0),
                ),
                name="renewal_terms_positive",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="renewalterms",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "commerce_renewaltermsevent" ("account_id", "cap_percent", "floor_percent", "grace_days", "id", "index_percent", "is_per_year", "method", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "sends_notices", "spread_percent", "uplift_percent", "winback_percent") VALUES (NEW."account_id", NEW."cap_percent", NEW."floor_percent", NEW."grace_days", NEW."id", NEW."index_percent", NEW."is_per_year", NEW."method", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."sends_notices", NEW."spread_percent", NEW."uplift_percent", NEW."winback_percent"); RETURN NULL;',
                    hash="f68f308403a52ae04408817ed35f0849bf0bf051",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_88316",
                    table="commerce_renewalterms",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="renewalterms",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "commerce_renewaltermsevent" ("account_id", "cap_percent", "floor_percent", "grace_days", "id", "index_percent", "is_per_year", "method", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "sends_notices", "spread_percent", "uplift_percent", "winback_percent") VALUES (NEW."account_id", NEW."cap_percent", NEW."floor_percent", NEW."grace_days", NEW."id", NEW."index_percent", NEW."is_per_year", NEW."method", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."sends_notices", NEW."spread_percent", NEW."uplift_percent", NEW."winback_percent"); RETURN NULL;',
                    hash="cd2af9bc74eec54613d1fa1c1430751fe25472da",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_cf6cd",
                    table="commerce_renewalterms",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="renewaltermsevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="f7c549e708d9127354701fd5c37bc94a008e4758",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_65fa2",
                    table="commerce_renewaltermsevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(GUARDS, DROP_GUARDS),
    ]
