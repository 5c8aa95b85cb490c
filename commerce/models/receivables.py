"""What is owed: whom we reminded of it, and up to when the books are closed."""

from collections.abc import Iterable
from datetime import date
from typing import Self

from django.db import connection, models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from commerce.models.billing import Invoice


class ReminderStage(models.TextChoices):
    """When a customer hears of an open invoice. In the order of time."""

    SOON = "soon", _("Due soon")
    DUE = "due", _("Due today")
    OVERDUE = "overdue", _("Overdue")
    LATE = "late", _("Overdue for two weeks")
    LAST = "last", _("Overdue for a month")


class InvoiceReminderQuerySet(models.QuerySet["InvoiceReminder"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class InvoiceReminder(models.Model):
    """That a company was reminded of an open invoice: once at each stage."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="reminders")
    stage = models.CharField(max_length=10, choices=ReminderStage)
    sent_at = models.DateTimeField(default=timezone.now)

    objects = InvoiceReminderQuerySet.as_manager()

    class Meta:
        ordering = ["sent_at", "pk"]
        constraints = [models.UniqueConstraint(fields=["account", "invoice", "stage"], name="invoice_reminder_once")]

    def __str__(self) -> str:
        return f"{self.invoice}: {self.get_stage_display()}"


class PeriodClose(models.Model):
    """A month whose books are closed: nothing is dated in it or before any more, and nothing there is withdrawn."""

    legal_entity = models.CharField(_("legal entity"), max_length=120)
    month = models.DateField(_("month"))  # Its first day.
    closed_at = models.DateTimeField(_("closed at"), default=timezone.now)
    closed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["legal_entity", "month"], name="period_close_once")]

    def __str__(self) -> str:
        return f"{self.legal_entity}, {date_format(self.month, 'YEAR_MONTH_FORMAT')}"

    @classmethod
    def first_open_day(cls) -> date | None:
        """The first day that an entry of a ledger can be billed from; None where no month is closed. One query."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT commerce_first_open_day()")
            found: date | None = cursor.fetchone()[0]
        return found

    @classmethod
    def open_from(cls, days: Iterable[date]) -> dict[date, date]:
        """For each day, the day that an entry of a ledger is billed from: itself, or the first open one. One query."""
        first = cls.first_open_day()
        return {day: max(day, first or day) for day in days}

    @classmethod
    def covers(cls, legal_entity: str, day: date) -> bool:
        """Whether the books of that day are closed. One query."""
        return cls.objects.filter(legal_entity=legal_entity, month__gte=day.replace(day=1)).exists()
