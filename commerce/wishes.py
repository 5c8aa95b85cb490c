"""What a customer is and has, as the rules of the catalogue ask for it."""

from collections.abc import Mapping

from accounts.models import Account
from commerce.conditions import FactValue
from commerce.configuration_rules import Wanted
from commerce.contracts import OwnedLine
from commerce.models import Contract, ProductKind


def facts_about(
    account: Account, owned: Mapping[str, OwnedLine], *, contract: Contract | None, used_seats: int | None
) -> dict[str, FactValue]:
    """What the rules of the catalogue can ask about a customer."""
    return {
        "tier": account.tier.code,
        "industry": account.industry,
        "lifecycle_stage": account.lifecycle_stage,
        "country": account.billing_country,
        "term_months": contract.term_months if contract else 0,
        "used_seats": used_seats or 0,
        **{f"owned:{code}": line.quantity for code, line in owned.items()},
    }


def current_wish(owned: Mapping[str, OwnedLine]) -> Wanted:
    """What a customer has, as what is wanted."""
    plan = next((line for line in owned.values() if line.product.kind == ProductKind.PLAN), None)
    return Wanted(
        plan.product.code if plan else "",
        int(plan.quantity) if plan else 0,
        {code: line.quantity for code, line in owned.items() if line.product.kind_choice.is_addon},
    )
