"""Entries of one person that are joined, and which columns elsewhere may follow them.

Frozen rows keep their guards: `accounts_is_merge` lets one thing through, that the entry a row names was joined with
the one it names now.
"""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


IS_MERGE = """
CREATE FUNCTION accounts_is_merge(before jsonb, after jsonb, VARIADIC people text[]) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public AS $$
  SELECT current_user <> 'portal_customer' AND before - people = after - people AND NOT EXISTS (
    SELECT FROM unnest(people) AS person
    WHERE before -> person IS DISTINCT FROM after -> person AND NOT EXISTS (
      SELECT FROM accounts_user
      WHERE id = (before ->> person)::bigint AND merged_into_id = (after ->> person)::bigint
    )
  )
$$;

CREATE FUNCTION accounts_guard_merged() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF current_user = 'portal_customer' THEN
    RAISE EXCEPTION 'a customer''s request joins nobody' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF NEW.merged_into_id IS NULL OR NEW.is_staff OR EXISTS (
    SELECT FROM accounts_user WHERE id = NEW.merged_into_id AND (merged_into_id IS NOT NULL OR is_staff)
  ) THEN
    RAISE EXCEPTION 'entry % does not go on as %', NEW.id, NEW.merged_into_id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_merged BEFORE UPDATE ON accounts_user FOR EACH ROW
  WHEN (OLD.merged_into_id IS DISTINCT FROM NEW.merged_into_id) EXECUTE FUNCTION accounts_guard_merged();
"""
DROP = """
DROP TRIGGER guard_merged ON accounts_user;
DROP FUNCTION accounts_guard_merged();
DROP FUNCTION accounts_is_merge(jsonb, jsonb, text[]);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0022_menu_rules"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="DistinctPair",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("decided_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name="PersonMerge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.EmailField(blank=True, max_length=254, verbose_name="its address")),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
                ("moved", models.JSONField(default=dict, verbose_name="what moved")),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="when")),
            ],
            options={
                "verbose_name": "merge of people",
                "verbose_name_plural": "merges of people",
                "permissions": [("merge_people", "Can merge entries of one person")],
            },
        ),
        migrations.AddField(
            model_name="user",
            name="merged_into",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merged_entries",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("merged_into", None), ("is_active", False), _connector="OR"),
                name="user_merged_is_over",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("merged_into", models.F("id")), _negated=True), name="user_merged_into_another"
            ),
        ),
        migrations.AddField(
            model_name="distinctpair",
            name="decided_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="distinctpair",
            name="first",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="distinctpair",
            name="second",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="personmerge",
            name="made_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="by",
            ),
        ),
        migrations.AddField(
            model_name="personmerge",
            name="merged",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merge",
                to=settings.AUTH_USER_MODEL,
                verbose_name="entry joined",
            ),
        ),
        migrations.AddField(
            model_name="personmerge",
            name="survivor",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merges",
                to=settings.AUTH_USER_MODEL,
                verbose_name="entry kept",
            ),
        ),
        migrations.AddConstraint(
            model_name="distinctpair",
            constraint=models.UniqueConstraint(fields=("first", "second"), name="distinct_pair_once"),
        ),
        migrations.AddConstraint(
            model_name="distinctpair",
            constraint=models.CheckConstraint(
                condition=models.Q(("first__lt", models.F("second"))), name="distinct_pair_in_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="personmerge",
            constraint=models.CheckConstraint(
                condition=models.Q(("merged", models.F("survivor")), _negated=True), name="person_merge_of_two"
            ),
        ),
        migrations.AddConstraint(
            model_name="personmerge",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="person_merge_has_a_reason"
            ),
        ),
        migrations.RunSQL(IS_MERGE, DROP),
    ]
