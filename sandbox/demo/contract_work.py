"""What happened to contracts lately: goals, papers, pauses, planned changes; a credit note, and money paid back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from accounts.models import Account, Membership, User
from accounts.permissions import Role, StaffGroup
from commerce.billing import balances, books, crediting, receivables, refunds
from commerce.configuring.situations import situation_of
from commerce.contracts import amendments
from commerce.contracts.amendments import AmendmentRefused, Decision
from commerce.contracts.contracts import current_contract
from commerce.contracts.goals import GoalWords, agree, correct
from commerce.contracts.papers import add_paper, note_download, papers_of
from commerce.contracts.reductions import entries_of
from commerce.models import (
    ChangeReason,
    Contract,
    GoalMetric,
    Invoice,
    InvoiceStatus,
    PaperKind,
    PaymentAttempt,
    PaymentState,
    RefundState,
)
from commerce.pricing.proration import add_months
from sandbox.demo.accounts import ACME
from sandbox.demo.company import Company
from sandbox.demo.product_files import a_sheet
from sandbox.demo.world import World
from tracking.actor import Actor

GLOBEX_RETAIL = "Globex Retail Ltd"
PAUSED, LEAVING, LESS = "Acme Warehousing B.V.", "Acme Freight Polska Sp. z o.o.", "Heliotec Energía S.L."
LATER = "Zorgpunt Twente"  # Pauses next month.
MONTHS_CLOSED = 9


def work_on_contracts(world: World, company: Company) -> None:
    """Through the portal's own operations, over the last weeks."""
    now = world.calendar.now
    success = company.staff[StaffGroup.CUSTOMER_SUCCESS][0]
    finance = company.staff[StaffGroup.FINANCE][0]
    for name in (ACME, GLOBEX_RETAIL):
        account = Account.objects.get(name=name)
        if (contract := current_contract(account, account.local_date(now))) is not None:
            contract.account = account
            _hand_over_papers(contract, success, now)
            _agree_on_goals(contract, _administrator(account).user, now)
    _pause(PAUSED, now=now, begins_in=0)
    _pause(LATER, now=now, begins_in=20)
    _leave(LEAVING, now)
    _take_less(LESS, now)
    _credit_and_pay_back(Account.objects.get(name=GLOBEX_RETAIL), finance, now)


def close_books(world: World, company: Company) -> None:
    """Nine months, each on the tenth of the month after the next one; the last waits. And whether they add up."""
    finance, now = company.staff[StaffGroup.FINANCE][0], world.calendar.now
    this_month = now.date().replace(day=1)
    for months in range(MONTHS_CLOSED + 1, 1, -1):
        at = datetime.combine(add_months(this_month, 2 - months), time(9), UTC) + timedelta(days=9)
        month = add_months(this_month, -months)
        receivables.close_month(month=month, actor=Actor.staff(finance.pk), now=min(at, now))
    books.check_books(now=now)


def _hand_over_papers(contract: Contract, staff: User, now: datetime) -> None:
    papers = [
        (PaperKind.CONTRACT, "Master agreement, signed", 120, ["What we owe each other", "How either of us ends it"]),
        (PaperKind.ORDER_FORM, "Order form of the first year", 118, ["What was ordered", "From when until when"]),
        (PaperKind.SECURITY, "Penetration test, summary", 40, ["What was tested", "What was found and mended"]),
        (PaperKind.SECURITY, "Agreement on data processing", 30, ["Which data", "Where they lie", "Who may see them"]),
    ]
    for kind, title, days, lines in papers:
        content = a_sheet(title, contract.number, lines)
        upload = SimpleUploadedFile(f"{title.lower().replace(' ', '-').replace(',', '')}.pdf", content)
        at = now - timedelta(days=days)
        add_paper(contract=contract, kind=kind, title=title, upload=upload, staff=staff, now=at)
    administrator = _administrator(contract.account)
    for days, paper in zip((25, 12, 3), papers_of(contract, shows_prices=True), strict=False):
        at = now - timedelta(days=days)
        note_download(contract=contract, paper=paper, actor=administrator.actor(), now=at)


def _agree_on_goals(contract: Contract, by: User, now: datetime) -> None:
    """What the portal measures, and what the customer measures; one was corrected since."""
    began = now - timedelta(days=110)
    first = GoalWords(
        title="Everybody in dispatch works with it",
        baseline=Decimal(12),
        target=Decimal(60),
        target_date=contract.last_date,
        hours_each=Decimal("1.5"),
        hourly_cost=Decimal(42),
    )
    agreed = agree(contract=contract, metric=GoalMetric.SEATS, says=first, by=by, now=began)
    better = replace(first, target=Decimal(48), words="The depot in the north opens next year only.")
    correct(latest=agreed, read=1, says=better, by=by, now=now - timedelta(days=34))
    others = [
        (GoalMetric.AUTOMATION_RUNS, "Routine runs without anybody", 200, 4000, "0.05", "42", None, ""),
        (GoalMetric.SELF_SERVED, "Answers without waiting for us", 0, 25, "0.5", "42", None, ""),
        (GoalMetric.OWN, "Deliveries that have to be repeated", 90, 30, "0.75", "55", 52, "deliveries a week"),
    ]
    for metric, title, baseline, target, hours, cost, reached, unit in others:
        says = GoalWords(
            title=title,
            baseline=Decimal(baseline),
            target=Decimal(target),
            target_date=contract.last_date,
            unit=unit,
            hours_each=Decimal(hours),
            hourly_cost=Decimal(cost),
            reached=None if reached is None else Decimal(reached),
        )
        agree(contract=contract, metric=metric, says=says, by=by, now=began)


