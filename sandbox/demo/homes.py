"""Who has arranged Home for themselves: some of those whose companies use the portal."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random

from accounts.models import HomeLayout, Membership
from portal.widgets import WIDGETS
from sandbox.demo.accounts import ACME, Customer
from sandbox.demo.events import event
from sandbox.demo.world import Values, World
from tracking.models import EventName

SHARE = 0.25
DEMO_VIEWER = "viewer@acme.example"  # Can sign in, and finds a Home of their own.


def arrange_homes(world: World, customers: list[Customer]) -> Iterator[Values]:
    """The layouts, and the events that tell when they were made. Acme's others keep Home as it comes."""
    for customer in customers:
        chance = world.random(customer.name, "homes")
        if customer.profile.portal != "active":
            continue
        for member in customer.members:
            is_chosen = chance.random() < SHARE if customer.name != ACME else member.user.email == DEMO_VIEWER
            if is_chosen:
                yield from _arranged(world, chance, member)


def _arranged(world: World, chance: Random, member: Membership) -> Iterator[Values]:
    """One Home: the person's own order, one widget pinned, another hidden."""
    began_at, now = member.account.first_login_at, world.calendar.now
    if began_at is None or now - began_at < timedelta(days=2):
        return
    at = began_at + timedelta(seconds=chance.randrange(86_400, int((now - began_at).total_seconds())))
    names = [widget.name for widget in WIDGETS if member.may(widget.permission)]
    chance.shuffle(names)
    pinned, hidden = names[:1], names[-1:]
    world.add(
        HomeLayout(
            account=member.account, membership=member, order=names, pinned=pinned, hidden=hidden, arranged_at=at,
            toured_at=at,
        )
    )  # fmt: skip
    yield event(
        EventName.HOME_ARRANGED, account_id=member.account_id, user_id=member.user_id, at=at, about=("home", ""),
        properties={"is_own": True, "pinned": pinned, "hidden": hidden},
    )  # fmt: skip
