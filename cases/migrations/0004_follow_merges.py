"""Who opened a case or wrote a message stands, but for one thing: two entries of one person are joined."""

from django.db import migrations

FOLLOW = """
DROP TRIGGER guard ON cases_case;
CREATE TRIGGER guard_delete BEFORE DELETE ON cases_case FOR EACH ROW EXECUTE FUNCTION cases_guard_case();
CREATE TRIGGER guard BEFORE UPDATE ON cases_case FOR EACH ROW
  WHEN (OLD.opened_by_id IS NOT DISTINCT FROM NEW.opened_by_id
        OR NOT accounts_is_merge(to_jsonb(OLD), to_jsonb(NEW), 'opened_by_id'))
  EXECUTE FUNCTION cases_guard_case();

DROP TRIGGER append_only ON cases_casemessage;
CREATE TRIGGER append_only_delete BEFORE DELETE ON cases_casemessage
  FOR EACH ROW EXECUTE FUNCTION cases_append_only();
CREATE TRIGGER append_only BEFORE UPDATE ON cases_casemessage FOR EACH ROW
  WHEN (NOT accounts_is_merge(to_jsonb(OLD), to_jsonb(NEW), 'author_id'))
  EXECUTE FUNCTION cases_append_only();
"""
BACK = """
DROP TRIGGER append_only ON cases_casemessage;
DROP TRIGGER append_only_delete ON cases_casemessage;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON cases_casemessage
  FOR EACH ROW EXECUTE FUNCTION cases_append_only();
DROP TRIGGER guard ON cases_case;
DROP TRIGGER guard_delete ON cases_case;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON cases_case FOR EACH ROW EXECUTE FUNCTION cases_guard_case();
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0003_visibility"), ("accounts", "0023_merging")]

    operations = [migrations.RunSQL(FOLLOW, BACK)]
