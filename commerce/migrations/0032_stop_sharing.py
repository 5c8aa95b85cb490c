from django.db import migrations, models

# As it was, for shares that nobody has taken back.
SHOWS = """
CREATE OR REPLACE FUNCTION commerce_shows_configuration(maker bigint, of_configuration bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT maker = nullif(current_setting('portal.user', true), '')::bigint OR EXISTS (
    SELECT FROM commerce_configurationshare share
    WHERE share.configuration_id = of_configuration
      AND share.user_id = nullif(current_setting('portal.user', true), '')::bigint
      %(running)s
  )
$$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("commerce", "0031_renewals"),
    ]

    operations = [
        migrations.AddField(
            model_name="configurationshare",
            name="ended_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunSQL(SHOWS % {"running": "AND share.ended_at IS NULL"}, SHOWS % {"running": ""}),
    ]
