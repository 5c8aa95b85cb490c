"""Paying an invoice by card, and what became of it.

The card's number goes from the browser to Stripe. What reaches us is a reference to a card that was set up there.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit
from uuid import UUID

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.http import AccountRequest, own_transactions, requires, step_up
from accounts.permissions import Permission
from commerce import stripe_gateway as gateway
from commerce.billing import cards, checkouts, collecting, payments
from commerce.models import Invoice, PaymentAttempt, PaymentState

logger = logging.getLogger(__name__)

V = TypeVar("V", bound=Callable[..., HttpResponseBase])

UNREACHABLE = gettext_lazy("Payments can't be reached just now. Nothing was charged; please try again in a minute.")

# Stripe.js comes from, calls and frames these; the stand-in only the first two, both on its own origin.
_STRIPE_CSP = {
    "script-src": [settings.STRIPE_JS_ORIGIN],
    "connect-src": [settings.STRIPE_JS_ORIGIN] if settings.STRIPE_API_BASE else ["https://api.stripe.com"],
    "frame-src": [] if settings.STRIPE_API_BASE else [settings.STRIPE_JS_ORIGIN, "https://hooks.stripe.com"],
}
_SOURCES = {directive: sources for directive, sources in _STRIPE_CSP.items() if sources}
with_stripe = csp_update(_SOURCES)


def with_way_to_pay(view: V) -> V:
    """A card form needs Stripe's script; a form that leads to Stripe's own page may go there, and needs no script."""

    @wraps(view)
    def chosen(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        sources = _page_sources() if checkouts.is_chosen() else _SOURCES
        answer: HttpResponseBase = csp_update(sources)(view)(request, *args, **kwargs)
        return answer

    return cast("V", chosen)


def with_every_way_to_pay(view: V) -> V:
    """As `with_way_to_pay`, where a bank may ask about a stored card as well."""

    @wraps(view)
    def both(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        sources = _SOURCES | (_page_sources() if checkouts.is_chosen() else {})
        answer: HttpResponseBase = csp_update(sources)(view)(request, *args, **kwargs)
        return answer

    return cast("V", both)


def _page_sources() -> dict[str, list[str]]:
    return {"form-action": [settings.STRIPE_CHECKOUT_ORIGIN]}


@own_transactions
@require_http_methods(["GET", "HEAD", "POST"])
@with_way_to_pay
@requires(Permission.PAY_INVOICES)
@step_up(before_the_form=True)
def pay(request: AccountRequest, number: str) -> HttpResponseBase:
    """The page with the card form, or with the way to Stripe's own page. Posted by the form's script, a place at
    Stripe for the card.
    """
    now = timezone.now()
    with request.scope():
        invoice = _invoice(request, number)
        pending = invoice.attempts.pending().first()
        if pending is not None:
            return _go_to(request, pending)
        if not invoice.is_payable:
            return _leave_for(request, reverse("commerce:invoice", args=[invoice.number]))
        if not payments.is_chargeable(invoice):
            messages.error(request, _("Cards can't be charged this amount. Please pay by bank transfer."))
            return _leave_for(request, reverse("commerce:invoice", args=[invoice.number]))
        if request.method != "POST":
            context = {"invoice": invoice, "steps": _steps(invoice), **stripe_context()}
            page = "commerce/pay_at_stripe.html" if checkouts.is_chosen() else "commerce/pay.html"
            return render(request, page, context)
    try:
        setup = payments.prepare_card(account=request.account, now=now)
    except gateway.GatewayError:
        logger.exception("no card could be set up")
        return refused(str(UNREACHABLE))
    return JsonResponse({"client_secret": setup.client_secret})


@own_transactions
@require_POST
@requires(Permission.PAY_INVOICES)
@step_up
def start_payment(request: AccountRequest, number: str) -> HttpResponseBase:
    """Charge the card that was set up. Tells the script where to go, what the bank asks, or what is wrong."""
    now = timezone.now()
    with request.scope():
        invoice = _invoice(request, number)
    try:
        attempt = payments.start_payment(
            invoice=invoice, setup_id=request.POST.get("setup", ""), actor=request.actor, now=now
        )
    except payments.AlreadyPaying as error:
        return _go_to(request, error.attempt)
    except payments.InvoiceNotPayable:
        return JsonResponse({"next": reverse("commerce:invoice", args=[invoice.number])})
    except gateway.CurrencyNotPayable:
        return refused(_("Cards can't be charged this amount. Please pay by bank transfer."))
    except gateway.CardDeclined:
        return refused(_("Your card was declined. Nothing was charged. Try another card, or ask your bank."))
    except (payments.CardNotReady, gateway.Refused):
        return refused(_("This card can't be used. Nothing was charged. Check its details, or try another card."))
    except gateway.GatewayError:
        logger.exception("no payment could be started")
        return refused(str(UNREACHABLE))
    if attempt.state == PaymentState.FAILED:
        return refused(
            _("%(reason)s Nothing was charged. Try another card, or ask your bank.")
            % {"reason": attempt.decline_reason}
        )
    return _go_on(attempt, now=now)


@own_transactions
@require_POST
@requires(Permission.PAY_INVOICES)
@step_up
def start_checkout(request: AccountRequest, number: str) -> HttpResponseBase:
    """To a page of Stripe's own on which the invoice can be paid."""
    now = timezone.now()
    with request.scope():
        invoice = _invoice(request, number)
    pay_page = reverse("commerce:pay", args=[invoice.number])
    if not checkouts.is_chosen():  # Any more: the page that was shown is of another time.
        return redirect(pay_page)
    try:
        attempt = checkouts.start(invoice=invoice, actor=request.actor, address=request.build_absolute_uri, now=now)
        # A form that was put aside comes from another page, whose policy would stop the way to Stripe.
        if urlsplit(request.headers.get("Referer", "")).path == pay_page:
            return _to_stripe(attempt, now=now)
    except payments.AlreadyPaying as error:
        return redirect("commerce:payment", public_id=error.attempt.pk)
    except payments.InvoiceNotPayable:
        return redirect("commerce:invoice", number=invoice.number)
    except gateway.CurrencyNotPayable:
        messages.error(request, _("Cards can't be charged this amount. Please pay by bank transfer."))
        return redirect("commerce:invoice", number=invoice.number)
    except gateway.GatewayError:
        logger.exception("no payment could be started")
        messages.error(request, str(UNREACHABLE))
        return redirect(pay_page)
    return redirect("commerce:payment", public_id=attempt.pk)


