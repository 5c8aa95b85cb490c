"""What customers change about their contracts themselves: less at the end of the term, a pause, the end, and back.

Every change is a `PendingChange`: open until its day, applied to the ledger on it, one at a time for each contract.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.notifications import notify
from accounts.scope import staff_scope
from commerce.contracts.applying import apply_change, last_end, note, running_pause, tell, write_contract
from commerce.contracts.contracts import cycle_of, ledger_of, owned_on
from commerce.contracts.freeing import TooMuchUsed, still_used
from commerce.contracts.ledger import Entry
from commerce.contracts.people import contacts_of
from commerce.models import (
    ChangeKind,
    ChangeReason,
    ChangeStatus,
    Contract,
    ContractStatus,
    DatePolicy,
    Order,
    PendingChange,
    PendingLine,
    Renewal,
    RenewalState,
    RetentionAnswer,
    RetentionOffer,
)
from tracking.actor import Actor, ActorKind
from tracking.models import EventName

REACTIVATION_DAYS = 30  # After its end, a contract can be taken up again for so long, while its term runs.

# Why not


class AmendmentRefused(Exception):
    """Something cannot be done with a contract; the message says why."""


class ContractNotRunning(AmendmentRefused):
    """It has ended, or has not begun."""


class ContractMoved(AmendmentRefused):
    """It was changed after the customer looked at it."""


class ChangeWaits(AmendmentRefused):
    """Another change of the contract is open; a contract is changed one at a time."""

    def __init__(self, message: str, *, change: PendingChange) -> None:
        super().__init__(message)
        self.change = change


class OrderWaits(AmendmentRefused):
    """An order for the contract waits for its payment."""

    def __init__(self, message: str, *, order: Order) -> None:
        super().__init__(message)
        self.order = order


class StillUsed(AmendmentRefused):
    """More is in use than would remain; `items` says what to free."""

    def __init__(self, message: str, *, items: Sequence[TooMuchUsed]) -> None:
        super().__init__(message)
        self.items = items


class NothingToReduce(AmendmentRefused):
    """The contract does not go on after its term."""


class NoticeMissed(AmendmentRefused):
    """The last day to decline the renewal has passed."""


class NextTermAgreed(AmendmentRefused):
    """The contract is renewed already: nothing that is said of its end has a place in the term that follows."""


class PauseRefused(AmendmentRefused):
    """The contract allows no such pause."""


class NotPaused(AmendmentRefused):
    """There is no pause to end."""


class ReactivationRefused(AmendmentRefused):
    """It was not ended, or too long ago, or not by the customer."""


class OfferNotMade(AmendmentRefused):
    """It is not what is offered for staying, or the contract can't be ended."""


class NotOpen(AmendmentRefused):
    """The change was done or taken back in the meantime, or can't be taken back."""


