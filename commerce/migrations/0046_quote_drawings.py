"""What a quote's document says is written down as the quote is presented, and drawn afterwards: once, as it was written.

A trigger of our own, without pgtrigger's hook to ignore it.
"""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

# As in 0012; besides, the document comes to a quote that was presented, once, with the hash of its bytes.
QUOTE = """
CREATE OR REPLACE FUNCTION commerce_guard_quote() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
  step text;
  written text[];
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'quote %% is kept', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF current_user = 'portal_customer' AND (NEW.status, NEW.origin) IS DISTINCT FROM ('draft', 'portal') THEN
      RAISE EXCEPTION 'a customer''s quote begins as a draft' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.accepted_at IS NOT NULL AND
     (OLD.accepted_at, OLD.accepted_by_id, OLD.accepted_name, OLD.accepted_role, OLD.accepted_ip, OLD.accepted_hash)
     IS DISTINCT FROM
     (NEW.accepted_at, NEW.accepted_by_id, NEW.accepted_name, NEW.accepted_role, NEW.accepted_ip, NEW.accepted_hash)
  THEN
    RAISE EXCEPTION 'the acceptance of quote %% stands', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  step := OLD.status || ' ' || NEW.status;
  CASE
    WHEN OLD.status = 'draft' AND NEW.status IN ('draft', 'submitted') THEN
      written := ARRAY(SELECT jsonb_object_keys(to_jsonb(NEW) - ARRAY['id', 'public_id', 'serial', 'version', 'origin',
        'account_id', 'created_at', 'created_by_id', 'form_key', 'approved_at', 'presented_at', 'document_id',
        'document_hash', 'viewed_at', 'accepted_at', 'accepted_by_id', 'accepted_name', 'accepted_role', 'accepted_ip',
        'accepted_hash', 'po_number', 'closed_at', 'closed_by_id', 'closing_note']));
%(drawn)s    WHEN OLD.status = NEW.status THEN written := '{}';
    WHEN step = 'submitted in_approval' THEN written := '{}';
    WHEN step IN ('submitted approved', 'in_approval approved') THEN written := '{approved_at}';
    WHEN step = 'in_approval rejected' THEN written := '{}';
    WHEN step = 'approved presented' AND NEW.presented_at IS NOT NULL THEN
      written := '{presented_at,expires_at,document_id,document_hash}';
    WHEN step = 'presented viewed' THEN written := '{viewed_at}';
    WHEN step IN ('presented accepted', 'viewed accepted') AND NEW.accepted_at IS NOT NULL
         AND NEW.accepted_hash = OLD.price_hash THEN
      written := '{accepted_at,accepted_by_id,accepted_name,accepted_role,accepted_ip,accepted_hash,po_number}';
    WHEN step IN ('presented declined', 'viewed declined') THEN written := '{closed_at,closed_by_id,closing_note}';
    WHEN NEW.status = 'withdrawn' AND OLD.status IN
         ('draft', 'submitted', 'in_approval', 'approved', 'rejected', 'presented', 'viewed') THEN
      written := '{closed_at,closed_by_id,closing_note}';
    WHEN NEW.status = 'superseded' AND OLD.status IN
         ('draft', 'submitted', 'in_approval', 'approved', 'rejected', 'presented', 'viewed') THEN written := '{}';
    WHEN NEW.status = 'expired' AND OLD.status IN
         ('draft', 'submitted', 'in_approval', 'approved', 'presented', 'viewed') THEN written := '{}';
    WHEN step = 'accepted ordered' THEN written := '{}';
    WHEN step = 'accepted superseded' AND EXISTS
         (SELECT FROM commerce_order WHERE quote_id = OLD.id AND status = 'cancelled') THEN written := '{}';
    ELSE
      RAISE EXCEPTION 'quote %% cannot go from %% to %%', OLD.serial, OLD.status, NEW.status
        USING ERRCODE = 'integrity_constraint_violation';
  END CASE;
  IF current_user = 'portal_customer' AND OLD.status = 'in_approval' AND NEW.status IN ('approved', 'rejected') THEN
    RAISE EXCEPTION 'quote %% is decided by the vendor', OLD.serial USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF to_jsonb(OLD) - 'status' - written IS DISTINCT FROM to_jsonb(NEW) - 'status' - written THEN
    RAISE EXCEPTION 'quote %% is frozen', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
"""
DRAWN = """\
    WHEN OLD.status = NEW.status AND OLD.presented_at IS NOT NULL AND OLD.document_id IS NULL
         AND NEW.document_hash = (SELECT sha256 FROM accounts_storedfile WHERE id = NEW.document_id)
         AND current_user <> 'portal_customer' THEN
      written := '{document_id,document_hash}';
"""

DRAWING = """
CREATE FUNCTION commerce_guard_quotedrawing() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP = 'UPDATE' OR NOT EXISTS
     (SELECT FROM commerce_quote WHERE id = OLD.quote_id AND document_id IS NOT NULL) THEN
    RAISE EXCEPTION 'what the document of quote % says stands until it is drawn', OLD.quote_id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON commerce_quotedrawing
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_quotedrawing();
"""
DROP_DRAWING = """
DROP TRIGGER guard ON commerce_quotedrawing;
DROP FUNCTION commerce_guard_quotedrawing();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0027_suspensions"), ("commerce", "0045_use_credit_again")]

    operations = [
        migrations.CreateModel(
            name="QuoteDrawing",
            fields=[
                (
                    "quote",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="drawing",
                        serialize=False,
                        to="commerce.quote",
                    ),
                ),
                ("contents", models.JSONField()),
                ("document_date", models.DateField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.account"
                    ),
                ),
            ],
            options={"indexes": [models.Index(fields=["created_at"], name="quote_drawing_waiting")]},
        ),
        migrations.RunSQL(DRAWING, DROP_DRAWING),
        migrations.RunSQL(QUOTE % {"drawn": DRAWN}, QUOTE % {"drawn": ""}),
    ]
