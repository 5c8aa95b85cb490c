"""What the portal did for one deal: which touches count, and what share of the amount it gets.

Pure: no ORM, no clock, no settings. The project's own definition, after Salesforce's customizable campaign influence;
docs/attribution.md has it in prose. Money is shared in minor units, exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from types import MappingProxyType

from commerce.pricing.money import allocate

from .attribution import (
    HALF_LIFE_DAYS,
    POSITION_WEIGHTS,
    NamedChoice,
    NegativeCount,
    UnknownModel,
    checked_half_life,
    checked_weights,
    linear_shares,
    position_shares,
    time_decay_shares,
)

# What counts as a touch, and how much beside others. A sign-in alone and API calls in the background are missing on
# purpose: they would make almost every deal influenced.
TOUCH_WEIGHTS: Mapping[str, int] = MappingProxyType(
    {
        "quote_created": 5,
        "configurator": 4,
        "renewal_page": 4,
        "quote_viewed": 3,
        "pricing_page": 3,
        "offer_click": 3,
        "contract_page": 2,
        "usage_dashboard": 2,
        "document_download": 2,
        "feature_page": 2,
        "kb_article": 1,
        "case_created": 1,
    }
)
# Recorded activities of the vendor's people outside of the portal, the only thing the portal competes with.
OTHER_TOUCH_WEIGHT = 1

LOOKBACK_CHOICES = (30, 60, 90, 180)


class DealType(NamedChoice):
    EXPANSION = "expansion"
    CROSS_SELL = "cross_sell"
    RENEWAL = "renewal"
    NEW_LOGO = "new_logo"


class CreditModel(NamedChoice):
    """How a deal's amount is shared among its touches. `any_touch` gives all of it to a portal that took part."""

    ANY_TOUCH = "any_touch"
    FIRST = "first"
    LAST = "last"
    LINEAR = "linear"
    POSITION = "position"
    TIME_DECAY = "time_decay"
    WEIGHTED = "weighted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Touch:
    """Something a person did before a deal closed. `account_id` is the account of the session it happened in.

    `is_portal` is False for an activity recorded in the CRM. `is_staff` is True for the vendor's people, also when
    they act as a customer.
    """

    id: str
    kind: str
    occurred_at: datetime
    account_id: str
    is_portal: bool = True
    is_staff: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Deal:
    """A deal that was won. `account_ids` are the account, or its whole tree where that setting is on.

    `is_sourced` says that the order was placed in the portal, or that a portal alert created the opportunity.
    """

    id: str
    type: DealType
    closed_at: datetime
    amount_minor: int
    account_ids: frozenset[str]
    first_login_at: datetime | None
    is_sourced: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class InfluenceRule:
    """The definition in force: how far back, what counts, which deals, and how credit is shared."""

    lookback_days: int = 90
    weights: Mapping[str, int] = field(default_factory=lambda: TOUCH_WEIGHTS)
    deal_types: frozenset[DealType] = frozenset({DealType.EXPANSION, DealType.CROSS_SELL, DealType.RENEWAL})
    model: CreditModel = CreditModel.LINEAR
    half_life_days: float = HALF_LIFE_DAYS
    position_weights: tuple[float, float, float] = POSITION_WEIGHTS

    def __post_init__(self) -> None:
        if self.lookback_days not in LOOKBACK_CHOICES:
            raise UnknownModel(f"a lookback of {self.lookback_days} days is not one of {LOOKBACK_CHOICES}")
        if any(weight <= 0 for weight in self.weights.values()):
            raise NegativeCount("a touch that counts has a weight above zero")
        checked_half_life(self.half_life_days)
        checked_weights(self.position_weights)


@dataclass(frozen=True, slots=True)
class CreditedTouch:
    """A touch of a deal and its share of the credit. The shares of a deal add up to 1."""

    touch: Touch
    share: float
    credit_minor: int


@dataclass(frozen=True, slots=True)
class DealInfluence:
    """What the portal did for a deal, as three nested amounts: sourced and attributed lie within influenced.

    `has_competition` is False when no activity outside of the portal is recorded; the page then says so.
    """

    deal: Deal
    credited: tuple[CreditedTouch, ...]
    influenced_minor: int
    sourced_minor: int
    attributed_minor: int
    has_competition: bool

    @property
    def is_influenced(self) -> bool:
        return any(credited.touch.is_portal for credited in self.credited)


