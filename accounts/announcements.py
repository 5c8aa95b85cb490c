"""Announcements across the top of the pages: which of them stand there for whom."""

from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.db import transaction
from django.utils.translation import get_language

from accounts.models import Account, Announcement, Membership, User

_CACHE_KEY = "announcements"
_KEPT_SECONDS = 60  # How late one may appear where another process has changed it.


@dataclass(frozen=True)
class Shown:
    """An announcement in the reader's language."""

    pk: int
    level: str
    text: str
    link: str
    link_text: str
    is_dismissible: bool


def announcements_for(*, user: User, membership: Membership | None, now: datetime) -> list[Shown]:
    """What stands on top of this person's pages. Costs no query while the cache has the list, and one without it."""
    return [
        show(one, get_language() or "en")
        for one in _unfinished(now)
        if one.starts_at <= now
        and (one.ends_at is None or now < one.ends_at)
        and one.pk not in user.dismissed_announcements
        and concerns(one, user=user, membership=membership)
    ]


def concerns(announcement: Announcement, *, user: User, membership: Membership | None) -> bool:
    """Whether the person belongs to the audience: every rule that names something holds."""
    if user.is_staff:
        return announcement.for_staff
    if membership is None:
        return False
    account: Account = membership.account
    return (
        (not announcement.tiers or account.tier.code in announcement.tiers)
        and (not announcement.industries or account.industry in announcement.industries)
        and (not announcement.stages or account.lifecycle_stage in announcement.stages)
        and (not announcement.roles or not set(announcement.roles).isdisjoint(membership.roles))
    )


def show(announcement: Announcement, language: str) -> Shown:
    """In this language, or else in English."""
    said = {text.language: text for text in announcement.texts.all()}
    words = said.get(language) or announcement
    return Shown(
        pk=announcement.pk,
        level=announcement.level,
        text=words.text,
        link=announcement.link,
        link_text=words.link_text or announcement.link_text,
        is_dismissible=announcement.is_dismissible,
    )


def dismiss(*, user: User, announcement_id: int, now: datetime) -> bool:
    """Put one away for this person, and forget those that are over. False for one that can't be put away."""
    unfinished = {one.pk: one.is_dismissible for one in _unfinished(now)}
    if not unfinished.get(announcement_id):
        return False
    with transaction.atomic():
        locked = User.objects.select_for_update(no_key=True).only("dismissed_announcements").get(pk=user.pk)
        kept = {pk for pk in locked.dismissed_announcements if pk in unfinished} | {announcement_id}
        User.objects.filter(pk=user.pk).update(dismissed_announcements=sorted(kept))
    return True


def forget_cached() -> None:
    """After a change, so that it is seen at once."""
    transaction.on_commit(lambda: cache.delete(_CACHE_KEY), robust=True)


def _unfinished(now: datetime) -> list[Announcement]:
    found: list[Announcement] | None = cache.get(_CACHE_KEY)
    if found is None:
        found = list(Announcement.objects.unfinished(now).prefetch_related("texts").order_by("starts_at", "pk"))
        cache.set(_CACHE_KEY, found, _KEPT_SECONDS)
    return found
