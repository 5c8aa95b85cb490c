"""Credit notes: they take back an invoice, or a part of it. An invoice itself never changes."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.languages import documents_language
from accounts.notifications import mail_companies, notify
from commerce.billing import balances, invoicing, standing
from commerce.billing.contacts import billing_contacts
from commerce.models import Invoice, InvoiceKind, InvoiceLine, InvoiceStatus, Order, OrderStatus, PaymentAttempt
from commerce.orders import cancelling, fulfilling
from commerce.pricing.money import from_minor
from commerce.pricing.tax import part_of_tax
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record


class NotCreditable(Exception):
    """It is void, written off or itself a credit note, or nothing of it is left to be credited."""


class MoreThanLeft(Exception):
    """More of a line was to be credited than is left of it."""


class CreditedMeanwhile(Exception):
    """Something of the invoice was credited since whoever asks looked at it: the same click twice, as a rule."""


def credit_invoice(
    *,
    invoice: Invoice,
    reason: str,
    actor: Actor,
    now: datetime,
    amounts: Mapping[int, int] | None = None,
    seen_left_minor: int | None = None,
) -> Invoice:
    """Credit what is left of an invoice, or a part of some of its lines, and return the credit note.

    `amounts` says how much of which line, by position: net minor units with the sign of the line. What was to be paid
    is owed no more; what was paid goes to the company's balance. An order whose bill is credited in full before it is
    paid is given up, unless it renewed a term that has begun. `seen_left_minor` is what was left of it, with tax, as a
    person read it. Raises NotCreditable, MoreThanLeft, CreditedMeanwhile, invoicing.InvoiceBeingPaid: then nothing has
    changed.
    """
    with transaction.atomic():
        locked = Invoice.objects.select_for_update(of=("self",)).select_related("account", "order").get(pk=invoice.pk)
        _check_creditable(locked)
        if seen_left_minor is not None and seen_left_minor != total_left(locked):
            raise CreditedMeanwhile(_("Something of this invoice was credited since you looked. Look again."))
        with override(documents_language(locked.account)):
            lines = _lines(locked, amounts)
        if sum(line.total_minor + line.tax_minor for line in lines) >= 0:
            raise NotCreditable(_("Nothing of invoice %(number)s would be credited.") % {"number": locked.number})
        note = _issue(locked, lines, reason=reason, now=now)
        _settle(locked, note, actor=actor, now=now)
        record(
            name=EventName.INVOICE_CREDITED,
            actor=actor,
            now=now,
            object_type="invoice",
            object_id=note.number,
            properties={"invoice": locked.number, "total_minor": note.total_minor, "currency": note.currency},
        )
        told = {"note": note, "invoice": locked, "credited": -note.total_minor}
        notify(kind="credit_note", to=billing_contacts(locked.account), account=locked.account, context=told)
        mail_companies(kind="credit_note", told=[(locked.account, told)])
        standing.look_again(account=locked.account, now=now)
    return note


def left_of(invoice: Invoice) -> dict[int, tuple[InvoiceLine, int]]:
    """The lines by position, and how much of each can still be credited: net minor units with the line's sign."""
    return {line.position: (line, line.total_minor + net) for line, net, _tax in _credited_so_far(invoice)}


def total_left(invoice: Invoice) -> int:
    """How much of an invoice can still be credited, with tax, in minor units. One query."""
    return invoice.total_minor + (invoice.corrections.aggregate(total=Sum("total_minor"))["total"] or 0)


def _check_creditable(invoice: Invoice) -> None:
    if invoice.is_credit_note or invoice.status in (InvoiceStatus.VOID, InvoiceStatus.WRITTEN_OFF):
        raise NotCreditable(_("Invoice %(number)s cannot be credited.") % {"number": invoice.number})
    if PaymentAttempt.objects.filter(invoice=invoice).pending().exists():
        raise invoicing.InvoiceBeingPaid(
            _("A payment of invoice %(number)s is on its way.") % {"number": invoice.number}
        )


