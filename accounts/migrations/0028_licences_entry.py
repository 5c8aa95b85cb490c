"""An entry of the menu for the licences of those who see no orders."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0027_suspensions"),
    ]

    operations = [
        migrations.AlterField(
            model_name="menurule",
            name="entry",
            field=models.CharField(
                choices=[
                    ("home", "Home"),
                    ("knowledge:help", "Help"),
                    ("cases:list", "Cases"),
                    ("commerce:contracts", "Contracts"),
                    ("commerce:usage", "Usage"),
                    ("commerce:plans", "Plans"),
                    ("commerce:orders", "Orders"),
                    ("commerce:licences", "Licences and downloads"),
                    ("commerce:invoices", "Invoices"),
                    ("accounts:company", "Company"),
                ],
                max_length=40,
                verbose_name="entry",
            ),
        ),
        migrations.AlterField(
            model_name="menurule",
            name="position",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="1 is the first. Empty: the usual place.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10)],
                verbose_name="place",
            ),
        ),
        migrations.AlterField(
            model_name="menuruleevent",
            name="entry",
            field=models.CharField(
                choices=[
                    ("home", "Home"),
                    ("knowledge:help", "Help"),
                    ("cases:list", "Cases"),
                    ("commerce:contracts", "Contracts"),
                    ("commerce:usage", "Usage"),
                    ("commerce:plans", "Plans"),
                    ("commerce:orders", "Orders"),
                    ("commerce:licences", "Licences and downloads"),
                    ("commerce:invoices", "Invoices"),
                    ("accounts:company", "Company"),
                ],
                max_length=40,
                verbose_name="entry",
            ),
        ),
        migrations.AlterField(
            model_name="menuruleevent",
            name="position",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="1 is the first. Empty: the usual place.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10)],
                verbose_name="place",
            ),
        ),
    ]
