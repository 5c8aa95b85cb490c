"""What people are told: about orders, money, quotes and, from `contract_notifications`, their contracts."""

from typing import ClassVar

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import OutgoingMail
from accounts.notifications.team import ToStaff
from accounts.notifications.types import Attachment, Category, Context, NotificationType
from accounts.permissions import Permission
from commerce import contract_notifications
from commerce.billing import invoicing
from commerce.models import Invoice, InvoiceStatus


class AboutAThing(NotificationType):
    """Something that has a page of its own, where people are led."""

    category = Category.ORDERS
    permission = Permission.VIEW_PRICES
    thing: ClassVar[str]  # Its name in the context.
    page: ClassVar[str]
    key: ClassVar[str] = "public_id"  # What of it stands in the page's address.

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse(cls.page, args=[getattr(context[cls.thing], cls.key)])


class OrderConfirmed(AboutAThing):
    """What was ordered can be used."""

    name = "order_confirmed"
    label = _("An order of mine is active")
    permission = Permission.VIEW_ORDERS
    thing, page, key = "order", "commerce:order", "number"
    line = _("Order %(number)s is active")
    action = _("See the order")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return {"number": context["order"].number}


class AboutAnOrder(AboutAThing):
    """To whoever placed it."""

    permission = Permission.VIEW_ORDERS
    thing, page, key = "order", "commerce:order", "number"
    action = _("See the order")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return {"number": context["order"].number}


class OrderSetUp(AboutAnOrder):
    """It is paid; something of it takes some steps yet."""

    name = "order_set_up"
    label = _("An order of mine is being set up")
    line = _("Order %(number)s is being set up")


class OrderProgress(AboutAnOrder):
    """A step of it is done, or held up."""

    name = "order_progress"
    label = _("An order of mine moves on")
    line = _("Order %(number)s: %(step)s – %(state)s")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        step = context["step"]
        return super().params(context) | {"step": step.name, "state": str(step.state_choice.label)}


class OrderCancelled(AboutAnOrder):
    """It was given up, by a colleague or by us."""

    name = "order_cancelled"
    label = _("An order of mine is cancelled")
    line = _("Order %(number)s is cancelled")


class OrderStepFailed(ToStaff):
    """To the people who look after the company: a step of an order is held up."""

    name = "order_step_failed"
    label = _("A customer's order is held up")
    category = Category.ORDERS
    action = _("See the order")

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("admin:commerce_order_change", args=[context["order"].pk])


class Receipt(AboutAThing):
    """A payment has arrived."""

    name = "receipt"
    label = _("A payment has arrived")
    category = Category.MONEY
    permission = Permission.VIEW_INVOICES
    thing, page, key = "invoice", "commerce:invoice", "number"
    line = _("We received your payment for invoice %(number)s")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return {"number": context["invoice"].number}


class AboutMoney(AboutAThing):
    """An invoice, and what becomes of it."""

    category = Category.MONEY
    permission = Permission.VIEW_INVOICES
    thing, page, key = "invoice", "commerce:invoice", "number"

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return {"number": context[cls.thing].number}


class WithDocument(AboutMoney):
    """What also goes to the company's address for invoices, with its document."""

    @classmethod
    def document(cls, context: Context) -> str:
        number: str = context[cls.thing].number
        return number

    @classmethod
    def attachment(cls, mail: OutgoingMail) -> Attachment | None:
        invoice = _invoice_of(mail)
        if invoice is None:
            return None
        stored = invoicing.stored_document(invoice)
        with stored.content.open("rb") as content:
            return Attachment(stored.name, content.read(), stored.content_type)

    @classmethod
    def why_not(cls, mail: OutgoingMail) -> str:
        invoice = _invoice_of(mail)
        if invoice is None:
            return gettext("The company has no such document.")
        if invoice.status == InvoiceStatus.VOID:
            return gettext("The invoice was withdrawn.")
        return ""


def _invoice_of(mail: OutgoingMail) -> Invoice | None:
    """The document of a mail; None where the company that the mail goes to has none of this number."""
    invoices = Invoice.objects.filter(account=mail.account_id).select_related("account", "pdf", "corrects", "order")
    return invoices.filter(number=mail.document).first()


