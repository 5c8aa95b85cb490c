"""Bills without an order: of a period of a contract, of what changed within one, and of use."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import Account
from accounts.notifications import mail_companies, notify
from commerce import documents
from commerce.billing import balances, invoicing
from commerce.billing.contacts import billing_contacts
from commerce.catalogue.taxes import SaleTax, rate_on, tax_on_sale
from commerce.models import Contract, Invoice, InvoiceKind, InvoiceLine, Product, SubscriptionDelta
from commerce.pricing.tax import tax_line
from tracking.actor import Actor

USUAL_DAYS_TO_PAY = 14  # As quotes say where nothing else was agreed.


class TaxUnknown(Exception):
    """Nobody has said what tax a sale to the company's country bears."""


@dataclass(frozen=True, slots=True)
class BillLine:
    """What is billed of a product, in words and figures. `minor` is as prices are: with tax where they have it."""

    product: Product
    quantity: Decimal
    unit_price: Decimal  # Net, per unit and month, as on quotes.
    minor: int
    explanation: str


def tax_for(account: Account, today: date) -> SaleTax:
    """The tax on a sale of today. One query. Raises TaxUnknown."""
    rate = rate_on(today, country=account.billing_country)
    if rate is None:
        raise TaxUnknown(
            _("There is no tax rate for %(country)s on %(day)s.") % {"country": account.billing_country, "day": today}
        )
    return tax_on_sale(account, rate)


def days_to_pay(contract: Contract) -> int:
    """As was agreed when the contract was signed or renewed; what is bought later has days of its own. One query."""
    entries = SubscriptionDelta.objects.filter(subscription__contract=contract).order_by("pk")
    agreed = entries.values_list("order__quote__payment_days", flat=True).first()
    return USUAL_DAYS_TO_PAY if agreed is None else agreed


def issue(*, contract: Contract, lines: Sequence[BillLine], actor: Actor, now: datetime) -> Invoice:
    """Issue the bill, use what the company has in credit for it, and tell its people for bills.

    Runs in the transaction that notes what was billed. Raises TaxUnknown.
    """
    account, currency = contract.account, contract.currency
    today = account.local_date(now)
    tax = tax_for(account, today)
    note = _(tax.note.template) % tax.note.params if tax.note else ""
    rows = [_row(account, position, line, tax, note) for position, line in enumerate(lines, start=1)]
    net, taxes = sum(row.total_minor for row in rows), sum(row.tax_minor for row in rows)
    invoice = Invoice.objects.create(
        number=invoicing.next_number(settings.LEGAL_ENTITY, InvoiceKind.INVOICE),
        legal_entity=settings.LEGAL_ENTITY,
        account=account,
        currency=currency,
        subtotal_minor=net,
        tax_minor=taxes,
        total_minor=net + taxes,
        bill_to=documents.bill_to(account),
        seller=invoicing.seller_of(settings.LEGAL_ENTITY),
        po_number=account.billing_po_number,
        buyer_reference=account.billing_reference,
        issue_date=today,
        due_date=today + timedelta(days=days_to_pay(contract)),
    )
    for row in rows:
        row.invoice = invoice
    InvoiceLine.objects.bulk_create(rows)
    balances.use_for(invoice=invoice, actor=actor, now=now)
    notify(kind="invoice_issued", to=billing_contacts(account), account=account, context={"invoice": invoice})
    mail_companies(kind="invoice_issued", told=[(account, {"invoice": invoice})])
    return invoice


def _row(account: Account, position: int, line: BillLine, tax: SaleTax, note: str) -> InvoiceLine:
    amount = tax_line(line.minor, rate_percent=tax.rate_percent, treatment=tax.treatment)
    return InvoiceLine(
        account=account,
        position=position,
        product=line.product,
        description=line.product.name,
        explanation="; ".join(filter(None, [line.explanation, note])),
        quantity=line.quantity,
        unit_price=line.unit_price,
        total_minor=amount.net_minor,
        tax_rate=Decimal(0) if tax.is_reversed else tax.rate_percent / 100,
        tax_minor=amount.tax_minor,
        tax_category=tax.category.value,
    )
