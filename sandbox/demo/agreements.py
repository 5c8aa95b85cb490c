"""What was agreed with Acme beside the price book of its tier: a price for each way of counting."""

from decimal import Decimal
from typing import Any

from commerce.models import ContractedPrice
from sandbox.demo.accounts import Customer
from sandbox.demo.company import Company
from sandbox.demo.world import World

# By product: the method, the unit price, and the method's figures.
AGREED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "route_planner": ("list", "235", {}),
    "api_boost": (
        "volume",
        "0",
        {"tiers": [{"from": "1", "to": "5", "unit_price": "78"}, {"from": "5", "unit_price": "62.40"}]},
    ),
    "storage_pack": (
        "graduated",
        "0",
        {"tiers": [{"from": "1", "to": "6", "unit_price": "27.60"}, {"from": "6", "unit_price": "19.50"}]},
    ),
    "automation_pack": ("package", "170", {"package_size": "5", "free_units": "1"}),
    "premium_support": ("percent_of_total", "0", {"percent": "12", "covers": ["plan"]}),
}


def agree(world: World, company: Company, acme: Customer) -> None:
    """Since the contract that runs today; Acme's subsidiaries buy at these prices, too."""
    since = acme.profile.joined_date
    for code, (method, unit_price, figures) in AGREED.items():
        world.add(
            ContractedPrice(
                account=acme.account,
                product=company.products[code],
                currency=acme.account.currency,
                method=method,
                unit_price=Decimal(unit_price),
                figures=figures,
                valid_from=since,
            )
        )
