"""The audit log: appended, and never changed by anybody.

Triggers of our own, without pgtrigger's hook to ignore them. Entries, notes and seals may be deleted once the shortest
time that the law asks for is over; the address in a note may be taken out.
"""

import django.utils.timezone
from django.db import migrations, models


GUARD = """
CREATE FUNCTION accounts_guard_audit() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
  written_at timestamptz := CASE TG_TABLE_NAME
    WHEN 'accounts_auditnote' THEN (to_jsonb(OLD) ->> 'occurred_at')::timestamptz
    WHEN 'accounts_auditentry' THEN (to_jsonb(OLD) ->> 'recorded_at')::timestamptz
    ELSE (to_jsonb(OLD) ->> 'sealed_at')::timestamptz END;
BEGIN
  IF TG_OP = 'DELETE' AND written_at < now() - interval '6 years' THEN
    RETURN OLD;
  END IF;
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'accounts_auditnote'
     AND to_jsonb(NEW) -> 'ip' = 'null' AND to_jsonb(NEW) - 'ip' = to_jsonb(OLD) - 'ip' THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% is appended to, never changed', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditnote
  FOR EACH ROW EXECUTE FUNCTION accounts_guard_audit();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditentry
  FOR EACH ROW EXECUTE FUNCTION accounts_guard_audit();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditseal
  FOR EACH ROW EXECUTE FUNCTION accounts_guard_audit();
"""
DROP_GUARD = """
DROP TRIGGER append_only ON accounts_auditseal;
DROP TRIGGER append_only ON accounts_auditentry;
DROP TRIGGER append_only ON accounts_auditnote;
DROP FUNCTION accounts_guard_audit();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_guard_members"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditNote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("account_id", models.BigIntegerField(null=True)),
                ("occurred_at", models.DateTimeField()),
                ("action", models.CharField(max_length=80)),
                ("actor_kind", models.CharField(max_length=10)),
                ("actor_id", models.BigIntegerField(null=True)),
                ("on_behalf_of", models.BigIntegerField(null=True)),
                ("subject_id", models.BigIntegerField(null=True)),
                ("object_type", models.CharField(blank=True, max_length=60)),
                ("object_id", models.CharField(blank=True, max_length=64)),
                ("object_label", models.CharField(blank=True, max_length=200)),
                ("details", models.JSONField(default=dict)),
                ("ip", models.GenericIPAddressField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False, verbose_name="day")),
                ("last_sequence", models.BigIntegerField(verbose_name="last entry")),
                ("head", models.CharField(max_length=64, verbose_name="hash of the last entry")),
                ("previous_signature", models.CharField(blank=True, max_length=128)),
                ("signature", models.CharField(max_length=128, verbose_name="signature")),
                ("sealed_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="sealed at")),
            ],
            options={
                "verbose_name": "audit seal",
                "verbose_name_plural": "audit seals",
                "ordering": ["-day"],
            },
        ),
        migrations.CreateModel(
            name="AuditSource",
            fields=[
                ("name", models.CharField(max_length=63, primary_key=True, serialize=False)),
                ("floor", models.BigIntegerField(default=0)),
                ("ceiling", models.BigIntegerField(null=True)),
                ("fence", models.BigIntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("sequence", models.BigIntegerField(primary_key=True, serialize=False)),
                ("account_id", models.BigIntegerField(null=True)),
                ("is_public", models.BooleanField()),
                ("occurred_at", models.DateTimeField(verbose_name="when")),
                ("recorded_at", models.DateTimeField()),
                ("action", models.CharField(max_length=80, verbose_name="what")),
                ("actor_kind", models.CharField(max_length=10)),
                ("actor_id", models.BigIntegerField(null=True)),
                ("on_behalf_of", models.BigIntegerField(null=True)),
                ("subject_id", models.BigIntegerField(null=True)),
                ("object_type", models.CharField(blank=True, max_length=60)),
                ("object_id", models.CharField(blank=True, max_length=64)),
                ("object_label", models.CharField(blank=True, max_length=200)),
                ("changes", models.JSONField(default=dict)),
                ("source", models.CharField(max_length=63)),
                ("source_id", models.BigIntegerField()),
                ("previous_hash", models.CharField(max_length=64)),
                ("hash", models.CharField(max_length=64)),
            ],
            options={
                "verbose_name": "audit entry",
                "verbose_name_plural": "audit log",
                "indexes": [
                    models.Index(fields=["account_id", "occurred_at", "sequence"], name="audit_account_time"),
                    models.Index(fields=["occurred_at", "sequence"], name="audit_time"),
                    models.Index(fields=["recorded_at"], name="audit_recorded"),
                ],
                "constraints": [models.UniqueConstraint(fields=("source", "source_id"), name="audit_entry_once")],
            },
        ),
        migrations.RunSQL(GUARD, DROP_GUARD),
    ]
