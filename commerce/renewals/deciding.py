"""What customers decide about their renewals beside accepting the offer: sooner, otherwise, by itself or not, or not.

Each takes the `Decision` of commerce.contracts.amendments, checks, changes, records and tells. What is the vendor's to
write is written with the vendor's rights, in the customer's name.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.notifications import notify
from accounts.scope import staff_scope
from commerce.amounts import number
from commerce.configuring.situations import plain
from commerce.contracts.amendments import AmendmentRefused, Decision, check_free, end_contract
from commerce.contracts.applying import note, write_contract
from commerce.contracts.people import contacts_of
from commerce.models import ChangeKind, Contract, PendingChange, ProductKind, Renewal, RenewalState
from commerce.pricing.money import PricingError
from commerce.pricing.proration import day_after
from commerce.pricing.renewal import ContractEnd, co_terminate
from commerce.renewals import grace
from commerce.renewals.prices import owned_after
from commerce.renewals.running import offer, open_renewals
from tracking.actor import ActorKind
from tracking.models import EventName

LONGEST_TERM_MONTHS = 60
CHANGEABLE = (RenewalState.WAITING, RenewalState.OFFERED)


class RenewalRefused(AmendmentRefused):
    """Something cannot be done with a renewal; the message says why."""


class ChoiceLocked(RenewalRefused):
    """The last day to change whether the contract renews by itself has passed."""


class RenewalDecided(RenewalRefused):
    """It was accepted, declined or has begun already."""


class NotOnContract(RenewalRefused):
    """A product that is not on the contract, or more or less of it than can be had."""


class TermNotOffered(RenewalRefused):
    """Nobody renews for so long, or for so short."""


def renew_early(*, contract: Contract, decision: Decision) -> Renewal:
    """The offer now, instead of 120 days before the end. Asked again, it is the one that stands.

    Raises `RenewalRefused` where the contract does not run, or the offer cannot be made.
    """
    with transaction.atomic(), staff_scope(decision.actor):
        contract = Contract.objects.locked(contract.pk)
        if not contract.is_running(contract.account.local_date(decision.now)):
            raise RenewalRefused(_("This contract is not running."))
        check_free(contract)
        open_renewals([contract], now=decision.now)
        renewal = _locked(Renewal.objects.get(contract=contract))
        if renewal.state == RenewalState.WAITING:
            _offer(renewal, decision.now)
        return renewal


def change(
    *, renewal: Renewal, quantities: Mapping[str, Decimal] | None = None, term_months: int | None = None,
    decision: Decision,
) -> Renewal:  # fmt: skip
    """Another offer: with other quantities, by product code (0 leaves one out), or for another term.

    What is not named renews as it is. Raises `RenewalDecided`, `NotOnContract`, `TermNotOffered`.
    """
    with transaction.atomic(), staff_scope(decision.actor):
        renewal = _locked(renewal)
        _check_open(renewal)
        if term_months is not None:
            if not 1 <= term_months <= LONGEST_TERM_MONTHS:
                raise TermNotOffered(_("A term is one to %(most)d months.") % {"most": LONGEST_TERM_MONTHS})
            renewal.term_months = term_months
        renewal.wish = _wish(renewal, quantities or {})
        renewal.save(update_fields=["term_months", "wish"])
        _offer(renewal, decision.now)
        return renewal


def set_auto_renew(*, contract: Contract, auto_renew: bool, decision: Decision) -> Contract:
    """Whether the contract renews by itself. Customers decide until the notice date, our people until its end.

    Raises `ChoiceLocked`, `RenewalRefused`.
    """
    with transaction.atomic():
        contract = Contract.objects.locked(contract.pk)
        today = contract.account.local_date(decision.now)
        if not contract.is_running(today):
            raise RenewalRefused(_("This contract is not running."))
        if PendingChange.objects.open().filter(contract=contract, kind=ChangeKind.END).exists():
            raise RenewalRefused(_("The contract ends. Take that back first."))
        if today > contract.notice_date and decision.actor.kind != ActorKind.STAFF:
            raise ChoiceLocked(
                _("The last day to change this was %(day)s. Talk to us.") % {"day": date_format(contract.notice_date)}
            )
        if contract.auto_renew != auto_renew:
            write_contract(contract, decision.actor, auto_renew=auto_renew)
            contract.auto_renew = auto_renew
            note(EventName.CONTRACT_CHANGED, contract, decision.actor, decision.now, auto_renew=auto_renew)
        return contract


def decline(*, renewal: Renewal, decision: Decision) -> PendingChange:
    """End the contract with its term, with a reason; nobody is reminded any more.

    Raises `RenewalDecided`, and what `end_contract` does: `NoticeMissed` after the notice date of one that renews by
    itself.
    """
    with transaction.atomic():
        with staff_scope(decision.actor):
            renewal = _locked(renewal)
            _check_open(renewal)
        ending = end_contract(contract=renewal.contract, decision=decision)
        with staff_scope(decision.actor):
            grace.decline([renewal], now=decision.now)
        return ending


def talk(*, renewal: Renewal, decision: Decision) -> None:
    """Tell the account's people that the customer wants to talk, in the customer's words."""
    with transaction.atomic():
        contract = renewal.contract
        note(EventName.RENEWAL_TALK, contract, decision.actor, decision.now, words=decision.words[:1000])
        context = {"renewal": renewal, "contract": contract, "words": decision.words}
        notify(kind="renewal_talk", to=contacts_of(renewal.account), account=renewal.account, context=context)


def align(
    *, contracts: Sequence[Contract], term_months: int, master: Contract | None = None, decision: Decision
) -> list[Renewal]:
    """Offer several contracts of a company anew, so that all of them end on one day: `term_months` after the master.

    Without a `master` the one that ends first sets the day. Each begins its new term where its old one ends, so that
    nothing is left without cover. Raises `TermNotOffered`, `RenewalDecided`, `RenewalRefused`.
    """
    with transaction.atomic(), staff_scope(decision.actor):
        rows = [Contract.objects.locked(pk) for pk in sorted(contract.pk for contract in contracts)]
        for row in rows:
            if not row.is_running(row.account.local_date(decision.now)):
                raise RenewalRefused(_("This contract is not running."))
        ends = [ContractEnd(str(row.pk), row.last_date) for row in rows]
        try:
            lines = co_terminate(ends, term_months=term_months, master=str(master.pk) if master else None)
        except PricingError as error:
            raise TermNotOffered(_("These contracts cannot be made to end on one day.")) from error
        open_renewals(rows, now=decision.now)
        renewals = []
        for renewal in Renewal.objects.filter(contract__in=rows).order_by("due_date", "pk"):
            held = _locked(renewal)
            _check_open(held)
            held.until_date, held.term_months = day_after(lines[0].end_date), term_months
            held.save(update_fields=["until_date", "term_months"])
            _offer(held, decision.now)
            renewals.append(held)
        return renewals


def _locked(renewal: Renewal) -> Renewal:
    """The renewal as it is now, with its contract, its account and its quote."""
    Contract.objects.locked(renewal.contract_id)  # First, as everything that changes a contract does.
    found = Renewal.objects.select_for_update(no_key=True, of=("self",))
    return found.select_related("account", "contract", "quote").get(pk=renewal.pk)


def _check_open(renewal: Renewal) -> None:
    if renewal.state not in CHANGEABLE:
        raise RenewalDecided(_("This renewal is decided: %(state)s.") % {"state": renewal.get_state_display()})


def _offer(renewal: Renewal, now: datetime) -> None:
    if not offer([renewal], now=now):
        raise RenewalRefused(_("We cannot price this here. Talk to us, we will help."))


def _wish(renewal: Renewal, quantities: Mapping[str, Decimal]) -> dict[str, str]:
    """What differs from what there is, checked. Raises `NotOnContract`."""
    held = {line.product.code: line for line in owned_after([renewal])[renewal.contract_id]}
    wish = {}
    for code, quantity in quantities.items():
        line = held.get(code)
        if line is None:
            raise NotOnContract(
                _("“%(code)s” is not on this contract. Buy it in the configurator.") % {"code": code[:40]}
            )
        product = line.product
        is_given_up = quantity == 0 and product.kind != ProductKind.PLAN
        if not is_given_up and not product.min_quantity <= quantity <= product.max_quantity:
            raise NotOnContract(
                _("%(product)s: choose %(least)s to %(most)s.")
                % {
                    "product": product.name,
                    "least": number(product.min_quantity),
                    "most": number(product.max_quantity),
                }
            )
        if quantity != quantity.quantize(Decimal(1).scaleb(-product.quantity_places)):
            raise NotOnContract(_("Enter a whole number of %(product)s.") % {"product": product.name})
        if quantity != line.quantity:
            wish[code] = plain(quantity)
    return wish
