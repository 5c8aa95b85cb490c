"""The vendor: Meridian's catalogue, prices, taxes, and the people who work there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal

from django.conf import settings

from accounts.models import Account, Feature, Tier, User
from accounts.permissions import StaffGroup
from commerce.catalogue.catalogue import Offered
from commerce.models import (
    BillingRule,
    DiscountSchedule,
    InvoiceKind,
    InvoiceSeries,
    LegalEntity,
    Price,
    PriceBook,
    Product,
    ProductGrant,
    ProductKind,
    TaxRate,
)
from commerce.pricing.proration import add_months
from commerce.pricing.tax import TaxTreatment
from sandbox.demo.people import add_person
from sandbox.demo.world import World
from tracking.models import Meter

CURRENCY = "EUR"
TIERS = {"essential": "Essential", "growth": "Growth", "premier": "Premier", "strategic": "Strategic"}
# What a tier pays of the list price.
TIER_FACTORS = {
    "essential": Decimal("1.00"),
    "growth": Decimal("0.96"),
    "premier": Decimal("0.92"),
    "strategic": Decimal("0.86"),
}
# Each seat at the discount of its own band: the 51st costs less, the first 50 stay what they are.
SEAT_BANDS = "Seats"
PACK_BANDS = "Packs"
SCHEDULES: Mapping[str, list[dict[str, str | None]]] = {
    SEAT_BANDS: [
        {"from": "1", "to": "51", "percent": "0"},
        {"from": "51", "to": "201", "percent": "8"},
        {"from": "201", "to": None, "percent": "15"},
    ],
    PACK_BANDS: [{"from": "1", "to": "6", "percent": "0"}, {"from": "6", "to": None, "percent": "10"}],
}


@dataclass(frozen=True)
class Item:
    """A product of the catalogue. `price` is the list price in EUR, per unit and month; of a service, per unit."""

    code: str
    name: str
    price: str
    summary: str
    highlights: tuple[str, ...]
    unit: str
    icon: str
    most: int
    grants: Mapping[str, int | None]  # Per unit; None is a feature.
    kind: ProductKind = ProductKind.ADDON
    rank: int = 0
    least: int = 1
    schedule: str = ""  # One of SCHEDULES.


PLANS = (
    Item(
        "team",
        "Team",
        "24",
        "Jobs, schedule and the mobile app for one team.",
        (
            "Jobs, sites, assets and boards",
            "Schedule and map for planners",
            "Mobile app that works without a connection",
            "20 active automations, 60 API requests a minute",
            "Change history of 30 days",
        ),
        "seat",
        "users",
        500,
        {"seats": 1, "api_calls": 2_000, "storage_gb": 4, "automation_runs": 200, "api_access": None},
        kind=ProductKind.PLAN,
        rank=1,
        least=3,
        schedule=SEAT_BANDS,
    ),
    Item(
        "business",
        "Business",
        "39",
        "For several teams that share people, equipment and rules.",
        (
            "Everything in Team",
            "Crews, skills and appointment windows",
            "Reports of your own and scheduled exports",
            "100 active automations, 300 API requests a minute",
            "Change history of 180 days",
        ),
        "seat",
        "building-2",
        2_000,
        {"seats": 1, "api_calls": 5_000, "storage_gb": 10, "automation_runs": 500, "api_access": None},
        kind=ProductKind.PLAN,
        rank=2,
        least=5,
        schedule=SEAT_BANDS,
    ),
    Item(
        "enterprise",
        "Enterprise",
        "58",
        "For organisations with many sites, strict rules and their own IT.",
        (
            "Everything in Business",
            "Several workspaces under one contract",
            "A named success manager and half-yearly reviews",
            "500 active automations, 900 API requests a minute",
            "Change history of 365 days",
        ),
        "seat",
        "layers",
        5_000,
        {"seats": 1, "api_calls": 12_000, "storage_gb": 25, "automation_runs": 1_500, "api_access": None},
        kind=ProductKind.PLAN,
        rank=3,
        least=20,
        schedule=SEAT_BANDS,
    ),
)
ADDONS = (
    Item(
        "sso",
        "Single sign-on & directory sync",
        "190",
        "People sign in with their company account; leavers lose access the same day.",
        ("SAML single sign-on", "Directory sync with SCIM", "Two certificates at once for a safe roll-over"),
        "workspace",
        "key-round",
        1,
        {Feature.SSO: None},
    ),
    Item(
        "audit_log",
        "Audit log export",
        "120",
        "Who changed what and when, streamed to your own security tools.",
        ("Every change with person, time and address", "Streams to your SIEM", "Kept for seven years"),
        "workspace",
        "file-text",
        1,
        {Feature.AUDIT_LOG: None},
    ),
    Item(
        "sandbox",
        "Sandbox workspace",
        "150",
        "A copy of your workspace in which nothing you try reaches a customer.",
        ("Refreshed from your workspace on request", "Test tokens and webhooks", "No mail leaves it"),
        "workspace",
        "blocks",
        5,
        {Feature.SANDBOX: None},
    ),
    Item(
        "api_boost",
        "API boost",
        "85",
        "100,000 more API calls each month.",
        ("Counts from the moment you order it", "Several can be combined"),
        "pack of 100,000 calls",
        "zap",
        50,
        {Meter.API_CALLS: 100_000},
        schedule=PACK_BANDS,
    ),
    Item(
        "storage_pack",
        "Storage pack",
        "30",
        "100 GB more for photos, documents and signatures.",
        ("Counts from the moment you order it", "Several can be combined"),
        "pack of 100 GB",
        "database",
        100,
        {Meter.STORAGE_GB: 100},
        schedule=PACK_BANDS,
    ),
    Item(
        "automation_pack",
        "Automation pack",
        "45",
        "10,000 more automation runs each month.",
        ("Counts from the moment you order it", "Held runs start at once"),
        "pack of 10,000 runs",
        "refresh-cw",
        50,
        {Meter.AUTOMATION_RUNS: 10_000},
        schedule=PACK_BANDS,
    ),
    Item(
        "premium_support",
        "Premium support 24/7",
        "390",
        "A person answers within 30 minutes, at any hour.",
        ("First answer within 30 minutes for urgent cases", "Any hour, any day", "A yearly health check"),
        "workspace",
        "life-buoy",
        1,
        {Feature.PRIORITY_SUPPORT: None},
    ),
    Item(
        "analytics",
        "Advanced analytics",
        "260",
        "Trends, forecasts and comparisons over all your sites.",
        ("Ready dashboards for your industry", "Forecast of workload", "Share data with your warehouse"),
        "workspace",
        "chart-line",
        1,
        {Feature.ADVANCED_ANALYTICS: None},
    ),
    Item(
        "ai_assist",
        "AI assist",
        "220",
        "Drafts job notes and reports, and finds what was done before.",
        ("Job notes from a photo and a sentence", "Answers from your own history", "Switched on per crew"),
        "workspace",
        "sparkles",
        1,
        {Feature.AI_ASSIST: None},
    ),
    Item(
        "route_planner",
        "Route planner",
        "280",
        "Plans a day's stops for every vehicle in one go.",
        ("Traffic, skills and appointment windows", "Replans when a job runs late", "Fuel and kilometres per tour"),
        "workspace",
        "rocket",
        1,
        {Feature.ROUTE_PLANNER: None},
    ),
)
ONBOARDING = Item(
    "onboarding",
    "Onboarding package",
    "2900",
    "Four weeks with a consultant: your data imported, your people trained.",
    ("Import of sites and assets", "Training for planners and technicians", "A review after four weeks"),
    "package",
    "handshake",
    3,
    {},
    kind=ProductKind.SERVICE,
)
CATALOGUE = (*PLANS, *ADDONS, ONBOARDING)

TAXES = {
    "DE": ("USt", "0.19"),
    "AT": ("USt", "0.20"),
    "NL": ("Btw", "0.21"),
    "BE": ("Btw", "0.21"),
    "FR": ("TVA", "0.20"),
    "ES": ("IVA", "0.21"),
    "IT": ("IVA", "0.22"),
    "PL": ("VAT", "0.23"),
    "CZ": ("DPH", "0.21"),
    "SE": ("Moms", "0.25"),
    "DK": ("Moms", "0.25"),
    "IE": ("VAT", "0.23"),
    "GB": ("VAT", "0.20"),
    "CH": ("MWST", "0.081"),
    "NO": ("MVA", "0.25"),
    "JP": ("Consumption tax", "0.10"),
    "KW": ("VAT", "0"),
}
# Members of the European Union beside the vendor's own country: a business there owes the tax itself.
REVERSE_CHARGE = frozenset({"AT", "NL", "BE", "FR", "ES", "IT", "PL", "CZ", "SE", "DK", "IE"})
WITH_TAX_IN_PRICES = frozenset({"NO"})

STAFF = (
    ("support@vendor.example", "Sam Rivera", "Support lead", StaffGroup.SUPPORT_AGENT),
    ("noor@vendor.example", "Noor Haddad", "Support engineer", StaffGroup.SUPPORT_AGENT),
    ("tom@vendor.example", "Tom Eriksson", "Support engineer", StaffGroup.SUPPORT_AGENT),
    ("lucia@vendor.example", "Lucía Prieto", "Support engineer", StaffGroup.SUPPORT_AGENT),
    ("hanna@vendor.example", "Hanna Vogt", "Customer success manager", StaffGroup.CUSTOMER_SUCCESS),
    ("pieter@vendor.example", "Pieter de Wit", "Customer success manager", StaffGroup.CUSTOMER_SUCCESS),
    ("aoife@vendor.example", "Aoife Byrne", "Customer success manager", StaffGroup.CUSTOMER_SUCCESS),
    ("jonas@vendor.example", "Jonas Albrecht", "Account executive", StaffGroup.SALES),
    ("claire@vendor.example", "Claire Fontaine", "Account executive", StaffGroup.SALES),
    ("marek@vendor.example", "Marek Zieliński", "Account executive", StaffGroup.SALES),
    ("theo@vendor.example", "Theo Lang", "Customer marketing", StaffGroup.MARKETING),
    ("ines@vendor.example", "Inês Duarte", "Accounts receivable", StaffGroup.FINANCE),
    ("manager@vendor.example", "Mina Keller", "Head of revenue", StaffGroup.REVENUE_MANAGER),
    ("victor@vendor.example", "Victor Sandberg", "Managing director", StaffGroup.EXECUTIVE),
    ("priya@vendor.example", "Priya Raman", "Platform engineer", StaffGroup.SYSTEM_ADMINISTRATOR),
)
STAFF_PASSWORDS = frozenset(f"{name}@vendor.example" for name in ("support", "manager", "hanna", "ines", "priya"))


# The bank account is the one of every textbook: nobody has it.
SELLER = {
    "street": "Kanalufer 12", "postal_code": "20457", "city": "Hamburg", "country": "DE", "vat_id": "DE298765432",
    "registration": "HRB 154321, Amtsgericht Hamburg", "email": "billing@vendor.example", "phone": "+49 40 5550100",
    "iban": "DE89370400440532013000", "bic": "COBADEFFXXX",
}  # fmt: skip


@dataclass
class Company:
    """The vendor's own rows, as the customers' histories need them."""

    tiers: dict[str, Tier] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)
    grants: dict[str, list[ProductGrant]] = field(default_factory=dict)  # By product code.
    # By tier, "" for everybody, and currency; prices besides by product code.
    books: dict[tuple[str, str], PriceBook] = field(default_factory=dict)
    prices: dict[tuple[str, str, str], Price] = field(default_factory=dict)
    taxes: dict[str, TaxRate] = field(default_factory=dict)  # By country.
    staff: dict[StaffGroup, list[User]] = field(default_factory=dict)
    series: InvoiceSeries | None = None

    def book_of(self, account: Account) -> PriceBook:
        """The book that the account buys from: of its tier, or else the one for everybody in its currency."""
        return self.books[self._shelf(account)]

    def offered(self, account: Account) -> dict[str, Offered]:
        """The catalogue at the account's prices."""
        shelf = self._shelf(account)
        return {code: Offered(product, self.prices.get((*shelf, code))) for code, product in self.products.items()}

    def _shelf(self, account: Account) -> tuple[str, str]:
        of_tier = (account.tier.code if account.tier else "", account.currency)
        return of_tier if of_tier in self.books else ("", account.currency)


