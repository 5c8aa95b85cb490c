"""What a customer owns: a contract's ledger summed at a date, and the dates that matter to it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from django.db.models import Prefetch, QuerySet, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.compiled import Compiled, Given
from accounts.models import Account
from commerce import amounts
from commerce.catalogue import taxes
from commerce.models import (
    BillingRule,
    ChangeKind,
    Contract,
    ContractStatus,
    DeltaKind,
    PendingChange,
    PendingLine,
    Product,
    ProductKind,
    Renewal,
    RenewalState,
    SubscriptionDelta,
)
from commerce.pricing.money import stored, to_minor
from commerce.pricing.periods import full_period
from commerce.pricing.proration import Period
from commerce.pricing.tax import TaxTreatment, tax_line

SHOWN_AMENDMENTS = 3  # On the timeline; all of them stand in the history.
_PAST_ON_THEIR_DAY = ("signed", "start", "amendment", "renewal_step")


@dataclass(frozen=True)
class OwnedLine:
    """One product a customer owns on a day."""

    subscription_id: int
    product: Product
    quantity: Decimal
    # Per unit and month (a service: per unit), with tax where prices are; averaged where units were sold at several.
    unit_price: Decimal
    currency: str
    monthly_minor: int  # What it costs a month, before tax: the sum of its entries. A service costs once.
    rate_inside: Decimal = Decimal(0)  # Of the tax in the unit price: 0.19 is 19 %.

    @property
    def is_recurring(self) -> bool:
        """Whether it is paid again and again; a service is done once."""
        return self.product.billing != BillingRule.ONCE

    @property
    def net_unit_price(self) -> Decimal:
        """The unit price before tax, as all amounts of the line are."""
        return stored(Fraction(self.unit_price) / (1 + Fraction(self.rate_inside)))

    def monthly_for(self, quantity: Decimal) -> int:
        """What so many cost a month at this price, before tax, in minor units."""
        total = to_minor(quantity * self.unit_price, self.currency)
        return tax_line(total, rate_percent=self.rate_inside * 100, treatment=TaxTreatment.INCLUSIVE).net_minor

    @property
    def label(self) -> str:
        """Business, 60 seats; Storage pack × 2; Single sign-on."""
        return line_label(self.product, self.quantity)


@dataclass(frozen=True)
class Amendment:
    """What one order, or the signature, changed on a day."""

    effective_date: date
    deltas: tuple[SubscriptionDelta, ...]

    @property
    def order_number(self) -> str:
        order = self.deltas[0].order
        return order.number if order else ""

    @property
    def billing_date(self) -> date:
        """From when it is billed so."""
        return self.deltas[0].billing_date

    @property
    def monthly_minor(self) -> int:
        """Signed change of the monthly price, before tax."""
        return sum(delta.recurring_minor for delta in self.deltas)

    @property
    def label(self) -> str:
        """What changed, in words: "Team → Business, 60 seats"; "Team +10 seats"; "Audit log export added"."""
        first = self.deltas[0]
        whole = _WHOLE_CONTRACT.get(DeltaKind(first.kind))
        is_of_an_order = first.kind == DeltaKind.CANCEL and first.order_id is not None  # Bought for some months.
        if whole is not None and not is_of_an_order:
            return str(whole)
        out = [delta for delta in self.deltas if delta.kind == DeltaKind.SWAP_OUT]
        parts = []
        for delta in self.deltas:
            product = delta.subscription.product
            if delta.kind == DeltaKind.SWAP_IN and out:
                words = _("%(old)s → %(new)s") % {
                    "old": out[0].subscription.product.name,
                    "new": line_label(product, delta.quantity),
                }
            elif delta.kind == DeltaKind.SWAP_OUT:
                continue
            elif delta.kind == DeltaKind.NEW:
                words = _("%(line)s added") % {"line": line_label(product, delta.quantity)}
            elif delta.kind == DeltaKind.RENEWAL:
                words = _("%(line)s renewed") % {"line": line_label(product, delta.quantity)}
            else:
                words = _("%(product)s %(change)s") % {
                    "product": product.name,
                    "change": f"{'+' if delta.quantity > 0 else '−'}{amounts.number(abs(delta.quantity))}",
                }
            parts.append(words)
        return ", ".join(parts)


# Kinds of entries that concern all that a contract covers.
_WHOLE_CONTRACT = {
    DeltaKind.PAUSE: gettext_lazy("Paused"),
    DeltaKind.RESUME: gettext_lazy("Resumed"),
    DeltaKind.CANCEL: gettext_lazy("Ended"),
    DeltaKind.REACTIVATION: gettext_lazy("Taken up again"),
    DeltaKind.REVERSAL: gettext_lazy("Order taken back"),
}


@dataclass(frozen=True)
class TimelineStep:
    """One date of a contract. `state`: done, next (the one that matters now) or future."""

    kind: str  # signed, start, amendment, planned, notice, renewal_step, grace_end, renewal or end.
    label: str
    date: date
    state: str
    detail: str = ""


@dataclass(frozen=True)
class ContractOverview:
    """A contract on one day."""

    contract: Contract
    today: date
    lines: tuple[OwnedLine, ...]
    amendments: tuple[Amendment, ...]  # Oldest first; the first is what was signed.
    steps: tuple[TimelineStep, ...]
    planned: PendingChange | None = None  # The change that is open.
    renewal: Renewal | None = None  # What becomes of it at its end, where that has begun.

    @property
    def all_steps(self) -> tuple[TimelineStep, ...]:
        """Every date, with all changes: for those who want a list."""
        return timeline(
            self.contract, self.amendments, self.today, planned=self.planned, renewal=self.renewal, most=None
        )

    @property
    def next_step(self) -> TimelineStep | None:
        """The next date that matters."""
        return next((step for step in self.steps if step.state == "next"), None)

    @property
    def plan(self) -> OwnedLine | None:
        return next((line for line in self.lines if line.product.kind == ProductKind.PLAN), None)

    @property
    def monthly_minor(self) -> int:
        """The recurring price of all lines per month, before tax."""
        return sum(line.monthly_minor for line in self.lines)

    @property
    def days_left(self) -> int:
        return max((self.contract.end_date - self.today).days, 0)


def line_label(product: Product, quantity: Decimal) -> str:
    """A product and how many, as people say it."""
    if product.kind == ProductKind.PLAN:
        template = _("%(product)s, %(quantity)s seat") if quantity == 1 else _("%(product)s, %(quantity)s seats")
        return template % {"product": product.name, "quantity": amounts.number(quantity)}
    if quantity == 1:
        return product.name
    return _("%(product)s × %(quantity)s") % {"product": product.name, "quantity": amounts.number(quantity)}


def ledger_of(contract: Contract) -> list[SubscriptionDelta]:
    """Every change of a contract, oldest first, with products and orders. One query."""
    return list(_ledger_of(contract))


def _ledger_of(contract: Contract) -> QuerySet[SubscriptionDelta]:
    return (
        SubscriptionDelta.objects.filter(subscription__contract=contract)
        .select_related("subscription__product", "order")
        .order_by("effective_date", "pk")
    )


def owned_on(
    deltas: Iterable[SubscriptionDelta], today: date, *, rate_inside: Decimal = Decimal(0)
) -> tuple[OwnedLine, ...]:
    """What the ledger sums up to on a day: plans first, then add-ons and services by name.

    The price of a line is the average of the prices its units were sold at, so that the sum stays what it is. Net
    prices need the rate of the tax in them (`taxes.rate_inside`).
    """
    quantities: dict[int, Decimal] = defaultdict(Decimal)
    values: dict[int, Decimal] = defaultdict(Decimal)
    monthly: dict[int, int] = defaultdict(int)
    last: dict[int, SubscriptionDelta] = {}
    for delta in deltas:
        if delta.effective_date <= today:
            quantities[delta.subscription_id] += delta.quantity
            values[delta.subscription_id] += delta.quantity * delta.unit_price
            monthly[delta.subscription_id] += delta.recurring_minor
            last[delta.subscription_id] = delta
    lines = [
        OwnedLine(
            subscription_id=pk,
            product=delta.subscription.product,
            quantity=quantities[pk],
            unit_price=stored(Fraction(values[pk]) / Fraction(quantities[pk])),
            currency=delta.currency,
            monthly_minor=monthly[pk],
            rate_inside=rate_inside,
        )
        for pk, delta in last.items()
        if quantities[pk] > 0
    ]
    order = {ProductKind.PLAN: 0, ProductKind.ADDON: 1, ProductKind.USAGE: 2, ProductKind.SERVICE: 3}
    return tuple(sorted(lines, key=lambda line: (order[ProductKind(line.product.kind)], line.product.name)))


def once_resumed(deltas: Iterable[SubscriptionDelta]) -> list[SubscriptionDelta]:
    """The ledger of a paused contract, oldest first, as it comes to when the pause that runs is over."""
    deltas = list(deltas)
    pause = next((one.change_id for one in reversed(deltas) if one.kind == DeltaKind.PAUSE), None)
    return [one for one in deltas if one.kind != DeltaKind.PAUSE or one.change_id != pause]


def covered_on(
    contract: Contract,
    deltas: Iterable[SubscriptionDelta],
    planned: PendingChange | None,
    day: date,
    *,
    rate_inside: Decimal = Decimal(0),
) -> tuple[OwnedLine, ...]:
    """What a contract covers on any day, past or to come: with the pause that is planned or runs, until its end.

    Other changes are planned for the end of the term only. What is kept in grace is not the contract's any more.
    """
    if day >= contract.end_date:
        return ()
    if planned is None or planned.effective_date > day:
        return owned_on(deltas, day, rate_inside=rate_inside)
    if planned.kind == ChangeKind.RESUME:
        return owned_on(once_resumed(deltas), day, rate_inside=rate_inside)
    lines = owned_on(deltas, day, rate_inside=rate_inside)
    if planned.kind == ChangeKind.PAUSE and planned.until_date is not None and day < planned.until_date:
        return tuple(line for line in lines if not line.is_recurring)
    return lines


def current_contract(account: Account, today: date) -> Contract | None:
    """The running contract; of several, the one that ends first. One query."""
    contract = Contract.objects.for_account(account).current(today).order_by("end_date", "pk").first()
    if contract is not None:
        contract.account = account
    return contract


def overview(account: Account, today: date) -> ContractOverview | None:
    """The account's running contract on a day, or none. One query, as its ledger brings it along."""
    running = running_ledger(account, today)
    return None if running is None else _overview(*running, today)


