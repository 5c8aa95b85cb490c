"""What Acme rules about itself: how much its buyers spend without asking, and who sees which cases."""

from datetime import datetime, timedelta

from accounts.models import Membership
from accounts.permissions import Role
from cases.models import CaseRule, CaseVisibility, Sight
from commerce.models import ApprovalStatus, PurchaseApproval, PurchaseLimit, Quote
from sandbox.demo.accounts import ACME, Customer
from sandbox.demo.world import World

BUYERS_LIMIT_MINOR = 250_00
REFUSAL = "Single sign-on is in next year's budget. Please ask again in January."


def write_rules(world: World, customers: list[Customer]) -> None:
    """A limit for Acme's buyers, a purchase that waits, another refused; and who sees which cases."""
    acme = next(customer for customer in customers if customer.name == ACME)
    world.add(PurchaseLimit(account=acme.account, role=Role.BUYER, limit_minor=BUYERS_LIMIT_MINOR, currency="EUR"))
    planner = next(one for one in acme.members if one.department == "Planning")
    for membership, sight in ((None, Sight.COMPANY), (_with(acme, Role.BILLING), Sight.OWN), (planner, Sight.RULES)):
        world.add(CaseVisibility(account=acme.account, membership=membership, sight=sight))
    world.add(CaseRule(account=acme.account, department="Planning", of_department="Dispatch"))
    now = world.calendar.now
    still_open = [quote for quote in world.rows(Quote) if quote.account is acme.account and quote.status_choice.is_open]
    refused, waiting = sorted(still_open, key=lambda quote: quote.created_at)[-2:]
    asked_at = min(refused.created_at + timedelta(hours=1), now - timedelta(hours=2))
    _ask(world, acme, refused, asked_at=asked_at, refused_at=asked_at + timedelta(hours=1))
    _ask(world, acme, waiting, asked_at=min(waiting.created_at + timedelta(hours=1), now - timedelta(minutes=5)))


def _ask(
    world: World, acme: Customer, quote: Quote, *, asked_at: datetime, refused_at: datetime | None = None
) -> PurchaseApproval:
    buyer = _with(acme, Role.BUYER)
    return world.add(
        PurchaseApproval(
            account=acme.account,
            quote=quote,
            amount_minor=quote.total_minor,
            currency=quote.currency,
            expires_at=quote.expires_at,
            status=ApprovalStatus.REFUSED if refused_at else ApprovalStatus.WAITING,
            requested_by=buyer.user,
            requested_roles=buyer.roles,
            requested_at=asked_at,
            consent_name=buyer.user.name,
            price_hash=quote.price_hash,
            decided_by=_with(acme, Role.ADMINISTRATOR).user if refused_at else None,
            decided_at=refused_at,
            note=REFUSAL if refused_at else "",
        )
    )


def _with(customer: Customer, role: Role) -> Membership:
    return next(member for member in customer.members if role in member.roles)
