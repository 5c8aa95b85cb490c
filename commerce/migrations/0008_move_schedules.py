"""Discount schedules become rows of their own, and contracts keep the book that they were made with."""

import json
import uuid

from django.db import migrations

# Nothing was decided here: the columns are filled with what held anyway, so the history tells of no change.
IGNORE = "SELECT set_config('pgtrigger.ignore', %s, true)"
TRIGGERS = "{commerce_price:pgtrigger_update_update_PRICE,commerce_contract:pgtrigger_update_update_CONTRACT}"


def move_schedules(apps, schema_editor):
    Price = apps.get_model("commerce", "Price")
    DiscountSchedule = apps.get_model("commerce", "DiscountSchedule")
    made = {}
    for price in Price.objects.exclude(schedule={}).select_related("product").order_by("pk"):
        key = json.dumps(price.schedule, sort_keys=True)
        if key not in made:
            made[key] = DiscountSchedule.objects.create(
                public_id=uuid.uuid4(),
                name=f"{price.product.name} {len(made) + 1}",
                method=price.schedule["method"],
                tiers=price.schedule["tiers"],
            )
        Price.objects.filter(pk=price.pk).update(volume_schedule=made[key])


def move_back(apps, schema_editor):
    Price = apps.get_model("commerce", "Price")
    for price in Price.objects.filter(volume_schedule__isnull=False).select_related("volume_schedule"):
        schedule = {"method": price.volume_schedule.method, "tiers": price.volume_schedule.tiers}
        Price.objects.filter(pk=price.pk).update(schedule=schedule)


# The book of the tier that the company is in today.
KEEP_BOOKS = """
UPDATE commerce_contract c SET price_book_id = b.id
FROM accounts_account a, commerce_pricebook b
WHERE a.id = c.account_id AND b.tier_id = a.tier_id AND b.currency = c.currency AND c.price_book_id IS NULL
"""

# A company and those above it, from itself up. With the owner's rights: a request sees its own company alone.
FAMILY = """
CREATE FUNCTION commerce_line_of(of_account bigint) RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH RECURSIVE line AS (
    SELECT id, parent_id, ARRAY[id] AS path FROM accounts_account WHERE id = of_account
    UNION ALL
    SELECT a.id, a.parent_id, line.path || a.id FROM accounts_account a JOIN line ON a.id = line.parent_id
    WHERE a.id <> ALL (line.path)
  )
  SELECT path FROM line ORDER BY cardinality(path) DESC LIMIT 1
$$;
CREATE FUNCTION commerce_families() RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT unnest(commerce_line_of(own))
  FROM unnest(coalesce(nullif(current_setting('portal.accounts', true), ''), '{}')::bigint[]) AS own
$$;
"""
# The policies that call them go along; `after_migrate` makes those of the older code again.
DROP_FAMILY = """
DROP FUNCTION commerce_families() CASCADE;
DROP FUNCTION commerce_line_of(bigint) CASCADE;
"""

CONTRACT = """
CREATE FUNCTION commerce_guard_contract() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF NEW.currency IS DISTINCT FROM OLD.currency
     OR (OLD.price_book_id IS NOT NULL AND NEW.price_book_id IS DISTINCT FROM OLD.price_book_id) THEN
    RAISE EXCEPTION 'contract % keeps its currency and its price book', OLD.serial
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON commerce_contract
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_contract();
"""
DROP_CONTRACT = """
DROP TRIGGER guard ON commerce_contract;
DROP FUNCTION commerce_guard_contract();
"""


def without_history(apps, schema_editor):
    schema_editor.execute(IGNORE, [TRIGGERS])


def with_history(apps, schema_editor):
    schema_editor.execute(IGNORE, ["{}"])


class Migration(migrations.Migration):
    dependencies = [("commerce", "0007_prices")]

    operations = [
        migrations.RunPython(without_history, with_history),
        migrations.RunPython(move_schedules, move_back),
        migrations.RunSQL(KEEP_BOOKS, migrations.RunSQL.noop),
        migrations.RunPython(with_history, without_history),
        migrations.RunSQL(FAMILY, DROP_FAMILY),
        migrations.RunSQL(CONTRACT, DROP_CONTRACT),
    ]
