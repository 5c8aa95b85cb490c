"""What was billed stands, a contract keeps how it is billed, and closed months take no entries of ledger and balance.

Contracts from before were billed without this: their terms, and their months up to now, are noted as that.
"""

from django.db import migrations

APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commerce_billingperiod
  FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commerce_billedentry
  FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commerce_usagecharge
  FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commerce_bookscheck
  FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
"""
DROP_APPEND_ONLY = """
DROP TRIGGER append_only ON commerce_bookscheck;
DROP TRIGGER append_only ON commerce_usagecharge;
DROP TRIGGER append_only ON commerce_billedentry;
DROP TRIGGER append_only ON commerce_billingperiod;
"""

FREQUENCY = """
CREATE FUNCTION commerce_guard_billing_frequency() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public AS $$
BEGIN
  IF EXISTS (SELECT FROM commerce_billingperiod WHERE contract_id = OLD.id) THEN
    RAISE EXCEPTION 'contract % is billed already: it keeps how often, and from when', OLD.serial
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_billing BEFORE UPDATE ON commerce_contract FOR EACH ROW
  WHEN ((OLD.billing_frequency, OLD.start_date) IS DISTINCT FROM (NEW.billing_frequency, NEW.start_date))
  EXECUTE FUNCTION commerce_guard_billing_frequency();
"""
DROP_FREQUENCY = """
DROP TRIGGER guard_billing ON commerce_contract;
DROP FUNCTION commerce_guard_billing_frequency();
"""

# A ledger belongs to no legal entity by itself: a month is closed to it once all that send bills have closed it.
CLOSED = """
CREATE FUNCTION commerce_first_open_day() RETURNS date
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT min(latest) FROM (
    SELECT (SELECT (max(month) + interval '1 month')::date FROM public.commerce_periodclose done
            WHERE done.legal_entity = series.legal_entity) AS latest
    FROM (SELECT DISTINCT legal_entity FROM public.commerce_invoiceseries WHERE kind = 'invoice') series) closed
  HAVING count(*) = count(latest)
$$;
REVOKE ALL ON FUNCTION commerce_first_open_day() FROM PUBLIC;
CREATE FUNCTION commerce_guard_closed_ledger() RETURNS trigger LANGUAGE plpgsql
  SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.billing_date < public.commerce_first_open_day() THEN
    RAISE EXCEPTION 'the books of % are closed: enter it in the open month', to_char(NEW.billing_date, 'YYYY-MM')
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER closed BEFORE INSERT ON commerce_subscriptiondelta
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_closed_ledger();
CREATE FUNCTION commerce_guard_closed_balance() RETURNS trigger LANGUAGE plpgsql
  SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  day date := (SELECT (NEW.created_at AT TIME ZONE time_zone)::date FROM public.accounts_account
               WHERE id = NEW.account_id);
  entity text := (SELECT legal_entity FROM public.commerce_invoice WHERE id = NEW.invoice_id);
BEGIN
  IF entity IS NULL THEN
    entity := (SELECT invoice.legal_entity FROM public.commerce_refundattempt refund
               JOIN public.commerce_paymentattempt payment ON payment.id = refund.payment_id
               JOIN public.commerce_invoice invoice ON invoice.id = payment.invoice_id WHERE refund.id = NEW.refund_id);
  END IF;
  IF EXISTS (SELECT FROM public.commerce_periodclose
             WHERE legal_entity = entity AND day < month + interval '1 month') THEN
    RAISE EXCEPTION 'the books of % are closed: enter it in the open month', to_char(day, 'YYYY-MM')
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER closed BEFORE INSERT ON commerce_balanceentry
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_closed_balance();
"""
DROP_CLOSED = """
DROP TRIGGER closed ON commerce_balanceentry;
DROP FUNCTION commerce_guard_closed_balance();
DROP TRIGGER closed ON commerce_subscriptiondelta;
DROP FUNCTION commerce_guard_closed_ledger();
DROP FUNCTION commerce_first_open_day();
"""

BEFORE = """
INSERT INTO commerce_billingperiod (account_id, contract_id, kind, start_date, end_date, outcome, billed_at)
  SELECT account_id, id, 'term', start_date, end_date, 'elsewhere', now() FROM commerce_contract contract
  WHERE EXISTS (SELECT FROM commerce_subscription line JOIN commerce_product product ON product.id = line.product_id
                WHERE line.contract_id = contract.id AND product.billing = 'term');
INSERT INTO commerce_billingperiod (account_id, contract_id, kind, start_date, end_date, outcome, billed_at)
  SELECT account_id, contract.id, 'period', month.first,
         least((contract.start_date + make_interval(months => month.number + 1))::date, contract.end_date),
         'elsewhere', now()
  FROM commerce_contract contract
  CROSS JOIN LATERAL (
    SELECT number, (contract.start_date + make_interval(months => number))::date AS first
    FROM generate_series(0, 600) number) month
  WHERE month.first <= current_date AND month.first < contract.end_date
    AND EXISTS (SELECT FROM commerce_subscription line JOIN commerce_product product ON product.id = line.product_id
                WHERE line.contract_id = contract.id AND product.billing = 'period');
INSERT INTO commerce_billedentry (account_id, period_id, delta_id, from_date, amount_minor)
  SELECT period.account_id, period.id, delta.id,
         least(greatest(delta.billing_date, period.start_date), period.end_date), 0
  FROM commerce_billingperiod period
  JOIN commerce_subscription line ON line.contract_id = period.contract_id
  JOIN commerce_product product ON product.id = line.product_id AND product.billing = period.kind
  JOIN commerce_subscriptiondelta delta ON delta.subscription_id = line.id AND delta.billing_date < period.end_date;
"""


class Migration(migrations.Migration):
    dependencies = [("commerce", "0039_billing_periods")]

    operations = [
        migrations.RunSQL(BEFORE, migrations.RunSQL.noop),
        migrations.RunSQL(APPEND_ONLY, DROP_APPEND_ONLY),
        migrations.RunSQL(FREQUENCY, DROP_FREQUENCY),
        migrations.RunSQL(CLOSED, DROP_CLOSED),
    ]
