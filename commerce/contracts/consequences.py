"""What follows from a pause or an end, in words and figures, before anybody confirms it."""

from collections.abc import Iterable

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from commerce import amounts
from commerce.contracts.contracts import OwnedLine
from commerce.models import BillingRule, Contract
from commerce.pricing.money import Money


def of_pause(contract: Contract, lines: Iterable[OwnedLine]) -> list[str]:
    """Of what is prepaid nothing comes back; what is billed by period is not billed."""
    lines = list(lines)
    said = [
        _("Nobody of your company can use this during the pause. Your data and your prices stay."),
        _("The contract still ends on %(day)s: a pause doesn't make it longer.")
        % {"day": date_format(contract.last_date)},
    ]
    if monthly := _monthly(contract, lines, BillingRule.PERIOD):
        amount = amounts.money(Money(monthly, contract.currency))
        said.append(
            _("%(amount)s a month is not billed, from the next billing period that begins in it.") % {"amount": amount}
        )
    if prepaid := _monthly(contract, lines, BillingRule.TERM):
        amount = amounts.money(Money(prepaid, contract.currency))
        said.append(_("%(amount)s a month is paid for the term already, and not paid back.") % {"amount": amount})
    return said


def of_end(contract: Contract, lines: Iterable[OwnedLine]) -> list[str]:
    """Until when everything can be used, what is no longer paid, and what has to be freed before."""
    lines = [line for line in lines if line.is_recurring]
    day = date_format(contract.end_date)
    said = [_("The contract doesn't renew. From %(day)s on, nobody of your company can sign in to it.") % {"day": day}]
    if lines:
        said.append(
            _("You give up: %(lines)s.") % {"lines": "; ".join(line.label for line in lines)},
        )
    if monthly := sum(line.monthly_minor for line in lines):
        amount = amounts.money(Money(monthly, contract.currency))
        said.append(_("You save %(amount)s a month before tax from then on.") % {"amount": amount})
    said.append(_("Take your data with you before that day; afterwards we keep it only as long as the law asks for."))
    return said


def _monthly(contract: Contract, lines: Iterable[OwnedLine], billing: BillingRule) -> int:
    return sum(line.monthly_minor for line in lines if contract.rule_for(line.product) == billing)
