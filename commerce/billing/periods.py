"""Contracts billed period by period, in advance: each day once, and none left out without saying why.

A period is billed by the ledger as it stands. What changes in it later is credited or charged for the days that are
left (`changes`). Both note each entry of the ledger that they billed, so that running again does nothing.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from accounts.languages import documents_language
from commerce import amounts
from commerce.billing import bills
from commerce.billing.owed import (
    NOTHING_CARRIED,
    OwedLine,
    Share,
    ledger_for,
    lines_of,
    remainders,
    shares_in,
    span_of,
    spans,
)
from commerce.models import (
    BilledEntry,
    BillingFrequency,
    BillingKind,
    BillingOutcome,
    BillingPeriod,
    BillingRule,
    Contract,
    DeltaKind,
    Subscription,
    SubscriptionDelta,
)
from commerce.models.renewals import local_day
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.periods import Span
from tracking.actor import Actor

logger = logging.getLogger(__name__)

READ_AT_ONCE = 200  # Contracts whose ledgers are read together.
IN_ADVANCE = (BillingKind.TERM, BillingKind.PERIOD)


def bill_due(*, now: datetime) -> int:
    """Bill every period that has begun where its customer is; how many. Run twice, or a week late, it is the same.

    A contract that can't be billed now stays due, and holds up no other.
    """
    done = 0
    for kind in IN_ADVANCE:
        last = 0
        while batch := list(due_contracts(kind, now).filter(pk__gt=last)[:READ_AT_ONCE]):
            ledgers = ledger_for(batch)
            for contract in batch:
                try:
                    done += len(_bill_until(contract, kind, ledgers.get(contract.pk, []), now=now))
                except Exception:
                    logger.exception("contract %s could not be billed", contract)
            last = batch[-1].pk
    return done


def next_periods(contract: Contract, *, until: date) -> list[tuple[BillingKind, Span]]:
    """The periods of a contract that begin by a day and are not in the books yet, in order. Three queries at most."""
    sold = {contract.rule_for(line.product) for line in contract.subscriptions.select_related("product")}
    kinds = [
        kind
        for kind, rule in ((BillingKind.TERM, BillingRule.TERM), (BillingKind.PERIOD, BillingRule.PERIOD))
        if rule in sold
    ]
    return [(kind, span) for kind in kinds for span in _open_spans(contract, kind, until)]


def bill_period(
    *,
    contract: Contract,
    kind: BillingKind,
    span: Span,
    now: datetime,
    deltas: Sequence[SubscriptionDelta] | None = None,
) -> BillingPeriod:
    """Bill one period of a contract by its ledger, and note it. The database refuses days that are in the books.

    Without anything to bill, the period says why. Runs in a transaction that has the contract locked. Raises
    `bills.TaxUnknown`.
    """
    ledger = ledger_for([contract]).get(contract.pk, []) if deltas is None else deltas
    shares = list(shares_in(contract, kind, span, ledger))
    owed = lines_of(shares, span, carried=_carried(contract, kind, span, ledger))
    billed = [line for line in owed if line.minor > 0]
    invoice = None
    if billed:
        with override(documents_language(contract.account)):
            invoice = bills.issue(
                contract=contract,
                lines=[in_words(line, span) for line in billed],
                actor=Actor.system(contract.account_id),
                now=now,
            )
    period = BillingPeriod.objects.create(
        account=contract.account,
        contract=contract,
        kind=kind,
        start_date=span.start_date,
        end_date=span.until_date,
        outcome=BillingOutcome.BILLED if billed else _why_nothing(shares),
        invoice=invoice,
        billed_at=now,
    )
    rows = {} if invoice is None else {row.product_id: row.pk for row in invoice.lines.all()}
    # What would be below zero is a credit for something that was billed elsewhere: `changes` sees to it.
    noted = [share for line in owed if line.minor >= 0 for share in line.shares]
    BilledEntry.objects.bulk_create(
        BilledEntry(
            account=contract.account,
            period=period,
            delta=share.delta,
            from_date=share.from_date,
            amount_minor=share.minor,
            line_id=rows.get(share.delta.subscription.product_id) if share.amount else None,
        )
        for share in noted
    )
    return period


def note_billed_elsewhere(*, contracts: Iterable[Contract], until: date, now: datetime) -> None:
    """Say of contracts from before the portal that they were billed without it: the term, and periods begun by a day.

    What the ledger says of those days is not billed again. Runs in a transaction.
    """
    contracts = list(contracts)
    ledgers = ledger_for(contracts)
    for contract in contracts:
        for kind, span in next_periods(contract, until=until):
            period = BillingPeriod.objects.create(
                account_id=contract.account_id,
                contract=contract,
                kind=kind,
                start_date=span.start_date,
                end_date=span.until_date,
                outcome=BillingOutcome.ELSEWHERE,
                billed_at=now,
            )
            BilledEntry.objects.bulk_create(
                BilledEntry(
                    account_id=contract.account_id,
                    period=period,
                    delta=share.delta,
                    from_date=share.from_date,
                    amount_minor=0,
                )
                for share in shares_in(contract, kind, span, ledgers.get(contract.pk, []))
            )


def due_contracts(kind: BillingKind, now: datetime) -> QuerySet[Contract]:
    """Contracts that have a period to be billed where their customer is. One query."""
    billed = BillingPeriod.objects.filter(contract=OuterRef("pk"), kind=kind).order_by()
    return (
        Contract.objects.filter(Exists(_billed_as(kind)))
        .annotate(
            billed_until=Coalesce(
                Subquery(billed.values("contract").annotate(last=Max("end_date")).values("last")), F("start_date")
            )
        )
        .filter(billed_until__lte=local_day(now), billed_until__lt=F("end_date"))
        .select_related("account")
        .order_by("pk")
    )


def _billed_as(kind: BillingKind) -> QuerySet[Subscription]:
    """The lines of the contract that are billed so: as `Contract.rule_for` says, for many at once."""
    prepaid = Q(product__billing=BillingRule.TERM)
    at_once = Q(contract__billing_frequency=BillingFrequency.TERM)
    lines = (
        prepaid & at_once if kind == BillingKind.TERM else Q(product__billing=BillingRule.PERIOD) | prepaid & ~at_once
    )
    return Subscription.objects.filter(lines, contract=OuterRef("pk"))


def _bill_until(
    contract: Contract, kind: BillingKind, deltas: Sequence[SubscriptionDelta], *, now: datetime
) -> list[BillingPeriod]:
    """All that is due of a contract, in one transaction."""
    with transaction.atomic():
        locked = Contract.objects.locked(contract.pk)
        today = locked.account.local_date(now)
        return [
            bill_period(contract=locked, kind=kind, span=span, now=now, deltas=deltas)
            for span in _open_spans(locked, kind, today)
        ]


def _open_spans(contract: Contract, kind: BillingKind, until: date) -> list[Span]:
    """The periods after the last one in the books. One query."""
    billed = BillingPeriod.objects.filter(contract=contract, kind=kind).aggregate(last=Max("end_date"))["last"]
    since = billed or contract.start_date
    found = []
    for span in spans(contract, kind, since=since):
        if span.start_date > until:
            break
        found.append(span)
    return found


def _carried(
    contract: Contract, kind: BillingKind, span: Span, deltas: Sequence[SubscriptionDelta]
) -> Mapping[int, Fraction]:
    """What the last period takes besides its own. One query, for the last period."""
    if kind != BillingKind.PERIOD or span.until_date < contract.end_date:
        return NOTHING_CARRIED
    billed = BillingPeriod.objects.filter(contract=contract, kind=kind, outcome=BillingOutcome.BILLED)
    return remainders(contract, kind, [span_of(contract, one) for one in billed], deltas)


def _why_nothing(shares: Sequence[Share]) -> BillingOutcome:
    """Why nothing of a period is billed: in the words of the last thing that happened."""
    if not shares:
        return BillingOutcome.NOTHING
    last = DeltaKind(shares[-1].delta.kind)
    if last == DeltaKind.PAUSE:
        return BillingOutcome.PAUSED
    if last == DeltaKind.CANCEL:
        return BillingOutcome.ENDED
    return BillingOutcome.ORDERED if any(share.delta.order_id for share in shares) else BillingOutcome.NOTHING


def in_words(line: OwedLine, span: Span) -> bills.BillLine:
    """A line of the bill: what, for which days, at which price."""
    whole = sum((Decimal(share.delta.unit_price) * share.delta.quantity for share in line.shares), Decimal(0))
    unit_price = abs(line.shares[0].delta.unit_price)
    units = sum((share.delta.quantity for share in line.shares), Decimal(0))
    if units and whole > 0:
        unit_price = whole / units
    return bills.BillLine(
        product=line.product,
        quantity=line.quantity,
        unit_price=round(unit_price, 12),
        minor=line.minor,
        explanation=words_of(span, start_date=span.start_date, unit_price=unit_price, currency=line.currency)
        + (_(", with changes within the period") if line.changes_within else ""),
    )


def words_of(span: Span, *, start_date: date, unit_price: Decimal, currency: str) -> str:
    """1 October 2026 – 31 December 2026, €12.00 a month."""
    last = date.fromordinal(span.until_date.toordinal() - 1)
    figures = {
        "first": date_format(start_date),
        "last": date_format(last),
        "price": amounts.unit_price(UnitPrice(unit_price, currency)),
    }
    said = _("%(first)s – %(last)s at %(price)s a month") % figures
    if start_date == span.start_date:
        return said
    days = (span.until_date - start_date).days
    left = ngettext("%(days)s day left of the period", "%(days)s days left of the period", days) % {"days": days}
    return f"{said}, {left}"
