"""Payments on a page of Stripe's own: the attempt names the page, once."""

from django.db import migrations, models

# As in 0003, with the page's id among what changes; once it is known, it stays.
GUARD = """
CREATE OR REPLACE FUNCTION commerce_guard_attempt() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
  changing CONSTANT text[] := ARRAY['state', 'stripe_intent_id', 'error_code', 'decline_code', 'submitted_at',
                                    'settled_at', 'next_check_at', 'checks'%(more)s];
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'payment attempt %% is kept', OLD.id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF current_user = 'portal_customer' AND NEW.state <> 'created' THEN
      RAISE EXCEPTION 'a customer only starts payments' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF (to_jsonb(OLD) - changing) IS DISTINCT FROM (to_jsonb(NEW) - changing) THEN
    RAISE EXCEPTION 'payment attempt %% is frozen', OLD.id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF OLD.stripe_intent_id <> '' AND NEW.stripe_intent_id <> OLD.stripe_intent_id THEN
    RAISE EXCEPTION 'payment attempt %% is one payment', OLD.id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
%(page)s
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
  RAISE EXCEPTION 'payment attempt %% cannot go from %% to %%', OLD.id, OLD.state, NEW.state
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""
PAGE = """
  IF OLD.stripe_session_id <> '' AND NEW.stripe_session_id <> OLD.stripe_session_id THEN
    RAISE EXCEPTION 'payment attempt % is one page', OLD.id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
"""
WITH_PAGE = GUARD % {"more": ", 'stripe_session_id'", "page": PAGE}
WITHOUT = GUARD % {"more": "", "page": ""}


class Migration(migrations.Migration):
    dependencies = [("commerce", "0043_day_totals")]

    operations = [
        migrations.AddField(
            "paymentattempt",
            "channel",
            models.CharField(
                choices=[("card", "Card form"), ("checkout", "Stripe's own page")], default="card", max_length=10
            ),
        ),
        migrations.AddField(
            "paymentattempt",
            "stripe_session_id",
            models.CharField(blank=True, default="", max_length=100),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            "paymentattempt",
            models.UniqueConstraint(
                condition=models.Q(("stripe_session_id", ""), _negated=True),
                fields=("account", "stripe_session_id"),
                name="attempt_session_once",
            ),
        ),
        migrations.RunSQL(WITH_PAGE, WITHOUT),
    ]
