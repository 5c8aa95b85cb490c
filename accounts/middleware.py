"""Every request runs in the scope it may see: a customer in their company, staff as the owner."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import cast

from django.contrib.auth import logout
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import Resolver404, ResolverMatch, resolve, reverse
from django.utils import timezone

from accounts.audit.refusals import note_refusal
from accounts.belonging import group_of, memberships_of
from accounts.http import AccountRequest, LookingOn, PortalRequest, StaffRequest
from accounts.law.consent import honoured
from accounts.law.gate import ask_for_terms
from accounts.models import Membership, User, Viewing
from accounts.scope import account_scope, staff_scope
from accounts.tenancy import SYSTEM_ENDPOINTS
from accounts.viewing import OnlyViewing, ViewingOver, actor_of, restrict, viewing_of
from tracking.actor import Actor

SESSION_ACCOUNT = "account"  # Session key of the company chosen in the switcher.
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
SEEN_EVERY = timedelta(minutes=15)


class AccountScopeMiddleware:
    """Find out who asks and for which company; then run the view and the rendering of its answer in that scope.

    Only `in_their_language` stands below it, and the view itself. An exception rolls the transaction back, also when
    Django has turned it into an error page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._in_scope(request)
        note_refusal(request)
        return response

    def _in_scope(self, request: HttpRequest) -> HttpResponseBase:
        match = _match(request)
        if match is not None and match.view_name in SYSTEM_ENDPOINTS:
            return self.get_response(request)
        user = request.user
        if isinstance(user, AnonymousUser) or not user.is_authenticated:
            with account_scope([]):
                response = self._answer(request)
            return _streamed(response, [], user_id=None)
        if user.is_staff:
            theirs = cast("StaffRequest", request)
            theirs.actor = Actor.staff(user.pk)
            if _has_own_transactions(match):
                theirs.scope = partial(staff_scope, theirs.actor, durable=True)
                return self.get_response(request)
            with staff_scope(theirs.actor):
                return self._answer(request)
        try:
            with honoured(request, user):
                return self._for_customer(cast("AccountRequest", request), user, match)
        except ViewingOver:
            logout(request)
            return redirect_to_login(reverse("admin:index"), reverse("account_login"))

    def _for_customer(self, request: AccountRequest, user: User, match: ResolverMatch | None) -> HttpResponseBase:
        memberships = memberships_of(user)
        if (visit := viewing_of(request, now=timezone.now())) is not None:
            memberships = [one for one in memberships if one.account_id == visit.account_id and not one.is_of_parent]
            request.viewing = visit
        request.memberships = memberships
        if not memberships:
            if visit is not None:  # The person was kept out meanwhile: there is nothing left to look at.
                raise ViewingOver
            with account_scope([], user_id=user.pk):
                response = self._answer(request)
            return _streamed(response, [], user_id=user.pk)
        if (named := _named_by_link(request, memberships)) is not None:
            request.session[SESSION_ACCOUNT] = named.account_id
            return HttpResponseRedirect(_without_company(request))
        if (barred := ask_for_terms(request, memberships, match)) is not None:
            return barred
        membership = _chosen(request, memberships)
        if membership.is_of_parent and request.method not in SAFE_METHODS and not _is_about_oneself(request):
            raise LookingOn
        if visit is not None:
            _stand_in(request, match, membership, visit)
        membership.user = user
        request.membership = membership
        request.account = membership.account
        request.actor = actor_of(visit) if visit else membership.actor()
        if not membership.is_of_parent and visit is None:
            _note_visit(membership)
        ids = _account_ids(request, match, membership)
        if _has_own_transactions(match):
            request.scope = partial(account_scope, ids, user_id=user.pk, actor=request.actor, durable=True)
            return _streamed(self.get_response(request), ids, user_id=user.pk)
        with account_scope(ids, user_id=user.pk, actor=request.actor):
            response = self._answer(request)
        return _streamed(response, ids, user_id=user.pk)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        """The view's answer; of a view that failed nothing remains but the page that says so."""
        response = self.get_response(request)
        # A view that returned nothing, say, has not failed itself: Django answers for it.
        if getattr(request, "view_failed", False) or response.status_code >= 500:
            transaction.set_rollback(True)
        return response

    def process_exception(self, request: PortalRequest, exception: Exception) -> None:
        """Note that what the view did is to be undone: the error page that follows would otherwise commit it.

        Not undone at once, as another library may answer the exception, and read the database for that.
        """
        request.view_failed = True


