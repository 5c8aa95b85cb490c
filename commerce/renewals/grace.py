"""Terms that ended without being renewed: access is kept for a while, then it ends, and the customer is asked back."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from django.db.models import F

from accounts.models import Entitlement
from accounts.services import add_grants
from commerce.contracts.contracts import OwnedLine
from commerce.models import (
    Contract,
    ContractStatus,
    Deal,
    DealStage,
    DeltaKind,
    NoticeKind,
    Order,
    OrderStatus,
    PeriodClose,
    Quote,
    QuoteLine,
    QuoteStatus,
    Renewal,
    RenewalNotice,
    RenewalState,
    Subscription,
    SubscriptionDelta,
)
from commerce.orders import taking_back
from commerce.renewals import bills
from commerce.renewals.offers import event_of
from commerce.renewals.prices import owned_after
from commerce.renewals.rolling import GRACE_SOURCE
from tracking.actor import Actor
from tracking.models import Event, EventName


def begin(renewals: Sequence[Renewal], *, now: datetime) -> None:
    """The term is over and nobody renewed: what the contract granted is kept until the grace ends."""
    by_source = {
        f"subscription:{pk}": renewal
        for renewal in renewals
        for pk in [row.pk for row in renewal.contract.subscriptions.all()]
    }
    ending = Entitlement.objects.filter(source__in=by_source).filter(
        end_date__in={renewal.due_date for renewal in renewals}, end_date__gt=F("start_date")
    )
    add_grants(
        Entitlement(
            account_id=row.account_id,
            code=row.code,
            quantity=row.quantity,
            start_date=renewal.due_date,
            end_date=renewal.grace_until_date,
            source=GRACE_SOURCE.format(renewal.pk),
        )
        for row in ending
        if (renewal := by_source[row.source]).due_date == row.end_date
    )
    _move(renewals, RenewalState.GRACE, "grace_at", NoticeKind.GRACE, EventName.RENEWAL_GRACE, now=now)


def suspend(renewals: Sequence[Renewal], *, now: datetime) -> None:
    """The grace is over: access has ended with its entitlements; the contract ends, and its grace is billed."""
    owned = owned_after(renewals)
    _end_ledgers(renewals, owned)
    Contract.objects.filter(pk__in=[renewal.contract_id for renewal in renewals]).update(
        status=ContractStatus.ENDED, auto_renew=False, version=F("version") + 1
    )
    _close_quotes(renewals, QuoteStatus.EXPIRED, now=now)
    _bill(renewals, owned, now=now)
    _move(renewals, RenewalState.SUSPENDED, "suspended_at", NoticeKind.SUSPENDED, EventName.CONTRACT_SUSPENDED, now=now)


def decline(renewals: Sequence[Renewal], *, now: datetime) -> None:
    """The contract ended, or will: there is nothing to renew, and nobody is reminded any more.

    What was agreed for the next term is given up; what was paid for it is the company's credit.
    """
    _give_orders_up(renewals, now=now)
    quotes = Quote.objects.filter(pk__in=[renewal.quote_id for renewal in renewals if renewal.quote_id])
    quotes.open().update(status=QuoteStatus.DECLINED, closed_at=now)
    _lose_deals(renewals, now=now)
    Renewal.objects.filter(pk__in=[renewal.pk for renewal in renewals]).update(
        state=RenewalState.DECLINED, declined_at=now
    )


def win_back(renewals: Sequence[Renewal], *, now: datetime) -> None:
    """Ask those back who have left, once."""
    Renewal.objects.filter(pk__in=[renewal.pk for renewal in renewals]).update(winback_at=now)
    _tell(renewals, NoticeKind.WINBACK, now=now)


def lapse(renewals: Sequence[Renewal], *, now: datetime) -> None:
    """They have not come back."""
    Renewal.objects.filter(pk__in=[renewal.pk for renewal in renewals]).update(state=RenewalState.LAPSED, lapsed_at=now)


def _end_ledgers(renewals: Sequence[Renewal], owned: dict[int, tuple[OwnedLine, ...]]) -> None:
    """What was owned until the end of the grace is owned no more."""
    subscriptions = Subscription.objects.in_bulk(
        [line.subscription_id for renewal in renewals for line in owned[renewal.contract_id]]
    )
    billed_from = PeriodClose.open_from(renewal.grace_until_date for renewal in renewals)
    SubscriptionDelta.objects.bulk_create(
        SubscriptionDelta(
            account=renewal.account,
            subscription=subscriptions[line.subscription_id],
            kind=DeltaKind.CANCEL,
            quantity=-line.quantity,
            unit_price=line.unit_price,
            recurring_minor=-line.monthly_minor,
            currency=line.currency,
            effective_date=renewal.grace_until_date,
            billing_date=billed_from[renewal.grace_until_date],
        )
        for renewal in renewals
        for line in owned[renewal.contract_id]
    )


def _bill(renewals: Sequence[Renewal], owned: dict[int, tuple[OwnedLine, ...]], *, now: datetime) -> None:
    """The days of grace, at the price of the old term; by the lines of the quote, which know the tax."""
    lines: dict[int, list[QuoteLine]] = defaultdict(list)
    quoted = QuoteLine.objects.filter(quote__in=[renewal.quote_id for renewal in renewals if renewal.quote_id])
    for line in quoted.select_related("product").order_by("position"):
        lines[line.quote_id].append(line)
    bills.issue(
        [
            bills.of_grace(
                renewal.account,
                renewal.quote,
                lines[renewal.quote.pk],
                old=_old_prices(owned[renewal.contract_id]),
                first=renewal.due_date,
                days=renewal.grace_days,
                today=renewal.account.local_date(now),
            )
            for renewal in renewals
            if renewal.quote is not None
        ],
        now=now,
    )


def _old_prices(owned: Iterable[OwnedLine]) -> dict[int, tuple[Decimal, Decimal]]:
    return {line.product.pk: (line.quantity, line.unit_price) for line in owned}


def _give_orders_up(renewals: Sequence[Renewal], *, now: datetime) -> None:
    agreed = [renewal.quote_id for renewal in renewals if renewal.state == RenewalState.ACCEPTED]
    orders = Order.objects.filter(quote__in=agreed).exclude(status=OrderStatus.CANCELLED)
    for order in orders.select_related("account", "quote", "deal", "placed_by"):
        taking_back.give_renewal_up(order=order, actor=Actor.system(order.account_id), now=now)


def _close_quotes(renewals: Sequence[Renewal], status: QuoteStatus, *, now: datetime) -> None:
    quotes = Quote.objects.filter(pk__in=[renewal.quote_id for renewal in renewals if renewal.quote_id])
    quotes.open().update(status=status)
    _lose_deals(renewals, now=now)


def _lose_deals(renewals: Sequence[Renewal], *, now: datetime) -> None:
    deals = [(renewal.quote.deal_id, renewal.account) for renewal in renewals if renewal.quote is not None]
    Deal.objects.exclude(stage__in=[DealStage.WON, DealStage.LOST]).close(deals, DealStage.LOST, now=now)


def _move(
    renewals: Sequence[Renewal], state: RenewalState, moment: str, kind: NoticeKind, name: EventName, *, now: datetime
) -> None:
    Renewal.objects.filter(pk__in=[renewal.pk for renewal in renewals]).update(**{"state": state, moment: now})
    _tell(renewals, kind, now=now)
    Event.objects.bulk_create(event_of(renewal, name, now) for renewal in renewals)


def _tell(renewals: Sequence[Renewal], kind: NoticeKind, *, now: datetime) -> None:
    RenewalNotice.objects.bulk_create(
        (
            RenewalNotice(
                account=renewal.account,
                renewal=renewal,
                kind=kind,
                days_before=-(renewal.account.local_date(now) - renewal.due_date).days,
                created_at=now,
            )
            for renewal in renewals
        ),
        ignore_conflicts=True,
    )
