"""The deal desk: which rules of the vendor's a quote has to pass before it may be offered, and whom they ask.

Runs with the owner's rights, as rules, floor prices and requests are the vendor's own. What becomes of a request is in
`commerce.deal_decisions`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.notifications import notify
from accounts.permissions import StaffGroup
from commerce import amounts
from commerce.catalogue.conditions import Condition, FactValue, Operator, holds
from commerce.catalogue.taxes import rate_inside
from commerce.models import (
    ApprovalRule,
    ApprovalStep,
    DealType,
    Delegation,
    DeltaKind,
    ProductCost,
    Quote,
    QuoteApproval,
    QuoteApprovalStatus,
    QuoteLine,
)
from commerce.models.deal_desk import named
from commerce.pricing.money import Money
from commerce.pricing.proration import Period, duration_of
from commerce.quotes import manual_prices
from commerce.quotes.limits import self_service_limit
from commerce.quotes.manual_prices import ManualPrices

YES, NO = "yes", "no"
# Who decides where nobody is left whom a rule asks.
LAST_RESORT = (StaffGroup.REVENUE_MANAGER, StaffGroup.EXECUTIVE, StaffGroup.FINANCE)

LABELS: dict[str, str | Promise] = {
    "max_discount_percent": gettext_lazy("highest discount of a line in percent"),
    "min_discount_percent": gettext_lazy("lowest discount of a line in percent"),
    "average_discount_percent": gettext_lazy("average discount of the lines in percent"),
    "sum_discount_percent": gettext_lazy("sum of the lines' discounts in percent"),
    "lines_below_floor": gettext_lazy("number of lines below their floor price"),
    "floor_margin_percent": gettext_lazy("smallest distance from a floor price in percent of it"),
    "total": gettext_lazy("amount due now with tax"),
    "commitment": gettext_lazy("amount until the contract ends with tax"),
    "monthly_after": gettext_lazy("amount each month afterwards"),
    "over_self_service_limit": gettext_lazy("amount above what the customer orders without us"),
    "term_months": gettext_lazy("term in months"),
    "payment_days": gettext_lazy("number of days to pay"),
    "has_special_terms": gettext_lazy("special terms"),
    "is_new_business": gettext_lazy("new business"),
    "origin": gettext_lazy("made by"),
    "tier": gettext_lazy("tier of the customer"),
    "country": gettext_lazy("country of the customer"),
    "currency": gettext_lazy("currency"),
    "products": gettext_lazy("products of the quote"),
    "quantity:": gettext_lazy("quantity of %(code)s"),
    "discount:": gettext_lazy("discount on %(code)s in percent"),
}


class NoApprover(Exception):
    """Nobody but who submitted the quote could approve it; the message says which approval is missing."""


@dataclass(frozen=True)
class FiredRule:
    """A rule whose conditions all hold for a quote, and the figures that made them."""

    rule: ApprovalRule
    conditions: Sequence[Condition]
    facts: dict[str, FactValue]

    def as_json(self) -> dict[str, Any]:
        """As a request keeps it: what the rule says may change while it waits."""
        return {
            "rule": self.rule.name,
            "conditions": [
                condition.as_json() | {"found": as_text(self.facts.get(condition.fact, ""))}
                for condition in self.conditions
            ],
        }

    @property
    def words(self) -> str:
        return why(self.as_json())


# What there is to know about a quote


def facts_of(quote: Quote) -> dict[str, FactValue]:
    """Everything a rule may ask of the quote as it stands. Four queries.

    A discount is what our people took off by hand: the volume discounts of a price book are nobody's to approve. The
    floor counts for what our people sell; the portal sells by the book. The self-service limit is the portal's alone.
    """
    lines = [line for line in quote.lines.select_related("product") if line.change != DeltaKind.SWAP_OUT]
    by_hand = manual_prices.from_json(quote.manual_prices)
    discounts = {line.product.code: discount_percent(by_hand, line) for line in lines}
    given = list(discounts.values()) or [Decimal(0)]
    margins = _floor_margins(quote, lines) if quote.is_by_staff else []
    contract = quote.contract
    commitment_minor = quote.commitment_minor()
    limit_minor = None if quote.is_by_staff else self_service_limit(quote.account, quote.currency)
    facts: dict[str, FactValue] = {
        "max_discount_percent": max(given),
        "min_discount_percent": min(given),
        "average_discount_percent": sum(given, Decimal(0)) / len(given),
        "sum_discount_percent": sum(given, Decimal(0)),
        "lines_below_floor": sum(margin < 0 for margin in margins),
        "total": _in_units(quote.total_minor, quote),
        "commitment": _in_units(commitment_minor, quote),
        "monthly_after": _in_units(quote.recurring_after_minor, quote),
        "term_months": quote.term_months or duration_of(Period(contract.start_date, contract.end_date)).months,
        "payment_days": quote.payment_days,
        "has_special_terms": YES if quote.special_terms.strip() else NO,
        "is_new_business": YES if quote.deal.type == DealType.NEW else NO,
        "origin": str(quote.origin),
        "tier": quote.account.tier.code if quote.account.tier else "",
        "country": quote.account.billing_country,
        "currency": quote.currency,
        "products": frozenset(discounts),
    }
    if limit_minor is not None:
        facts["over_self_service_limit"] = _in_units(max(commitment_minor - limit_minor, 0), quote)
    if margins:
        facts["floor_margin_percent"] = min(margins)
    facts |= {f"discount:{code}": percent for code, percent in discounts.items()}
    return facts | {f"quantity:{line.product.code}": line.quantity for line in lines}


def discount_percent(by_hand: ManualPrices, line: QuoteLine) -> Decimal:
    """What our people took off a line's price by hand: the discount exactly as entered, after a special price.

    A special price counts as the discount from the list price that it is; one above the list gives nothing away.
    """
    manual = by_hand.get(line.product.code)
    if manual is None:
        return Decimal(0)
    given = manual.discount_percent or Decimal(0)
    if manual.special_price is None:
        return given
    first = {name: Decimal(value) for name, value in reversed(line.steps)}  # A price rule runs the steps twice.
    listed = first.get("list_price", Decimal(0))
    share = first["base_price"] / listed if listed else Decimal(1)
    return max(100 - share * (100 - given), Decimal(0))


def _floor_margins(quote: Quote, lines: Iterable[QuoteLine]) -> list[Decimal]:
    """How far each line is above its floor price, in percent of it; below zero is under it."""
    floors = Floors.of(quote, lines)
    found = ((floors.before_tax(line), floors.prices.get(line.product_id)) for line in lines)
    return [(net - floor) / floor * 100 for net, floor in found if floor]


@dataclass(frozen=True)
class Floors:
    """The floor price of each product of a quote, before tax, and what the quote's prices have in them of it."""

    prices: Mapping[int, Decimal]
    rate_inside: Decimal

    @classmethod
    def of(cls, quote: Quote, lines: Iterable[QuoteLine]) -> "Floors":
        """Two queries."""
        costs = ProductCost.objects.on(quote.price_date).filter(
            currency=quote.currency, floor_price__isnull=False, product__in=[line.product_id for line in lines]
        )
        rows = costs.order_by("valid_from", "pk").values_list("product", "floor_price")
        prices = {product: floor for product, floor in rows if floor is not None}
        return cls(prices, rate_inside(quote.account, quote.price_date))

    def before_tax(self, line: QuoteLine) -> Decimal:
        return line.unit_price / (1 + self.rate_inside)

    def is_below(self, line: QuoteLine) -> bool:
        floor = self.prices.get(line.product_id)
        return floor is not None and line.quantity > 0 and self.before_tax(line) < floor