def running_ledger(account: Account, today: date) -> tuple[Contract, list[SubscriptionDelta]] | None:
    """The running contract with its changes, oldest first; of several, the one that ends first. One query."""
    deltas = _running_deltas(account=account.pk, today=today)
    if deltas:
        return deltas[0].subscription.contract, deltas
    contract = current_contract(account, today)  # One that holds nothing yet.
    return None if contract is None else (contract, [])


def deltas_of_running() -> QuerySet[SubscriptionDelta]:
    """For a compiled query that is given `account` and `today`: the changes of the running contract, oldest first."""
    running = Contract.objects.filter(account=Given("account")).current(Given("today")).order_by("end_date", "pk")
    return (
        SubscriptionDelta.objects.filter(subscription__contract=Subquery(running.values("pk")[:1]))
        .select_related("subscription__product", "subscription__contract", "order")
        .order_by("effective_date", "pk")
    )


_running_deltas = Compiled(deltas_of_running)


def overview_of(
    contract: Contract, today: date, *, on: date | None = None, renewal: Renewal | None = None
) -> ContractOverview:
    """One contract on a day, with the change that is planned, and with what was owned `on` another. Two queries.

    What its `renewal` came to stands among its dates.
    """
    lines = Prefetch("lines", queryset=PendingLine.objects.select_related("product"))
    planned = PendingChange.objects.open().filter(contract=contract).prefetch_related(lines).first()
    if planned is not None:
        planned.contract = contract
    rows = list(_ledger_of(contract).annotate(tax=taxes.rate_of_buyer(today)))
    deltas: list[SubscriptionDelta] = [*rows]
    rate_inside = taxes.rate_inside_at(contract.account, taxes.rate_from(rows[0].tax)) if rows else Decimal(0)
    seen = _overview(contract, deltas, today, planned, renewal)
    if on is not None:
        return replace(seen, lines=covered_on(contract, deltas, planned, on, rate_inside=rate_inside))
    # An ended contract shows what it had on its last day.
    return replace(seen, lines=owned_on(deltas, min(today, contract.last_date), rate_inside=rate_inside))


