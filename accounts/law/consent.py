"""What a person allows, and how a browser's wish not to be followed is kept."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from django.http import HttpRequest

from accounts.models import Consent, Purpose, User
from tracking.services import page_views_without_person

TEXT_VERSION = "2026-11"  # Of the words in accounts.models.law.Purpose; changed with them.


def choices_of(user: User) -> dict[Purpose, bool]:
    """What counts today for each purpose; one query."""
    latest = user.consents.order_by("purpose", "-created_at", "-pk").distinct("purpose")
    said = {row.purpose: row.is_given for row in latest}
    return {purpose: said.get(purpose, purpose.is_given_unasked) for purpose in Purpose}


def choose(*, user: User, choices: Mapping[Purpose, bool], source: str, now: datetime) -> list[Purpose]:
    """Keep what somebody chose; the purposes that changed. Earlier choices stay as they were said."""
    before = choices_of(user)
    changed = [purpose for purpose, is_given in choices.items() if before[purpose] != is_given]
    for purpose in changed:
        Consent(
            user=user,
            purpose=purpose,
            is_given=choices[purpose],
            text_version=TEXT_VERSION,
            source=source,
            created_at=now,
        ).save(force_insert=True)
    if Purpose.ANALYTICS in changed:
        user.is_measured = choices[Purpose.ANALYTICS]
        user.save(update_fields=["is_measured"])
    return changed


def may_send_marketing(user: User) -> bool:
    """Whether the person has asked for news and offers; one query."""
    return choices_of(user)[Purpose.MARKETING]


def is_followed(request: HttpRequest, user: User) -> bool:
    """Whether page views may carry the person's name: neither they nor their browser has said no."""
    said_no = request.headers.get("DNT") == "1" or request.headers.get("Sec-GPC") == "1"
    return user.is_measured and not said_no


@contextmanager
def honoured(request: HttpRequest, user: User) -> Iterator[None]:
    """Answer a request as the person wishes: without their name in its page views where they don't want it.

    The views still count for the company, whose contract they are about. What earns money, a case or a sign-in is
    recorded as ever: the contract needs it.
    """
    if is_followed(request, user):
        yield
        return
    with page_views_without_person():
        yield