def _pause(name: str, *, now: datetime, begins_in: int) -> None:
    account, contract = _running(name, now)
    if contract is None:
        return
    from_date = account.local_date(now) + timedelta(days=begins_in)
    until_date = min(from_date + timedelta(days=45), contract.last_date)
    decision = _decision(account, now, ChangeReason.OWN_BUSINESS, "The hall is being rebuilt; nobody works there.")
    _attempt(lambda: amendments.pause(
        contract=contract, from_date=from_date, until_date=until_date, decision=decision
    ))  # fmt: skip


def _leave(name: str, now: datetime) -> None:
    account, contract = _running(name, now)
    if contract is None:
        return
    decision = _decision(account, now, ChangeReason.NOT_USED, "We will work in the parent company's workspace.")
    _attempt(lambda: amendments.end_contract(contract=contract, decision=decision))


def _take_less(name: str, now: datetime) -> None:
    account, contract = _running(name, now)
    if contract is None:
        return
    today = account.local_date(now)
    situation = situation_of(account, today)
    held = situation.current
    fewer = replace(held, seats=max(held.seats - 2, 1))
    decision = _decision(account, now, ChangeReason.OWN_BUSINESS, "Two colleagues retire at the end of the year.")
    _attempt(lambda: amendments.reduce(contract=contract, lines=entries_of(situation, fewer), decision=decision))


def _credit_and_pay_back(account: Account, finance: User, now: datetime) -> None:
    """A part of a paid bill credited, and paid back to the card in two parts."""
    paid = Invoice.objects.for_account(account).filter(status=InvoiceStatus.PAID, total_minor__gt=100_00)
    invoice = paid.prefetch_related("lines").latest_first().first()
    if invoice is None:
        return
    line = max(invoice.lines.all(), key=lambda one: one.total_minor)
    at = now - timedelta(days=2)
    crediting.credit_invoice(
        invoice=invoice,
        reason="The new store opened two weeks later than ordered.",
        actor=Actor.staff(finance.pk, account.pk),
        now=at,
        amounts={line.position: line.total_minor // 2},
    )
    payment = _card_payment(invoice, now - timedelta(days=20))
    in_credit = balances.balance_of(account, invoice.currency)
    for amount_minor, reason in ((in_credit - 100_00, "Asked for instead of credit"), (100_00, "The rest")):
        refund = refunds.begin(
            payment=payment,
            amount_minor=amount_minor,
            reason=reason,
            actor=Actor.staff(finance.pk, account.pk),
            now=at,
        )
        refund.state, refund.submitted_at = RefundState.SUBMITTING, at
        refund.save(update_fields=["state", "submitted_at"])
        refund.state, refund.settled_at, refund.next_check_at = RefundState.SUCCEEDED, at + timedelta(minutes=2), None
        refund.stripe_refund_id = f"re_demo_{refund.pk.hex[:12]}"
        refund.save(update_fields=["state", "settled_at", "next_check_at", "stripe_refund_id"])


def _card_payment(invoice: Invoice, at: datetime) -> PaymentAttempt:
    """By which the bill was paid."""
    return PaymentAttempt.objects.create(
        account=invoice.account,
        invoice=invoice,
        number=invoice.attempts.count() + 1,
        amount_minor=invoice.total_minor,
        currency=invoice.currency,
        request={"amount": invoice.total_minor},
        idempotency_key=f"demo:{invoice.number}",
        state=PaymentState.SUCCEEDED,
        stripe_intent_id=f"pi_demo_{UUID(int=invoice.pk).hex[-12:]}",
        created_at=at,
        submitted_at=at,
        settled_at=at,
    )


def _running(name: str, now: datetime) -> tuple[Account, Contract | None]:
    account = Account.objects.get(name=name)
    return account, current_contract(account, account.local_date(now))


def _administrator(account: Account) -> Membership:
    members = Membership.objects.for_account(account).active().filter(roles__contains=[Role.ADMINISTRATOR])
    return members.select_related("user").order_by("pk")[0]


def _decision(account: Account, now: datetime, reason: ChangeReason, words: str) -> Decision:
    return Decision(actor=_administrator(account).actor(), now=now, reason=reason, words=words)


def _attempt(step: Callable[[], object]) -> None:
    """A day on which the contract may not be changed, as its notice is over, leaves it as it is."""
    try:
        with transaction.atomic():
            step()
    except AmendmentRefused:
        return