def _match(request: HttpRequest) -> ResolverMatch | None:
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None


def _has_own_transactions(match: ResolverMatch | None) -> bool:
    return match is not None and getattr(match.func, "own_transactions", False)


def _chosen(request: HttpRequest, memberships: list[Membership]) -> Membership:
    """The company of the switcher, or else the one that the person joined first."""
    chosen = request.session.get(SESSION_ACCOUNT)
    first_joined = min((one for one in memberships if not one.is_of_parent), key=lambda one: one.pk)
    return next((one for one in memberships if one.account_id == chosen), first_joined)


def _account_ids(request: AccountRequest, match: ResolverMatch | None, membership: Membership) -> list[int]:
    """Whose rows the request sees: the chosen company's, and on the group's page those of the whole group."""
    if match is None or request.method not in SAFE_METHODS or not getattr(match.func, "whole_group", False):
        return [membership.account_id]
    return sorted({membership.account_id, *(one.account_id for one in group_of(request.memberships))})


def _named_by_link(request: HttpRequest, memberships: list[Membership]) -> Membership | None:
    """The company that a link from a mail belongs to.

    Raises `Http404` for one that the person does not belong to: without that, the page would show another company's.
    """
    named = request.GET.get("company")
    if named is None or request.method not in SAFE_METHODS:
        return None
    membership = next((one for one in memberships if str(one.account.public_id) == named), None)
    if membership is None:
        raise Http404
    return membership


def _without_company(request: HttpRequest) -> str:
    """The page's own address, so that going back to it later does not switch again."""
    query = request.GET.copy()
    del query["company"]
    return f"{request.path}?{query.urlencode()}" if query else request.path


def _stand_in(request: HttpRequest, match: ResolverMatch | None, membership: Membership, visit: Viewing) -> None:
    """Staff in a person's place see what is the company's. What is the person's own stays theirs, to the page.

    Nor do they do what no role is needed for: to ask for another company, say, or to join one.

    Raises `OnlyViewing`.
    """
    restrict(membership, visit)
    if request.path.startswith(("/accounts/", "/me/")):
        raise OnlyViewing
    takes_a_role = match is not None and hasattr(match.func, "permission")
    if request.method not in SAFE_METHODS and not (visit.is_elevated and takes_a_role):
        raise OnlyViewing


def _is_about_oneself(request: HttpRequest) -> bool:
    """What changes nothing of the company: sign-in, one's own settings and consent, the switcher."""
    own = (reverse("accounts:switch"), reverse("accounts:accept-terms"))
    return request.path.startswith(("/accounts/", "/me/")) or request.path in own


def _note_visit(membership: Membership) -> None:
    """Keep when somebody was last here, at most every quarter of an hour, in a write of its own."""
    now = timezone.now()
    if membership.last_seen_at is None or now - membership.last_seen_at > SEEN_EVERY:
        with account_scope([membership.account_id], actor=Actor.system(membership.account_id)):
            Membership.objects.filter(pk=membership.pk).update(last_seen_at=now)


def _streamed(response: HttpResponseBase, account_ids: list[int], *, user_id: int | None) -> HttpResponseBase:
    """Rows that are read while the answer is sent, after the request's scope has ended, get one of their own.

    Not a file: its bytes come from the storage, and a slow reader would keep a transaction open for nothing.
    """
    if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse) and not response.is_async:
        content = cast("Iterator[bytes]", response.streaming_content)  # As it is not asynchronous.
        response.streaming_content = _in_scope(content, account_ids, user_id)
    return response


def _in_scope(content: Iterator[bytes], account_ids: list[int], user_id: int | None) -> Iterator[bytes]:
    with account_scope(account_ids, user_id=user_id):
        yield from content
