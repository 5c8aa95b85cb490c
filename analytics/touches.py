"""From rows to touches: which events count as which kind, and what happened around one deal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User
from analytics import influence
from analytics.influence import CreditModel, DealInfluence, InfluenceRule, Touch, influence_of
from commerce.models import Activity, Deal, DealSource, DealStage, DealType
from tracking.actor import ActorKind
from tracking.models import Event, EventName

# The one place that says which recorded event is which kind of touch; what is missing never qualifies. Weights stand in
# `analytics.influence.TOUCH_WEIGHTS`.
KINDS: Mapping[EventName, str] = MappingProxyType(
    {
        EventName.QUOTE_CREATED: "quote_created",
        EventName.QUOTE_VIEWED: "quote_viewed",
        EventName.CONFIGURATOR_USED: "configurator",
        EventName.PLANS_VIEWED: "pricing_page",
        EventName.OFFER_CLICKED: "offer_click",
        EventName.CONTRACT_VIEWED: "contract_page",
        EventName.USAGE_VIEWED: "usage_dashboard",
        EventName.DOCUMENT_DOWNLOADED: "document_download",
        EventName.ARTICLE_VIEWED: "kb_article",
        EventName.CASE_CREATED: "case_created",
    }
)
DEAL_TYPES: Mapping[DealType, influence.DealType] = MappingProxyType(
    {
        DealType.NEW: influence.DealType.NEW_LOGO,
        DealType.EXPANSION: influence.DealType.EXPANSION,
        DealType.CROSS_SELL: influence.DealType.CROSS_SELL,
        DealType.RENEWAL: influence.DealType.RENEWAL,
    }
)
SOURCED = (DealSource.PORTAL, DealSource.ALERT)
RULE = InfluenceRule()

# What a deal's page shows around the window, so that a reader sees where it begins and ends.
SHOWN_BEFORE = timedelta(days=7)
SHOWN_AFTER = timedelta(days=1)


def qualifying_events(rule: InfluenceRule = RULE) -> list[EventName]:
    """The events whose kind counts under the rule."""
    return [name for name, kind in KINDS.items() if kind in rule.weights]


def counted_types(rule: InfluenceRule = RULE) -> list[DealType]:
    """The types of deals that the rule looks at."""
    return [type_ for type_, meant in DEAL_TYPES.items() if meant in rule.deal_types]


class Verdict(StrEnum):
    """Whether something that happened counts for a deal, and if not, why."""

    COUNTS = "counts"
    COMPETES = "competes"
    DEAL_NOT_COUNTED = "deal_not_counted"
    NOT_A_CUSTOMER = "not_a_customer"
    KIND = "kind"
    TOO_LATE = "too_late"
    TOO_EARLY = "too_early"
    BEFORE_FIRST_LOGIN = "before_first_login"

    def words(self, rule: InfluenceRule) -> str:
        return {
            Verdict.COUNTS: _("Counts"),
            Verdict.COMPETES: _("Outside of the portal"),
            Verdict.DEAL_NOT_COUNTED: _("This type of deal does not count"),
            Verdict.NOT_A_CUSTOMER: _("Not by the customer"),
            Verdict.KIND: _("Such an event never counts"),
            Verdict.TOO_LATE: _("Not before the deal was closed"),
            Verdict.TOO_EARLY: _("More than %(days)s days before") % {"days": rule.lookback_days},
            Verdict.BEFORE_FIRST_LOGIN: _("Before the first sign-in to the portal"),
        }[self]


@dataclass(frozen=True)
class Happening:
    """Something that happened around a deal, as a reader of its page sees it."""

    occurred_at: datetime
    label: str
    detail: str
    user_name: str
    verdict: Verdict
    verdict_text: str
    weight: int | None  # Where it counts or competes.
    credit_minor: int | None

    @property
    def has_part(self) -> bool:
        return self.verdict in (Verdict.COUNTS, Verdict.COMPETES)


@dataclass(frozen=True)
class ModelCredit:
    """What one credit model gives the portal for a deal."""

    model: CreditModel
    label: str
    attributed_minor: int


@dataclass(frozen=True)
class DealStory:
    """One deal with everything around it, in the order of time."""

    deal: Deal
    closed_at: datetime
    influence: DealInfluence
    happenings: tuple[Happening, ...]
    models: tuple[ModelCredit, ...]


def story_of(deal: Deal, *, model: CreditModel) -> DealStory:
    """What led to a deal that was won, with its credit by `model` and by every other. Three queries."""
    closed_at = deal.closed_at
    if closed_at is None or deal.stage != DealStage.WON:
        raise ValueError(f"{deal} has not been won")
    from_, until = closed_at - timedelta(days=RULE.lookback_days) - SHOWN_BEFORE, closed_at + SHOWN_AFTER
    events = list(Event.objects.for_account(deal.account_id).between(from_, until).order_by("occurred_at", "pk"))
    activities = list(
        Activity.objects.for_account(deal.account)
        .filter(occurred_at__gte=from_, occurred_at__lt=until)
        .order_by("occurred_at", "pk")
    )
    names = dict(
        User.objects.filter(pk__in={event.user_id for event in events if event.user_id}).values_list("pk", "name")
    )
    captions = {f"e{event.pk}": caption_of(event, names) for event in events}
    captions |= {f"a{activity.pk}": Caption(activity.kind.capitalize(), activity.subject) for activity in activities}
    touches = sorted(
        [*map(_event_touch, events), *map(_activity_touch, activities)],
        key=lambda touch: (touch.occurred_at, touch.id),
    )
    fact = _fact(deal, closed_at)
    rule = InfluenceRule(model=model)
    result = influence_of(fact, touches, rule=rule)
    credit = {each.touch.id: each.credit_minor for each in result.credited}
    return DealStory(
        deal=deal,
        closed_at=closed_at,
        influence=result,
        happenings=tuple(
            _happening(touch, captions[touch.id], _verdict(fact, touch, rule), rule, credit.get(touch.id))
            for touch in touches
        ),
        models=_by_model(fact, touches),
    )


@dataclass(frozen=True)
class Caption:
    """A touch in words: what was done, to what, by whom."""

    label: str
    detail: str
    user_name: str = ""


def caption_of(event: Event, names: Mapping[int, str]) -> Caption:
    """An event as a line of a page; `names` are those of people by their ids."""
    number = event.properties.get("number") or event.object_id
    return Caption(
        label=str(event.get_name_display()),
        detail="" if _is_uuid(number) else number,  # A name for machines says nothing to a reader.
        user_name=names.get(event.user_id or 0, ""),
    )


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _by_model(fact: influence.Deal, touches: Sequence[Touch]) -> tuple[ModelCredit, ...]:
    return tuple(
        ModelCredit(
            model, model_label(model), influence_of(fact, touches, rule=InfluenceRule(model=model)).attributed_minor
        )
        for model in CreditModel
    )


def model_label(model: CreditModel) -> str:
    """The name of a credit model for people."""
    return {
        CreditModel.ANY_TOUCH: _("Any touch"),
        CreditModel.FIRST: _("First touch"),
        CreditModel.LAST: _("Last touch"),
        CreditModel.LINEAR: _("Linear"),
        CreditModel.POSITION: _("Position (40/20/40)"),
        CreditModel.TIME_DECAY: _("Time decay"),
        CreditModel.WEIGHTED: _("Weighted"),
    }[model]


def _fact(deal: Deal, closed_at: datetime) -> influence.Deal:
    return influence.Deal(
        id=str(deal.pk),
        type=DEAL_TYPES[DealType(deal.type)],
        closed_at=closed_at,
        amount_minor=deal.amount_minor,
        account_ids=frozenset({str(deal.account_id)}),
        first_login_at=deal.account.first_login_at,
        is_sourced=deal.source in SOURCED,
    )


def _event_touch(event: Event) -> Touch:
    return Touch(
        id=f"e{event.pk}",
        kind=KINDS.get(EventName(event.name), event.name) if event.name in EventName.values else event.name,
        occurred_at=event.occurred_at,
        account_id=str(event.account_id),
        # Staff, view-as sessions, jobs and the CRM alike: nobody of the customer's did it.
        is_staff=event.actor_kind != ActorKind.CUSTOMER or event.on_behalf_of is not None,
    )


def _activity_touch(activity: Activity) -> Touch:
    return Touch(
        id=f"a{activity.pk}",
        kind=activity.kind,
        occurred_at=activity.occurred_at,
        account_id=str(activity.account_id),
        is_portal=False,
    )


def _happening(
    touch: Touch, caption: Caption, verdict: Verdict, rule: InfluenceRule, credit_minor: int | None
) -> Happening:
    weight = rule.weights[touch.kind] if verdict is Verdict.COUNTS else None
    return Happening(
        occurred_at=touch.occurred_at,
        label=caption.label,
        detail=caption.detail,
        user_name=caption.user_name,
        verdict=verdict,
        verdict_text=verdict.words(rule),
        weight=influence.OTHER_TOUCH_WEIGHT if verdict is Verdict.COMPETES else weight,
        credit_minor=credit_minor,
    )


def _verdict(fact: influence.Deal, touch: Touch, rule: InfluenceRule) -> Verdict:
    """Why a touch counts or not; agrees with `analytics.influence`, which decides."""
    if touch.occurred_at >= fact.closed_at:
        return Verdict.TOO_LATE
    if touch.occurred_at < fact.closed_at - timedelta(days=rule.lookback_days):
        return Verdict.TOO_EARLY
    if fact.type not in rule.deal_types:
        return Verdict.DEAL_NOT_COUNTED
    if not touch.is_portal:
        return Verdict.COMPETES
    if touch.is_staff:
        return Verdict.NOT_A_CUSTOMER
    if touch.kind not in rule.weights:
        return Verdict.KIND
    if fact.first_login_at is None or touch.occurred_at <= fact.first_login_at:
        return Verdict.BEFORE_FIRST_LOGIN
    return Verdict.COUNTS
