from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commerce", "0017_configurations")]

    operations = [
        migrations.AlterField(
            "configurationrule",
            "conditions",
            models.JSONField(blank=True, default=list, verbose_name="conditions"),
        ),
        migrations.AlterField(
            "configurationruleevent",
            "conditions",
            models.JSONField(blank=True, default=list, verbose_name="conditions"),
        ),
    ]
