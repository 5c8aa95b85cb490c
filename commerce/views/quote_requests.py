"""Asking us for a quote of what the portal can't sell, and our answers."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.http import AccountRequest, requires
from accounts.paging import page_of
from accounts.permissions import Permission
from commerce.configuring import configurations
from commerce.configuring.configuration_forms import AskForm
from commerce.configuring.forms import ConfigurationForm
from commerce.configuring.situations import Configuration, NoContract, TaxUnknown, situation_of
from commerce.models import Contract, QuoteRequest, QuoteRequestReason
from commerce.quotes import quote_requests


@require_safe
@requires(Permission.VIEW_PRICES)
def quote_request_list(request: AccountRequest) -> HttpResponse:
    """What the company asked us to quote, newest first."""
    page = page_of(
        QuoteRequest.objects.for_account(request.account).select_related("requested_by").latest_first(),
        cursor=request.GET.get("cursor", ""),
    )
    return render(
        request, "commerce/quote_requests.html", {"page": page, "may_buy": request.membership.may(Permission.BUY)}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.BUY)
def ask_quote(request: AccountRequest) -> HttpResponse:
    """A wish with what was configured, in the customer's words."""
    data = request.POST if request.method == "POST" else request.GET
    configured = _configured(request, data)
    wanted = configured.configuration if configured else None
    reason = _reason(data)
    form = AskForm(request.POST if request.method == "POST" else None)
    if wanted is None or reason == QuoteRequestReason.CURRENCY:
        form.fields["message"].required = True
    if request.method == "POST" and form.is_valid():
        try:
            form_key = uuid.UUID(request.POST.get("form_key", ""))
        except ValueError as error:
            raise Http404 from error
        asked = quote_requests.ask(
            account=request.account,
            user=request.user,
            actor=request.actor,
            reason=reason,
            configuration=wanted.as_json() if wanted else {},
            summary=_words(wanted) or str(reason.label),
            message=form.cleaned_data["message"],
            form_key=form_key,
            now=timezone.now(),
        )
        messages.success(request, _("We have your request, and will answer here and by e-mail."))
        return redirect("commerce:quote-request", asked.public_id)
    context = {
        "form": form,
        "wanted": _words(wanted),
        "kept_currency": _kept_currency(request, reason),
        "ways_out": [problem for problem in configured.messages if "fix" in problem] if configured else [],
        "reason": reason,
        "hidden": _hidden(wanted),
        "form_key": data.get("form_key") or uuid.uuid4(),
    }
    return render(request, "commerce/ask_quote.html", context, status=422 if form.is_bound else 200)


@require_safe
@requires(Permission.VIEW_PRICES)
def quote_request(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """One request, and our answer."""
    context = {"asked": _one(request, public_id), "may_buy": request.membership.may(Permission.BUY)}
    return render(request, "commerce/quote_request.html", context)


@require_POST
@requires(Permission.BUY)
def close_quote_request(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """It is no longer needed."""
    asked = _one(request, public_id)
    if asked.close(timezone.now()):
        messages.success(request, _("Your request is closed."))
    return redirect("commerce:quote-request", asked.public_id)


def _one(request: AccountRequest, public_id: uuid.UUID) -> QuoteRequest:
    found = QuoteRequest.objects.for_account(request.account).select_related("requested_by", "answered_by", "quote")
    return get_object_or_404(found, public_id=public_id)


def _reason(data: QueryDict) -> QuoteRequestReason:
    value = data.get("reason", "")
    return QuoteRequestReason(value) if value in QuoteRequestReason.values else QuoteRequestReason.OTHER


def _kept_currency(request: AccountRequest, reason: QuoteRequestReason) -> Contract | None:
    """The contract whose currency stays, for who asks for another one."""
    if reason != QuoteRequestReason.CURRENCY:
        return None
    today = request.account.local_date(timezone.now())
    return Contract.objects.for_account(request.account).current(today).first()


def _configured(request: AccountRequest, data: QueryDict) -> ConfigurationForm | None:
    """With the configuration that the address or the form names; None where none can be read from it."""
    if "plan" not in data:
        return None
    today = request.account.local_date(timezone.now())
    try:
        form = ConfigurationForm(situation_of(request.account, today), data)
    except (NoContract, TaxUnknown):
        return None
    form.is_valid()
    return form if form.is_understood else None


def _words(wanted: Configuration | None) -> str:
    if wanted is None:
        return ""
    return configurations.in_words(wanted, configurations.products_named([wanted.plan, *wanted.addons]))


def _hidden(wanted: Configuration | None) -> list[tuple[str, str]]:
    return list(wanted.as_query().items()) if wanted else []
