"""Support cases: real questions with their answers, fewer of them where people find help by themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from random import Random

from accounts.models import User
from accounts.permissions import Permission, StaffGroup
from cases.models import Case, CaseMessage, CaseStatus, Priority
from knowledge.models import Article, Deflection
from sandbox.demo.accounts import ACME, Customer
from sandbox.demo.company import Company
from sandbox.demo.help_centre import readable_by
from sandbox.demo.world import World, in_office_hours, working_day
from sandbox.idp.companies import GLOBEX

CONVERSATIONS_DIR = Path(__file__).parent / "conversations"
DAYS_TO_CLOSE = 7  # A resolved case that nobody answers is closed after this.
FIRST_NUMBER = 10_001
# How many cases remain, and how many questions are answered by an article, once people use the portal.
SHARE_LEFT, SHARE_DEFLECTED = 0.58, 0.45
# Days ago, and how many messages have been written: what Acme's people see as open.
ACME_OPEN = ((1, 1), (2, 3), (4, 2), (6, 1), (9, 2))
GLOBEX_OPEN = ((3, 2),)
# First answers within so many hours, at most.
HOURS = {Priority.URGENT: 2, Priority.HIGH: 5, Priority.NORMAL: 20, Priority.LOW: 40}
PLACES = ("Depot North", "the central yard", "Depot West", "the harbour site", "plant 2", "the south depot", "hall 4")
NOTES = (
    "Same as last month at another customer. If it comes back, ask engineering before you answer.",
    "Called the customer, they are relaxed about it. No need to hurry.",
    "The success manager knows. Renewal is near, please be thorough.",
)


@dataclass(frozen=True)
class Conversation:
    """A case as it was written down; each message says whether it is from support."""

    topic: str
    subject: str
    priority: Priority
    messages: tuple[tuple[bool, str], ...]


class ConversationInvalid(ValueError):
    """A file of conversations cannot be read; the message says where."""


@cache
def conversations() -> tuple[Conversation, ...]:
    """All of them, by topic. Raises `ConversationInvalid`."""
    return tuple(one for path in sorted(CONVERSATIONS_DIR.glob("*.txt")) for one in _read(path))


def _read(path: Path) -> Iterator[Conversation]:
    for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
        heading, *lines = block.splitlines()
        subject, mark, priority = heading.removeprefix("# ").rpartition(" | ")
        if not mark or not lines or not all(line[:3] in ("C: ", "S: ") for line in lines):
            raise ConversationInvalid(f"{path.name}: {heading}")
        messages = tuple((line.startswith("S"), line[3:]) for line in lines)
        yield Conversation(path.stem, subject, Priority(priority), messages)


def write_cases(world: World, company: Company, customers: list[Customer], articles: list[Article]) -> None:
    """Every customer's cases, and those that an article made unnecessary."""
    for customer in customers:
        _Desk(world, company, customer, articles).write()
    world.number_in_order(Case, key=lambda case: case.created_at, first=FIRST_NUMBER)


