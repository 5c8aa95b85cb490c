"""How the vendor approves quotes, beside the rules that come with the portal: its own rule, limits, and who is away."""

from datetime import date, timedelta

from accounts.models import Account, Tier
from accounts.permissions import StaffGroup
from commerce.models import ApprovalRule, ApprovalStep, Delegation, SelfServiceLimit
from sandbox.demo.company import Company

LARGE = "Large order in the portal"
# Up to so much companies order by themselves, by tier; the other tiers have no limit.
LIMITS = {"essential": 5_000_00, "growth": 20_000_00}
TRUSTED, TRUSTED_LIMIT = "Globex Retail Ltd", 60_000_00


def set_up_deal_desk(company: Company, today: date) -> None:
    """Sales' head sees large orders before they go out; finance is away, and she decides for it."""
    limits = [
        SelfServiceLimit(tier=tier, limit_minor=LIMITS[tier.code]) for tier in Tier.objects.filter(code__in=LIMITS)
    ]
    limits.append(SelfServiceLimit(account=Account.objects.get(name=TRUSTED), limit_minor=TRUSTED_LIMIT))
    for limit in limits:
        limit.currency = "EUR"
        limit.save()
    mina = company.staff[StaffGroup.REVENUE_MANAGER][0]
    rule = ApprovalRule.objects.create(
        name=LARGE,
        conditions=[
            {"fact": "origin", "operator": "is", "value": "portal"},
            {"fact": "commitment", "operator": "above", "value": "25000"},
        ],
    )
    ApprovalStep.objects.create(rule=rule, approver=mina)
    Delegation.objects.create(
        absentee=company.staff[StaffGroup.FINANCE][0],
        stand_in=mina,
        start_date=today - timedelta(days=4),
        end_date=today + timedelta(days=10),
    )
