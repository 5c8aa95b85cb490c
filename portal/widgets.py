"""The widgets of Home, and where each person has put them. To add one: declare it here, with its template.

A new one appears on every Home, also on those that people have arranged before it came.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.homes import Arrangement
from accounts.models import Membership
from accounts.permissions import Permission
from accounts.portfolios import account_team
from cases.models import Case
from commerce.contracts.contracts import ContractOverview
from portal.home import Facts
from recommendations.models import ContentBlock

CASES_SHOWN = 5
BLOCKS_SHOWN = 2
NOTICE_SHOWN_DAYS = 90

Context = Mapping[str, Any]


@dataclass(frozen=True)
class Widget:
    """One card of Home. Whoever lacks the permission, or has hidden it, costs it no query."""

    name: str  # Kept in people's layouts: never given to another widget.
    title: str | Promise
    about: str | Promise  # For the page on which Home is arranged.
    permission: Permission
    context: Callable[[Facts], Context | None]  # None: there is nothing to show. Keys are the widget's own.
    is_wide: bool = False  # In the wide column, or in the narrow one beside it.

    @property
    def template(self) -> str:
        return f"portal/widgets/{self.name}.html"


@dataclass(frozen=True)
class Area:
    """One part of Home: the templates of its wide and of its narrow column."""

    wide: list[str]
    narrow: list[str]


def approvals(facts: Facts) -> Context:
    """Fetched by the page itself: most people have nothing to approve."""
    return {}


def contract(facts: Facts) -> Context:
    shows_prices = facts.membership.may(Permission.VIEW_PRICES)
    if facts.contract is None:
        return {"contract": None}
    terms = {"months": facts.contract.contract.term_months}
    return {
        "contract": facts.contract,
        "shows_prices": shows_prices,
        "notice": _notice(facts.contract),
        "contract_note": _("%(months)d months, renews automatically") % terms
        if facts.contract.contract.auto_renew
        else _("%(months)d months, ends without renewal") % terms,
    }


def _notice(contract: ContractOverview) -> str:
    step = contract.next_step
    days = (step.date - contract.today).days if step else 0
    if step is None or step.kind != "notice" or days > NOTICE_SHOWN_DAYS:
        return ""
    return ngettext(
        "The notice deadline is in %(days)d day. Change or decline the renewal before %(date)s.",
        "The notice deadline is in %(days)d days. Change or decline the renewal before %(date)s.",
        days,
    ) % {"days": days, "date": date_format(step.date)}


def cases(facts: Facts) -> Context:
    open_cases = Case.objects.visible_to(facts.membership).open().order_by("-updated_at", "-pk")
    found = list(open_cases[: CASES_SHOWN + 1])
    return {"cases": found[:CASES_SHOWN], "has_more_cases": len(found) > CASES_SHOWN}


def news(facts: Facts) -> Context | None:
    blocks = list(ContentBlock.objects.matching(facts.account)[:BLOCKS_SHOWN])
    return {"blocks": blocks} if blocks else None


def usage(facts: Facts) -> Context | None:
    return {"meters": facts.meters} if facts.meters else None


def recommended(facts: Facts) -> Context | None:
    return {"recommendations": facts.recommendations} if facts.recommendations else None


def team(facts: Facts) -> Context:
    return {"team": account_team(facts.account, facts.today)}


# In the order of Home as it comes.
WIDGETS: tuple[Widget, ...] = (
    Widget(
        name="approvals",
        title=gettext_lazy("Purchases to approve"),
        about=gettext_lazy("What colleagues want to buy and you decide on. Shown while something waits."),
        permission=Permission.APPROVE_PURCHASES,
        context=approvals,
        is_wide=True,
    ),
    Widget(
        name="contract",
        title=gettext_lazy("Contract"),
        about=gettext_lazy("The dates of your contract, seats and days left."),
        permission=Permission.VIEW_CONTRACTS,
        context=contract,
        is_wide=True,
    ),
    Widget(
        name="usage",
        title=gettext_lazy("Usage"),
        about=gettext_lazy("How much you use of what your contract allows."),
        permission=Permission.VIEW_USAGE,
        context=usage,
    ),
    Widget(
        name="cases",
        title=gettext_lazy("Open cases"),
        about=gettext_lazy("The questions to support that changed last."),
        permission=Permission.VIEW_CASES,
        context=cases,
        is_wide=True,
    ),
    Widget(
        name="recommended",
        title=gettext_lazy("Recommended for you"),
        about=gettext_lazy("One product that fits how you work, and why."),
        permission=Permission.VIEW_HOME,
        context=recommended,
    ),
    Widget(
        name="news",
        title=gettext_lazy("News for your industry"),
        about=gettext_lazy("Guides and reports for companies like yours."),
        permission=Permission.VIEW_HOME,
        context=news,
        is_wide=True,
    ),
    Widget(
        name="team",
        title=gettext_lazy("Your account team"),
        about=gettext_lazy("Who looks after your company, and how to write to them."),
        permission=Permission.VIEW_HOME,
        context=team,
    ),
)
NAMES = tuple(widget.name for widget in WIDGETS)


def available_to(membership: Membership, arrangement: Arrangement) -> list[Widget]:
    """The widgets that the person may see, in their order, with those that they have hidden."""
    theirs = {widget.name: widget for widget in WIDGETS if membership.may(widget.permission)}
    return [theirs[name] for name in arrangement.sorted(list(theirs))]


def place(facts: Facts, arrangement: Arrangement) -> tuple[list[Area], dict[str, Any]]:
    """The pinned widgets above the others, as far as they have something to show; and what their templates read."""
    context: dict[str, Any] = {}
    above, below = Area([], []), Area([], [])
    for widget in available_to(facts.membership, arrangement):
        if widget.name in arrangement.hidden or (its := widget.context(facts)) is None:
            continue
        context |= its
        area = above if widget.name in arrangement.pinned else below
        (area.wide if widget.is_wide else area.narrow).append(widget.template)
    return [area for area in (above, below) if area.wide or area.narrow], context
