"""What a company has in credit is used for its invoices that are due: before a card is charged, or anything follows.

A new invoice uses it as it is issued (`balances.use_for`); this is for what was credited or paid in since then. Until
an invoice is due, the credit stays, so that it can be paid back or used for another one.
"""

import logging
from datetime import datetime

from django.db.models import Exists, OuterRef, Sum

from accounts.scope import system_scope
from commerce.billing import balances, standing
from commerce.models import BalanceEntry, Dunning, Invoice, InvoiceStatus, PaymentAttempt
from commerce.models.billing import InvoiceQuerySet
from commerce.models.dunning import local_day
from commerce.orders import fulfilling
from tracking.actor import Actor

logger = logging.getLogger(__name__)


def offset_due(*, now: datetime) -> int:
    """Use the credit of every company for what it owes that is due, the oldest first; for how many invoices.

    Repeatable, and one that can't be settled holds up no other. One query where no company has both.
    """
    done = 0
    for invoice in list(_due_with_credit(now)):
        try:
            done += _offset(invoice, now=now)
        except (fulfilling.OrderCancelled, fulfilling.ContractMoved) as reason:
            logger.info("no credit is used for %s: %s", invoice.number, reason)
        except Exception:
            logger.exception("credit could not be used for %s", invoice.number)
    return done


def _due_with_credit(now: datetime) -> InvoiceQuerySet:
    """Not those that are being paid, nor of companies whose dunning our people hold."""
    theirs = BalanceEntry.objects.filter(account=OuterRef("account"), currency=OuterRef("currency")).order_by()
    in_credit = theirs.values("account").annotate(total=Sum("amount_minor")).filter(total__gt=0)
    held = Dunning.objects.open().filter(account=OuterRef("account"), held_at__isnull=False)
    paying = PaymentAttempt.objects.filter(invoice=OuterRef("pk")).pending()
    due = Invoice.objects.payable().filter(due_date__lte=local_day(now))
    return due.filter(Exists(in_credit), ~Exists(held), ~Exists(paying)).order_by("due_date", "pk")


def _offset(invoice: Invoice, *, now: datetime) -> bool:
    """Whether something was used. Raises OrderCancelled, ContractMoved: then the bill stays, and a person decides."""
    with system_scope(invoice.account_id):
        locked = Invoice.objects.select_for_update(of=("self",)).select_related("account", "order").get(pk=invoice.pk)
        if PaymentAttempt.objects.filter(invoice=locked).pending().exists():
            return False  # Somebody has begun to pay since the list was made.
        if not balances.offset(invoice=locked, now=now):
            return False
        if locked.status == InvoiceStatus.CREDITED:
            _settled(locked, now=now)
    return True


def _settled(invoice: Invoice, *, now: datetime) -> None:
    """Nothing is left to be paid: what was ordered is delivered, and what was suspended comes back."""
    standing.lock(invoice.account)
    if invoice.order is not None:
        fulfilling.fulfil(order=invoice.order, now=now, actor=Actor.system(invoice.account_id))
    standing.look_again(account=invoice.account, now=now)
