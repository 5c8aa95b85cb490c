"""What a company and the vendor's people say to each other about a quote."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Account, User
from accounts.notifications import notify
from commerce.models import Quote, QuoteComment
from commerce.quotes.quote_lifecycle import record_step
from tracking.actor import Actor, ActorKind
from tracking.models import EventName

LONGEST_COMMENT = 4000  # Characters.


class CommentMissing(Exception):
    """Nothing was written."""


class NotAmongUs(Exception):
    """Only the vendor's own people write what stays with them."""


def comment(*, quote: Quote, author: User, text: str, is_internal: bool = False, actor: Actor, now: datetime) -> None:
    """Say something about a quote, and tell the other side; an internal comment is told to nobody.

    Raises `CommentMissing`, `NotAmongUs`.
    """
    text = text.strip()[:LONGEST_COMMENT]
    if not text:
        raise CommentMissing(_("Write something first."))
    from_company = actor.kind == ActorKind.CUSTOMER
    if is_internal and from_company:
        raise NotAmongUs
    with transaction.atomic():
        said = QuoteComment.objects.create(
            account=quote.account, quote=quote, author=author, is_internal=is_internal, text=text, created_at=now
        )
        record_step(EventName.QUOTE_COMMENTED, quote, actor=actor, now=now, internal=is_internal)
        if is_internal:
            return
        kind, to = ("quote_asked", _ours(quote)) if from_company else ("quote_answered", _theirs(quote, quote.account))
        readers = [person for person in to if person.pk != author.pk]
        if readers:
            notify(kind=kind, to=readers, account=quote.account, context={"quote": quote, "comment": said})


def _ours(quote: Quote) -> list[User]:
    """Who of the vendor's made the quote, else who sells to the company."""
    if quote.is_by_staff and quote.created_by is not None:
        return [quote.created_by]
    contact = quote.account.sales_contact
    return [contact] if contact else []


def _theirs(quote: Quote, account: Account) -> list[User]:
    """Whoever made the quote, and those who spoke about it."""
    spoke = QuoteComment.objects.about(quote).public().values("author")
    people = User.objects.filter(pk__in=spoke) | User.objects.filter(quotes_created=quote)
    return list(people.filter(memberships__account=account, memberships__is_active=True).distinct().order_by("pk"))
