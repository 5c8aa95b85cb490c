"""A customer at the very beginning: its first administrator came in by the claim link yesterday, and is alone there."""

from datetime import UTC, datetime, time, timedelta

from accounts.models import Invitation
from accounts.models.invitations import VALID_FOR, digest_of
from accounts.permissions import Role
from sandbox.demo.accounts import Customer, Profile, add_account, add_member
from sandbox.demo.company import Company
from sandbox.demo.world import World

NEWCOMER = "Nordwind Solar GmbH"
EMAIL, NAME = "admin@nordwind.example", "Nora Winter"


def add_newcomer(world: World, company: Company) -> Customer:
    """A company with a contract and a person, who has set up nothing yet."""
    calendar = world.calendar
    profile = Profile(
        industry="energy",
        stage="onboarding",
        plan="team",
        seats=12,
        joined_date=calendar.today - timedelta(days=6),
        portal="active",
        first_login_date=calendar.yesterday,
        growth=(),
    )
    customer = add_account(
        world, company, profile, name=NEWCOMER, domain="nordwind.example", tier="growth",
        street="Deichstraße 9", postal_code="25813", city="Husum", country="DE",
    )  # fmt: skip
    customer.account.billing_email = ""  # The first of the first steps.
    member = add_member(
        world, customer, email=EMAIL, name=NAME, roles=(Role.ADMINISTRATOR,), job_title="Managing director",
        department="Management", has_password=True,
    )  # fmt: skip
    claimed_at = datetime.combine(calendar.yesterday, time(7, 30), UTC)
    member.created_at = member.user.created_at = claimed_at
    sent_at = claimed_at - timedelta(days=2)
    world.add(
        Invitation(
            account=customer.account,
            email=EMAIL,
            name=NAME,
            roles=member.roles,
            is_claim=True,
            token_hash=digest_of(str(world.uuid("invitation", EMAIL))),
            created_at=sent_at,
            sent_at=sent_at,
            sent_count=1,
            expires_at=sent_at + VALID_FOR,
            accepted_at=claimed_at,
        )
    )
    return customer
