"""Plans and add-ons at the account's prices, and the configurator."""

import uuid
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import prefetch_related_objects
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.http import AccountRequest, requires, session_digest
from accounts.permissions import Permission
from commerce.catalogue import Offered, grant_words, is_the_unit_itself, offered_products
from commerce.configuring import ConfigurationRefused, NoContract, TaxUnknown, plain, situation_of
from commerce.contracts import ContractOverview, overview
from commerce.explanations import in_words
from commerce.forms import ConfigurationForm, price_words
from commerce.models import ProductKind
from commerce.pricing.quote import LineRole
from tracking.models import EventName
from tracking.services import buffer_page_view


@dataclass(frozen=True)
class Shelf:
    """One product as the plans page shows it."""

    offered: Offered
    price: str
    grants: list[str]
    highlights: list[str]
    held: Decimal
    is_current: bool
    is_lower: bool  # A plan below the current one.

    @property
    def seats(self) -> int:
        return int(self.held)


@require_safe
@requires(Permission.VIEW_PRICES)
def plans(request: AccountRequest) -> HttpResponse:
    """The plans side by side, then add-ons and services, at the account's own prices."""
    now = timezone.now()
    account = request.account
    today = now.astimezone(ZoneInfo(account.time_zone)).date()
    contract = overview(account, today)
    offered = offered_products(account=account, today=today)
    prefetch_related_objects([one.product for one in offered.values()], "grants")
    shelves = [_shelf(one, contract, account.currency) for one in offered.values()]
    buffer_page_view(name=EventName.PLANS_VIEWED, actor=request.actor, now=now, session_key=session_digest(request))
    return render(
        request,
        "commerce/plans.html",
        {
            "contract": contract,
            "plans": [shelf for shelf in shelves if shelf.offered.is_plan],
            "addons": [shelf for shelf in shelves if shelf.offered.product.kind == ProductKind.ADDON],
            "services": [shelf for shelf in shelves if shelf.offered.product.kind == ProductKind.SERVICE],
            "may_buy": request.membership.may(Permission.BUY) and contract is not None,
        },
    )


def _shelf(offered: Offered, contract: ContractOverview | None, currency: str) -> Shelf:
    product = offered.product
    plan = contract.plan if contract else None
    held = next((line for line in contract.lines if line.product.pk == product.pk), None) if contract else None
    return Shelf(
        offered=offered,
        price=price_words(offered, currency) if offered.is_sellable else "",
        grants=[grant_words(grant) for grant in product.grants.all() if not is_the_unit_itself(grant)],
        highlights=[line.strip() for line in product.highlights.splitlines() if line.strip()],
        held=held.quantity if held else Decimal(0),
        is_current=bool(plan and plan.product.pk == product.pk),
        is_lower=bool(offered.is_plan and plan and product.rank < plan.product.rank),
    )


@require_safe
@requires(Permission.BUY)
def configure(request: AccountRequest) -> HttpResponse:
    """Choose what to have afterwards; the address may name it, and what it names is priced at once."""
    now = timezone.now()
    buffer_page_view(
        name=EventName.CONFIGURATOR_USED,
        actor=request.actor,
        now=now,
        session_key=session_digest(request),
        properties={"configuration": request.GET.urlencode()[:300]},
    )
    today = now.astimezone(ZoneInfo(request.account.time_zone)).date()
    try:
        situation = situation_of(request.account, today)
    except (NoContract, TaxUnknown) as refusal:
        return render(request, "commerce/configure_nothing.html", {"reason": str(refusal)})
    return configurator(request, ConfigurationForm(situation, request.GET or None))


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.BUY)
def configure_price(request: AccountRequest) -> HttpResponse:
    """The price of what is typed so far, as a part of the configurator's page."""
    data = request.POST if request.method == "POST" else request.GET
    today = timezone.now().astimezone(ZoneInfo(request.account.time_zone)).date()
    try:
        form = ConfigurationForm(situation_of(request.account, today), data)
    except ConfigurationRefused as refusal:
        return render(request, "commerce/_price.html", {"reason": str(refusal)})
    response = render(request, "commerce/_price.html", price_context(form))
    named = data.copy()
    for name in ("csrfmiddlewaretoken", "company", "form_key"):
        named.pop(name, None)
    response["HX-Replace-Url"] = f"{reverse('commerce:configure')}?{named.urlencode()}"
    return response


def configurator(request: AccountRequest, form: ConfigurationForm, *, status: int = 200) -> HttpResponse:
    """The configurator's page with a form as it was sent, or with what the account has now."""
    shown = form.shown
    context = {
        "form": shown,
        "addons": [field for field in shown if field.name not in ("plan", "seats")],
        "contract": form.situation.contract,
        **price_context(form),
    }
    return render(request, "commerce/configure.html", context, status=status)


def price_context(form: ConfigurationForm) -> dict[str, object]:
    """What the price's part of the page shows: lines in words, totals, or what is wrong."""
    if not form.is_bound:
        return {"untouched": True}
    form.is_valid()
    priced = form.priced
    if priced is None:
        return {"problems": form.messages, "untouched": form.nothing_changes}
    return {
        "priced": priced,
        "lines": [
            {"name": line.name, "words": in_words(line.explanation), "net_minor": line.net_minor}
            for line in priced.lines
            if line.role is not LineRole.UNCHANGED
        ],
        "unchanged": [line.name for line in priced.lines if line.role is LineRole.UNCHANGED],
        "hidden": _hidden(form),
        "form_key": uuid.uuid4(),
    }


def _hidden(form: ConfigurationForm) -> list[tuple[str, str]]:
    """The configuration that was priced, for the form that asks for a quote of it."""
    configuration = form.configuration
    return [
        ("plan", configuration.plan),
        ("seats", str(configuration.seats)),
        *((code, plain(quantity)) for code, quantity in sorted(configuration.addons.items())),
    ]