def _overview(
    contract: Contract,
    deltas: list[SubscriptionDelta],
    today: date,
    planned: PendingChange | None = None,
    renewal: Renewal | None = None,
) -> ContractOverview:
    amendments = _amendments(deltas)
    return ContractOverview(
        contract=contract,
        today=today,
        # An ended contract shows what it had on its last day.
        lines=owned_on(deltas, min(today, contract.last_date)),
        amendments=amendments,
        steps=timeline(contract, amendments, today, planned=planned, renewal=renewal),
        planned=planned,
        renewal=renewal,
    )


def timeline(
    contract: Contract,
    amendments: Iterable[Amendment],
    today: date,
    *,
    planned: PendingChange | None = None,
    renewal: Renewal | None = None,
    most: int | None = SHOWN_AMENDMENTS,
) -> tuple[TimelineStep, ...]:
    """The dates of a contract in order, with the next one that matters marked; the last `most` changes, and as many
    steps of its renewal.
    """
    steps = []
    next_found = False
    dates = _dates(contract, amendments, planned, most)
    if renewal is not None:
        renewed = renewal_dates(renewal, contract.account)
        dates += renewed if most is None else renewed[-most:]
    for kind, label, day, detail in sorted(dates, key=lambda step: step[2]):
        if day < today or (day == today and kind in _PAST_ON_THEIR_DAY):
            state = "done"
        elif not next_found:
            state, next_found = "next", True
        else:
            state = "future"
        steps.append(TimelineStep(kind, label, day, state, detail))
    return tuple(steps)


