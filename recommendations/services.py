"""What to recommend to an account today, and what became of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.compiled import Compiled, Given
from accounts.models import Account, Entitlements
from commerce.catalogue.catalogue import Offered
from commerce.catalogue.price_words import price_words
from commerce.catalogue.pricebooks import FoundPrice, prices_for
from commerce.contracts.contracts import ContractOverview, overview
from commerce.models import Product, ProductKind
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

    `price_text` is the account's own price, as the plans' page says it: show it to people who may see prices only.
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
    """The best offers for an account, best first; four queries. None without a running contract to change.

    Nor of what is not sold to it. A page that has read the contract already passes it, and saves one of the queries.
    """
    contract = contract or overview(account, today)
    if contract is None or not contract.lines:
        return []
    prices = prices_for(account=account, today=today, contract=contract.contract)
    rows = [row for row in _active_offers(today=today) if row.product_id in prices]
    situation = offers.Situation(
        industry=account.industry,
        industry_name=account.get_industry_display().lower() if account.industry else "",
        stage=account.lifecycle_stage,
        owned={line.product.code: int(line.quantity) for line in contract.lines},
        plan_rank=contract.plan.product.rank if contract.plan else None,
        features=entitlements.features,
        used={str(meter): quantity for meter, quantity in usage.items()},
        limits=entitlements.limits,
    )
    products = {row.product.code: row.product for row in rows}
    ranked = offers.rank((_rule(row) for row in rows), situation)
    return [
        _recommendation(products[offer.product_code], prices, offer, currency=contract.contract.currency)
        for offer in ranked[:limit]
    ]


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
    today = account.local_date(now)
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


_active_offers = Compiled(lambda: Offer.objects.active(Given("today")).with_grants().select_related("product"))


def _rule(row: Offer) -> offers.Rule:
    product = row.product
    amounts = {grant["code"]: Decimal(grant["quantity"]) for grant in row.grants_read if grant["quantity"]}
    return offers.Rule(
        product=offers.ProductFacts(
            code=product.code,
            kind=offers.ProductKind(product.kind),
            rank=product.rank,
            features=frozenset(grant["code"] for grant in row.grants_read if grant["quantity"] is None),
            amounts={code: amount for code, amount in amounts.items() if amount},
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


def _recommendation(
    product: Product, prices: Mapping[int, FoundPrice], offer: offers.Offer, *, currency: str
) -> Recommendation:
    found = prices[product.pk]
    is_plan = product.kind == ProductKind.PLAN
    wish = {"plan": product.code, "seats": offer.quantity} if is_plan else {product.code: offer.quantity}
    return Recommendation(
        product=product,
        headline=offer.headline,
        reason=offer.reason,
        quantity=offer.quantity,
        quantity_text=_("Fits %(seats)s seats") % {"seats": f"{offer.quantity:,}"} if is_plan else "",
        price_text=price_words(Offered(product, found.row, found.listed), currency),
        configure_url=f"{reverse('commerce:configure')}?{urlencode(wish | {'source': 'recommendation'})}",
        meter=offer.meter,
    )
