"""Renewals as pages show them: what renews at which price and why, what can still be done, and the staff's board."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Least
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Account
from commerce import amounts
from commerce.catalogue import taxes
from commerce.contracts.contract_rows import paused_of
from commerce.contracts.contracts import OwnedLine, TimelineStep, ledger_of, line_label, once_resumed, owned_on
from commerce.models import Contract, Product, Renewal, RenewalState, TermsMethod
from commerce.pricing.money import Money
from commerce.renewals.risk import HIGH_FROM, MEDIUM_FROM, RiskBand
from commerce.renewals.timeline import Step, Term, steps_of

# Why a product renews at the price it has, although another was agreed.
FLAGS = {
    "not_sold": gettext_lazy("Not sold any more: you keep your price"),
    "charge_changed": gettext_lazy("Charged otherwise today: you keep your price"),
    "outside_tiers": gettext_lazy("No price for so many today: you keep yours"),
}


@dataclass(frozen=True)
class RenewedLine:
    """One product of a renewal: what there is of it now, and what there will be."""

    product: Product
    quantity_before: Decimal
    quantity: Decimal
    unit_price_before: Decimal  # Net, per unit and month.
    unit_price: Decimal
    monthly_before_minor: int
    monthly_minor: int
    flag: str  # Why it keeps its old price, in words; empty where it does not.

    @property
    def label(self) -> str:
        return line_label(self.product, self.quantity or self.quantity_before)

    @property
    def is_dropped(self) -> bool:
        return not self.quantity

    @property
    def change_minor(self) -> int:
        return self.monthly_minor - self.monthly_before_minor


@dataclass(frozen=True)
class RenewalView:
    """A renewal on one day."""

    renewal: Renewal
    today: date
    lines: tuple[RenewedLine, ...]

    @property
    def term(self) -> Term:
        return term_of(self.renewal.contract, grace_days=self.renewal.grace_days)

    @property
    def days_left(self) -> int:
        """Until the term ends; 0 once it has."""
        return max((self.renewal.due_date - self.today).days, 0)

    @property
    def is_locked(self) -> bool:
        """Whether it is too late to change if it renews by itself."""
        return self.term.is_locked(self.today)

    @property
    def can_accept(self) -> bool:
        return self.renewal.can_be_accepted

    @property
    def can_change(self) -> bool:
        """Whether another offer can be asked for: other quantities, another term."""
        return self.renewal.state in (RenewalState.WAITING, RenewalState.OFFERED)

    @property
    def can_decline(self) -> bool:
        is_open = self.renewal.state in (RenewalState.WAITING, RenewalState.OFFERED)
        return is_open and not (self.renewal.contract.auto_renew and self.is_locked)

    @property
    def monthly_before(self) -> str:
        return amounts.money(Money(self.renewal.monthly_before_minor, self.renewal.currency))

    @property
    def monthly_after(self) -> str:
        return amounts.money(Money(self.renewal.monthly_after_minor, self.renewal.currency))

    @property
    def reason(self) -> str:
        """Why the price changes, or does not, in a sentence."""
        return reason_of(self.renewal)

    @property
    def next_words(self) -> str:
        """What happens next, if nobody says anything."""
        return next_words(self.renewal, self.today)

    @property
    def steps(self) -> tuple[TimelineStep, ...]:
        """The dates around the end of the term, with the next one marked."""
        return _timeline(self.renewal, self.term, self.today)


@dataclass(frozen=True)
class Ahead:
    """A contract whose renewal is not opened yet."""

    contract: Contract
    term: Term


@dataclass(frozen=True)
class Grace:
    """What the banner says while a contract is in grace."""

    renewal: Renewal
    days_left: int

    @property
    def words(self) -> str:
        last = date_format(self.renewal.grace_until_date - timedelta(days=1))
        return _("Your contract %(number)s ended on %(ended)s. Everything works until %(last)s: renew by then.") % {
            "number": self.renewal.contract.number,
            "ended": date_format(self.renewal.last_date),
            "last": last,
        }


def term_of(contract: Contract, *, grace_days: int) -> Term:
    return Term(contract.end_date, contract.notice_days, grace_days)


def renewals_of(account: Account) -> QuerySet[Renewal]:
    """The company's renewals, the soonest first. One query."""
    return Renewal.objects.for_account(account).with_parties().soonest_first()


def ahead_of(account: Account, today: date) -> list[Ahead]:
    """Running contracts whose renewal is not opened yet. One query."""
    rows = Contract.objects.for_account(account).current(today).filter(renewal=None).order_by("end_date", "pk")
    return [Ahead(row, Term(row.end_date, row.notice_days)) for row in rows]


def grace_of(account: Account, today: date) -> Grace | None:
    """The renewal in grace that ends first, for the banner. One query."""
    rows = Renewal.objects.for_account(account).in_state(RenewalState.GRACE).select_related("contract")
    renewal = min(rows, key=lambda row: row.grace_until_date, default=None)
    return None if renewal is None else Grace(renewal, max((renewal.grace_until_date - today).days, 0))


