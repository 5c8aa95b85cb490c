"""The deal desk looks at what a customer orders above the self-service limit, once somebody sets one."""

from django.db import migrations

NAME = "Above the self-service limit"
CONDITIONS = [
    {"fact": "origin", "operator": "is", "value": "portal"},
    {"fact": "over_self_service_limit", "operator": "above", "value": "0"},
]


def add_rule(apps, schema_editor):
    rule = apps.get_model("commerce", "ApprovalRule").objects.create(name=NAME, conditions=CONDITIONS)
    apps.get_model("commerce", "ApprovalStep").objects.create(
        rule=rule, position=1, group="Revenue manager", escalate_after_days=2, escalate_to_group="Executive"
    )


class Migration(migrations.Migration):
    dependencies = [("commerce", "0025_self_service_limit")]

    operations = [migrations.RunPython(add_rule, migrations.RunPython.noop)]