# What customers decide


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Who decides about a contract, and why. `version` is that of the contract as they saw it."""

    actor: Actor
    now: datetime
    version: int | None = None
    reason: str = ""  # A ChangeReason.
    words: str = ""


@dataclass(frozen=True)
class Dates:
    """From when a change holds, and is billed so."""

    effective_date: date
    effective_policy: DatePolicy
    billing_date: date
    billing_policy: DatePolicy
    until_date: date | None = field(default=None, kw_only=True)

    @classmethod
    def at_once(cls, today: date) -> "Dates":
        return cls(today, DatePolicy.IMMEDIATE, today, DatePolicy.IMMEDIATE)

    @classmethod
    def term_end(cls, contract: Contract) -> "Dates":
        end = contract.end_date
        return cls(end, DatePolicy.END_OF_TERM, end, DatePolicy.END_OF_TERM)


def reduce(*, contract: Contract, lines: Iterable[Entry], decision: Decision, at_once: bool = False) -> PendingChange:
    """Own less, or something cheaper, from the end of the term on. The staff may do it `at_once`.

    Raises `StillUsed` with what to free, `NothingToReduce` where nothing comes after the term, `NextTermAgreed`, and
    what `_begin` does.
    """
    lines = list(lines)
    with transaction.atomic():
        contract, today = _begin(contract, decision)
        if not at_once:
            _check_after_term(contract)
        owned = owned_on(ledger_of(contract), today)
        if used := still_used(contract.account, before=owned, entries=lines, today=today):
            raise StillUsed(_("More is in use than would remain. Free it first."), items=used)
        before = sum(line.monthly_minor for line in owned)
        change = _plan(
            contract,
            ChangeKind.REDUCTION,
            Dates.at_once(today) if at_once else Dates.term_end(contract),
            decision,
            monthly=(before, before + sum(line.recurring_minor for line in lines)),
        )
        PendingLine.objects.bulk_create(
            PendingLine(
                account=contract.account,
                change=change,
                product=line.product,
                kind=line.kind,
                quantity=line.quantity,
                unit_price=line.unit_price,
                recurring_minor=line.recurring_minor,
            )
            for line in lines
        )
        return _settle(change, today, decision)


def pause(*, contract: Contract, from_date: date, until_date: date, decision: Decision) -> PendingChange:
    """Own nothing for a while, at the same prices afterwards. What was paid for the term stays paid.

    What is billed every period is billed no more from the next one on. Raises `PauseRefused`, and what `_begin` does.
    """
    with transaction.atomic():
        contract, today = _begin(contract, decision)
        _check_pause(contract, today, from_date, until_date)
        period = cycle_of(contract, from_date)
        owned = [line for line in owned_on(ledger_of(contract), today) if line.is_recurring]
        if not owned:
            raise PauseRefused(_("There is nothing to pause."))
        change = _plan(
            contract,
            ChangeKind.PAUSE,
            Dates(
                from_date,
                DatePolicy.IMMEDIATE if from_date == today else DatePolicy.DATE,
                from_date if from_date == period.start_date else period.until_date,
                DatePolicy.NEXT_PERIOD,
                until_date=until_date,
            ),
            decision,
            monthly=(sum(line.monthly_minor for line in owned), 0),
        )
        return _settle(change, today, decision)


def _check_pause(contract: Contract, today: date, from_date: date, until_date: date) -> None:
    if from_date < today:
        raise PauseRefused(_("A pause begins today or later."))
    if until_date <= from_date:
        raise PauseRefused(_("A pause ends after it began."))
    if until_date >= contract.end_date:
        raise PauseRefused(
            _("A pause ends before the contract does, on %(day)s.") % {"day": date_format(contract.last_date)}
        )
    if (until_date - from_date).days > contract.longest_pause_days:
        raise PauseRefused(_("A pause lasts %(days)s days at most.") % {"days": contract.longest_pause_days})
    if pauses_of(contract) >= contract.most_pauses:
        raise PauseRefused(
            _("Your contract allows no pause. Talk to us.")
            if contract.most_pauses == 0
            else _("All pauses of this term have been taken. Talk to us.")
        )


def pauses_of(contract: Contract) -> int:
    """How many pauses of its term a contract has had. One query."""
    taken = PendingChange.objects.filter(contract=contract, kind=ChangeKind.PAUSE)
    return taken.exclude(status__in=(ChangeStatus.CANCELLED, ChangeStatus.FAILED)).count()


def resume(*, contract: Contract, decision: Decision) -> PendingChange:
    """End a pause today instead of on its last day. Raises `NotPaused`, `ContractMoved`."""
    with transaction.atomic():
        contract, today = _locked(contract, decision)
        planned = PendingChange.objects.open().filter(contract=contract, kind=ChangeKind.RESUME).first()
        if planned is None:
            raise NotPaused(_("The contract is not paused."))
        planned.close(ChangeStatus.CANCELLED, now=decision.now, by_id=decision.actor.user_id)
        dates = Dates(today, DatePolicy.IMMEDIATE, max(today, running_pause(contract).billing_date), DatePolicy.DATE)
        change = _plan(
            contract,
            ChangeKind.RESUME,
            dates,
            decision,
            monthly=(planned.monthly_before_minor, planned.monthly_after_minor),
        )
        return _settle(change, today, decision)


def end_contract(*, contract: Contract, decision: Decision, at_once: bool = False) -> PendingChange:
    """End it with its term; or `at_once`: what is owned ends today, what was agreed is billed until the term's end.

    The staff's immediate end also ends the bills. A customer gives notice in time, and before they renew. Raises
    `NoticeMissed`, `NextTermAgreed`, and what `_begin` does.
    """
    with transaction.atomic():
        is_staff = decision.actor.kind == ActorKind.STAFF
        contract, today = _begin(contract, decision)
        if not is_staff:
            _check_next_term(contract)
        if contract.auto_renew and today > contract.notice_date and not is_staff:
            raise NoticeMissed(
                _("The last day to decline the renewal was %(day)s: your contract renews on %(renewal)s. Talk to us.")
                % {"day": date_format(contract.notice_date), "renewal": date_format(contract.end_date)}
            )
        dates = Dates.term_end(contract)
        if at_once:
            dates = Dates.at_once(today) if is_staff else Dates(
                today, DatePolicy.IMMEDIATE, contract.end_date, DatePolicy.END_OF_TERM
            )  # fmt: skip
        offer = None if is_staff else RetentionOffer.objects.for_reason(decision.reason).first()
        if offer is not None:  # They read it before they confirmed.
            _answer(contract, offer, decision, is_taken=False)
        return _end(contract, today, dates, decision)


def end_unpaid(*, contract: Contract, decision: Decision) -> PendingChange:
    """The vendor ends a contract today, as bills are not paid, whatever was planned. Raises `ContractNotRunning`."""
    with transaction.atomic():
        contract, today = _locked(contract, decision)
        if not contract.is_running(today):
            raise ContractNotRunning(_("This contract is not running."))
        for planned in PendingChange.objects.open().filter(contract=contract):
            planned.close(ChangeStatus.CANCELLED, now=decision.now, by_id=decision.actor.user_id, note=decision.words)
        return _end(contract, today, Dates.at_once(today), decision)


def _end(contract: Contract, today: date, dates: Dates, decision: Decision) -> PendingChange:
    before = sum(line.monthly_minor for line in owned_on(ledger_of(contract), today))
    change = _plan(contract, ChangeKind.END, dates, decision, monthly=(before, 0))
    write_contract(contract, decision.actor, auto_renew=False)
    return _settle(change, today, decision)


def reactivate(*, contract: Contract, decision: Decision) -> PendingChange:
    """Take an ended contract up again while its term runs, with what it had and at the same prices.

    A customer takes up only what they ended themselves. Raises `ReactivationRefused`, `ContractMoved`.
    """
    with transaction.atomic():
        contract, today = _locked(contract, decision)
        ended = last_end(contract)
        _check_reactivation(contract, ended, today, decision)
        monthly = (0, ended.monthly_before_minor) if ended else (0, 0)
        dates = Dates.at_once(today)
        if ended and ended.billing_date > today:
            dates = Dates(today, DatePolicy.IMMEDIATE, ended.billing_date, DatePolicy.END_OF_TERM)
        change = _plan(contract, ChangeKind.REACTIVATION, dates, decision, monthly=monthly)
        return _settle(change, today, decision)


def may_reactivate(contract: Contract, ended: PendingChange | None, today: date, *, is_staff: bool = False) -> bool:
    """Whether an ended contract can be taken up again."""
    if ended is None or contract.status != ContractStatus.ENDED or today >= contract.end_date:
        return False
    by_customer = ended.billing_policy != DatePolicy.IMMEDIATE
    return (by_customer or is_staff) and today < ended.effective_date + timedelta(days=REACTIVATION_DAYS)


def _check_reactivation(contract: Contract, ended: PendingChange | None, today: date, decision: Decision) -> None:
    if not may_reactivate(contract, ended, today, is_staff=decision.actor.kind == ActorKind.STAFF):
        raise ReactivationRefused(_("This contract can't be taken up again here. Talk to us, we will help."))


def planned_for(contract: Contract) -> PendingChange:
    """The change that is open. Raises `NotOpen`."""
    change = PendingChange.objects.open().filter(contract=contract).select_related("contract").first()
    if change is None:
        raise NotOpen(_("No change of this contract is planned."))
    return change


def take_back(*, change: PendingChange, decision: Decision) -> PendingChange:
    """Undo a planned change before its day, which may have come without it being done yet. Raises `NotOpen`."""
    with transaction.atomic():
        contract, today = _locked(change.contract, decision)
        change = PendingChange.objects.select_for_update(no_key=True, of=("self",)).get(pk=change.pk)
        change.contract = contract
        if not change.can_be_taken_back or change.is_due(today):
            raise NotOpen(_("This change was done or taken back in the meantime."))
        change.close(ChangeStatus.CANCELLED, now=decision.now, by_id=decision.actor.user_id, note=decision.words)
        if change.kind == ChangeKind.END:
            write_contract(contract, decision.actor, auto_renew=change.renewed_before)
        tell(change, EventName.CONTRACT_CHANGE_TAKEN_BACK, decision.actor, decision.now)
        return change


def take_offer(*, contract: Contract, offer: RetentionOffer, decision: Decision) -> RetentionAnswer:
    """Stay for what we offer: write it down, and tell the company's contacts; asked again, it is the one answer.

    Raises `OfferNotMade`, `NextTermAgreed`, and what `_begin` does.
    """
    with transaction.atomic():
        contract = _begin(contract, decision)[0]
        _check_next_term(contract)
        if offer != RetentionOffer.objects.for_reason(offer.reason).first():
            raise OfferNotMade(_("This is not on offer any more. Talk to us."))
        given = RetentionAnswer.objects.taken().filter(contract=contract, offer=offer).first()
        if given is not None:
            return given
        answer = _answer(contract, offer, decision, is_taken=True)
        note(EventName.RETENTION_OFFER_TAKEN, contract, decision.actor, decision.now, reason=offer.reason)
        notify(
            kind="retention_offer_taken",
            to=contacts_of(contract.account),
            account=contract.account,
            context={"answer": answer, "contract": contract},
        )
        return answer


def _answer(contract: Contract, offer: RetentionOffer, decision: Decision, *, is_taken: bool) -> RetentionAnswer:
    return RetentionAnswer.objects.create(
        account=contract.account,
        contract=contract,
        offer=offer,
        reason=offer.reason,
        headline=offer.headline,
        discount_percent=offer.discount_percent,
        is_taken=is_taken,
        words=decision.words,
        answered_by_id=decision.actor.user_id,
        answered_at=decision.now,
    )


# What all of them have in common


def _locked(contract: Contract, decision: Decision) -> tuple[Contract, date]:
    """The contract as it is now, and the day where the customer is. Raises `ContractMoved`."""
    contract = Contract.objects.locked(contract.pk)
    if decision.version is not None and contract.version != decision.version:
        raise ContractMoved(_("The contract has changed since you looked at it. Please read it again."))
    return contract, contract.account.local_date(decision.now)


def _begin(contract: Contract, decision: Decision) -> tuple[Contract, date]:
    """Lock a contract that may be changed. Raises `ContractMoved`, `ContractNotRunning`, and `check_free`'s errors."""
    contract, today = _locked(contract, decision)
    if not contract.is_running(today):
        raise ContractNotRunning(_("This contract is not running."))
    check_free(contract)
    return contract, today


