"""Quotes: made from the configurator, read, accepted, refreshed."""

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.http import AccountRequest, client_ip, requires, session_digest, step_up
from accounts.paging import page_of
from accounts.permissions import Permission
from commerce.configuring.forms import AcceptForm, CommentForm, ConfigurationForm, DeclineForm
from commerce.configuring.notices import configure_url
from commerce.configuring.situations import Configuration, ConfigurationRefused, NoContract, TaxUnknown, situation_of
from commerce.models import Invoice, Order, PurchaseApproval, Quote, QuoteComment, QuoteStatus
from commerce.quotes import (
    acceptance,
    approvals,
    quote_changes,
    quote_checks,
    quote_documents,
    quote_lifecycle,
    quoting,
)
from commerce.views.plans import configurator, nothing_to_configure
from tracking.actor import ActorKind
from tracking.models import EventName
from tracking.services import buffer_page_view, record

MOST_OF_A_DEAL = 20  # So many quotes of one deal are looked at.
SHOWN_LINES = 50


@require_safe
@requires(Permission.VIEW_PRICES)
def quote_list(request: AccountRequest) -> HttpResponse:
    """The company's quotes, newest first."""
    shown = Quote.objects.for_account(request.account).shown_to_customers().latest_first()
    page = page_of(shown.select_related("created_by", "contract"), cursor=request.GET.get("cursor", ""))
    today = request.account.local_date(timezone.now())
    outdated = {quote.pk for quote in page.rows if quote.status_choice.is_open and quote.is_outdated(today)}
    context = {"page": page, "outdated": outdated, "may_buy": request.membership.may(Permission.BUY)}
    return render(request, "commerce/quotes.html", context)


@require_POST
@requires(Permission.BUY)
def create_quote(request: AccountRequest) -> HttpResponse:
    """Freeze the price just shown; what cannot be sold goes back to the configurator with the reason."""
    now = timezone.now()
    try:
        form_key = uuid.UUID(request.POST.get("form_key", ""))
    except ValueError as error:
        raise Http404 from error
    try:
        situation = situation_of(request.account, request.account.local_date(now))
    except (NoContract, TaxUnknown) as refusal:
        return render(request, "commerce/configure_nothing.html", nothing_to_configure(refusal), status=422)
    form = ConfigurationForm(situation, request.POST)
    if not form.is_valid():
        return configurator(request, form, status=422)
    made = quoting.create_quote(
        account=request.account,
        actor=request.actor,
        user=request.user,
        configuration=form.configuration,
        now=now,
        form_key=form_key,
    )
    return redirect("commerce:quote", made.public_id)


