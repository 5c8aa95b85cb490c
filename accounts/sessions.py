"""Where somebody is signed in, ending that, and the devices they are known on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from ua_parser import parse

from accounts.audit import AuditAction
from accounts.models import Account, User
from accounts.models.audit import AuditNote

_SHOWN = 50  # At most; who is signed in on more ends the others as a whole.
_HISTORY = 20  # Sign-ins shown.
_DEVICE_COOKIE = "known_device"
_DEVICE_KNOWN_FOR = timedelta(days=365)
_PEOPLE_OF_A_DEVICE = 5


@dataclass(frozen=True)
class OpenSession:
    """One place where a person is signed in."""

    name: str  # Stands for the session's key, which is a secret.
    device: str
    ip: str
    began_at: datetime
    seen_at: datetime
    is_current: bool


def name_of(session_key: str) -> str:
    return salted_hmac("accounts.sessions", session_key).hexdigest()[:32]


def device_in_words(user_agent: str) -> str:
    """ "Firefox on Linux", as far as the browser says."""
    found = parse(user_agent)
    browser = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown device")


def sessions_of(*, user: User, current_key: str | None, now: datetime) -> list[OpenSession]:
    """Those that still hold, latest first, the one at hand before all others. Two queries."""
    kept = list(UserSession.objects.filter(user=user).order_by("-last_seen_at")[:_SHOWN])
    holding = _holding(user, [one.session_key for one in kept], now)
    shown = [
        OpenSession(
            name=name_of(one.session_key),
            device=device_in_words(one.user_agent),
            ip=one.ip,
            began_at=one.created_at,
            seen_at=one.last_seen_at,
            is_current=one.session_key == current_key,
        )
        for one in kept
        if one.session_key in holding
    ]
    return sorted(shown, key=lambda one: not one.is_current)


def _holding(user: User, keys: list[str], now: datetime) -> set[str]:
    """Keys of sessions that have not run out, and that no change of the password has ended."""
    secret = user.get_session_auth_hash()
    found = set()
    for session in Session.objects.filter(session_key__in=keys, expire_date__gt=now):
        content = session.get_decoded()
        is_theirs = content.get(SESSION_KEY) == str(user.pk)
        if is_theirs and constant_time_compare(content.get(HASH_SESSION_KEY, ""), secret):
            found.add(session.session_key)
    return found


def end_session(*, user: User, name: str) -> bool:
    """Sign the person out in one place; whether there was such a session."""
    named = [
        one for one in UserSession.objects.filter(user=user) if constant_time_compare(name_of(one.session_key), name)
    ]
    return _end(named) > 0


def end_sessions(*, user: User, except_key: str | None = None) -> int:
    """Sign the person out everywhere, but for one session; the number ended."""
    return _end([one for one in UserSession.objects.filter(user=user) if one.session_key != except_key])


def _end(sessions: list[UserSession]) -> int:
    Session.objects.filter(session_key__in=[one.session_key for one in sessions]).delete()
    UserSession.objects.filter(pk__in=[one.pk for one in sessions]).delete()
    return len(sessions)


@dataclass(frozen=True)
class SignIn:
    """One attempt to sign in as the person."""

    at: datetime
    ip: str | None
    device: str
    has_failed: bool


def sign_ins_of(*, user: User, account: Account | None) -> list[SignIn]:
    """The latest, from the notes of the audit log. Those are written for each company of the person alike."""
    notes = AuditNote.objects.filter(
        subject_id=user.pk,
        account_id=account.pk if account else None,
        action__in=[AuditAction.SIGNED_IN, AuditAction.SIGN_IN_FAILED],
    ).order_by("-pk")[:_HISTORY]
    return [
        SignIn(one.occurred_at, one.ip, str(one.details.get("device", "")), one.action == AuditAction.SIGN_IN_FAILED)
        for one in notes
    ]


def is_known_device(request: HttpRequest, user: User) -> bool:
    """Whether the person has signed in with this browser before."""
    return _mark(user) in _known_here(request)


def remember_device(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Let the browser know, in a signed cookie, whom it has signed in."""
    people = [mark for mark in _known_here(request) if mark != _mark(user)]
    response.set_cookie(
        _DEVICE_COOKIE,
        signing.dumps([*people, _mark(user)][-_PEOPLE_OF_A_DEVICE:], salt="accounts.sessions.device"),
        max_age=_DEVICE_KNOWN_FOR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _mark(user: User) -> str:
    return salted_hmac("accounts.sessions.device", str(user.pk)).hexdigest()[:16]


def _known_here(request: HttpRequest) -> list[str]:
    try:
        known: Any = signing.loads(
            request.COOKIES.get(_DEVICE_COOKIE, ""), salt="accounts.sessions.device", max_age=_DEVICE_KNOWN_FOR
        )
    except signing.BadSignature:
        return []
    return list(map(str, known))