def _in_units(minor: int, quote: Quote) -> Decimal:
    return Money(minor, quote.currency).amount


# Which rules fire


def fired_rules(quote: Quote) -> list[FiredRule]:
    """The active rules that want somebody's approval of this quote, by name."""
    return _fired(facts_of(quote), _active_rules())


def _active_rules() -> list[tuple[ApprovalRule, Sequence[Condition]]]:
    """With their conditions; a rule without any is no rule."""
    rules = ApprovalRule.objects.active().prefetch_related("steps__approver", "steps__escalate_to")
    parsed = ((rule, rule.parsed_conditions()) for rule in rules)
    return [(rule, conditions) for rule, conditions in parsed if conditions]


def _fired(facts: dict[str, FactValue], rules: Iterable[tuple[ApprovalRule, Sequence[Condition]]]) -> list[FiredRule]:
    return [FiredRule(rule, conditions, facts) for rule, conditions in rules if holds(conditions, facts)]


# Asking


@dataclass
class _Request:
    """What one group or person is to be asked, by however many rules."""

    step: ApprovalStep
    reasons: list[dict[str, Any]] = field(default_factory=list)

    @property
    def whom(self) -> tuple[str, int | None]:
        return self.step.group, self.step.approver_id


def ask(*, quote: Quote, now: datetime) -> bool:
    """Ask for every approval that the quote needs; whether any is waited for.

    An approval of the version before is kept where nothing that any rule asks has changed. Raises `NoApprover`; then
    nothing has changed. Runs in the transaction that submits the quote.
    """
    rules = _active_rules()
    facts = facts_of(quote)
    fired = _fired(facts, rules)
    if not fired:
        return False
    asked = {condition.fact for _rule, conditions in rules for condition in conditions}
    used = {fact: as_text(facts[fact]) for fact in sorted(asked) if fact in facts}
    kept = _kept_approvals(quote, asked, used)
    requests = _requests(fired)
    for request in requests:
        if request.whom not in kept:
            _check_somebody_decides(quote, request.step)
    for request in requests:
        _create(quote, request, facts=used, kept=kept.get(request.whom), now=now)
    return tell_next(quote=quote, now=now)


