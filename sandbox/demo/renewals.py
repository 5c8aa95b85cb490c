"""Renewals of the demo's customers: opened, offered and reminded of week by week, and some accepted."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import cycle

from django.db import transaction
from django.db.models import F

from accounts.models import Account, Membership
from accounts.permissions import Permission
from commerce.models import Contract, ContractStatus, Renewal, RenewalNotice, RenewalState, RenewalTerms, TermsMethod
from commerce.quotes.acceptance import accept_quote
from commerce.quotes.quote_lifecycle import QuoteRefused
from commerce.renewals import running
from commerce.renewals.risk import set_risk
from sandbox.demo.accounts import ACME
from sandbox.demo.orders import BUYERS
from tracking.actor import Actor

WEEKS = 9
RISKS = (12, 45, None, 8, 71, 20, 33, 88, 5)
UPLIFT_EVERY, LIST_EVERY, QUIET_EVERY, ACCEPTED_EVERY, ON_REQUEST_EVERY = 3, 7, 4, 5, 6


def make_renewals(now: datetime) -> None:
    """What the job would have done by now, had it run every week; nobody is written to about the past."""
    accounts = list(Account.objects.order_by("pk"))
    RenewalTerms.objects.bulk_create(_terms(account, number) for number, account in enumerate(accounts))
    others = Contract.objects.filter(status=ContractStatus.ACTIVE).exclude(account__name=ACME).order_by("pk")
    on_request = list(others.values_list("pk", flat=True))[::ON_REQUEST_EVERY]
    Contract.objects.filter(pk__in=on_request).update(auto_renew=False)
    for weeks in range(WEEKS, -1, -1):
        running.run_due(now=now - timedelta(weeks=weeks))
    RenewalNotice.objects.waiting().update(sent_at=F("created_at"))
    _judge(list(others))
    offered = Renewal.objects.in_state(RenewalState.OFFERED).exclude(account__name__in=BUYERS).select_related("quote")
    for renewal in offered.order_by("due_date", "pk")[::ACCEPTED_EVERY]:
        _accept(renewal, now)


def _judge(contracts: Sequence[Contract]) -> None:
    """Of most contracts it is known how likely they are lost; of the youngest not yet."""
    for contract, score in zip(contracts, cycle(RISKS), strict=False):
        set_risk(contract=contract, score=score, actor=Actor.system(contract.account_id))


def _terms(account: Account, number: int) -> RenewalTerms:
    """A third rises by three per cent a year, some renew at list; one in four is not reminded, to compare."""
    method = TermsMethod.UPLIFT if not number % UPLIFT_EVERY else TermsMethod.SAME
    if number % LIST_EVERY == 1:
        method = TermsMethod.LIST
    return RenewalTerms(
        account=account,
        method=method,
        uplift_percent=Decimal(3) if method is TermsMethod.UPLIFT else Decimal(0),
        sends_notices=number % QUIET_EVERY != 1,
    )


def _accept(renewal: Renewal, now: datetime) -> None:
    members = Membership.objects.filter(account=renewal.account_id).active().with_permission(Permission.BUY)
    member = members.select_related("user").order_by("pk").first()
    quote = renewal.quote
    if member is not None and quote is not None:
        with suppress(QuoteRefused), transaction.atomic():  # Above their limit, a colleague would have to approve it.
            accept_quote(
                quote=quote,
                shown_hash=quote.price_hash,
                consent_name=member.user.name,
                ip=None,
                actor=member.actor(),
                now=now,
            )
