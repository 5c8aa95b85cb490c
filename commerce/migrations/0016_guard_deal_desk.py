"""What the deal desk decided stands; nobody decides about what they submitted; and the rules that come with the portal.

A quote that expires, is withdrawn or replaced takes along what was asked about it, whoever ends it: also a customer,
whose request reaches nothing of the deal desk.
"""

from django.db import migrations

GUARD = """
CREATE FUNCTION commerce_guard_quoteapproval() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'approval % is kept', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.decided_by_id IS NOT NULL AND EXISTS (
    SELECT FROM commerce_quote WHERE id = NEW.quote_id AND NEW.decided_by_id IN (submitted_by_id, created_by_id)
  ) THEN
    RAISE EXCEPTION 'nobody decides about a quote of their own' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF TG_OP = 'INSERT' THEN
    RETURN NEW;
  END IF;
  IF OLD.status <> 'waiting' AND OLD IS DISTINCT FROM NEW THEN
    RAISE EXCEPTION 'approval % is decided', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (OLD.public_id, OLD.account_id, OLD.quote_id, OLD.price_hash, OLD.position, OLD."group", OLD.approver_id,
      OLD.reasons, OLD.facts, OLD.asked_at, OLD.kept_from_id)
     IS DISTINCT FROM
     (NEW.public_id, NEW.account_id, NEW.quote_id, NEW.price_hash, NEW.position, NEW."group", NEW.approver_id,
      NEW.reasons, NEW.facts, NEW.asked_at, NEW.kept_from_id) THEN
    RAISE EXCEPTION 'what approval % asks stands', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON commerce_quoteapproval
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_quoteapproval();

CREATE FUNCTION commerce_lapse_quoteapprovals() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
  UPDATE commerce_quoteapproval SET status = 'lapsed', decided_at = now()
  WHERE quote_id = NEW.id AND status = 'waiting';
  RETURN NULL;
END $$;
CREATE TRIGGER lapse_approvals AFTER UPDATE OF status ON commerce_quote FOR EACH ROW
  WHEN (NEW.status IN ('expired', 'withdrawn', 'superseded') AND OLD.status <> NEW.status)
  EXECUTE FUNCTION commerce_lapse_quoteapprovals();
"""
DROP_GUARD = """
DROP TRIGGER lapse_approvals ON commerce_quote;
DROP FUNCTION commerce_lapse_quoteapprovals();
DROP TRIGGER guard ON commerce_quoteapproval;
DROP FUNCTION commerce_guard_quoteapproval();
"""

MANAGER, DIRECTOR, FINANCE = "Revenue manager", "Executive", "Finance"
BY_STAFF = {"fact": "origin", "operator": "is", "value": "staff"}


def above(fact, value):
    return {"fact": fact, "operator": "above", "value": value}


# Name, conditions, and who is asked in which position. Yours to change in the admin.
RULES = [
    ("Discount above 10 %", [above("max_discount_percent", "10")], [(1, MANAGER)]),
    ("Discount above 20 %", [above("max_discount_percent", "20")], [(2, DIRECTOR)]),
    ("Discount above 30 %", [above("max_discount_percent", "30")], [(2, DIRECTOR), (3, FINANCE)]),
    ("Below the floor price", [BY_STAFF, above("lines_below_floor", "0")], [(1, FINANCE)]),
    ("Term above 36 months", [BY_STAFF, above("term_months", "36")], [(1, FINANCE)]),
    ("More than 30 days to pay", [BY_STAFF, above("payment_days", "30")], [(1, FINANCE)]),
    (
        "Special terms",
        [BY_STAFF, {"fact": "has_special_terms", "operator": "is", "value": "yes"}],
        [(1, FINANCE)],
    ),
]
ESCALATES = {MANAGER: (2, DIRECTOR), DIRECTOR: (3, FINANCE)}  # After so many days, to whom besides.


def add_rules(apps, schema_editor):
    ApprovalRule = apps.get_model("commerce", "ApprovalRule")
    ApprovalStep = apps.get_model("commerce", "ApprovalStep")
    for name, conditions, steps in RULES:
        rule = ApprovalRule.objects.create(name=name, conditions=conditions)
        for position, group in steps:
            days, then = ESCALATES.get(group, (None, ""))
            ApprovalStep.objects.create(
                rule=rule, position=position, group=group, escalate_after_days=days, escalate_to_group=then
            )


class Migration(migrations.Migration):
    dependencies = [("commerce", "0015_deal_desk")]

    operations = [
        migrations.RunSQL(GUARD, DROP_GUARD),
        migrations.RunPython(add_rules, migrations.RunPython.noop),
    ]
