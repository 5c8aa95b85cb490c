"""Telling a company that its card expires, while something is still to be charged to it."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import Exists, OuterRef, Q

from accounts.notifications import notify
from accounts.scope import system_scope
from commerce.billing.cards import waits_for
from commerce.billing.contacts import billing_contacts
from commerce.models import AutoPay, Contract, Invoice, StoredCard
from commerce.models.cards import StoredCardQuerySet
from commerce.models.dunning import local_day

logger = logging.getLogger(__name__)

# Days before a card's last one on which its company is told.
TOLD_BEFORE = (30, 7)


def tell_of_expiry(*, now: datetime) -> int:
    """Tell of every default card that expires soon, where something waits for it, once at each stage; how many.

    May run as often as it likes. Noticed late, only the latest stage is told. One query where nobody is to be told.
    """
    told = 0
    for card, stage in list(_due(now)):
        try:
            told += _tell(card, stage, now=now)
        except Exception:
            logger.exception("nobody could be told that card %s expires", card.public_id)
    return told


def _due(now: datetime) -> Iterator[tuple[StoredCard, int]]:
    """The cards that their companies are to hear of now, each with the stage that it has reached."""
    for card in _expiring(now):
        left = (card.last_date - card.account.local_date(now)).days
        reached = [days for days in TOLD_BEFORE if 0 <= left <= days]
        if reached and card.expiry_told_days != reached[-1]:
            yield card, reached[-1]


def _expiring(now: datetime) -> StoredCardQuerySet:
    """Cards that are charged by themselves, that something waits for, and whose last stage was not told."""
    agreed = AutoPay.objects.running().filter(account=OuterRef("account"))
    invoices = Invoice.objects.payable().filter(account=OuterRef("account"))
    renewing = Contract.objects.current(local_day(now)).filter(account=OuterRef("account"), auto_renew=True)
    charged = StoredCard.objects.kept().filter(is_default=True, account__is_active=True)
    waited_for = charged.filter(_last_months(now), Exists(agreed), Exists(invoices) | Exists(renewing))
    return waited_for.exclude(expiry_told_days=TOLD_BEFORE[-1]).select_related("account")


def _last_months(now: datetime) -> Q:
    """The months of which the last day may be near, wherever the company is."""
    days = [now.date() + timedelta(days=number) for number in range(-1, TOLD_BEFORE[0] + 2)]
    return reduce(or_, [Q(exp_year=year, exp_month=month) for year, month in {(day.year, day.month) for day in days}])


def _tell(card: StoredCard, stage: int, *, now: datetime) -> bool:
    """Note the stage and tell of it, both or neither, unless another worker has, or nothing waits by now."""
    account = card.account
    with system_scope(account.pk):
        noted = StoredCard.objects.filter(pk=card.pk, is_default=True, expiry_told_days=card.expiry_told_days)
        needed = waits_for(card, account.local_date(now))
        if not needed or not noted.update(expiry_told_days=stage):
            return False
        context = {"card": card, "needed": needed}
        notify(kind="card_expires", to=billing_contacts(account), account=account, context=context)
    return True
