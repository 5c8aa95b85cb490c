"""What administrators do with the people of their company: roles, departments, who may come in, and who rules.

Each change first takes the company's row, so that two of them stand one after the other: what the second may do is
decided by what the first has left. A trigger of the database holds the same line under all code
(`accounts_guard_members`): of a customer's requests, only those of an administrator change a membership.
"""

from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import PermissionDenied

from accounts.models import Account, IdentityProvider, Invitation, Membership, MembershipQuerySet, User
from accounts.notifications import notify
from accounts.permissions import Permission, Role
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record


class Indispensable(Exception):
    """The company needs this person as an administrator: something else comes first."""


class LastAdministrator(Indispensable):
    """Nobody would be left who may manage the company's people."""


class EmergencyAdministrator(Indispensable):
    """The one who gets in while single sign-on is required and the identity provider is away."""


class NoLongerAdministrator(PermissionDenied):
    """Somebody else took the role away while this person was about to use it."""


class NotActive(Exception):
    """The person cannot come in, so nothing can be handed over to them."""


def change_member(
    *, member: Membership, roles: Iterable[str], department: str, by: Membership | None, actor: Actor, now: datetime
) -> None:
    """Give `member` these roles and this department; what they did before stays theirs.

    `by` is the administrator who does it, None for a job. Raises an `Indispensable`, `NoLongerAdministrator`.
    """
    lock_company(account=member.account, by=by)
    member.refresh_from_db(fields=["roles", "department", "is_active"])
    before, wanted = set(member.roles), _in_order(roles)
    if Role.ADMINISTRATOR not in wanted:
        _check_dispensable(member)
    if before == set(wanted) and member.department == department:
        return
    member.roles, member.department = wanted, department
    member.save(update_fields=["roles", "department"])
    _record(EventName.MEMBER_CHANGED, member, actor, now, before=sorted(before), after=sorted(wanted))
    if before != set(wanted) and (by is None or by.pk != member.pk):
        _tell_of_roles(member)


def deactivate_member(*, member: Membership, by: Membership | None, actor: Actor, now: datetime) -> None:
    """Keep somebody out from their next click on; everything they did stays.

    Raises an `Indispensable`, `NoLongerAdministrator`.
    """
    lock_company(account=member.account, by=by)
    _check_dispensable(member)
    if _set_active(member, is_active=False):
        # Let no open invitation bring them back.
        waiting = Invitation.objects.for_account(member.account).waiting()
        waiting.filter(email=member.user.email).update(revoked_at=now)
        _record(EventName.MEMBER_DEACTIVATED, member, actor, now)


def reactivate_member(*, member: Membership, by: Membership | None, actor: Actor, now: datetime) -> None:
    """Let somebody in again, with the roles they had. Raises `NoLongerAdministrator`."""
    lock_company(account=member.account, by=by)
    if _set_active(member, is_active=True):
        _record(EventName.MEMBER_REACTIVATED, member, actor, now)


def leave_company(*, member: Membership, actor: Actor, now: datetime) -> None:
    """End one's own membership. Raises an `Indispensable`."""
    lock_company(account=member.account, by=None)
    _check_dispensable(member)
    if _set_active(member, is_active=False):
        _record(EventName.MEMBER_LEFT, member, actor, now)


def hand_over(*, to: Membership, by: Membership, actor: Actor, now: datetime) -> None:
    """Make `to` an administrator and step down, in one step; who has no other role then stays as a viewer.

    Raises `NoLongerAdministrator`, `NotActive`, `EmergencyAdministrator`.
    """
    lock_company(account=to.account, by=by)
    _keep_the_emergency_administrator(by)
    for membership in (to, by):
        membership.refresh_from_db(fields=["roles", "is_active"])
    if not to.may_come_in or to.pk == by.pk:
        raise NotActive
    # In this order: only an administrator may make another one.
    to.roles = _in_order({*to.roles, Role.ADMINISTRATOR})
    to.save(update_fields=["roles"])
    by.roles = _in_order({*by.roles} - {Role.ADMINISTRATOR} or {Role.VIEWER})
    by.save(update_fields=["roles"])
    _record(EventName.ADMINISTRATION_HANDED_OVER, to, actor, now)
    _tell_of_roles(to)


def lock_company(*, account: Account, by: Membership | None) -> None:
    """Let changes of a company's people wait for each other, and ask again whether `by` may make one.

    Raises `NoLongerAdministrator`.
    """
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if by is None:
        return
    if not _administrators(account).filter(pk=by.pk).exists():
        raise NoLongerAdministrator


def administrators_of(account: Account) -> list[Membership]:
    """Those who decide about the company's people."""
    return list(_administrators(account).select_related("user").order_by("pk"))


def is_administrator(account: Account, user: User) -> bool:
    """Whether this person decides about the company's people now."""
    return _administrators(account).filter(user=user).exists()


def _administrators(account: Account) -> MembershipQuerySet:
    return Membership.objects.for_account(account).active().with_permission(Permission.MANAGE_MEMBERS)


def is_indispensable(member: Membership) -> bool:
    """Whether they have to stay an administrator, as things are."""
    try:
        _check_dispensable(member)
    except Indispensable:
        return True
    return False


def _check_dispensable(member: Membership) -> None:
    """Whether the company can do without them as an administrator. Raises an `Indispensable`."""
    administrators = set(_administrators(member.account).values_list("pk", flat=True))
    if administrators == {member.pk}:
        raise LastAdministrator
    _keep_the_emergency_administrator(member)


def _keep_the_emergency_administrator(member: Membership) -> None:
    required = IdentityProvider.objects.for_account(member.account).enforced()
    if required.filter(emergency_administrator=member.user_id).exists():
        raise EmergencyAdministrator


def _set_active(member: Membership, *, is_active: bool) -> bool:
    """Whether that was a change."""
    member.refresh_from_db(fields=["is_active"])
    if member.is_active == is_active:
        return False
    member.is_active = is_active
    member.save(update_fields=["is_active"])
    return True


def _in_order(roles: Iterable[str]) -> list[str]:
    wanted = set(roles)
    return [role.value for role in Role if role in wanted]


def _record(name: EventName, member: Membership, actor: Actor, now: datetime, **properties: object) -> None:
    record(
        name=name,
        actor=actor,
        now=now,
        object_type="membership",
        object_id=str(member.public_id),
        properties=properties,
    )


def _tell_of_roles(member: Membership) -> None:
    notify(kind="roles_changed", to=[member.user], account=member.account, context={"member": member})
