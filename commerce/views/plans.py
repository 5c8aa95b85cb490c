"""Plans and add-ons at the account's prices, and the configurator."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode

from django.db.models import prefetch_related_objects
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.http import AccountRequest, requires, session_digest
from accounts.models import Account
from accounts.permissions import Permission
from commerce.catalogue import taxes
from commerce.catalogue.catalogue import Offered, bundle_words, grant_words, is_the_unit_itself, offered_products
from commerce.catalogue.plan_comparison import highlights_of
from commerce.catalogue.previewing import shows_drafts
from commerce.catalogue.price_words import price_words
from commerce.configuring import configurations
from commerce.configuring.configuration_rules import RuleKind, evaluate
from commerce.configuring.fitting import seats_that_fit
from commerce.configuring.forms import NO_PRODUCTS, ConfigurationForm
from commerce.configuring.notices import configure_url
from commerce.configuring.situations import (
    Configuration,
    ConfigurationRefused,
    NoContract,
    TaxUnknown,
    current_wish,
    facts_about,
    situation_of,
)
from commerce.contracts.contracts import ContractOverview, line_label, overview
from commerce.models import ConfiguratorStep, Lifecycle, Product, ProductKind
from commerce.models.bundles import rules_today
from commerce.pricing.quote import LineRole
from commerce.quotes.explanations import in_words
from commerce.views import guiding
from tracking.actor import ActorKind
from tracking.models import EventName, Meter
from tracking.services import buffer_page_view, usage_to_date


@dataclass(frozen=True)
class Shelf:
    """One product as the plans page shows it."""

    offered: Offered
    price: str
    grants: list[str]
    parts: list[str]  # What comes with a bundle, or can be chosen in it.
    highlights: list[str]
    held: Decimal
    is_current: bool
    successor: str  # The product that has taken its place, where it is offered.
    ends: str  # What its owner should know: sold no more, or until when.
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
    today = account.local_date(now)
    contract = overview(account, today)
    # What it would cost them: a change of their contract is in its currency, and by its book.
    changed = contract.contract if contract else None
    currency = changed.currency if changed else account.currency
    on_sale = offered_products(account=account, today=today, contract=changed, with_drafts=shows_drafts(request))
    offered = _seen(account, contract, on_sale, today)
    prefetch_related_objects([one.product for one in offered.values()], "grants", "files")
    names = {one.product.pk: one.product.name for one in offered.values() if one.is_sellable}
    shelves = [_shelf(one, contract, currency, today, names) for one in offered.values()]
    buffer_page_view(name=EventName.PLANS_VIEWED, actor=request.actor, now=now, session_key=session_digest(request))
    return render(
        request,
        "commerce/plans.html",
        {
            "contract": contract,
            "tax_treatment": taxes.treatment_on(account, today).value,
            "plans": [shelf for shelf in shelves if shelf.offered.is_plan],
            "addons": [shelf for shelf in shelves if shelf.offered.product.kind_choice.is_addon],
            "services": [shelf for shelf in shelves if shelf.offered.product.kind == ProductKind.SERVICE],
            "may_buy": request.membership.may(Permission.BUY) and contract is not None,
            "may_ask": request.membership.may(Permission.BUY),
        },
    )


def _seen(
    account: Account, contract: ContractOverview | None, offered: dict[str, Offered], today: date
) -> dict[str, Offered]:
    """What is on sale and no rule hides, and what the account has although it is sold no more. Two queries at most."""
    owned = {line.product.code: line for line in contract.lines} if contract else {}
    rules = [rule for rule in rules_today() if rule.kind is RuleKind.FILTER]
    hidden: Mapping[str, str] = {}
    if rules:
        used = usage_to_date(account_id=account.pk, today=today).get(Meter.SEATS)
        hidden = evaluate(
            current_wish(owned),
            rules=rules,
            about=facts_about(
                account,
                owned,
                contract=contract.contract if contract else None,
                used_seats=None if used is None else int(used),
            ),
        ).hidden
    kept = {code: Offered(line.product, None) for code, line in owned.items() if code not in offered}
    return {code: one for code, one in offered.items() if code not in hidden or code in owned} | kept


def _shelf(
    offered: Offered, contract: ContractOverview | None, currency: str, today: date, successors: Mapping[int, str]
) -> Shelf:
    product = offered.product
    plan = contract.plan if contract else None
    held = next((line for line in contract.lines if line.product.pk == product.pk), None) if contract else None
    return Shelf(
        offered=offered,
        price=price_words(offered, currency) if offered.is_sellable else "",
        grants=[grant_words(grant) for grant in product.grants.all() if not is_the_unit_itself(grant)],
        parts=bundle_words(offered.bundle) if offered.bundle else [],
        highlights=highlights_of(product),
        held=held.quantity if held else Decimal(0),
        is_current=bool(plan and plan.product.pk == product.pk),
        ends=_ending(product, today),
        successor=successors.get(product.successor_id or 0, ""),
        is_lower=bool(offered.is_plan and plan and product.rank < plan.product.rank),
    )


def _ending(product: Product, today: date) -> str:
    """What somebody who has the product, or thinks of it, should know about its end."""
    stands = product.lifecycle_on(today)
    if stands == Lifecycle.END_OF_LIFE:
        return _("It runs no more.")
    last = product.end_of_life_date
    if stands == Lifecycle.END_OF_SALE:
        return (
            _("Sold no more. You keep it until %(day)s.") % {"day": date_format(last)} if last else _("Sold no more.")
        )
    ends = product.end_of_sale_date
    return _("On sale until %(day)s.") % {"day": date_format(ends - timedelta(days=1))} if ends else ""


@require_safe
@requires(Permission.BUY)
def configure(request: AccountRequest) -> HttpResponse:
    """Choose what to have afterwards; the address may name it, and what it names is priced at once."""
    now = timezone.now()
    today = request.account.local_date(now)
    try:
        situation = situation_of(request.account, today, with_drafts=shows_drafts(request))
    except (NoContract, TaxUnknown) as refusal:
        _note_view(request, ConfiguratorStep.PLAN, now)
        return render(request, "commerce/configure_nothing.html", nothing_to_configure(refusal))
    names_something = any(name not in NO_PRODUCTS for name in request.GET)
    form = ConfigurationForm(situation, request.GET if names_something else None)
    guide = guiding.reached(request, form)
    _note_view(request, guide.step if guide else ConfiguratorStep.ALL, now)
    _keep(request, form, request.GET, now)
    return configurator(request, form, guide=guide)


def _note_view(request: AccountRequest, step: ConfiguratorStep, now: datetime) -> None:
    """Each step is an event; that the configurator was used is one only where it begins."""
    begins = step in (ConfiguratorStep.PLAN, ConfiguratorStep.ALL)
    for name in [EventName.CONFIGURATOR_USED] * begins + [EventName.CONFIGURATOR_STEP_VIEWED]:
        buffer_page_view(
            name=name,
            actor=request.actor,
            now=now,
            session_key=session_digest(request),
            properties={"configuration": request.GET.urlencode()[:300], "step": step.value},
        )


def _keep(request: AccountRequest, form: ConfigurationForm, data: QueryDict, now: datetime) -> None:
    """What somebody types is theirs to come back to; what staff try in their place is not."""
    typed = guiding.typed_in(form, data) if form.is_bound else None
    if typed is not None and request.actor.kind == ActorKind.CUSTOMER:
        configurations.keep_typed(situation=form.situation, user=request.user, typed=typed, now=now)


def nothing_to_configure(refusal: ConfigurationRefused) -> dict[str, str]:
    """For the page that says so, with what can be asked of us instead."""
    return {"reason": str(refusal), "ask_url": f"{reverse('commerce:ask-quote')}?{urlencode({'reason': refusal.code})}"}


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.BUY)
def configure_price(request: AccountRequest) -> HttpResponse:
    """The price of what is typed so far, as a part of the configurator's page."""
    data = request.POST if request.method == "POST" else request.GET
    now = timezone.now()
    today = request.account.local_date(now)
    try:
        situation = situation_of(request.account, today, with_drafts=shows_drafts(request))
        form = ConfigurationForm(situation, data)
    except ConfigurationRefused as refusal:
        return render(request, "commerce/_price.html", nothing_to_configure(refusal))
    _keep(request, form, data, now)
    context = price_context(form) | {"guide": guiding.guide_of(data), "carried": guiding.carried_by(data)}
    response = render(request, "commerce/_price.html", context)
    named = data.copy()
    for name in ("csrfmiddlewaretoken", "company", "form_key"):
        named.pop(name, None)
    response["HX-Replace-Url"] = f"{reverse('commerce:configure')}?{named.urlencode()}"
    return response


