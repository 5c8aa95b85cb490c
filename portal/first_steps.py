"""The checklist and the tour that a new person meets on Home."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.homes import FirstSteps, first_steps_of, is_new, layout_of
from accounts.models import Membership
from accounts.permissions import Permission, Role

Words = str | Promise


@dataclass(frozen=True)
class Step:
    """Something worth doing at first, for those who may."""

    title: Words
    why: Words
    url_name: str
    permission: Permission
    is_done: Callable[[FirstSteps], bool]

    @property
    def url(self) -> str:
        return reverse(self.url_name)


_SECOND_FACTOR = Step(
    _("Set up a second factor"),
    _("A passkey or an app on your phone keeps others out, even with your password."),
    "mfa_index",
    Permission.VIEW_HOME,
    lambda done: done.has_second_factor,
)
_CONTRACT = Step(
    _("Look at your contract"),
    _("What you have, what it costs, and the dates that matter."),
    "commerce:contracts",
    Permission.VIEW_CONTRACTS,
    lambda done: done.has_seen_contract,
)
FOR_ADMINISTRATORS = (
    Step(
        _("Complete your company's details"),
        _("The billing address and the e-mail address that invoices go to."),
        "accounts:company-profile",
        Permission.MANAGE_COMPANY,
        lambda done: done.has_company_details,
    ),
    Step(
        _("Invite a colleague"),
        _("So that you are not the only one who can sign in, and each sees what they need."),
        "accounts:invite",
        Permission.MANAGE_MEMBERS,
        lambda done: done.has_colleagues,
    ),
    _SECOND_FACTOR,
    _CONTRACT,
)
FOR_OTHERS = (
    Step(
        _("Choose your language and time zone"),
        _("Pages and mails speak it, and show times on your clock."),
        "accounts:language",
        Permission.VIEW_HOME,
        lambda done: done.has_language,
    ),
    Step(
        _("Find an answer"),
        _("Search the help articles for what you do most."),
        "knowledge:help",
        Permission.READ_ARTICLES,
        lambda done: done.has_read,
    ),
    Step(
        _("Open or follow a case"),
        _("Ask support, or see what your colleagues asked."),
        "cases:list",
        Permission.VIEW_CASES,
        lambda done: done.has_followed_case,
    ),
    _CONTRACT,
)


@dataclass(frozen=True)
class Checklist:
    """The steps of one person, each with whether it is done."""

    lines: list[tuple[Step, bool]]

    @property
    def done(self) -> int:
        return sum(is_done for _step, is_done in self.lines)

    @property
    def is_complete(self) -> bool:
        return self.done == len(self.lines)


def meets_first_steps(membership: Membership, now: datetime) -> bool:
    """Whether Home fetches the checklist: for somebody who is new and has not put it away. No query."""
    layout = layout_of(membership)
    return is_new(membership, now) and (layout is None or layout.first_steps_put_away_at is None)


def checklist_for(membership: Membership) -> Checklist:
    """The steps of the person's roles. One query."""
    steps = FOR_ADMINISTRATORS if Role.ADMINISTRATOR in membership.roles else FOR_OTHERS
    facts = first_steps_of(membership)
    return Checklist([(step, step.is_done(facts)) for step in steps if membership.may(step.permission)])


@dataclass(frozen=True)
class Stop:
    """One stop of the tour."""

    title: Words
    text: Words
    icon: str
    url_name: str
    link: Words
    permission: Permission

    @property
    def url(self) -> str:
        return reverse(self.url_name)


TOUR = (
    Stop(
        _("Home is yours to arrange"),
        _(
            "Contract, usage, open cases and news come together here. Pin what you need to the top, hide what you "
            "don't, and put the rest in your order."
        ),
        "home",
        "arrange-home",
        _("Arrange Home"),
        Permission.VIEW_HOME,
    ),
    Stop(
        _("Most questions have an answer already"),
        _("Search the help articles in plain words. Each says whom it is for, and you can say whether it helped."),
        "life-buoy",
        "knowledge:help",
        _("Find help"),
        Permission.READ_ARTICLES,
    ),
    Stop(
        _("Support follows up in cases"),
        _("Ask once and follow the answer here or by mail. A reply to the mail lands in the case."),
        "message-square",
        "cases:list",
        _("See cases"),
        Permission.VIEW_CASES,
    ),
    Stop(
        _("Your contract, without asking"),
        _("What you have, how much of it you use, and the dates by which something must be decided."),
        "file-text",
        "commerce:contracts",
        _("See contracts"),
        Permission.VIEW_CONTRACTS,
    ),
    Stop(
        _("Your company runs itself"),
        _("See your colleagues and what each of them may do. Administrators invite people and set the rules."),
        "building-2",
        "accounts:company",
        _("See your company"),
        Permission.VIEW_TEAM,
    ),
)


@dataclass(frozen=True)
class TourPage:
    """The tour at one of its stops; numbers begin at 1."""

    stop: Stop
    number: int
    count: int

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.number < self.count else None


def tour_at(membership: Membership, number: int) -> TourPage | None:
    """The stop of that number among those of the person's roles; None where there is none."""
    stops = [stop for stop in TOUR if membership.may(stop.permission)]
    return TourPage(stops[number - 1], number, len(stops)) if 1 <= number <= len(stops) else None


def tour_on_home(membership: Membership, now: datetime) -> TourPage | None:
    """The first stop, for somebody who is new and has neither finished nor declined the tour."""
    layout = layout_of(membership)
    if not is_new(membership, now) or (layout is not None and layout.toured_at is not None):
        return None
    return tour_at(membership, 1)
