"""Invoice numbers without gaps; invoices that never change; payment attempts that only go forward.

Triggers of our own, without pgtrigger's hook to ignore them.
"""

from django.db import migrations, models

# Runs as the owner: customers' requests may take a number, and never see or set the counter. The row's lock is held
# until the invoice commits, so a number is never lost, and never given twice.
NUMBER = """
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
DROP_NUMBER = "DROP FUNCTION commerce_next_invoice_number(text);"

INVOICE = """
CREATE FUNCTION commerce_guard_invoice() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
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
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON commerce_invoice
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_invoice();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commerce_invoiceline
  FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
"""
DROP_INVOICE = """
DROP TRIGGER append_only ON commerce_invoiceline;
DROP TRIGGER guard ON commerce_invoice;
DROP FUNCTION commerce_guard_invoice();
"""

ATTEMPT = """
CREATE FUNCTION commerce_guard_attempt() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
  changing CONSTANT text[] := ARRAY['state', 'stripe_intent_id', 'error_code', 'decline_code', 'submitted_at',
                                    'settled_at', 'next_check_at', 'checks'];
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'payment attempt % is kept', OLD.id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF current_user = 'portal_customer' AND NEW.state <> 'created' THEN
      RAISE EXCEPTION 'a customer only starts payments' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF (to_jsonb(OLD) - changing) IS DISTINCT FROM (to_jsonb(NEW) - changing) THEN
    RAISE EXCEPTION 'payment attempt % is frozen', OLD.id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF OLD.stripe_intent_id <> '' AND NEW.stripe_intent_id <> OLD.stripe_intent_id THEN
    RAISE EXCEPTION 'payment attempt % is one payment', OLD.id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.state = OLD.state
     OR (OLD.state = 'created' AND NEW.state IN ('submitting', 'cancelled', 'review'))
     OR (OLD.state = 'submitting'
         AND NEW.state IN ('unknown', 'requires_action', 'processing', 'succeeded', 'failed', 'cancelled', 'review'))
     OR (OLD.state = 'unknown'
         AND NEW.state IN ('requires_action', 'processing', 'succeeded', 'failed', 'cancelled', 'review'))
     OR (OLD.state = 'requires_action' AND NEW.state IN ('processing', 'succeeded', 'failed', 'cancelled', 'review'))
     OR (OLD.state = 'processing' AND NEW.state IN ('succeeded', 'failed', 'cancelled', 'review'))
     OR (OLD.state = 'review' AND NEW.state IN ('succeeded', 'failed', 'cancelled')) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'payment attempt % cannot go from % to %', OLD.id, OLD.state, NEW.state
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON commerce_paymentattempt
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_attempt();
"""
DROP_ATTEMPT = """
DROP TRIGGER guard ON commerce_paymentattempt;
DROP FUNCTION commerce_guard_attempt();
"""

UNFINISHED = ["created", "submitting", "unknown", "requires_action", "processing"]


class Migration(migrations.Migration):
    dependencies = [("commerce", "0002_guard_history")]

    operations = [
        migrations.CreateModel(
            "EventCursor",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("event_type", models.CharField(max_length=80, unique=True)),
                ("fetched_until", models.DateTimeField()),
            ],
        ),
        migrations.AddField("paymentattempt", "checks", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField("webhookevent", "occurred_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddIndex(
            "paymentattempt",
            models.Index(condition=models.Q(("state__in", UNFINISHED)), fields=["next_check_at"], name="attempt_due"),
        ),
        migrations.RunSQL(NUMBER, DROP_NUMBER),
        migrations.RunSQL(INVOICE, DROP_INVOICE),
        migrations.RunSQL(ATTEMPT, DROP_ATTEMPT),
    ]
