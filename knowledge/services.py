"""Operations on articles: publishing, votes, and cases that an article made unnecessary."""

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max

from accounts.models import Account, Membership, User
from knowledge.models import Article, ArticleState, ArticleVersion, ArticleVote, Deflection
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record


def publish_article(*, article: Article, author: User, now: datetime) -> ArticleVersion:
    """Show the article's present text to its readers, and keep it as the next version.

    An unchanged text that is published already is not published again: its last version is returned.
    """
    with transaction.atomic():
        row = Article.objects.select_for_update().get(pk=article.pk)
        last = row.versions.order_by("-number").first()
        if last and row.is_published and (last.title, last.summary, last.body) == (row.title, row.summary, row.body):
            return last
        number = (row.versions.aggregate(last=Max("number"))["last"] or 0) + 1
        version = ArticleVersion.objects.create(
            article=row,
            number=number,
            title=row.title,
            summary=row.summary,
            body=row.body,
            author=author,
            created_at=now,
        )
        row.state = ArticleState.PUBLISHED
        row.version = number
        row.published_at = row.published_at or now
        row.updated_at = now
        row.save(update_fields=["state", "version", "published_at", "updated_at"])
    article.refresh_from_db(fields=["state", "version", "published_at", "updated_at"])
    return version


def archive_article(*, article: Article, now: datetime) -> None:
    """Take the article away from its readers; its text and versions are kept."""
    article.state = ArticleState.ARCHIVED
    article.updated_at = now
    article.save(update_fields=["state", "updated_at"])


def restore_version(*, version: ArticleVersion, author: User, now: datetime) -> ArticleVersion:
    """Make an earlier text the article's text again, as its next version."""
    with transaction.atomic():
        article = Article.objects.select_for_update().get(pk=version.article_id)
        article.title, article.summary, article.body = version.title, version.summary, version.body
        article.save(update_fields=["title", "summary", "body"])
        return publish_article(article=article, author=author, now=now)


def vote(*, article: Article, membership: Membership, is_helpful: bool, now: datetime) -> None:
    """Keep whether the article helped this person. Voting again changes their vote, also when both arrive at once."""
    ArticleVote.objects.bulk_create(
        [
            ArticleVote(
                account_id=membership.account_id,
                user_id=membership.user_id,
                article=article,
                is_helpful=is_helpful,
                updated_at=now,
            )
        ],
        update_conflicts=True,
        unique_fields=["account", "user", "article"],
        update_fields=["is_helpful", "updated_at"],
    )


def record_deflection(
    *, article: Article, account: Account, user: User, actor: Actor, subject: str, form_key: UUID, now: datetime
) -> Deflection:
    """Note that the article answered a case about `subject` before it was opened.

    Once per `form_key`, the form that the customer was filling in: saying it twice returns what was noted first. Who
    opens the case from that form after all has both, and counts of deflections leave such a form out.
    """
    given = Deflection.objects.for_account(account).filter(form_key=form_key)
    if earlier := given.first():
        return earlier
    try:
        with transaction.atomic():
            deflection = Deflection.objects.create(
                account=account, user=user, article=article, subject=subject, form_key=form_key, created_at=now
            )
    except IntegrityError:
        if earlier := given.first():  # The same form, sent at the same moment.
            return earlier
        raise
    record(
        name=EventName.CASE_DEFLECTED,
        actor=actor,
        now=now,
        object_type="article",
        object_id=article.slug,
        properties={"form_key": str(form_key)},
    )
    return deflection
