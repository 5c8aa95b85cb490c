"""What came by bank transfer, and is in credit, can go back by bank transfer."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commerce", "0046_quote_drawings")]

    operations = [
        migrations.RemoveConstraint(model_name="balanceentry", name="balance_direction"),
        migrations.AlterField(
            model_name="balanceentry",
            name="kind",
            field=models.CharField(
                choices=[
                    ("credit", "Credited"),
                    ("used", "Used for an invoice"),
                    ("returned", "Given back, as the invoice was withdrawn"),
                    ("refund", "Paid back to the card"),
                    ("paid_in", "Paid in by bank transfer"),
                    ("applied", "Paid towards an invoice"),
                    ("paid_out", "Paid back by bank transfer"),
                    ("refund_failed", "Could not be paid back"),
                ],
                max_length=15,
            ),
        ),
        migrations.AddConstraint(
            model_name="balanceentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount_minor__gt", 0), ("kind__in", ["credit", "returned", "refund_failed", "paid_in"])),
                    models.Q(("amount_minor__lt", 0), ("kind__in", ["used", "refund", "applied", "paid_out"])),
                    _connector="OR",
                ),
                name="balance_direction",
            ),
        ),
    ]
