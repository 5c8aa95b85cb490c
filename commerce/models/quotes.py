"""Quotes: a price computed once, frozen, and accepted as shown."""

import uuid
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Self
from zoneinfo import ZoneInfo

import pghistory
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.permissions import Role
from accounts.sequences import NextVal
from commerce.models.catalogue import BillingRule, Product
from commerce.models.contracts import Contract, ContractStatus, DeltaKind
from commerce.models.deals import Deal
from commerce.models.prices import TAX_CATEGORIES
from commerce.pricing.money import exact, exact_percent, stored
from commerce.pricing.periods import months_begun_after
from commerce.pricing.proration import Period, add_months
from commerce.pricing.tax import tax_line
from commerce.quotes import explanations


class QuoteStatus(models.TextChoices):
    """A quote's way: made, checked, offered, and what became of it. Transitions are guarded by a trigger."""

    DRAFT = "draft", _("Draft")
    SUBMITTED = "submitted", _("Submitted")
    IN_APPROVAL = "in_approval", _("In approval")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    PRESENTED = "presented", _("Ready to accept")
    VIEWED = "viewed", _("Viewed")
    ACCEPTED = "accepted", _("Accepted, waiting for payment")
    ORDERED = "ordered", _("Ordered")
    EXPIRED = "expired", _("Expired")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    SUPERSEDED = "superseded", _("Replaced by a newer quote")
    DECLINED = "declined", _("Declined")

    @property
    def tone(self) -> str:
        if self in (QuoteStatus.ORDERED, QuoteStatus.ACCEPTED):
            return "success"
        if self is QuoteStatus.REJECTED:
            return "error"
        return "warning" if self.is_checked else "info" if self.is_open else "neutral"

    @property
    def words(self) -> str:
        """What its own company reads: that it was viewed is news to us, not to them; who checks it is ours."""
        if self.is_open:
            return str(QuoteStatus.PRESENTED.label)
        if self.is_checked:
            return str(_("Being checked by us"))
        return str(_("We can't offer this") if self is QuoteStatus.REJECTED else self.label)

    @property
    def is_open(self) -> bool:
        """Whether it can still be accepted."""
        return self in (QuoteStatus.PRESENTED, QuoteStatus.VIEWED)

    @property
    def is_checked(self) -> bool:
        """Whether the vendor has it, between being submitted and being offered."""
        return self in (QuoteStatus.SUBMITTED, QuoteStatus.IN_APPROVAL, QuoteStatus.APPROVED)

    @property
    def is_under_way(self) -> bool:
        """Whether it may still become an order; until then its time can run out, too."""
        return self is QuoteStatus.DRAFT or self.is_checked or self.is_open


class QuoteOrigin(models.TextChoices):
    """Who made it."""

    PORTAL = "portal", _("The customer, in the portal")
    STAFF = "staff", _("Our people")
    SYSTEM = "system", _("The portal, as a contract comes to its end")


class QuoteKind(models.TextChoices):
    """What ordering it does to its contract."""

    AMENDMENT = "amendment", _("Changes the contract")
    RENEWAL = "renewal", _("Renews the contract")


