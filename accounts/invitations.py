"""Inviting people to a company, and what becomes of their links.

A link's token is in the mail alone; the row keeps its digest. Inviting is an administrator's change of the company's
people (`accounts.members.lock_company`). Accepting happens before the person belongs to the company, so it runs as the
owner: what authorises it is the token.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from allauth.account.models import EmailAddress

from accounts.members import administrators_of, lock_company
from accounts.models import Account, Invitation, Membership, User
from accounts.models.invitations import InvitationQuerySet
from accounts.notifications import notify
from accounts.permissions import Role
from accounts.scope import system_scope
from accounts.sso.rules import required_for
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record


class AlreadyMember(Exception):
    """They belong to the company already; `is_active` says whether they may come in."""

    def __init__(self, *, is_active: bool) -> None:
        super().__init__()
        self.is_active = is_active


class AlreadyInvited(Exception):
    """An invitation of theirs is waiting: it can be sent once more, or taken back."""


class DeadLink(Exception):
    """Unknown, used, expired or taken back: the link says no more than that it doesn't work."""


class SenderLeft(DeadLink):
    """Whoever sent the invitation administers the company no longer: somebody who does has to send it again."""


class WrongPerson(Exception):
    """The link is for another address than that of the person signed in."""


class SingleSignOnRequired(Exception):
    """The company of their address lets its people in by its identity provider alone."""


class AlreadyClaimed(Exception):
    """The company has an administrator by now: they decide who joins."""


@dataclass(frozen=True)
class Invitee:
    """Who is to be invited, with what they will do."""

    email: str
    roles: tuple[str, ...]
    name: str = ""
    department: str = ""


@dataclass(frozen=True)
class Standing:
    """Who of some addresses cannot be invited, and why."""

    active: frozenset[str]
    inactive: frozenset[str]
    invited: frozenset[str]

    @classmethod
    def of(cls, account: Account, emails: Collection[str]) -> "Standing":
        """Two queries, however many addresses. They are in lower case, as stored."""
        members = Membership.objects.for_account(account).filter(user__email__in=emails).select_related("user")
        waiting = Invitation.objects.for_account(account).waiting().filter(email__in=emails)
        found = list(members)
        return cls(
            active=frozenset(one.user.email for one in found if one.may_come_in),
            inactive=frozenset(one.user.email for one in found if not one.may_come_in),
            invited=frozenset(waiting.values_list("email", flat=True)),
        )

    def check(self, email: str) -> None:
        """Raises `AlreadyMember`, `AlreadyInvited`."""
        if email in self.active or email in self.inactive:
            raise AlreadyMember(is_active=email in self.active)
        if email in self.invited:
            raise AlreadyInvited


def invite(*, account: Account, invitee: Invitee, by: Membership, actor: Actor, now: datetime) -> Invitation:
    """Send somebody a link to join. Raises `AlreadyMember`, `AlreadyInvited`, `NoLongerAdministrator`."""
    lock_company(account=account, by=by)
    Standing.of(account, [invitee.email]).check(invitee.email)
    return send_invitation(account=account, invitee=invitee, invited_by=by.user, actor=actor, now=now)


def send_invitation(
    *, account: Account, invitee: Invitee, invited_by: User | None, actor: Actor, now: datetime, is_claim: bool = False
) -> Invitation:
    """Make the invitation and its mail. The caller has locked the company and asked whether it may be."""
    invitation = Invitation(
        account=account,
        email=invitee.email,
        name=invitee.name,
        roles=[role.value for role in Role if role in invitee.roles],
        department=invitee.department,
        invited_by=invited_by,
        is_claim=is_claim,
        created_at=now,
    )
    token = invitation.new_link(now=now)
    invitation.save(force_insert=True)
    _record(EventName.CLAIM_LINK_SENT if is_claim else EventName.MEMBER_INVITED, invitation, actor, now)
    _mail(invitation, token)
    return invitation


def send_again(*, invitation: Invitation, by: Membership, actor: Actor, now: datetime) -> None:
    """Send a new link; the one before no longer works, and whoever sends it stands for it from now on.

    Raises `DeadLink`, `NoLongerAdministrator`.
    """
    lock_company(account=invitation.account, by=by)
    token = _waiting(invitation).new_link(now=now)
    if not invitation.is_claim:
        invitation.invited_by = by.user
    invitation.save(update_fields=["token_hash", "sent_at", "expires_at", "sent_count", "invited_by"])
    _record(EventName.MEMBER_INVITED, invitation, actor, now)
    _mail(invitation, token)


def revoke(*, invitation: Invitation, by: Membership, actor: Actor, now: datetime) -> None:
    """Take an invitation back: its link no longer works. Raises `DeadLink`, `NoLongerAdministrator`."""
    lock_company(account=invitation.account, by=by)
    _waiting(invitation).revoked_at = now
    invitation.save(update_fields=["revoked_at"])
    _record(EventName.INVITATION_REVOKED, invitation, actor, now)


def opened(*, public_id: UUID, token: str, now: datetime) -> Invitation:
    """The invitation that a link opens. Raises `DeadLink`, `SenderLeft`."""
    with system_scope():
        return _opened(public_id, token, now=now)


def has_account(invitation: Invitation) -> bool:
    """Whether somebody signs in with the address of the invitation already."""
    return User.objects.with_address(invitation.email) is not None


