"""Claim links: how a company's first user comes in, sent by the vendor's staff to somebody they know there."""

from datetime import datetime

from accounts.invitations import Invitee, Standing, send_invitation
from accounts.joining import suggest
from accounts.members import administrators_of, lock_company
from accounts.models import Account, Invitation
from accounts.permissions import Role
from tracking.actor import Actor


def send_claim(*, account: Account, email: str, name: str, actor: Actor, now: datetime) -> Invitation | None:
    """Send a link by which somebody becomes the company's first administrator.

    A company with an administrator decides for itself: its administrators are asked instead, and None comes back.
    A link that nobody took in time makes room for another. Raises `accounts.invitations.AlreadyMember`,
    `accounts.invitations.AlreadyInvited`.
    """
    lock_company(account=account, by=None)
    mine = Invitation.objects.for_account(account).waiting().filter(email=email, is_claim=True)
    mine.filter(expires_at__lte=now).update(revoked_at=now)
    Standing.of(account, [email]).check(email)
    if administrators_of(account):
        suggest(account=account, email=email, name=name, now=now, actor=actor)
        return None
    invitee = Invitee(email, roles=(Role.ADMINISTRATOR.value,), name=name)
    return send_invitation(account=account, invitee=invitee, invited_by=None, actor=actor, now=now, is_claim=True)