@require_safe
@requires(Permission.VIEW_PRICES)
def quote(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """One quote: what it costs and why, until when it stands, and what can be done with it."""
    shown = quote_of(request, public_id)
    now = timezone.now()
    if request.actor.kind == ActorKind.CUSTOMER:  # Seen by staff, it is not seen yet.
        shown.mark_viewed(now)
    buffer_page_view(
        name=EventName.QUOTE_VIEWED,
        actor=request.actor,
        now=now,
        object_type="quote",
        object_id=str(shown.public_id),
        session_key=session_digest(request),
    )
    return quote_page(request, shown)


@require_POST
@requires(Permission.BUY)
@step_up
def accept_quote(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """Accept a quote as shown, then pay its invoice."""
    shown = quote_of(request, public_id)
    form = AcceptForm(request.POST)
    if not form.is_valid():
        return quote_page(request, shown, form=form, status=422)
    try:
        made = approvals.purchase(
            quote=shown,
            membership=request.membership,
            shown_hash=form.cleaned_data["shown_hash"],
            consent_name=form.cleaned_data["name"],
            po_number=form.cleaned_data["po_number"],
            ip=client_ip(request),
            actor=request.actor,
            now=timezone.now(),
        )
    except acceptance.OrderPending as refusal:
        url = reverse("commerce:order", args=[refusal.order.number])
        messages.error(request, format_html('{} <a class="link" href="{}">{}</a>', refusal, url, refusal.order.number))
        return redirect("commerce:quote", shown.public_id)
    except acceptance.ChangePlanned as refusal:
        url = reverse("commerce:contract", args=[refusal.change.contract.number])
        messages.error(
            request, format_html('{} <a class="link" href="{}">{}</a>', refusal, url, refusal.change.summary)
        )
        return redirect("commerce:quote", shown.public_id)
    except (quote_lifecycle.QuoteRefused, approvals.NoApprover) as refusal:
        messages.error(request, str(refusal))
        return redirect("commerce:quote", shown.public_id)
    if isinstance(made, PurchaseApproval):
        messages.success(request, _("Your purchase waits for an approval. You hear from us once it is decided."))
        return redirect("commerce:approval", made.public_id)
    invoice = Invoice.objects.for_account(request.account).filter(order=made).first()
    if invoice is None:
        messages.success(request, _("Your order is active. There is nothing to pay."))
        return redirect("commerce:order", made.number)
    return redirect("commerce:pay", invoice.number)


@require_POST
@requires(Permission.BUY)
def refresh_quote(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """The same again at today's prices."""
    shown = quote_of(request, public_id)
    try:
        fresh = quoting.refresh_quote(quote=shown, actor=request.actor, user=request.user, now=timezone.now())
    except quote_lifecycle.QuoteRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("commerce:quote", shown.public_id)
    except ConfigurationRefused as refusal:
        messages.error(request, str(refusal))
        return redirect(_configurator_url(shown))
    if fresh.pk != shown.pk:
        messages.success(request, _("This is your quote at today's prices."))
    return redirect("commerce:quote", fresh.public_id)


@require_safe
@requires(Permission.VIEW_PRICES)
def quote_pdf(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """The quote as it was presented."""
    shown = quote_of(request, public_id)
    if shown.presented_at is None:
        raise Http404
    content = quote_documents.bytes_of(shown)
    if request.method == "GET":  # HEAD asks about the file, and takes nothing.
        record(
            name=EventName.DOCUMENT_DOWNLOADED,
            actor=request.actor,
            now=timezone.now(),
            object_type="quote",
            object_id=str(shown.public_id),
            properties={"name": shown.number},
        )
    response = HttpResponse(content, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{quote_documents.file_name(shown)}"'
    return response


def quote_of(request: AccountRequest, public_id: uuid.UUID) -> Quote:
    """A quote that the company may see; what the staff still work on is none."""
    quotes = Quote.objects.for_account(request.account).shown_to_customers()
    related = ("account", "contract", "deal", "created_by", "accepted_by", "closed_by", "document")
    return get_object_or_404(quotes.select_related(*related), public_id=public_id)


def quote_page(
    request: AccountRequest,
    shown: Quote,
    *,
    form: AcceptForm | None = None,
    decline_form: DeclineForm | None = None,
    comment_form: CommentForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page of a quote, with its forms as they were sent where something is wrong with them."""
    now = timezone.now()
    today = request.account.local_date(now)
    order = Order.objects.for_account(request.account).select_related("invoice").filter(quote=shown).first()
    family = _Family.of(shown)
    is_expired = shown.is_expired(now)
    is_outdated = shown.status_choice.is_open and shown.is_outdated(today)
    may_buy = request.membership.may(Permission.BUY)
    can_accept = may_buy and shown.status_choice.is_open and not is_expired and not is_outdated
    asked = PurchaseApproval.objects.for_account(request.account).filter(quote=shown)
    approval = asked.select_related("requested_by", "decided_by").latest_first().first()
    is_waiting = can_accept and approval is not None and approval.is_waiting
    quote_status = QuoteStatus.EXPIRED if is_expired else shown.status_choice
    is_compared = shown.status_choice.is_open or shown.is_by_staff
    differences = quote_changes.differences(family.older, shown) if family.older and is_compared else []
    context = {
        "quote": shown,
        "quote_status": quote_status,
        "lines": page_of(
            shown.lines.select_related("product").order_by("position", "id"),
            cursor=request.GET.get("cursor", ""),
            size=SHOWN_LINES,
        ),
        "order": order,
        "newer": family.newer,
        "differences": differences[:SHOWN_LINES],
        "hidden_differences": max(len(differences) - SHOWN_LINES, 0),
        "older": family.older,
        "alternatives": family.alternatives,
        "is_expired": is_expired,
        "may_reconfigure": may_buy
        and quote_status in (QuoteStatus.DECLINED, QuoteStatus.WITHDRAWN, QuoteStatus.REJECTED),
        "is_outdated": is_outdated,
        "may_buy": may_buy,
        "may_withdraw": may_buy
        and not shown.is_by_staff
        and shown.created_by_id == request.user.pk
        and quote_status.is_under_way,
        "may_decline": may_buy and quote_status.is_open,
        "approval": approval,
        "is_waiting": is_waiting,
        "check": quote_checks.check_of(shown, actor=request.actor, now=now) if quote_status.is_checked else None,
        "can_accept": can_accept and not is_waiting,
        "need": approvals.need_of(shown, request.membership) if can_accept and not is_waiting else None,
        "can_refresh": may_buy
        and family.newer is None
        and not (shown.manual_prices or shown.has_own_term)
        and (is_expired or is_outdated),
        "configurator_url": _configurator_url(shown),
        "form": form or AcceptForm(initial={"shown_hash": shown.price_hash, "name": request.user.name}),
        "decline_form": decline_form or DeclineForm(),
        "comment_form": comment_form or CommentForm(),
        "comments": QuoteComment.objects.about(shown).public().select_related("author", "quote"),
        "steps": _steps(shown, order),
    }
    return render(request, "commerce/quote.html", context, status=status)


@dataclass(frozen=True)
class _Family:
    """The quotes of the same deal: the version before, the newest, and what else was offered."""

    older: Quote | None
    newer: Quote | None
    alternatives: list[Quote]

    @classmethod
    def of(cls, shown: Quote) -> "_Family":
        """One query."""
        deal = Quote.objects.for_account(shown.account).shown_to_customers().filter(deal_id=shown.deal_id)
        others = sorted(deal.exclude(pk=shown.pk).latest_first()[:MOST_OF_A_DEAL], key=lambda one: one.version)
        versions = [one for one in others if one.serial == shown.serial]
        return cls(
            older=next((one for one in reversed(versions) if one.version < shown.version), None),
            newer=next((one for one in reversed(versions) if one.version > shown.version), None),
            alternatives=[one for one in others if one.serial != shown.serial and one.status_choice.is_open],
        )


def _steps(shown: Quote, order: Order | None) -> list[dict[str, str]]:
    """How far the purchase is."""
    accepted = order is not None
    paid = shown.status == QuoteStatus.ORDERED
    states = [
        (_("Configure"), "done", _configurator_url(shown)),
        (_("Review and accept"), "done" if accepted else "current", ""),
        (_("Pay"), "done" if paid else "current" if accepted else "todo", ""),
        (_("Active"), "done" if paid else "todo", ""),
    ]
    return [{"label": label, "state": state, "url": url} for label, state, url in states]


def _configurator_url(shown: Quote) -> str:
    return configure_url(Configuration.from_json(shown.configuration), source="quote")
