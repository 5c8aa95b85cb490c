"""Planned changes of contracts on their day: written into the ledger, recorded, and told to those concerned."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts.notifications import notify
from accounts.scope import staff_scope, system_scope
from commerce.billing import changes
from commerce.contracts import ledger
from commerce.contracts.contracts import ledger_of, owned_on
from commerce.contracts.freeing import TooMuchUsed, still_used
from commerce.contracts.ledger import Entry
from commerce.contracts.people import buyers_of, contacts_of
from commerce.models import (
    ChangeKind,
    ChangeStatus,
    Contract,
    ContractStatus,
    DatePolicy,
    DeltaKind,
    PendingChange,
    SubscriptionDelta,
)
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record

logger = logging.getLogger(__name__)

Days = tuple[date, date]  # From when something is owned, and from when it is billed so.
APPLIED_AT_ONCE = 200  # Changes that one step of the job reads.


def apply_due(*, now: datetime) -> int:
    """Apply what is due where the customers are. Run twice, or a week late, it comes to the same. How many it did."""
    done, stuck = 0, set[int]()
    due = PendingChange.objects.due(now).select_related("contract", "account")
    while batch := list(due.exclude(pk__in=stuck)[:APPLIED_AT_ONCE]):
        for change in batch:
            try:
                with system_scope(change.account_id):
                    apply_change(change=change, actor=Actor.system(change.account_id), now=now)
                done += 1
            except Exception:
                logger.exception("change %s of %s could not be applied", change.public_id, change.contract)
                stuck.add(change.pk)
    return done


def apply_change(*, change: PendingChange, actor: Actor, now: datetime) -> PendingChange:
    """Write a planned change into the ledger as of its day. Done already, nothing happens.

    Where the contract was changed or ended after it was planned, it fails, and the customer hears of it. A reduction
    goes through also where more is used by now than it leaves: the next term was offered and renewed with it. What is
    used beyond it is told to the customer and to our people.
    """
    with transaction.atomic():
        contract = Contract.objects.locked(change.contract_id)
        change = PendingChange.objects.select_for_update(no_key=True, of=("self",)).get(pk=change.pk)
        change.contract = contract
        if not change.is_open:
            return change
        is_reactivation = change.kind == ChangeKind.REACTIVATION
        expected = ContractStatus.ENDED if is_reactivation else ContractStatus.ACTIVE
        if (contract.version, contract.status) != (change.contract_version, expected):
            note = _("The contract was changed or ended after this was planned.")
            change.close(ChangeStatus.FAILED, now=now, by_id=actor.user_id, note=note)
            tell(change, EventName.CONTRACT_CHANGE_FAILED, actor, now)
            return change
        short = _left_short(change, today=change.effective_date - timedelta(days=1))  # All is still owned then.
        for (effective_date, billing_date), entries in sorted(_entries(change).items()):
            ledger.append(
                contract=contract,
                entries=entries,
                effective_date=effective_date,
                billing_date=billing_date,
                actor=actor,
                change=change,
            )
        _follow(change, actor)
        changes.settle_at_once(contract=contract, actor=actor, now=now)
        change.close(ChangeStatus.APPLIED, now=now, by_id=actor.user_id)
        if change.kind == ChangeKind.PAUSE:
            _plan_resumption(change, now)
        tell(change, EventName.CONTRACT_CHANGED, actor, now, short=short)
        return change


def planned_short(contract: Contract, *, today: date) -> list[TooMuchUsed]:
    """What is in use beyond what the contract's planned reduction would leave. One query where none is planned."""
    planned = PendingChange.objects.open().filter(contract=contract, kind=ChangeKind.REDUCTION)
    change = planned.select_related("account", "contract").first()
    return _left_short(change, today=today) if change else []


def _left_short(change: PendingChange, *, today: date) -> list[TooMuchUsed]:
    """What is used on a day on which all is still owned, beyond what a planned reduction leaves."""
    if change.kind != ChangeKind.REDUCTION or change.effective_policy == DatePolicy.IMMEDIATE:
        return []
    entries = [Entry.sold(line) for line in change.lines.select_related("product")]
    return still_used(change.account, before=owned_on(ledger_of(change.contract), today), entries=entries, today=today)


def _entries(change: PendingChange) -> Mapping[Days, list[Entry]]:
    """What a change means for the ledger as it is on its day."""
    match change.kind_choice:
        case ChangeKind.REDUCTION:
            sold = [Entry.sold(line) for line in change.lines.select_related("product")]
            return {(change.effective_date, change.billing_date): sold}
        case ChangeKind.PAUSE:
            return _taking(change, DeltaKind.PAUSE)
        case ChangeKind.END:
            return _taking(change, DeltaKind.CANCEL)
        case ChangeKind.RESUME:
            return _giving_back(_taken_by(running_pause(change.contract)), change, DeltaKind.RESUME)
        case ChangeKind.REACTIVATION:
            ended = last_end(change.contract)
            return _giving_back(_taken_by(ended) if ended else [], change, DeltaKind.REACTIVATION)


