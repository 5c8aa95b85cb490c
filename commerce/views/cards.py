"""The cards that a company keeps for its invoices, and whether they are charged by themselves."""

import logging
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.http import AccountRequest, own_transactions, requires, step_up
from accounts.permissions import Permission
from commerce import stripe_gateway as gateway
from commerce.billing import cards, payments
from commerce.models import StoredCard
from commerce.views.payments import UNREACHABLE, refused, stripe_context, with_stripe

logger = logging.getLogger(__name__)


@require_safe
@requires(Permission.MANAGE_BILLING)
def card_list(request: AccountRequest) -> HttpResponse:
    """The cards, the default first."""
    kept = StoredCard.objects.for_account(request.account).kept().select_related("added_by")
    today = request.account.local_date(timezone.now())
    return render(
        request,
        "commerce/cards.html",
        {
            "cards": [(card, card.is_expired(today), card.expires_soon(today)) for card in kept],
            "pays_by_itself": cards.pays_by_itself(request.account),
        },
    )


@own_transactions
@require_http_methods(["GET", "HEAD", "POST"])
@with_stripe
@requires(Permission.MANAGE_BILLING)
@step_up(before_the_form=True)
def add_card(request: AccountRequest) -> HttpResponseBase:
    """The page with the card form; posted by its script, a place at Stripe for the card."""
    if request.method != "POST":
        with request.scope():
            return render(request, "commerce/add_card.html", stripe_context())
    try:
        setup = payments.prepare_card(account=request.account, now=timezone.now())
    except gateway.GatewayError:
        logger.exception("no card could be set up")
        return refused(str(UNREACHABLE))
    return JsonResponse({"client_secret": setup.client_secret})


@own_transactions
@require_POST
@requires(Permission.MANAGE_BILLING)
@step_up
def store_card(request: AccountRequest) -> HttpResponseBase:
    """Keep the card that was set up. Tells the script where to go, or what is wrong."""
    try:
        card = cards.store_card(
            account=request.account, setup_id=request.POST.get("setup", ""), actor=request.actor, now=timezone.now()
        )
    except (payments.CardNotReady, gateway.Refused, gateway.CardDeclined):
        return refused(_("This card can't be kept. Check its details, or try another card."))
    except gateway.GatewayError:
        logger.exception("no card could be stored")
        return refused(str(UNREACHABLE))
    messages.success(request, _("%(card)s is stored.") % {"card": card})
    return JsonResponse({"next": reverse("commerce:cards")})


@require_POST
@requires(Permission.MANAGE_BILLING)
@step_up
def choose_card(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Charge this card from now on."""
    card = _card(request, public_id)
    cards.choose_default(card=card, actor=request.actor, now=timezone.now())
    messages.success(request, _("%(card)s is charged from now on.") % {"card": card})
    return redirect("commerce:cards")


@own_transactions
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_BILLING)
@step_up
def remove_card(request: AccountRequest, public_id: UUID) -> HttpResponseBase:
    """What the card is needed for; posted, it is forgotten."""
    now = timezone.now()
    with request.scope():
        card = _card(request, public_id)
        needed = cards.waits_for(card, request.account.local_date(now))
        if request.method != "POST":
            crumbs = [{"label": _("Cards"), "url": reverse("commerce:cards")}, {"label": str(card)}]
            return render(request, "commerce/remove_card.html", {"card": card, "needed": needed, "crumbs": crumbs})
    try:
        cards.remove_card(card=card, actor=request.actor, now=now)
    except gateway.GatewayError:
        logger.exception("a card could not be removed")
        messages.error(request, _("Payments can't be reached just now. The card is still stored; please try again."))
        return redirect("commerce:cards")
    messages.success(request, _("%(card)s is removed.") % {"card": card})
    if needed:
        messages.warning(request, _("Choose another card: invoices and renewals are to be charged to one."))
    return redirect("commerce:cards")


@require_POST
@requires(Permission.MANAGE_BILLING)
@step_up
def set_auto_pay(request: AccountRequest) -> HttpResponse:
    """Let invoices be charged to the default card when they are due, or no longer."""
    now = timezone.now()
    if request.POST.get("agree") != "on":
        cards.take_back(account=request.account, actor=request.actor, now=now)
        messages.success(request, _("Nothing is charged by itself any more. Please pay your invoices yourself."))
        return redirect("commerce:cards")
    try:
        cards.agree(account=request.account, actor=request.actor, now=now)
    except cards.NoCard:
        messages.error(request, _("Choose a card first."))
    else:
        messages.success(request, _("Invoices are charged to your default card on their due dates."))
    return redirect("commerce:cards")


def _card(request: AccountRequest, public_id: UUID) -> StoredCard:
    kept = StoredCard.objects.for_account(request.account).kept().select_related("account")
    return get_object_or_404(kept, public_id=public_id)
