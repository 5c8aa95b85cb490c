"""What is owed: reminders before and after the due date, what nobody will pay any more, and closing the books."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from accounts.notifications import mail_companies, notify
from commerce.billing import standing
from commerce.billing.contacts import billing_contacts
from commerce.billing.invoicing import InvoiceBeingPaid
from commerce.models import Invoice, InvoiceReminder, InvoiceStatus, PaymentAttempt, PeriodClose, ReminderStage
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record

# Days after the due date on which a customer hears of an open invoice.
REMINDERS = {
    ReminderStage.SOON: -3,
    ReminderStage.DUE: 0,
    ReminderStage.OVERDUE: 3,
    ReminderStage.LATE: 14,
    ReminderStage.LAST: 30,
}
# The month is over everywhere: half a day after it is over in Greenwich.
WEST_OF_GREENWICH = timedelta(hours=12)


class NotOpen(Exception):
    """The invoice is paid, credited, void or written off."""


class MonthNotOver(Exception):
    """The month has not ended everywhere."""


def next_reminder(invoice: Invoice, today: date) -> date | None:
    """When the customer hears of the open invoice next."""
    days = (invoice.due_date + timedelta(days=after) for after in REMINDERS.values())
    return next((day for day in days if day > today), None)


def send_reminders(*, now: datetime) -> int:
    """Remind of every open invoice whose time has come, once at each stage; how many were sent.

    May run as often as it likes. After days without a run only the latest stage is told, as all of them say the same.
    """
    return sum(_remind(invoice, stage, now=now) for invoice, stage in _due_reminders(now))


def write_off(*, invoice: Invoice, reason: str, actor: Actor, now: datetime) -> None:
    """Give up an open invoice that nobody will pay. Raises NotOpen, InvoiceBeingPaid."""
    with transaction.atomic():
        locked = Invoice.objects.select_for_update(of=("self",)).select_related("account").get(pk=invoice.pk)
        if not locked.is_payable:
            raise NotOpen(_("Invoice %(number)s is not open.") % {"number": locked.number})
        if PaymentAttempt.objects.filter(invoice=locked).pending().exists():
            raise InvoiceBeingPaid(_("A payment of invoice %(number)s is on its way.") % {"number": locked.number})
        written_off = locked.due_minor
        locked.status, locked.closing_note = InvoiceStatus.WRITTEN_OFF, reason.strip()[:500]
        locked.written_off_at = now
        locked.save(update_fields=["status", "closing_note", "written_off_at"])
        record(
            name=EventName.INVOICE_WRITTEN_OFF,
            actor=actor,
            now=now,
            object_type="invoice",
            object_id=locked.number,
            properties={"amount_minor": written_off, "currency": locked.currency},
        )
        standing.look_again(account=locked.account, now=now)


def close_month(*, month: date, actor: Actor, now: datetime) -> PeriodClose:
    """Close the books of a month: nothing is dated in it any more, and its invoices are credited, not withdrawn.

    Closing it twice gives the one close. Raises MonthNotOver.
    """
    first = month.replace(day=1)
    if not is_over(first, now=now):
        raise MonthNotOver(_("The month is not over yet."))
    closed, _created = PeriodClose.objects.get_or_create(
        legal_entity=settings.LEGAL_ENTITY, month=first, defaults={"closed_at": now, "closed_by_id": actor.user_id}
    )
    return closed


def is_over(first: date, *, now: datetime) -> bool:
    """Whether the month that begins then has ended wherever our customers are."""
    if first > now.date():  # Also the last month that there is, which nothing follows.
        return False
    following = (first + timedelta(days=31)).replace(day=1)
    return now >= datetime.combine(following, datetime.min.time(), tzinfo=UTC) + WEST_OF_GREENWICH


def _due_reminders(now: datetime) -> Iterator[tuple[Invoice, ReminderStage]]:
    """Open invoices with the stage that their company is to hear of. Two queries for 500 of them."""
    paying = PaymentAttempt.objects.filter(invoice=OuterRef("pk")).pending()
    latest = now.date() + timedelta(days=1 - REMINDERS[ReminderStage.SOON])  # A day ahead, east of Greenwich.
    invoices = (
        Invoice.objects.payable()
        .filter(~Exists(paying), due_date__lte=latest, account__is_active=True)
        .select_related("account")
        .prefetch_related("reminders")
        .order_by("pk")
    )
    for invoice in invoices.iterator(chunk_size=500):
        days = (invoice.account.local_date(now) - invoice.due_date).days
        reached = [stage for stage, after in REMINDERS.items() if after <= days]
        if reached and reached[-1] not in {reminder.stage for reminder in invoice.reminders.all()}:
            yield invoice, reached[-1]


def _remind(invoice: Invoice, stage: ReminderStage, *, now: datetime) -> bool:
    with transaction.atomic():
        _reminder, is_first = InvoiceReminder.objects.get_or_create(
            account=invoice.account, invoice=invoice, stage=stage, defaults={"sent_at": now}
        )
        if is_first:
            account, is_last = invoice.account, stage == ReminderStage.LAST
            told = {"invoice": invoice, "is_overdue": REMINDERS[stage] > 0, "is_last": is_last}
            notify(kind="invoice_reminder", to=billing_contacts(account), account=account, context=told)
            mail_companies(kind="invoice_reminder", told=[(account, told)])
    return is_first