class _Desk:
    """Writes one customer's cases. The same conversation does not come twice before all have been had."""

    def __init__(self, world: World, company: Company, customer: Customer, articles: list[Article]) -> None:
        self.world, self.customer = world, customer
        self.agents = company.staff[StaffGroup.SUPPORT_AGENT]
        self.chance = world.random(customer.name, "cases")
        self.articles = articles
        self.deck: list[Conversation] = []
        self.places = self.chance.sample(PLACES, 3)

    def write(self) -> None:
        calendar, profile = self.world.calendar, self.customer.profile
        fixed = self._still_open()
        day = max(calendar.start_date, profile.joined_date)
        until = min(profile.left_date or calendar.today, calendar.today - timedelta(days=12 if fixed else 1))
        while day < until:
            is_active = self.customer.is_active_on(day)
            roll = self.chance.random() / self._rate(day)
            if roll < (SHARE_LEFT if is_active else 1):
                self._open(working_day(day), self._deal())
            elif is_active and roll < SHARE_LEFT + SHARE_DEFLECTED:
                self._deflect(working_day(day), self._deal())
            day += timedelta(days=1)
        for days, count in fixed:
            self._open(_workday_before(calendar.today, days), self._deal(least=count + 1), written=count)

    def _still_open(self) -> tuple[tuple[int, int], ...]:
        """What waits for somebody today: days ago, and how many messages have been written."""
        if self.customer.profile.left_date is not None:
            return ()
        if self.customer.name == ACME:
            return ACME_OPEN
        if self.customer.account.public_id == GLOBEX.public_id:
            return GLOBEX_OPEN
        return ((self.chance.randrange(1, 9), self.chance.randrange(1, 3)),) if self.chance.random() < 0.4 else ()

    def _rate(self, day: date) -> float:
        """Cases a day: more people, more questions, and most of them in the first months."""
        seats = min(self.customer.profile.seats, 120)
        months = (day - self.customer.profile.joined_date).days / 30
        return (0.5 + seats / 55) / 30 * (1.6 if months < 3 else 1)

    def _deal(self, *, least: int = 1) -> Conversation:
        """The next conversation of the deck."""
        if len(self.deck) < 10:
            self.deck = self.chance.sample(conversations(), len(conversations())) + self.deck
        position = next(i for i in reversed(range(len(self.deck))) if len(self.deck[i].messages) >= least)
        return self.deck.pop(position)

    def _open(self, day: date, conversation: Conversation, *, written: int = 99) -> None:
        """A case with the messages written until now; `written` stops it earlier."""
        opened_at, now = in_office_hours(self.chance, day), self.world.calendar.now
        if opened_at >= now:
            return
        agent = self.chance.choice(self.agents)
        opener = self._opener()
        fill = self._filler(opener, agent, day)
        times = _times(self.chance, opened_at, conversation)
        shown = [
            (is_staff, fill(text), at)
            for (is_staff, text), at in zip(conversation.messages, times, strict=True)
            if at < now
        ][:written]
        done_at = times[-1] + timedelta(minutes=self.chance.randrange(5, 90))
        is_done = len(shown) == len(conversation.messages) and done_at < now
        status, updated_at = _where_it_stands(shown, done_at if is_done else None, now)
        case = self.world.add(
            Case(
                account=self.customer.account,
                opened_by=opener,
                assignee=None if status == CaseStatus.NEW else agent,
                subject=fill(conversation.subject),
                topic=conversation.topic,
                priority=conversation.priority,
                status=status,
                created_at=opened_at,
                updated_at=updated_at,
                first_reply_at=next((at for is_staff, _text, at in shown if is_staff), None),
                resolved_at=done_at if is_done else None,
            )
        )
        for position, (is_staff, text, at) in enumerate(shown):
            greeting = f"\n\nRegards\n{opener.first_name}" if position == 0 and self.chance.random() < 0.5 else ""
            self._say(case, agent if is_staff else opener, text + greeting, at, is_staff=is_staff)
        if is_done and self.chance.random() < 0.08:
            note_at = shown[0][2] + (shown[1][2] - shown[0][2]) / 2
            self._say(case, agent, self.chance.choice(NOTES), note_at, is_staff=True, is_internal=True)

    def _say(
        self, case: Case, author: User, body: str, at: datetime, *, is_staff: bool, is_internal: bool = False
    ) -> None:
        self.world.add(
            CaseMessage(
                account=case.account,
                case=case,
                author=author,
                is_from_staff=is_staff,
                is_internal=is_internal,
                body=body,
                created_at=at,
            )
        )

    def _deflect(self, day: date, conversation: Conversation) -> None:
        """Somebody began to write, found an article, and was done."""
        user = self._opener()
        at = in_office_hours(self.chance, day)
        member = next(one for one in self.customer.members if one.user is user)
        fitting = [
            article
            for article in readable_by(self.articles, self.customer.account.tier.code, member.roles)
            if article.topic == conversation.topic and article.published_at and article.published_at < at
        ]
        first_login = self.customer.account.first_login_at
        if fitting and first_login and first_login < at < self.world.calendar.now:
            self.world.add(
                Deflection(
                    account=self.customer.account,
                    user=user,
                    article=self.chance.choice(fitting),
                    subject=self._filler(user, user, day)(conversation.subject),
                    created_at=at,
                    form_key=self.world.uuid(self.customer.name, "form", at),
                )
            )

    def _opener(self) -> User:
        return self.chance.choice(self.customer.may(Permission.OPEN_CASES))

    def _filler(self, opener: User, agent: User, day: date) -> "_Filler":
        others = [person.name for person in self.customer.people if person is not opener]
        weekday = (day - timedelta(days=self.chance.randrange(1, 5))).strftime("%A")
        return _Filler(
            {
                "me": opener.first_name,
                "agent": agent.first_name,
                "colleague": self.chance.choice(others),
                "company": self.customer.name,
                "site": self.chance.choice(self.places),
                "job": f"J-{self.chance.randrange(10_000, 99_999)}",
                "day": weekday,
            }
        )


class _Filler:
    """Puts the names of one case into its texts."""

    def __init__(self, words: dict[str, str]) -> None:
        self.words = words

    def __call__(self, text: str) -> str:
        return text.format_map(self.words)


def _where_it_stands(
    shown: list[tuple[bool, str, datetime]], done_at: datetime | None, now: datetime
) -> tuple[CaseStatus, datetime]:
    """A case's status, and when it last changed."""
    if done_at is not None:
        closed_at = done_at + timedelta(days=DAYS_TO_CLOSE)
        return (CaseStatus.CLOSED, closed_at) if closed_at < now else (CaseStatus.RESOLVED, done_at)
    last_at = shown[-1][2]
    if shown[-1][0]:
        return CaseStatus.WAITING, last_at
    return (CaseStatus.NEW if len(shown) == 1 and now - last_at < timedelta(days=3) else CaseStatus.OPEN), last_at


def _times(chance: Random, opened_at: datetime, conversation: Conversation) -> list[datetime]:
    """When each message was written: support within its hours, customers when they get to it."""
    times = [opened_at]
    for is_staff, _text in conversation.messages[1:]:
        minutes = HOURS[conversation.priority] * 60 if is_staff else 26 * 60
        wait = timedelta(minutes=chance.randrange(12, minutes) if chance.random() < 0.7 else chance.randrange(6, 60))
        times.append(_in_working_time(chance, times[-1] + wait))
    return times


def _in_working_time(chance: Random, at: datetime) -> datetime:
    """The moment itself, or some time into the next working morning."""
    if at.weekday() < 5 and 7 <= at.hour < 17:
        return at
    day = working_day(at.date() if at.hour < 7 else at.date() + timedelta(days=1))
    return datetime.combine(day, time(7), UTC) + timedelta(minutes=chance.randrange(5, 100))


def _workday_before(today: date, days: int) -> date:
    """A working day about so many days ago, never later."""
    day = today - timedelta(days=days)
    return day - timedelta(days=max(0, day.weekday() - 4))
