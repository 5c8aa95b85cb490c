"""Who is about to join Acme: three invitations that wait, one of them expired, and somebody who asks."""

from datetime import timedelta

from accounts.models import Invitation, JoinOrigin, JoinRequest, Membership
from accounts.models.invitations import VALID_FOR, digest_of
from accounts.permissions import Role
from sandbox.demo.accounts import Customer
from sandbox.demo.people import add_person
from sandbox.demo.world import World

# Address, name, department, roles, and how many days ago the link was sent, and how often.
INVITED = (
    ("leonie.vogel@acme.example", "Leonie Vogel", "Dispatch", (Role.SUPPORT, Role.VIEWER), 1, 1),
    ("tobias.krueger@acme.example", "Tobias Krüger", "Procurement", (Role.BUYER,), 3, 2),
    ("nadine.lorenz@acme.example", "", "Finance", (Role.BILLING,), 12, 1),
)


def invite_people(world: World, acme: Customer) -> None:
    now = world.calendar.now
    ada = next(one.user for one in world.rows(Membership) if one.user.email == "admin@acme.example")
    for email, name, department, roles, days, times in INVITED:
        sent_at = now - timedelta(days=days)
        world.add(
            Invitation(
                account=acme.account,
                email=email,
                name=name,
                department=department,
                roles=[role.value for role in roles],
                token_hash=digest_of(str(world.uuid("invitation", email))),
                invited_by=ada,
                created_at=sent_at,
                sent_at=sent_at,
                sent_count=times,
                expires_at=sent_at + VALID_FOR,
            )
        )
    asking = add_person(
        world, email="felix.hartmann@acme.example", name="Felix Hartmann", joined_at=now - timedelta(days=2)
    )
    world.add(
        JoinRequest(
            account=acme.account,
            user=asking,
            email=asking.email,
            name=asking.name,
            origin=JoinOrigin.DOMAIN,
            created_at=now - timedelta(days=2),
        )
    )
