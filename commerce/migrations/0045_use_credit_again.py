"""Credit is used for an open invoice as often as a company has some."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commerce", "0044_checkout")]

    operations = [
        migrations.RemoveConstraint(model_name="balanceentry", name="balance_once_per_invoice"),
        migrations.AddConstraint(
            model_name="balanceentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("bank_transfer", None), ("invoice__isnull", False), models.Q(("kind", "applied"), _negated=True)
                ),
                fields=("account", "invoice", "kind"),
                name="balance_once_per_invoice",
            ),
        ),
    ]
