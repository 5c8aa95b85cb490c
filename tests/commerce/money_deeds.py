"""What becomes of a contract's bills, in any order: paid, declined, given back, given up, or late with what follows.

`contract_deeds` says what happens to the contract itself, `test_contract_machine` what must hold after each step.
"""

import uuid
from collections import Counter
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from commerce.billing import cards, collecting, payments, receivables, refunds, settling, standing, transfers
from commerce.billing.balances import balance_of
from commerce.billing.bank_statements import Line
from commerce.billing.crediting import NotCreditable, credit_invoice
from commerce.billing.invoicing import InvoiceBeingPaid
from commerce.billing.offsetting import offset_due
from commerce.models import (
    Collection,
    Dunning,
    DunningState,
    Invoice,
    PaymentAttempt,
    PaymentState,
    RefundAttempt,
    RefundState,
    StoredCard,
)
from commerce.stripe_gateway import CurrencyNotPayable
from tests.commerce.contract_deeds import Deeds
from tests.commerce.stripe_side import ASKS_THE_BANK, DECLINED_LATER, GOOD, StripeJs
from tracking.actor import Actor, ActorKind

NUMBERS = st.sampled_from([GOOD, DECLINED_LATER, DECLINED_LATER, ASKS_THE_BANK])
WORSE = list(DunningState)  # As they follow one another; the last is "cured".


