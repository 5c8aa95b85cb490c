"""What a company answers to a quote besides yes: no, a comment, or a look at the alternatives."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.http import AccountRequest, requires
from accounts.permissions import Permission
from commerce.configuring.forms import CommentForm, DeclineForm
from commerce.models import Quote
from commerce.quotes import quote_changes, quote_comments, quote_lifecycle
from commerce.views.quotes import SHOWN_LINES, quote_of, quote_page

MOST_COMPARED = 4


@require_POST
@requires(Permission.BUY)
def decline_quote(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """Say no, and why."""
    shown = quote_of(request, public_id)
    form = DeclineForm(request.POST)
    if not form.is_valid():
        return quote_page(request, shown, decline_form=form, status=422)

    def decline() -> None:
        quote_lifecycle.decline(
            quote=shown, reason=form.cleaned_data["reason"], actor=request.actor, now=timezone.now()
        )

    return _answered(request, shown, decline, _("You declined this quote. Thank you for telling us why."))


@require_POST
@requires(Permission.BUY)
def withdraw_quote(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """Take back what one asked for oneself."""
    shown = quote_of(request, public_id)

    def withdraw() -> None:
        quote_lifecycle.withdraw(quote=shown, actor=request.actor, now=timezone.now())

    return _answered(request, shown, withdraw, _("The quote is withdrawn."))


def _answered(request: AccountRequest, shown: Quote, step: Callable[[], None], done: str) -> HttpResponse:
    try:
        step()
    except quote_lifecycle.QuoteRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
    return redirect("commerce:quote", shown.public_id)


@require_POST
@requires(Permission.VIEW_PRICES)
def comment_on_quote(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """Ask something about a quote, or answer."""
    shown = quote_of(request, public_id)
    form = CommentForm(request.POST)
    if not form.is_valid():
        return quote_page(request, shown, comment_form=form, status=422)
    quote_comments.comment(
        quote=shown, author=request.user, text=form.cleaned_data["text"], actor=request.actor, now=timezone.now()
    )
    messages.success(request, _("Your comment was sent."))
    return redirect("commerce:quote", shown.public_id)


@require_safe
@requires(Permission.VIEW_PRICES)
def compare_quotes(request: AccountRequest) -> HttpResponse:
    """Up to four quotes of the company side by side: named in the address, or all alternatives of one of them."""
    quotes = Quote.objects.for_account(request.account).shown_to_customers().select_related("created_by")
    named = list(quotes.filter(public_id__in=_named(request)).order_by("serial", "version")[:MOST_COMPARED])
    if not named:
        raise Http404
    if len(named) == 1:
        alternatives = quotes.open().filter(deal_id=named[0].deal_id).exclude(serial=named[0].serial)
        named += alternatives.order_by("serial", "version")[: MOST_COMPARED - 1]
    lines = Paginator(quote_changes.lines_side_by_side(named), SHOWN_LINES).get_page(request.GET.get("page"))
    context = {"quotes": named, "lines": lines, "figures": quote_changes.figures_side_by_side(named)}
    return render(request, "commerce/quotes_compare.html", context)


def _named(request: AccountRequest) -> list[uuid.UUID]:
    """The quotes in the address; what names none is a page that there isn't."""
    try:
        return [uuid.UUID(one) for one in request.GET.getlist("quote")[:MOST_COMPARED]]
    except ValueError as error:
        raise Http404 from error