def check_free(contract: Contract) -> None:
    """A contract is changed one at a time. Raises `ChangeWaits`, `OrderWaits`."""
    if change := PendingChange.objects.open().filter(contract=contract).first():
        raise ChangeWaits(
            _("Another change of this contract is planned. Take that back first, or wait for its day."), change=change
        )
    if order := Order.objects.awaiting_payment().filter(contract=contract).first():
        raise OrderWaits(
            _("Order %(number)s for this contract waits for its payment. Pay or cancel it first.")
            % {"number": order.number},
            order=order,
        )


def _check_after_term(contract: Contract) -> None:
    """Whether another term follows that can still be changed. Raises `NothingToReduce`, `NextTermAgreed`."""
    if not contract.auto_renew:
        raise NothingToReduce(
            _("Your contract ends on %(day)s. There is nothing to reduce after it.")
            % {"day": date_format(contract.last_date)}
        )
    _check_next_term(contract)


def _check_next_term(contract: Contract) -> None:
    """What was renewed is bought, and may be paid. Raises `NextTermAgreed`."""
    if Renewal.objects.in_state(RenewalState.ACCEPTED).filter(contract=contract).exists():
        raise NextTermAgreed(
            _("This contract is renewed already: the next term begins on %(day)s. Talk to us.")
            % {"day": date_format(contract.end_date)}
        )


