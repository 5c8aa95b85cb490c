"""Staff quotes with many lines, priced in the background."""

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from commerce.models.quotes import Quote

# Above the time limit of a task: whoever began it longer ago is dead.
LONGEST_RUN = timedelta(minutes=2)
WAKE_UP = timedelta(seconds=30)  # A worker that was woken has begun by then.


class PricingPurpose(models.TextChoices):
    """What becomes of the price."""

    NEW = "new", _("A new quote")
    CHANGE = "change", _("A draft written anew")
    REVISE = "revise", _("A new version")
    EXTEND = "extend", _("A new version that stands longer")


class PricingStatus(models.TextChoices):
    WAITING = "waiting", _("Waiting for its turn")
    RUNNING = "running", _("Being priced")
    DONE = "done", _("Done")
    FAILED = "failed", _("Not priced")
    CANCELLED = "cancelled", _("Cancelled")

    @property
    def is_under_way(self) -> bool:
        return self in (PricingStatus.WAITING, PricingStatus.RUNNING)

    @property
    def tone(self) -> str:
        return {"running": "info", "done": "success", "failed": "danger"}.get(self.value, "default")


_UNDER_WAY = Q(status__in=[status.value for status in PricingStatus if status.is_under_way])


class QuotePricingQuerySet(models.QuerySet["QuotePricing"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def under_way(self) -> Self:
        return self.filter(_UNDER_WAY)

    def left_behind(self, now: datetime) -> Self:
        """Nobody works on them: the wake-up was lost, or the worker died."""
        waits = Q(status=PricingStatus.WAITING, created_at__lt=now - WAKE_UP)
        died = Q(status=PricingStatus.RUNNING, claimed_at__lt=now - LONGEST_RUN)
        return self.filter(waits | died)


class QuotePricing(models.Model):
    """A long quote that our people ask for: what shall be on it, how far its price is, and the quote it became.

    Priced twice at once, or again after a worker died, it becomes one quote: whoever writes it locks this row.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(_("purpose"), max_length=6, choices=PricingPurpose)
    # The draft written anew, or the version that a new one follows; none of a new quote.
    source = models.ForeignKey(Quote, on_delete=models.PROTECT, null=True, blank=True, related_name="pricings")
    beside = models.ForeignKey(Quote, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    configuration = models.JSONField(encoder=DjangoJSONEncoder)  # As on a quote, and so are these:
    manual_prices = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    terms = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    form_key = models.UUIDField(default=uuid.uuid4)  # The same form sent twice asks once.
    status = models.CharField(_("status"), max_length=9, choices=PricingStatus, default=PricingStatus.WAITING)
    line_count = models.PositiveIntegerField(_("lines"))
    done_count = models.PositiveIntegerField(_("lines priced"), default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    refusal = models.TextField(blank=True)  # Why it was not priced, in the language of who asked.
    quote = models.ForeignKey(Quote, on_delete=models.PROTECT, null=True, blank=True, related_name="+")  # The result.
    started_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True, blank=True)  # When a worker last began it.
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = QuotePricingQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="quote_pricing_under_way", condition=_UNDER_WAY)]
        constraints = [
            models.UniqueConstraint(fields=["account", "form_key"], name="quote_pricing_once_per_form"),
            models.UniqueConstraint(
                fields=["account", "source"], name="quote_pricing_one_at_a_time", condition=_UNDER_WAY
            ),
            models.CheckConstraint(
                condition=Q(status="done", quote__isnull=False) | (~Q(status="done") & Q(quote__isnull=True)),
                name="quote_pricing_done_has_quote",
            ),
            models.CheckConstraint(condition=Q(done_count__lte=F("line_count")), name="quote_pricing_progress"),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.get_purpose_display()}"

    @property
    def status_choice(self) -> PricingStatus:
        return PricingStatus(self.status)

    @property
    def is_under_way(self) -> bool:
        return self.status_choice.is_under_way

    @property
    def percent(self) -> int:
        """How far the price is; the rest is writing it down."""
        return 100 * self.done_count // self.line_count if self.line_count else 0