def accept(*, public_id: UUID, token: str, user: User, now: datetime) -> Membership:
    """Make the person signed in a member, once. Raises `DeadLink`, `WrongPerson`, `AlreadyClaimed`."""
    with system_scope():
        invitation = _opened(public_id, token, now=now, lock=True)
        if not is_for(invitation, user):
            raise WrongPerson
        return _join(invitation, user, now=now)


def accept_as_new(*, public_id: UUID, token: str, name: str, password: str, now: datetime) -> Membership:
    """Make a person with a password, whose address the link has verified, and a member of them.

    Raises `DeadLink`, also when somebody has that address by now; `SingleSignOnRequired`, `AlreadyClaimed`.
    """
    with system_scope():
        invitation = _opened(public_id, token, now=now, lock=True)
        if has_account(invitation):
            raise DeadLink
        if required_for(invitation.email):
            raise SingleSignOnRequired
        user = User.objects.create_user(email=invitation.email, password=password, name=name)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return _join(invitation, user, now=now)


def waiting_for(*, account: Account, email: str, now: datetime) -> Invitation | None:
    """The invitation of a colleague at this address, while its link works. A claim is the vendor's, not theirs."""
    rows = Invitation.objects.for_account(account).waiting().filter(email=email, is_claim=False, expires_at__gt=now)
    return rows.in_force().first()


def accept_by_address(*, invitation: Invitation, user: User, now: datetime) -> Membership:
    """Make somebody a member whose address the company's own identity provider vouches for, as the owner.

    Raises `DeadLink` when the invitation was used or taken back in the meantime.
    """
    _lock_company_of(Invitation.objects.filter(pk=invitation.pk))
    rows = Invitation.objects.select_related("account", "invited_by").select_for_update(of=("self",))
    found = rows.waiting().filter(pk=invitation.pk).first()
    if found is None:
        raise DeadLink
    return _join(found, user, now=now)


def is_for(invitation: Invitation, user: User) -> bool:
    """Whether the address is this person's: the one they sign in with, or another they have verified."""
    if user.is_staff:
        return False
    return (
        user.email == invitation.email
        or EmailAddress.objects.filter(user=user, verified=True, email__iexact=invitation.email).exists()
    )


def _opened(public_id: UUID, token: str, *, now: datetime, lock: bool = False) -> Invitation:
    rows = Invitation.objects.select_related("account", "invited_by")
    if lock:  # Of two who accept at once the second sees what the first has made of it.
        _lock_company_of(Invitation.objects.filter(public_id=public_id))
        rows = rows.select_for_update(of=("self",))
    invitation = rows.filter(public_id=public_id).first()
    if invitation is None or not invitation.opens_with(token, now=now):
        raise DeadLink
    _check_sender(invitation)
    return invitation


def _check_sender(invitation: Invitation) -> None:
    """Raises `SenderLeft`."""
    if not Invitation.objects.in_force().filter(pk=invitation.pk).exists():
        raise SenderLeft


def _lock_company_of(invitation: InvitationQuerySet) -> None:
    """Take the company before its invitation, as whoever takes one back does: the two never wait in a circle."""
    Account.objects.select_for_update(no_key=True).filter(pk__in=invitation.values("account")).first()


def _join(invitation: Invitation, user: User, *, now: datetime) -> Membership:
    account = invitation.account
    lock_company(account=account, by=None)
    _check_sender(invitation)  # Once more: nobody's roles change any more until this is done.
    if invitation.is_claim and administrators_of(account):
        raise AlreadyClaimed
    membership, is_new = Membership.objects.get_or_create(
        account=account,
        user=user,
        # Under the invitation's id, so that whoever sends it knows by what name the CRM will hear of the person.
        defaults={
            "public_id": invitation.public_id,
            "roles": invitation.roles,
            "department": invitation.department,
            "created_at": now,
        },
    )
    if not membership.is_active:  # Kept out since the invitation was sent.
        raise DeadLink
    invitation.accepted_at = now
    invitation.save(update_fields=["accepted_at"])
    if is_new:
        _record(EventName.MEMBER_JOINED, invitation, membership.actor(), now)
        if invitation.invited_by is not None and not invitation.is_claim:
            notify(
                kind="invitation_accepted",
                to=[invitation.invited_by],
                account=account,
                context={"newcomer": user, "member": membership},
            )
    return membership


def _waiting(invitation: Invitation) -> Invitation:
    """The invitation as it is now. Raises `DeadLink` when it is over."""
    invitation.refresh_from_db(fields=["accepted_at", "revoked_at", "sent_count"])
    if invitation.accepted_at is not None or invitation.revoked_at is not None:
        raise DeadLink
    return invitation


def _mail(invitation: Invitation, token: str) -> None:
    somebody = User.objects.with_address(invitation.email)
    notify(
        kind="claim_link" if invitation.is_claim else "invitation",
        to=[somebody or User(email=invitation.email, name=invitation.name)],
        account=invitation.account,
        context={"invitation": invitation, "token": token},
    )


def _record(name: EventName, invitation: Invitation, actor: Actor, now: datetime) -> None:
    record(
        name=name,
        actor=actor,
        now=now,
        object_type="invitation",
        object_id=str(invitation.public_id),
        properties={"roles": invitation.roles},
    )
