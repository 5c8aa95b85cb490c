"""The terms for all who pay late, and a history of dunning that stands."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

STEPS = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commerce_dunningstep
  FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
"""
DROP_STEPS = "DROP TRIGGER append_only ON commerce_dunningstep;"


def add_terms(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("commerce", "DunningPolicy").objects.get_or_create(
        legal_entity="", defaults={"retry_days": [3, 7, 14]}
    )


class Migration(migrations.Migration):
    dependencies = [("commerce", "0037_dunning")]

    operations = [
        migrations.RunPython(add_terms, migrations.RunPython.noop),
        migrations.RunSQL(STEPS, DROP_STEPS),
    ]
