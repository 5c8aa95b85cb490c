"""History is appended, quotes are frozen, and statuses go forward only: the database refuses what code must not do.

Triggers of our own, without pgtrigger's hook to ignore them.
"""

from decimal import Decimal

import django.core.serializers.json
from django.db import migrations, models

APPEND_ONLY = """
CREATE FUNCTION commerce_append_only() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  RAISE EXCEPTION '% is appended to, never changed', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commerce_subscriptiondelta
  FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commerce_orderstep
  FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commerce_quoteline
  FOR EACH ROW EXECUTE FUNCTION commerce_append_only();
"""
DROP_APPEND_ONLY = """
DROP TRIGGER append_only ON commerce_quoteline;
DROP TRIGGER append_only ON commerce_orderstep;
DROP TRIGGER append_only ON commerce_subscriptiondelta;
DROP FUNCTION commerce_append_only();
"""

# What was shown and accepted stays what it was; only the way through the quote is written on.
QUOTE = """
CREATE FUNCTION commerce_guard_quote() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'quote % is kept', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (OLD.public_id, OLD.serial, OLD.account_id, OLD.deal_id, OLD.contract_id, OLD.contract_version, OLD.currency,
      OLD.price_date, OLD.expires_at, OLD.configuration, OLD.subtotal_minor, OLD.tax_minor, OLD.total_minor,
      OLD.recurring_before_minor, OLD.recurring_after_minor, OLD.price_hash, OLD.created_by_id, OLD.created_at)
     IS DISTINCT FROM
     (NEW.public_id, NEW.serial, NEW.account_id, NEW.deal_id, NEW.contract_id, NEW.contract_version, NEW.currency,
      NEW.price_date, NEW.expires_at, NEW.configuration, NEW.subtotal_minor, NEW.tax_minor, NEW.total_minor,
      NEW.recurring_before_minor, NEW.recurring_after_minor, NEW.price_hash, NEW.created_by_id, NEW.created_at) THEN
    RAISE EXCEPTION 'quote % is frozen', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF OLD.accepted_at IS NOT NULL AND
     (OLD.accepted_at, OLD.accepted_by_id, OLD.accepted_name, OLD.accepted_ip, OLD.accepted_hash)
     IS DISTINCT FROM
     (NEW.accepted_at, NEW.accepted_by_id, NEW.accepted_name, NEW.accepted_ip, NEW.accepted_hash) THEN
    RAISE EXCEPTION 'the acceptance of quote % stands', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.status = OLD.status
     OR (OLD.status = 'presented' AND NEW.status = 'viewed')
     OR (OLD.status IN ('presented', 'viewed') AND NEW.status IN ('expired', 'withdrawn', 'superseded'))
     OR (OLD.status IN ('presented', 'viewed') AND NEW.status = 'accepted' AND NEW.accepted_at IS NOT NULL
         AND NEW.accepted_hash = OLD.price_hash)
     OR (OLD.status = 'accepted' AND NEW.status = 'ordered')
     OR (OLD.status = 'accepted' AND NEW.status = 'superseded' AND EXISTS
         (SELECT FROM commerce_order WHERE quote_id = OLD.id AND status = 'cancelled')) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'quote % cannot go from % to %', OLD.serial, OLD.status, NEW.status
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON commerce_quote
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_quote();
"""
DROP_QUOTE = """
DROP TRIGGER guard ON commerce_quote;
DROP FUNCTION commerce_guard_quote();
"""

ORDER = """
CREATE FUNCTION commerce_guard_order() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
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
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON commerce_order
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_order();
"""
DROP_ORDER = """
DROP TRIGGER guard ON commerce_order;
DROP FUNCTION commerce_guard_order();
"""

CHANGES = [
    ("new", "New"),
    ("quantity", "Quantity changed"),
    ("swap_in", "Changed to"),
    ("swap_out", "Changed from"),
    ("cancel", "Cancelled"),
    ("renewal", "Renewed"),
]


class Migration(migrations.Migration):
    dependencies = [("commerce", "0001_initial")]

    operations = [
        migrations.AddField(
            "quoteline",
            "quantity_after",
            models.DecimalField(decimal_places=4, default=Decimal(0), max_digits=20),
            preserve_default=False,
        ),
        migrations.AddField(
            "quoteline",
            "tax_rate",
            models.DecimalField(decimal_places=12, default=Decimal(0), max_digits=20),
            preserve_default=False,
        ),
        migrations.AlterField("quoteline", "change", models.CharField(choices=CHANGES, max_length=10)),
        migrations.AlterField(
            "quoteline",
            "explanation",
            models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder),
        ),
        migrations.AddConstraint(
            "order",
            models.UniqueConstraint(
                condition=models.Q(("status", "awaiting_payment")),
                fields=("account", "contract"),
                name="order_one_unpaid",
            ),
        ),
        migrations.RunSQL(APPEND_ONLY, DROP_APPEND_ONLY),
        migrations.RunSQL(QUOTE, DROP_QUOTE),
        migrations.RunSQL(ORDER, DROP_ORDER),
    ]
