"""Plans side by side, for the customer's own quantities."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import prefetch_related_objects
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.http import AccountRequest, requires, session_digest
from accounts.permissions import Permission
from commerce.catalogue.plan_comparison import highlights_of, rows_of
from commerce.catalogue.previewing import shows_drafts
from commerce.configuring.configuring import NothingChanges, judge, price
from commerce.configuring.fitting import seats_that_fit
from commerce.configuring.notices import told
from commerce.configuring.situations import (
    Configuration,
    ConfigurationRefused,
    NoContract,
    Situation,
    TaxUnknown,
    situation_of,
)
from commerce.models import Product, ProductKind
from commerce.views.plans import nothing_to_configure
from tracking.models import EventName
from tracking.services import buffer_page_view

MOST_PLANS = 3
MOST_SEATS = 10**9


@dataclass(frozen=True)
class Column:
    """One plan of the comparison."""

    product: Product
    highlights: list[str]
    is_current: bool
    due_now_minor: int | None  # With tax; None where the portal has no price.
    monthly_minor: int | None  # Before tax.
    problems: list[dict[str, str]]  # Why there is none, each with its way out.
    configure_url: str
    ask_url: str


@require_safe
@requires(Permission.VIEW_PRICES)
def compare_plans(request: AccountRequest) -> HttpResponse:
    """Two or three plans in columns: price now, per month, and what each grants."""
    now = timezone.now()
    today = request.account.local_date(now)
    try:
        situation = situation_of(request.account, today, with_drafts=shows_drafts(request))
    except (NoContract, TaxUnknown) as refusal:
        return render(request, "commerce/configure_nothing.html", nothing_to_configure(refusal))
    hidden = judge(situation, situation.current).hidden.keys() - situation.owned.keys()
    plans = [one.product for code, one in situation.offered.items() if one.is_plan and code not in hidden]
    chosen = set(request.GET.getlist("plan"))
    shown = ([plan for plan in plans if plan.code in chosen] or plans)[:MOST_PLANS]
    prefetch_related_objects(shown, "grants", "files")
    seats = _seats(request, situation)
    fit = seats_that_fit(used=situation.used_seats, held=situation.seats)
    buffer_page_view(name=EventName.PLANS_VIEWED, actor=request.actor, now=now, session_key=session_digest(request))
    context = {
        "columns": [_column(situation, plan, seats, "usage" if seats == fit else "") for plan in shown],
        "rows": rows_of(shown),
        "has_papers": any(plan.documents for plan in shown),
        "seats": seats,
        "plans": [(plan, plan in shown) for plan in plans],
        "fit": fit,
        "currency": situation.contract.currency,
        "used": situation.used_seats,
        "held": situation.seats,
        "may_buy": request.membership.may(Permission.BUY),
    }
    return render(request, "commerce/compare_plans.html", context)


def _seats(request: AccountRequest, situation: Situation) -> int:
    """As many as were asked for; else what is held, or what would fit."""
    asked = request.GET.get("seats", "")
    if asked.isascii() and asked.isdigit() and len(asked) <= 10 and 1 <= int(asked) <= MOST_SEATS:
        return int(asked)
    return seats_that_fit(used=situation.used_seats, held=situation.seats) or situation.seats or 1


def _column(situation: Situation, plan: Product, seats: int, source: str) -> Column:
    wanted = Configuration(plan=plan.code, seats=seats)
    named = {"plan": plan.code, "seats": seats} | ({"source": source} if source else {})
    due, monthly, code = None, None, ""
    problems: list[dict[str, str]] = []
    try:
        priced = price(situation, wanted)
        due, monthly = priced.due_now_minor, priced.monthly_net_minor
    except NothingChanges:
        due, monthly = 0, sum(line.monthly_minor for line in situation.owned.values() if _recurs(line.product))
    except ConfigurationRefused as error:
        problems, code = told(error.notices, judge(situation, wanted).wanted), error.code
    return Column(
        product=plan,
        highlights=highlights_of(plan),
        is_current=situation.plan is not None and situation.plan.product.pk == plan.pk,
        due_now_minor=due,
        monthly_minor=monthly,
        problems=problems,
        configure_url=f"{reverse('commerce:configure')}?{urlencode(named)}",
        ask_url=f"{reverse('commerce:ask-quote')}?{urlencode({'reason': code, **named})}",
    )


def _recurs(product: Product) -> bool:
    return product.kind != ProductKind.SERVICE
