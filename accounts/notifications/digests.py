"""The summary: what somebody chose not to be told at once, in one mail per person and company."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts import brands
from accounts.jobs import enqueue
from accounts.models import Account, DigestEvery, MailTimes, Membership, Notification, User
from accounts.notifications.hours import last_digest_at
from accounts.notifications.letters import write
from accounts.notifications.own import Digest
from accounts.notifications.telling import queue_letter
from accounts.notifications.types import names_for

LONGEST_DIGEST = 50  # Lines; the rest is counted, and stands in the portal.
OLDEST = timedelta(days=30)  # What waited longer, because summaries were off, is not news.


def send_digests(*, now: datetime) -> int:
    """Write every summary that is due; the number written.

    What waits is due once it is older than the latest moment a summary was due, so that a day missed is caught up by
    the next run. The waiting rows are locked and taken in the transaction that queues the mail: two runs at once, or
    one after the other, write one.
    """
    from accounts.tasks import send_due_mail

    waiting = Notification.objects.filter(waits_for_digest=True).values_list("account_id", "user_id").distinct()
    written = sum(_send_one(account_id, user_id, now=now) for account_id, user_id in list(waiting))
    if written:
        enqueue(send_due_mail)
    return written


def _send_one(account_id: int, user_id: int, *, now: datetime) -> bool:
    user = User.objects.select_related("mail_times").get(pk=user_id)
    times: MailTimes = getattr(user, "mail_times", None) or MailTimes()
    weekday = times.digest_weekday if times.digest_every == DigestEvery.WEEK else None
    due_at = last_digest_at(now, zone=ZoneInfo(user.time_zone), hour=times.digest_hour, weekday=weekday)
    with transaction.atomic():
        taken = list(
            Notification.objects.select_for_update(skip_locked=True)
            .filter(account=account_id, user=user_id, waits_for_digest=True, created_at__lt=due_at)
            .order_by("created_at", "pk")
        )
        Notification.objects.filter(pk__in=[one.pk for one in taken]).update(waits_for_digest=False)
        if times.digest_every == DigestEvery.NEVER:
            return False
        news = _still_theirs(taken, account_id, user_id, now=now)
        if news:
            _queue(news, user, Account.objects.get(pk=account_id))
    return bool(news)


def _still_theirs(taken: list[Notification], account_id: int, user_id: int, *, now: datetime) -> list[Notification]:
    """Without what the person has read, what their roles no longer show, and what is old."""
    membership = Membership.objects.active().filter(account=account_id, user=user_id).first()
    names = names_for(membership) if membership else []
    return [one for one in taken if one.read_at is None and one.kind in names and now - one.created_at < OLDEST]


def _queue(news: list[Notification], user: User, account: Account) -> None:
    base_url = brands.of(account).base_url
    lines = [
        {"text": one.line, "url": f"{base_url}{one.link}?company={account.public_id}"} for one in news[:LONGEST_DIGEST]
    ]
    context = {"lines": lines, "count": len(news), "more": max(0, len(news) - LONGEST_DIGEST)}
    letter = write(Digest, to=user, account=account, context=context)
    queue_letter(kind=Digest.name, user=user, account_id=account.pk, letter=letter)