def qualifying_touches(touches: Iterable[Touch], *, deal: Deal, rule: InfluenceRule) -> tuple[Touch, ...]:
    """The portal touches that count for a deal, in the order of time.

    By a person of the deal's account, of a kind that counts, within `[closed_at - lookback, closed_at)`, and after the
    account's first sign-in. Touches by the vendor's people never count.
    """
    if deal.type not in rule.deal_types or deal.first_login_at is None:
        return ()
    first_login_at = deal.first_login_at
    return _in_order(
        touch
        for touch in _within_lookback(touches, deal, rule)
        if touch.is_portal and not touch.is_staff and touch.kind in rule.weights and touch.occurred_at > first_login_at
    )


def competing_touches(touches: Iterable[Touch], *, deal: Deal, rule: InfluenceRule) -> tuple[Touch, ...]:
    """Recorded activities outside of the portal in the same window, in the order of time."""
    return _in_order(touch for touch in _within_lookback(touches, deal, rule) if not touch.is_portal)


def influence_of(deal: Deal, touches: Sequence[Touch], *, rule: InfluenceRule) -> DealInfluence:
    """Whether the portal took part in a deal, and with what share of its amount.

    Without a qualifying touch all three amounts are zero, also for a deal that is marked as sourced. Under `any_touch`
    the whole amount is attributed, shared equally among the portal's touches. Raises nothing.
    """
    portal = qualifying_touches(touches, deal=deal, rule=rule)
    others = competing_touches(touches, deal=deal, rule=rule)
    if not portal:
        return DealInfluence(deal, (), 0, 0, 0, bool(others))
    contenders = portal if rule.model is CreditModel.ANY_TOUCH else _in_order((*portal, *others))
    shares = _credit_shares(contenders, deal, rule)
    minors = allocate(deal.amount_minor, [Fraction(share) for share in shares])
    credited = tuple(
        CreditedTouch(touch, share, minor) for touch, share, minor in zip(contenders, shares, minors, strict=True)
    )
    return DealInfluence(
        deal=deal,
        credited=credited,
        influenced_minor=deal.amount_minor,
        sourced_minor=deal.amount_minor if deal.is_sourced else 0,
        attributed_minor=sum(each.credit_minor for each in credited if each.touch.is_portal),
        has_competition=bool(others),
    )


def influence_rate(*, influenced_minor: int, won_minor: int) -> float | None:
    """Influenced amount of all that was won in the same types of deals. None when nothing was won."""
    return influenced_minor / won_minor if won_minor else None


def renewal_and_expansion(*, prior_acv_minor: int, renewed_acv_minor: int) -> tuple[int, int]:
    """Split a renewed contract's annual value: up to the prior value it is renewal, the excess is expansion."""
    renewal = min(prior_acv_minor, renewed_acv_minor)
    return renewal, renewed_acv_minor - renewal


def _credit_shares(touches: Sequence[Touch], deal: Deal, rule: InfluenceRule) -> list[float]:
    match rule.model:
        case CreditModel.ANY_TOUCH | CreditModel.LINEAR:
            return linear_shares(len(touches))
        case CreditModel.FIRST:
            return [1.0, *[0.0] * (len(touches) - 1)]
        case CreditModel.LAST:
            return [*[0.0] * (len(touches) - 1), 1.0]
        case CreditModel.POSITION:
            return position_shares(len(touches), rule.position_weights)
        case CreditModel.TIME_DECAY:
            day = timedelta(days=1)
            return time_decay_shares(
                [(deal.closed_at - touch.occurred_at) / day for touch in touches], rule.half_life_days
            )
        case CreditModel.WEIGHTED:
            weights = [rule.weights[touch.kind] if touch.is_portal else OTHER_TOUCH_WEIGHT for touch in touches]
            return [weight / sum(weights) for weight in weights]


def _within_lookback(touches: Iterable[Touch], deal: Deal, rule: InfluenceRule) -> Iterable[Touch]:
    opens_at = deal.closed_at - timedelta(days=rule.lookback_days)
    return (
        touch
        for touch in touches
        if touch.account_id in deal.account_ids and opens_at <= touch.occurred_at < deal.closed_at
    )


def _in_order(touches: Iterable[Touch]) -> tuple[Touch, ...]:
    # The id settles touches of the same moment, so that first and last never depend on the order of a query.
    return tuple(sorted(touches, key=lambda touch: (touch.occurred_at, touch.id)))