class InvoiceIssued(WithDocument):
    """A period of a contract, or what was used in one, was billed."""

    name = "invoice_issued"
    label = _("An invoice has arrived")
    line = _("Invoice %(number)s")


class InvoiceWithdrawn(AboutMoney):
    """To the company's address for invoices alone: whoever gave the order up knows."""

    name = "invoice_withdrawn"
    label = _("An invoice was withdrawn")
    is_optional = False
    is_chosen = False
    may_be_digested = False
    in_bell = False

    @classmethod
    def document(cls, context: Context) -> str:
        number: str = context["invoice"].number
        return number

    @classmethod
    def why_not(cls, mail: OutgoingMail) -> str:
        sent = OutgoingMail.objects.filter(document=mail.document, kind=InvoiceIssued.name, attempts__gt=0)
        return "" if sent.exists() else gettext("The invoice itself was never sent.")


class CreditNote(WithDocument):
    """Something of an invoice was taken back."""

    name = "credit_note"
    label = _("An invoice was credited")
    thing = "note"
    line = _("Credit note %(number)s")


class Refund(AboutMoney):
    """Money went back to a card."""

    name = "refund"
    label = _("A payment was paid back")
    line = _("We paid money for invoice %(number)s back")


class InvoiceReminder(WithDocument):
    """An invoice is due soon, or should have been paid."""

    name = "invoice_reminder"
    label = _("An invoice is due or overdue")
    line = _("Invoice %(number)s waits for its payment")

    @classmethod
    def why_not(cls, mail: OutgoingMail) -> str:
        invoice = _invoice_of(mail)
        if invoice is not None and not invoice.is_payable:
            return gettext("Nothing is to be paid any more.")
        return super().why_not(mail)


class CardNotCharged(AboutMoney):
    """The stored card was declined for an invoice, or there is none."""

    name = "card_not_charged"
    label = _("Our card could not be charged")
    line = _("Invoice %(number)s could not be charged to your card")
    action = _("See the invoice")


class CardExpires(AboutMoney):
    """The card that invoices are charged to has few days left."""

    name = "card_expires"
    label = _("Our card expires")
    permission = Permission.MANAGE_BILLING
    line = _("%(brand)s ending in %(digits)s expires at the end of %(month)s")
    action = _("See the cards")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        card = context["card"]
        return {"brand": card.brand.title(), "digits": card.last4, "month": card.expiry}

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("commerce:cards")


class Standing(AboutMoney):
    """What follows for the company while something is overdue, and that all is well again."""

    name = "standing"
    label = _("What follows from an unpaid invoice")
    line = _("Your invoices: %(state)s")
    is_optional = False

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return {"state": str(context["dunning"].get_state_display())}

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("commerce:invoices")


class CustomerSuspended(ToStaff):
    """To the people who look after a company that does not pay."""

    name = "customer_suspended"
    label = _("A customer is suspended")
    category = Category.MONEY

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("admin:commerce_dunning_change", args=[context["dunning"].pk])


class TotalsDiffer(ToStaff):
    """To finance: our payments of a day are not Stripe's."""

    name = "totals_differ"
    label = _("Our totals differ from Stripe's")
    category = Category.MONEY

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("admin:commerce_daytotal_changelist")


class AboutAnApproval(AboutAThing):
    """A purchase above its buyer's limit."""

    thing, page = "approval", "commerce:approval"
    action = _("See the request")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        approval = context["approval"]
        names = {"number": approval.quote.number, "buyer": approval.requested_by.name}
        return names | ({"approver": approval.decided_by.name} if approval.decided_by else {})


class ApprovalRequested(AboutAnApproval):
    """To those who may decide."""

    name = "approval_requested"
    label = _("A colleague's purchase waits for my approval")
    permission = Permission.APPROVE_PURCHASES
    line = _("%(buyer)s asks you to approve quote %(number)s")
    action = _("Approve or refuse it")
    may_be_digested = False  # A colleague waits.


