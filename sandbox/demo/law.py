"""What the law asks of the demo company: terms that everybody has accepted, and an audit log with weeks in it."""

from datetime import datetime, timedelta
from typing import NamedTuple

from accounts.audit import AuditAction
from accounts.law.consent import TEXT_VERSION
from accounts.law.terms import hash_of
from accounts.models import (
    AuditNote,
    Consent,
    Membership,
    Purpose,
    RetentionRun,
    TermsAcceptance,
    TermsText,
    TermsVersion,
    User,
)
from accounts.permissions import StaffGroup
from sandbox.demo.accounts import ACME, Customer
from sandbox.demo.company import Company
from sandbox.demo.world import World
from tracking.actor import ActorKind

TERMS = """\
1. What you get
Meridian Works runs Meridian and this portal for your company, as your contract says. Your contract comes before these \
terms.

2. What we ask of you
Keep your password to yourself, and tell us when somebody leaves who could sign in. Use the portal for your \
company's work.

3. Your data
Your data stays yours. We use it to run the service, and give it to nobody else unless the law makes us. You get a \
copy of what we hold about you, and can have it deleted, on the page Privacy.

4. When something changes
We tell you thirty days before new terms begin. Who does not agree can end the contract until then.
"""


# Nights ago, class of data, days kept, rows removed.
RUNS = (
    (3, "sessions", 1, 61),
    (2, "sessions", 1, 48),
    (2, "session-devices", 30, 17),
    (1, "sessions", 1, 55),
    (1, "invitations", 365, 2),
)


class Happening(NamedTuple):
    """Somebody did something that the audit log notes, so many hours ago."""

    hours: int
    who: str  # E-mail address.
    action: AuditAction
    details: dict[str, str]
    thing: str = ""
    subject: str = ""  # E-mail address of the person it is about.


_ADA, _MILO, _VERA = "admin@acme.example", "member@acme.example", "viewer@acme.example"
_LATELY = (
    Happening(3, _MILO, AuditAction.SIGNED_IN, {}),
    Happening(26, _ADA, AuditAction.SIGNED_IN, {}),
    Happening(49, _ADA, AuditAction.EXPORT_TAKEN, {}, thing="the list of cases"),
    Happening(50, _ADA, AuditAction.SIGNED_IN, {}),
    Happening(74, _VERA, AuditAction.PASSWORD_CHANGED, {}),
    Happening(75, _VERA, AuditAction.SIGNED_IN, {}),
    Happening(76, "", AuditAction.SIGN_IN_FAILED, {}, subject=_VERA),
    Happening(122, _ADA, AuditAction.RECOVERY_CODES_MADE, {}),
    Happening(123, _ADA, AuditAction.SECOND_FACTOR_ADDED, {"kind": "Authenticator app"}),
    Happening(170, _MILO, AuditAction.SESSION_ENDED, {}),
    Happening(171, _MILO, AuditAction.SIGNED_IN, {}),
)


def write_law(world: World, company: Company, customers: list[Customer]) -> None:
    """Terms in force since the portal opened, accepted by all who could sign in, and Acme's last days."""
    now = world.calendar.now
    begun = now - timedelta(days=120)
    terms = TermsVersion(
        version="1.0",
        effective_at=begun,
        published_at=begun,
        published_by=company.staff[StaffGroup.SYSTEM_ADMINISTRATOR][0],
    )
    text = world.add(TermsText(terms=world.add(terms), language="en", body=TERMS))
    people = list({member.user.pk: member.user for member in world.rows(Membership)}.values())
    accept(world, text, people)
    _ask_for_news(world, people)
    _keep_periods(world)
    acme = next(customer for customer in customers if customer.name == ACME)
    everybody = {user.email: user for user in world.rows(User)}
    for one in reversed(_LATELY):
        _note(world, acme, everybody, one, now)


def accept(world: World, text: TermsText, people: list[User]) -> None:
    """Each of them has, soon after coming. Nobody of the demo is stopped on the way in."""
    words = hash_of(text)
    for user in people:
        soon = max(text.terms.effective_at, user.created_at) + timedelta(hours=2)
        world.add(
            TermsAcceptance(
                terms=text.terms,
                user=user,
                language=text.language,
                text_hash=words,
                accepted_at=min(soon, world.calendar.now),
            )
        )


def _ask_for_news(world: World, people: list[User]) -> None:
    """Every third would like to hear of offers."""
    for user in people[::3]:
        since = max(world.calendar.now - timedelta(days=100), user.created_at)
        world.add(
            Consent(
                user=user,
                purpose=Purpose.MARKETING,
                is_given=True,
                text_version=TEXT_VERSION,
                source="portal",
                created_at=since,
            )
        )


def _keep_periods(world: World) -> None:
    """What retention took out in the last nights; the years have not come to most of it."""
    for nights, code, days, removed in RUNS:
        ended_at = world.calendar.now - timedelta(days=nights, hours=2)
        cutoff_at = ended_at - timedelta(days=days)
        world.add(RetentionRun(code=code, cutoff_at=cutoff_at, removed=removed, ended_at=ended_at))


def _note(world: World, acme: Customer, everybody: dict[str, User], one: Happening, now: datetime) -> None:
    actor = everybody.get(one.who)
    kind = ActorKind.STAFF if actor is not None and actor.is_staff else ActorKind.CUSTOMER
    world.add(
        AuditNote(
            account_id=acme.account.pk,
            occurred_at=now - timedelta(hours=one.hours),
            action=one.action.value,
            actor_kind=kind,
            actor_id=actor.pk if actor else None,
            subject_id=everybody[one.subject].pk if one.subject else None,
            object_label=one.thing,
            details=one.details,
            ip="192.0.2.17",
        )
    )