class QuoteQuerySet(models.QuerySet["Quote"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def shown_to_customers(self) -> Self:
        """What a company made itself, and what it was offered; never what the staff still work on."""
        return self.filter(Q(origin=QuoteOrigin.PORTAL) | Q(presented_at__isnull=False))

    def open(self) -> Self:
        return self.filter(status__in=[status for status in QuoteStatus if status.is_open])

    def under_way(self) -> Self:
        return self.filter(status__in=[status for status in QuoteStatus if status.is_under_way])

    def expired_by(self, now: datetime) -> Self:
        return self.under_way().filter(expires_at__lte=now)

    def versions_of(self, quote: "Quote") -> Self:
        """All versions of one quote, the first one first."""
        return self.filter(account_id=quote.account_id, serial=quote.serial).order_by("version")

    def latest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


@pghistory.track()
class Quote(models.Model):
    """An offer to one company with a price that stands until it expires. A change makes another version of it."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    serial = models.BigIntegerField(editable=False, db_default=NextVal("commerce_quote_number"))
    version = models.PositiveSmallIntegerField(default=1, editable=False)
    origin = models.CharField(max_length=6, choices=QuoteOrigin, default=QuoteOrigin.PORTAL)
    kind = models.CharField(max_length=9, choices=QuoteKind, default=QuoteKind.AMENDMENT, editable=False)
    title = models.CharField(_("name"), max_length=80, blank=True)  # Tells alternatives apart: "With premium support".
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="quotes")
    deal = models.ForeignKey(Deal, on_delete=models.PROTECT, related_name="quotes")
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="quotes")  # The one it amends.
    contract_version = models.PositiveIntegerField()  # Accepting an older version than the contract's is refused.
    # Empty: nobody did; a contract came to its end.
    created_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="quotes_created"
    )
    status = models.CharField(max_length=11, choices=QuoteStatus, default=QuoteStatus.DRAFT)
    currency = models.CharField(max_length=3)
    price_date = models.DateField()  # Of whose day the prices are; the amendment's change day.
    expires_at = models.DateTimeField()  # Exclusive end: the start of the day after its last, in the account's zone.
    # What was asked for, to price it again: {"plan": "business", "seats": "60", "addons": {"sso": "1"}}.
    configuration = models.JSONField(encoder=DjangoJSONEncoder)
    # What the staff set by hand, per product code: {"business": {"discount_percent": "12.5"}}.
    manual_prices = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)
    payment_days = models.PositiveSmallIntegerField(_("days to pay"), default=14)
    special_terms = models.TextField(_("special terms"), max_length=2000, blank=True)
    valid_until = models.DateField(_("valid through"), null=True, blank=True)  # Blank: 30 days once it is presented.
    start_date = models.DateField(_("starts on"), null=True, blank=True)  # Blank: on the price date.
    term_months = models.PositiveSmallIntegerField(_("months"), null=True, blank=True)  # Blank: to the contract's end.
    subtotal_minor = models.BigIntegerField()  # Due now, before tax.
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()  # Due now.
    recurring_before_minor = models.BigIntegerField()  # Per month, before tax, until the change.
    recurring_after_minor = models.BigIntegerField()  # Per month, before tax, after it.
    price_hash = models.CharField(max_length=64)  # Over the whole priced quote, as shown.
    form_key = models.UUIDField(default=uuid.uuid4)
    created_at = models.DateTimeField(default=timezone.now)
    submitted_at = models.DateTimeField(null=True, blank=True)
    submitted_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="quotes_submitted"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    presented_at = models.DateTimeField(null=True, blank=True)
    # What was presented, as a PDF, and the SHA-256 of its bytes.
    document = models.ForeignKey("accounts.StoredFile", on_delete=models.PROTECT, null=True, blank=True)
    document_hash = models.CharField(max_length=64, blank=True)
    viewed_at = models.DateTimeField(null=True, blank=True)
    # Withdrawn or declined: who, when and why.
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="quotes_closed"
    )
    closing_note = models.CharField(max_length=500, blank=True)
    # Acceptance: who consented to what.
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="quotes_accepted"
    )
    accepted_name = models.CharField(max_length=150, blank=True)
    accepted_role = models.CharField(max_length=120, blank=True)  # Their roles then: "buyer,viewer".
    accepted_ip = models.GenericIPAddressField(null=True, blank=True)
    accepted_hash = models.CharField(max_length=64, blank=True)
    po_number = models.CharField(_("purchase order number"), max_length=60, blank=True)

    objects = QuoteQuerySet.as_manager()

    class Meta:
        permissions = [("give_discounts", "Can give discounts and special prices on quotes")]
        indexes = [models.Index(fields=["account", "-created_at", "-id"], name="quote_account_recent")]
        constraints = [
            models.UniqueConstraint(fields=["serial", "version"], name="quote_version"),
            models.UniqueConstraint(fields=["account", "form_key"], name="quote_once_per_form"),
            models.CheckConstraint(
                condition=Q(total_minor=models.F("subtotal_minor") + models.F("tax_minor")), name="quote_total"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"Q-{self.serial}" if self.version == 1 else f"Q-{self.serial} v{self.version}"

    @property
    def status_choice(self) -> QuoteStatus:
        return QuoteStatus(self.status)

    def is_expired(self, now: datetime) -> bool:
        """Whether its time is over, also in the hour before a job says so."""
        return self.status == QuoteStatus.EXPIRED or (self.status_choice.is_under_way and now >= self.expires_at)

    def is_outdated(self, today: date) -> bool:
        """Whether the contract was changed, or ended, after it was made. A renewal can be accepted after its end."""
        goes_on = self.contract.status == ContractStatus.ACTIVE if self.is_renewal else self.contract.is_running(today)
        return self.contract.version != self.contract_version or not goes_on

    @property
    def last_day(self) -> date:
        """The last day on which it can be accepted, where the company is."""
        return (self.expires_at - timedelta(seconds=1)).astimezone(ZoneInfo(self.account.time_zone)).date()

    @property
    def is_by_staff(self) -> bool:
        return self.origin == QuoteOrigin.STAFF

    @property
    def is_shown_to_customers(self) -> bool:
        return not self.is_by_staff or self.presented_at is not None

    @property
    def accepted_role_words(self) -> str:
        """What whoever accepted it was in their company then."""
        return ", ".join(str(Role(role).label) for role in self.accepted_role.split(",") if role in Role)

    @property
    def is_renewal(self) -> bool:
        """Whether it is for the term after the contract's."""
        return self.kind == QuoteKind.RENEWAL

    @property
    def period(self) -> Period:
        """When what it adds is owned."""
        first = self.start_date or self.price_date
        if self.is_renewal and "until" in self.configuration:
            return Period(first, date.fromisoformat(str(self.configuration["until"])))
        end = self.contract.end_date if self.term_months is None else add_months(first, self.term_months)
        return Period(first, end)

    @property
    def last_date(self) -> date:
        """The last day on which what it adds is owned."""
        return self.period.until_date - timedelta(days=1)

    @property
    def has_own_term(self) -> bool:
        return self.start_date is not None or self.term_months is not None

    def commitment_minor(self) -> int:
        """What ordering it adds to what the company owes until its contract ends, with tax. One query.

        What is due now, which for prepaid lines is all of the term; and of lines billed by period what each period
        that begins later in the term costs more than before. What later periods save lowers nothing.
        """
        contract = self.contract
        months = months_begun_after(
            self.period.start_date,
            Period(self.period.start_date if self.is_renewal else contract.start_date, self.period.until_date),
            months=contract.frequency.months,
        )
        lines = [
            line
            for line in self.lines.select_related("product")
            if contract.rule_for(line.product) == BillingRule.PERIOD
        ]
        each = sum(tax_line(line.recurring_minor, rate_percent=line.tax_rate * 100).gross_minor for line in lines)
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
    group = models.CharField(max_length=60, blank=True)  # Under what name it stands with others; blank: none.
    change = models.CharField(max_length=12, choices=DeltaKind)
    quantity = models.DecimalField(max_digits=20, decimal_places=4)  # Signed change.
    quantity_after = models.DecimalField(max_digits=20, decimal_places=4)  # Owned once the quote is ordered.
    # Per unit and month after all discounts; with tax where prices are. `net_unit_price` is what stands beside amounts.
    unit_price = models.DecimalField(max_digits=20, decimal_places=12)
    total_minor = models.BigIntegerField()  # Due now, before tax; negative for a credit.
    tax_rate = models.DecimalField(max_digits=20, decimal_places=12)  # 0.19 is 19 %.
    tax_minor = models.BigIntegerField()
    tax_category = models.CharField(max_length=2, choices=TAX_CATEGORIES, blank=True)  # Blank: before it was noted.
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
    def net_unit_price(self) -> Decimal:
        """The unit price before tax, as all amounts of the line are."""
        percent = explanations.percent_in_price(self.explanation)
        return stored(exact(self.unit_price) / (1 + exact_percent(percent))) if percent else self.unit_price

    @property
    def words(self) -> str:
        """How the price came about, in the reader's language."""
        return explanations.in_words(explanations.from_json(self.explanation))


class QuoteCommentQuerySet(models.QuerySet["QuoteComment"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def about(self, quote: Quote) -> Self:
        """What was said about any version of a quote, the oldest first."""
        return self.filter(account_id=quote.account_id, quote__serial=quote.serial).order_by("created_at", "pk")

    def public(self) -> Self:
        return self.filter(is_internal=False)


class QuoteComment(models.Model):
    """What the company and the vendor's people say to each other about a quote; an internal one stays the vendor's."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    quote = models.ForeignKey(Quote, on_delete=models.PROTECT, related_name="comments")  # The version it was said to.
    author = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    is_internal = models.BooleanField(_("only for our people"), default=False)
    text = models.TextField(_("comment"), max_length=4000)
    created_at = models.DateTimeField(default=timezone.now)

    objects = QuoteCommentQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["quote", "created_at"], name="quote_comments")]

    def __str__(self) -> str:
        return f"{self.author}: {self.text[:60]}"
