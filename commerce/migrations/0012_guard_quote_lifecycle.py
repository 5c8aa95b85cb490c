"""The whole way through a quote, guarded: a draft may be rewritten, from its submission on only a new version differs.

What is not named as changing with a step stays what it was, columns of later migrations too.
"""

from django.db import migrations

# Quotes of before were presented when they were made.
PRESENTED = """
UPDATE commerce_quote SET submitted_at = created_at, submitted_by_id = created_by_id, approved_at = created_at,
  presented_at = created_at;
"""

# For the policies of accounts.tenancy: both see with the rights of whoever asks.
SHOWN = """
CREATE FUNCTION commerce_offers(origin varchar, presented_at timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE
AS $$ SELECT origin = 'portal' OR presented_at IS NOT NULL $$;
CREATE FUNCTION commerce_shows_quote(of_quote bigint) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, public AS $$ SELECT EXISTS (SELECT FROM commerce_quote WHERE id = of_quote) $$;
"""

GUARD = """
CREATE OR REPLACE FUNCTION commerce_guard_quote() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
  step text;
  written text[];
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'quote % is kept', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
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
    RAISE EXCEPTION 'the acceptance of quote % stands', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  step := OLD.status || ' ' || NEW.status;
  CASE
    WHEN OLD.status = 'draft' AND NEW.status IN ('draft', 'submitted') THEN
      written := ARRAY(SELECT jsonb_object_keys(to_jsonb(NEW) - ARRAY['id', 'public_id', 'serial', 'version', 'origin',
        'account_id', 'created_at', 'created_by_id', 'form_key', 'approved_at', 'presented_at', 'document_id',
        'document_hash', 'viewed_at', 'accepted_at', 'accepted_by_id', 'accepted_name', 'accepted_role', 'accepted_ip',
        'accepted_hash', 'po_number', 'closed_at', 'closed_by_id', 'closing_note']));
    WHEN OLD.status = NEW.status THEN written := '{}';
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
      RAISE EXCEPTION 'quote % cannot go from % to %', OLD.serial, OLD.status, NEW.status
        USING ERRCODE = 'integrity_constraint_violation';
  END CASE;
  IF current_user = 'portal_customer' AND OLD.status = 'in_approval' AND NEW.status IN ('approved', 'rejected') THEN
    RAISE EXCEPTION 'quote % is decided by the vendor', OLD.serial USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF to_jsonb(OLD) - 'status' - written IS DISTINCT FROM to_jsonb(NEW) - 'status' - written THEN
    RAISE EXCEPTION 'quote % is frozen', OLD.serial USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

DROP TRIGGER guard ON commerce_quote;
DROP TRIGGER guard_rest ON commerce_quote;
CREATE TRIGGER guard_rest BEFORE INSERT OR DELETE ON commerce_quote
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_quote();
CREATE TRIGGER guard BEFORE UPDATE ON commerce_quote FOR EACH ROW
  WHEN ((OLD.created_by_id = NEW.created_by_id AND OLD.submitted_by_id IS NOT DISTINCT FROM NEW.submitted_by_id
         AND OLD.closed_by_id IS NOT DISTINCT FROM NEW.closed_by_id)
        OR NOT accounts_is_merge(to_jsonb(OLD), to_jsonb(NEW), 'created_by_id', 'submitted_by_id', 'closed_by_id'))
  EXECUTE FUNCTION commerce_guard_quote();

-- The lines of a draft are written anew with it; those of what was submitted stand.
CREATE FUNCTION commerce_guard_quoteline() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
  state text;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    RAISE EXCEPTION 'the lines of a quote are written anew, never changed'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF TG_OP = 'INSERT' AND current_user <> 'portal_customer' THEN
    RETURN NEW;
  END IF;
  SELECT status INTO state FROM commerce_quote
    WHERE id = CASE TG_OP WHEN 'INSERT' THEN NEW.quote_id ELSE OLD.quote_id END;
  IF state IS DISTINCT FROM 'draft' THEN
    RAISE EXCEPTION 'the lines of a quote that was submitted are never changed'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END;
END $$;
DROP TRIGGER append_only ON commerce_quoteline;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON commerce_quoteline
  FOR EACH ROW EXECUTE FUNCTION commerce_guard_quoteline();
"""


class Migration(migrations.Migration):
    dependencies = [("commerce", "0011_quote_lifecycle")]

    operations = [
        migrations.RunSQL(PRESENTED, migrations.RunSQL.noop),
        migrations.RunSQL(SHOWN),
        migrations.RunSQL(GUARD),
    ]
