"""The request as a customer's page sees it, and who may see the page."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from accounts import confirmation
from accounts.models import Account, Membership, User, Viewing
from accounts.models.sso import IdentityProvider
from accounts.permissions import Permission
from tracking.actor import Actor

P = ParamSpec("P")
V = TypeVar("V", bound=Callable[..., HttpResponseBase])


class PortalRequest(HttpRequest):
    """Anybody's request, with what is noted on it on the way. Each is there only once it has been noted."""

    view_failed: bool
    refused: str  # The permission that the person lacks.
    is_first_sign_in: bool
    signed_in_by: IdentityProvider  # Single sign-on has vouched for the person, in this very request.


class AccountRequest(PortalRequest):
    """A request of a signed-in member of a company."""

    user: User
    account: Account
    membership: Membership
    memberships: list[Membership]  # Every company of this person, for the switcher.
    actor: Actor
    htmx: HtmxDetails
    viewing: Viewing  # Only while staff look at the portal in this person's place.
    # Only in `@own_transactions` views: opens a transaction of their own, in the request's accounts.
    scope: Callable[..., AbstractContextManager[None]]


class StaffRequest(HttpRequest):
    """A request of somebody on the vendor's staff."""

    user: User
    actor: Actor
    htmx: HtmxDetails
    refused: str  # The permission that the person lacks.
    scope: Callable[..., AbstractContextManager[None]]  # In `@own_transactions` views, as for customers.


View = Callable[..., HttpResponseBase]
CustomerView = Callable[Concatenate[AccountRequest, P], HttpResponseBase]
StaffView = Callable[Concatenate[StaffRequest, P], HttpResponseBase]


def requires(permission: Permission) -> Callable[[CustomerView[P]], View]:
    """A customer's page: 403 unless the member's roles grant the permission in the company chosen."""

    def decorate(view: CustomerView[P]) -> View:
        @wraps(view)
        def checked(request: PortalRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            membership: Membership | None = getattr(request, "membership", None)
            if membership is None:
                raise NoCompany
            shown_for = request.POST.get("company", "")
            if shown_for and shown_for != str(membership.account.public_id):
                raise OtherCompany
            if not membership.may(permission):
                request.refused = permission
                raise PermissionDenied
            return view(cast("AccountRequest", request), *args, **kwargs)

        return _marked(checked, permission=permission)

    return decorate


def requires_staff(permission: str) -> Callable[[StaffView[P]], View]:
    """A staff page outside the admin: 403 unless the person's groups grant the Django permission."""

    def decorate(view: StaffView[P]) -> View:
        @wraps(view)
        def checked(request: PortalRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not (request.user.is_authenticated and request.user.is_staff and request.user.has_perm(permission)):
                request.refused = permission
                raise PermissionDenied
            return view(cast("StaffRequest", request), *args, **kwargs)

        return _marked(checked, permission=permission)

    return decorate


def step_up(view: V | None = None, *, before_the_form: bool = False) -> Any:
    """A change that needs a proof of who asks from the last minutes: `@step_up` below `@requires(…)`.

    The page itself is shown to everybody who may see it. What is sent too late changes nothing: the person confirms
    who they are, and their form, which was put aside, is sent on from there. `before_the_form` asks before the page is
    shown: for what cannot be put aside, as a card's number, and while a proof lasts long enough to fill it in.
    """

    def decorate(view: V) -> V:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            is_change = request.method not in ("GET", "HEAD")
            if not is_change and before_the_form and not confirmation.is_fresh(request, before_a_form=True):
                return HttpResponseRedirect(confirmation.ask_url(request, then=request.get_full_path()))
            if is_change and not confirmation.is_fresh(request):
                return _ask_to_confirm(request)
            return view(request, *args, **kwargs)

        return cast("V", _marked(checked, steps_up=True))

    return decorate(view) if view is not None else decorate


def _ask_to_confirm(request: HttpRequest) -> HttpResponse:
    """To the page that asks: the browser sent there, HTMX told to go, or a script told where."""
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        url = confirmation.ask_url(request, then=confirmation.page_at_hand(request))
        return JsonResponse({"error": _("Confirm that it is you, then try again."), "next": url}, status=401)
    url = confirmation.ask_url(request, then=confirmation.put_aside(request))
    if "HX-Request" in request.headers:
        return HttpResponse(status=401, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


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


def whole_group(view: V) -> V:
    """Mark a page that shows a parent company's administrators their companies side by side: for it alone, the scope
    of a reading request takes in all of the group that they may see."""
    return _marked(view, whole_group=True)


def own_transactions(view: V) -> V:
    """Mark a view that talks to the outside world: it opens its own scopes (`request.scope()`), and none is open
    while it waits for an answer from elsewhere."""
    return _marked(view, own_transactions=True)


def _marked(view: V, **marks: object) -> V:
    """Write on the view what the middleware and the tests read there; `wraps` copies it onto each decorator above."""
    vars(view).update(marks)
    return view