def view_of(renewal: Renewal, today: date) -> RenewalView:
    """A renewal with its lines: of the contract on its last day, beside those of the quote. Four queries."""
    deltas = ledger_of(renewal.contract)
    if paused_of([renewal.contract]):
        deltas = once_resumed(deltas)
    before = owned_on(deltas, renewal.last_date, rate_inside=taxes.rate_inside(renewal.account, today))
    return RenewalView(renewal, today, tuple(_lines(renewal, [line for line in before if line.is_recurring])))


def _lines(renewal: Renewal, before: Iterable[OwnedLine]) -> Iterable[RenewedLine]:
    quoted, is_kept = {}, renewal.quote is None or renewal.is_outdated
    if renewal.quote is not None and not is_kept:
        quoted = {line.product_id: line for line in renewal.quote.lines.select_related("product")}
    for held in before:
        line = quoted.pop(held.product.pk, None)
        flag = renewal.flags.get(held.product.code, "")
        yield RenewedLine(
            product=held.product,
            quantity_before=held.quantity,
            quantity=line.quantity_after if line else held.quantity if is_kept else Decimal(0),
            unit_price_before=held.net_unit_price,
            unit_price=line.net_unit_price if line else held.net_unit_price,
            monthly_before_minor=held.monthly_minor,
            monthly_minor=line.recurring_minor if line else held.monthly_minor if is_kept else 0,
            flag=str(FLAGS.get(flag, "")),
        )
    for line in quoted.values():
        price = line.net_unit_price
        yield RenewedLine(line.product, Decimal(0), line.quantity_after, price, price, 0, line.recurring_minor, "")


def reason_of(renewal: Renewal) -> str:
    """Why the price changes, or does not, in a sentence or two."""
    said = []
    if renewal.method == TermsMethod.LIST:
        said.append(_("Your contract renews at today's list price."))
    elif renewal.method == TermsMethod.UPLIFT and renewal.uplift_percent:
        percent = amounts.number(renewal.uplift_percent.normalize())
        said.append(
            _("Your contract says that prices rise by %(percent)s %% with this renewal.") % {"percent": percent}
        )
    else:
        said.append(_("You keep the price that you have."))
    if renewal.promised_percent:
        percent = amounts.number(renewal.promised_percent.normalize())
        said.append(_("We promised you %(percent)s %% off for staying; it is in the price.") % {"percent": percent})
    return " ".join(said)


def next_words(renewal: Renewal, today: date) -> str:
    """What happens next, if nobody says anything."""
    due, until = date_format(renewal.due_date), date_format(renewal.grace_until_date)
    match renewal.state_choice:
        case RenewalState.ACCEPTED:
            return _("It renews on %(day)s. There is nothing left to do.") % {"day": due}
        case RenewalState.ROLLED_OVER:
            return _("It was renewed.")
        case RenewalState.DECLINED:
            return _("It ends on %(day)s.") % {"day": date_format(renewal.last_date)}
        case RenewalState.GRACE:
            return _("Access ends on %(day)s unless you renew before.") % {"day": until}
        case RenewalState.SUSPENDED | RenewalState.LAPSED:
            return _("It has ended. Talk to us, and we take it up again.")
    if renewal.contract.auto_renew:
        months = ngettext(
            "It renews by itself on %(day)s for another month.",
            "It renews by itself on %(day)s for another %(months)d months.",
            renewal.term_months,
        )
        return months % {"day": due, "months": renewal.term_months}
    return _("It ends on %(day)s unless you renew. Everything works until %(until)s.") % {
        "day": date_format(renewal.last_date),
        "until": until,
    }


def _timeline(renewal: Renewal, term: Term, today: date) -> tuple[TimelineStep, ...]:
    state = renewal.state_choice
    is_accepted = state in (RenewalState.ACCEPTED, RenewalState.ROLLED_OVER)
    labels = {
        Step.OFFER: _("Offer"),
        Step.ROLL_OVER: _("New term begins"),
        Step.GRACE: _("Term ends, access stays"),
        Step.SUSPEND: _("Access ends"),
    }
    dated = [
        (step.date, step.step.value, labels[step.step])
        for step in steps_of(term, is_automatic=renewal.contract.auto_renew, is_accepted=is_accepted)
        if step.step in labels
    ]
    dated.append((term.notice_date, "notice", _("Last day to change whether it renews by itself")))
    shown, has_next = [], False
    for day, kind, label in sorted(dated):
        is_next = day >= today and not has_next
        has_next = has_next or is_next
        shown.append(TimelineStep(kind, label, day, "next" if is_next else "done" if day < today else "future"))
    return tuple(shown)


# The staff's board


