"""What follows for a company while something is overdue: overdue, unpaid, suspended, ended; and back, once it is paid.

A company has one standing, whichever of its invoices is late. It follows from dates that were told to the company, so
that it comes out the same whenever and however often it is looked at. Nothing gets worse while money is on its way or
while our people hold it; it gets better in the transaction in which the last overdue invoice is paid. A payment that
waits for the customer is no money on its way: who leaves the bank's question or the page at Stripe open wins no time.
"""

import logging
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Account
from accounts.notifications import notify
from accounts.scope import system_scope
from accounts.services import restore, suspend
from commerce.billing.contacts import billing_contacts
from commerce.contracts import amendments
from commerce.contracts.people import contacts_of
from commerce.models import (
    Contract,
    Dunning,
    DunningPolicy,
    DunningState,
    DunningStep,
    Invoice,
    PaymentAttempt,
    StepKind,
)
from commerce.models.dunning import local_day
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record

logger = logging.getLogger(__name__)


class NotHeld(Exception):
    """The dunning is not on hold, or nothing is owed any more."""


def look_at_all(*, now: datetime) -> int:
    """Open, move on and close dunning for every company whose day has come; how many were touched.

    Run twice, it comes to the same. One query for those for whom nothing changes.
    """
    touched = 0
    for account in list(_to_be_looked_at(now)):
        try:
            with system_scope(account.pk):
                lock(account)
                if not _to_be_looked_at(now).filter(pk=account.pk).exists():
                    continue  # Somebody has paid, or begun to, since the list was made.
                _look(account, now=now)
            touched += 1
        except Exception:
            logger.exception("the dunning of %s could not be looked at", account.public_id)
    return touched


def look_again(*, account: Account, now: datetime) -> None:
    """Something is owed no more: where nothing else is overdue, the company has everything back at once.

    Runs in the transaction in which that happens, whoever's it is. What comes next by the dates is left to the job:
    nobody is suspended by paying.
    """
    with system_scope(account.pk):
        if Dunning.objects.for_account(account).open().exists():
            _look(account, now=now, may_get_worse=False)


def hold(*, dunning: Dunning, reason: str, actor: Actor, now: datetime) -> None:
    """Let nothing follow for a while, and give back what was suspended. Held already, nothing changes.

    Runs in the transaction of whoever of our people decides it.
    """
    with transaction.atomic():
        locked = _locked(dunning)
        if locked.is_held or locked.closed_at is not None:
            return
        locked.held_at = now
        locked.save(update_fields=["held_at"])
        _note(locked, StepKind.HELD, now=now, note=reason, by_id=actor.user_id)
        _look(locked.account, now=now)


def go_on(*, dunning: Dunning, reason: str, actor: Actor, now: datetime) -> None:
    """Let a held dunning go on: all that was to follow comes as many days later as it was held. Raises NotHeld."""
    with transaction.atomic():
        locked = _locked(dunning)
        if locked.held_at is None or locked.closed_at is not None:
            raise NotHeld(_("It is not on hold."))
        today = locked.account.local_date
        locked.move((today(now) - today(locked.held_at)).days)
        locked.held_at = None
        locked.save()
        _note(locked, StepKind.CONTINUED, now=now, note=reason, by_id=actor.user_id)
        _look(locked.account, now=now)


def of_account(account: Account) -> Dunning | None:
    """The dunning that is open. One query."""
    return Dunning.objects.for_account(account).open().first()


