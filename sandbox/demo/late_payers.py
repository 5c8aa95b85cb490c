"""Customers who pay late: one whose card is declined, one who is suspended, and money that names no invoice of ours."""

from datetime import datetime, timedelta

from accounts.models import Account, User
from accounts.permissions import StaffGroup
from commerce.billing import bank_statements, expiring_cards, standing, transfers
from commerce.models import (
    AutoPay,
    BankTransfer,
    Collection,
    DayTotal,
    DunningPolicy,
    Finding,
    Invoice,
    MoneyKind,
    PaymentAttempt,
    PaymentState,
    StoredCard,
)
from commerce.pricing.money import from_minor
from sandbox.demo.company import Company
from sandbox.demo.orders import SUSPENDED, UNPAID, administrator, buy
from tracking.actor import Actor

DECLINED = "Globex Retail Ltd"  # Bought something weeks ago, see `offers`.
SUSPENDED_DAYS = 50  # Since they bought; they have two weeks to pay.
EARLY = "Alster Hochbau GmbH"  # Pays before it owes.
COLUMNS = "booked_date,amount,currency,payer,iban,reference,bank_id"


def make_late_payers(company: Company, now: datetime) -> None:
    """What the jobs would have done by now, had they run every day."""
    buy(Account.objects.get(name=SUSPENDED), "storage_pack", at=now - timedelta(days=SUSPENDED_DAYS))
    declined = Account.objects.get(name=DECLINED)
    _charge_in_vain(_open_bill(declined), _keep_cards(declined, now), now)
    for days in range(SUSPENDED_DAYS, -1, -1):
        standing.look_at_all(now=now - timedelta(days=days))
    expiring_cards.tell_of_expiry(now=now)
    _read_statement(company.staff[StaffGroup.FINANCE][0], now)
    _compare_days(now)


def _keep_cards(account: Account, now: datetime) -> StoredCard:
    """The one that is charged is good until the end of this month."""
    person, today = administrator(account), account.local_date(now)
    begun = now - timedelta(days=200)
    AutoPay.objects.create(account=account, agreed_by=person.user, agreed_at=begun)
    kept = [
        StoredCard(
            account=account, stripe_customer_id="cus_demo", stripe_card_id=f"pm_demo_{last4}", brand=brand, last4=last4,
            exp_month=today.month, exp_year=year, is_default=is_default, added_by=person.user, added_at=begun,
        )
        for brand, last4, year, is_default in (
            ("visa", "0341", today.year, True), ("mastercard", "4444", today.year + 2, False),
        )
    ]  # fmt: skip
    return StoredCard.objects.bulk_create(kept)[0]


def _charge_in_vain(bill: Invoice, card: StoredCard, now: datetime) -> None:
    """Tried on the due date and on two days of the policy; the third is to come."""
    policy = DunningPolicy.of(bill.legal_entity)
    overdue = bill.account.local_date(now) - bill.due_date
    days = [0, *(day for day in policy.retry_days if day < overdue.days)]
    attempts = [
        _declined(bill, card, number, at=now - overdue + timedelta(days=day)) for number, day in enumerate(days, 1)
    ]
    Collection.objects.create(
        account=bill.account, invoice=bill, first_date=bill.due_date, tries=len(days), last_attempt=attempts[-1],
        next_try_date=policy.after(len(days), bill.due_date),
    )  # fmt: skip


def _declined(bill: Invoice, card: StoredCard, number: int, *, at: datetime) -> PaymentAttempt:
    return PaymentAttempt.objects.create(
        account=bill.account, invoice=bill, number=number, amount_minor=bill.due_minor, currency=bill.currency,
        request={"payment_method": card.stripe_card_id}, idempotency_key=f"demo:{bill.number}:{number}",
        state=PaymentState.FAILED, error_code="card_declined", decline_code="insufficient_funds", created_at=at,
        submitted_at=at, settled_at=at,
    )  # fmt: skip


def _read_statement(finance: User, now: datetime) -> None:
    """Two payments for finance to decide on, and one that was decided."""
    actor, today = Actor.staff(finance.pk), now.date()
    short, late, early = (Account.objects.get(name=name) for name in (UNPAID, SUSPENDED, EARLY))
    less, owed = _open_bill(short), _open_bill(late)
    rows = (
        (less.due_minor - 1_250, short.name, "NL91ABNA0417164300", f"{less.number} less bank charges"),
        (owed.due_minor, late.name, "PL61109010140000071219812874", "Faktura, pazdziernik"),
        (250_00, early.name, "DE75512108001245126199", "Vorauszahlung"),
    )
    lines = [
        COLUMNS,
        *(
            f'{today - timedelta(days=1)},{from_minor(paid, "EUR")},EUR,{payer},{iban},"{text}",'
            for paid, payer, iban, text in rows
        ),
    ]
    read = bank_statements.read("\n".join(lines).encode())
    taken_in = transfers.take_in(name="statement.csv", lines=read, actor=actor, now=now - timedelta(hours=2))
    in_advance = BankTransfer.objects.get(statement=taken_in, amount_minor=250_00)
    transfers.to_balance(transfer=in_advance, account=early, actor=actor, now=now - timedelta(hours=1))


def _compare_days(now: datetime) -> None:
    """Days that are not compared again: the same, and one on which somebody charged past the portal."""
    past = [{"id": "pi_3Qx8mZLkdIwHu7ix0", "finding": Finding.ONLY_AT_STRIPE}]
    rows: tuple[tuple[int, int, list[dict[str, str]]], ...] = (
        (7, 4_218_40, []),
        (6, 0, []),
        (5, 1_190_00, past),
        (4, 12_604_55, []),
    )
    for days, ours, findings in rows:
        theirs = ours + (49_00 if findings else 0)
        at = now - timedelta(days=days - 1)
        DayTotal.objects.create(
            day=now.date() - timedelta(days=days), kind=MoneyKind.PAYMENTS, currency="EUR", ours_minor=ours,
            theirs_minor=theirs, findings=findings, is_different=bool(findings), checked_at=at,
        )  # fmt: skip


def _open_bill(account: Account) -> Invoice:
    return Invoice.objects.for_account(account).payable().select_related("account").latest_first()[0]
