"""Publishing, and the counts that a trigger keeps."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import ProgrammingError

from knowledge.models import Article, ArticleVersion, ArticleVote
from knowledge.services import archive_article, publish_article, restore_version, vote
from tests.factories import make_article


def test_publishing_keeps_each_text_as_a_version(agent, now):
    article = make_article("Export", state="draft", body="One")
    publish_article(article=article, author=agent, now=now)
    assert (article.state, article.version, article.published_at) == ("published", 1, now)
    article.body = "Two"
    article.save()
    version = publish_article(article=article, author=agent, now=now)
    assert (version.number, version.author) == (2, agent)
    assert list(article.versions.order_by("number").values_list("number", "body")) == [(1, "One"), (2, "Two")]


def test_publishing_an_unchanged_text_adds_no_version(agent, now):
    article = make_article("Export", state="draft")
    first = publish_article(article=article, author=agent, now=now)
    assert publish_article(article=article, author=agent, now=now) == first
    assert article.versions.count() == 1


def test_an_earlier_text_can_be_restored(agent, now):
    article = make_article("Export", state="draft", body="One")
    first = publish_article(article=article, author=agent, now=now)
    Article.objects.filter(pk=article.pk).update(body="Two")
    publish_article(article=article, author=agent, now=now)
    assert restore_version(version=first, author=agent, now=now).number == 3
    article.refresh_from_db()
    assert (article.body, article.version) == ("One", 3)


def test_an_archived_article_keeps_its_versions(agent, now):
    article = make_article("Export", state="draft")
    publish_article(article=article, author=agent, now=now)
    archive_article(article=article, now=now)
    assert not Article.objects.published().exists()
    assert article.versions.count() == 1


def test_the_database_refuses_to_change_a_version(agent, now):
    version = publish_article(article=make_article("Export", state="draft"), author=agent, now=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        ArticleVersion.objects.update(body="Rewritten")
    version.refresh_from_db()
    assert version.body != "Rewritten"


def test_a_customers_vote_counts_and_changes_no_article_otherwise(as_customer, member, now):
    article = make_article("Export")
    with as_customer(member.membership):
        vote(article=article, membership=member.membership, is_helpful=True, now=now)
        with pytest.raises(ProgrammingError), transaction.atomic():
            Article.objects.update(helpful_votes=100)
    article.refresh_from_db()
    assert article.helpful_votes == 1
    ArticleVote.objects.all().delete()
    article.refresh_from_db()
    assert (article.helpful_votes, article.unhelpful_votes) == (0, 0)
    assert connection.in_atomic_block
