"""What each figure on Insights means, in prose, one click away from the figure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from analytics.touches import KINDS, RULE
from tracking.models import EventName

Words = str | Promise


@dataclass(frozen=True)
class Definition:
    """One figure: what it says, how it is worked out, and what to keep in mind."""

    slug: str
    title: Words
    summary: Words
    formula: Words
    paragraphs: tuple[Words, ...]
    has_touches: bool = False  # The table of what counts as a touch stands below.


@dataclass(frozen=True)
class TouchKind:
    """One kind of touch that counts, with its weight."""

    label: str
    weight: int


def touch_kinds() -> list[TouchKind]:
    """What the portal records of the kinds that count, heaviest first."""
    kinds = [TouchKind(str(EventName(name).label), RULE.weights[kind]) for name, kind in KINDS.items()]
    return sorted(kinds, key=lambda kind: (-kind.weight, kind.label))


_WINDOW = _(
    "A touch counts when a person of the customer's company did it in the portal within the 90 days before the deal "
    "was closed. The moment of closing is already too late. It must come after the company's first sign-in to the "
    "portal. What our own people do never counts, also not while they view the portal as a customer. Signing in "
    "alone does not count: nearly every deal would be influenced."
)
_DEALS = _(
    "Expansions, cross-sales and renewals count, once they are won; new customers do not. An expansion counts by "
    "what it adds a year, not by the whole contract. Deals belong to the quarter, in UTC, in which they were closed."
)
_NESTED = _(
    "Influenced, sourced and attributed are always shown together. Sourced and attributed each lie within influenced."
)
_CURRENCY = _(
    "Amounts in other currencies are listed beside the figure and never added to it: no exchange rates are kept."
)

_ALL = (
    Definition(
        slug="influenced-revenue",
        title=_("Portal-influenced revenue"),
        summary=_("The value of the deals we won whose customers used the portal on the way there."),
        formula=_("Sum of the annual value of deals closed in the quarter with at least one touch that counts"),
        paragraphs=(
            _DEALS,
            _WINDOW,
            _NESTED,
            _(
                "It says that the portal took part, not that it decided. This is a definition of our own, after "
                "campaign influence in Salesforce. Read it beside the share of accounts that touch the portal at "
                "all: where nearly everybody does, influence says little."
            ),
            _CURRENCY,
        ),
        has_touches=True,
    ),
    Definition(
        slug="sourced-revenue",
        title=_("Sourced in the portal"),
        summary=_("The part of influenced revenue that began in the portal."),
        formula=_("Influenced deals whose order was placed in the portal, or that an alert of the portal created"),
        paragraphs=(_DEALS, _NESTED, _CURRENCY),
    ),
    Definition(
        slug="attributed-revenue",
        title=_("Attributed to the portal"),
        summary=_("The portal's share of influenced revenue, beside what sales did."),
        formula=_("Each deal's amount × touches in the portal ÷ (touches in the portal + recorded sales activities)"),
        paragraphs=(
            _(
                "Credit is linear: every touch of a deal gets the same share. The portal competes with calls, "
                "meetings and mails that are recorded in the CRM for the same company in the same 90 days. Where "
                "none are recorded, the portal gets the whole amount, and the page says that it had no rival."
            ),
            _(
                "Amounts are shared in whole cents, and the shares of a deal add up to its amount. The page of a deal "
                "shows the share under each other model: first, last, position, time decay, weighted and any touch."
            ),
            _WINDOW,
            _NESTED,
        ),
        has_touches=True,
    ),
    Definition(
        slug="influence-rate",
        title=_("Influence rate"),
        summary=_("How much of what we won the portal took part in."),
        formula=_("Influenced revenue ÷ all revenue won in deals of the same types in the quarter"),
        paragraphs=(_DEALS, _WINDOW, _("Where nothing was won the rate is not defined, and a dash is shown.")),
    ),
    Definition(
        slug="reach",
        title=_("Accounts that touch the portal"),
        summary=_("The baseline: how many customers use the portal, whether they buy or not."),
        formula=_("Active accounts with at least one touch that counts ÷ all active accounts"),
        paragraphs=(
            _(
                "Counted over the 90 days until the end of the quarter, or until now while it runs. The higher it "
                "is, the more deals are influenced by chance alone."
            ),
        ),
        has_touches=True,
    ),
    Definition(
        slug="self-service-share",
        title=_("Self-service share of upgrades"),
        summary=_("How many upgrades customers made by themselves."),
        formula=_("Upgrades ordered in the portal ÷ all upgrades won in the quarter"),
        paragraphs=(
            _(
                "An upgrade is a won expansion or cross-sale that raises the annual price. Several products in one "
                "order are one upgrade. Without any upgrade the share is not defined, and a dash is shown."
            ),
        ),
    ),
    Definition(
        slug="deflections",
        title=_("Solved without a case"),
        summary=_("Questions that an article answered while somebody was about to open a case."),
        formula=_("Times a customer said that an article solved it ÷ those and the cases opened in the quarter"),
        paragraphs=(
            _(
                "Only what the customer said counts: they began to open a case, read an article, and said that it "
                "solved the question. Closing the page is no proof. Saying so twice for one question counts once."
            ),
        ),
    ),
    Definition(
        slug="cases-opened",
        title=_("Cases opened"),
        summary=_("Questions and problems that reached support."),
        formula=_("Cases created in the quarter, by any company"),
        paragraphs=(_("Cases count in the quarter in which they were opened, whatever became of them."),),
    ),
    Definition(
        slug="home-engagement",
        title=_("Own Home beside Home as it comes"),
        summary=_("What people do in the portal who have arranged Home for themselves, and what the others do."),
        formula=_("Looks at Home, offers followed, cases opened and articles read ÷ weeks in which a person came"),
        paragraphs=(
            _(
                "Counted are the last twelve whole weeks, Monday to Sunday in UTC. A week of a person counts when "
                "they looked at Home in it, and belongs to the layout that was in force when the week began. "
                "Somebody who arranged Home in between is in both groups, with different weeks."
            ),
            _(
                "People choose for themselves whether to arrange Home, and those who use the portal much are more "
                "likely to. A difference between the groups does not say that arranging Home caused it."
            ),
            _(
                "Below twenty people in either group a difference may well be chance. What our own people do never "
                "counts, also not while they view the portal as a customer."
            ),
        ),
    ),
    Definition(
        slug="quote-to-paid",
        title=_("From quote to paid"),
        summary=_("How long a sale takes that customers make by themselves, beside one of a representative."),
        formula=_("Median of the days from a quote's making to the payment of its invoice"),
        paragraphs=(
            _(
                "Counted are orders whose invoice was paid in the last 90 days, by who made the quote: the customer in "
                "the portal, or our people. Of a quote with several versions, the version that was ordered counts."
            ),
            _(
                "The two are not alike: what customers order by themselves is smaller and simpler. A difference does "
                "not say that the portal alone made it faster. How long our own approvals take is a page of its own."
            ),
        ),
    ),
    Definition(
        slug="time-in-approval",
        title=_("Time in approval"),
        summary=_("How long quotes wait for our own people before a customer can accept them."),
        formula=_("Median, and what nine of ten do not exceed, of the hours from submission to the last decision"),
        paragraphs=(
            _(
                "A quote counts in the month, in UTC, of the last decision about it: approved or rejected, in the last "
                "twelve months. Nights and weekends count. What was kept from an earlier version took nobody any time "
                "and is left out, and so is what still waits, expired or was withdrawn."
            ),
            _(
                "By rule and by whom we ask, single requests count: from the mail that it is their turn to their "
                "decision. One request can answer several rules and then counts for each of them."
            ),
        ),
    ),
    Definition(
        slug="time-to-first-value",
        title=_("Time to first value"),
        summary=_("How long it takes a new company to get something from the portal."),
        formula=_("Median of the days from a company's first sign-in to its first valuable action"),
        paragraphs=(
            _(
                "Valuable is the first of these by anybody of the company: an article that solved a question, a case "
                "opened, usage viewed, a document such as an invoice downloaded, a quote created."
            ),
            _(
                "Companies belong to the month, in UTC, of their first sign-in. Those that are not there yet count "
                "as slower than all others. Where half or more are not there yet the median is not defined, and a "
                "dash is shown: in the running month that says little."
            ),
        ),
    ),
)
DEFINITIONS: Mapping[str, Definition] = MappingProxyType({definition.slug: definition for definition in _ALL})