def renewal_dates(renewal: Renewal, account: Account) -> list[tuple[str, str, date, str]]:
    """What became of a renewal so far, on the customer's days, in order; and until when there is grace."""
    successor = renewal.successor
    reached = [
        (_("Renewal offered"), renewal.offered_at, ""),
        (_("Reminded of the renewal"), renewal.notified_at, ""),
        (_("Renewal declined"), renewal.declined_at, ""),
        (_("Renewal accepted"), renewal.accepted_at, _("By its own clause") if renewal.is_automatic else ""),
        (_("Rolled over"), renewal.rolled_over_at, successor.number if successor else ""),
        (_("Grace begins"), renewal.grace_at, ""),
        (_("Access suspended"), renewal.suspended_at, ""),
        (_("Asked back"), renewal.winback_at, ""),
        (_("Not renewed"), renewal.lapsed_at, ""),
    ]
    dates = [("renewal_step", label, account.local_date(at), detail) for label, at, detail in reached if at is not None]
    if renewal.state == RenewalState.GRACE:
        dates.append(("grace_end", _("Access ends"), renewal.grace_until_date, _("Unless you renew before")))
    return sorted(dates, key=lambda step: step[2])


def _dates(
    contract: Contract, amendments: Iterable[Amendment], change: PendingChange | None, most: int | None
) -> list[tuple[str, str, date, str]]:
    planned: list[tuple[str, str, date, str]] = []
    if contract.signed_date is not None and contract.signed_date < contract.start_date:
        planned.append(("signed", _("Signed"), contract.signed_date, ""))
    planned.append(("start", _("Start"), contract.start_date, ""))
    later = [amendment for amendment in amendments if amendment.effective_date > contract.start_date]
    shown = later if most is None else later[-most:]
    planned += [("amendment", _("Changed"), one.effective_date, one.label) for one in shown]
    if change is not None:
        planned.append(("planned", change.get_kind_display(), change.effective_date, _("Planned")))
    if contract.auto_renew:
        detail = _("Last day to decline the renewal")
        planned.append(("notice", _("Notice deadline"), contract.notice_date, detail))
    if contract.status == ContractStatus.RENEWED:
        planned.append(("renewal", _("Renewed"), contract.end_date, ""))
    elif contract.auto_renew and contract.status == ContractStatus.ACTIVE:
        months = _("For another %(months)s months") % {"months": contract.term_months}
        planned.append(("renewal", _("Renews"), contract.end_date, months))
    else:
        planned.append(("end", _("Last day"), contract.last_date, ""))
    return planned


def _amendments(deltas: Iterable[SubscriptionDelta]) -> tuple[Amendment, ...]:
    grouped: dict[tuple[date, int | None, int | None, bool], list[SubscriptionDelta]] = defaultdict(list)
    for delta in deltas:
        is_taken_back = delta.kind == DeltaKind.REVERSAL
        grouped[delta.effective_date, delta.order_id, delta.change_id, is_taken_back].append(delta)
    return tuple(Amendment(day, tuple(group)) for (day, *_cause), group in grouped.items())


def cycle_of(contract: Contract, today: date) -> Period:
    """The running period of lines that are billed again and again, counted from the contract's first day, in full."""
    return full_period(contract.start_date, today, months=contract.frequency.months)
