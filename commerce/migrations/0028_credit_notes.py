"""Credit notes, balances, refunds, reminders, and months whose books are closed."""

import django.core.serializers.json
import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0025_sign_in_and_invitations"),
        ("commerce", "0027_quote_terms"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BalanceEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("currency", models.CharField(max_length=3)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("credit", "Credited"),
                            ("used", "Used for an invoice"),
                            ("returned", "Given back, as the invoice was withdrawn"),
                            ("refund", "Paid back to the card"),
                            ("refund_failed", "Could not be paid back"),
                        ],
                        max_length=15,
                    ),
                ),
                ("amount_minor", models.BigIntegerField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "verbose_name_plural": "balance entries",
            },
        ),
        migrations.CreateModel(
            name="InvoiceReminder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("soon", "Due soon"),
                            ("due", "Due today"),
                            ("overdue", "Overdue"),
                            ("late", "Overdue for two weeks"),
                            ("last", "Overdue for a month"),
                        ],
                        max_length=10,
                    ),
                ),
                ("sent_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["sent_at", "pk"],
            },
        ),
        migrations.CreateModel(
            name="PeriodClose",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("legal_entity", models.CharField(max_length=120, verbose_name="legal entity")),
                ("month", models.DateField(verbose_name="month")),
                ("closed_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="closed at")),
            ],
        ),
        migrations.CreateModel(
            name="RefundAttempt",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("created", "Starting"),
                            ("submitting", "Being sent"),
                            ("unknown", "We are checking"),
                            ("pending", "On its way"),
                            ("succeeded", "Paid back"),
                            ("failed", "Could not be paid back"),
                            ("review", "Being reviewed by our team"),
                        ],
                        default="created",
                        max_length=20,
                    ),
                ),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("reason", models.CharField(max_length=200)),
                ("request", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ("idempotency_key", models.CharField(max_length=100)),
                ("stripe_refund_id", models.CharField(blank=True, max_length=80)),
                ("error_code", models.CharField(blank=True, max_length=80)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("submitted_at", models.DateTimeField(blank=True, null=True)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                ("next_check_at", models.DateTimeField(blank=True, null=True)),
                ("checks", models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                "permissions": [("refund_payments", "Can pay money back to cards")],
            },
        ),
        migrations.AlterModelOptions(
            name="invoice",
            options={
                "permissions": [
                    ("credit_invoices", "Can credit invoices"),
                    ("write_off_invoices", "Can write off invoices that nobody will pay"),
                ]
            },
        ),
        migrations.AddField(
            model_name="invoice",
            name="written_off_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="invoice",
            name="closing_note",
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddField(
            model_name="invoice",
            name="corrects",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrections",
                to="commerce.invoice",
            ),
        ),
        migrations.AddField(
            model_name="invoice",
            name="covered_minor",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="invoice",
            name="kind",
            field=models.CharField(
                choices=[("invoice", "Invoice"), ("credit_note", "Credit note")], default="invoice", max_length=12
            ),
        ),
        migrations.AddField(
            model_name="invoice",
            name="reason",
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="corrects",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrections",
                to="commerce.invoiceline",
            ),
        ),
        migrations.AddField(
            model_name="invoiceseries",
            name="kind",
            field=models.CharField(
                choices=[("invoice", "Invoice"), ("credit_note", "Credit note")], default="invoice", max_length=12
            ),
        ),
        migrations.AlterField(
            model_name="invoice",
            name="status",
            field=models.CharField(
                choices=[
                    ("open", "Open"),
                    ("paid", "Paid"),
                    ("void", "Void"),
                    ("credited", "Credited"),
                    ("written_off", "Written off"),
                ],
                default="open",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="invoiceseries",
            name="legal_entity",
            field=models.CharField(max_length=120),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("corrects", None), ("kind", "invoice")),
                    models.Q(
                        ("corrects__isnull", False),
                        ("kind", "credit_note"),
                        ("status", "credited"),
                        ("total_minor__lt", 0),
                    ),
                    _connector="OR",
                ),
                name="invoice_credit_note_corrects",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("covered_minor", 0),
                    models.Q(("covered_minor__gt", 0), ("covered_minor__lte", models.F("total_minor"))),
                    _connector="OR",
                ),
                name="invoice_covered_at_most",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoiceseries",
            constraint=models.UniqueConstraint(fields=("legal_entity", "kind"), name="invoice_series_once"),
        ),
        migrations.AddField(
            model_name="balanceentry",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="balance_entries", to="accounts.account"
            ),
        ),
        migrations.AddField(
            model_name="balanceentry",
            name="invoice",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="balance_entries",
                to="commerce.invoice",
            ),
        ),
        migrations.AddField(
            model_name="invoicereminder",
            name="account",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="accounts.account"),
        ),
        migrations.AddField(
            model_name="invoicereminder",
            name="invoice",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="reminders", to="commerce.invoice"
            ),
        ),
        migrations.AddField(
            model_name="periodclose",
            name="closed_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="refundattempt",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="refund_attempts", to="accounts.account"
            ),
        ),
        migrations.AddField(
            model_name="refundattempt",
            name="created_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="refundattempt",
            name="payment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="refunds", to="commerce.paymentattempt"
            ),
        ),
        migrations.AddField(
            model_name="balanceentry",
            name="refund",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="balance_entries",
                to="commerce.refundattempt",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoicereminder",
            constraint=models.UniqueConstraint(fields=("account", "invoice", "stage"), name="invoice_reminder_once"),
        ),
        migrations.AddConstraint(
            model_name="periodclose",
            constraint=models.UniqueConstraint(fields=("legal_entity", "month"), name="period_close_once"),
        ),
        migrations.AddIndex(
            model_name="refundattempt",
            index=models.Index(
                condition=models.Q(("state__in", ("created", "submitting", "unknown", "pending"))),
                fields=["next_check_at"],
                name="refund_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundattempt",
            constraint=models.UniqueConstraint(fields=("account", "idempotency_key"), name="refund_key_once"),
        ),
        migrations.AddConstraint(
            model_name="refundattempt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("stripe_refund_id", ""), _negated=True),
                fields=("account", "stripe_refund_id"),
                name="refund_id_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundattempt",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0)), name="refund_amount_positive"
            ),
        ),
        migrations.AddIndex(
            model_name="balanceentry",
            index=models.Index(fields=["account", "currency", "-id"], name="balance_of_account"),
        ),
        migrations.AddConstraint(
            model_name="balanceentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("invoice__isnull", False)),
                fields=("account", "invoice", "kind"),
                name="balance_once_per_invoice",
            ),
        ),
        migrations.AddConstraint(
            model_name="balanceentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("refund__isnull", False)),
                fields=("account", "refund", "kind"),
                name="balance_once_per_refund",
            ),
        ),
        migrations.AddConstraint(
            model_name="balanceentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount_minor__gt", 0), ("kind__in", ["credit", "returned", "refund_failed"])),
                    models.Q(("amount_minor__lt", 0), ("kind__in", ["used", "refund"])),
                    _connector="OR",
                ),
                name="balance_direction",
            ),
        ),
    ]
