"""Price books of companies and regions, contracted prices, schedules, rules and costs."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0024_history_names_nobody"),
        ("commerce", "0006_follow_merges"),
    ]

    operations = [
        migrations.CreateModel(
            name="ContractedPrice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("method", models.CharField(default="list", max_length=20, verbose_name="method")),
                (
                    "unit_price",
                    models.DecimalField(
                        decimal_places=12,
                        default=Decimal("0"),
                        max_digits=20,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="unit price",
                    ),
                ),
                ("figures", models.JSONField(blank=True, default=dict, verbose_name="figures")),
                (
                    "price_months",
                    models.PositiveSmallIntegerField(
                        default=1,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(120),
                        ],
                        verbose_name="months the price is for",
                    ),
                ),
                ("is_stackable", models.BooleanField(default=False, verbose_name="discount schedules apply on top")),
                ("valid_from", models.DateField(verbose_name="valid from")),
                ("valid_until", models.DateField(blank=True, null=True, verbose_name="valid until")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
            ],
        ),
        migrations.CreateModel(
            name="ContractedPriceEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("pgh_context_id", models.UUIDField(null=True)),
                ("id", models.BigIntegerField()),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("method", models.CharField(default="list", max_length=20, verbose_name="method")),
                (
                    "unit_price",
                    models.DecimalField(
                        decimal_places=12,
                        default=Decimal("0"),
                        max_digits=20,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="unit price",
                    ),
                ),
                ("figures", models.JSONField(blank=True, default=dict, verbose_name="figures")),
                (
                    "price_months",
                    models.PositiveSmallIntegerField(
                        default=1,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(120),
                        ],
                        verbose_name="months the price is for",
                    ),
                ),
                ("is_stackable", models.BooleanField(default=False, verbose_name="discount schedules apply on top")),
                ("valid_from", models.DateField(verbose_name="valid from")),
                ("valid_until", models.DateField(blank=True, null=True, verbose_name="valid until")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="DiscountSchedule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                (
                    "kind",
                    models.CharField(
                        choices=[("volume", "Volume: by quantity"), ("term", "Term: by months")],
                        default="volume",
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("method", models.CharField(default="slab", max_length=10, verbose_name="method")),
                ("scope", models.CharField(default="line", max_length=10, verbose_name="counted together")),
                ("counts_held", models.BooleanField(default=True, verbose_name="units held before count")),
                ("tiers", models.JSONField(default=list, verbose_name="tiers")),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="PriceRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("order", models.PositiveIntegerField(verbose_name="order")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("conditions", models.JSONField(blank=True, default=list, verbose_name="conditions")),
                (
                    "special_price",
                    models.DecimalField(
                        blank=True,
                        decimal_places=12,
                        max_digits=20,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="special price",
                    ),
                ),
                ("currency", models.CharField(blank=True, max_length=3, verbose_name="currency of the special price")),
                (
                    "discount_percent",
                    models.DecimalField(
                        blank=True,
                        decimal_places=12,
                        max_digits=20,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="discount in percent",
                    ),
                ),
                ("valid_from", models.DateField(blank=True, null=True, verbose_name="valid from")),
                ("valid_until", models.DateField(blank=True, null=True, verbose_name="valid until")),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
            ],
            options={
                "ordering": ["order"],
            },
        ),
        migrations.CreateModel(
            name="PriceRuleEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("pgh_context_id", models.UUIDField(null=True)),
                ("id", models.BigIntegerField()),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("order", models.PositiveIntegerField(verbose_name="order")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("conditions", models.JSONField(blank=True, default=list, verbose_name="conditions")),
                (
                    "special_price",
                    models.DecimalField(
                        blank=True,
                        decimal_places=12,
                        max_digits=20,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="special price",
                    ),
                ),
                ("currency", models.CharField(blank=True, max_length=3, verbose_name="currency of the special price")),
                (
                    "discount_percent",
                    models.DecimalField(
                        blank=True,
                        decimal_places=12,
                        max_digits=20,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="discount in percent",
                    ),
                ),
                ("valid_from", models.DateField(blank=True, null=True, verbose_name="valid from")),
                ("valid_until", models.DateField(blank=True, null=True, verbose_name="valid until")),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ProductCost",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "cost",
                    models.DecimalField(
                        decimal_places=12,
                        max_digits=20,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="cost",
                    ),
                ),
                (
                    "floor_price",
                    models.DecimalField(
                        blank=True,
                        decimal_places=12,
                        max_digits=20,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="floor price",
                    ),
                ),
                ("valid_from", models.DateField(verbose_name="valid from")),
                ("valid_until", models.DateField(blank=True, null=True, verbose_name="valid until")),
            ],
        ),
        migrations.CreateModel(
            name="ProductCostEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("pgh_context_id", models.UUIDField(null=True)),
                ("id", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "cost",
                    models.DecimalField(
                        decimal_places=12,
                        max_digits=20,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="cost",
                    ),
                ),
                (
                    "floor_price",
                    models.DecimalField(
                        blank=True,
                        decimal_places=12,
                        max_digits=20,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="floor price",
                    ),
                ),
                ("valid_from", models.DateField(verbose_name="valid from")),
                ("valid_until", models.DateField(blank=True, null=True, verbose_name="valid until")),
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
            model_name="price",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="price",
            name="update_update",
        ),
        migrations.RemoveConstraint(
            model_name="pricebook",
            name="price_book_once",
        ),
        migrations.AddField(
            model_name="contract",
            name="price_book",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="contracts",
                to="commerce.pricebook",
            ),
        ),
        migrations.AddField(
            model_name="contractevent",
            name="price_book",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="commerce.pricebook",
            ),
        ),
        migrations.AddField(
            model_name="price",
            name="figures",
            field=models.JSONField(blank=True, default=dict, verbose_name="figures"),
        ),
        migrations.AddField(
            model_name="price",
            name="is_stackable",
            field=models.BooleanField(default=False, verbose_name="discount schedules apply on top"),
        ),
        migrations.AddField(
            model_name="price",
            name="method",
            field=models.CharField(default="list", max_length=20, verbose_name="method"),
        ),
        migrations.AddField(
            model_name="price",
            name="price_months",
            field=models.PositiveSmallIntegerField(
                default=1,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(120)],
                verbose_name="months the price is for",
            ),
        ),
        migrations.AddField(
            model_name="pricebook",
            name="account",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="price_books",
                to="accounts.account",
                verbose_name="company",
            ),
        ),
        migrations.AddField(
            model_name="pricebook",
            name="regions",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    max_length=2,
                    validators=[
                        django.core.validators.RegexValidator("^[A-Z]{2}$", "A country is two capital letters, as DE.")
                    ],
                ),
                blank=True,
                default=list,
                size=None,
                verbose_name="countries",
            ),
        ),
        migrations.AddField(
            model_name="pricebook",
            name="valid_from",
            field=models.DateField(blank=True, null=True, verbose_name="valid from"),
        ),
        migrations.AddField(
            model_name="pricebook",
            name="valid_until",
            field=models.DateField(blank=True, null=True, verbose_name="valid until"),
        ),
        migrations.AddField(
            model_name="priceevent",
            name="figures",
            field=models.JSONField(blank=True, default=dict, verbose_name="figures"),
        ),
        migrations.AddField(
            model_name="priceevent",
            name="is_stackable",
            field=models.BooleanField(default=False, verbose_name="discount schedules apply on top"),
        ),
        migrations.AddField(
            model_name="priceevent",
            name="method",
            field=models.CharField(default="list", max_length=20, verbose_name="method"),
        ),
        migrations.AddField(
            model_name="priceevent",
            name="price_months",
            field=models.PositiveSmallIntegerField(
                default=1,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(120)],
                verbose_name="months the price is for",
            ),
        ),
        migrations.AddField(
            model_name="taxrate",
            name="treatment",
            field=models.CharField(
                choices=[("exclusive", "are before tax"), ("inclusive", "have the tax in them")],
                default="exclusive",
                max_length=10,
                verbose_name="prices there",
            ),
        ),
        migrations.AlterField(
            model_name="price",
            name="product",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="prices",
                to="commerce.product",
                verbose_name="product",
            ),
        ),
        migrations.AlterField(
            model_name="price",
            name="unit_price",
            field=models.DecimalField(
                decimal_places=12,
                default=Decimal("0"),
                max_digits=20,
                validators=[django.core.validators.MinValueValidator(0)],
                verbose_name="unit price",
            ),
        ),
        migrations.AlterField(
            model_name="price",
            name="valid_from",
            field=models.DateField(verbose_name="valid from"),
        ),
        migrations.AlterField(
            model_name="price",
            name="valid_until",
            field=models.DateField(blank=True, null=True, verbose_name="valid until"),
        ),
        migrations.AlterField(
            model_name="pricebook",
            name="currency",
            field=models.CharField(max_length=3, verbose_name="currency"),
        ),
        migrations.AlterField(
            model_name="pricebook",
            name="name",
            field=models.CharField(max_length=80, verbose_name="name"),
        ),
        migrations.AlterField(
            model_name="pricebook",
            name="tier",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="price_books",
                to="accounts.tier",
                verbose_name="tier",
            ),
        ),
        migrations.AlterField(
            model_name="priceevent",
            name="product",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="commerce.product",
                verbose_name="product",
            ),
        ),
        migrations.AlterField(
            model_name="priceevent",
            name="unit_price",
            field=models.DecimalField(
                decimal_places=12,
                default=Decimal("0"),
                max_digits=20,
                validators=[django.core.validators.MinValueValidator(0)],
                verbose_name="unit price",
            ),
        ),
        migrations.AlterField(
            model_name="priceevent",
            name="valid_from",
            field=models.DateField(verbose_name="valid from"),
        ),
        migrations.AlterField(
            model_name="priceevent",
            name="valid_until",
            field=models.DateField(blank=True, null=True, verbose_name="valid until"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contract",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "commerce_contractevent" ("account_id", "auto_renew", "created_at", "currency", "end_date", "id", "notice_days", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "price_book_id", "public_id", "risk_score", "serial", "signed_date", "start_date", "status", "term_months", "version") VALUES (NEW."account_id", NEW."auto_renew", NEW."created_at", NEW."currency", NEW."end_date", NEW."id", NEW."notice_days", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."price_book_id", NEW."public_id", NEW."risk_score", NEW."serial", NEW."signed_date", NEW."start_date", NEW."status", NEW."term_months", NEW."version"); RETURN NULL;',
                    hash="5a35e3903306d32a55186f88a84484653a74f011",
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
                    func='INSERT INTO "commerce_contractevent" ("account_id", "auto_renew", "created_at", "currency", "end_date", "id", "notice_days", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "price_book_id", "public_id", "risk_score", "serial", "signed_date", "start_date", "status", "term_months", "version") VALUES (NEW."account_id", NEW."auto_renew", NEW."created_at", NEW."currency", NEW."end_date", NEW."id", NEW."notice_days", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."price_book_id", NEW."public_id", NEW."risk_score", NEW."serial", NEW."signed_date", NEW."start_date", NEW."status", NEW."term_months", NEW."version"); RETURN NULL;',
                    hash="71e57c131acf69c9b9eeba1946afc240470f3a8f",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_95f2d",
                    table="commerce_contract",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="price",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "commerce_priceevent" ("book_id", "figures", "id", "is_stackable", "method", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "price_months", "product_id", "public_id", "term_schedule_id", "unit_price", "valid_from", "valid_until", "volume_schedule_id") VALUES (NEW."book_id", NEW."figures", NEW."id", NEW."is_stackable", NEW."method", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."price_months", NEW."product_id", NEW."public_id", NEW."term_schedule_id", NEW."unit_price", NEW."valid_from", NEW."valid_until", NEW."volume_schedule_id"); RETURN NULL;',
                    hash="dc469bff5137b0e50733e7f40cd09f680ccea147",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_c8c18",
                    table="commerce_price",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="price",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "commerce_priceevent" ("book_id", "figures", "id", "is_stackable", "method", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "price_months", "product_id", "public_id", "term_schedule_id", "unit_price", "valid_from", "valid_until", "volume_schedule_id") VALUES (NEW."book_id", NEW."figures", NEW."id", NEW."is_stackable", NEW."method", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."price_months", NEW."product_id", NEW."public_id", NEW."term_schedule_id", NEW."unit_price", NEW."valid_from", NEW."valid_until", NEW."volume_schedule_id"); RETURN NULL;',
                    hash="9c26ee060731972b0472e352c71f06febf6bae9a",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_18ce3",
                    table="commerce_price",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="pricebook",
            constraint=models.UniqueConstraint(
                fields=("account", "tier", "currency", "regions", "valid_from"),
                name="price_book_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="pricebook",
            constraint=models.CheckConstraint(
                condition=models.Q(("tier__isnull", True), ("account__isnull", True), _connector="OR"),
                name="price_book_of_tier_or_account",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricebook",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_until__isnull", True),
                    ("valid_from__isnull", True),
                    ("valid_until__gt", models.F("valid_from")),
                    _connector="OR",
                ),
                name="price_book_period",
            ),
        ),
        migrations.AddField(
            model_name="contractedprice",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="contracted_prices",
                to="accounts.account",
                verbose_name="company",
            ),
        ),
        migrations.AddField(
            model_name="contractedprice",
            name="product",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="commerce.product",
                verbose_name="product",
            ),
        ),
        migrations.AddField(
            model_name="contractedpriceevent",
            name="account",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.account",
                verbose_name="company",
            ),
        ),
        migrations.AddField(
            model_name="contractedpriceevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="commerce.contractedprice",
            ),
        ),
        migrations.AddField(
            model_name="contractedpriceevent",
            name="product",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="commerce.product",
                verbose_name="product",
            ),
        ),
        migrations.AddField(
            model_name="contractedpriceevent",
            name="term_schedule",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                limit_choices_to={"kind": "term"},
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="commerce.discountschedule",
                verbose_name="term discount",
            ),
        ),
        migrations.AddField(
            model_name="contractedpriceevent",
            name="volume_schedule",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                limit_choices_to={"kind": "volume"},
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="commerce.discountschedule",
                verbose_name="volume discount",
            ),
        ),
        migrations.AddField(
            model_name="contractedprice",
            name="term_schedule",
            field=models.ForeignKey(
                blank=True,
                limit_choices_to={"kind": "term"},
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="commerce.discountschedule",
                verbose_name="term discount",
            ),
        ),
        migrations.AddField(
            model_name="contractedprice",
            name="volume_schedule",
            field=models.ForeignKey(
                blank=True,
                limit_choices_to={"kind": "volume"},
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="commerce.discountschedule",
                verbose_name="volume discount",
            ),
        ),
        migrations.AddField(
            model_name="price",
            name="term_schedule",
            field=models.ForeignKey(
                blank=True,
                limit_choices_to={"kind": "term"},
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="commerce.discountschedule",
                verbose_name="term discount",
            ),
        ),
        migrations.AddField(
            model_name="price",
            name="volume_schedule",
            field=models.ForeignKey(
                blank=True,
                limit_choices_to={"kind": "volume"},
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="commerce.discountschedule",
                verbose_name="volume discount",
            ),
        ),
        migrations.AddField(
            model_name="priceevent",
            name="term_schedule",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                limit_choices_to={"kind": "term"},
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="commerce.discountschedule",
                verbose_name="term discount",
            ),
        ),
        migrations.AddField(
            model_name="priceevent",
            name="volume_schedule",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                limit_choices_to={"kind": "volume"},
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="commerce.discountschedule",
                verbose_name="volume discount",
            ),
        ),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.CheckConstraint(condition=models.Q(("price_months__gte", 1)), name="price_for_months"),
        ),
        migrations.AddField(
            model_name="pricerule",
            name="account",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.account",
                verbose_name="company",
            ),
        ),
        migrations.AddField(
            model_name="pricerule",
            name="tier",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.tier",
                verbose_name="tier",
            ),
        ),
        migrations.AddField(
            model_name="priceruleevent",
            name="account",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.account",
                verbose_name="company",
            ),
        ),
        migrations.AddField(
            model_name="priceruleevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="commerce.pricerule",
            ),
        ),
        migrations.AddField(
            model_name="priceruleevent",
            name="tier",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.tier",
                verbose_name="tier",
            ),
        ),
        migrations.AddField(
            model_name="productcost",
            name="product",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="costs",
                to="commerce.product",
                verbose_name="product",
            ),
        ),
        migrations.AddField(
            model_name="productcostevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="commerce.productcost",
            ),
        ),
        migrations.AddField(
            model_name="productcostevent",
            name="product",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="commerce.product",
                verbose_name="product",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contractedpriceevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="acdaa76a54cb528d8472514c9fe8ebcdaa28a9f6",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_4d3e1",
                    table="commerce_contractedpriceevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="contractedprice",
            constraint=models.UniqueConstraint(
                fields=("account", "product", "currency", "valid_from"), name="contracted_price_once_per_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="contractedprice",
            constraint=models.CheckConstraint(
                condition=models.Q(("unit_price__gte", 0)), name="contracted_price_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="contractedprice",
            constraint=models.CheckConstraint(
                condition=models.Q(("price_months__gte", 1)), name="contracted_price_for_months"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contractedprice",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "commerce_contractedpriceevent" ("account_id", "currency", "figures", "id", "is_stackable", "method", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "price_months", "product_id", "public_id", "term_schedule_id", "unit_price", "valid_from", "valid_until", "volume_schedule_id") VALUES (NEW."account_id", NEW."currency", NEW."figures", NEW."id", NEW."is_stackable", NEW."method", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."price_months", NEW."product_id", NEW."public_id", NEW."term_schedule_id", NEW."unit_price", NEW."valid_from", NEW."valid_until", NEW."volume_schedule_id"); RETURN NULL;',
                    hash="554bef355cec7f90a85ecd714abcd6655e04852a",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_b5532",
                    table="commerce_contractedprice",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contractedprice",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "commerce_contractedpriceevent" ("account_id", "currency", "figures", "id", "is_stackable", "method", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "price_months", "product_id", "public_id", "term_schedule_id", "unit_price", "valid_from", "valid_until", "volume_schedule_id") VALUES (NEW."account_id", NEW."currency", NEW."figures", NEW."id", NEW."is_stackable", NEW."method", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."price_months", NEW."product_id", NEW."public_id", NEW."term_schedule_id", NEW."unit_price", NEW."valid_from", NEW."valid_until", NEW."volume_schedule_id"); RETURN NULL;',
                    hash="65a3a868806430050163775a882105938b0d7fd8",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_a5a6a",
                    table="commerce_contractedprice",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="pricerule",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_active", True)),
                fields=("order",),
                name="price_rule_order",
                violation_error_message="Another active rule has this order: then chance would decide.",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricerule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("special_price__isnull", False), ("discount_percent__isnull", False), _connector="OR"
                ),
                name="price_rule_does_something",
                violation_error_message="A rule gives a special price, a discount, or both.",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricerule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("special_price__isnull", True), models.Q(("currency", ""), _negated=True), _connector="OR"
                ),
                name="price_rule_currency",
                violation_error_message="A special price needs its currency.",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricerule",
            constraint=models.CheckConstraint(
                condition=models.Q(("special_price__isnull", True), ("special_price__gte", 0), _connector="OR"),
                name="price_rule_special_price",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricerule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("discount_percent__isnull", True),
                    models.Q(("discount_percent__gte", 0), ("discount_percent__lte", 100)),
                    _connector="OR",
                ),
                name="price_rule_discount",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricerule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_until__isnull", True),
                    ("valid_from__isnull", True),
                    ("valid_until__gt", models.F("valid_from")),
                    _connector="OR",
                ),
                name="price_rule_period",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="pricerule",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "commerce_priceruleevent" ("account_id", "conditions", "currency", "discount_percent", "id", "is_active", "name", "order", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "special_price", "tier_id", "valid_from", "valid_until") VALUES (NEW."account_id", NEW."conditions", NEW."currency", NEW."discount_percent", NEW."id", NEW."is_active", NEW."name", NEW."order", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."public_id", NEW."special_price", NEW."tier_id", NEW."valid_from", NEW."valid_until"); RETURN NULL;',
                    hash="35498623c5b4e5aa5287c4406c6f97a6656ee305",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_7d081",
                    table="commerce_pricerule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="pricerule",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "commerce_priceruleevent" ("account_id", "conditions", "currency", "discount_percent", "id", "is_active", "name", "order", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "special_price", "tier_id", "valid_from", "valid_until") VALUES (NEW."account_id", NEW."conditions", NEW."currency", NEW."discount_percent", NEW."id", NEW."is_active", NEW."name", NEW."order", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."public_id", NEW."special_price", NEW."tier_id", NEW."valid_from", NEW."valid_until"); RETURN NULL;',
                    hash="318b4c5519c97f72eab2ea6be35c6ace4f766568",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_0b616",
                    table="commerce_pricerule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="priceruleevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="f97045b6b5b78ecd963e33b693a37878e98101db",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_948dd",
                    table="commerce_priceruleevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="productcost",
            constraint=models.UniqueConstraint(
                fields=("product", "currency", "valid_from"), name="product_cost_once_per_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="productcost",
            constraint=models.CheckConstraint(condition=models.Q(("cost__gte", 0)), name="product_cost_not_negative"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="productcost",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "commerce_productcostevent" ("cost", "currency", "floor_price", "id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "product_id", "valid_from", "valid_until") VALUES (NEW."cost", NEW."currency", NEW."floor_price", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."product_id", NEW."valid_from", NEW."valid_until"); RETURN NULL;',
                    hash="48e3e6da8125557bd716c8ffb5acfe89ee1493e4",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_8d249",
                    table="commerce_productcost",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="productcost",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "commerce_productcostevent" ("cost", "currency", "floor_price", "id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "product_id", "valid_from", "valid_until") VALUES (NEW."cost", NEW."currency", NEW."floor_price", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."product_id", NEW."valid_from", NEW."valid_until"); RETURN NULL;',
                    hash="44d934e233e3ace06607ae39d6451e6dd9633833",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_09bde",
                    table="commerce_productcost",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="productcostevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="19b4f177ef31f27214af293f7e54ae2966ece1bd",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_5c3b7",
                    table="commerce_productcostevent",
                    when="BEFORE",
                ),
            ),
        ),
    ]