def found_company(world: World) -> Company:
    """Add what the vendor sells, at what prices, and who works there."""
    company = Company()
    since = add_months(world.calendar.start_date, -24)
    _add_products(world, company)
    _add_prices(world, company, since)
    for country, (name, rate) in TAXES.items():
        company.taxes[country] = world.add(
            TaxRate(
                country=country,
                name=name,
                rate=Decimal(rate),
                treatment=TaxTreatment.INCLUSIVE if country in WITH_TAX_IN_PRICES else TaxTreatment.EXCLUSIVE,
                is_reversible=country in REVERSE_CHARGE,
                valid_from=since,
            )
        )
    company.series = world.add(InvoiceSeries(legal_entity=settings.LEGAL_ENTITY, prefix="MW-"))
    world.add(InvoiceSeries(legal_entity=settings.LEGAL_ENTITY, kind=InvoiceKind.CREDIT_NOTE, prefix="MWC-"))
    world.add(LegalEntity(name=settings.LEGAL_ENTITY, **SELLER))
    joined_at = datetime.combine(since, time(8), UTC)
    for email, name, title, group in STAFF:
        person = add_person(
            world, email=email, name=name, joined_at=joined_at, job_title=title, is_staff=True,
            has_password=email in STAFF_PASSWORDS,
        )  # fmt: skip
        company.staff.setdefault(group, []).append(person)
    return company


