"""What a bank has told stands, and whose money it is is decided once.

Triggers of our own, without pgtrigger's hook to ignore them.
"""

from django.db import migrations

GUARD = """
CREATE FUNCTION commerce_guard_transfer() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
  changing CONSTANT text[] := ARRAY['account_id', 'invoice_id', 'state', 'problem', 'note', 'handled_by_id',
                                    'handled_at'];
BEGIN
  IF TG_OP = 'DELETE' OR OLD.state <> 'waiting'
     OR to_jsonb(OLD) - changing IS DISTINCT FROM to_jsonb(NEW) - changing THEN
    RAISE EXCEPTION 'bank transfer % stands', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON commerce_banktransfer
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_transfer();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commerce_bankstatement
  FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
"""
DROP_GUARD = """
DROP TRIGGER append_only ON commerce_bankstatement;
DROP TRIGGER guard ON commerce_banktransfer;
DROP FUNCTION commerce_guard_transfer();
"""


class Migration(migrations.Migration):
    dependencies = [("commerce", "0041_bank_transfers")]

    operations = [migrations.RunSQL(GUARD, DROP_GUARD)]
