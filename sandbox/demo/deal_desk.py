"""How the vendor approves quotes, beside the rules that come with the portal: its own rule, and who is away."""

from datetime import date, timedelta

from accounts.permissions import StaffGroup
from commerce.models import ApprovalRule, ApprovalStep, Delegation
from sandbox.demo.company import Company

LARGE = "Large order in the portal"


def set_up_deal_desk(company: Company, today: date) -> None:
    """Sales' head sees large orders before they go out; finance is away, and she decides for it."""
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