@dataclass(frozen=True)
class Figures:
    """What the terms that end in a period are worth, in one currency. Monthly, minor units, before tax."""

    currency: str
    count: int
    due_minor: int  # What they cost a month until their end.
    decided_minor: int  # Of these, those that are renewed or lost.
    kept_minor: int  # What of it was renewed, without what they buy more.
    renewed_minor: int  # What the renewed ones cost a month from then on.
    forecast_minor: int  # What all of them will: renewed as agreed, undecided ones by their risk.

    @property
    def gross_retention(self) -> Decimal | None:
        """GRR of what is decided, in percent; None before anything is."""
        return _share(self.kept_minor, self.decided_minor)

    @property
    def net_retention(self) -> Decimal | None:
        """NRR of what is decided, in percent."""
        return _share(self.renewed_minor, self.decided_minor)

    @property
    def forecast_retention(self) -> Decimal | None:
        """NRR as it is expected of all of them."""
        return _share(self.forecast_minor, self.due_minor)


@dataclass(frozen=True)
class Board:
    """The terms that end in a period."""

    rows: QuerySet[Renewal]  # Annotated with `risk_band`.
    figures: tuple[Figures, ...]


@dataclass(frozen=True)
class Earliness:
    """How early customers decided to renew. Days are those before the end of the term, below zero after it."""

    count: int
    renewed: int  # By their own decision.
    median_days: float | None

    @property
    def percent(self) -> Decimal | None:
        return _share(self.renewed, self.count)


_RENEWED = Q(state__in=[RenewalState.ACCEPTED, RenewalState.ROLLED_OVER])
_LOST = Q(state__in=[RenewalState.DECLINED, RenewalState.SUSPENDED, RenewalState.LAPSED])
# Of those nobody has worked the risk of out, so much is expected to renew; of those that renew by themselves, all.
_EXPECTED_PERCENT = 85


def board(first: date, until: date, **wanted: str) -> Board:
    """The terms that end in a period, half-open, with what they are worth. The figures are one query.

    `wanted`: only those of a `state` or a `risk_band`.
    """
    rows = with_risk(Renewal.objects.due_between(first, until).with_parties().soonest_first()).filter(**wanted)
    return Board(rows, figures_of(rows))


def with_risk(rows: QuerySet[Renewal]) -> QuerySet[Renewal]:
    """Annotated with the band of the contract's risk."""
    return rows.annotate(
        risk_band=Case(
            When(contract__risk_score__gte=HIGH_FROM, then=Value(RiskBand.HIGH.value)),
            When(contract__risk_score__gte=MEDIUM_FROM, then=Value(RiskBand.MEDIUM.value)),
            When(contract__risk_score__gte=0, then=Value(RiskBand.LOW.value)),
            default=Value(RiskBand.UNKNOWN.value),
        )
    )


def figures_of(rows: QuerySet[Renewal]) -> tuple[Figures, ...]:
    """What renewals are worth, by currency. One query."""
    before, after = F("monthly_before_minor"), F("monthly_after_minor")
    expected = Case(
        When(_RENEWED, then=Value(100)),
        When(_LOST, then=Value(0)),
        When(contract__risk_score__isnull=False, then=100 - F("contract__risk_score")),
        When(contract__auto_renew=True, then=Value(100)),
        default=Value(_EXPECTED_PERCENT),
        output_field=IntegerField(),
    )
    sums = (
        rows.order_by("currency")
        .values("currency")
        .annotate(
            count=Count("pk"),
            due=Sum(before),
            decided=Sum(before, filter=_RENEWED | _LOST, default=0),
            kept=Sum(Least(before, after), filter=_RENEWED, default=0),
            renewed=Sum(after, filter=_RENEWED, default=0),
            forecast=Sum(after * expected / 100),
        )
    )
    return tuple(
        Figures(row["currency"], row["count"], row["due"], row["decided"], row["kept"], row["renewed"], row["forecast"])
        for row in sums
    )


def earliness(rows: QuerySet[Renewal]) -> tuple[Earliness, Earliness]:
    """How early those decided who were notified, and those who were not. One query."""
    groups: dict[bool, list[int | None]] = {True: [], False: []}
    seen = (
        rows.select_related(None)
        .select_related("account")
        .only("due_date", "accepted_at", "is_automatic", "notified_at", "account__time_zone")
    )
    for renewal in seen:
        accepted = None if renewal.is_automatic else renewal.accepted_at
        days = None if accepted is None else (renewal.due_date - renewal.account.local_date(accepted)).days
        groups[renewal.notified_at is not None].append(days)
    notified, others = (_earliness(groups[key]) for key in (True, False))
    return notified, others


def _earliness(days: list[int | None]) -> Earliness:
    early = [one for one in days if one is not None]
    return Earliness(len(days), len(early), median(early) if early else None)


def _share(part: int, whole: int) -> Decimal | None:
    return round(Decimal(part) * 100 / whole, 1) if whole else None
