"""Credit notes have numbers without gaps, balances are appended to, refunds go forward only, and closed months stand.

Triggers of our own, without pgtrigger's hook to ignore them.
"""

from django.db import migrations

# As in 0003: runs as the owner, and holds the row's lock until the document commits.
NUMBER = """
DROP FUNCTION commerce_next_invoice_number(text);
CREATE FUNCTION commerce_next_invoice_number(wanted text, of_kind text DEFAULT 'invoice') RETURNS text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE given text;
BEGIN
  UPDATE public.commerce_invoiceseries SET next_number = next_number + 1
    WHERE legal_entity = wanted AND kind = of_kind
    RETURNING prefix || lpad((next_number - 1)::text, 5, '0') INTO given;
  IF given IS NULL THEN
    RAISE EXCEPTION 'no invoice series of %', wanted USING ERRCODE = 'no_data_found';
  END IF;
  RETURN given;
END $$;
REVOKE ALL ON FUNCTION commerce_next_invoice_number(text, text) FROM PUBLIC;
INSERT INTO commerce_invoiceseries (legal_entity, kind, prefix, next_number)
  SELECT legal_entity, 'credit_note', 'C' || prefix, 1 FROM commerce_invoiceseries;
"""
DROP_NUMBER = """
DELETE FROM commerce_invoiceseries WHERE kind = 'credit_note';
DROP FUNCTION commerce_next_invoice_number(text, text);
CREATE FUNCTION commerce_next_invoice_number(wanted text) RETURNS text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE given text;
BEGIN
  UPDATE public.commerce_invoiceseries SET next_number = next_number + 1 WHERE legal_entity = wanted
    RETURNING prefix || lpad((next_number - 1)::text, 5, '0') INTO given;
  IF given IS NULL THEN
    RAISE EXCEPTION 'no invoice series of %', wanted USING ERRCODE = 'no_data_found';
  END IF;
  RETURN given;
END $$;
REVOKE ALL ON FUNCTION commerce_next_invoice_number(text) FROM PUBLIC;
"""

INVOICE = """
CREATE OR REPLACE FUNCTION commerce_guard_invoice() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public AS $$
DECLARE
  changing CONSTANT text[] := ARRAY['status', 'paid_at', 'pdf_id', 'covered_minor', 'closing_note',
                                    'written_off_at'];
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'invoice % is kept', OLD.number USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  -- Only a payment that we asked Stripe about pays an invoice, and no customer's request can say that it did, or that
  -- something was credited.
  IF current_user = 'portal_customer' AND NEW.total_minor > 0
     AND NEW.status IN ('paid', 'credited', 'written_off') AND (TG_OP = 'INSERT' OR OLD.status <> NEW.status) THEN
    RAISE EXCEPTION 'a customer cannot mark invoice % paid', NEW.number USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF current_user = 'portal_customer' AND TG_OP = 'INSERT' AND (NEW.kind <> 'invoice' OR NEW.covered_minor <> 0) THEN
    RAISE EXCEPTION 'a customer cannot credit anything' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (TG_OP = 'INSERT' OR NEW.status = 'void' AND OLD.status <> 'void') AND EXISTS
     (SELECT FROM commerce_periodclose
      WHERE legal_entity = NEW.legal_entity AND NEW.issue_date < month + interval '1 month') THEN
    RAISE EXCEPTION 'the books of % are closed', to_char(NEW.issue_date, 'YYYY-MM')
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF TG_OP = 'INSERT' THEN
    RETURN NEW;
  END IF;
  IF (to_jsonb(OLD) - changing) IS DISTINCT FROM (to_jsonb(NEW) - changing) THEN
    RAISE EXCEPTION 'invoice % is issued', OLD.number USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF OLD.pdf_id IS NOT NULL AND NEW.pdf_id IS DISTINCT FROM OLD.pdf_id THEN
    RAISE EXCEPTION 'the document of invoice % stands', OLD.number USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (NEW.status <> OLD.status AND OLD.status <> 'open')
     OR (NEW.paid_at IS DISTINCT FROM OLD.paid_at AND NOT (OLD.status = 'open' AND NEW.status = 'paid'))
     OR (NEW.covered_minor <> OLD.covered_minor AND (OLD.status <> 'open' OR NEW.covered_minor < OLD.covered_minor))
     OR ((NEW.closing_note, NEW.written_off_at) IS DISTINCT FROM (OLD.closing_note, OLD.written_off_at) AND NOT (OLD.status = 'open' AND NEW.status = 'written_off')) THEN
    RAISE EXCEPTION 'invoice % cannot go from % to %', OLD.number, OLD.status, NEW.status
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
"""
DROP_INVOICE = """
CREATE OR REPLACE FUNCTION commerce_guard_invoice() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'invoice % is kept', OLD.number USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  -- Only a payment that we asked Stripe about pays an invoice, and no customer's request can say that it did.
  IF NEW.status = 'paid' AND (TG_OP = 'INSERT' OR OLD.status <> 'paid')
     AND NEW.total_minor > 0 AND current_user = 'portal_customer' THEN
    RAISE EXCEPTION 'a customer cannot mark invoice % paid', NEW.number USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF TG_OP = 'INSERT' THEN
    RETURN NEW;
  END IF;
  IF (to_jsonb(OLD) - ARRAY['status', 'paid_at', 'pdf_id']) IS DISTINCT FROM
     (to_jsonb(NEW) - ARRAY['status', 'paid_at', 'pdf_id']) THEN
    RAISE EXCEPTION 'invoice % is issued', OLD.number USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF OLD.pdf_id IS NOT NULL AND NEW.pdf_id IS DISTINCT FROM OLD.pdf_id THEN
    RAISE EXCEPTION 'the document of invoice % stands', OLD.number USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (NEW.status <> OLD.status AND OLD.status <> 'open')
     OR (NEW.paid_at IS DISTINCT FROM OLD.paid_at AND NOT (OLD.status = 'open' AND NEW.status = 'paid')) THEN
    RAISE EXCEPTION 'invoice % cannot go from % to %', OLD.number, OLD.status, NEW.status
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
"""