class ApprovalGiven(AboutAnApproval):
    """To the buyer: it is ordered."""

    name = "approval_given"
    label = _("My purchase is approved")
    thing, page, key = "order", "commerce:order", "number"
    line = _("%(approver)s approved quote %(number)s")
    action = _("See the order")


class ApprovalRefused(AboutAnApproval):
    """To the buyer, with the approver's words."""

    name = "approval_refused"
    label = _("My purchase is refused")
    line = _("%(approver)s refused quote %(number)s")


class ApprovalLapsed(AboutAnApproval):
    """To the buyer: it could not be ordered any more."""

    name = "approval_lapsed"
    label = _("My purchase could not be ordered")
    line = _("Quote %(number)s could not be ordered")


class AboutAQuote(AboutAThing):
    """An offer of ours, and what is said about it."""

    thing, page = "quote", "commerce:quote"
    action = _("See the quote")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        said = context.get("comment")
        return {"number": context["quote"].number, "name": said.author.name if said else context["by"].name}


class QuotePresented(AboutAQuote):
    """To those who buy: they are made an offer, or another version of it."""

    name = "quote_presented"
    label = _("We are made an offer")
    permission = Permission.BUY
    line = _("Quote %(number)s of %(name)s is ready to accept")


class QuoteAnswered(AboutAQuote):
    """To the company: one of the vendor's people said something about a quote."""

    name = "quote_answered"
    label = _("A comment on a quote")
    line = _("%(name)s commented on quote %(number)s")


class QuoteAsked(ToStaff):
    """To the vendor's people: the company said something about a quote."""

    name = "quote_asked"
    label = _("A customer commented on a quote")


class AboutTheDealDesk(ToStaff):
    """A quote that needs our own people's approval."""

    category = Category.ORDERS

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("admin:deal_desk_request", args=[context["approval"].public_id])


class DealDeskAsks(AboutTheDealDesk):
    """To everybody whose turn it is, and to whom it escalates."""

    name = "deal_desk_asks"
    label = _("A quote waits for my approval")
    action = _("Read it and decide")


class DealDeskApproved(AboutTheDealDesk):
    """To whoever submitted the quote."""

    name = "deal_desk_approved"
    label = _("My quote is approved")
    action = _("See the quote")


class DealDeskRejected(AboutTheDealDesk):
    """To whoever submitted the quote, with the reason."""

    name = "deal_desk_rejected"
    label = _("My quote is rejected")
    action = _("See the quote")


class ConfigurationShared(AboutAThing):
    """To the colleague with whom a configuration is shared."""

    name = "configuration_shared"
    label = _("A colleague shares a configuration with me")
    thing, page = "configuration", "commerce:configuration"
    line = _("%(name)s shares the configuration %(title)s with you")
    action = _("See the configuration")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return {"name": context["shared_by"].name, "title": context["configuration"].name}


class QuoteRequested(ToStaff):
    """To the people who look after the company."""

    name = "quote_requested"
    label = _("A customer asks for a quote")
    category = Category.ORDERS


class QuoteRequestAnswered(AboutAThing):
    """To who asked."""

    name = "quote_request_answered"
    label = _("My request for a quote is answered")
    thing, page = "quote_request", "commerce:quote-request"
    line = _("We answered your request for a quote: %(what)s")
    action = _("See the answer")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return {"what": context["quote_request"].summary}


TYPES: tuple[type[NotificationType], ...] = (
    OrderConfirmed, OrderSetUp, OrderProgress, OrderCancelled, OrderStepFailed,
    Receipt, InvoiceIssued, InvoiceWithdrawn, CreditNote, Refund, InvoiceReminder,
    CardNotCharged, CardExpires, Standing, CustomerSuspended, TotalsDiffer,
    ApprovalRequested, ApprovalGiven, ApprovalRefused, ApprovalLapsed,
    QuotePresented, QuoteAnswered, QuoteAsked,
    DealDeskAsks, DealDeskApproved, DealDeskRejected,
    ConfigurationShared, QuoteRequested, QuoteRequestAnswered,
    *contract_notifications.TYPES,
)  # fmt: skip
