"""Who marked an invoice paid by hand is written down as it is paid, and stands.

A trigger of our own, without pgtrigger's hook to ignore it.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# As in 0029, with the one column more.
GUARD = """
CREATE OR REPLACE FUNCTION commerce_guard_invoice() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public AS $$
DECLARE
  changing CONSTANT text[] := ARRAY['status', 'paid_at', 'pdf_id', 'covered_minor', 'closing_note',
                                    'written_off_at'%(column)s];
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'invoice %% is kept', OLD.number USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  -- Only a payment that we asked Stripe about pays an invoice, and no customer's request can say that it did, or that
  -- something was credited.
  IF current_user = 'portal_customer' AND NEW.total_minor > 0
     AND NEW.status IN ('paid', 'credited', 'written_off') AND (TG_OP = 'INSERT' OR OLD.status <> NEW.status) THEN
    RAISE EXCEPTION 'a customer cannot mark invoice %% paid', NEW.number USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF current_user = 'portal_customer' AND TG_OP = 'INSERT' AND (NEW.kind <> 'invoice' OR NEW.covered_minor <> 0) THEN
    RAISE EXCEPTION 'a customer cannot credit anything' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (TG_OP = 'INSERT' OR NEW.status = 'void' AND OLD.status <> 'void') AND EXISTS
     (SELECT FROM commerce_periodclose
      WHERE legal_entity = NEW.legal_entity AND NEW.issue_date < month + interval '1 month') THEN
    RAISE EXCEPTION 'the books of %% are closed', to_char(NEW.issue_date, 'YYYY-MM')
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF TG_OP = 'INSERT' THEN
    RETURN NEW;
  END IF;
  IF (to_jsonb(OLD) - changing) IS DISTINCT FROM (to_jsonb(NEW) - changing) THEN
    RAISE EXCEPTION 'invoice %% is issued', OLD.number USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF OLD.pdf_id IS NOT NULL AND NEW.pdf_id IS DISTINCT FROM OLD.pdf_id THEN
    RAISE EXCEPTION 'the document of invoice %% stands', OLD.number USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (NEW.status <> OLD.status AND OLD.status <> 'open')
     OR (NEW.paid_at IS DISTINCT FROM OLD.paid_at AND NOT (OLD.status = 'open' AND NEW.status = 'paid'))
%(rule)s     OR (NEW.covered_minor <> OLD.covered_minor AND (OLD.status <> 'open' OR NEW.covered_minor < OLD.covered_minor))
     OR ((NEW.closing_note, NEW.written_off_at) IS DISTINCT FROM (OLD.closing_note, OLD.written_off_at)
         AND NOT (OLD.status = 'open' AND NEW.status = 'written_off')) THEN
    RAISE EXCEPTION 'invoice %% cannot go from %% to %%', OLD.number, OLD.status, NEW.status
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
"""
RULE = """\
     OR (NEW.marked_paid_by_id IS DISTINCT FROM OLD.marked_paid_by_id
         AND NOT (OLD.status = 'open' AND NEW.status = 'paid'))
"""


class Migration(migrations.Migration):
    dependencies = [
        ("commerce", "0047_pay_transfers_back"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="invoice",
            name="marked_paid_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="banktransfer",
            name="problem",
            field=models.CharField(
                blank=True,
                choices=[
                    ("unknown", "No invoice of ours is named"),
                    ("partial", "Less than is owed"),
                    ("over", "More than is owed"),
                    ("currency", "In another currency than the invoice"),
                    ("closed", "The invoice is not open any more"),
                    ("marked", "The invoice was marked paid by hand"),
                    ("being_paid", "The invoice is being paid by card"),
                    ("order", "What was ordered can't be delivered any more"),
                ],
                max_length=10,
            ),
        ),
        migrations.RunSQL(
            GUARD % {"column": ", 'marked_paid_by_id'", "rule": RULE}, GUARD % {"column": "", "rule": ""}
        ),
    ]
