"""A person's own Home: what they pin, hide and order, and which first steps they have taken or put away.

What widgets there are is said by `portal.widgets`; here are names alone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models import Exists, Q

from accounts.models import HomeLayout, Invitation, Membership
from tracking.actor import Actor
from tracking.models import Event, EventName
from tracking.services import record

NEW_FOR = timedelta(days=60)  # How long somebody counts as new: after that, neither first steps nor tour are offered.


class UnknownWidget(ValueError):
    """The form names something that is no widget of Home, or one of them twice."""


@dataclass(frozen=True)
class Arrangement:
    """What one person wants of Home. Lists of widgets' names."""

    order: tuple[str, ...] = ()
    pinned: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()

    def sorted(self, names: Sequence[str]) -> list[str]:
        """The names as this person orders them; those they were never asked about follow at the end."""
        places = {name: place for place, name in enumerate(self.order)}
        return sorted(names, key=lambda name: places.get(name, len(places)))


def layout_of(membership: Membership) -> HomeLayout | None:
    """As the middleware has read it with the membership; None where nothing is kept."""
    return getattr(membership, "home_layout", None)


def arrangement_of(membership: Membership) -> Arrangement:
    """How this person has arranged Home; nothing in it while it is as it comes."""
    layout = layout_of(membership)
    if layout is None or layout.arranged_at is None:
        return Arrangement()
    return Arrangement(tuple(layout.order), frozenset(layout.pinned), frozenset(layout.hidden))


def is_new(membership: Membership, now: datetime) -> bool:
    return membership.pk is not None and now - membership.created_at < NEW_FOR


def arrange(*, membership: Membership, arrangement: Arrangement, known: Collection[str], now: datetime) -> None:
    """Keep how a person wants Home. What says the same as Home as it comes is kept as that.

    `known` are the names of all widgets, in their usual order. Raises `UnknownWidget`.
    """
    named = set(arrangement.order)
    if len(named) < len(arrangement.order) or not (named | arrangement.pinned | arrangement.hidden) <= set(known):
        raise UnknownWidget
    usual = [name for name in known if name in named]
    if not arrangement.pinned and not arrangement.hidden and list(arrangement.order) == usual:
        reset(membership=membership, now=now)
        return
    pinned, hidden = sorted(arrangement.pinned - arrangement.hidden), sorted(arrangement.hidden)
    _keep(membership, order=list(arrangement.order), pinned=pinned, hidden=hidden, arranged_at=now)
    _note(membership.actor(), now, {"is_own": True, "pinned": pinned, "hidden": hidden})


def reset(*, membership: Membership, now: datetime) -> None:
    """Home as it comes. Nothing happens where it is that already."""
    layout = layout_of(membership)
    if layout is None or layout.arranged_at is None:
        return
    _keep(membership, order=[], pinned=[], hidden=[], arranged_at=None)
    _note(membership.actor(), now, {"is_own": False})


def put_first_steps_away(*, membership: Membership, now: datetime) -> None:
    """The person does not want to see the checklist any more."""
    _keep(membership, first_steps_put_away_at=now)


def end_tour(*, membership: Membership, now: datetime) -> None:
    """The person has seen the tour, or does not want to."""
    _keep(membership, toured_at=now)


def _keep(membership: Membership, **values: Any) -> None:
    HomeLayout.objects.update_or_create(
        membership=membership, defaults=values, create_defaults={"account": membership.account, **values}
    )


def _note(actor: Actor, now: datetime, properties: dict[str, Any]) -> None:
    record(name=EventName.HOME_ARRANGED, actor=actor, now=now, object_type="home", properties=properties)


@dataclass(frozen=True)
class FirstSteps:
    """What a person, or for some steps their company, has done since the person came."""

    has_company_details: bool
    has_colleagues: bool
    has_second_factor: bool
    has_language: bool
    has_read: bool
    has_followed_case: bool
    has_seen_contract: bool


def first_steps_of(membership: Membership) -> FirstSteps:
    """Worked out from what is there. One query."""
    account, user = membership.account, membership.user
    own = Event.objects.for_account(account.pk).filter(user_id=user.pk, occurred_at__gte=membership.created_at)
    colleagues = Membership.objects.for_account(account).exclude(pk=membership.pk)
    invited = Invitation.objects.filter(account=account, is_claim=False)  # The claim link was the person's own.
    factors = Authenticator.objects.filter(user=user, type__in=[Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN])
    done = (
        Membership.objects.for_account(account)
        .filter(pk=membership.pk)
        .values(
            has_colleagues=Q(Exists(colleagues)) | Q(Exists(invited)),
            has_second_factor=Exists(factors),
            has_read=Exists(own.filter(name__in=[EventName.ARTICLE_VIEWED, EventName.CASE_DEFLECTED])),
            has_followed_case=Exists(own.filter(name__in=[EventName.CASE_CREATED, EventName.CASE_VIEWED])),
            has_seen_contract=Exists(own.filter(name=EventName.CONTRACT_VIEWED)),
        )
        .get()
    )
    details = (account.billing_email, account.billing_street, account.billing_city, account.billing_country)
    return FirstSteps(has_company_details=all(details), has_language=bool(user.language), **done)
