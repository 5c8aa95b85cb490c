"""Customers elsewhere: other currencies, prices with the tax in them, and a buyer who owes the tax itself."""

from datetime import date, timedelta

from commerce.pricing.proration import add_months
from sandbox.demo.accounts import Customer, Growth, Profile, add_account, add_colleagues
from sandbox.demo.company import Company
from sandbox.demo.world import World, working_day

REVERSE_CHARGE = "Sylt Fraktservice A/S"
TAX_IN_PRICES = "Vestfjord Rederi AS"
IN_YEN = "Kanto Kiden K.K."
IN_DINARS = "Gulf Cranes W.L.L."

# name | domain | street | postal code | city | country | currency | industry | tier | plan | seats at first
ABROAD = f"""
{REVERSE_CHARGE}|sylt-frakt.example|Havnegade 3|6700|Esbjerg|DK|EUR|logistics|growth|business|32
{TAX_IN_PRICES}|vestfjord.example|Strandgata 11|8300|Svolvær|NO|EUR|logistics|growth|team|24
{IN_YEN}|kanto-kiden.example|1-4-2 Otemachi|100-0004|Tokyo|JP|JPY|manufacturing|premier|business|54
{IN_DINARS}|gulf-cranes.example|Al Shuhada Street 7|13001|Kuwait City|KW|KWD|construction|growth|team|30
"""


def add_customers_abroad(world: World, company: Company) -> list[Customer]:
    """Each has a contract of some months, and has bought seats in the portal since."""
    return [_from_line(world, company, line) for line in ABROAD.strip().splitlines()]


def _from_line(world: World, company: Company, line: str) -> Customer:
    name, domain, street, postal_code, city, country, currency, industry, tier, plan, seats = line.split("|")
    joined = working_day(add_months(world.calendar.today, -7))
    profile = Profile(
        industry=industry,
        stage="adopting",
        plan=plan,
        seats=int(seats),
        joined_date=joined,
        portal="active",
        first_login_date=working_day(joined + timedelta(days=6)),
        growth=(_more_seats(joined),),
    )
    customer = add_account(
        world, company, profile, name=name, domain=domain, tier=tier, street=street, postal_code=postal_code,
        city=city, country=country, currency=currency,
    )  # fmt: skip
    add_colleagues(world, customer, domain, 4)
    return customer


def _more_seats(joined: date) -> Growth:
    return Growth(working_day(joined + timedelta(days=90)), seats=6, is_in_portal=True)
