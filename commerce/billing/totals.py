"""Every night: what we hold as paid and paid back against what Stripe says, per day and currency.

A day is UTC's and Stripe's: what we settle after midnight counts where Stripe has it. Payments are matched by Stripe's
ids, one by one, so that two mistakes never look like none. The last days are compared again each night: what comes
right by itself stops being a finding.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.notifications import notify
from accounts.permissions import StaffGroup
from commerce import stripe_gateway as gateway
from commerce.billing.returning import mark_of
from commerce.models import (
    DayTotal,
    Finding,
    MoneyKind,
    PaymentAttempt,
    PaymentState,
    RefundAttempt,
    RefundState,
)
from tracking.actor import Actor

DAYS_COMPARED = 3  # Each night; Stripe's events of a day are all there a day later.


class NothingToExplain(Exception):
    """The totals are the same, or somebody has explained the difference."""


@dataclass(frozen=True, slots=True)
class Ours:
    """What we hold of one movement of money; with a finding, nothing is held as paid yet."""

    id: str  # Stripe's.
    amount_minor: int
    currency: str
    finding: str = ""


@dataclass(slots=True)
class Sides:
    """One currency of a day."""

    ours_minor: int = 0
    theirs_minor: int = 0
    findings: list[dict[str, str]] = field(default_factory=list)

    def find(self, found_id: str, finding: str) -> None:
        self.findings.append({"id": found_id, "finding": str(finding)})


def compare_last_days(*, now: datetime) -> list[DayTotal]:
    """Compare the days that are over; what is newly found is told to finance. Raises gateway.GatewayError."""
    today = now.astimezone(UTC).date()
    found = [
        total for back in range(1, DAYS_COMPARED + 1) for total in compare(day=today - timedelta(days=back), now=now)
    ]
    if found:
        finance = User.objects.filter(groups__name=StaffGroup.FINANCE, is_active=True).order_by("pk")
        notify(kind="totals_differ", to=finance, account=None, context={"totals": found})
    return found


def compare(*, day: date, now: datetime) -> list[DayTotal]:
    """Write down both sides of one day; those with something newly found. Raises gateway.GatewayError."""
    start = datetime.combine(day, datetime.min.time(), tzinfo=UTC)
    span = (start, start + timedelta(days=1))
    both = {MoneyKind.PAYMENTS: _payments(*span), MoneyKind.REFUNDS: _refunds(*span)}
    return [total for kind, sides in both.items() for total in _write_down(day, kind, sides, now=now)]


def explain(*, total: DayTotal, words: str, actor: Actor, now: datetime) -> None:
    """Somebody of finance knows why they differ. Raises NothingToExplain."""
    explained = {"explanation": words.strip()[:500], "explained_by_id": actor.user_id, "explained_at": now}
    if not DayTotal.objects.filter(pk=total.pk).open().update(**explained):
        raise NothingToExplain(_("There is nothing to explain."))


# Both sides


def _payments(start: datetime, end: datetime) -> dict[str, Sides]:
    theirs = list(gateway.list_payments(since=start, until=end))
    ids = [moved.id for moved in theirs]
    known = {one.stripe_intent_id: one for one in PaymentAttempt.objects.filter(stripe_intent_id__in=ids)}
    settled = PaymentAttempt.objects.filter(
        state=PaymentState.SUCCEEDED, settled_at__gte=start, settled_at__lt=end
    ).exclude(stripe_intent_id__in=["", *ids])
    return _sides(
        theirs,
        {one.id: one for attempt in known.values() for one in _of_payment(attempt)},
        [one for attempt in settled for one in _of_payment(attempt) if not _took_money(one.id)],
    )


def _of_payment(attempt: PaymentAttempt) -> Iterator[Ours]:
    """What we hold of a payment; nothing of one that failed with us, or was let go of and not sent back."""
    finding = ""
    if attempt.state == PaymentState.REVIEW:
        finding = Finding.UNDER_REVIEW
    elif attempt.state_choice.is_pending:
        finding = Finding.NOT_SETTLED
    elif attempt.state == PaymentState.CANCELLED:
        if not gateway.find_refund(intent_id=attempt.stripe_intent_id, refund_id=mark_of(attempt.pk)):
            return
    elif attempt.state != PaymentState.SUCCEEDED:
        return
    yield Ours(attempt.stripe_intent_id, 0 if finding else attempt.amount_minor, attempt.currency, finding)


def _refunds(start: datetime, end: datetime) -> dict[str, Sides]:
    theirs = list(gateway.list_refunds(since=start, until=end))
    ids = [moved.id for moved in theirs]
    known = {one.stripe_refund_id: one for one in RefundAttempt.objects.filter(stripe_refund_id__in=ids)}
    settled = RefundAttempt.objects.filter(
        state=RefundState.SUCCEEDED, settled_at__gte=start, settled_at__lt=end
    ).exclude(stripe_refund_id__in=["", *ids])
    return _sides(
        theirs,
        {key: _of_refund(refund) for key, refund in known.items()} | _sent_back(theirs),
        [one for one in map(_of_refund, settled) if not _gave_money_back(one.id)],
    )


def _of_refund(refund: RefundAttempt) -> Ours:
    finding = "" if refund.state == RefundState.SUCCEEDED else Finding.NOT_SETTLED
    return Ours(refund.stripe_refund_id, 0 if finding else refund.amount_minor, refund.currency, finding)


def _sent_back(theirs: Iterable[gateway.Moved]) -> dict[str, Ours]:
    """Money that was taken for nothing, and sent back in full: it has no refund of ours, but a payment let go of."""
    cancelled = PaymentAttempt.objects.filter(state=PaymentState.CANCELLED)
    marks = {mark_of(one.pk): one for one in cancelled.filter(pk__in=_payments_named_in(theirs))}
    return {
        moved.id: Ours(moved.id, marks[moved.mark].amount_minor, marks[moved.mark].currency)
        for moved in theirs
        if moved.mark in marks
    }


def _payments_named_in(theirs: Iterable[gateway.Moved]) -> list[UUID]:
    found = []
    for moved in theirs:
        try:
            found.append(UUID(moved.mark.rpartition(":")[2]))
        except ValueError:
            continue
    return found


def _sides(
    theirs: Iterable[gateway.Moved], known: Mapping[str, Ours], only_ours: Iterable[Ours]
) -> defaultdict[str, Sides]:
    """Both sides by currency."""
    sides: defaultdict[str, Sides] = defaultdict(Sides)
    for moved in theirs:
        sides[moved.currency].theirs_minor += moved.amount_minor
        ours = known.get(moved.id)
        if ours is None:
            sides[moved.currency].find(moved.id, Finding.ONLY_AT_STRIPE)
            continue
        sides[ours.currency].ours_minor += ours.amount_minor
        if ours.finding:
            sides[moved.currency].find(moved.id, ours.finding)
        elif (ours.amount_minor, ours.currency) != (moved.amount_minor, moved.currency):
            sides[moved.currency].find(moved.id, Finding.OTHER_AMOUNT)
    for ours in only_ours:
        sides[ours.currency].ours_minor += ours.amount_minor
        sides[ours.currency].find(ours.id, Finding.ONLY_WITH_US)
    return sides


def _took_money(intent_id: str) -> bool:
    """Whether Stripe has the payment, on another day than we."""
    try:
        return gateway.retrieve_payment(intent_id).status == "succeeded"
    except gateway.NotFound:
        return False


def _gave_money_back(refund_id: str) -> bool:
    try:
        return gateway.retrieve_refund(refund_id).status == "succeeded"
    except gateway.NotFound:
        return False


# Writing down


def _write_down(day: date, kind: MoneyKind, sides: Mapping[str, Sides], *, now: datetime) -> list[DayTotal]:
    """The rows with something newly found. A currency that has nothing any more is written down as nothing."""
    found = []
    with transaction.atomic():
        rows = {row.currency: row for row in DayTotal.objects.select_for_update().filter(day=day, kind=kind)}
        for currency in sorted(rows.keys() | sides.keys()):
            row = rows.get(currency) or DayTotal(day=day, kind=kind, currency=currency)
            if row.take(sides.get(currency) or Sides(), now=now):
                found.append(row)
            row.save()
    return found
