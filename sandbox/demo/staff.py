"""What the vendor's people have arranged among themselves: cover, hand-overs, the setup, and what data still lack."""

from datetime import timedelta

from accounts.models import Cover, Handover, HandoverLine, Installation, SetupTick, TeamRole, User
from accounts.permissions import StaffGroup
from sandbox.demo.accounts import Customer
from sandbox.demo.company import Company
from sandbox.demo.world import World

# By the places of customers in their list: what somebody forgot to ask for.
WITHOUT_VAT_ID = (7, 12, 19, 26, 31)
WITHOUT_BILLING_EMAIL = (10, 22)
WITHOUT_SALES_CONTACT = (15, 28)
WITHOUT_OWNER = (33,)
HANDED_OVER = (5, 9, 14)


def add_staff_work(world: World, company: Company, customers: list[Customer]) -> None:
    """Rows of a vendor whose people go on holiday, change jobs and forget to fill in fields."""
    hanna, pieter, aoife = company.staff[StaffGroup.CUSTOMER_SUCCESS]
    priya = company.staff[StaffGroup.SYSTEM_ADMINISTRATOR][0]
    _forget(customers)
    _hand_over(world, customers, pieter, hanna, priya)
    today = world.calendar.today
    for absentee, stand_in, first, days in ((aoife, hanna, -3, 10), (pieter, aoife, 30, 14)):
        start = today + timedelta(days=first)
        world.add(
            Cover(
                absentee=absentee,
                stand_in=stand_in,
                start_date=start,
                end_date=start + timedelta(days=days),
                made_by=absentee,
                created_at=world.calendar.now - timedelta(days=12),
            )
        )
    _decide(world, priya)


def _forget(customers: list[Customer]) -> None:
    for places, field, nothing in (
        (WITHOUT_VAT_ID, "vat_id", ""),
        (WITHOUT_BILLING_EMAIL, "billing_email", ""),
        (WITHOUT_SALES_CONTACT, "sales_contact", None),
        (WITHOUT_OWNER, "owner", None),
    ):
        for place in places:
            setattr(customers[place].account, field, nothing)


def _hand_over(world: World, customers: list[Customer], giver: User, taker: User, made_by: User) -> None:
    made = world.add(
        Handover(
            taker=taker,
            reason="Pieter works four days a week from this month on.",
            made_by=made_by,
            made_at=world.calendar.now - timedelta(days=17),
        )
    )
    for place in HANDED_OVER:
        customers[place].account.owner = taker
        world.add(HandoverLine(handover=made, account=customers[place].account, role=TeamRole.OWNER.value, giver=giver))


def _decide(world: World, by: User) -> None:
    opened = world.calendar.go_live_date
    world.add(
        Installation(
            go_live_date=opened, target_adoption=70, target_deflection=30, target_upgrade=15, target_renewal=None
        )
    )
    for code, note in (
        ("brand", "Logo and colours checked with Mina, light and dark."),
        ("announced", "Mail to all administrators, two weeks before."),
    ):
        world.add(SetupTick(code=code, note=note, ticked_by=by, ticked_at=world.calendar.now - timedelta(days=200)))
