"""Every request runs in the scope it may see: a customer in their company, staff as the owner."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils import timezone

from accounts.http import AccountRequest
from accounts.models import Membership, User
from accounts.scope import account_scope, staff_scope
from accounts.tenancy import SYSTEM_ENDPOINTS
from tracking.actor import Actor

SESSION_ACCOUNT = "account"  # Session key of the company chosen in the switcher.
SEEN_EVERY = timedelta(minutes=15)


class AccountScopeMiddleware:
    """Find out who asks and for which company; then run the view and the rendering of its answer in that scope.

    Must be the last middleware: what it calls is the view itself. An exception rolls the transaction back, also when
    Django has turned it into an error page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        match = _match(request)
        if match is not None and match.view_name in SYSTEM_ENDPOINTS:
            return self.get_response(request)
        user = request.user
        if isinstance(user, AnonymousUser) or not user.is_authenticated:
            with account_scope([]):
                response = self._answer(request)
            return _streamed(response, [], user_id=None)
        if user.is_staff:
            request.actor = Actor.staff(user.pk)  # type: ignore[attr-defined]
            with staff_scope(request.actor):  # type: ignore[attr-defined]
                return self._answer(request)
        return self._for_customer(request, user, match)

    def _for_customer(self, request: HttpRequest, user: User, match: ResolverMatch | None) -> HttpResponseBase:
        memberships = list(
            Membership.objects.active()
            .filter(user=user)
            .select_related("account__tier", "account__owner", "account__sales_contact")
            .order_by("account__name", "pk")
        )
        request.memberships = memberships  # type: ignore[attr-defined]
        if not memberships:
            with account_scope([], user_id=user.pk):
                response = self._answer(request)
            return _streamed(response, [], user_id=user.pk)
        chosen = request.session.get(SESSION_ACCOUNT)
        first_joined = min(memberships, key=lambda one: one.pk)
        membership = next((one for one in memberships if one.account_id == chosen), first_joined)
        membership.user = user
        request.membership = membership  # type: ignore[attr-defined]
        request.account = membership.account  # type: ignore[attr-defined]
        request.actor = membership.actor()  # type: ignore[attr-defined]
        _note_visit(membership)
        ids = [membership.account_id]
        if match is not None and getattr(match.func, "own_transactions", False):
            request.scope = lambda **kw: AccountRequest.scope(request, **kw)  # type: ignore[arg-type,attr-defined]
            return _streamed(self.get_response(request), ids, user_id=user.pk)
        with account_scope(ids, user_id=user.pk, actor=request.actor):  # type: ignore[attr-defined]
            response = self._answer(request)
        return _streamed(response, ids, user_id=user.pk)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        """The view's answer; of a view that failed nothing remains but the page that says so."""
        response = self.get_response(request)
        # A view that returned nothing, say, has not failed itself: Django answers for it.
        if getattr(request, "view_failed", False) or response.status_code >= 500:
            transaction.set_rollback(True)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Note that what the view did is to be undone: the error page that follows would otherwise commit it.

        Not undone at once, as another library may answer the exception, and read the database for that.
        """
        request.view_failed = True  # type: ignore[attr-defined]


def _match(request: HttpRequest) -> ResolverMatch | None:
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None


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
        response.streaming_content = _in_scope(response.streaming_content, account_ids, user_id)  # type: ignore[arg-type]
    return response


def _in_scope(content: Iterator[bytes], account_ids: list[int], user_id: int | None) -> Iterator[bytes]:
    with account_scope(account_ids, user_id=user_id):
        yield from content