class MoneyDeeds(Deeds):
    """`dates_shown` counts, by invoice, the days for which its page has said that the card is tried."""

    def __init__(self, stripe_js: StripeJs) -> None:
        super().__init__()
        self.stripe_js = stripe_js
        self.dates_shown: Counter[int] = Counter()
        self.last_shown: dict[int, date | None] = {}
        self.tried_until_closed: dict[int, int] = {}
        self.told: dict[int, date] = {}  # The day of the suspension, by dunning.
        self.standing_before: tuple[int, int] | None = None

    # Paying

    @rule(how=st.sampled_from(["card", "everything", "transfer", "a part", "too much"]))
    def pay(self, how: str) -> None:
        """The oldest open bill, or all of them."""
        shares = {"transfer": 100, "a part": 40, "too much": 130}
        invoices = self._to_be_paid().order_by("pk")
        for invoice in invoices if how == "everything" else invoices[:1]:
            if share := shares.get(how):
                self._transfer(invoice, invoice.due_minor * share // 100)
            else:
                self._pay_by_card(invoice)

    def _pay_by_card(self, invoice: Invoice) -> None:
        PaymentAttempt.objects.create(
            account=self.account, invoice=invoice, number=invoice.attempts.count() + 1,
            amount_minor=invoice.due_minor, currency=invoice.currency, request={},
            idempotency_key=uuid.uuid4().hex, state=PaymentState.SUCCEEDED,
            stripe_intent_id=f"pi_{uuid.uuid4().hex}", created_at=self.now, settled_at=self.now,
        )  # fmt: skip
        settling.mark_paid(invoice=invoice, amount_minor=invoice.due_minor, payer=self._staff, now=self.now)

    def _transfer(self, invoice: Invoice, amount_minor: int) -> None:
        """It arrives on the bank account; what is not exact is assigned by a person."""
        if not amount_minor:
            return
        text, key = invoice.payment_reference, uuid.uuid4().hex
        line = Line(self.now.date(), amount_minor, invoice.currency, "Machine", "", text, key)
        read = transfers.take_in(name="Statement", lines=[line], actor=self._staff, now=self.now)
        transfers.match_next(statement=read, now=self.now)
        for transfer in read.transfers.waiting():
            transfers.assign(transfer=transfer, invoice=invoice, actor=self._staff, now=self.now)

    @rule(number=NUMBERS)
    def charge_a_card_from_now_on(self, number: str) -> None:
        setup = payments.prepare_card(account=self.account, now=self.now)
        self.stripe_js.set_up(setup.client_secret, number)
        card = cards.store_card(account=self.account, setup_id=setup.id, actor=self._customer, now=self.now)
        cards.choose_default(card=card, actor=self._customer, now=self.now)
        cards.agree(account=self.account, actor=self._customer, now=self.now)

    @precondition(lambda self: cards.pays_by_itself(self.account))
    @rule(keeps_the_card=st.booleans())
    def charge_no_card_any_more(self, keeps_the_card: bool) -> None:
        card = cards.default_card(self.account)
        if keeps_the_card or card is None:
            cards.take_back(account=self.account, actor=self._customer, now=self.now)
        else:
            cards.remove_card(card=card, actor=self._customer, now=self.now)

    @precondition(lambda self: StoredCard.objects.filter(account=self.account, is_default=True).exists())
    @rule(presses=st.integers(1, 2))
    def retry_now(self, presses: int) -> None:
        invoice = self._to_be_paid().order_by("pk").first()
        if invoice is None:
            return
        seen = invoice.attempts.count()
        for _press in range(presses):
            with suppress(CurrencyNotPayable, payments.AlreadyTried, payments.InvoiceNotPayable):
                collecting.retry(invoice=invoice, after=seen, actor=self._customer, now=self.now)
        assert invoice.attempts.count() <= seen + 1

    @precondition(lambda self: self._asked_by_the_bank.exists())
    @rule(says_yes=st.booleans())
    def answer_the_bank(self, says_yes: bool) -> None:
        for attempt in self._asked_by_the_bank:
            secret = payments.bank_question(attempt=attempt, now=self.now)
            self.stripe_js.answer_bank(secret, success=says_yes)
            settled = payments.settle(attempt_id=attempt.pk, now=self.now)
            assert settled.state == (PaymentState.SUCCEEDED if says_yes else PaymentState.FAILED)

    # Giving back, and giving up

    @rule(writes_off=st.booleans())
    def give_up(self, writes_off: bool) -> None:
        """Finance gives the newest bill back, or writes the oldest open one off."""
        if writes_off:
            invoice = self._to_be_paid().order_by("pk").first()
            if invoice is not None:
                receivables.write_off(invoice=invoice, reason="Nobody pays", actor=self._staff, now=self.now)
        else:
            invoice = Invoice.objects.filter(account=self.account, kind="invoice").order_by("-pk").first()
            with suppress(NotCreditable, InvoiceBeingPaid):
                if invoice is not None:
                    credit_invoice(invoice=invoice, reason="Goodwill", actor=self._staff, now=self.now)
        self.was_given_back = self.was_given_back or invoice is not None

    @rule(arrives=st.booleans())
    def pay_back(self, arrives: bool) -> None:
        """What the company has in credit goes back to the card of its last payment, as far as that took it."""
        paid = PaymentAttempt.objects.filter(account=self.account, state=PaymentState.SUCCEEDED)
        payment = paid.order_by("-created_at", "-pk").first()
        in_credit = balance_of(self.account, self.account.currency)
        amount = 0 if payment is None else min(in_credit, refunds.left_of(payment))
        if payment is not None and amount:
            try:
                refund = refunds.begin(
                    payment=payment, amount_minor=amount, reason="Asked for", actor=self._staff, now=self.now
                )
            except CurrencyNotPayable:
                return
            if not arrives:
                for state in (RefundState.SUBMITTING, RefundState.REVIEW):
                    RefundAttempt.objects.filter(pk=refund.pk).update(state=state)
                refunds.release(refund=refund, now=self.now)

    # Being late

    @precondition(lambda self: self._next_told() is not None)
    @rule(times=st.integers(1, 5), runs=st.integers(1, 2))
    def the_day_comes_that_was_told(self, times: int, runs: int) -> None:
        """The next try of the card, or the next step of what follows, and the ones after it."""
        for _time in range(times):
            day = self._next_told()
            if day is None:
                return
            noon = datetime.combine(day, time(12), tzinfo=ZoneInfo(self.account.time_zone))
            self.now = noon.astimezone(self.now.tzinfo)
            self._run_the_job()
            self._run_billing(again=runs > 1)

    @precondition(lambda self: self._dunning is not None)
    @rule()
    def hold_or_let_it_go_on(self) -> None:
        dunning = self._dunning
        assert dunning is not None
        if not dunning.is_held:
            standing.hold(dunning=dunning, reason="Disputed", actor=self._staff, now=self.now)
            return
        self._expect_the_end(dunning.cancellation_date and dunning.cancellation_date + self._held(dunning))
        standing.go_on(dunning=dunning, reason="Settled", actor=self._staff, now=self.now)
        self.contract.refresh_from_db()

    # The model

    def _run_billing(self, *, again: bool = False) -> None:
        super()._run_billing(again=again)
        self._collect()
        dunning = self._dunning
        self._expect_the_end(dunning.cancellation_date if dunning and not dunning.is_held else None)
        standing.look_at_all(now=self.now)
        self.contract.refresh_from_db()
        self._check_standing()
        assert standing.look_at_all(now=self.now) == 0
        super()._run_billing()  # What ended is credited.

    def _collect(self) -> None:
        """What is in credit is used; then the card is tried once for each invoice whose date has come."""
        for attempt in PaymentAttempt.objects.due(self.now).filter(account=self.account):
            payments.resume(attempt_id=attempt.pk, now=self.now)
        offset_due(now=self.now)
        assert offset_due(now=self.now) == 0
        self._note_the_dates_shown()
        before = set(PaymentAttempt.objects.filter(account=self.account).values_list("pk", flat=True))
        expected = self._invoices_to_try()
        for _run in range(2):
            for pk in collecting.due_collections(now=self.now):
                collecting.collect(collection_id=pk, now=self.now)
        made = PaymentAttempt.objects.filter(account=self.account).exclude(pk__in=before)
        assert sorted(made.values_list("invoice", flat=True)) == sorted(expected)

    def _note_the_dates_shown(self) -> None:
        shown = dict(Collection.objects.filter(account=self.account).values_list("invoice", "next_try_date"))
        for invoice, day in shown.items():
            if day is not None and day != self.last_shown.get(invoice):
                self.dates_shown[invoice] += 1
        self.last_shown = shown

    def _invoices_to_try(self) -> list[int]:
        """By what the pages show: whose date has come, while the company agrees, has a card, and nothing is held."""
        dunning = self._dunning
        if cards.default_card(self.account) is None or not cards.pays_by_itself(self.account):
            return []
        if dunning is not None and dunning.is_held:
            return []
        found = []
        for invoice in self._to_be_paid():
            collection = Collection.objects.filter(invoice=invoice).first()
            day = collection.next_try_date if collection else invoice.due_date
            if day is not None and day <= self.today and payments.is_chargeable(invoice):
                found.append(invoice.pk)
        return found

    def _expect_the_end(self, end_date: date | None) -> None:
        """On the day that was told for it, what runs ends, whatever was planned."""
        if self._moving.exists() or end_date is None or self.today < end_date:
            return
        dunning = self._dunning
        oldest = self._overdue().order_by("due_date").first()
        if dunning is None or oldest is None or dunning.state == DunningState.CANCELLED:
            return
        if self.contract.is_running(self.today) and self.owned:
            self._put_aside()

    def _check_standing(self) -> None:
        """After a run, it is exactly what the dates say."""
        dunning = self._dunning
        if self._moving.exists():
            return
        assert (dunning is not None) == self._overdue().exists()
        if dunning is not None:
            assert dunning.state == dunning.state_on(self.today)

    def _next_told(self) -> date | None:
        dunning = self._dunning
        days = list(Collection.objects.filter(account=self.account).values_list("next_try_date", flat=True))
        days += [invoice.due_date for invoice in self._to_be_paid()]
        if dunning is not None and not dunning.is_held:
            days += [dunning.unpaid_date, dunning.suspension_date, dunning.cancellation_date]
        return min((day for day in days if day is not None and day > self.today), default=None)

    def _to_be_paid(self):
        """Open bills whose payment is not on its way."""
        return Invoice.objects.payable().filter(account=self.account).exclude(pk__in=self._being_paid.values("invoice"))

    def _overdue(self):
        return Invoice.objects.for_account(self.account).overdue(self.today)

    def _held(self, dunning: Dunning) -> timedelta:
        assert dunning.held_at is not None
        return self.today - self.account.local_date(dunning.held_at)

    @property
    def _dunning(self) -> Dunning | None:
        return Dunning.objects.open().filter(account=self.account).first()

    @property
    def _being_paid(self):
        return PaymentAttempt.objects.pending().filter(account=self.account)

    @property
    def _moving(self):
        """Attempts that go on without the customer: those alone hold up what follows."""
        return self._being_paid.exclude(state=PaymentState.REQUIRES_ACTION)

    @property
    def _asked_by_the_bank(self):
        return PaymentAttempt.objects.filter(account=self.account, state=PaymentState.REQUIRES_ACTION)

    @property
    def _staff(self) -> Actor:
        return Actor(user_id=None, account_id=self.account.pk, kind=ActorKind.STAFF)

    @property
    def _customer(self) -> Actor:
        return Actor(user_id=None, account_id=self.account.pk, kind=ActorKind.CUSTOMER)
