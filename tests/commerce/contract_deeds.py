"""What can be done to a contract, in any order, and a small model of what its customer should own afterwards.

`money_deeds` says what becomes of its bills, `test_contract_machine` what must hold after each step.
"""

import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from accounts.models import Account
from commerce.billing.changes import settle_due
from commerce.billing.periods import IN_ADVANCE, bill_due, due_contracts
from commerce.contracts import amendments, ledger
from commerce.contracts.amendments import AmendmentRefused, Decision
from commerce.contracts.applying import apply_due
from commerce.contracts.contracts import OwnedLine, ledger_of, owned_on
from commerce.contracts.ledger import Entry
from commerce.models import (
    BillingFrequency,
    Contract,
    DeltaKind,
    Invoice,
    PendingChange,
    Product,
    Renewal,
    SubscriptionDelta,
)
from commerce.pricing.money import to_minor
from commerce.pricing.proration import add_months
from commerce.quotes.acceptance import accept_quote
from commerce.renewals import deciding, running
from tests.factories import make_account
from tests.world import undone
from tracking.actor import Actor, ActorKind

PLANS = {"team": Decimal("11.4"), "business": Decimal(19)}
ADDONS = {"sso": Decimal("2.85"), "audit_log": Decimal("1.9")}
# Where the customer is, what they pay with, and when the contract starts: month ends, a leap day, clocks put forward
# and back on the way.
PLACES = st.sampled_from(
    [
        ("Europe/Berlin", "EUR"),
        ("Pacific/Kiritimati", "JPY"),
        ("Pacific/Pago_Pago", "KWD"),
        ("America/St_Johns", "EUR"),
    ]
)
STARTS = st.sampled_from([date(2026, 1, 31), date(2027, 8, 31), date(2028, 2, 29), date(2026, 3, 1)])
DAYS = st.one_of(st.integers(0, 3), st.integers(25, 32), st.integers(60, 200))