def _requests(fired: Iterable[FiredRule]) -> list[_Request]:
    """One for each group or person: who is asked by several rules is asked once, in the last of their positions."""
    found: dict[tuple[str, int | None], _Request] = {}
    for one in fired:
        for step in one.rule.steps.all():
            request = found.setdefault((step.group, step.approver_id), _Request(step))
            if step.position > request.step.position:
                request.step = step
            reason = one.as_json()
            if reason not in request.reasons:
                request.reasons.append(reason)
    return sorted(found.values(), key=lambda request: request.step.position)


def _kept_approvals(quote: Quote, asked: set[str], used: dict[str, str]) -> dict[tuple[str, int | None], QuoteApproval]:
    """Who approved the version before, where nothing that a rule asks is different now: they need not be asked again.

    A decision of whoever makes or submits this version does not count for it.
    """
    before = Quote.objects.versions_of(quote).filter(version__lt=quote.version).last()
    if before is None:
        return {}
    rows = QuoteApproval.objects.for_account(quote.account).filter(quote=before, status=QuoteApprovalStatus.APPROVED)
    return {
        (row.group, row.approver_id): row
        for row in rows.select_related("decided_by", "on_behalf_of")
        if all(row.facts.get(fact, "") == used.get(fact, "") for fact in asked)
        and row.decided_by_id not in _makers(quote)
    }


def _create(
    quote: Quote, request: _Request, *, facts: dict[str, str], kept: QuoteApproval | None, now: datetime
) -> None:
    step = request.step
    approval = QuoteApproval(
        account=quote.account,
        quote=quote,
        price_hash=quote.price_hash,
        position=step.position,
        group=step.group,
        approver=step.approver,
        reasons=request.reasons,
        facts=facts,
        asked_at=now,
        escalate_after_days=step.escalate_after_days,
        escalate_to_group=step.escalate_to_group,
        escalate_to=step.escalate_to,
    )
    if kept is not None:
        approval.kept_from = kept
        approval.status = QuoteApprovalStatus.APPROVED
        approval.decided_by, approval.on_behalf_of = kept.decided_by, kept.on_behalf_of
        approval.decided_at, approval.note = now, kept.note
    approval.save()


def tell_next(*, quote: Quote, now: datetime) -> bool:
    """Tell those whose turn it is: everybody of the first position that waits. Whether anybody is waited for."""
    rows = QuoteApproval.objects.for_account(quote.account).waiting().filter(quote=quote)
    waiting = list(rows.select_related("approver", "escalate_to").order_by("position", "pk"))
    for approval in waiting:
        if approval.position == waiting[0].position and approval.told_at is None:
            approval.tell(now)
            tell(approval, quote, deciders_of(approval, quote, today=now.date()))
    return bool(waiting)


def tell(approval: QuoteApproval, quote: Quote, people: Iterable[User]) -> None:
    """Each gets a mail with the reasons; the figures are behind the sign-in."""
    context = {"approval": approval, "quote": quote, "customer": quote.account, "reasons": reasons_of(approval)}
    notify(kind="deal_desk_asks", to=people, account=None, context=context)


# Who decides


def deciders_of(approval: QuoteApproval, quote: Quote, *, today: date) -> list[User]:
    """Who may decide about it on this day, stand-ins too, in alphabetical order; never whose quote it is."""
    people = set(_asked(approval).exclude(pk__in=_makers(quote)).values_list("pk", flat=True))
    standing_in = Delegation.objects.running(today).filter(absentee__in=people).values_list("stand_in", flat=True)
    return list(_staff().filter(pk__in=people | set(standing_in)).exclude(pk__in=_makers(quote)).order_by("name", "pk"))


def put_before_last_resort(approval: QuoteApproval, quote: Quote, *, today: date) -> list[User]:
    """Whom the rule asks has left, and the next ones too: the first of these groups that has somebody decides."""
    for group in LAST_RESORT:
        approval.escalate_to_group, approval.escalate_to = group, None
        if people := deciders_of(approval, quote, today=today):
            return people
    return []