def _to_stripe(attempt: PaymentAttempt, *, now: datetime) -> HttpResponse:
    """To Stripe's page, or to ours where there is nothing to be paid on theirs. Raises gateway.GatewayError."""
    url = checkouts.address_of(attempt=attempt, now=now)
    return redirect(url) if url else redirect("commerce:payment", public_id=attempt.pk)


@own_transactions
@require_safe
@requires(Permission.PAY_INVOICES)
def payment_back(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Back from Stripe's page. That somebody comes here says nothing about money: Stripe is asked."""
    with request.scope():
        attempt = _attempt(request, public_id)
    try:
        payments.settle(attempt_id=attempt.pk, now=timezone.now())
    except gateway.GatewayError:
        logger.exception("payment attempt %s: Stripe can't be asked", attempt.pk)  # A job asks again.
    return redirect("commerce:payment", public_id=attempt.pk)


@require_safe
@with_every_way_to_pay
@requires(Permission.PAY_INVOICES)
def payment(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """What became of a payment; the page asks again by itself until that is final."""
    attempt = get_object_or_404(
        PaymentAttempt.objects.for_account(request.account).select_related("invoice__order"), pk=public_id
    )
    state = attempt.state_choice
    waits_for_bank = state == PaymentState.REQUIRES_ACTION
    is_open_at_stripe = waits_for_bank and attempt.is_at_stripe
    if (
        waits_for_bank and not is_open_at_stripe and request.htmx
    ):  # The bank's question needs Stripe's script, so the page as a whole.
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(
        request,
        "commerce/payment.html",
        {
            "attempt": attempt,
            "invoice": attempt.invoice,
            "state": state.value,
            "is_open_at_stripe": is_open_at_stripe,  # Paid in another tab, perhaps: looked at again on coming back.
            "is_checking": state.is_pending and not waits_for_bank and state != PaymentState.REVIEW,
            **(stripe_context() if waits_for_bank and not is_open_at_stripe else {}),
        },
    )


@own_transactions
@require_POST
@requires(Permission.PAY_INVOICES)
def finish_payment(request: AccountRequest, public_id: UUID) -> HttpResponseBase:
    """Back from the bank, about to go there again (`ask`), or done with this card or this page (`give_up`)."""
    now = timezone.now()
    with request.scope():
        attempt = _attempt(request, public_id)
    try:
        if "ask" in request.POST:
            return _to_stripe(attempt, now=now) if attempt.is_at_stripe else _go_on(attempt, now=now)
        if "give_up" in request.POST:
            attempt = payments.give_up(attempt=attempt, now=now)
        else:
            attempt = payments.settle(attempt_id=attempt.pk, now=now)
    except gateway.GatewayError:
        logger.exception("payment attempt %s: Stripe can't be asked", attempt.pk)  # A job asks again.
    if attempt.state == PaymentState.FAILED and "give_up" in request.POST:
        messages.error(request, _("%(reason)s Nothing was charged.") % {"reason": attempt.decline_reason})
        return redirect("commerce:pay", number=attempt.invoice.number)
    if attempt.state == PaymentState.CANCELLED:
        return redirect("commerce:pay", number=attempt.invoice.number)
    return _go_to(request, attempt)


@own_transactions
@require_POST
@requires(Permission.PAY_INVOICES)
@step_up
def retry_payment(request: AccountRequest, number: str) -> HttpResponseBase:
    """Charge the stored card now. `after` is the last attempt that the page knew of: pressed twice, it charges once."""
    with request.scope():
        invoice = _invoice(request, number)
    after = request.POST.get("after", "")
    try:
        attempt = collecting.retry(
            invoice=invoice,
            after=int(after) if after.isdecimal() and len(after) < 6 else 0,
            actor=request.actor,
            now=timezone.now(),
        )
    except payments.AlreadyPaying as error:
        attempt = error.attempt
    except cards.NoCard:
        if not request.membership.may(Permission.MANAGE_BILLING):  # A buyer can't store one, but pay with one.
            return redirect("commerce:pay", number=number)
        messages.error(request, _("Choose a card first."))
        return redirect("commerce:cards")
    except payments.InvoiceNotPayable:
        return redirect("commerce:invoice", number=number)
    except gateway.CurrencyNotPayable:
        messages.error(request, _("Cards can't be charged this amount. Please pay by bank transfer."))
        return redirect("commerce:invoice", number=number)
    _say_what_became_of(request, attempt)
    if attempt.state == PaymentState.REQUIRES_ACTION:
        return redirect("commerce:payment", public_id=attempt.pk)
    return redirect("commerce:invoice", number=number)


def _say_what_became_of(request: AccountRequest, attempt: PaymentAttempt) -> None:
    match attempt.state_choice:
        case PaymentState.SUCCEEDED:
            messages.success(request, _("Thank you, it is paid."))
        case PaymentState.FAILED:
            text = _("%(reason)s Nothing was charged. Try another card, or ask your bank.")
            messages.error(request, text % {"reason": attempt.decline_reason})
        case PaymentState.REQUIRES_ACTION:
            messages.warning(request, _("Your bank wants you to confirm the payment."))
        case _:
            messages.info(request, _("The payment is on its way. Please do not pay again."))


def _attempt(request: AccountRequest, public_id: UUID) -> PaymentAttempt:
    attempts = PaymentAttempt.objects.for_account(request.account).select_related("invoice")
    return get_object_or_404(attempts, pk=public_id)


def _invoice(request: AccountRequest, number: str) -> Invoice:
    invoices = Invoice.objects.for_account(request.account).select_related("account", "order__quote")
    return get_object_or_404(invoices, number=number)


def _steps(invoice: Invoice) -> list[dict[str, str]]:
    quote = invoice.order.quote if invoice.order else None
    return [
        {"label": _("Configure"), "state": "done", "url": ""},
        {
            "label": _("Review"),
            "state": "done",
            "url": reverse("commerce:quote", args=[quote.public_id]) if quote else "",
        },
        {"label": _("Pay"), "state": "current", "url": ""},
    ]


def _go_on(attempt: PaymentAttempt, *, now: datetime) -> JsonResponse:
    """The bank's question with the page to come back to, or that page alone."""
    page = reverse("commerce:payment", args=[attempt.pk])
    if attempt.state == PaymentState.REQUIRES_ACTION:
        try:
            secret = payments.bank_question(attempt=attempt, now=now)
        except gateway.GatewayError:
            secret = ""  # The page offers to ask again.
        if secret:
            finish = reverse("commerce:finish-payment", args=[attempt.pk])
            return JsonResponse({"client_secret": secret, "finish": finish})
    return JsonResponse({"next": page})


def _go_to(request: HttpRequest, attempt: PaymentAttempt) -> HttpResponse:
    return _leave_for(request, reverse("commerce:payment", args=[attempt.pk]))


def _leave_for(request: HttpRequest, url: str) -> HttpResponse:
    """To another page: told to the script, or the browser sent there."""
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        return JsonResponse({"next": url})
    return redirect(url)


def refused(message: str) -> JsonResponse:
    return JsonResponse({"error": message})


def stripe_context() -> dict[str, object]:
    return {
        "stripe_js_url": settings.STRIPE_JS_URL,
        "stripe_publishable_key": settings.STRIPE_PUBLISHABLE_KEY,
        "is_stand_in": bool(settings.STRIPE_API_BASE),
    }
