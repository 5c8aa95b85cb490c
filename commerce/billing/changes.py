"""What changed within periods that are billed already: credited or charged for the days that are left.

A credit is a credit note for the bill that was paid too much, and goes to the company's balance; nothing is paid back
by itself. The day of the change belongs to the new state (docs/pricing.md).
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.languages import documents_language
from commerce.billing import bills
from commerce.billing.crediting import credit_invoice
from commerce.billing.invoicing import InvoiceBeingPaid
from commerce.billing.owed import OwedLine, Share, ledger_for, lines_of, shares_in, span_of
from commerce.billing.periods import IN_ADVANCE, words_of
from commerce.catalogue.taxes import rate_on
from commerce.models import (
    BilledEntry,
    BillingFrequency,
    BillingKind,
    BillingOutcome,
    BillingPeriod,
    BillingRule,
    Contract,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    SubscriptionDelta,
)
from commerce.pricing.money import allocate, nearest
from commerce.pricing.periods import Span
from commerce.pricing.tax import TaxTreatment, tax_line
from tracking.actor import Actor

logger = logging.getLogger(__name__)

READ_AT_ONCE = 200


@dataclass(frozen=True)
class Change:
    """One side of what changed of a product in a billed period: all that is added, or all that is taken."""

    period: BillingPeriod
    span: Span
    line: OwedLine
    orders: frozenset[int]  # That paid for days of the period.

    @property
    def subscription_id(self) -> int:
        return self.line.shares[0].delta.subscription_id

    @property
    def is_billed_elsewhere(self) -> bool:
        return self.period.outcome == BillingOutcome.ELSEWHERE


def settle_due(*, now: datetime) -> int:
    """Settle the changes of every contract that has some; of how many. Run twice, the second finds nothing.

    While a payment of the bill is on its way, the credit waits for the next run.
    """
    done = last = 0
    while batch := list(changed_contracts().filter(pk__gt=last).order_by("pk")[:READ_AT_ONCE]):
        for contract in batch:
            try:
                settle_changes(contract=contract, actor=Actor.system(contract.account_id), now=now)
                done += 1
            except Exception:
                logger.exception("changes of contract %s could not be settled", contract)
        last = batch[-1].pk
    return done


def settle_at_once(*, contract: Contract, actor: Actor, now: datetime) -> None:
    """Settle a change as it is made; while a payment of the bill is on its way, or it has no tax, `settle_due` does."""
    try:
        settle_changes(contract=contract, actor=actor, now=now)
    except (InvoiceBeingPaid, bills.TaxUnknown) as reason:
        logger.info("changes of contract %s are settled later: %s", contract, reason)


def settle_changes(*, contract: Contract, actor: Actor, now: datetime) -> None:
    """Credit and charge what changed in periods that are in the books; done already, nothing happens.

    Raises `InvoiceBeingPaid`, `bills.TaxUnknown`: then nothing has changed.
    """
    with transaction.atomic():
        contract = Contract.objects.locked(contract.pk)
        changes = list(_changes_of(contract))
        if not changes:
            return
        taken = [change for change in changes if change.line.minor < 0]
        added = [change for change in changes if change.line.minor >= 0]
        with override(documents_language(contract.account)):
            # First, as what was added may be taken away again in the same run.
            _charge([one for one in added if not one.is_billed_elsewhere], contract, actor=actor, now=now)
            _credit(taken, contract, actor=actor, now=now)
            _charge([one for one in added if one.is_billed_elsewhere], contract, actor=actor, now=now)


def changed_contracts() -> QuerySet[Contract]:
    """Contracts with an entry that a billed period has not seen. One query."""
    prepaid = Q(subscription__product__billing=BillingRule.TERM)
    at_once = Q(subscription__contract__billing_frequency=BillingFrequency.TERM)
    by_period = Q(subscription__product__billing=BillingRule.PERIOD) | prepaid & ~at_once
    unseen = SubscriptionDelta.objects.filter(
        prepaid & at_once & _unseen_in(BillingKind.TERM) | by_period & _unseen_in(BillingKind.PERIOD)
    )
    return Contract.objects.filter(pk__in=unseen.values("subscription__contract"))


def _unseen_in(kind: BillingKind) -> Q:
    seen = BilledEntry.objects.filter(period=OuterRef("pk"), delta=OuterRef(OuterRef("pk")))
    periods = BillingPeriod.objects.filter(
        contract=OuterRef("subscription__contract"), kind=kind, end_date__gt=OuterRef("billing_date")
    )
    return Q(Exists(periods.filter(~Exists(seen))))


def _changes_of(contract: Contract) -> Iterator[Change]:
    """By period and product, what is taken apart from what is added. Three queries."""
    periods = BillingPeriod.objects.filter(contract=contract, kind__in=IN_ADVANCE).select_related("contract")
    deltas = ledger_for([contract]).get(contract.pk, [])
    seen = set(BilledEntry.objects.filter(period__contract=contract).values_list("period", "delta"))
    for period in periods:
        span = span_of(contract, period)
        shares = list(shares_in(contract, BillingKind(period.kind), span, deltas))
        new = [share for share in shares if (period.pk, share.delta.pk) not in seen]
        taken = [share for share in new if share.delta.quantity < 0]
        added = [share for share in new if share.delta.quantity >= 0]
        for side in (taken, added):
            for line in lines_of(side, span):
                yield Change(period, span, line, _orders_in(shares, line.shares[0].delta.subscription_id))


def _orders_in(shares: Iterable[Share], subscription_id: int) -> frozenset[int]:
    """Orders that paid for days of the period which the period therefore did not bill."""
    return frozenset(
        share.delta.order_id
        for share in shares
        if share.delta.order_id is not None
        and share.delta.subscription_id == subscription_id
        and share.delta.billing_date < share.from_date
    )


# Credits


def _credit(changes: Sequence[Change], contract: Contract, *, actor: Actor, now: datetime) -> None:
    """Take it off the bills that had it, the latest first; no more than is left of them."""
    if not changes:
        return
    entries: list[BilledEntry] = []
    taken_off: dict[int, dict[int, int]] = defaultdict(dict)  # By invoice, then position.
    for change in changes:
        left_over = -change.line.minor
        for line, left in _billed_lines(change):
            wanted = _before_tax(left_over, line)
            taken = taken_off[line.invoice_id].get(line.position, 0)
            part = min(wanted, left - taken)
            if part > 0:
                taken_off[line.invoice_id][line.position] = taken + part
                left_over -= nearest(Fraction(left_over * part, wanted))
        parts = allocate(change.line.minor + left_over, [-share.amount for share in change.line.shares])
        entries += [_entry(change, share, part) for share, part in zip(change.line.shares, parts, strict=True)]
    _issue_credits(contract, taken_off, changes, actor=actor, now=now)
    BilledEntry.objects.bulk_create(entries)


def _before_tax(minor: int, line: InvoiceLine) -> int:
    """What an amount in prices comes to on a bill of then: since, rates or the company's country may have changed.

    One query.
    """
    rate = rate_on(line.invoice.issue_date, country=line.invoice.bill_to.get("country", ""))
    if rate is None or rate.treatment == TaxTreatment.EXCLUSIVE:
        return minor
    return tax_line(minor, rate_percent=rate.rate * 100, treatment=TaxTreatment.INCLUSIVE).net_minor


def _billed_lines(change: Change) -> list[tuple[InvoiceLine, int]]:
    """Lines of bills with the product on days of the period, and what is left of each. Two queries."""
    by_period = Q(entries__period=change.period, entries__delta__subscription=change.subscription_id)
    by_order = Q(invoice__order__in=change.orders, product=change.line.product)
    open_to_credit = [InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.CREDITED]
    found = InvoiceLine.objects.filter(by_period | by_order, total_minor__gt=0).values("pk")
    lines = (
        InvoiceLine.objects.filter(pk__in=found, invoice__status__in=open_to_credit)
        .select_related("invoice")
        .annotate(left=F("total_minor") + Coalesce(Sum("corrections__total_minor"), 0))
        .order_by("-invoice__issue_date", "-pk")
    )
    left = dict(lines.values_list("pk", "left"))
    return [(line, left[line.pk]) for line in lines]


def _issue_credits(
    contract: Contract,
    taken_off: Mapping[int, Mapping[int, int]],
    changes: Sequence[Change],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    days = [share.from_date for change in changes for share in change.line.shares]
    for invoice_id, parts in taken_off.items():
        if parts:
            credit_invoice(
                invoice=Invoice.objects.get(pk=invoice_id),
                reason=_("Contract %(number)s changed on %(day)s: credit for the days that were billed in advance.")
                % {"number": contract.number, "day": date_format(min(days))},
                amounts=parts,
                actor=actor,
                now=now,
            )


# Charges


def _charge(changes: Sequence[Change], contract: Contract, *, actor: Actor, now: datetime) -> None:
    """Bill it; what costs nothing, or was billed outside of the portal, is only noted."""
    entries: list[BilledEntry] = []
    charges: list[Change] = []
    for change in changes:
        owed = _left_of_elsewhere(change) if change.is_billed_elsewhere else change.line.minor
        if owed:
            charges.append(replace(change, line=replace(change.line, minor=owed)))
        else:
            entries += [_entry(change, share, 0) for share in change.line.shares]
    BilledEntry.objects.bulk_create([*entries, *_issue_charges(contract, charges, actor=actor, now=now)])


def _left_of_elsewhere(change: Change) -> int:
    """What was billed outside of the portal is not billed here again; only what was credited here comes back."""
    rows = BilledEntry.objects.filter(period=change.period, delta__subscription=change.subscription_id)
    so_far = rows.aggregate(total=Sum("amount_minor"))["total"] or 0
    return min(change.line.minor, max(-so_far, 0))


def _issue_charges(
    contract: Contract, charges: Sequence[Change], *, actor: Actor, now: datetime
) -> Iterator[BilledEntry]:
    if not charges:
        return
    invoice = bills.issue(
        contract=contract,
        lines=[_in_words(change) for change in charges],
        actor=actor,
        now=now,
    )
    rows = {row.position: row for row in invoice.lines.all()}
    for position, change in enumerate(charges, start=1):
        parts = allocate(change.line.minor, [share.amount for share in change.line.shares])
        for share, part in zip(change.line.shares, parts, strict=True):
            yield _entry(change, share, part, line=rows[position])


def _in_words(change: Change) -> bills.BillLine:
    share = max(change.line.shares, key=lambda one: one.amount)
    return bills.BillLine(
        product=change.line.product,
        quantity=change.line.quantity,
        unit_price=share.delta.unit_price,
        minor=change.line.minor,
        explanation=words_of(
            change.span,
            start_date=share.from_date,
            unit_price=share.delta.unit_price,
            currency=change.line.currency,
        ),
    )


def _entry(change: Change, share: Share, amount_minor: int, *, line: InvoiceLine | None = None) -> BilledEntry:
    return BilledEntry(
        account_id=change.period.account_id,
        period=change.period,
        delta=share.delta,
        from_date=share.from_date,
        amount_minor=amount_minor,
        line=line,
    )
