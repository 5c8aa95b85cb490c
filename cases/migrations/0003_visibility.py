"""Who sees which cases: a company's setting, its people's own, its rules, and who takes part in a case."""

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.db import migrations, models

# What `CaseQuerySet.visible_to` says, in the database's words: the policies on cases and on what hangs on them call it.
# With the owner's rights: the rules are read whatever the request itself may read.
SHOWS = """
CREATE FUNCTION cases_shows(of_account bigint, opener bigint, of_case bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  reader bigint := nullif(current_setting('portal.user', true), '')::bigint;
  place bigint;
  place_roles text[];
  place_department text;
  sight text;
BEGIN
  IF reader IS NULL THEN
    RETURN false;
  ELSIF opener = reader THEN
    RETURN true;
  END IF;
  SELECT id, roles, lower(department) INTO place, place_roles, place_department
    FROM accounts_membership WHERE account_id = of_account AND user_id = reader;
  IF NOT FOUND THEN  -- An administrator of the parent company, who looks on as one of the company's own would.
    place_roles := ARRAY['administrator'];
    place_department := '';
  END IF;
  SELECT coalesce(
      (SELECT v.sight FROM cases_casevisibility v WHERE v.membership_id = place AND v.sight <> ''),
      (SELECT v.sight FROM cases_casevisibility v WHERE v.account_id = of_account AND v.membership_id IS NULL),
      'company') INTO sight;
  IF sight = 'company' THEN
    RETURN true;
  END IF;
  IF EXISTS (SELECT FROM cases_caseparticipant p WHERE p.case_id = of_case AND p.user_id = reader AND p.is_active) THEN
    RETURN true;
  END IF;
  RETURN sight = 'rules' AND EXISTS (
    SELECT FROM cases_caserule r
    WHERE r.account_id = of_account AND r.is_active
      AND (r.role = ANY (place_roles) OR (r.department <> '' AND lower(r.department) = place_department))
      AND (r.of_department = '' OR EXISTS (
        SELECT FROM accounts_membership m WHERE m.account_id = of_account AND m.user_id = opener
        AND lower(m.department) = lower(r.of_department))));
END $$;
CREATE FUNCTION cases_shows_case(of_case bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$ SELECT cases_shows(account_id, opened_by_id, id) FROM cases_case WHERE id = of_case $$;
CREATE FUNCTION cases_shows_message(of_message bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$ SELECT cases_shows_case(case_id) FROM cases_casemessage WHERE id = of_message $$;
"""
# The policies that call them go along; `after_migrate` makes those of the older code again.
DROP_SHOWS = """
DROP FUNCTION cases_shows_message(bigint) CASCADE;
DROP FUNCTION cases_shows_case(bigint) CASCADE;
DROP FUNCTION cases_shows(bigint, bigint, bigint) CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_customers_make_no_staff"),
        ("cases", "0002_guard_history"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CaseParticipant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="accounts.account")),
                (
                    "added_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="participants", to="cases.case"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CaseParticipantEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("pgh_context_id", models.UUIDField(null=True)),
                ("id", models.BigIntegerField()),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                    "added_by",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="cases.case",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="cases.caseparticipant",
                    ),
                ),
                (
                    "user",
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
            name="CaseRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "role",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("administrator", "Administrator"),
                            ("buyer", "Buyer"),
                            ("approver", "Approver"),
                            ("billing", "Billing contact"),
                            ("support", "Support contact"),
                            ("viewer", "Viewer"),
                        ],
                        max_length=20,
                        verbose_name="role",
                    ),
                ),
                ("department", models.CharField(blank=True, max_length=80, verbose_name="department")),
                ("of_department", models.CharField(blank=True, max_length=80, verbose_name="sees cases of department")),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="accounts.account")),
            ],
            options={
                "verbose_name": "case rule",
                "verbose_name_plural": "case rules",
            },
        ),
        migrations.CreateModel(
            name="CaseRuleEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("pgh_context_id", models.UUIDField(null=True)),
                ("id", models.BigIntegerField()),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False)),
                (
                    "role",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("administrator", "Administrator"),
                            ("buyer", "Buyer"),
                            ("approver", "Approver"),
                            ("billing", "Billing contact"),
                            ("support", "Support contact"),
                            ("viewer", "Viewer"),
                        ],
                        max_length=20,
                        verbose_name="role",
                    ),
                ),
                ("department", models.CharField(blank=True, max_length=80, verbose_name="department")),
                ("of_department", models.CharField(blank=True, max_length=80, verbose_name="sees cases of department")),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
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
                        to="cases.caserule",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="CaseVisibility",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "sight",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("own", "Own cases only"),
                            ("company", "All cases of the company"),
                            ("rules", "By rule"),
                        ],
                        max_length=10,
                        verbose_name="sees",
                    ),
                ),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="accounts.account")),
                (
                    "membership",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.membership",
                        verbose_name="person",
                    ),
                ),
            ],
            options={
                "verbose_name": "case visibility",
                "verbose_name_plural": "case visibility",
            },
        ),
        migrations.CreateModel(
            name="CaseVisibilityEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("pgh_context_id", models.UUIDField(null=True)),
                ("id", models.BigIntegerField()),
                (
                    "sight",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("own", "Own cases only"),
                            ("company", "All cases of the company"),
                            ("rules", "By rule"),
                        ],
                        max_length=10,
                        verbose_name="sees",
                    ),
                ),
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
                    "membership",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="accounts.membership",
                        verbose_name="person",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="cases.casevisibility",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddIndex(
            model_name="caseparticipant",
            index=models.Index(fields=["case", "user"], name="case_participant_of"),
        ),
        migrations.AddConstraint(
            model_name="caseparticipant",
            constraint=models.UniqueConstraint(fields=("account", "case", "user"), name="case_participant_once"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="caseparticipant",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "cases_caseparticipantevent" ("account_id", "added_by_id", "case_id", "created_at", "id", "is_active", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "user_id") VALUES (NEW."account_id", NEW."added_by_id", NEW."case_id", NEW."created_at", NEW."id", NEW."is_active", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."user_id"); RETURN NULL;',
                    hash="a6628da3146759e6fdaefb8f3d1534af20acec4b",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_2a776",
                    table="cases_caseparticipant",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="caseparticipant",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "cases_caseparticipantevent" ("account_id", "added_by_id", "case_id", "created_at", "id", "is_active", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "user_id") VALUES (NEW."account_id", NEW."added_by_id", NEW."case_id", NEW."created_at", NEW."id", NEW."is_active", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."user_id"); RETURN NULL;',
                    hash="787c7749931bb572ef2f7b9d0a7fdd02816b0808",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_8e573",
                    table="cases_caseparticipant",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="caseparticipantevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="0aa357cb552801cb81e0a1dd3c41aad2f20dd70f",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_c9f53",
                    table="cases_caseparticipantevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="caserule",
            constraint=models.CheckConstraint(
                condition=models.Q(("role", ""), ("department", ""), _connector="XOR"), name="case_rule_about_one_thing"
            ),
        ),
        migrations.AddConstraint(
            model_name="caserule",
            constraint=models.UniqueConstraint(
                models.F("account"),
                models.F("role"),
                django.db.models.functions.text.Lower("department"),
                django.db.models.functions.text.Lower("of_department"),
                name="case_rule_once",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="caserule",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "cases_caseruleevent" ("account_id", "department", "id", "is_active", "of_department", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "role") VALUES (NEW."account_id", NEW."department", NEW."id", NEW."is_active", NEW."of_department", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."public_id", NEW."role"); RETURN NULL;',
                    hash="e1a8c81a2cff08f41192dfe36fbe4f59963d523d",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_59872",
                    table="cases_caserule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="caserule",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "cases_caseruleevent" ("account_id", "department", "id", "is_active", "of_department", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "role") VALUES (NEW."account_id", NEW."department", NEW."id", NEW."is_active", NEW."of_department", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."public_id", NEW."role"); RETURN NULL;',
                    hash="ffc94558304a5f78e268ffb066b4db8e3092ba31",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_1224b",
                    table="cases_caserule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="caseruleevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="49dee0921994617b9341fb1c2fcc4fd2862392aa",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_2459e",
                    table="cases_caseruleevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="casevisibility",
            constraint=models.UniqueConstraint(
                fields=("account", "membership"), name="case_visibility_once", nulls_distinct=False
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="casevisibility",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "cases_casevisibilityevent" ("account_id", "id", "membership_id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "sight") VALUES (NEW."account_id", NEW."id", NEW."membership_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."sight"); RETURN NULL;',
                    hash="d7803d6924e22e3f8db2771bec27832f59de3da7",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_d8361",
                    table="cases_casevisibility",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="casevisibility",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "cases_casevisibilityevent" ("account_id", "id", "membership_id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "sight") VALUES (NEW."account_id", NEW."id", NEW."membership_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."sight"); RETURN NULL;',
                    hash="ea705dbbe9c7f8c50280e91a79aecfe173cc3030",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_018ba",
                    table="cases_casevisibility",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="casevisibilityevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="1314ebd64ad0c01145fb4ae8609d8226f73a8775",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_6b4a1",
                    table="cases_casevisibilityevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(SHOWS, DROP_SHOWS),
    ]
