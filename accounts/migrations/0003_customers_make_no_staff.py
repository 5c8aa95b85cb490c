"""Whoever a customer's request may change, it makes nobody staff: the database refuses, whatever code tries."""

from django.db import migrations

GUARD = """
CREATE FUNCTION accounts_guard_staff() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF current_user = 'portal_customer' AND (
    TG_OP = 'INSERT' AND (NEW.is_staff OR NEW.is_superuser)
    OR TG_OP = 'UPDATE' AND (NEW.is_staff, NEW.is_superuser, NEW.is_active)
                            IS DISTINCT FROM (OLD.is_staff, OLD.is_superuser, OLD.is_active)
  ) THEN
    RAISE EXCEPTION 'a customer''s request makes nobody staff' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_staff BEFORE INSERT OR UPDATE ON accounts_user
  FOR EACH ROW EXECUTE FUNCTION accounts_guard_staff();
"""
DROP_GUARD = "DROP TRIGGER guard_staff ON accounts_user; DROP FUNCTION accounts_guard_staff();"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_no_visits_in_the_audit")]

    operations = [migrations.RunSQL(GUARD, DROP_GUARD)]
