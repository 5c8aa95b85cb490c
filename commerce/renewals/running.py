"""The job of renewals: every step whose day has come where the customer is, in the order of a contract's life.

Set-based: a step reads a batch of contracts and writes it with a handful of statements, each batch in a transaction of
its own. A day that was missed is caught up with; a day that is run twice changes nothing the second time.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import (
    Case,
    DateField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    SmallIntegerField,
    Value,
    When,
)
from django.db.models.expressions import CombinedExpression

from accounts.scope import system_scope
from commerce.contracts.applying import apply_due
from commerce.models import (
    ChangeKind,
    ChangeStatus,
    Contract,
    ContractStatus,
    NoticeKind,
    Order,
    OrderStatus,
    PendingChange,
    QuoteStatus,
    Renewal,
    RenewalNotice,
    RenewalState,
    RenewalTerms,
)
from commerce.models.renewals import DEFAULT_GRACE_DAYS, latest_day, local_day
from commerce.renewals import grace, notices, offers, rolling
from commerce.renewals.timeline import LAPSE_DAYS, NOTICE_DAYS, OFFER_DAYS, WINBACK_DAYS

logger = logging.getLogger(__name__)

BATCH = 500
Step = Callable[[Sequence[Renewal]], int | None]
OPEN_QUOTES = [status for status in QuoteStatus if status.is_open]


@dataclass
class Done:
    """How many contracts each step was taken for."""

    counts: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return ", ".join(f"{name} {count:,}" for name, count in self.counts.items() if count) or "nothing"


def run_due(*, now: datetime, batch: int = BATCH) -> Done:
    """Take every step that is due. May run as often as it likes."""
    apply_due(now=now)  # What customers planned for the end of the term comes first.
    run = _Run(now, batch)
    run.open_renewals()
    run.each("declined", _declined(), lambda rows: grace.decline(rows, now=now))
    run.each("to be offered again", _outdated(now), _take_offers_back)
    run.each("offered", _to_offer(), lambda rows: offer(rows, now=now))
    run.each("reminded", _to_remind(now), lambda rows: notices.note_due(rows, now=now))
    run.each("renewed by themselves", _to_renew(now), lambda rows: rolling.accept_by_clause(rows, now=now))
    run.each("rolled over", _to_roll_over(now), lambda rows: rolling.roll_over(rows, now=now))
    run.each("in grace", _to_grace(now), lambda rows: grace.begin(rows, now=now))
    run.each("suspended", _to_suspend(now), lambda rows: grace.suspend(rows, now=now))
    run.each("asked back", _to_win_back(now), lambda rows: grace.win_back(rows, now=now))
    run.each("lost", _to_lapse(now), lambda rows: grace.lapse(rows, now=now))
    return run.done


def open_renewals(contracts: Sequence[Contract], *, now: datetime) -> None:
    """Begin the renewals of contracts; those that have one keep it. Two statements."""
    accounts = {contract.account_id for contract in contracts}
    terms = {row.account_id: row for row in RenewalTerms.objects.filter(account__in=accounts)}
    Renewal.objects.bulk_create(
        (_renewal_of(contract, terms.get(contract.account_id), now) for contract in contracts), ignore_conflicts=True
    )


def offer(renewals: Sequence[Renewal], *, now: datetime) -> int:
    """Offer renewals at the prices of the day, which is not the same everywhere; how many could be."""
    by_day: dict[date, list[Renewal]] = defaultdict(list)
    for renewal in renewals:
        by_day[renewal.account.local_date(now)].append(renewal)
    return sum(len(offers.offer(rows, now=now, today=day)) for day, rows in by_day.items())


def locked(rows: QuerySet[Renewal]) -> QuerySet[Renewal]:
    """Renewals and their contracts, with what a step reads of them, and nobody else's to change.

    What somebody else holds is passed over: who accepts an offer locks the contract first, and never waits for us.
    """
    related = ("account", "contract", "quote")
    return rows.select_related(*related).select_for_update(no_key=True, skip_locked=True, of=("self", "contract"))


def _renewal_of(contract: Contract, terms: RenewalTerms | None, now: datetime) -> Renewal:
    return Renewal(
        account_id=contract.account_id,
        contract=contract,
        due_date=contract.end_date,
        term_months=contract.term_months,
        currency=contract.currency,
        grace_days=DEFAULT_GRACE_DAYS if terms is None else terms.grace_days,
        is_notified=terms is None or terms.sends_notices,
        created_at=now,
    )


@dataclass
class _Run:
    """One run of the job: at what time, in which batches, and what it did."""

    now: datetime
    batch: int
    done: Done = field(default_factory=Done)

    def open_renewals(self) -> None:
        while True:
            with system_scope():
                contracts = list(_without_renewal(self.now)[: self.batch])
                if not contracts:
                    return
                open_renewals(contracts, now=self.now)
            self.done.counts["opened"] += len(contracts)

    def each(self, name: str, due: QuerySet[Renewal], step: Step) -> None:
        """Take a step for all that are due, in batches."""
        last = 0
        while keys := list(due.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[: self.batch]):
            if taken := self._take(due, keys, step):
                self.done.counts[name] += taken
            last = keys[-1]

    def _take(self, due: QuerySet[Renewal], keys: list[int], step: Step) -> int:
        """Take a step for one batch. Where it fails, it is halved until what fails is alone, and passed over."""
        try:
            with system_scope():
                rows = list(locked(due.filter(pk__in=keys).order_by("pk")))
                taken = step(rows) if rows else 0
                return len(rows) if taken is None else taken
        except Exception:
            if len(keys) == 1:
                logger.exception("renewal %s could not be taken on", keys[0])
                return 0
            middle = len(keys) // 2
            return self._take(due, keys[:middle], step) + self._take(due, keys[middle:], step)


# What is due


def _without_renewal(now: datetime) -> QuerySet[Contract]:
    """Contracts that end within 120 days, where the customer is, and whose renewal is not opened."""
    return (
        Contract.objects.filter(status=ContractStatus.ACTIVE, renewal=None)
        .filter(end_date__lte=latest_day(now) + timedelta(days=OFFER_DAYS))
        .annotate(local_day=local_day(now))
        .filter(end_date__lte=_days_after(OFFER_DAYS), start_date__lte=F("local_day"))
        .order_by("pk")
    )


def _declined() -> QuerySet[Renewal]:
    """Renewals of contracts that end: now, or as was planned."""
    ending = PendingChange.objects.open().filter(contract=OuterRef("contract"), kind=ChangeKind.END)
    asked = Renewal.objects.in_state(
        RenewalState.WAITING, RenewalState.OFFERED, RenewalState.ACCEPTED, RenewalState.GRACE
    )
    return asked.filter(Q(contract__status=ContractStatus.ENDED) | Exists(ending))


def _outdated(now: datetime) -> QuerySet[Renewal]:
    """Renewals whose offer holds no more, or that were declined and go on after all.

    The contract was changed, or a change for the end of the term was planned or taken back; the order was cancelled;
    the quote ran out, or is closed and the contract renews by itself all the same.
    """
    ending = PendingChange.objects.open().filter(contract=OuterRef("contract"), kind=ChangeKind.END)
    planned = PendingChange.objects.filter(contract=OuterRef("contract"), kind=ChangeKind.REDUCTION).filter(
        Q(status=ChangeStatus.OPEN, requested_at__gt=OuterRef("quote__created_at"))
        | Q(status=ChangeStatus.CANCELLED, closed_at__gt=OuterRef("quote__created_at"))
    )
    cancelled = Order.objects.filter(quote=OuterRef("quote"), status=OrderStatus.CANCELLED)
    changed = ~Q(quote__contract_version=F("contract__version")) | Exists(planned)
    gone = Q(quote__status__in=[QuoteStatus.EXPIRED, QuoteStatus.SUPERSEDED])
    refused = Q(quote__status__in=[QuoteStatus.DECLINED, QuoteStatus.WITHDRAWN], contract__auto_renew=True)
    return (
        Renewal.objects.annotate(local_day=local_day(now))
        .filter(contract__status=ContractStatus.ACTIVE)
        .filter(
            Q(Q(changed & Q(quote__status__in=OPEN_QUOTES)) | gone, state=RenewalState.OFFERED)
            | (refused & Q(state=RenewalState.OFFERED, due_date__lte=_days_after(1)))
            | Q(Exists(cancelled), state=RenewalState.ACCEPTED)
            | Q(~Exists(ending), state=RenewalState.DECLINED)
        )
    )


def _take_offers_back(renewals: Sequence[Renewal]) -> None:
    """They are offered again in the same run. The quote stays, for the new one is its next version."""
    Renewal.objects.filter(pk__in=[renewal.pk for renewal in renewals]).update(
        state=RenewalState.WAITING, accepted_at=None, declined_at=None, is_automatic=False
    )


def _to_offer() -> QuerySet[Renewal]:
    return Renewal.objects.in_state(RenewalState.WAITING).filter(contract__status=ContractStatus.ACTIVE)


def _to_remind(now: datetime) -> QuerySet[Renewal]:
    """Those whose people have not been told of the last reminder that came due."""
    offered = Renewal.objects.in_state(RenewalState.OFFERED).filter(is_notified=True)
    coming = offered.reached(now, days_before=max(NOTICE_DAYS)).filter(due_date__gt=F("local_day"))
    last_due = Case(
        *(When(due_date__lte=_days_after(days), then=Value(days)) for days in sorted(NOTICE_DAYS)),
        output_field=SmallIntegerField(),
    )
    told = RenewalNotice.objects.filter(
        renewal=OuterRef("pk"), kind=NoticeKind.NOTICE, days_before=OuterRef("last_due")
    )
    return coming.annotate(last_due=last_due).filter(~Exists(told))


def _to_renew(now: datetime) -> QuerySet[Renewal]:
    """On the last day of their term, where the customer is."""
    offered = Renewal.objects.in_state(RenewalState.OFFERED).filter(contract__auto_renew=True)
    is_open = Q(contract__status=ContractStatus.ACTIVE, quote__status__in=OPEN_QUOTES)
    return offered.reached(now, days_before=1).filter(is_open)


def _to_roll_over(now: datetime) -> QuerySet[Renewal]:
    accepted = Renewal.objects.in_state(RenewalState.ACCEPTED).filter(contract__status=ContractStatus.ACTIVE)
    return accepted.reached(now)


def _to_grace(now: datetime) -> QuerySet[Renewal]:
    """What nobody renewed; also what could not be offered, so that no customer loses access for that."""
    undecided = Renewal.objects.in_state(RenewalState.WAITING, RenewalState.OFFERED)
    return undecided.reached(now).filter(contract__status=ContractStatus.ACTIVE).prefetch_related(
        "contract__subscriptions"
    )  # fmt: skip


def _to_suspend(now: datetime) -> QuerySet[Renewal]:
    graced = Renewal.objects.in_state(RenewalState.GRACE).annotate(local_day=local_day(now))
    over = ExpressionWrapper(F("due_date") + F("grace_days"), output_field=DateField())
    return graced.annotate(over=over).filter(over__lte=F("local_day"), contract__status=ContractStatus.ACTIVE)


def _left(now: datetime, days: int) -> QuerySet[Renewal]:
    """Customers who left so many days ago, and have no other contract that runs."""
    others = Contract.objects.filter(account=OuterRef("account"), status=ContractStatus.ACTIVE).filter(
        end_date__gt=now.date()
    )
    left = Renewal.objects.in_state(RenewalState.SUSPENDED, RenewalState.DECLINED).annotate(local_day=local_day(now))
    days_of_grace = Q(
        state=RenewalState.SUSPENDED,
        due_date__lte=ExpressionWrapper(F("local_day") - F("grace_days") - days, output_field=DateField()),
    )
    at_once = Q(state=RenewalState.DECLINED, due_date__lte=_days_after(-days), contract__status=ContractStatus.ENDED)
    return left.filter(~Exists(others), days_of_grace | at_once)


def _to_win_back(now: datetime) -> QuerySet[Renewal]:
    return _left(now, WINBACK_DAYS).filter(winback_at=None)


def _to_lapse(now: datetime) -> QuerySet[Renewal]:
    return _left(now, LAPSE_DAYS)


def _days_after(days: int) -> ExpressionWrapper[CombinedExpression]:
    """So many days after today, where the customer is."""
    return ExpressionWrapper(F("local_day") + days, output_field=DateField())
