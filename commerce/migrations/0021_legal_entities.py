"""Who sends bills, and what e-invoices ask for: frozen with each bill from now on."""

import django.core.serializers.json
import django.core.validators
import django.db.models.deletion
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

# Bills never change; this copies what their orders say, and have said since.
PO_NUMBERS = """
ALTER TABLE commerce_invoice DISABLE TRIGGER guard;
UPDATE commerce_invoice i SET po_number = o.po_number FROM commerce_order o WHERE o.id = i.order_id AND o.po_number <> '';
ALTER TABLE commerce_invoice ENABLE TRIGGER guard;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("commerce", "0020_ask_for_mixes"),
    ]

    operations = [
        migrations.CreateModel(
            name="LegalEntity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, unique=True, verbose_name="legal name")),
                ("street", models.CharField(blank=True, max_length=200, verbose_name="street")),
                ("postal_code", models.CharField(blank=True, max_length=20, verbose_name="postal code")),
                ("city", models.CharField(blank=True, max_length=100, verbose_name="city")),
                (
                    "country",
                    models.CharField(
                        blank=True,
                        max_length=2,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{2}$", "Write the country as two capital letters, such as DE."
                            )
                        ],
                        verbose_name="country",
                    ),
                ),
                ("vat_id", models.CharField(blank=True, max_length=20, verbose_name="VAT id")),
                (
                    "registration",
                    models.CharField(
                        blank=True,
                        help_text="Its number in the commercial register.",
                        max_length=80,
                        verbose_name="registration",
                    ),
                ),
                (
                    "email",
                    models.EmailField(
                        blank=True, help_text="Where questions about bills go.", max_length=254, verbose_name="e-mail"
                    ),
                ),
                ("phone", models.CharField(blank=True, max_length=40, verbose_name="phone")),
                (
                    "iban",
                    models.CharField(
                        blank=True, help_text="The account that transfers go to.", max_length=42, verbose_name="IBAN"
                    ),
                ),
                (
                    "bic",
                    models.CharField(
                        blank=True,
                        max_length=11,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$", "A BIC has 8 or 11 letters and digits."
                            )
                        ],
                        verbose_name="BIC",
                    ),
                ),
            ],
            options={
                "verbose_name": "legal entity",
                "verbose_name_plural": "legal entities",
            },
        ),
        migrations.CreateModel(
            name="LegalEntityEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("pgh_context_id", models.UUIDField(null=True)),
                ("id", models.BigIntegerField()),
                ("name", models.CharField(max_length=120, verbose_name="legal name")),
                ("street", models.CharField(blank=True, max_length=200, verbose_name="street")),
                ("postal_code", models.CharField(blank=True, max_length=20, verbose_name="postal code")),
                ("city", models.CharField(blank=True, max_length=100, verbose_name="city")),
                (
                    "country",
                    models.CharField(
                        blank=True,
                        max_length=2,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{2}$", "Write the country as two capital letters, such as DE."
                            )
                        ],
                        verbose_name="country",
                    ),
                ),
                ("vat_id", models.CharField(blank=True, max_length=20, verbose_name="VAT id")),
                (
                    "registration",
                    models.CharField(
                        blank=True,
                        help_text="Its number in the commercial register.",
                        max_length=80,
                        verbose_name="registration",
                    ),
                ),
                (
                    "email",
                    models.EmailField(
                        blank=True, help_text="Where questions about bills go.", max_length=254, verbose_name="e-mail"
                    ),
                ),
                ("phone", models.CharField(blank=True, max_length=40, verbose_name="phone")),
                (
                    "iban",
                    models.CharField(
                        blank=True, help_text="The account that transfers go to.", max_length=42, verbose_name="IBAN"
                    ),
                ),
                (
                    "bic",
                    models.CharField(
                        blank=True,
                        max_length=11,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$", "A BIC has 8 or 11 letters and digits."
                            )
                        ],
                        verbose_name="BIC",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="invoice",
            name="buyer_reference",
            field=models.CharField(blank=True, max_length=60),
        ),
        migrations.AddField(
            model_name="invoice",
            name="po_number",
            field=models.CharField(blank=True, max_length=60),
        ),
        migrations.AddField(
            model_name="invoice",
            name="seller",
            field=models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder),
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="tax_category",
            field=models.CharField(
                blank=True, choices=[("S", "standard"), ("AE", "reverse charge"), ("Z", "zero rated")], max_length=2
            ),
        ),
        migrations.AddField(
            model_name="quoteline",
            name="tax_category",
            field=models.CharField(
                blank=True, choices=[("S", "standard"), ("AE", "reverse charge"), ("Z", "zero rated")], max_length=2
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalentity",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "commerce_legalentityevent" ("bic", "city", "country", "email", "iban", "id", "name", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "postal_code", "registration", "street", "vat_id") VALUES (NEW."bic", NEW."city", NEW."country", NEW."email", NEW."iban", NEW."id", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'insert\', NEW."id", NEW."phone", NEW."postal_code", NEW."registration", NEW."street", NEW."vat_id"); RETURN NULL;',
                    hash="f1f0cf7faa263efdf3f96660f51502a4ccc5c385",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_51ed3",
                    table="commerce_legalentity",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalentity",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "commerce_legalentityevent" ("bic", "city", "country", "email", "iban", "id", "name", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "postal_code", "registration", "street", "vat_id") VALUES (NEW."bic", NEW."city", NEW."country", NEW."email", NEW."iban", NEW."id", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, NOW(), \'update\', NEW."id", NEW."phone", NEW."postal_code", NEW."registration", NEW."street", NEW."vat_id"); RETURN NULL;',
                    hash="bca20b94a581786c8feab7a9ec53ec49e0758d43",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_6157b",
                    table="commerce_legalentity",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="legalentityevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="commerce.legalentity",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalentityevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="18a545b233e4f0e42871644bd1d1ba38dd9befad",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_f8395",
                    table="commerce_legalentityevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(PO_NUMBERS, migrations.RunSQL.noop),
    ]
