"""Who is about to join Acme and Globex: invitations that wait, one of them expired, and two people who ask."""

from collections.abc import Iterable
from datetime import timedelta

from accounts.models import Invitation, JoinOrigin, JoinRequest
from accounts.models.invitations import VALID_FOR, digest_of
from accounts.permissions import Permission, Role
from sandbox.demo.accounts import Customer
from sandbox.demo.people import add_person
from sandbox.demo.world import World

Invited = tuple[str, str, str, tuple[Role, ...], int, int]
# Address, name, department, roles, and how many days ago the link was sent, and how often.
INVITED = (
    ("leonie.vogel@acme.example", "Leonie Vogel", "Dispatch", (Role.SUPPORT, Role.VIEWER), 1, 1),
    ("tobias.krueger@acme.example", "Tobias Krüger", "Procurement", (Role.BUYER,), 3, 2),
    ("nadine.lorenz@acme.example", "", "Finance", (Role.BILLING,), 12, 1),
)


OF_GLOBEX = (("sophie.bennett@globex.example", "Sophie Bennett", "Stores", (Role.VIEWER,), 2, 1),)


def invite_people(world: World, acme: Customer, globex: Customer) -> None:
    _invite(world, acme, INVITED)
    _ask(world, acme, email="felix.hartmann@acme.example", name="Felix Hartmann", days=2)
    _invite(world, globex, OF_GLOBEX)
    _ask(world, globex, email="rhys.morgan@globex.example", name="Rhys Morgan", days=1)


def _invite(
    world: World, customer: Customer, invited: Iterable[tuple[str, str, str, tuple[Role, ...], int, int]]
) -> None:
    inviter = customer.may(Permission.MANAGE_MEMBERS)[0]
    for email, name, department, roles, days, times in invited:
        sent_at = world.calendar.now - timedelta(days=days)
        world.add(
            Invitation(
                account=customer.account,
                email=email,
                name=name,
                department=department,
                roles=[role.value for role in roles],
                token_hash=digest_of(str(world.uuid("invitation", email))),
                invited_by=inviter,
                created_at=sent_at,
                sent_at=sent_at,
                sent_count=times,
                expires_at=sent_at + VALID_FOR,
            )
        )


def _ask(world: World, customer: Customer, *, email: str, name: str, days: int) -> None:
    """Somebody with an address at the company's domain would like to join."""
    asked_at = world.calendar.now - timedelta(days=days)
    user = add_person(world, email=email, name=name, joined_at=asked_at)
    world.add(
        JoinRequest(
            account=customer.account, user=user, email=email, name=name, origin=JoinOrigin.DOMAIN, created_at=asked_at
        )
    )
