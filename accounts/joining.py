"""Asking to belong to a company, and its administrators' answers.

Who asks belongs to no company, so what they ask runs as the owner. Nothing here tells somebody who has not verified
their address which companies there are, or whether an address is an administrator's.
"""

from collections.abc import Iterable
from datetime import datetime

from allauth.account.models import EmailAddress
from django.db.models import Q

from accounts.invitations import AlreadyInvited, AlreadyMember, Invitee, Standing, send_invitation
from accounts.members import administrators_of, lock_company
from accounts.models import Account, Domain, Invitation, JoinOrigin, JoinRequest, JoinState, Membership, User
from accounts.models.domains import domain_of
from accounts.notifications import notify
from accounts.permissions import Permission, Role
from accounts.scope import system_scope
from tracking.actor import Actor, ActorKind
from tracking.models import EventName
from tracking.services import record

OPEN_REQUESTS = 5  # Of one person, at a time.


class TooManyRequests(Exception):
    """They wait for so many answers already."""


class AlreadyDecided(Exception):
    """Another administrator was quicker."""


def companies_of_domain(user: User) -> list[Account]:
    """Companies whose people may ask to join, by the domain of an address that `user` has verified."""
    with system_scope():
        verified = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
        domains = {domain_of(email) for email in verified}
        rows = Domain.objects.joinable().filter(name__in=domains).select_related("account")
        mine = set(Membership.objects.filter(user=user).values_list("account_id", flat=True))
        return [row.account for row in rows.order_by("account__name", "pk") if row.account_id not in mine]


def open_requests_of(user: User) -> list[JoinRequest]:
    """What this person waits for."""
    with system_scope():
        return list(JoinRequest.objects.open().filter(user=user).select_related("account").order_by("pk"))


def ask_by_domain(*, user: User, account: Account, now: datetime) -> None:
    """Ask the administrators of a company of one's own domain. Raises `TooManyRequests`."""
    _ask(user=user, accounts=[account], origin=JoinOrigin.DOMAIN, now=now)


def ask_administrator(*, user: User, email: str, now: datetime) -> None:
    """Ask whoever administers a company under this address; nothing says whether anybody does.

    Raises `TooManyRequests`.
    """
    with system_scope():
        theirs = Membership.objects.active().with_permission(Permission.MANAGE_MEMBERS).filter(user__email=email)
        accounts = [membership.account for membership in theirs.select_related("account").order_by("pk")]
    _ask(user=user, accounts=accounts, origin=JoinOrigin.ADDRESS, now=now)


def suggest(*, account: Account, email: str, name: str, now: datetime, actor: Actor | None = None) -> None:
    """Ask the administrators whether somebody whom the vendor knows may join."""
    with system_scope(account.pk):
        made, is_new = JoinRequest.objects.get_or_create(
            account=account,
            email=email,
            state=JoinState.OPEN,
            defaults={"name": name, "origin": JoinOrigin.VENDOR, "created_at": now},
        )
        if is_new:
            _tell_administrators(made, actor or Actor.system(account.pk), now)


def ask_instead_of_claiming(*, invitation: Invitation, now: datetime) -> None:
    """The link came too late: somebody else administers the company by now, and decides about this person."""
    with system_scope(invitation.account_id):
        Invitation.objects.filter(pk=invitation.pk).waiting().update(revoked_at=now)
        suggest(account=invitation.account, email=invitation.email, name=invitation.name, now=now)


def approve(
    *, asked: JoinRequest, roles: Iterable[str], department: str, by: Membership, actor: Actor, now: datetime
) -> None:
    """Let somebody join with these roles; whoever has no sign-in yet is sent an invitation.

    Raises `AlreadyDecided`, `NoLongerAdministrator`.
    """
    _decide(asked, JoinState.APPROVED, by=by, now=now)
    invitee = Invitee(asked.email, roles=tuple(roles), name=asked.name, department=department)
    _record(EventName.JOIN_APPROVED, asked, actor, now)
    if asked.user is None:
        _invite_unless_known(asked.account, invitee, by=by, actor=actor, now=now)
        return
    wanted = [role.value for role in Role if role in invitee.roles]
    membership, is_new = Membership.objects.get_or_create(
        account=asked.account, user=asked.user, defaults={"roles": wanted, "department": department, "created_at": now}
    )
    if not is_new and not membership.is_active:
        membership.roles, membership.department, membership.is_active = wanted, department, True
        membership.save(update_fields=["roles", "department", "is_active"])
    notify(kind="join_approved", to=[asked.user], account=asked.account, context={"member": membership})


def decline(*, asked: JoinRequest, by: Membership, actor: Actor, now: datetime) -> None:
    """Say no. Raises `AlreadyDecided`, `NoLongerAdministrator`."""
    _decide(asked, JoinState.DECLINED, by=by, now=now)
    _record(EventName.JOIN_DECLINED, asked, actor, now)
    if asked.user is not None:
        notify(kind="join_declined", to=[asked.user], account=asked.account, context={})


def _ask(*, user: User, accounts: list[Account], origin: JoinOrigin, now: datetime) -> None:
    with system_scope():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # One after the other, so that they are counted.
        if JoinRequest.objects.open().filter(user=user).count() >= OPEN_REQUESTS:
            raise TooManyRequests
        for account in accounts:
            if Membership.objects.for_account(account).filter(user=user).exists():
                continue
            waiting = JoinRequest.objects.for_account(account).open()
            if waiting.filter(Q(user=user) | Q(email=user.email)).exists():
                continue
            made = JoinRequest.objects.create(
                account=account, user=user, email=user.email, name=user.name, origin=origin, created_at=now
            )
            _tell_administrators(made, Actor(user_id=user.pk, account_id=account.pk, kind=ActorKind.CUSTOMER), now)


def _tell_administrators(made: JoinRequest, actor: Actor, now: datetime) -> None:
    _record(EventName.JOIN_REQUESTED, made, actor, now)
    administrators = [membership.user for membership in administrators_of(made.account)]
    notify(kind="join_requested", to=administrators, account=made.account, context={"asked": made})


def _decide(asked: JoinRequest, state: JoinState, *, by: Membership, now: datetime) -> None:
    lock_company(account=asked.account, by=by)
    decided = (
        JoinRequest.objects.for_account(asked.account)
        .open()
        .filter(pk=asked.pk)
        .update(state=state, decided_at=now, decided_by=by.user)
    )
    if not decided:
        raise AlreadyDecided


def _invite_unless_known(account: Account, invitee: Invitee, *, by: Membership, actor: Actor, now: datetime) -> None:
    try:
        Standing.of(account, [invitee.email]).check(invitee.email)
    except (AlreadyMember, AlreadyInvited):
        return  # Came by another way since.
    send_invitation(account=account, invitee=invitee, invited_by=by.user, actor=actor, now=now)


def _record(name: EventName, asked: JoinRequest, actor: Actor, now: datetime) -> None:
    record(
        name=name,
        actor=actor,
        now=now,
        object_type="join_request",
        object_id=str(asked.public_id),
        properties={"origin": asked.origin},
    )
