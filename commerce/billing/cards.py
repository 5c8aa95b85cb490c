"""The cards that a company keeps, and whether its invoices are charged to one.

Whatever asks Stripe may not run inside a transaction.
"""

from dataclasses import dataclass
from datetime import date, datetime

from accounts.models import Account
from accounts.scope import staff_scope
from commerce import stripe_gateway as gateway
from commerce.billing.payments import CardNotReady, customer_id
from commerce.models import AutoPay, Collection, Contract, Invoice, Stop, StoredCard
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record


class NoCard(Exception):
    """The company keeps no card that could be charged."""


@dataclass(frozen=True)
class WaitsForCard:
    """What a card is needed for: told before it is removed."""

    invoices: tuple[Invoice, ...]
    renewals: tuple[Contract, ...]

    def __bool__(self) -> bool:
        return bool(self.invoices or self.renewals)


def store_card(*, account: Account, setup_id: str, actor: Actor, now: datetime) -> StoredCard:
    """Keep the card that the browser has set up; the first one becomes the default.

    Raises CardNotReady, and gateway.GatewayError: then nothing is kept.
    """
    customer = customer_id(account, now=now)
    setup = gateway.retrieve_setup(setup_id)
    if not setup.is_ready or setup.customer_id != customer:
        raise CardNotReady
    gateway.attach_card(card_id=setup.card_id, customer_id=customer)
    details = gateway.retrieve_card(setup.card_id)
    with staff_scope(actor, durable=True):
        _lock(account)
        is_first = not StoredCard.objects.for_account(account).kept().exists()
        card, _created = StoredCard.objects.get_or_create(
            account=account,
            stripe_card_id=setup.card_id,
            defaults={
                "stripe_customer_id": customer,
                "brand": details.brand,
                "last4": details.last4,
                "exp_month": details.exp_month,
                "exp_year": details.exp_year,
                "added_by_id": actor.user_id,
                "added_at": now,
            },
        )
        if is_first:
            _choose(card, now=now)
        _note(EventName.CARD_STORED, card, actor, now)
    return card


def choose_default(*, card: StoredCard, actor: Actor, now: datetime) -> None:
    """Charge this card from now on. Invoices whose card was refused for good are tried again with it today."""
    with staff_scope(actor):
        _lock(card.account)
        _choose(card, now=now)


def remove_card(*, card: StoredCard, actor: Actor, now: datetime) -> None:
    """Forget a card, at Stripe first. Raises gateway.OutcomeUnknown when Stripe can't be asked: then it stays."""
    gateway.detach_card(card.stripe_card_id)
    with staff_scope(actor, durable=True):
        _lock(card.account)
        kept = StoredCard.objects.filter(pk=card.pk, removed_at=None)
        if kept.update(removed_at=now, is_default=False):
            _note(EventName.CARD_REMOVED, card, actor, now)


def waits_for(card: StoredCard, today: date) -> WaitsForCard:
    """What is charged to the card if it stays: invoices that wait, and renewals that pay by themselves. Three queries.

    Nothing, unless it is the default and the company pays by itself.
    """
    if not card.is_default or not pays_by_itself(card.account):
        return WaitsForCard((), ())
    open_invoices = Invoice.objects.for_account(card.account).payable().order_by("due_date", "pk")
    running = Contract.objects.for_account(card.account).current(today).filter(auto_renew=True)
    return WaitsForCard(tuple(open_invoices), tuple(running.order_by("end_date", "pk")))


def pays_by_itself(account: Account) -> bool:
    """Whether invoices are charged to the default card. One query."""
    return AutoPay.objects.for_account(account).running().exists()


def agree(*, account: Account, actor: Actor, now: datetime) -> None:
    """The company lets us charge its invoices to its default card when they are due. Raises NoCard."""
    with staff_scope(actor):
        _lock(account)
        if default_card(account) is None:
            raise NoCard
        AutoPay.objects.get_or_create(
            account=account, ended_at=None, defaults={"agreed_by_id": actor.user_id, "agreed_at": now}
        )


def take_back(*, account: Account, actor: Actor, now: datetime) -> None:
    """From now on nothing is charged by itself. Taken back already, nothing changes."""
    with staff_scope(actor):
        AutoPay.objects.for_account(account).running().update(ended_by_id=actor.user_id, ended_at=now)


def default_card(account: Account) -> StoredCard | None:
    """The card that is charged. One query."""
    return StoredCard.objects.for_account(account).kept().filter(is_default=True).first()


def _lock(account: Account) -> None:
    """One change of a company's cards at a time."""
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)


def _choose(card: StoredCard, *, now: datetime) -> None:
    kept = StoredCard.objects.for_account(card.account).kept()
    kept.exclude(pk=card.pk).filter(is_default=True).update(is_default=False)
    if not kept.filter(pk=card.pk, is_default=False).update(is_default=True):
        return
    card.is_default = True
    stopped = Collection.objects.for_account(card.account).going_on().exclude(stop__in=["", Stop.NOT_PAYABLE])
    stopped.update(stop="", next_try_date=card.account.local_date(now))


def _note(name: EventName, card: StoredCard, actor: Actor, now: datetime) -> None:
    record(
        name=name,
        actor=actor,
        now=now,
        object_type="card",
        object_id=str(card.public_id),
        properties={"brand": card.brand, "last4": card.last4},
    )