def lock(account: Account) -> None:
    """One look at a company's standing at a time. Taken before its contracts, by whoever needs both."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('commerce_dunning'), %s)", [account.pk])


# Whom to look at


def _to_be_looked_at(now: datetime) -> QuerySet[Account]:
    """Companies for whom something may have changed since they were looked at last."""
    overdue = Invoice.objects.payable().filter(account=OuterRef("pk"), due_date__lt=local_day(now))
    is_open = Dunning.objects.open().filter(account=OuterRef("pk"))
    ahead = local_day(now)
    step_due = is_open.filter(held_at=None).filter(
        Q(state=DunningState.PAST_DUE, unpaid_date__lte=ahead)
        | Q(state__in=[DunningState.PAST_DUE, DunningState.UNPAID], suspension_date__lte=ahead)
        | (~Q(state=DunningState.CANCELLED) & Q(cancellation_date__lte=ahead))
    )
    due = (Exists(overdue) & ~Exists(is_open)) | (~Exists(overdue) & Exists(is_open)) | Exists(step_due)
    paying = PaymentAttempt.objects.moving().filter(account=OuterRef("pk"))
    return Account.objects.filter(due, ~Exists(paying)).order_by("pk")


# One company


def _look(account: Account, *, now: datetime, may_get_worse: bool = True) -> None:
    """Bring the company's dunning to what is so today. Runs in a transaction, as the owner."""
    lock(account)
    today = account.local_date(now)
    oldest = _oldest_overdue(account, today)
    dunning = Dunning.objects.select_for_update(of=("self",)).for_account(account).open().first()
    if oldest is None:
        if dunning is not None:
            _move(dunning, DunningState.CURED, account=account, now=now)
        return
    if dunning is None:
        _open(account, oldest, today=today, now=now)
        return
    if oldest.due_date > dunning.anchor_date:  # The oldest ones are paid: what follows counts from the next.
        dunning.begin_at(oldest.due_date, DunningPolicy.of(oldest.legal_entity))
        dunning.save()
    state = dunning.state_on(today)
    if state == dunning.state:
        return
    if state.is_worse_than(dunning.state_choice) and (not may_get_worse or _is_paying(account)):
        return
    _move(dunning, state, account=account, now=now)


def _is_paying(account: Account) -> bool:
    return PaymentAttempt.objects.for_account(account).moving().exists()


def _oldest_overdue(account: Account, today: date) -> Invoice | None:
    return Invoice.objects.for_account(account).overdue(today).order_by("due_date", "pk").first()


def _open(account: Account, oldest: Invoice, *, today: date, now: datetime) -> None:
    """The time runs from the due date; or from yesterday, where we notice late, so that each step is told before."""
    dunning = Dunning(account=account, opened_at=now)
    yesterday = today - timedelta(days=1)
    dunning.begin_at(max(oldest.due_date, yesterday), DunningPolicy.of(oldest.legal_entity))
    dunning.save()
    _note(dunning, StepKind.PAST_DUE, now=now)
    _tell(dunning)


def _move(dunning: Dunning, state: DunningState, *, account: Account, now: datetime) -> None:
    had_suspended = dunning.has_suspended
    dunning.state = state
    if state == DunningState.CURED:
        dunning.closed_at, dunning.held_at = now, None
    dunning.save()
    _note(dunning, StepKind(state), now=now)
    if dunning.has_suspended and not had_suspended:
        suspend(account=account, reason=_("An invoice was not paid."), now=now)
        _record(EventName.ACCESS_SUSPENDED, account, now)
    elif had_suspended and not dunning.has_suspended:
        restore(account=account, now=now)
        _record(EventName.ACCESS_RESTORED, account, now)
    _tell(dunning)
    if state == DunningState.CANCELLED:
        _end_contracts(account, now=now)  # Last, as what is credited for the days left may be all that was overdue.


def _end_contracts(account: Account, *, now: datetime) -> None:
    """What runs ends today, in the vendor's name."""
    decision = amendments.Decision(actor=Actor.system(account.pk), now=now, words=_("Invoices were not paid."))
    for contract in Contract.objects.for_account(account).current(account.local_date(now)).order_by("pk"):
        amendments.end_unpaid(contract=contract, decision=decision)


def _locked(dunning: Dunning) -> Dunning:
    return Dunning.objects.select_for_update(of=("self",)).select_related("account").get(pk=dunning.pk)


def _note(dunning: Dunning, kind: StepKind, *, now: datetime, note: str = "", by_id: int | None = None) -> None:
    DunningStep.objects.create(
        account_id=dunning.account_id,
        dunning=dunning,
        kind=kind,
        note=note.strip()[:500],
        made_by_id=by_id,
        made_at=now,
    )


def _tell(dunning: Dunning) -> None:
    """The company's people for bills; and once access is gone, our own who look after it."""
    account = dunning.account
    overdue = Invoice.objects.for_account(account).payable().order_by("due_date", "pk").first()
    context = {"dunning": dunning, "state": dunning.state, "invoice": overdue, "customer": account}
    notify(kind="standing", to=billing_contacts(account), account=account, context=context)
    if dunning.has_suspended:
        notify(kind="customer_suspended", to=contacts_of(account), account=account, context=context)


def _record(name: EventName, account: Account, now: datetime) -> None:
    record(
        name=name,
        actor=Actor.system(account.pk),
        now=now,
        object_type="account",
        object_id=str(account.public_id),
    )
