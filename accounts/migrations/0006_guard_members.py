"""Of customers' requests, only an administrator's change a membership; whoever it is may leave.

The request's person is in `portal.user` (accounts/scope.py). Nobody raises their own roles: an administrator has every
permission already, and everybody else changes nothing. The same stands for invitations, by their own trigger.
"""

from django.db import migrations

GUARD = """
CREATE FUNCTION accounts_administers(account bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public AS $$
  SELECT EXISTS (
    SELECT FROM public.accounts_membership
    WHERE account_id = account AND is_active AND 'administrator' = ANY (roles)
      AND user_id = nullif(current_setting('portal.user', true), '')::bigint
  )
$$;

CREATE FUNCTION accounts_guard_members() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF current_user <> 'portal_customer' THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF (NEW.roles, NEW.department, NEW.is_active) IS NOT DISTINCT FROM (OLD.roles, OLD.department, OLD.is_active) THEN
      RETURN NEW;  -- A visit.
    END IF;
    IF NEW.user_id = nullif(current_setting('portal.user', true), '')::bigint AND NOT NEW.is_active
       AND (NEW.roles, NEW.department) IS NOT DISTINCT FROM (OLD.roles, OLD.department) THEN
      RETURN NEW;  -- Somebody leaves.
    END IF;
  END IF;
  IF NOT accounts_administers(NEW.account_id) THEN
    RAISE EXCEPTION 'only an administrator changes who belongs to a company'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_members BEFORE INSERT OR UPDATE ON accounts_membership
  FOR EACH ROW EXECUTE FUNCTION accounts_guard_members();
"""
DROP_GUARD = """
DROP TRIGGER guard_members ON accounts_membership;
DROP FUNCTION accounts_guard_members();
DROP FUNCTION accounts_administers(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_domains")]

    operations = [migrations.RunSQL(GUARD, DROP_GUARD)]
