"""A lost second factor: an administrator of the company vouches for their colleague, who then sets up a new one.

It is proved as it was when the person came: by the administrator who knows them. The password stays, so whoever asks
the administrator in the person's name has nothing by it alone.
"""

from datetime import datetime

from allauth.mfa.models import Authenticator

from accounts.audit import AuditAction, note
from accounts.members import lock_company
from accounts.models import Membership
from accounts.notifications import notify
from accounts.scope import system_scope
from accounts.sessions import end_sessions
from tracking.actor import Actor


class NotTheirs(Exception):
    """The person's sign-in is not this company's to change: their own, the vendor's, or also another company's."""


class NoSecondFactor(Exception):
    """There is nothing to reset."""


def reset_second_factor(*, member: Membership, by: Membership, actor: Actor, now: datetime) -> None:
    """Remove every second factor of a colleague, sign them out everywhere, and tell them by mail.

    Raises `NoLongerAdministrator`, `NotTheirs`, `NoSecondFactor`.
    """
    lock_company(account=member.account, by=by)
    user = member.user
    with system_scope():  # Their other companies and their sessions are not for a customer's request to see.
        elsewhere = Membership.objects.active().filter(user=user).exclude(account=member.account_id)
        if member.pk == by.pk or user.is_staff or not member.is_active or elsewhere.exists():
            raise NotTheirs
        removed, _kinds = Authenticator.objects.filter(user=user).delete()
        if not removed:
            raise NoSecondFactor
        end_sessions(user=user)
        note(action=AuditAction.SECOND_FACTOR_RESET, actor=actor, now=now, subject_id=user.pk)
        notify(kind="second_factor_reset", to=[user], account=None, context={"member": member, "by": by.user})
