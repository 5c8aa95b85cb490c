"""A contract on paper for a quarterly review: what it covers, how that is used, the goals, the service, what is next.

Other rooms contribute parts by `contributed_by`: what only they know, as the cases of the time.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts import brands
from accounts.languages import documents_language
from accounts.models import Entitlements, Membership
from accounts.permissions import Permission
from commerce import amounts, documents
from commerce.catalogue.catalogue import grants_of
from commerce.contracts.contracts import ContractOverview, overview_of
from commerce.contracts.goals import GoalState, goals_of
from commerce.contracts.line_use import LineUse, use_of_lines
from commerce.contracts.usage import MeterUse, uses_of, year_of
from commerce.models import Contract
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.money import Money
from commerce.pricing.proration import Period, add_months

REVIEWED_MONTHS = 3


@dataclass(frozen=True)
class Part:
    """A table of the review. All texts and figures are written out in the reader's language."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: tuple[str, ...]  # Of every column but the first: start, or end for figures.
    empty: str = ""  # What is said instead of no rows.
    note: str = ""


# What another room knows of the company in a time (half-open), for somebody with these rights. None: nothing to say.
Contribution = Callable[[Membership, Period], Part | None]
_CONTRIBUTIONS: list[Contribution] = []


def contributed_by(contribution: Contribution) -> None:
    """Let another room add a part to every review, before the next steps. Called as its app gets ready."""
    _CONTRIBUTIONS.append(contribution)


def to_pdf(contract: Contract, membership: Membership, today: date) -> bytes:
    """The review as of a day, in the language of the company's documents; the same bytes for the same contents.

    Prices and what other rooms contribute are only in it for who may see them.
    """
    language = documents_language(membership.account)
    with override(language):
        contents = {"language": language, **_contents(contract, membership, today)}
        return documents.to_pdf(contents, day=today, template="review")


def _contents(contract: Contract, membership: Membership, today: date) -> dict[str, object]:
    account = membership.account
    shows_prices = membership.may(Permission.VIEW_PRICES)
    look = brands.of(account)
    overview = overview_of(contract, today)
    year = year_of(account, today)
    meters = uses_of(year.to_date, Entitlements.of(account, today=today).limits)
    grants = grants_of(line.product for line in overview.lines)
    lines = use_of_lines(overview.lines, grants=grants, used=year.to_date, history=year.months)
    goals = goals_of(contract, today)
    period = Period(add_months(today, -REVIEWED_MONTHS), today + timedelta(days=1))
    parts = [
        _covered(lines, shows_prices=shows_prices),
        _goals(goals),
        *(part for contribution in _CONTRIBUTIONS if (part := contribution(membership, period)) is not None),
        _next_steps(overview, meters, goals, today),
    ]
    monthly = amounts.money(Money(overview.monthly_minor, contract.currency)) if shows_prices else ""
    return {
        "title": _("Review of contract %(number)s") % {"number": contract.number},
        "lead": _("From %(start)s to %(end)s")
        % {"start": _day(period.start_date), "end": _day(period.until_date - timedelta(days=1))},
        "vendor": look.name,
        "colour": look.primary,
        "legal_entity": look.legal_name,
        "bill_to": documents.address(documents.bill_to(account)),
        "facts": [
            [_("Contract"), contract.number],
            [_("Status"), contract.get_status_display()],
            [_("First day"), _day(contract.start_date)],
            [_("Last day"), _day(contract.last_date)],
            [_("Per month, before tax"), monthly],
        ],
        "parts": [asdict(part) for part in parts],
        "note": _("As of %(day)s.") % {"day": _day(today)},
    }


def _covered(lines: list[LineUse], *, shows_prices: bool) -> Part:
    headings = [_("Product"), _("Quantity"), _("Entitled and used"), _("Trend")]
    if shows_prices:
        headings += [_("Unit price"), _("Per month")]
    return Part(
        title=_("What it covers"),
        headings=tuple(headings),
        rows=tuple(_covered_row(one, shows_prices=shows_prices) for one in lines),
        align=("end", "start", "start", "end", "end")[: len(headings) - 1],
        empty=_("Nothing is owned on this day."),
    )


def _covered_row(one: LineUse, *, shows_prices: bool) -> tuple[str, ...]:
    line = one.line
    used = [
        f"{meter.meter.name_over_time}: {meter.entitled_text}"
        + (f" ({_('%(used)s used') % {'used': meter.used_text}})" if meter.used_text else "")
        for meter in one.meters
    ]
    trends = [meter.trend for meter in one.meters if meter.trend]
    row = (line.product.name, amounts.number(line.quantity), "\n".join(used) or "–", "\n".join(trends) or "–")
    if not shows_prices:
        return row
    monthly = amounts.money(Money(line.monthly_minor, line.currency)) if line.is_recurring else _("once")
    return (*row, amounts.unit_price(UnitPrice(line.net_unit_price, line.currency)), monthly)


def _goals(goals: list[GoalState]) -> Part:
    return Part(
        title=_("Goals"),
        headings=(_("Goal"), _("Start"), _("Now"), _("Target"), _("By"), _("Saved")),
        rows=tuple(
            (
                goal.now.title,
                amounts.number(goal.now.baseline),
                goal.reached_text or "–",
                goal.target_text,
                _day(goal.now.target_date),
                goal.formula or "–",
            )
            for goal in goals
            if not goal.now.is_dropped
        ),
        align=("end", "end", "end", "start", "start"),
        empty=_("No goals have been agreed yet."),
        note=_("What is saved is worked out from what your company says each one is worth.") if goals else "",
    )


def _next_steps(overview: ContractOverview, meters: list[MeterUse], goals: list[GoalState], today: date) -> Part:
    """The dates to come, what is over its limit, and the goals that should have been reached."""
    rows = [(step.label, _day(step.date), step.detail or "–") for step in overview.steps if step.date >= today]
    rows += [(use.meter.name_over_time, _("now"), use.overage) for use in meters if use.is_over]
    rows += [
        (goal.now.title, _day(goal.now.target_date), goal.status)
        for goal in goals
        if goal.now.target_date <= today and not goal.is_reached and not goal.now.is_dropped
    ]
    return Part(
        title=_("Next steps"),
        headings=(_("What"), _("When"), _("Details")),
        rows=tuple(rows),
        align=("start", "start"),
        empty=_("Nothing is due."),
    )


def _day(day: date) -> str:
    return date_format(day, "DATE_FORMAT")
