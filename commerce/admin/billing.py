"""Invoices, payments and what Stripe told of them: to be seen, checked and replayed, never edited."""

from collections.abc import Mapping
from datetime import date

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from accounts.admin import Kept, ReadOnly, Undeletable
from accounts.jobs import enqueue
from commerce import amounts, webhooks
from commerce.admin import receivables
from commerce.admin.bases import AmountsByPermission, PossibleActions, staff_of
from commerce.billing import payments, refunds
from commerce.billing import receivables as billing_months
from commerce.models import (
    BalanceEntry,
    Invoice,
    InvoiceLine,
    LegalEntity,
    PaymentAttempt,
    PeriodClose,
    RefundAttempt,
    WebhookEvent,
)
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.money import Money
from commerce.tasks import process_webhook, return_money, settle_payment
from tracking.actor import Actor


def _fields_of(model: type[PaymentAttempt | RefundAttempt]) -> list[str]:
    """All that is known of a movement of money, its amount as people read it."""
    names = [field.name for field in model._meta.fields if field.name != "currency"]
    return ["amount" if name == "amount_minor" else name for name in names]


class InvoiceLineInline(AmountsByPermission, ReadOnly, TabularInline):
    model = InvoiceLine
    amounts = frozenset({"explanation", "each", "amount"})
    seen_with = "commerce.view_invoice"
    fields = ["position", "description", "explanation", "how_many", "each", "amount"]
    readonly_fields = fields
    extra = 0

    @display(description=_("quantity"))
    def how_many(self, line: InvoiceLine) -> str:
        return amounts.number(line.quantity)

    @display(description=_("unit price"))
    def each(self, line: InvoiceLine) -> str:
        return amounts.unit_price(UnitPrice(line.unit_price, line.invoice.currency))

    @display(description=_("amount"))
    def amount(self, line: InvoiceLine) -> str:
        return amounts.money(Money(line.total_minor, line.invoice.currency))


class PaymentAttemptInline(ReadOnly, TabularInline):
    model = PaymentAttempt
    fields = ["number", "state", "error_code", "decline_code", "stripe_intent_id", "created_at", "settled_at"]
    readonly_fields = fields
    extra = 0
    show_change_link = True