def configurator(
    request: AccountRequest, form: ConfigurationForm, *, guide: guiding.Guide | None = None, status: int = 200
) -> HttpResponse:
    """The configurator's page with a form as it was sent, or with what the account has now."""
    shown = form.shown
    carried = guiding.carried_by(form.named)
    template = "commerce/configure_guided.html" if guide else "commerce/configure.html"
    context = {
        "guide": guide,
        "carried": carried,
        "other_view": guiding.other_view(shown, guide, carried),
        **_hints(request, form),
        "form": shown,
        "addons": [field for field in shown if field.name not in ("plan", "seats")],
        "contract": form.situation.contract,
        **price_context(form),
    }
    return render(request, template, context, status=status)


def _hints(request: AccountRequest, form: ConfigurationForm) -> dict[str, object]:
    """What to begin with, where nothing is named yet: what was typed last, and the seats that would fit."""
    if form.is_bound:
        return {"chosen": _chosen(form)}
    situation = form.situation
    last = configurations.last_typed(situation, request.user)
    fit = seats_that_fit(used=situation.used_seats, held=situation.seats)
    return {
        "last_typed": last,
        "last_typed_url": configure_url(Configuration.from_json(last.configuration)) if last else "",
        "fit": fit,
        "fit_url": configure_url(replace(situation.current, seats=fit, addons={}), source="usage") if fit else "",
    }


