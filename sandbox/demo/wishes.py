"""What customers put together in the configurator, saved, shared or left; and what they asked us to quote."""

import uuid
from datetime import datetime, timedelta

from accounts.models import Account, Membership
from accounts.permissions import Role, StaffGroup
from commerce.configuring import configurations
from commerce.configuring.configurations import Typed
from commerce.configuring.configuring import price
from commerce.configuring.situations import Configuration, situation_of
from commerce.models import ConfigurationSource, ConfiguratorStep, Quote, QuoteRequest, QuoteRequestReason
from commerce.quotes import quote_requests
from sandbox.demo.abroad import IN_YEN
from sandbox.demo.accounts import ACME
from sandbox.demo.company import Company
from sandbox.demo.world import World
from tracking.actor import Actor


def make_wishes(world: World, company: Company) -> None:
    """Acme's of the last weeks, and some that customers left before there was a quote."""
    now = world.calendar.now
    acme = Account.objects.get(name=ACME)
    _save(acme, now)
    _ask(acme, company, now)
    for name, days, plan, seats, step in (
        (ACME, 9, "business", 8, ConfiguratorStep.ALL),
        ("Van Rijn Koeriers B.V.", 5, "business", 0, ConfiguratorStep.PLAN),
        ("Transportes Aranda S.L.", 12, "team", 9, ConfiguratorStep.REVIEW),
        ("Zorgpunt Twente", 20, "enterprise", 12, ConfiguratorStep.ADDONS),
        (IN_YEN, 6, "enterprise", 10, ConfiguratorStep.ALL),
    ):
        _leave(Account.objects.get(name=name), plan, seats, step, now=now - timedelta(days=days))
    configurations.note_abandoned(now)


def _typed(account: Account, plan: str, more_seats: int, now: datetime, **addons: int) -> Typed:
    situation = situation_of(account, account.local_date(now))
    wanted = Configuration(plan, situation.seats + more_seats, {**situation.current.addons, **addons})
    return Typed(configuration=wanted, priced=price(situation, wanted))


def _save(acme: Account, now: datetime) -> None:
    """Ada's two, the first shared with Vera and Katrin; and one of Katrin's that she shared with Ada."""
    ada, katrin = _member(acme, Role.ADMINISTRATOR), _member(acme, Role.BUYER)
    vera = Membership.objects.for_account(acme).select_related("user").get(user__email="viewer@acme.example")
    for author, name, days, typed, readers in (
        (ada, "For spring", 11, _typed(acme, "business", 10, now, sso=1, analytics=1), (vera, katrin)),
        (ada, "Only more seats", 4, _typed(acme, "team", 20, now), ()),
        (katrin, "With route planning", 2, _typed(acme, "team", 6, now, route_planner=1), (ada,)),
    ):
        saved = configurations.save(
            situation=situation_of(acme, acme.local_date(now)),
            user=author.user,
            actor=author.actor(),
            typed=typed,
            name=name,
            now=now - timedelta(days=days),
        )
        for reader in readers:
            configurations.share(saved=saved, colleague=reader, actor=author.actor(), by=author.user, now=now)


def _leave(account: Account, plan: str, more_seats: int, step: ConfiguratorStep, *, now: datetime) -> None:
    situation = situation_of(account, account.local_date(now))
    wanted = Configuration(plan, situation.seats + more_seats, situation.current.addons)
    typed = Typed(wanted, price(situation, wanted), ConfigurationSource.SCRATCH, step)
    configurations.keep_typed(situation=situation, user=_member(account, Role.ADMINISTRATOR).user, typed=typed, now=now)


def _ask(acme: Account, company: Company, now: datetime) -> None:
    """One answered with a quote, one with words, one closed, and one that waits."""
    ada, katrin = _member(acme, Role.ADMINISTRATOR), _member(acme, Role.BUYER)
    seller = company.staff[StaffGroup.SALES][0]
    offered = Quote.objects.for_account(acme).get(title="Business for all depots")
    hours = timedelta(hours=5)

    def ask(by: Membership, days: int, reason: QuoteRequestReason, summary: str, message: str) -> QuoteRequest:
        return quote_requests.ask(
            account=acme,
            user=by.user,
            actor=by.actor(),
            reason=reason,
            configuration={},
            summary=summary,
            message=message,
            form_key=uuid.uuid5(acme.public_id, summary),
            now=now - timedelta(days=days),
        )

    def answer(asked: QuoteRequest, text: str, quote: Quote | None = None) -> None:
        quote_requests.answer(
            asked=asked, text=text, quote=quote, staff=seller, actor=Actor.staff(seller.pk, acme.pk),
            now=asked.created_at + 2 * hours,
        )  # fmt: skip

    packs = ask(
        katrin, 7, QuoteRequestReason.OTHER, "Business for all depots, with storage and routes",
        "We want all depots on Business before the winter. Please include what you recommend for 60 people.",
    )  # fmt: skip
    answer(packs, "Here it is, with storage for photos and twelve packs of automation runs.", offered)
    fewer = ask(
        ada, 18, QuoteRequestReason.DOWNGRADE, "Team, 44 seats",
        "Six colleagues move to Acme Polska. Can we hand their seats back?",
    )  # fmt: skip
    answer(fewer, "At the end of your term, yes: I have noted it for the renewal. Until then they stay as they are.")
    ask(katrin, 30, QuoteRequestReason.OTHER, "Something else", "Do you sell scanners for the drivers, too?").close(
        now - timedelta(days=29)
    )
    ask(
        ada, 1, QuoteRequestReason.QUANTITY, "Team, 900 seats",
        "For a tender: what would 900 drivers cost for three years?",
    )  # fmt: skip


def _member(account: Account, role: Role) -> Membership:
    members = Membership.objects.for_account(account).active().filter(roles__contains=[role])
    return members.select_related("user").order_by("pk")[0]