def on_whose_behalf(approval: QuoteApproval, user: User, *, today: date) -> User | None:
    """As whom somebody may decide: as themselves, or as the one they stand in for; None: not at all."""
    makers = _makers(approval.quote)
    if user.pk in makers or not (user.is_active and user.is_staff):
        return None
    asked = _asked(approval).exclude(pk__in=makers)
    if asked.filter(pk=user.pk).exists():
        return user
    away = Delegation.objects.running(today).filter(stand_in=user).values("absentee")
    return asked.filter(pk__in=away).order_by("name", "pk").first()


def asked_of(user: User, *, today: date) -> Q:
    """Which requests somebody may decide about, as a filter: theirs, and those of whom they stand in for."""
    absentees = Delegation.objects.running(today).filter(stand_in=user, absentee__is_active=True).values("absentee")
    people = list(User.objects.filter(Q(pk=user.pk) | Q(pk__in=absentees)).values_list("pk", flat=True))
    groups = list(Group.objects.filter(user__in=people).values_list("name", flat=True))
    first = Q(approver__in=people) | Q(group__in=groups)
    later = Q(escalated_at__isnull=False) & (Q(escalate_to__in=people) | Q(escalate_to_group__in=groups))
    not_their_own = Q(quote__submitted_by__isnull=True) | ~Q(quote__submitted_by=user)
    return (first | later) & not_their_own & ~Q(quote__created_by=user)


def _makers(quote: Quote) -> set[int]:
    """Whose quote it is: they never decide about it."""
    return {pk for pk in (quote.submitted_by_id, quote.created_by_id) if pk is not None}


def _staff() -> QuerySet[User]:
    return User.objects.filter(is_staff=True, is_active=True)


def _asked(approval: QuoteApproval) -> QuerySet[User]:
    """The group's people or the person; once it has escalated, the next ones besides."""
    wanted = _among(approval.group, approval.approver_id)
    if approval.escalated_at is not None:
        wanted |= _among(approval.escalate_to_group, approval.escalate_to_id)
    return _staff().filter(pk__in=User.objects.filter(wanted).values("pk"))


def _among(group: str, person_id: int | None) -> Q:
    return Q(groups__name=group) if group else Q(pk=person_id)


def _check_somebody_decides(quote: Quote, step: ApprovalStep) -> None:
    """Somebody whom it is put before only later will do, too: the request waits for them. Raises `NoApprover`."""
    wanted = _among(step.group, step.approver_id) | _among(step.escalate_to_group, step.escalate_to_id)
    if _staff().filter(wanted).exclude(pk__in=_makers(quote)).exists():
        return
    if not quote.is_by_staff:
        raise NoApprover(_("We cannot check this quote at the moment. Talk to us, we will help."))
    raise NoApprover(
        _("Nobody but you could approve this quote for %(whom)s. Ask an administrator to name a second person.")
        % {"whom": named(step.group, step.approver)}
    )


# In words


def as_text(value: FactValue) -> str:
    """A fact as it is kept and compared: 10.0 and 10 are the same."""
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def reasons_of(approval: QuoteApproval) -> list[str]:
    """Why it is asked: each rule in words and figures, in the reader's language."""
    return [why(reason) for reason in approval.reasons]


def why(reason: dict[str, Any]) -> str:
    """As in "Discount above 10 %: highest discount of a line in percent is above 10 (here: 12.5)"."""
    return f"{reason['rule']}: {'; '.join(_clauses(reason['conditions']))}"


def why_of(rule: ApprovalRule) -> str:
    """What a rule asks, before any quote: "highest discount of a line in percent is above 10"."""
    return "; ".join(_clause(stored) for stored in rule.conditions)


def _clause(stored: dict[str, Any]) -> str:
    values = stored["value"] if isinstance(stored["value"], list) else [stored["value"]]
    return _("%(fact)s %(operator)s %(value)s") % {
        "fact": label_of(stored["fact"]),
        "operator": Operator(stored["operator"]).label,
        "value": ", ".join(_shown(value) for value in values),
    }


def _clauses(conditions: Iterable[dict[str, Any]]) -> Iterator[str]:
    for stored in conditions:
        if stored["operator"] == Operator.IS:  # What was found is what it says.
            yield _clause(stored)
            continue
        found = _shown(stored["found"]) if stored["found"] else _("none")
        yield _("%(condition)s (here: %(found)s)") % {"condition": _clause(stored), "found": found}


def label_of(fact: str) -> str:
    prefix, colon, code = fact.partition(":")
    return str(LABELS[prefix + colon]) % {"code": code} if colon else str(LABELS.get(fact, fact))


def _shown(value: str) -> str:
    """A figure as people write it; other facts as the words they are."""
    words = {YES: _("yes"), NO: _("no"), "staff": _("our people"), "portal": _("the customer, in the portal")}
    try:
        return amounts.number(round(Decimal(value), 2))
    except ArithmeticError:
        return words.get(value, value)