def _chosen(form: ConfigurationForm) -> list[str]:
    """Each thing of a configuration in words, for its last look; with what rules and bundles add."""
    if form.verdict is None:
        return []
    complete = form.verdict.wanted
    wanted = {complete.plan: Decimal(complete.seats), **complete.quantities}
    products = [(form.situation.product(code), count) for code, count in wanted.items() if count]
    return [line_label(product, count) for product, count in products if product]


def price_context(form: ConfigurationForm) -> dict[str, object]:
    """What the price's part of the page shows: lines in words, totals, or what is wrong."""
    if not form.is_bound:
        return {"untouched": True}
    form.is_valid()
    priced = form.priced
    if priced is None:
        return {
            "problems": form.messages,
            "untouched": form.nothing_changes,
            "ask_url": _ask_url(form),
            "hidden": _hidden(form) if form.is_understood else [],
        }
    return {
        "priced": priced,
        "lines": [
            {"name": line.name, "words": in_words(line.explanation), "net_minor": line.net_minor}
            for line in priced.lines
            if line.role is not LineRole.UNCHANGED
        ],
        "unchanged": [line.name for line in priced.lines if line.role is LineRole.UNCHANGED],
        "notes": form.notes,
        "added": form.added,
        "hidden": _hidden(form),
        "form_key": uuid.uuid4(),
    }


def _ask_url(form: ConfigurationForm) -> str:
    """Where to ask us for what the portal refuses, with the configuration as it was typed."""
    wanted = dict(_hidden(form)) if form.is_understood else {}
    reason = form.refusal.code if form.refusal else ""
    return f"{reverse('commerce:ask-quote')}?{urlencode({'reason': reason, **wanted})}"


def _hidden(form: ConfigurationForm) -> list[tuple[str, str]]:
    """The configuration that was priced, for the form that asks for a quote of it."""
    return list(form.configuration.as_query().items())
