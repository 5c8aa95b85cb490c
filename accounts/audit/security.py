"""What happens at sign-in, in the log of every company of the person: allauth tells, we note."""

from typing import Any

from allauth.account import signals as account_signals
from allauth.mfa import signals as mfa_signals
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit import AuditAction, note
from accounts.http import client_ip
from accounts.models import Membership, User
from accounts.notifications import notify
from accounts.scope import system_scope
from accounts.second_factors import was_used_before
from accounts.sessions import device_in_words
from tracking.actor import Actor, ActorKind

NO_COMPANY: list[int | None] = [None]


def note_of_person(
    *, action: AuditAction, user: User, request: HttpRequest | None, is_actor: bool = True, **details: str
) -> None:
    """Note what somebody did about their own sign-in, or what was tried in their name, in each of their companies.

    Opens a scope of its own: at sign-in nobody's is open yet.
    """
    now, ip = timezone.now(), client_ip(request) if request is not None else ""
    with system_scope():
        companies: list[int | None] = list(
            Membership.objects.active().filter(user_id=user.pk).values_list("account_id", flat=True)
        )
        kind = ActorKind.STAFF if user.is_staff else ActorKind.CUSTOMER
        for account_id in companies or NO_COMPANY:
            actor = Actor(user.pk, account_id, kind) if is_actor else Actor.system(account_id)
            note(action=action, actor=actor, now=now, subject_id=user.pk, details=details, ip=ip)


def note_failed_sign_in(*, email: str, request: HttpRequest) -> None:
    """Somebody was refused at sign-in. An address that nobody has is not kept: it may be a mistyped password."""
    user = User.objects.filter(email__iexact=email).first() if email else None
    if user is not None:
        note_of_person(
            action=AuditAction.SIGN_IN_FAILED, user=user, request=request, is_actor=False, device=_device(request)
        )


def _device(request: HttpRequest) -> str:
    return device_in_words(request.headers.get("User-Agent", ""))


def _signed_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    note_of_person(action=AuditAction.SIGNED_IN, user=user, request=request, device=_device(request))


def _password_changed(request: HttpRequest, user: User, **kwargs: Any) -> None:
    note_of_person(action=AuditAction.PASSWORD_CHANGED, user=user, request=request)


def _factor_added(request: HttpRequest, user: User, authenticator: Any, **kwargs: Any) -> None:
    note_of_person(
        action=AuditAction.SECOND_FACTOR_ADDED, user=user, request=request, kind=authenticator.get_type_display()
    )


def _factor_removed(request: HttpRequest, user: User, authenticator: Any, **kwargs: Any) -> None:
    note_of_person(
        action=AuditAction.SECOND_FACTOR_REMOVED, user=user, request=request, kind=authenticator.get_type_display()
    )


def _codes_made(request: HttpRequest, user: User, **kwargs: Any) -> None:
    note_of_person(action=AuditAction.RECOVERY_CODES_MADE, user=user, request=request)


def _factor_refused(request: HttpRequest, user: User, **kwargs: Any) -> None:
    again = bool(kwargs.get("reauthentication"))
    action = AuditAction.STEP_UP_FAILED if again else AuditAction.SIGN_IN_FAILED
    note_of_person(action=action, user=user, request=request, is_actor=again)
    if was_used_before(kwargs["authenticator"], request.POST.get("code", "")):
        _tell_of_used_code(request, user)


def _tell_of_used_code(request: HttpRequest, user: User) -> None:
    """Somebody has seen the person's code, or they were too quick: they know which."""
    note_of_person(action=AuditAction.CODE_USED_AGAIN, user=user, request=request, is_actor=False)
    context = {"device": _device(request), "ip": client_ip(request)}
    with system_scope():
        notify(kind="code_used_again", to=[user], account=None, context=context)


def listen() -> None:
    """Connect to what allauth tells."""
    account_signals.user_logged_in.connect(_signed_in, dispatch_uid="audit")
    for changed in (account_signals.password_changed, account_signals.password_set, account_signals.password_reset):
        changed.connect(_password_changed, dispatch_uid="audit")
    mfa_signals.authenticator_added.connect(_factor_added, dispatch_uid="audit")
    mfa_signals.authenticator_removed.connect(_factor_removed, dispatch_uid="audit")
    mfa_signals.authenticator_reset.connect(_codes_made, dispatch_uid="audit")
    mfa_signals.authentication_failed.connect(_factor_refused, dispatch_uid="audit")
