"""What people are told about their contracts and their renewals."""

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.notifications.team import ToStaff
from accounts.notifications.types import Category, Context, NotificationType
from accounts.permissions import Permission


class ContractChange(NotificationType):
    """To those who buy: a change of a contract is planned, done, taken back, or could not be done."""

    name = "contract_change"
    label = _("A contract of ours changes")
    category = Category.ORDERS
    permission = Permission.VIEW_CONTRACTS
    line = _("%(contract)s: %(what)s")
    action = _("See the contract")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        change = context["change"]
        return {"contract": change.contract.number, "what": change.summary}

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("commerce:contract", args=[context["change"].contract.number])


class AboutAContract(ToStaff):
    """To the people who look after the company."""

    category = Category.ORDERS

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("admin:commerce_contract_change", args=[context["contract"].pk])


class ContractAttention(AboutAContract):
    """A contract ends, or a planned change of it could not be done."""

    name = "contract_attention"
    label = _("A customer ends a contract")
    action = _("See the contract")


class RetentionOfferTaken(AboutAContract):
    """Somebody who wanted to leave stays, for what we offered."""

    name = "retention_offer_taken"
    label = _("A customer takes an offer to stay")
    action = _("See the contract")


class AboutARenewal(NotificationType):
    """To those who decide about it: leads to the offer, or to the contract where there is none."""

    category = Category.ORDERS
    permission = Permission.VIEW_CONTRACTS
    action = _("See the renewal")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return {"contract": context["contract"].number}

    @classmethod
    def link(cls, context: Context) -> str:
        renewal = context["renewal"]
        if renewal.can_be_accepted:
            return reverse("commerce:quote", args=[renewal.quote.public_id])
        contract = renewal.successor or context["contract"]
        return reverse("commerce:contract", args=[contract.number])


class RenewalOffer(AboutARenewal):
    """The renewal of a contract is offered, for the first time."""

    name = "renewal_offer"
    label = _("A contract of ours comes to its end: the offer to renew")
    line = _("The renewal of %(contract)s is ready")


class RenewalReminder(AboutARenewal):
    """Nobody has decided yet."""

    name = "renewal_notice"
    label = _("A contract of ours comes to its end: reminders")
    line = _("%(contract)s ends on %(day)s")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return super().params(context) | {"day": date_format(context["renewal"].last_date)}


class RenewalDone(AboutARenewal):
    """The new term has begun."""

    name = "renewal_done"
    label = _("A contract of ours was renewed")
    line = _("%(contract)s was renewed")
    action = _("See the contract")


class RenewalGrace(AboutARenewal):
    """The term has ended, and access is kept for a while. Not optional: people would lose what they work with."""

    name = "renewal_grace"
    label = _("A contract of ours has ended, and access is kept for a while")
    line = _("%(contract)s has ended: renew to keep access")
    is_optional = False
    may_be_digested = False


class RenewalSuspended(AboutARenewal):
    """Access has ended."""

    name = "renewal_suspended"
    label = _("Access has ended with a contract of ours")
    line = _("Access has ended with %(contract)s")
    is_optional = False
    may_be_digested = False
    action = _("See the contract")


class RenewalWinback(AboutARenewal):
    """An offer to those who have left: advertising, which stops with one click."""

    name = "renewal_winback"
    label = _("An offer to come back")
    line = _("Come back to us")
    is_marketing = True
    action = _("See the contract")


class RenewalAttention(AboutAContract):
    """A contract is about to end or has ended, and nobody has decided."""

    name = "renewal_attention"
    label = _("A customer has not decided about a renewal")
    action = _("See the contract")


class RenewalTalk(AboutAContract):
    """A customer wants to talk about a renewal."""

    name = "renewal_talk"
    label = _("A customer wants to talk about a renewal")
    action = _("See the contract")


TYPES: tuple[type[NotificationType], ...] = (
    ContractChange, ContractAttention, RetentionOfferTaken,
    RenewalOffer, RenewalReminder, RenewalDone, RenewalGrace, RenewalSuspended, RenewalWinback,
    RenewalAttention, RenewalTalk,
)  # fmt: skip