def in_the_way(contract: Contract, today: date, *, of_next_term: bool = False) -> AmendmentRefused | None:
    """Why the contract can't be changed now, or `of_next_term` not from its end on, with what stands in the way."""
    if not contract.is_running(today):
        return ContractNotRunning(_("This contract is not running."))
    try:
        check_free(contract)
        if of_next_term:
            _check_next_term(contract)
    except AmendmentRefused as refusal:
        return refusal
    return None


def _plan(
    contract: Contract, kind: ChangeKind, dates: Dates, decision: Decision, *, monthly: tuple[int, int]
) -> PendingChange:
    return PendingChange.objects.create(
        account=contract.account,
        contract=contract,
        contract_version=contract.version,
        kind=kind,
        effective_policy=dates.effective_policy,
        effective_date=dates.effective_date,
        billing_policy=dates.billing_policy,
        billing_date=dates.billing_date,
        until_date=dates.until_date,
        currency=contract.currency,
        monthly_before_minor=monthly[0],
        monthly_after_minor=monthly[1],
        reason=ChangeReason(decision.reason) if decision.reason else "",
        words=decision.words.strip()[:1000],
        renewed_before=contract.auto_renew,
        requested_at=decision.now,
        requested_by_id=decision.actor.user_id,
    )


def _settle(change: PendingChange, today: date, decision: Decision) -> PendingChange:
    """Apply at once what is for today; of the rest, say that it is planned."""
    if change.is_due(today):
        with staff_scope(decision.actor):  # Doing it is ours; a customer's request only plans.
            return apply_change(change=change, actor=decision.actor, now=decision.now)
    tell(change, EventName.CONTRACT_CHANGE_PLANNED, decision.actor, decision.now)
    return change
