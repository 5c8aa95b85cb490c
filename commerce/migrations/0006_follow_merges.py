"""Who made a quote, paid or asked for an approval stands, but for one thing: two entries of one person are joined.

A signature (`accepted_by`) stays with the entry that gave it.
"""

from django.db import migrations

QUOTE, APPROVAL, ATTEMPT = "commerce_quote", "commerce_purchaseapproval", "commerce_paymentattempt"
GUARDS = {QUOTE: "commerce_guard_quote", APPROVAL: "commerce_guard_approval", ATTEMPT: "commerce_guard_attempt"}
PEOPLE = {QUOTE: ["created_by_id"], APPROVAL: ["requested_by_id", "decided_by_id"], ATTEMPT: ["created_by_id"]}
EVENTS = {QUOTE: "DELETE", APPROVAL: "DELETE", ATTEMPT: "INSERT OR DELETE"}


def follow(table: str) -> str:
    guard, people = GUARDS[table], PEOPLE[table]
    same = " AND ".join(f"OLD.{column} IS NOT DISTINCT FROM NEW.{column}" for column in people)
    names = ", ".join(f"'{column}'" for column in people)
    return f"""
DROP TRIGGER guard ON {table};
CREATE TRIGGER guard_rest BEFORE {EVENTS[table]} ON {table} FOR EACH ROW EXECUTE FUNCTION {guard}();
CREATE TRIGGER guard BEFORE UPDATE ON {table} FOR EACH ROW
  WHEN (({same}) OR NOT accounts_is_merge(to_jsonb(OLD), to_jsonb(NEW), {names}))
  EXECUTE FUNCTION {guard}();
"""


def back(table: str) -> str:
    return f"""
DROP TRIGGER guard ON {table};
DROP TRIGGER guard_rest ON {table};
CREATE TRIGGER guard BEFORE UPDATE OR {EVENTS[table]} ON {table}
  FOR EACH ROW EXECUTE FUNCTION {GUARDS[table]}();
"""


class Migration(migrations.Migration):
    dependencies = [("commerce", "0005_purchase_approvals"), ("accounts", "0023_merging")]

    operations = [migrations.RunSQL(follow(table), back(table)) for table in GUARDS]
