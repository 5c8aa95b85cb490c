"""A contract through anything that can be done to it, in any order: the ledger, the state and the money agree.

Hypothesis draws what happens and how much time passes between (`contract_deeds`). `TEST_ALL=1` draws many more.
"""

import os
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from accounts.models import Entitlements, Suspension
from accounts.models.entitlements import KEPT_WHILE_SUSPENDED
from commerce.billing.books import books
from commerce.billing.changes import changed_contracts
from commerce.contracts import ledger
from commerce.contracts.contracts import ledger_of
from commerce.models import (
    BilledEntry,
    BillingKind,
    BillingPeriod,
    Contract,
    ContractStatus,
    DeltaKind,
    DunningState,
    Invoice,
    InvoiceLine,
    PendingChange,
    SubscriptionDelta,
)
from commerce.pricing.money import to_minor
from commerce.pricing.proration import Period, add_months, prorate_multiplier
from tests.commerce.contract_deeds import ADDONS
from tests.commerce.money_deeds import WORSE, MoneyDeeds

THOROUGH = bool(os.environ.get("TEST_ALL"))


class ContractMachine(MoneyDeeds):
    """What must hold after each step."""

    @invariant()
    def the_ledger_the_state_and_the_entitlements_agree(self) -> None:
        self.contract.refresh_from_db()
        lines = self._lines()
        assert {line.product.code: line.quantity for line in lines} == {k: v for k, v in self.owned.items() if v}
        assert sum(line.monthly_minor for line in lines) == ledger.monthly_on(self.contract, self.today)
        for line in lines:
            assert abs(line.monthly_minor - to_minor(line.quantity * line.unit_price, line.currency)) <= 1
        if self.today < self.contract.end_date:
            suspended = Suspension.objects.filter(account=self.account, ended_at=None).exists()
            seats = self.owned.get("team", 0) + self.owned.get("business", 0)
            allowed = Entitlements.of(self.account, today=self.today)
            assert (allowed.limit("seats") or 0) == (0 if suspended else seats)
            usable = KEPT_WHILE_SUSPENDED if suspended else ADDONS
            assert allowed.features == {code for code in usable if self.owned.get(code)}

    @invariant()
    def nothing_is_ever_negative(self) -> None:
        sums: dict[int, Decimal] = {}
        for delta in ledger_of(self.contract):
            sums[delta.subscription_id] = sums.get(delta.subscription_id, Decimal(0)) + delta.quantity
            assert sums[delta.subscription_id] >= 0

    @invariant()
    def movements_add_up(self) -> None:
        deltas = ledger_of(self.contract)
        middle = self.contract.start_date + timedelta(days=100)
        last = max(delta.billing_date for delta in deltas) + timedelta(days=1)
        whole = ledger.movements(deltas, from_date=self.contract.start_date, until_date=last)
        first = ledger.movements(deltas, from_date=self.contract.start_date, until_date=middle)
        second = ledger.movements(deltas, from_date=middle, until_date=max(last, middle))
        assert whole.end_minor == sum(delta.recurring_minor for delta in deltas)
        assert second.start_minor == first.end_minor
        assert second.end_minor == whole.end_minor or last < middle
        for moved in (whole, first, second):
            assert min(moved.new_minor, moved.expansion_minor, moved.contraction_minor, moved.churn_minor) >= 0

    @invariant()
    def no_day_is_billed_twice_and_none_is_left_out(self) -> None:
        """Neither within a term nor between two; what has no invoice says why (`billing_period_invoice`)."""
        for contract in Contract.objects.filter(account=self.account):
            for kind in BillingKind:
                periods = list(BillingPeriod.objects.filter(contract=contract, kind=kind).order_by("start_date"))
                if not periods:
                    continue
                assert periods[0].start_date == contract.start_date
                assert all(one.end_date == following.start_date for one, following in pairwise(periods))
                assert periods[-1].end_date == contract.end_date or contract.status != ContractStatus.RENEWED
        seen = BilledEntry.objects.filter(account=self.account).values_list("period", "delta")
        assert len(set(seen)) == len(seen)

    @invariant()
    def what_is_billed_is_what_the_ledgers_come_to(self) -> None:
        """By days, counted here by themselves. While a change waits for the job, there is nothing to compare."""
        if changed_contracts().filter(account=self.account).exists() or self.was_given_back:
            return
        expected, parts = Fraction(0), 0
        ledgers = {contract: ledger_of(contract) for contract in Contract.objects.filter(account=self.account)}
        for period in BillingPeriod.objects.filter(account=self.account).select_related("contract"):
            shares = list(self._shares_of(period, ledgers[period.contract]))
            expected += sum(shares)
            parts += len(shares)
        lines = InvoiceLine.objects.filter(account=self.account).exclude(invoice__status="void")
        billed = sum(lines.values_list("total_minor", flat=True))
        assert abs(billed - to_minor(expected, self.contract.currency)) <= parts

    @invariant()
    def the_books_add_up(self) -> None:
        for one in books(self.account):
            assert one.sums.difference_minor == 0

    @invariant()
    def what_follows_fits_what_is_owed(self) -> None:
        """Suspended only with a date that was told in time, and nothing once all that was overdue is paid."""
        dunning = self._dunning
        oldest = self._overdue().order_by("due_date").first()
        suspended = Suspension.objects.filter(account=self.account, ended_at=None).exists()
        assert suspended == bool(dunning and dunning.has_suspended)
        if oldest is None:
            assert dunning is None
        if dunning is None or oldest is None:
            return
        told = self.told.setdefault(dunning.pk, dunning.suspension_date)
        assert told - self.account.local_date(dunning.opened_at) >= timedelta(days=29)
        assert dunning.suspension_date >= max(told, oldest.due_date + timedelta(days=30))
        self.told[dunning.pk] = dunning.suspension_date
        if dunning.has_suspended and not dunning.is_held:
            assert self.today >= dunning.suspension_date or dunning.state == DunningState.CANCELLED

    @invariant()
    def nothing_gets_worse_while_a_payment_is_on_its_way(self) -> None:
        dunning = self._dunning
        before, after = self.standing_before, (dunning.pk, WORSE.index(dunning.state_choice)) if dunning else None
        self.standing_before = after
        if self._moving.exists() and before and after and before[0] == after[0]:
            assert after[1] <= before[1]

    @invariant()
    def no_card_is_tried_more_often_than_the_dates_or_after_the_end(self) -> None:
        """The due date is the first, and each later one was on the invoice's page before it came."""
        self._note_the_dates_shown()
        for invoice in Invoice.objects.filter(account=self.account, kind="invoice").prefetch_related("attempts"):
            attempts = list(invoice.attempts.all())
            by_itself = [attempt for attempt in attempts if attempt.request.get("off_session")]
            assert len(by_itself) <= 1 + self.dates_shown[invoice.pk]
            if not invoice.is_payable:
                assert len(attempts) == self.tried_until_closed.setdefault(invoice.pk, len(attempts))

    @invariant()
    def one_change_at_a_time(self) -> None:
        assert PendingChange.objects.open().filter(contract=self.contract).count() <= 1

    def _shares_of(self, period: BillingPeriod, deltas: Iterable[SubscriptionDelta]) -> Iterator[Fraction]:
        """What each entry comes to in a period, with what an order has paid of it."""
        start, frequency = period.contract.start_date, period.contract.frequency
        length = 12 if period.kind == BillingKind.TERM else frequency.months
        begun = (period.start_date.year - start.year) * 12 + period.start_date.month - start.month
        full = (add_months(start, begun + length) - period.start_date).days
        for delta in deltas:
            is_free = period.kind == BillingKind.TERM and delta.kind in (DeltaKind.PAUSE, DeltaKind.RESUME)
            if delta.billing_date >= period.end_date or is_free:
                continue
            first = max(delta.billing_date, period.start_date)
            months = Fraction((period.end_date - first).days, full) * length
            if period.kind == BillingKind.TERM:
                months = prorate_multiplier(Period(first, period.end_date), default_term_months=1)
            yield Fraction(delta.quantity) * Fraction(delta.unit_price) * months


@pytest.mark.django_db
def test_whatever_is_done_to_a_contract_its_ledger_and_its_bills_add_up(products, stripe, stripe_js) -> None:
    run_state_machine_as_test(
        partial(ContractMachine, stripe_js),
        settings=settings(
            max_examples=150 if THOROUGH else 10,
            stateful_step_count=40 if THOROUGH else 12,
            deadline=None,
            phases=[Phase.generate, Phase.shrink] if THOROUGH else [Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.django_db
def test_what_is_added_and_swapped_between_two_runs_is_credited_in_full(products, stripe_js) -> None:
    """Found by the machine: the credit was taken off earlier bills alone, and 452 yen were kept."""
    state = ContractMachine(stripe_js)
    state.sign(seats=38, place=("Pacific/Kiritimati", "JPY"), hour=18, start=date(2026, 1, 31), frequency="quarter")
    state.time_passes(days=9, runs=1)
    state.buy_seats(more=19)
    state.upgrade()
    state.time_passes(days=1, runs=2)
    state.what_is_billed_is_what_the_ledgers_come_to()
    state.the_books_add_up()
    state.teardown()
