"""Quotes: a price computed once, frozen, and accepted as shown."""

import uuid
from datetime import datetime
from typing import Self

import pghistory
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.sequences import NextVal
from commerce import explanations
from commerce.models.catalogue import BillingRule, Product
from commerce.models.contracts import Contract, DeltaKind
from commerce.models.deals import Deal
from commerce.pricing.proration import Period, months_begun_after
from commerce.pricing.tax import tax_line


class QuoteStatus(models.TextChoices):
    """The customer's way through a quote. Transitions are guarded by a trigger."""

    PRESENTED = "presented", _("Ready to accept")
    VIEWED = "viewed", _("Viewed")
    ACCEPTED = "accepted", _("Accepted, waiting for payment")
    ORDERED = "ordered", _("Ordered")
    EXPIRED = "expired", _("Expired")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    SUPERSEDED = "superseded", _("Replaced by a newer quote")

    @property
    def tone(self) -> str:
        if self in (QuoteStatus.ORDERED, QuoteStatus.ACCEPTED):
            return "success"
        return "info" if self.is_open else "neutral"

    @property
    def words(self) -> str:
        """What its own company reads: that it was viewed is news to us, not to them."""
        return str(QuoteStatus.PRESENTED.label if self.is_open else self.label)

    @property
    def is_open(self) -> bool:
        """Whether it can still be accepted."""
        return self in (QuoteStatus.PRESENTED, QuoteStatus.VIEWED)


class QuoteQuerySet(models.QuerySet["Quote"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def open(self) -> Self:
        return self.filter(status__in=[status for status in QuoteStatus if status.is_open])

    def expired_by(self, now: datetime) -> Self:
        return self.open().filter(expires_at__lte=now)

    def latest_first(self) -> Self:
        return self.order_by("-created_at", "-serial")


@pghistory.track()
class Quote(models.Model):
    """An offer to one company with a price that stands until it expires."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    serial = models.BigIntegerField(unique=True, editable=False, db_default=NextVal("commerce_quote_number"))
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="quotes")
    deal = models.ForeignKey(Deal, on_delete=models.PROTECT, related_name="quotes")
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="quotes")  # The one it amends.
    contract_version = models.PositiveIntegerField()  # Accepting an older version than the contract's is refused.
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="quotes_created")
    status = models.CharField(max_length=10, choices=QuoteStatus, default=QuoteStatus.PRESENTED)
    currency = models.CharField(max_length=3)
    price_date = models.DateField()  # Of whose day the prices are; the amendment's change day.
    expires_at = models.DateTimeField()  # Exclusive end: the start of the day after its last, in the account's zone.
    # What was asked for, to price it again: {"plan": "business", "seats": "60", "addons": {"sso": "1"}}.
    configuration = models.JSONField(encoder=DjangoJSONEncoder)
    subtotal_minor = models.BigIntegerField()  # Due now, before tax.
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()  # Due now.
    recurring_before_minor = models.BigIntegerField()  # Per month, before tax, until the change.
    recurring_after_minor = models.BigIntegerField()  # Per month, before tax, after it.
    price_hash = models.CharField(max_length=64)  # Over the whole priced quote, as shown.
    form_key = models.UUIDField(default=uuid.uuid4)
    created_at = models.DateTimeField(default=timezone.now)
    viewed_at = models.DateTimeField(null=True, blank=True)
    # Acceptance: who consented to what.
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="quotes_accepted"
    )
    accepted_name = models.CharField(max_length=150, blank=True)
    accepted_ip = models.GenericIPAddressField(null=True, blank=True)
    accepted_hash = models.CharField(max_length=64, blank=True)
    po_number = models.CharField(_("purchase order number"), max_length=60, blank=True)

    objects = QuoteQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["account", "-created_at", "-id"], name="quote_account_recent")]
        constraints = [
            models.UniqueConstraint(fields=["account", "form_key"], name="quote_once_per_form"),
            models.CheckConstraint(
                condition=Q(total_minor=models.F("subtotal_minor") + models.F("tax_minor")), name="quote_total"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"Q-{self.serial}"

    @property
    def status_choice(self) -> QuoteStatus:
        return QuoteStatus(self.status)

    def is_expired(self, now: datetime) -> bool:
        """Whether its time is over, also in the hour before a job says so."""
        return self.status == QuoteStatus.EXPIRED or (self.status_choice.is_open and now >= self.expires_at)

    def commitment_minor(self) -> int:
        """What ordering it adds to what the company owes until its contract ends, with tax. One query.

        What is due now, which for prepaid lines is all of the term; and of lines billed every month what each month
        that begins later in the term costs more than before. What later months save lowers nothing.
        """
        months = months_begun_after(self.price_date, Period(self.contract.start_date, self.contract.end_date))
        monthly = self.lines.filter(product__billing=BillingRule.PERIOD)
        each = sum(tax_line(line.recurring_minor, rate_percent=line.tax_rate * 100).gross_minor for line in monthly)
        return self.total_minor + months * max(each, 0)

    def mark_viewed(self, now: datetime) -> None:
        """The first time somebody of the company opens it."""
        seen = Quote.objects.filter(pk=self.pk, status=QuoteStatus.PRESENTED).update(
            status=QuoteStatus.VIEWED, viewed_at=now
        )
        if seen:
            self.status, self.viewed_at = QuoteStatus.VIEWED, now


class QuoteLineQuerySet(models.QuerySet["QuoteLine"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class QuoteLine(models.Model):
    """One line of a quote, with each step of its price kept."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    quote = models.ForeignKey(Quote, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    change = models.CharField(max_length=10, choices=DeltaKind)
    quantity = models.DecimalField(max_digits=20, decimal_places=4)  # Signed change.
    quantity_after = models.DecimalField(max_digits=20, decimal_places=4)  # Owned once the quote is ordered.
    unit_price = models.DecimalField(max_digits=20, decimal_places=12)  # Net, per unit and month.
    total_minor = models.BigIntegerField()  # Due now, before tax; negative for a credit.
    tax_rate = models.DecimalField(max_digits=20, decimal_places=12)  # 0.19 is 19 %.
    tax_minor = models.BigIntegerField()
    recurring_minor = models.BigIntegerField()  # Signed change per month, before tax.
    steps = models.JSONField(default=list, encoder=DjangoJSONEncoder)  # The waterfall: [[name, value], …].
    # The line in words, as templates and figures; `words` reads it.
    explanation = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    objects = QuoteLineQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["account", "quote", "position"], name="quote_line_position")]

    def __str__(self) -> str:
        return f"{self.quantity:+} {self.product}"

    @property
    def words(self) -> str:
        """How the price came about, in the reader's language."""
        return explanations.in_words(explanations.from_json(self.explanation))
