"""Bills of what was sold, paid as customers pay."""

from datetime import timedelta
from random import Random

from django.conf import settings

from commerce import documents
from commerce.models import Invoice, InvoiceLine, InvoiceStatus, Order
from commerce.quotes import explanations
from sandbox.demo.books import Line
from sandbox.demo.company import SELLER
from sandbox.demo.world import World

DAYS_TO_PAY = 14


def add_invoice(world: World, chance: Random, order: Order, lines: list[Line], *, is_paid_at_once: bool) -> Invoice:
    """The bill of an order, paid in minutes in the portal and in days by a transfer."""
    account = order.account
    issued = account.local_date(order.placed_at)
    wait = timedelta(minutes=3) if is_paid_at_once else timedelta(days=chance.randrange(5, 24), hours=2)
    paid_at = order.placed_at + wait
    is_paid = paid_at < world.calendar.now
    invoice = world.add(
        Invoice(
            legal_entity=settings.LEGAL_ENTITY,
            account=account,
            order=order,
            status=InvoiceStatus.PAID if is_paid else InvoiceStatus.OPEN,
            currency=order.currency,
            subtotal_minor=sum(line.priced.net_minor for line in lines),
            tax_minor=sum(line.priced.tax_minor for line in lines),
            total_minor=order.total_minor,
            bill_to=documents.bill_to(account),
            seller={"name": settings.LEGAL_ENTITY, **SELLER},
            po_number=order.po_number,
            issue_date=issued,
            due_date=issued + timedelta(days=DAYS_TO_PAY),
            paid_at=paid_at if is_paid else None,
        )
    )
    for position, line in enumerate(lines, start=1):
        world.add(
            InvoiceLine(
                account=account,
                invoice=invoice,
                position=position,
                product=line.product,
                description=line.product.name,
                explanation=explanations.in_words(line.priced.explanation),
                quantity=line.quantity,
                unit_price=line.unit_price,
                total_minor=line.priced.net_minor,
                tax_rate=line.priced.tax_rate_percent / 100,
                tax_minor=line.priced.tax_minor,
                tax_category=line.tax_category.value,
            )
        )
    return invoice