def _add_products(world: World, company: Company) -> None:
    for item in CATALOGUE:
        product = world.add(
            Product(
                code=item.code,
                name=item.name,
                kind=item.kind,
                billing=BillingRule.ONCE if item.kind == ProductKind.SERVICE else BillingRule.TERM,
                summary=item.summary,
                highlights="\n".join(item.highlights),
                unit_label=item.unit,
                icon=item.icon,
                rank=item.rank,
                min_quantity=item.least,
                max_quantity=item.most,
            )
        )
        company.products[item.code] = product
        company.grants[item.code] = [
            world.add(
                ProductGrant(
                    product=product,
                    code=str(code),
                    quantity=None if quantity is None else Decimal(quantity),
                    is_per_unit=quantity is not None,
                )
            )
            for code, quantity in item.grants.items()
        ]


def _add_prices(world: World, company: Company, since: date) -> None:
    schedules = {
        name: world.add(DiscountSchedule(name=name, tiers=[dict(tier) for tier in tiers]))
        for name, tiers in SCHEDULES.items()
    }
    for rank, (code, name) in enumerate(TIERS.items(), start=1):
        tier = company.tiers[code] = world.add(Tier(code=code, name=name, rank=rank))
        book = world.add(PriceBook(tier=tier, currency=CURRENCY, name=f"{name} {CURRENCY}"))
        company.books[code, CURRENCY] = book
        for item in CATALOGUE:
            company.prices[code, CURRENCY, item.code] = world.add(
                Price(
                    book=book,
                    product=company.products[item.code],
                    unit_price=Decimal(item.price) * TIER_FACTORS[code],
                    volume_schedule=schedules.get(item.schedule),
                    valid_from=since,
                )
            )
