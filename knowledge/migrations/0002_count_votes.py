"""Votes are summed on the article, and an article's versions are appended.

Triggers of our own. The sum is kept with definer rights: a customer may vote, and changes no article.
"""

from django.db import migrations, models

COUNT_VOTES = """
CREATE FUNCTION knowledge_count_votes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    UPDATE knowledge_article SET helpful_votes = helpful_votes - OLD.is_helpful::int,
      unhelpful_votes = unhelpful_votes - (NOT OLD.is_helpful)::int WHERE id = OLD.article_id;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    UPDATE knowledge_article SET helpful_votes = helpful_votes + NEW.is_helpful::int,
      unhelpful_votes = unhelpful_votes + (NOT NEW.is_helpful)::int WHERE id = NEW.article_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER count_votes AFTER INSERT OR UPDATE OR DELETE ON knowledge_articlevote
  FOR EACH ROW EXECUTE FUNCTION knowledge_count_votes();
"""
DROP_COUNT_VOTES = """
DROP TRIGGER count_votes ON knowledge_articlevote;
DROP FUNCTION knowledge_count_votes();
"""

# Deleting goes with the article, which nobody on the staff may delete.
KEEP_VERSIONS = """
CREATE FUNCTION knowledge_keep_versions() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  RAISE EXCEPTION '% is appended to, never changed', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OF article_id, number, title, summary, body, created_at
  ON knowledge_articleversion FOR EACH ROW EXECUTE FUNCTION knowledge_keep_versions();
"""
DROP_KEEP_VERSIONS = """
DROP TRIGGER append_only ON knowledge_articleversion;
DROP FUNCTION knowledge_keep_versions();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="article",
            name="helpful_votes",
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="article",
            name="unhelpful_votes",
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddIndex(
            model_name="article",
            index=models.Index(fields=["category", "title", "id"], name="article_on_shelf"),
        ),
        migrations.RunSQL(COUNT_VOTES, DROP_COUNT_VOTES),
        migrations.RunSQL(KEEP_VERSIONS, DROP_KEEP_VERSIONS),
    ]
