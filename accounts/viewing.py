"""View as customer: staff see the portal as one of a customer's people does, to help them.

The actor stays the member of staff, on behalf of the person: nothing they do counts as the customer's, and the
customer's administrators read of it in their audit log. Looking is the rule; who may change things says so before, and
even then the person's own words, consent, money and sign-in stay theirs.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from accounts.audit import AuditAction, note
from accounts.models import Membership, User, Viewing
from accounts.permissions import VIEW_PERMISSIONS, Permission
from tracking.actor import Actor, ActorKind

V = TypeVar("V", bound=Callable[..., HttpResponseBase])
SESSION_VIEWING = "viewing"  # Session key: the visit that this session belongs to.
MAY_LOOK, MAY_ACT = "accounts.view_as_customer", "accounts.act_for_customer"
LOOKING_FOR, ACTING_FOR = timedelta(minutes=60), timedelta(minutes=15)
SHORTEST_REASON = 10  # Characters: "ticket" says nothing to the customer who reads it.

# What staff may do in a person's place when they may change things.
ACTING = VIEW_PERMISSIONS | {Permission.MANAGE_COMPANY, Permission.MANAGE_MEMBERS}


class NotToBeViewed(PermissionDenied):
    """Somebody of the staff, or who cannot come in themselves."""


class OnlyViewing(PermissionDenied):
    """What the visit does not include: a change while looking, or what is the person's own."""


def begin(*, staff: User, member: Membership, reason: str, is_elevated: bool, ip: str, now: datetime) -> Viewing:
    """Write down that `staff` views the portal as `member` from now on.

    Raises `PermissionDenied` without the permission, and `NotToBeViewed`.
    """
    if not staff.has_perm(MAY_ACT if is_elevated else MAY_LOOK):
        raise PermissionDenied
    person = member.user
    if person.is_staff or person.is_superuser or not member.may_come_in:
        raise NotToBeViewed
    viewing = Viewing.objects.create(
        account=member.account,
        staff=staff,
        person=person,
        reason=reason,
        is_elevated=is_elevated,
        started_at=now,
        expires_at=now + (ACTING_FOR if is_elevated else LOOKING_FOR),
    )
    _note(AuditAction.VIEW_AS_ELEVATED if is_elevated else AuditAction.VIEW_AS_BEGUN, viewing, ip=ip, now=now)
    return viewing


def end(*, viewing: Viewing, ip: str, now: datetime) -> None:
    """Write down that it is over. Ending twice is once."""
    if Viewing.objects.filter(pk=viewing.pk, ended_at__isnull=True).update(ended_at=now):
        _note(AuditAction.VIEW_AS_ENDED, viewing, ip=ip, now=now)


def viewing_of(request: HttpRequest, *, now: datetime) -> Viewing | None:
    """The visit that the session belongs to; None in a session of one's own.

    Permissions are asked anew with each request: whoever may no longer change things only looks.
    Raises `ViewingOver` when its time is up, it was ended elsewhere, or the member of staff may no longer do it.
    """
    pk = request.session.get(SESSION_VIEWING)
    if pk is None:
        return None
    viewing = Viewing.objects.open(now).select_related("staff").filter(pk=pk, person_id=request.user.pk).first()
    allowed = viewing is not None and viewing.staff.is_active and viewing.staff.has_perm(MAY_LOOK)
    if viewing is None or not allowed:
        raise ViewingOver
    if viewing.is_elevated and not viewing.staff.has_perm(MAY_ACT):
        viewing.give_up_elevation()
    return viewing


def begun_in(request: HttpRequest) -> Viewing | None:
    """The visit that the session belongs to, whether its time is up or not: what there is to end."""
    pk = request.session.get(SESSION_VIEWING, 0)
    return Viewing.objects.filter(pk=pk, person_id=request.user.pk).first()


class ViewingOver(Exception):
    """The session has nothing to show any more: it is signed out."""


def actor_of(viewing: Viewing) -> Actor:
    return Actor(viewing.staff_id, viewing.account_id, ActorKind.STAFF, on_behalf_of=viewing.person_id)


def in_person(view: V) -> V:
    """Mark a change that staff never make in a person's place, whatever their visit includes: consent, money, leaving.

    Below `@requires(…)`. The page may still be looked at.
    """

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD") and hasattr(request, "viewing"):
            raise OnlyViewing
        return view(request, *args, **kwargs)

    return cast("V", checked)


def restrict(membership: Membership, viewing: Viewing) -> None:
    """Let the membership grant no more than the visit includes."""
    membership.limited_to = ACTING if viewing.is_elevated else VIEW_PERMISSIONS


def _note(action: AuditAction, viewing: Viewing, *, ip: str, now: datetime) -> None:
    note(
        action=action,
        actor=actor_of(viewing),
        now=now,
        subject_id=viewing.person_id,
        details={"reason": viewing.reason},
        ip=ip,
    )