class Deeds(RuleBasedStateMachine):
    """One customer with the contract that runs, or ran last. `owned` is what the model says they have, by product."""

    account: Account
    contract: Contract
    products: dict[str, Product]
    now: datetime
    owned: dict[str, Decimal]
    put_aside: dict[str, Decimal]  # By a pause or an end, to be given back.
    frequency: str
    was_given_back: bool  # By finance, or given up, so that what is billed is not what is owned.

    def __init__(self) -> None:
        super().__init__()
        self.undone = undone()
        self.undone.__enter__()

    def teardown(self) -> None:
        self.undone.__exit__(None, None, None)

    @initialize(
        place=PLACES,
        start=STARTS,
        hour=st.integers(0, 23),
        seats=st.integers(1, 90),
        frequency=st.sampled_from(BillingFrequency.values),
    )
    def sign(self, place: tuple[str, str], start: date, hour: int, seats: int, frequency: str) -> None:
        zone, currency = place
        self.frequency = frequency
        self.account = make_account(f"Machine {uuid.uuid4()}", time_zone=zone, currency=currency)
        self.products = {product.code: product for product in Product.objects.all()}
        self.contract = self._contract(start, seats)
        self.now = datetime(start.year, start.month, start.day, hour, 30, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        self.owned = {"team": Decimal(seats)}
        self.put_aside = {}
        self.was_given_back = False

    def _contract(self, start: date, seats: int) -> Contract:
        contract = Contract.objects.create(
            account=self.account,
            start_date=start,
            end_date=add_months(start, 12),
            currency=self.account.currency,
            most_pauses=3,
            billing_frequency=self.frequency,
        )
        self._append(contract, start, [self._entry("team", DeltaKind.NEW, Decimal(seats))])
        return contract

    # What happens

    @rule(days=DAYS, runs=st.integers(1, 2))
    def time_passes(self, days: int, runs: int) -> None:
        """The job has missed days, and runs once or twice."""
        self.now += timedelta(days=days)
        for _run in range(runs):
            self._run_the_job()
        self._run_billing(again=runs > 1)

    @precondition(lambda self: self.may_grow)
    @rule(more=st.integers(1, 40))
    def buy_seats(self, more: int) -> None:
        plan = self.plan
        self._ordered([self._entry(plan, DeltaKind.QUANTITY, Decimal(more))])
        self.owned[plan] += more

    @precondition(lambda self: self.may_grow and "team" in self.owned)
    @rule()
    def upgrade(self) -> None:
        seats = self.owned.pop("team")
        held = next(line for line in self._lines() if line.product.code == "team")
        self._ordered([Entry.taking(held, DeltaKind.SWAP_OUT), self._entry("business", DeltaKind.SWAP_IN, seats)])
        self.owned["business"] = seats

    @precondition(lambda self: self.may_grow)
    @rule(code=st.sampled_from(sorted(ADDONS)), count=st.integers(1, 3))
    def buy_addon(self, code: str, count: int) -> None:
        kind = DeltaKind.QUANTITY if code in self.owned else DeltaKind.NEW
        self._ordered([self._entry(code, kind, Decimal(count))])
        self.owned[code] = self.owned.get(code, Decimal(0)) + count

    @precondition(lambda self: self.may_grow)
    @rule(data=st.data(), at_once=st.booleans())
    def reduce(self, data: st.DataObject, at_once: bool) -> None:
        """The customer at the end of the term, the staff at once."""
        code = data.draw(st.sampled_from(sorted(self.owned)))
        least = 1 if code in PLANS else 0
        if self.owned[code] <= least:
            return
        left = data.draw(st.integers(least, int(self.owned[code]) - 1))
        line = next(line for line in self._lines() if line.product.code == code)
        monthly = to_minor(left * line.unit_price, self.contract.currency)
        entry = Entry(
            line.product, DeltaKind.QUANTITY, left - line.quantity, line.unit_price, monthly - line.monthly_minor
        )
        decision = self._decision(by_staff=at_once)
        amendments.reduce(contract=self.contract, lines=[entry], decision=decision, at_once=at_once)
        if at_once:
            self._keep(code, Decimal(left))

    @precondition(lambda self: self.may_grow)
    @rule(wait=st.integers(0, 20), length=st.integers(1, 100))
    def pause(self, wait: int, length: int) -> None:
        first = self.today + timedelta(days=wait)
        with suppress(amendments.PauseRefused), transaction.atomic():
            amendments.pause(
                contract=self.contract,
                from_date=first,
                until_date=first + timedelta(days=length),
                decision=self._decision(),
            )
            if wait == 0:
                self._put_aside()

    @precondition(lambda self: self.planned == "resume")
    @rule()
    def resume(self) -> None:
        amendments.resume(contract=self.contract, decision=self._decision())
        self._give_back()

    @precondition(lambda self: self.may_grow)
    @rule(at_once=st.booleans(), by_staff=st.booleans())
    def end(self, at_once: bool, by_staff: bool) -> None:
        with suppress(amendments.NoticeMissed), transaction.atomic():
            decision = self._decision(by_staff=by_staff)
            amendments.end_contract(contract=self.contract, decision=decision, at_once=at_once)
            if at_once:
                self._put_aside()

    @precondition(lambda self: self.contract.status == "ended")
    @rule(by_staff=st.booleans())
    def reactivate(self, by_staff: bool) -> None:
        with suppress(amendments.ReactivationRefused), transaction.atomic():
            amendments.reactivate(contract=self.contract, decision=self._decision(by_staff=by_staff))
            self._give_back()

    @precondition(lambda self: self.may_grow and self.contract.auto_renew)
    @rule(by_customer=st.booleans(), late=st.integers(0, 40))
    def renew(self, by_customer: bool, late: int) -> None:
        """The customer in good time, or the contract by itself; the job may have missed days."""
        old = self.contract
        if by_customer:
            quote = deciding.renew_early(contract=old, decision=self._decision()).quote
            accept_quote(
                quote=quote, shown_hash=quote.price_hash, consent_name="Ada", ip=None, actor=self._decision().actor,
                now=self.now,
            )  # fmt: skip
        self.now = datetime.combine(old.end_date, time(12), tzinfo=ZoneInfo(self.account.time_zone)).astimezone(UTC)
        self.now += timedelta(days=late)
        for _run in range(2):
            running.run_due(now=self.now)
        renewal = Renewal.objects.select_related("contract", "successor").get(contract=old)
        assert (renewal.state, renewal.contract.status) == ("rolled_over", "renewed")
        assert renewal.is_automatic is not by_customer
        assert renewal.successor.start_date == old.end_date
        self.contract = renewal.successor
        self.put_aside = {}
        self._run_billing()

    @precondition(lambda self: self.planned not in ("", "resume"))
    @rule()
    def take_back(self) -> None:
        change = PendingChange.objects.open().get(contract=self.contract)
        amendments.take_back(change=change, decision=self._decision())

    @precondition(lambda self: self.planned != "")
    @rule(step=st.sampled_from(["reduce", "pause", "end"]))
    def a_second_change_is_refused(self, step: str) -> None:
        before = self._figures()
        steps: dict[str, Callable[[], object]] = {
            "reduce": lambda: amendments.reduce(contract=self.contract, lines=[], decision=self._decision()),
            "end": lambda: amendments.end_contract(contract=self.contract, decision=self._decision()),
            "pause": lambda: amendments.pause(
                contract=self.contract,
                from_date=self.today,
                until_date=self.today + timedelta(days=3),
                decision=self._decision(),
            ),
        }
        with pytest.raises(AmendmentRefused), transaction.atomic():
            steps[step]()
        assert self._figures() == before

    # The model

    @property
    def today(self) -> date:
        return self.account.local_date(self.now)

    @property
    def plan(self) -> str:
        return next(code for code in PLANS if code in self.owned)

    @property
    def planned(self) -> str:
        """The kind of the open change."""
        change = PendingChange.objects.open().filter(contract=self.contract).first()
        return change.kind if change else ""

    @property
    def may_grow(self) -> bool:
        return not self.planned and self.contract.is_running(self.today) and bool(self.owned)

    def _run_billing(self, *, again: bool = False) -> None:
        """Whatever is due is billed then; run again at once, it finds nothing to do."""
        bill_due(now=self.now)
        settle_due(now=self.now)
        assert not any(due_contracts(kind, self.now).exists() for kind in IN_ADVANCE)
        if again:
            before = Invoice.objects.count()
            assert bill_due(now=self.now) == settle_due(now=self.now) == 0
            assert Invoice.objects.count() == before

    def _run_the_job(self) -> None:
        """What the model expects of it, then the job itself."""
        expected = 0
        if change := PendingChange.objects.due(self.now).first():
            expected = 1
            if change.kind in ("pause", "end"):
                self._put_aside()
            if change.kind == "resume":
                self._give_back()
            if change.kind == "pause" and change.until_date and change.until_date <= self.today:
                self._give_back()
                expected = 2
            for line in change.lines.select_related("product"):
                self._keep(line.product.code, self.owned[line.product.code] + line.quantity)
        assert apply_due(now=self.now) == expected
        self.contract.refresh_from_db()

    def _keep(self, code: str, quantity: Decimal) -> None:
        self.owned[code] = quantity
        if not quantity:
            del self.owned[code]

    def _put_aside(self) -> None:
        self.put_aside, self.owned = self.owned, {}

    def _give_back(self) -> None:
        self.owned, self.put_aside = self.put_aside, {}

    def _decision(self, *, by_staff: bool = False) -> Decision:
        kind = ActorKind.STAFF if by_staff else ActorKind.CUSTOMER
        self.contract.refresh_from_db()
        actor = Actor(user_id=None, account_id=self.account.pk, kind=kind)
        return Decision(actor=actor, now=self.now, version=self.contract.version)

    def _entry(self, code: str, kind: DeltaKind, quantity: Decimal) -> Entry:
        price = (PLANS | ADDONS)[code]
        held = next((line for line in self._lines() if line.product.code == code), None) if self._is_signed else None
        before = held.monthly_minor if held else 0
        value = held.quantity * held.unit_price if held else Decimal(0)
        monthly = to_minor(value + quantity * price, self.account.currency)
        return Entry(self.products[code], kind, quantity, price, monthly - before)

    @property
    def _is_signed(self) -> bool:
        return "contract" in vars(self)

    def _ordered(self, entries: list[Entry]) -> None:
        """What an order does to the ledger once it is paid."""
        self._append(self.contract, self.today, entries)
        Contract.objects.filter(pk=self.contract.pk).update(version=self.contract.version + 1)

    def _append(self, contract: Contract, day: date, entries: list[Entry]) -> None:
        with transaction.atomic():
            ledger.append(
                contract=contract,
                entries=entries,
                effective_date=day,
                billing_date=day,
                actor=Actor.system(self.account.pk),
            )

    def _lines(self) -> list[OwnedLine]:
        return list(owned_on(ledger_of(self.contract), self.today))

    def _figures(self) -> tuple[int, int]:
        rows = SubscriptionDelta.objects.filter(subscription__contract=self.contract)
        return rows.count(), PendingChange.objects.filter(contract=self.contract).count()
