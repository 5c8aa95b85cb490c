"""Messages are appended, and a case goes only the ways it may: the database refuses what code must not do.

Triggers of our own, without pgtrigger's hook to ignore them. A way not named here does not exist.
"""

from django.conf import settings
from django.db import migrations, models

CASE = """
CREATE FUNCTION cases_guard_case() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'case % is kept', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (OLD.public_id, OLD.serial, OLD.account_id, OLD.opened_by_id, OLD.form_key, OLD.created_at)
     IS DISTINCT FROM
     (NEW.public_id, NEW.serial, NEW.account_id, NEW.opened_by_id, NEW.form_key, NEW.created_at) THEN
    RAISE EXCEPTION 'the origin of case % stands', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF OLD.status IS DISTINCT FROM NEW.status AND NOT (OLD.status || '>' || NEW.status) = ANY (ARRAY[
    'new>open', 'new>waiting', 'new>resolved', 'new>closed',
    'open>waiting', 'open>resolved', 'open>closed',
    'waiting>open', 'waiting>resolved', 'waiting>closed',
    'resolved>open', 'resolved>waiting', 'resolved>closed',
    'closed>open', 'closed>waiting'
  ]) THEN
    RAISE EXCEPTION 'case % does not go from % to %', OLD.serial, OLD.status, NEW.status
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON cases_case FOR EACH ROW EXECUTE FUNCTION cases_guard_case();
"""
DROP_CASE = """
DROP TRIGGER guard ON cases_case;
DROP FUNCTION cases_guard_case();
"""

APPEND_ONLY = """
CREATE FUNCTION cases_append_only() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  RAISE EXCEPTION '% is appended to, never changed', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON cases_casemessage
  FOR EACH ROW EXECUTE FUNCTION cases_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON cases_caseattachment
  FOR EACH ROW EXECUTE FUNCTION cases_append_only();
"""
DROP_APPEND_ONLY = """
DROP TRIGGER append_only ON cases_caseattachment;
DROP TRIGGER append_only ON cases_casemessage;
DROP FUNCTION cases_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("cases", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(model_name="case", name="case_account_recent"),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(fields=["account", "-updated_at", "-serial"], name="case_account_recent"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(fields=["-updated_at", "-serial"], name="case_recent"),
        ),
        migrations.RunSQL(CASE, DROP_CASE),
        migrations.RunSQL(APPEND_ONLY, DROP_APPEND_ONLY),
    ]
