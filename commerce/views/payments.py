"""Paying an invoice by card, and what became of it.

The card's number goes from the browser to Stripe. What reaches us is a reference to a card that was set up there.
"""

import logging
from datetime import datetime
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
from commerce.billing import cards, collecting, payments
from commerce.models import Invoice, PaymentAttempt, PaymentState

logger = logging.getLogger(__name__)

UNREACHABLE = gettext_lazy("Payments can't be reached just now. Nothing was charged; please try again in a minute.")

# Stripe.js comes from, calls and frames these; the stand-in only the first two, both on its own origin.
_STRIPE_CSP = {
    "script-src": [settings.STRIPE_JS_ORIGIN],
    "connect-src": [settings.STRIPE_JS_ORIGIN] if settings.STRIPE_API_BASE else ["https://api.stripe.com"],
    "frame-src": [] if settings.STRIPE_API_BASE else [settings.STRIPE_JS_ORIGIN, "https://hooks.stripe.com"],
}
with_stripe = csp_update({directive: sources for directive, sources in _STRIPE_CSP.items() if sources})


@own_transactions
@require_http_methods(["GET", "HEAD", "POST"])
@with_stripe
@requires(Permission.BUY)
@step_up(before_the_form=True)
def pay(request: AccountRequest, number: str) -> HttpResponseBase:
    """The page with the card form; posted by its script, a place at Stripe for the card."""
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
            return render(request, "commerce/pay.html", context)
    try:
        setup = payments.prepare_card(account=request.account, now=now)
    except gateway.GatewayError:
        logger.exception("no card could be set up")
        return refused(str(UNREACHABLE))
    return JsonResponse({"client_secret": setup.client_secret})


@own_transactions
@require_POST
@requires(Permission.BUY)
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


@require_safe
@with_stripe
@requires(Permission.BUY)
def payment(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """What became of a payment; the page asks again by itself until that is final."""
    attempt = get_object_or_404(
        PaymentAttempt.objects.for_account(request.account).select_related("invoice__order"), pk=public_id
    )
    state = attempt.state_choice
    waits_for_bank = state == PaymentState.REQUIRES_ACTION
    if waits_for_bank and request.htmx:  # The bank's question needs Stripe's script, so the page as a whole.
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(
        request,
        "commerce/payment.html",
        {
            "attempt": attempt,
            "invoice": attempt.invoice,
            "state": state.value,
            "is_checking": state.is_pending and not waits_for_bank and state != PaymentState.REVIEW,
            **(stripe_context() if waits_for_bank else {}),
        },
    )


@own_transactions
@require_POST
@requires(Permission.BUY)
def finish_payment(request: AccountRequest, public_id: UUID) -> HttpResponseBase:
    """Back from the bank, about to go there again (`ask`), or done with this card (`give_up`)."""
    now = timezone.now()
    with request.scope():
        attempt = get_object_or_404(
            PaymentAttempt.objects.for_account(request.account).select_related("invoice"), pk=public_id
        )
    try:
        if "ask" in request.POST:
            return _go_on(attempt, now=now)
        if "give_up" in request.POST:
            attempt = payments.give_up(attempt=attempt, now=now)
        else:
            attempt = payments.settle(attempt_id=attempt.pk, now=now)
    except gateway.GatewayError:
        logger.exception("payment attempt %s: Stripe can't be asked", attempt.pk)  # A job asks again.
    if attempt.state == PaymentState.CANCELLED:
        return redirect("commerce:pay", number=attempt.invoice.number)
    return _go_to(request, attempt)


@own_transactions
@require_POST
@requires(Permission.MANAGE_BILLING)
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
        messages.error(request, _("Choose a card first."))
        return redirect("commerce:cards")
    except payments.InvoiceNotPayable:
        return redirect("commerce:invoice", number=number)
    except gateway.CurrencyNotPayable:
        messages.error(request, _("Cards can't be charged this amount. Please pay by bank transfer."))
        return redirect("commerce:invoice", number=number)
    _say_what_became_of(request, attempt)
    if attempt.state == PaymentState.REQUIRES_ACTION and request.membership.may(Permission.BUY):
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
