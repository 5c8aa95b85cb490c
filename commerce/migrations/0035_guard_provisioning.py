"""Steps go forward in their turn, an order is active once all of them are done, and keys are only ever revoked.

Triggers of our own, without pgtrigger's hook to ignore them.
"""

from django.db import migrations

# As in 0002, and: what is paid may be given up until it is active, by the vendor's rights alone; and the company's own
# number of the order stands once it is on a bill.
ORDER = """
CREATE OR REPLACE FUNCTION commerce_guard_order() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'order % is kept', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (OLD.public_id, OLD.serial, OLD.account_id, OLD.quote_id, OLD.contract_id, OLD.currency, OLD.total_minor)
     IS DISTINCT FROM
     (NEW.public_id, NEW.serial, NEW.account_id, NEW.quote_id, NEW.contract_id, NEW.currency, NEW.total_minor) THEN
    RAISE EXCEPTION 'order % is frozen', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.po_number <> OLD.po_number AND EXISTS (SELECT FROM commerce_invoice WHERE order_id = OLD.id) THEN
    RAISE EXCEPTION 'order % is invoiced', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.status = OLD.status THEN
    RETURN NEW;
  END IF;
  IF (OLD.status, NEW.status) NOT IN (('awaiting_payment', 'paid'), ('awaiting_payment', 'cancelled'),
     ('paid', 'active'), ('paid', 'cancelled')) THEN
    RAISE EXCEPTION 'order % cannot go from % to %', OLD.serial, OLD.status, NEW.status
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF OLD.status = 'paid' AND NEW.status = 'cancelled' AND current_user = 'portal_customer' THEN
    RAISE EXCEPTION 'a customer cannot take back order %', OLD.serial USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF NEW.status = 'active' AND EXISTS
     (SELECT FROM commerce_provisioningstep WHERE order_id = OLD.id AND state <> 'done') THEN
    RAISE EXCEPTION 'steps of order % are not done', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.status = 'cancelled' AND EXISTS (SELECT FROM commerce_provisioningstep
     WHERE order_id = OLD.id AND state NOT IN ('done', 'cancelled')) THEN
    RAISE EXCEPTION 'steps of order % are open', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
"""
ORDER_BEFORE = """
CREATE OR REPLACE FUNCTION commerce_guard_order() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'order % is kept', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (OLD.public_id, OLD.serial, OLD.account_id, OLD.quote_id, OLD.contract_id, OLD.currency, OLD.total_minor)
     IS DISTINCT FROM
     (NEW.public_id, NEW.serial, NEW.account_id, NEW.quote_id, NEW.contract_id, NEW.currency, NEW.total_minor) THEN
    RAISE EXCEPTION 'order % is frozen', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN
     (('awaiting_payment', 'paid'), ('awaiting_payment', 'cancelled'), ('paid', 'active')) THEN
    RAISE EXCEPTION 'order % cannot go from % to %', OLD.serial, OLD.status, NEW.status
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
"""

STEP = """
CREATE FUNCTION commerce_guard_step() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
  changing CONSTANT text[] := ARRAY['state', 'reason', 'attempts', 'started_at', 'finished_at', 'next_at'];
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'step % is kept', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF to_jsonb(OLD) - changing IS DISTINCT FROM to_jsonb(NEW) - changing THEN
    RAISE EXCEPTION 'what step % is stands', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.state = OLD.state THEN
    IF OLD.state IN ('done', 'cancelled') THEN
      RAISE EXCEPTION 'step % is over', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.state, NEW.state) NOT IN (('waiting', 'running'), ('running', 'done'), ('running', 'failed'),
     ('failed', 'retried'), ('retried', 'running'), ('waiting', 'cancelled'), ('running', 'cancelled'),
     ('failed', 'cancelled'), ('retried', 'cancelled')) THEN
    RAISE EXCEPTION 'step % cannot go from % to %', OLD.public_id, OLD.state, NEW.state
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.state IN ('running', 'done') AND NOT EXISTS
     (SELECT FROM commerce_order WHERE id = OLD.order_id AND status = 'paid') THEN
    RAISE EXCEPTION 'the order of step % is not being set up', OLD.public_id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.state = 'running' AND (NEW.attempts <> OLD.attempts + 1 OR EXISTS
     (SELECT FROM commerce_provisioningstep
      WHERE line_id = OLD.line_id AND order_id = OLD.order_id AND position < OLD.position AND state <> 'done')) THEN
    RAISE EXCEPTION 'it is not the turn of step %', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON commerce_provisioningstep
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_step();

CREATE FUNCTION commerce_guard_licence() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP = 'DELETE' OR to_jsonb(OLD) - 'revoked_at' IS DISTINCT FROM to_jsonb(NEW) - 'revoked_at'
     OR OLD.revoked_at IS NOT NULL THEN
    RAISE EXCEPTION 'licence key % stands', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON commerce_licencekey
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_licence();
"""
DROP_STEP = """
DROP TRIGGER guard ON commerce_licencekey;
DROP FUNCTION commerce_guard_licence();
DROP TRIGGER guard ON commerce_provisioningstep;
DROP FUNCTION commerce_guard_step();
"""


class Migration(migrations.Migration):
    dependencies = [("commerce", "0034_provisioning")]

    operations = [
        migrations.RunSQL(ORDER, ORDER_BEFORE),
        migrations.RunSQL(STEP, DROP_STEP),
    ]
