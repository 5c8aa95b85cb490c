"""The papers and the goals of contracts."""

import django.db.models.deletion
import django.utils.timezone
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.db import migrations, models


# What was said of a goal stands; people may be joined (accounts_is_merge). Papers are taken back, never deleted.
GUARDS = """
CREATE TRIGGER kept BEFORE DELETE ON commerce_goalversion FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
CREATE TRIGGER append_only BEFORE UPDATE ON commerce_goalversion FOR EACH ROW
  WHEN (NOT accounts_is_merge(to_jsonb(OLD), to_jsonb(NEW), 'said_by_id'))
  EXECUTE FUNCTION commerce_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commerce_goal
  FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
CREATE TRIGGER kept BEFORE DELETE ON commerce_contractpaper FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
"""
DROP_GUARDS = """
DROP TRIGGER kept ON commerce_contractpaper;
DROP TRIGGER append_only ON commerce_goal;
DROP TRIGGER append_only ON commerce_goalversion;
DROP TRIGGER kept ON commerce_goalversion;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0026_billing_references"),
        ("commerce", "0035_guard_provisioning"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ContractPaper",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("contract", "Contract"),
                            ("order_form", "Order form"),
                            ("amendment", "Amendment"),
                            ("security", "Security and data protection"),
                            ("other", "Other paper"),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("title", models.CharField(max_length=120, verbose_name="title")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="contract_papers",
                        to="accounts.account",
                    ),
                ),
                (
                    "added_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "contract",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="papers", to="commerce.contract"
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.storedfile"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ContractPaperEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("pgh_context_id", models.UUIDField(null=True)),
                ("id", models.BigIntegerField()),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("contract", "Contract"),
                            ("order_form", "Order form"),
                            ("amendment", "Amendment"),
                            ("security", "Security and data protection"),
                            ("other", "Other paper"),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("title", models.CharField(max_length=120, verbose_name="title")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
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
                    "contract",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="commerce.contract",
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="accounts.storedfile",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="commerce.contractpaper",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Goal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "metric",
                    models.CharField(
                        choices=[
                            ("seats", "People who work with it"),
                            ("automation_runs", "Automation runs in a month"),
                            ("api_calls", "API calls in a month"),
                            ("self_served", "Questions answered without a case"),
                            ("own", "Something that we measure ourselves"),
                        ],
                        max_length=15,
                        verbose_name="measured by",
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="goals", to="accounts.account"
                    ),
                ),
                (
                    "contract",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="goals", to="commerce.contract"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GoalVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("title", models.CharField(max_length=120, verbose_name="goal")),
                ("unit", models.CharField(blank=True, max_length=30, verbose_name="counted in")),
                ("baseline", models.DecimalField(decimal_places=4, max_digits=20, verbose_name="where you start")),
                ("target", models.DecimalField(decimal_places=4, max_digits=20, verbose_name="where you want to be")),
                ("target_date", models.DateField(verbose_name="by")),
                (
                    "hours_each",
                    models.DecimalField(
                        blank=True, decimal_places=4, max_digits=10, null=True, verbose_name="hours saved for each"
                    ),
                ),
                (
                    "hourly_cost",
                    models.DecimalField(
                        blank=True, decimal_places=12, max_digits=20, null=True, verbose_name="what an hour costs you"
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                (
                    "reached",
                    models.DecimalField(
                        blank=True, decimal_places=4, max_digits=20, null=True, verbose_name="where you are now"
                    ),
                ),
                ("words", models.TextField(blank=True, max_length=1000, verbose_name="why it changes")),
                ("is_dropped", models.BooleanField(default=False)),
                ("said_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="accounts.account")),
                (
                    "goal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="commerce.goal"
                    ),
                ),
                (
                    "said_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="contractpaper",
            index=models.Index(fields=["account", "contract", "-created_at"], name="paper_of_contract"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contractpaper",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "commerce_contractpaperevent" ("account_id", "added_by_id", "contract_id", "created_at", "file_id", "id", "kind", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "title", "withdrawn_at") VALUES (NEW."account_id", NEW."added_by_id", NEW."contract_id", NEW."created_at", NEW."file_id", NEW."id", NEW."kind", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."public_id", NEW."title", NEW."withdrawn_at"); RETURN NULL;',
                    hash="7b1306cd5a588fd7c72eb085493bf7cf4208dccc",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_d8d7b",
                    table="commerce_contractpaper",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contractpaper",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "commerce_contractpaperevent" ("account_id", "added_by_id", "contract_id", "created_at", "file_id", "id", "kind", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "title", "withdrawn_at") VALUES (NEW."account_id", NEW."added_by_id", NEW."contract_id", NEW."created_at", NEW."file_id", NEW."id", NEW."kind", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."public_id", NEW."title", NEW."withdrawn_at"); RETURN NULL;',
                    hash="28a9763c8f11dbaadd1b0a2f3a399fa89a0b117f",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_798bf",
                    table="commerce_contractpaper",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contractpaperevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="ec2b92a0220bf5fbbd624e3cefe922440fd4d943",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_cc42c",
                    table="commerce_contractpaperevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="goal",
            index=models.Index(fields=["account", "contract"], name="goal_of_contract"),
        ),
        migrations.AddConstraint(
            model_name="goalversion",
            constraint=models.UniqueConstraint(fields=("account", "goal", "number"), name="goal_version_once"),
        ),
        migrations.AddConstraint(
            model_name="goalversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("target", models.F("baseline")), _negated=True), name="goal_has_a_way"
            ),
        ),
        migrations.AddConstraint(
            model_name="goalversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("hours_each__isnull", True), ("hours_each__gt", 0), _connector="OR"),
                    models.Q(("hourly_cost__isnull", True), ("hourly_cost__gt", 0), _connector="OR"),
                ),
                name="goal_worth_something",
            ),
        ),
        migrations.RunSQL(GUARDS, DROP_GUARDS),
    ]