@admin.register(Invoice)
class InvoiceAdmin(AmountsByPermission, ReadOnly, PossibleActions):
    amounts = frozenset({"total", "subtotal", "tax", "covered", "due"})
    fields = [
        "number", "kind", "corrects", "reason", "status", "account", "order", "subtotal", "tax", "total", "covered",
        "due", "issue_date", "due_date", "paid_at", "marked_paid_by", "written_off_at", "closing_note", "billed_to",
        "billed_by", "po_number", "buyer_reference", "pdf",
    ]  # fmt: skip
    readonly_fields = fields
    list_display = ["number", "account", "order", "status_label", "total", "issue_date", "due_date", "paid_at"]
    list_filter = ["kind", "status", "issue_date"]
    list_select_related = ["account", "order"]
    search_fields = ["number", "account__name"]
    inlines = [InvoiceLineInline, PaymentAttemptInline]
    actions_detail = ["credit", "write_off"]

    @display(description=_("status"), label={"open": "warning", "paid": "success", "credited": "success"})
    def status_label(self, invoice: Invoice) -> tuple[str, str]:
        return invoice.status, invoice.get_status_display()

    @display(description=_("before tax"))
    def subtotal(self, invoice: Invoice) -> str:
        return amounts.money(Money(invoice.subtotal_minor, invoice.currency))

    @display(description=_("tax"))
    def tax(self, invoice: Invoice) -> str:
        return amounts.money(Money(invoice.tax_minor, invoice.currency))

    @display(description=_("total"))
    def total(self, invoice: Invoice) -> str:
        return amounts.money(Money(invoice.total_minor, invoice.currency))

    @display(description=_("covered by credit"))
    def covered(self, invoice: Invoice) -> str:
        return amounts.money(Money(invoice.covered_minor, invoice.currency))

    @display(description=_("to be paid"))
    def due(self, invoice: Invoice) -> str:
        return amounts.money(Money(invoice.due_minor, invoice.currency))

    @display(description=_("bill to"))
    def billed_to(self, invoice: Invoice) -> str:
        return _in_a_line(invoice.bill_to)

    @display(description=_("seller"))
    def billed_by(self, invoice: Invoice) -> str:
        return _in_a_line(invoice.seller) or invoice.legal_entity

    @action(description=_("Credit"), url_path="credit", permissions=["credit"])
    def credit(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return receivables.credit_page(request, object_id)

    def possible_actions(self, row: Invoice) -> list[str]:
        """What is left of an invoice is credited, an open one written off."""
        return ["credit"] * row.can_be_credited + ["write_off"] * row.is_payable

    def has_credit_permission(self, request: HttpRequest, *args: object) -> bool:
        return request.user.has_perm("commerce.credit_invoices")

    @action(description=_("Write off"), url_path="write-off", permissions=["write_off"])
    def write_off(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return receivables.write_off_page(request, object_id)

    def has_write_off_permission(self, request: HttpRequest, *args: object) -> bool:
        return request.user.has_perm("commerce.write_off_invoices")


def _in_a_line(whom: Mapping[str, str]) -> str:
    """What an invoice kept of a company; old ones kept less."""
    place = f"{whom.get('postal_code', '')} {whom.get('city', '')}".strip()
    parts = [whom.get("name"), whom.get("street"), place, whom.get("country"), whom.get("vat_id")]
    return ", ".join(part for part in parts if part)


@admin.register(LegalEntity)
class LegalEntityAdmin(Undeletable, ModelAdmin):
    list_display = ["name", "country", "vat_id", "is_complete"]
    fieldsets = [
        (None, {"fields": ["name", "street", "postal_code", "city", "country"]}),
        (_("Registrations"), {"fields": ["vat_id", "registration"]}),
        (_("Questions and money"), {"fields": ["email", "phone", "iban", "bic"]}),
    ]

    @display(description=_("e-invoices can be made"), boolean=True)
    def is_complete(self, entity: LegalEntity) -> bool:
        return not entity.missing


@admin.register(PaymentAttempt)
class PaymentAttemptAdmin(AmountsByPermission, Kept, PossibleActions):
    amounts = frozenset({"amount", "request"})
    list_display = ["__str__", "account", "state_label", "amount", "error_code", "checks", "created_at", "settled_at"]
    list_filter = ["state", "created_at"]
    list_select_related = ["account", "invoice"]
    search_fields = ["stripe_intent_id", "invoice__number", "account__name"]
    fields = _fields_of(PaymentAttempt)
    readonly_fields = fields
    actions = ["check_now", "release", "send_back"]
    actions_detail = ["refund"]

    @display(
        description=_("state"),
        label={
            "created": "info",
            "submitting": "info",
            "unknown": "warning",
            "requires_action": "warning",
            "processing": "warning",
            "succeeded": "success",
            "failed": "danger",
            "cancelled": "info",
            "review": "danger",
        },
    )
    def state_label(self, attempt: PaymentAttempt) -> tuple[str, str]:
        return attempt.state, attempt.get_state_display()

    @display(description=_("amount"))
    def amount(self, attempt: PaymentAttempt) -> str:
        return amounts.money(Money(attempt.amount_minor, attempt.currency))

    def possible_actions(self, row: PaymentAttempt) -> list[str]:
        return ["refund"] if refunds.left_of(row) else []

    @action(description=_("Pay back"), url_path="refund", permissions=["refund"])
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return receivables.refund_page(request, object_id)

    def has_refund_permission(self, request: HttpRequest, *args: object) -> bool:
        return request.user.has_perm("commerce.refund_payments")

    @action(description=_("Check with Stripe now"), permissions=["change"])
    def check_now(self, request: HttpRequest, queryset: QuerySet[PaymentAttempt]) -> None:
        for attempt in queryset:
            enqueue(settle_payment, attempt_id=str(attempt.pk))
        self.message_user(request, _("Stripe is being asked; reload this page in a moment."))

    @action(description=_("Nothing was charged: let the customer pay again"), permissions=["change"])
    def release(self, request: HttpRequest, queryset: QuerySet[PaymentAttempt]) -> None:
        released = 0
        for attempt in queryset:
            after = payments.release(attempt=attempt, now=timezone.now())
            if after.state != attempt.state:
                self.log_change(request, attempt, str(_("Made sure that nothing was charged.")))
                released += 1
        self.message_user(request, _("%d payments under review were released.") % released)

    @action(description=_("Send back what was charged for nothing"), permissions=["refund"])
    def send_back(self, request: HttpRequest, queryset: QuerySet[PaymentAttempt]) -> None:
        held = [attempt for attempt in queryset if attempt.holds_money]
        for attempt in held:
            self.log_change(request, attempt, str(_("Sent the money back.")))
            enqueue(return_money, attempt_id=str(attempt.pk))
        self.message_user(request, _("%d payments are being sent back; reload this page in a moment.") % len(held))


@admin.register(RefundAttempt)
class RefundAttemptAdmin(AmountsByPermission, Kept, ModelAdmin):
    amounts = frozenset({"amount", "request"})
    list_display = ["payment", "account", "state", "amount", "reason", "error_code", "created_at", "settled_at"]
    list_filter = ["state", "created_at"]
    list_select_related = ["account", "payment__invoice"]
    search_fields = ["stripe_refund_id", "payment__invoice__number", "account__name"]
    fields = _fields_of(RefundAttempt)
    readonly_fields = fields
    actions = ["release"]

    @action(description=_("Nothing went back: it is the company's credit again"), permissions=["change"])
    def release(self, request: HttpRequest, queryset: QuerySet[RefundAttempt]) -> None:
        released = 0
        for refund in queryset:
            after = refunds.release(refund=refund, now=timezone.now())
            if after.state != refund.state:
                self.log_change(request, refund, str(_("Made sure that nothing went back.")))
                released += 1
        self.message_user(request, _("%d refunds under review were released.") % released)

    @display(description=_("amount"))
    def amount(self, refund: RefundAttempt) -> str:
        return amounts.money(Money(refund.amount_minor, refund.currency))


@admin.register(BalanceEntry)
class BalanceEntryAdmin(AmountsByPermission, ReadOnly, ModelAdmin):
    amounts = frozenset({"amount", "amount_minor"})
    list_display = ["account", "kind", "amount", "invoice", "created_at"]
    list_filter = ["kind", "currency"]
    list_select_related = ["account", "invoice"]
    search_fields = ["account__name", "invoice__number"]

    @display(description=_("amount"))
    def amount(self, entry: BalanceEntry) -> str:
        return amounts.money(Money(entry.amount_minor, entry.currency))


class PeriodCloseForm(forms.ModelForm[PeriodClose]):
    class Meta:
        model = PeriodClose
        fields = ["month"]
        help_texts = {"month": _("Any day of it. Nothing is dated in a closed month any more; this can't be undone.")}

    def clean_month(self) -> date:
        month: date = self.cleaned_data["month"].replace(day=1)
        if not billing_months.is_over(month, now=timezone.now()):
            raise ValidationError(_("The month is not over yet."))
        if PeriodClose.covers(settings.LEGAL_ENTITY, month):
            raise ValidationError(_("The books of this month are closed already."))
        return month


@admin.register(PeriodClose)
class PeriodCloseAdmin(Undeletable, ModelAdmin):
    form = PeriodCloseForm
    list_display = ["closed_month", "legal_entity", "closed_by", "closed_at"]
    list_select_related = ["closed_by"]

    @display(description=_("month"), ordering="month")
    def closed_month(self, close: PeriodClose) -> str:
        return date_format(close.month, "YEAR_MONTH_FORMAT")

    def has_change_permission(self, request: HttpRequest, obj: PeriodClose | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: PeriodClose, form: PeriodCloseForm, change: bool) -> None:
        closed = billing_months.close_month(
            month=obj.month, actor=Actor.staff(staff_of(request).pk), now=timezone.now()
        )
        obj.pk, obj.legal_entity = closed.pk, closed.legal_entity  # What the page then says was closed.


@admin.register(WebhookEvent)
class WebhookEventAdmin(Kept, ModelAdmin):
    list_display = ["event_id", "type", "state_label", "attempts", "object_id", "received_at", "processed_at"]
    list_filter = ["state", "type", "api_version"]
    search_fields = ["event_id", "object_id"]
    readonly_fields = [field.name for field in WebhookEvent._meta.fields]
    actions = ["replay"]

    @display(
        description=_("state"),
        label={
            "received": "info",
            "processed": "success",
            "ignored": "info",
            "failed": "warning",
            "parked": "danger",
        },
    )
    def state_label(self, event: WebhookEvent) -> tuple[str, str]:
        return event.state, event.get_state_display()

    @action(description=_("Process again"), permissions=["change"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> None:
        for event in queryset:
            webhooks.replay(event=event, now=timezone.now())
            enqueue(process_webhook, event_id=event.event_id)
        self.message_user(request, _("The events are being processed again."))
