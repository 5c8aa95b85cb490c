"""What the vendor has beside the price books of its tiers: other currencies, costs, and a rule for long contracts."""

from datetime import date
from decimal import Decimal

from commerce.models import DiscountSchedule, Price, PriceBook, PriceRule, ProductCost, ScheduleKind
from sandbox.demo.company import CATALOGUE, CURRENCY, Company
from sandbox.demo.world import World

# By currency: the book's name, the countries it is for, and what a euro is in it.
ABROAD = {
    "USD": ("Everybody USD", [], Decimal("1.10")),
    "JPY": ("Japan JPY", ["JP"], Decimal(160)),
    "KWD": ("Gulf KWD", ["KW", "BH"], Decimal("0.335")),
}
COST_SHARE, FLOOR_SHARE = Decimal("0.30"), Decimal("0.60")


def add_prices(world: World, company: Company, since: date) -> None:
    """Books for everybody abroad, what each product costs, and a discount that only contracts over two years get."""
    for currency, (name, countries, rate) in ABROAD.items():
        book = company.books["", currency] = world.add(PriceBook(name=name, currency=currency, regions=countries))
        for item in CATALOGUE:
            price = Decimal(item.price) * rate
            company.prices["", currency, item.code] = world.add(
                Price(book=book, product=company.products[item.code], unit_price=price, valid_from=since)
            )
    for item in CATALOGUE:
        price = Decimal(item.price)
        world.add(
            ProductCost(
                product=company.products[item.code],
                currency=CURRENCY,
                cost=price * COST_SHARE,
                floor_price=price * FLOOR_SHARE,
                valid_from=since,
            )
        )
    world.add(
        DiscountSchedule(
            name="Long contracts",
            kind=ScheduleKind.TERM,
            method="range",
            tiers=[{"from": "24", "to": "36", "percent": "5"}, {"from": "36", "to": None, "percent": "8"}],
        )
    )
    world.add(
        PriceRule(
            order=10,
            name="For three years together",
            conditions=[{"fact": "term_months", "operator": "at_least", "value": "36"}],
            discount_percent=Decimal(3),
            valid_from=since,
        )
    )