# One at a time for each company, so that two never take the same credit.
BALANCE = """
CREATE FUNCTION commerce_guard_balance() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('commerce_balanceentry'), NEW.account_id::int);
  IF NEW.amount_minor < 0 AND NEW.amount_minor + (SELECT coalesce(sum(amount_minor), 0) FROM commerce_balanceentry
     WHERE account_id = NEW.account_id AND currency = NEW.currency) < 0 THEN
    RAISE EXCEPTION 'account % has less in credit', NEW.account_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT ON commerce_balanceentry
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_balance();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commerce_balanceentry
  FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commerce_periodclose
  FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
"""
DROP_BALANCE = """
DROP TRIGGER append_only ON commerce_periodclose;
DROP TRIGGER append_only ON commerce_balanceentry;
DROP TRIGGER guard ON commerce_balanceentry;
DROP FUNCTION commerce_guard_balance();
"""

REFUND = """
CREATE FUNCTION commerce_guard_refund() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
  changing CONSTANT text[] := ARRAY['state', 'stripe_refund_id', 'error_code', 'submitted_at', 'settled_at',
                                    'next_check_at', 'checks'];
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'refund % is kept', OLD.id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF TG_OP = 'INSERT' THEN
    -- The payment's row is locked, so that refunds of one payment come one after the other.
    PERFORM FROM commerce_paymentattempt WHERE id = NEW.payment_id FOR UPDATE;
    IF NEW.amount_minor + (SELECT coalesce(sum(amount_minor), 0) FROM commerce_refundattempt
       WHERE payment_id = NEW.payment_id AND state <> 'failed')
       > coalesce((SELECT amount_minor FROM commerce_paymentattempt
                   WHERE id = NEW.payment_id AND state = 'succeeded'), 0) THEN
      RAISE EXCEPTION 'more than is left of payment %', NEW.payment_id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF (to_jsonb(OLD) - changing) IS DISTINCT FROM (to_jsonb(NEW) - changing)
     OR (OLD.stripe_refund_id <> '' AND NEW.stripe_refund_id <> OLD.stripe_refund_id) THEN
    RAISE EXCEPTION 'refund % is frozen', OLD.id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.state = OLD.state
     OR (OLD.state = 'created' AND NEW.state IN ('submitting', 'failed', 'review'))
     OR (OLD.state = 'submitting' AND NEW.state IN ('unknown', 'pending', 'succeeded', 'failed', 'review'))
     OR (OLD.state = 'unknown' AND NEW.state IN ('pending', 'succeeded', 'failed', 'review'))
     OR (OLD.state = 'pending' AND NEW.state IN ('succeeded', 'failed', 'review'))
     OR (OLD.state = 'review' AND NEW.state IN ('succeeded', 'failed')) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'refund % cannot go from % to %', OLD.id, OLD.state, NEW.state
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON commerce_refundattempt
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_refund();
"""
DROP_REFUND = """
DROP TRIGGER guard ON commerce_refundattempt;
DROP FUNCTION commerce_guard_refund();
"""


class Migration(migrations.Migration):
    dependencies = [("commerce", "0028_credit_notes")]

    operations = [
        migrations.RunSQL(NUMBER, DROP_NUMBER),
        migrations.RunSQL(INVOICE, DROP_INVOICE),
        migrations.RunSQL(BALANCE, DROP_BALANCE),
        migrations.RunSQL(REFUND, DROP_REFUND),
    ]
