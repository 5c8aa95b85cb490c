"""The request as a customer's page sees it, and who may see the page."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import salted_hmac
from django_htmx.middleware import HtmxDetails

from accounts.models import Account, Membership, User
from accounts.permissions import Permission
from accounts.scope import account_scope
from tracking.actor import Actor

P = ParamSpec("P")
V = TypeVar("V", bound=Callable[..., HttpResponseBase])


class AccountRequest(HttpRequest):
    """A request of a signed-in member of a company."""

    user: User
    account: Account
    membership: Membership
    memberships: list[Membership]  # Every company of this person, for the switcher.
    actor: Actor
    htmx: HtmxDetails

    def scope(self, *, durable: bool = True) -> AbstractContextManager[None]:
        """For `@own_transactions` views: a transaction of their own, in the request's accounts."""
        return account_scope([self.account.pk], user_id=self.user.pk, actor=self.actor, durable=durable)


class StaffRequest(HttpRequest):
    """A request of somebody on the vendor's staff."""

    user: User
    actor: Actor
    htmx: HtmxDetails


View = Callable[..., HttpResponseBase]
CustomerView = Callable[Concatenate[AccountRequest, P], HttpResponseBase]
StaffView = Callable[Concatenate[StaffRequest, P], HttpResponseBase]


def requires(permission: Permission) -> Callable[[CustomerView[P]], View]:
    """A customer's page: 403 unless the member's roles grant the permission in the company chosen."""

    def decorate(view: CustomerView[P]) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            membership: Membership | None = getattr(request, "membership", None)
            if membership is None:
                raise NoCompany
            shown_for = request.POST.get("company", "")
            if shown_for and shown_for != str(membership.account.public_id):
                raise OtherCompany
            if not membership.may(permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)  # type: ignore[arg-type]

        checked.permission = permission  # type: ignore[attr-defined]
        return checked

    return decorate


def requires_staff(permission: str) -> Callable[[StaffView[P]], View]:
    """A staff page outside the admin: 403 unless the person's groups grant the Django permission."""

    def decorate(view: StaffView[P]) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not (request.user.is_authenticated and request.user.is_staff and request.user.has_perm(permission)):
                raise PermissionDenied
            return view(request, *args, **kwargs)  # type: ignore[arg-type]

        checked.permission = permission  # type: ignore[attr-defined]
        return checked

    return decorate


def session_digest(request: HttpRequest) -> str:
    """A stable name for the visitor's session in the event stream; the cookie cannot be worked out from it."""
    key = request.session.session_key
    return salted_hmac("tracking", key).hexdigest()[:32] if key else ""


def client_ip(request: HttpRequest) -> str:
    """The visitor's address: behind as many proxies as TRUSTED_PROXIES says, the one they vouch for."""
    address: str = get_adapter(request).get_client_ip(request)
    return address


class OtherCompany(PermissionDenied):
    """The form was shown for one of the person's companies, and another has been chosen since."""


class LookingOn(PermissionDenied):
    """An administrator of the parent company may see everything of a subsidiary, and change nothing."""


class NoCompany(PermissionDenied):
    """Signed in, but a member of no company: the page says whom to ask."""


def own_transactions(view: V) -> V:
    """Mark a view that talks to the outside world: it opens its own scopes (`request.scope()`), and none is open
    while it waits for an answer from elsewhere."""
    view.own_transactions = True  # type: ignore[attr-defined]
    return view
