"""What to recommend to an account today, and what became of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Account, Entitlements
from commerce.amounts import unit_price as unit_price_text
from commerce.contracts import ContractOverview
from commerce.models import BillingRule, Contract, Product, ProductGrant, ProductKind, SubscriptionDelta
from commerce.pricing.explanation import UnitPrice
from recommendations import offers
from recommendations.models import Offer
from tracking.actor import Actor
from tracking.models import EventName, Meter
from tracking.services import buffer_page_view, record, usage_to_date


class OfferUnknown(Exception):
    """There is no such product on sale."""


@dataclass(frozen=True)
class Recommendation:
    """A product worth offering to one account, in words.

    `price_text` is the list price of the account's tier: show it to people who may see prices only.
    """

    product: Product
    headline: str
    reason: str
    quantity: int  # How many the account would have in all.
    quantity_text: str  # "60 seats"; empty for a single add-on.
    price_text: str
    configure_url: str
    meter: str  # What the reason is about; empty for a feature.


def recommend(
    *,
    account: Account,
    today: date,
    usage: Mapping[Meter, Decimal],
    entitlements: Entitlements,
    contract: ContractOverview | None = None,
    limit: int = 1,
) -> list[Recommendation]:
    """The best offers for an account, best first; three queries. None without a running contract to change.

    A page that has read the contract already passes it, and saves one of the queries.
    """
    owned = _owned(account, today) if contract is None else _owned_by(contract)
    if not owned:
        return []
    rows = list(
        Offer.objects.active(today)
        .priced_for(account, today)
        .select_related("product")
        .prefetch_related(Prefetch("product__grants", ProductGrant.objects.order_by("code")))
    )
    situation = offers.Situation(
        industry=account.industry,
        industry_name=account.get_industry_display().lower() if account.industry else "",
        stage=account.lifecycle_stage,
        owned={line.code: line.quantity for line in owned},
        plan_rank=max((line.rank for line in owned if line.kind == ProductKind.PLAN), default=None),
        features=entitlements.features,
        used={str(meter): quantity for meter, quantity in usage.items()},
        limits=entitlements.limits,
    )
    sellable = {row.product.code: (row.product, row.unit_price) for row in rows if row.unit_price is not None}
    ranked = offers.rank((_rule(row) for row in rows if row.product.code in sellable), situation)
    return [_recommendation(account, *sellable[offer.product_code], offer) for offer in ranked[:limit]]


def note_shown(
    *, recommendations: Iterable[Recommendation], actor: Actor, now: datetime, session_key: str = ""
) -> None:
    """Note in the event stream which offers somebody saw."""
    for one in recommendations:
        buffer_page_view(
            name=EventName.OFFER_SHOWN,
            actor=actor,
            now=now,
            object_type="product",
            object_id=one.product.code,
            session_key=session_key,
            properties={"meter": one.meter},
        )


def follow_offer(*, account: Account, code: str, actor: Actor, now: datetime) -> str:
    """Record that somebody followed the offer of a product; the address of the configurator as it proposes.

    An offer that no longer fits leads to the configurator as the account stands. Raises `OfferUnknown`.
    """
    today = now.astimezone(ZoneInfo(account.time_zone)).date()
    if not Product.objects.on_sale(today).filter(code=code).exists():
        raise OfferUnknown(code)
    usage = usage_to_date(account_id=account.pk, today=today)
    entitlements = Entitlements.of(account, today=today)
    fitting = recommend(account=account, today=today, usage=usage, entitlements=entitlements, limit=1000)
    followed = next((one for one in fitting if one.product.code == code), None)
    record(
        name=EventName.OFFER_CLICKED,
        actor=actor,
        now=now,
        object_type="product",
        object_id=code,
        properties={"meter": followed.meter, "quantity": followed.quantity} if followed else {},
    )
    return followed.configure_url if followed else reverse("commerce:configure")


@dataclass(frozen=True)
class _Owned:
    code: str
    kind: str
    rank: int
    quantity: int


def _owned_by(contract: ContractOverview) -> list[_Owned]:
    return [
        _Owned(line.product.code, line.product.kind, line.product.rank, int(line.quantity)) for line in contract.lines
    ]


def _owned(account: Account, today: date) -> list[_Owned]:
    """What the account's running contracts sum up to. One query."""
    rows = (
        SubscriptionDelta.objects.for_account(account)
        .filter(
            subscription__contract__in=Contract.objects.for_account(account).current(today),
            effective_date__lte=today,
        )
        .values("subscription__product__code", "subscription__product__kind", "subscription__product__rank")
        .annotate(total=Sum("quantity"))
        .filter(total__gt=0)
        .values_list(
            "subscription__product__code", "subscription__product__kind", "subscription__product__rank", "total"
        )
    )
    return [_Owned(code, kind, rank, int(total)) for code, kind, rank, total in rows]


def _rule(row: Offer) -> offers.Rule:
    product = row.product
    grants = list(product.grants.all())
    return offers.Rule(
        product=offers.ProductFacts(
            code=product.code,
            kind=offers.ProductKind(product.kind),
            rank=product.rank,
            features=frozenset(grant.code for grant in grants if grant.quantity is None),
            amounts={grant.code: grant.quantity for grant in grants if grant.quantity},
            max_quantity=product.max_quantity,
        ),
        headline=row.headline,
        reason=row.reason,
        meter=row.meter,
        threshold_percent=row.threshold_percent,
        industries=frozenset(row.industries),
        stages=frozenset(row.stages),
        weight=row.weight,
    )


def _recommendation(account: Account, product: Product, unit_price: Decimal, offer: offers.Offer) -> Recommendation:
    is_plan = product.kind == ProductKind.PLAN
    wish = {"plan": product.code, "seats": offer.quantity} if is_plan else {product.code: offer.quantity}
    return Recommendation(
        product=product,
        headline=offer.headline,
        reason=offer.reason,
        quantity=offer.quantity,
        quantity_text=_("Fits %(seats)s seats") % {"seats": f"{offer.quantity:,}"} if is_plan else "",
        price_text=_price_text(product, UnitPrice(unit_price, account.currency)),
        configure_url=f"{reverse('commerce:configure')}?{urlencode(wish | {'source': 'recommendation'})}",
        meter=offer.meter,
    )


def _price_text(product: Product, price: UnitPrice) -> str:
    """€11.40 per seat and month; €1,500.00, once."""
    if product.billing == BillingRule.ONCE:
        return _("%(price)s, once") % {"price": unit_price_text(price)}
    return _("%(price)s per %(unit)s and month") % {"price": unit_price_text(price), "unit": product.unit_label}
