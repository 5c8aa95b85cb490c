"""Invoices, and the attempts to pay them."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, StoredFile
from commerce.billing.references import creditor_reference, in_groups
from commerce.models.catalogue import Product
from commerce.models.orders import Order
from commerce.models.prices import TAX_CATEGORIES
from tracking.actor import Actor, ActorKind


class InvoiceKind(models.TextChoices):
    INVOICE = "invoice", _("Invoice")
    CREDIT_NOTE = "credit_note", _("Credit note")


class InvoiceSeries(models.Model):
    """The next number of a legal entity's invoices, and that of its credit notes.

    Handed out without gaps by commerce_next_invoice_number().
    """

    legal_entity = models.CharField(max_length=120)
    kind = models.CharField(max_length=12, choices=InvoiceKind, default=InvoiceKind.INVOICE)
    prefix = models.CharField(max_length=20)
    next_number = models.PositiveBigIntegerField(default=1)

    class Meta:
        verbose_name_plural = "invoice series"
        constraints = [models.UniqueConstraint(fields=["legal_entity", "kind"], name="invoice_series_once")]

    def __str__(self) -> str:
        return self.legal_entity


class InvoiceStatus(models.TextChoices):
    OPEN = "open", _("Open")
    PAID = "paid", _("Paid")
    VOID = "void", _("Void")
    CREDITED = "credited", _("Credited")
    WRITTEN_OFF = "written_off", _("Written off")

    @property
    def tone(self) -> str:
        return {"open": "warning", "paid": "success", "credited": "success"}.get(self, "neutral")


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def payable(self) -> Self:
        return self.filter(status=InvoiceStatus.OPEN, total_minor__gt=F("covered_minor"))

    def overdue(self, today: date) -> Self:
        return self.payable().filter(due_date__lt=today)

    def matching(self, text: str) -> Self:
        """Those with `text` in their number or reference, or of the order with that number."""
        found = Q(number__icontains=text) | Q(po_number__icontains=text)
        serial = text.upper().removeprefix("O-")
        return self.filter(found | Q(order__serial=int(serial)) if serial.isdecimal() and len(serial) < 10 else found)

    def owed(self, today: date) -> Sequence[Mapping[str, object]]:
        """What is to be paid, and how much of it is overdue, by currency. One query."""
        due = F("total_minor") - F("covered_minor")
        sums = self.payable().order_by("currency").values("currency")
        return list(sums.annotate(due=Sum(due), overdue=Sum(due, filter=Q(due_date__lt=today))))

    def credit_notes(self) -> Self:
        return self.filter(kind=InvoiceKind.CREDIT_NOTE)

    def latest_first(self) -> Self:
        return self.order_by("-issue_date", "-number")


class Invoice(models.Model):
    """A bill, or a credit note for one. Lines and totals never change once it is issued: a trigger refuses it.

    A credit note takes back (a part of) the invoice that it corrects: its totals are negative.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(max_length=40, unique=True)
    legal_entity = models.CharField(max_length=120)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="invoices")
    order = models.OneToOneField(Order, on_delete=models.PROTECT, null=True, related_name="invoice")
    kind = models.CharField(max_length=12, choices=InvoiceKind, default=InvoiceKind.INVOICE)
    corrects = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="corrections")
    reason = models.CharField(max_length=500, blank=True)  # Of a credit note, in words for the customer.
    status = models.CharField(max_length=12, choices=InvoiceStatus, default=InvoiceStatus.OPEN)
    currency = models.CharField(max_length=3)
    written_off_at = models.DateTimeField(null=True, blank=True)
    closing_note = models.CharField(max_length=500, blank=True)  # Why it was written off; for our people.
    # What need not be paid any more, as the balance was used for it or it was credited while it was open.
    covered_minor = models.BigIntegerField(default=0)
    subtotal_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    # Name and address as they were on the day: {"name", "street", "postal_code", "city", "country", "vat_id", "email"}.
    bill_to = models.JSONField(encoder=DjangoJSONEncoder)
    # The vendor's, likewise (LegalEntity.as_seller). Empty where it was not known.
    seller = models.JSONField(encoder=DjangoJSONEncoder, default=dict)
    po_number = models.CharField(max_length=60, blank=True)
    buyer_reference = models.CharField(max_length=60, blank=True)  # By which the buyer finds the cost centre.
    issue_date = models.DateField()
    due_date = models.DateField()
    paid_at = models.DateTimeField(null=True, blank=True)
    # Who of our people saw the money on the bank account, before the line of the statement that it came with was read.
    marked_paid_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    pdf = models.ForeignKey(StoredFile, on_delete=models.PROTECT, null=True, blank=True)

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        permissions = [
            ("credit_invoices", "Can credit invoices"),
            ("write_off_invoices", "Can write off invoices that nobody will pay"),
        ]
        indexes = [models.Index(fields=["account", "-issue_date", "-id"], name="invoice_account_recent")]
        constraints = [
            models.CheckConstraint(condition=Q(total_minor=F("subtotal_minor") + F("tax_minor")), name="invoice_total"),
            models.CheckConstraint(
                condition=~Q(status="paid") | Q(paid_at__isnull=False), name="invoice_paid_has_time"
            ),
            models.CheckConstraint(
                condition=Q(kind="invoice", corrects=None)
                | Q(kind="credit_note", corrects__isnull=False, total_minor__lt=0, status="credited"),
                name="invoice_credit_note_corrects",
            ),
            models.CheckConstraint(
                condition=Q(covered_minor=0) | Q(covered_minor__gt=0, covered_minor__lte=F("total_minor")),
                name="invoice_covered_at_most",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def status_choice(self) -> InvoiceStatus:
        return InvoiceStatus(self.status)

    @property
    def is_credit_note(self) -> bool:
        return self.kind == InvoiceKind.CREDIT_NOTE

    @property
    def due_minor(self) -> int:
        """What is still to be paid."""
        return self.total_minor - self.covered_minor if self.status == InvoiceStatus.OPEN else 0

    @property
    def is_payable(self) -> bool:
        """Whether a card can be charged for it."""
        return self.due_minor > 0

    @property
    def can_be_credited(self) -> bool:
        """Whether it may have something left to be credited."""
        takes_none = (InvoiceStatus.VOID, InvoiceStatus.WRITTEN_OFF, InvoiceStatus.CREDITED)
        return not self.is_credit_note and self.status not in takes_none

    @property
    def payment_reference(self) -> str:
        """What a transfer should name, with digits by which the payer's bank notices a slip."""
        return in_groups(creditor_reference(self.number))

    def is_overdue(self, today: date) -> bool:
        return self.status == InvoiceStatus.OPEN and self.due_date < today


class InvoiceLineQuerySet(models.QuerySet["InvoiceLine"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class InvoiceLine(models.Model):
    """One line of an invoice, as text and figures that no later change of the catalogue touches."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    corrects = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="corrections")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, null=True)
    description = models.CharField(max_length=200)
    explanation = models.TextField(blank=True)
    quantity = models.DecimalField(max_digits=20, decimal_places=4)
    unit_price = models.DecimalField(max_digits=20, decimal_places=12)
    total_minor = models.BigIntegerField()
    tax_rate = models.DecimalField(max_digits=20, decimal_places=12)
    tax_minor = models.BigIntegerField()
    tax_category = models.CharField(max_length=2, choices=TAX_CATEGORIES, blank=True)  # Blank: before it was noted.

    objects = InvoiceLineQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["account", "invoice", "position"], name="invoice_line_position")]

    def __str__(self) -> str:
        return self.description


class StripeCustomer(models.Model):
    """An account at Stripe. Replaced when Stripe no longer knows it."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT)
    stripe_id = models.CharField(max_length=80)
    is_live = models.BooleanField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "stripe_id"], name="stripe_customer_once")]

    def __str__(self) -> str:
        return self.stripe_id


class PaymentState(models.TextChoices):
    """Forward only; a trigger refuses the way back."""

    CREATED = "created", _("Starting")
    SUBMITTING = "submitting", _("Being sent")
    UNKNOWN = "unknown", _("We are checking")
    REQUIRES_ACTION = "requires_action", _("Waiting for your bank")
    PROCESSING = "processing", _("Being processed")
    SUCCEEDED = "succeeded", _("Paid")
    FAILED = "failed", _("Declined")
    CANCELLED = "cancelled", _("Cancelled")
    REVIEW = "review", _("Being reviewed by our team")

    @property
    def is_pending(self) -> bool:
        """Whether money may still move: no other attempt may start."""
        return self in PENDING_STATES

    @property
    def is_final(self) -> bool:
        return self in (PaymentState.SUCCEEDED, PaymentState.FAILED, PaymentState.CANCELLED)

    @property
    def tone(self) -> str:
        if self == PaymentState.SUCCEEDED:
            return "success"
        if self in (PaymentState.FAILED, PaymentState.CANCELLED):
            return "error"
        return "warning"


PENDING_STATES = (
    PaymentState.CREATED,
    PaymentState.SUBMITTING,
    PaymentState.UNKNOWN,
    PaymentState.REQUIRES_ACTION,
    PaymentState.PROCESSING,
    PaymentState.REVIEW,
)
UNFINISHED_STATES = tuple(state for state in PENDING_STATES if state != PaymentState.REVIEW)
MOVING_STATES = tuple(state for state in PENDING_STATES if state != PaymentState.REQUIRES_ACTION)

# Why a payment is under review that has taken money, to the cent what was asked for.
MONEY_HELD = frozenset(
    {
        *(f"invoice_{status}" for status in InvoiceStatus if status != InvoiceStatus.OPEN),
        "OrderCancelled",
        "ContractMoved",
    }
)

# What a person should know of a decline, by the bank's code; anything else is only "declined".
DECLINE_REASONS = {
    "insufficient_funds": _("The card does not have enough funds."),
    "expired_card": _("The card has expired."),
    "incorrect_cvc": _("The security code is wrong."),
    "incorrect_number": _("The card number is wrong."),
    "lost_card": _("The bank refused the card."),
    "stolen_card": _("The bank refused the card."),
    "authentication_required": _("The bank wants you to confirm the payment yourself."),
    "payment_intent_authentication_failure": _("The bank could not confirm that it was you."),
    "processing_error": _("The bank could not be reached."),
}


class PaymentChannel(models.TextChoices):
    """Where the customer says how to pay."""

    CARD = "card", _("Card form")
    CHECKOUT = "checkout", _("Stripe's own page")


class PaymentAttemptQuerySet(models.QuerySet["PaymentAttempt"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def pending(self) -> Self:
        return self.filter(state__in=PENDING_STATES)

    def moving(self) -> Self:
        """Whose money may be on its way without the customer doing anything more; under review, it may be with us."""
        return self.filter(state__in=MOVING_STATES)

    def unfinished(self) -> Self:
        """Those that go on by themselves; one under review waits for a person."""
        return self.filter(state__in=UNFINISHED_STATES)

    def due(self, now: datetime) -> Self:
        """Left behind by a process that died, or to be asked about again."""
        return self.unfinished().filter(next_check_at__lte=now)


class PaymentAttempt(models.Model):
    """One try to pay one invoice. Request and idempotency key are frozen before anything is sent.

    The request charges a card; or it asks for a page of Stripe's own, on which the customer pays (`is_at_stripe`).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="payment_attempts")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()  # 1, 2, … within the invoice.
    state = models.CharField(max_length=20, choices=PaymentState, default=PaymentState.CREATED)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    request = models.JSONField(encoder=DjangoJSONEncoder)
    idempotency_key = models.CharField(max_length=100)
    channel = models.CharField(max_length=10, choices=PaymentChannel, default=PaymentChannel.CARD)
    stripe_session_id = models.CharField(max_length=100, blank=True)  # Of that page.
    stripe_intent_id = models.CharField(max_length=80, blank=True)
    error_code = models.CharField(max_length=80, blank=True)
    decline_code = models.CharField(max_length=80, blank=True)
    is_live = models.BooleanField(default=False)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True)
    created_at = models.DateTimeField(default=timezone.now)
    submitted_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    # When a job looks at it again, as a worker or web process may have died with it; and how often one has.
    next_check_at = models.DateTimeField(null=True, blank=True)
    checks = models.PositiveSmallIntegerField(default=0)

    objects = PaymentAttemptQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "invoice", "number"], name="attempt_number_once"),
            models.UniqueConstraint(fields=["account", "idempotency_key"], name="attempt_key_once"),
            models.UniqueConstraint(
                fields=["account", "stripe_intent_id"], condition=~Q(stripe_intent_id=""), name="attempt_intent_once"
            ),
            models.UniqueConstraint(
                fields=["account", "stripe_session_id"], condition=~Q(stripe_session_id=""), name="attempt_session_once"
            ),
            models.UniqueConstraint(
                fields=["account", "invoice"], condition=Q(state__in=PENDING_STATES), name="attempt_one_pending"
            ),
            models.UniqueConstraint(
                fields=["account", "invoice"], condition=Q(state="succeeded"), name="attempt_one_succeeded"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="attempt_amount_positive"),
        ]
        indexes = [
            models.Index(fields=["next_check_at"], name="attempt_due", condition=Q(state__in=UNFINISHED_STATES)),
        ]

    def __str__(self) -> str:
        return f"{self.invoice} #{self.number}"

    @property
    def state_choice(self) -> PaymentState:
        return PaymentState(self.state)

    @property
    def is_at_stripe(self) -> bool:
        """Whether it is paid on a page of Stripe's own."""
        return self.channel == PaymentChannel.CHECKOUT

    @property
    def decline_reason(self) -> str:
        """Why it was declined, for the customer."""
        reason = DECLINE_REASONS.get(self.decline_code) or DECLINE_REASONS.get(self.error_code)
        return str(reason or _("The bank declined the card."))

    @property
    def holds_money(self) -> bool:
        """Whether it has taken money that nothing stands against: it must go back."""
        return self.state == PaymentState.REVIEW and self.error_code in MONEY_HELD

    @property
    def payer(self) -> Actor:
        """Who pressed Pay."""
        if self.created_by_id is None:
            return Actor.system(self.account_id)
        return Actor(user_id=self.created_by_id, account_id=self.account_id, kind=ActorKind.CUSTOMER)


class WebhookState(models.TextChoices):
    RECEIVED = "received", _("Received")
    PROCESSED = "processed", _("Processed")
    IGNORED = "ignored", _("Not of interest")
    FAILED = "failed", _("Failed, will be tried again")
    PARKED = "parked", _("Given up")


class WebhookEventQuerySet(models.QuerySet["WebhookEvent"]):
    def due(self, now: datetime) -> Self:
        return self.filter(state__in=[WebhookState.RECEIVED, WebhookState.FAILED], next_at__lte=now)


class WebhookEvent(models.Model):
    """A delivery of Stripe: stored under its id first, answered, then processed."""

    event_id = models.CharField(max_length=80, unique=True)
    type = models.CharField(max_length=80)
    occurred_at = models.DateTimeField(null=True, blank=True)  # At Stripe; says nothing about the order of things.
    object_id = models.CharField(max_length=80, blank=True)
    api_version = models.CharField(max_length=40, blank=True)
    is_live = models.BooleanField(default=False)
    payload = models.JSONField()
    state = models.CharField(max_length=10, choices=WebhookState, default=WebhookState.RECEIVED)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.TextField(blank=True)
    received_at = models.DateTimeField(default=timezone.now)
    next_at = models.DateTimeField(default=timezone.now)
    processed_at = models.DateTimeField(null=True, blank=True)

    objects = WebhookEventQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["next_at"], name="webhook_due", condition=Q(state__in=["received", "failed"]))]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class EventCursor(models.Model):
    """How far events of one type have been fetched from Stripe, beside those that were delivered."""

    event_type = models.CharField(max_length=80, unique=True)
    fetched_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.event_type} until {self.fetched_until:%Y-%m-%d %H:%M}"