def _taking(change: PendingChange, kind: DeltaKind) -> Mapping[Days, list[Entry]]:
    """All that is paid again and again. What was bought for some months only, and would end meanwhile, ends once."""
    deltas = ledger_of(change.contract)
    found: dict[Days, list[Entry]] = defaultdict(list)
    found[change.effective_date, change.billing_date] = [
        Entry.taking(line, kind) for line in owned_on(deltas, change.effective_date) if line.is_recurring
    ]
    for delta in deltas:
        ends = delta.kind == DeltaKind.CANCEL and delta.effective_date > change.effective_date
        if ends and (change.until_date is None or delta.effective_date < change.until_date):
            days = delta.effective_date, max(delta.billing_date, change.billing_date)
            found[days].append(Entry.giving_back(delta, kind))
    return found


def _giving_back(
    taken: Iterable[SubscriptionDelta], change: PendingChange, kind: DeltaKind
) -> Mapping[Days, list[Entry]]:
    """The opposite of what was taken: from the day of the change, or from its own where that is still to come."""
    found: dict[Days, list[Entry]] = defaultdict(list)
    for delta in taken:
        days = max(delta.effective_date, change.effective_date), max(delta.billing_date, change.billing_date)
        found[days].append(Entry.giving_back(delta, kind))
    return found


def _follow(change: PendingChange, actor: Actor) -> None:
    """What else of the contract follows: its version, and whether it runs and renews."""
    status, auto_renew = change.contract.status, change.contract.auto_renew
    if change.kind == ChangeKind.END:
        status, auto_renew = ContractStatus.ENDED, False
    elif change.kind == ChangeKind.REACTIVATION:
        ended = last_end(change.contract)
        status, auto_renew = ContractStatus.ACTIVE, ended is not None and ended.renewed_before
    write_contract(change.contract, actor, status=status, auto_renew=auto_renew, version=F("version") + 1)
    change.contract.refresh_from_db(fields=["version"])


def _plan_resumption(paused: PendingChange, now: datetime) -> None:
    """A pause ends by itself on its last day. Not billed sooner than the pause was."""
    if paused.until_date is None:
        raise ValueError(f"the pause {paused.public_id} has no end")
    PendingChange.objects.create(
        account=paused.account,
        contract=paused.contract,
        contract_version=paused.contract.version,
        kind=ChangeKind.RESUME,
        effective_policy=DatePolicy.DATE,
        effective_date=paused.until_date,
        billing_policy=DatePolicy.DATE,
        billing_date=max(paused.until_date, paused.billing_date),
        currency=paused.currency,
        monthly_before_minor=0,
        monthly_after_minor=paused.monthly_before_minor,
        requested_by_id=paused.requested_by_id,
        requested_at=now,
    )


def running_pause(contract: Contract) -> PendingChange:
    """The pause that runs."""
    pauses = PendingChange.objects.filter(contract=contract, kind=ChangeKind.PAUSE, status=ChangeStatus.APPLIED)
    return pauses.latest("effective_date", "pk")


def _taken_by(change: PendingChange) -> list[SubscriptionDelta]:
    return list(change.deltas.select_related("subscription__product").order_by("pk"))


# What was taken, and is given back


def last_end(contract: Contract) -> PendingChange | None:
    """The change that ended a contract. One query."""
    ends = PendingChange.objects.filter(contract=contract, kind=ChangeKind.END, status=ChangeStatus.APPLIED)
    return ends.order_by("-effective_date", "-pk").first()


# Writing it down


def write_contract(contract: Contract, actor: Actor, **values: object) -> None:
    """Whether a contract runs and renews is the vendor's to write, also where the customer decides it."""
    with staff_scope(actor):
        Contract.objects.filter(pk=contract.pk).update(**values)


def tell(
    change: PendingChange, name: EventName, actor: Actor, now: datetime, *, short: Sequence[TooMuchUsed] = ()
) -> None:
    """Record it, and tell those who buy; of a cancellation, and of what it leaves `short`, also our own people."""
    note(
        name,
        change.contract,
        actor,
        now,
        change=str(change.public_id),
        kind=change.kind,
        effective_date=change.effective_date.isoformat(),
        monthly_change_minor=change.monthly_after_minor - change.monthly_before_minor,
        currency=change.currency,
        reason=change.reason,
    )
    account = change.contract.account
    notify(kind="contract_change", to=buyers_of(account), account=account, context={"change": change, "short": short})
    if short or (change.kind == ChangeKind.END and name == EventName.CONTRACT_CHANGE_PLANNED) or change.is_failed:
        context = {"change": change, "contract": change.contract, "short": short}
        notify(kind="contract_attention", to=contacts_of(account), account=account, context=context)


def note(name: EventName, contract: Contract, actor: Actor, now: datetime, **properties: object) -> None:
    record(
        name=name,
        actor=actor,
        now=now,
        object_type="contract",
        object_id=str(contract.public_id),
        properties={"number": contract.number, **properties},
    )