def _credited_so_far(invoice: Invoice) -> list[tuple[InvoiceLine, int, int]]:
    """Each line, with the net and the tax that were taken back of it, both of the other sign. Two queries."""
    taken = InvoiceLine.objects.filter(corrects__invoice=invoice).order_by().values_list("corrects")
    sums = {line: (net, tax) for line, net, tax in taken.annotate(Sum("total_minor"), Sum("tax_minor"))}
    return [(line, *sums.get(line.pk, (0, 0))) for line in invoice.lines.select_related("product")]


def _lines(invoice: Invoice, amounts: Mapping[int, int] | None) -> list[InvoiceLine]:
    credited = _credited_so_far(invoice)
    if amounts is not None and (unknown := set(amounts) - {line.position for line, _net, _tax in credited}):
        raise MoreThanLeft(_("The invoice has no line %(position)d.") % {"position": min(unknown)})
    lines = []
    for line, net, tax in credited:
        left = line.total_minor + net
        wanted = left if amounts is None else amounts.get(line.position, 0)
        if not wanted:
            continue
        if wanted * left <= 0 or abs(wanted) > abs(left):
            raise MoreThanLeft(_("Less than that is left of “%(line)s”.") % {"line": line.description})
        # Of all that is taken back by now, so that the parts add up to the tax of the line.
        taken = part_of_tax(line.tax_minor, part_minor=wanted - net, total_minor=line.total_minor)
        lines.append(_mirrored(invoice, line, wanted, taken + tax))
    return lines


def _mirrored(invoice: Invoice, line: InvoiceLine, net_minor: int, tax_minor: int) -> InvoiceLine:
    is_whole = net_minor == line.total_minor
    return InvoiceLine(
        account=invoice.account,
        position=line.position,
        corrects=line,
        product=line.product,
        description=line.description,
        explanation=line.explanation if is_whole else _("A part of this line"),
        quantity=-line.quantity if is_whole else Decimal(-1),
        unit_price=line.unit_price if is_whole else from_minor(net_minor, invoice.currency),
        total_minor=-net_minor,
        tax_rate=line.tax_rate,
        tax_minor=-tax_minor,
        tax_category=line.tax_category,
    )


def _issue(invoice: Invoice, lines: list[InvoiceLine], *, reason: str, now: datetime) -> Invoice:
    today = invoice.account.local_date(now)
    subtotal, tax = sum(line.total_minor for line in lines), sum(line.tax_minor for line in lines)
    note = Invoice.objects.create(
        number=invoicing.next_number(invoice.legal_entity, InvoiceKind.CREDIT_NOTE),
        kind=InvoiceKind.CREDIT_NOTE,
        corrects=invoice,
        reason=reason.strip()[:500],
        status=InvoiceStatus.CREDITED,
        legal_entity=invoice.legal_entity,
        account=invoice.account,
        currency=invoice.currency,
        subtotal_minor=subtotal,
        tax_minor=tax,
        total_minor=subtotal + tax,
        bill_to=invoice.bill_to,
        seller=invoice.seller,
        po_number=invoice.po_number,
        buyer_reference=invoice.buyer_reference,
        issue_date=today,
        due_date=today,
    )
    for line in lines:
        line.invoice = note
    InvoiceLine.objects.bulk_create(lines)
    return note


def _settle(invoice: Invoice, note: Invoice, *, actor: Actor, now: datetime) -> None:
    """What was to be paid is owed no more; the rest of the credit is the company's."""
    credited = -note.total_minor
    covered = min(credited, invoice.due_minor)
    if covered:
        balances.cover(invoice, covered)
    if credited > covered:
        balances.give(credit_note=note, amount_minor=credited - covered, now=now)
    order = invoice.order
    if order is None or order.status != OrderStatus.AWAITING_PAYMENT:
        return
    if total_left(invoice) == 0 and not cancelling.renewed_a_term(order):
        cancelling.cancel_order(order=order, now=now, note=note.reason)
    elif invoice.status == InvoiceStatus.CREDITED:
        _fulfil(order, actor=actor, now=now)


def _fulfil(order: Order, *, actor: Actor, now: datetime) -> None:
    """Nothing is left to be paid. Raises NotCreditable where what was ordered can't be delivered any more."""
    try:
        fulfilling.fulfil(order=order, now=now, actor=actor)
    except fulfilling.ContractMoved as error:
        raise NotCreditable(
            _("%(reason)s Credit all that is left: that gives the order up.") % {"reason": error}
        ) from error
