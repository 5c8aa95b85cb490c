"""Whether the person at the screen has lately proved who they are, and what they were doing when we asked again.

A sign-in is a proof, and so is each confirmation (password, second factor, code by mail): allauth notes both in the
session. What `accounts.http.step_up` protects needs a proof younger than `ACCOUNT_REAUTHENTICATION_TIMEOUT`. A form
that comes too late is put aside in the session, shown again after the confirmation, and sent on.
"""

import time
from dataclasses import asdict, dataclass
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.code_verification import AbstractCodeVerificationProcess
from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from accounts.models import User

_PUT_ASIDE = "forms_put_aside"  # Session keys.
_CODE = "confirmation_code"
_FORMS_KEPT = 3  # As many tabs.
_LARGEST_FORM = 64 * 1024  # Bytes; what is larger has to be entered again.
_OF_THE_PAGE = ("csrfmiddlewaretoken",)  # Fields that the page shown again brings itself.


def age(request: HttpRequest) -> float:
    """Seconds since the last proof; infinite without any."""
    viewing = getattr(request, "viewing", None)
    if viewing is not None and viewing.is_elevated:  # The member of staff confirmed it before they began.
        return time.time() - float(viewing.started_at.timestamp())
    return time.time() - max((proof["at"] for proof in _proofs(request)), default=float("-inf"))


def _proofs(request: HttpRequest) -> list[dict[str, Any]]:
    """What allauth noted, without the proofs by second factors that were removed since, maybe in another session."""
    records = get_authentication_records(request, request.user if request.user.is_authenticated else None)
    factors = {record["id"] for record in records if record["method"] == "mfa"}
    if factors:
        factors -= set(Authenticator.objects.filter(pk__in=factors, user=request.user).values_list("pk", flat=True))
    return [record for record in records if record["method"] != "mfa" or record["id"] not in factors]


def is_fresh(request: HttpRequest, *, before_a_form: bool = False) -> bool:
    """Whether the last proof is young enough; before a form, whether it will still be when the form is filled in."""
    window: int = settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    return age(request) < (window / 2 if before_a_form else window)


def ask_url(request: HttpRequest, *, then: str) -> str:
    """The page that asks for a proof, in the way this person has; `then` is where it leads on to."""
    url: str = get_adapter(request).get_reauthentication_methods(request.user)[0]["url"]
    return f"{url}?{urlencode({'next': then})}"


def page_at_hand(request: HttpRequest) -> str:
    """The page that a script's request was made from; Home where that is not known."""
    address = request.headers.get("HX-Current-URL") or request.headers.get("Referer") or ""
    if not url_has_allowed_host_and_scheme(address, allowed_hosts={request.get_host()}):
        return reverse("home")
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


@dataclass(frozen=True)
class PutAside:
    """A form that was sent too late."""

    key: str
    path: str
    body: str  # Encoded as it came.
    at: float

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Names and values, in order; a name may come several times."""
        values = QueryDict(self.body)
        return [(name, str(value)) for name in values if name not in _OF_THE_PAGE for value in values.getlist(name)]


def put_aside(request: HttpRequest) -> str:
    """Keep the form, and return where it is taken up again. Files are not kept: their page has to be filled in anew."""
    body = request.POST.urlencode()
    if request.FILES or len(body) > _LARGEST_FORM:
        return page_at_hand(request)
    form = PutAside(key=token_urlsafe(16), path=request.get_full_path(), body=body, at=time.time())
    request.session[_PUT_ASIDE] = [asdict(one) for one in [*_kept(request), form][-_FORMS_KEPT:]]
    return reverse("accounts:carry-on", args=[form.key])


def take_up(request: HttpRequest, key: str) -> PutAside | None:
    """The form that was put aside, which is then kept no longer."""
    kept = _kept(request)
    request.session[_PUT_ASIDE] = [asdict(one) for one in kept if one.key != key]
    return next((one for one in kept if one.key == key), None)


def _kept(request: HttpRequest) -> list[PutAside]:
    oldest = time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    return [PutAside(**one) for one in request.session.get(_PUT_ASIDE, []) if one["at"] > oldest]


class MailedCode(AbstractCodeVerificationProcess):
    """A code sent to the person's address: the proof of those who have neither password nor second factor."""

    def __init__(self, request: HttpRequest, user: User, state: dict[str, Any]) -> None:
        self.request = request
        super().__init__(
            user=user,
            state=state,
            timeout=settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT,
            max_attempts=settings.ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS,
        )

    @classmethod
    def of(cls, request: HttpRequest, user: User) -> "MailedCode | None":
        """The code on its way, unless it has run out."""
        state = request.session.get(_CODE)
        process = cls(request, user, state) if state and state.get("user_id") == str(user.pk) else None
        return process.abort_if_invalid() if process else None

    @classmethod
    def begin(cls, request: HttpRequest, user: User) -> "MailedCode":
        process = cls(request, user, cls.initial_state(user=user, email=user.email))
        process.send()
        process.persist()
        return process

    def persist(self) -> None:
        self.request.session[_CODE] = self.state

    def abort(self) -> None:
        self.request.session.pop(_CODE, None)

    def send(self) -> None:
        adapter = get_adapter(self.request)
        self.state["code"] = adapter.generate_login_code()
        context = {"request": self.request, "code": self.state["code"]}
        adapter.send_mail("account/email/confirmation_code", self.state["email"], context)

    def finish(self) -> None:
        """The code was right: that is a proof."""
        self.abort()
        record_authentication(self.request, self.user, method="code", email=self.state["email"], reauthenticated=True)
