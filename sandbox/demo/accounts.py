"""The customers: companies of six industries, their people, and how each of them behaves."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from random import Random

from accounts.models import Account, Membership, User
from accounts.permissions import Permission, Role, StaffGroup, allowed
from commerce.pricing.proration import add_months
from sandbox.demo.company import CURRENCY, Company
from sandbox.demo.people import add_person, name_of_somebody, plain
from sandbox.demo.world import Calendar, World, in_office_hours, working_day
from sandbox.idp.companies import GLOBEX, HARROW

ACME = "Acme Logistics GmbH"
KNOWN_OUTSIDE = {"Globex Retail Ltd": GLOBEX.public_id, "Harrow & Finch plc": HARROW.public_id}  # By their own servers.

TIME_ZONES = {
    "DE": "Europe/Berlin",
    "AT": "Europe/Vienna",
    "CH": "Europe/Zurich",
    "NL": "Europe/Amsterdam",
    "BE": "Europe/Brussels",
    "FR": "Europe/Paris",
    "ES": "Europe/Madrid",
    "IT": "Europe/Rome",
    "PL": "Europe/Warsaw",
    "CZ": "Europe/Prague",
    "SE": "Europe/Stockholm",
    "DK": "Europe/Copenhagen",
    "IE": "Europe/Dublin",
    "GB": "Europe/London",
    "NO": "Europe/Oslo",
    "JP": "Asia/Tokyo",
    "KW": "Asia/Kuwait",
}
DIAL = {
    "DE": "+49 30", "AT": "+43 1", "CH": "+41 44", "NL": "+31 20", "BE": "+32 2", "FR": "+33 1", "ES": "+34 91",
    "IT": "+39 02", "PL": "+48 22", "CZ": "+420 2", "SE": "+46 8", "DK": "+45 33", "IE": "+353 1", "GB": "+44 20",
    "NO": "+47 22", "JP": "+81 3", "KW": "+965 2",
}  # fmt: skip
# A figure for each #, and after the country's letters: the forms of the European Union, and elsewhere nine figures.
VAT_IDS = {
    "AT": "U########", "BE": "0#########", "CZ": "########", "DK": "########", "ES": "B########", "FR": "###########",
    "IE": "#######WA", "IT": "###########", "NL": "#########B01", "PL": "##########", "SE": "##########01",
}  # fmt: skip

# name | street | postal code | city | country | industry | stage | tier | plan | seats at first | portal
# portal: "active" people sign in and buy there, "quiet" people hardly do, "lost" left before the present.
COMPANIES = """
Brückner Maschinenbau AG|Werkstraße 14|70565|Stuttgart|DE|manufacturing|growing|strategic|enterprise|180|active
Hollander Precisie B.V.|Ambachtsweg 8|5627|Eindhoven|NL|manufacturing|growing|premier|business|64|active
Fonderie Valmont SAS|12 rue des Forges|42000|Saint-Étienne|FR|manufacturing|renewing|growth|business|38|quiet
Kowal Tools Sp. z o.o.|ul. Fabryczna 21|40-611|Katowice|PL|manufacturing|adopting|essential|team|18|active
Nordal Komponenter AB|Verkstadsgatan 5|721 30|Västerås|SE|manufacturing|at_risk|growth|team|42|quiet
Ferrocast Italia S.r.l.|Via dell'Industria 77|25030|Brescia|IT|manufacturing|growing|growth|business|52|active
Albion Gearworks Ltd|Foundry Lane 3|S9 2TR|Sheffield|GB|manufacturing|growing|essential|team|28|lost
Baltic Bulk Lines GmbH|Am Überseehafen 2|18147|Rostock|DE|logistics|growing|premier|business|74|active
Van Rijn Koeriers B.V.|Havenstraat 40|3024|Rotterdam|NL|logistics|renewing|growth|team|36|active
Transportes Aranda S.L.|Calle del Puerto 19|46024|Valencia|ES|logistics|adopting|essential|team|22|active
Chladek Spedice s.r.o.|Nákladní 11|130 00|Praha|CZ|logistics|at_risk|essential|team|15|quiet
Emerald Freight DAC|Dock Road 9|D01 X2P4|Dublin|IE|logistics|growing|growth|business|45|active
Alpenquell Logistik AG|Industriestrasse 60|8304|Wallisellen|CH|logistics|onboarding|growth|team|20|active
Klinikverbund Havelland gGmbH|Parkallee 1|14641|Nauen|DE|healthcare|growing|strategic|enterprise|240|active
Santé Rive Gauche|8 quai des Hôpitaux|69002|Lyon|FR|healthcare|renewing|premier|business|88|active
Clínica Mirasol S.A.|Avenida de la Salud 4|29010|Málaga|ES|healthcare|growing|essential|team|26|quiet
Omsorg Nord A/S|Sundhedsvej 12|9000|Aalborg|DK|healthcare|adopting|growth|business|34|active
St. Brigid Care Group|Orchard Road 22|T12 W8K7|Cork|IE|healthcare|at_risk|growth|business|40|quiet
Zorgpunt Twente|Ziekenhuislaan 5|7512|Enschede|NL|healthcare|growing|growth|team|48|active
Poliklinika Wisła Sp. z o.o.|ul. Zdrowia 3|31-503|Kraków|PL|healthcare|onboarding|essential|team|12|active
Lindenhof Märkte KG|Marktplatz 7|50667|Köln|DE|retail|growing|premier|business|110|active
Maison Corbeau|45 avenue Foch|59000|Lille|FR|retail|adopting|essential|team|16|quiet
Harrow & Finch plc|High Street 118|BS1 2AW|Bristol|GB|retail|renewing|premier|enterprise|130|active
Tiendas Olmedo S.A.|Gran Vía 61|28013|Madrid|ES|retail|growing|growth|business|58|quiet
Bella Casa S.p.A.|Corso Buenos Aires 30|20124|Milano|IT|retail|at_risk|growth|team|44|active
Sjöstad Handel AB|Hamngatan 18|111 47|Stockholm|SE|retail|growing|essential|team|24|lost
Nordsee Windpark Service GmbH|Windpark 1|26723|Emden|DE|energy|growing|strategic|enterprise|150|active
Heliotec Energía S.L.|Camino del Sol 15|41020|Sevilla|ES|energy|adopting|growth|business|30|active
Thames Valley Grid Ltd|Turbine Way 6|RG2 0SX|Reading|GB|energy|growing|premier|business|92|active
Elektro Moravia a.s.|Teplárenská 2|617 00|Brno|CZ|energy|renewing|essential|team|32|quiet
Fjordvarme A/S|Energivej 44|5220|Odense|DK|energy|growing|growth|business|41|active
Kraftwerk Donau GmbH|Stauseestraße 3|3390|Melk|AT|energy|onboarding|premier|business|60|active
Alster Hochbau GmbH|Kranweg 27|22113|Hamburg|DE|construction|growing|growth|business|66|active
De Graaf Bouw N.V.|Steenkaai 13|2030|Antwerpen|BE|construction|renewing|growth|team|37|active
Costruzioni Lariane S.r.l.|Via Lago 9|22100|Como|IT|construction|growing|essential|team|21|quiet
Budimex Podlasie S.A.|ul. Murarska 48|15-703|Białystok|PL|construction|adopting|growth|business|50|active
Steinmann Tiefbau AG|Baustrasse 6|3013|Bern|CH|construction|at_risk|premier|business|70|quiet
Pennine Civils Ltd|Quarry Road 55|HD1 6QF|Huddersfield|GB|construction|growing|growth|team|33|lost
Tirol Holzbau GmbH|Sägewerkstraße 2|6020|Innsbruck|AT|construction|growing|essential|team|19|lost
"""

# What companies of an industry tend to add.
LIKELY_ADDONS = {
    "manufacturing": ("automation_pack", "analytics", "api_boost", "audit_log"),
    "logistics": ("route_planner", "api_boost", "storage_pack", "ai_assist"),
    "healthcare": ("sso", "audit_log", "premium_support", "storage_pack"),
    "retail": ("analytics", "sso", "automation_pack", "storage_pack"),
    "energy": ("premium_support", "audit_log", "api_boost", "sandbox"),
    "construction": ("storage_pack", "route_planner", "ai_assist", "sso"),
}
JOBS: tuple[tuple[str, str, tuple[Role, ...]], ...] = (
    ("Operations director", "Operations", (Role.ADMINISTRATOR,)),
    ("Dispatch lead", "Dispatch", (Role.SUPPORT, Role.VIEWER)),
    ("Procurement manager", "Procurement", (Role.BUYER,)),
    ("Accounts payable", "Finance", (Role.BILLING,)),
    ("Field service manager", "Field service", (Role.SUPPORT, Role.VIEWER)),
    ("Chief financial officer", "Finance", (Role.APPROVER, Role.VIEWER)),
    ("IT manager", "IT", (Role.ADMINISTRATOR, Role.SUPPORT)),
    ("Regional planner", "Planning", (Role.VIEWER,)),
)


@dataclass(frozen=True)
class Growth:
    """A change of what a customer owns that somebody proposed on a day; `addons` are units added."""

    date: date
    seats: int = 0
    plan: str = ""
    addons: tuple[tuple[str, int], ...] = ()
    is_in_portal: bool = False
    is_won: bool = True


@dataclass(frozen=True)
class Profile:
    """How a customer came, and what it is like."""

    industry: str
    stage: str
    plan: str
    seats: int
    joined_date: date
    portal: str  # active, quiet or lost.
    first_login_date: date | None  # None: nobody has signed in to the portal.
    left_date: date | None = None  # The end of the contract that was not renewed.
    growth: tuple[Growth, ...] | None = None  # None: by chance.
    seats_used: int | None = None  # At the end; None: by chance.


@dataclass
class Customer:
    """An account with its people."""

    account: Account
    profile: Profile
    members: list[Membership] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.account.name

    @property
    def people(self) -> list[User]:
        return [member.user for member in self.members]

    def may(self, permission: Permission) -> list[User]:
        """Those of its people who may do something."""
        return [member.user for member in self.members if allowed(member.roles, permission)]

    @cached_property
    def buyer(self) -> User:
        """Who signs."""
        return self.may(Permission.BUY)[0]

    def is_active_on(self, day: date) -> bool:
        """Whether its people use the portal by then."""
        login = self.profile.first_login_date
        return self.profile.portal == "active" and login is not None and day >= login


def add_customers(world: World, company: Company) -> list[Customer]:
    """Every customer: the two companies people sign in to, those of Acme's group, and the others."""
    customers = [_acme(world, company), _globex(world, company)]
    customers.append(_subsidiary(world, company, customers[0]))
    customers += [_from_line(world, company, line) for line in COMPANIES.strip().splitlines()]
    for name, known in (("Globex Retail Ltd", GLOBEX), ("Harrow & Finch plc", HARROW)):
        next(one for one in customers if one.name == name).account.public_id = known.public_id
    customers += [_group_member(world, company, customers[0], *line) for line in GROUP_MEMBERS]
    return customers


def add_account(
    world: World,
    company: Company,
    profile: Profile,
    *,
    name: str,
    domain: str,
    tier: str,
    street: str,
    postal_code: str,
    city: str,
    country: str,
    currency: str = CURRENCY,
    parent: Account | None = None,
) -> Customer:
    """A company without people yet. Sales and success managers are shared out by its name."""
    chance = world.random(name, "account")
    joined_at = in_office_hours(chance, profile.joined_date)
    account = world.add(
        Account(
            name=name,
            tier=company.tiers[tier],
            industry=profile.industry,
            lifecycle_stage=profile.stage,
            parent=parent,
            owner=chance.choice(company.staff[StaffGroup.CUSTOMER_SUCCESS]),
            sales_contact=chance.choice(company.staff[StaffGroup.SALES]),
            phone=f"{DIAL[country]} 555 {chance.randrange(1000, 9999)}",
            website=f"https://www.{domain}",
            billing_email=f"invoices@{domain}",
            billing_street=street,
            billing_postal_code=postal_code,
            billing_city=city,
            billing_country=country,
            vat_id=_vat_id(world, name, country),
            currency=currency,
            time_zone=TIME_ZONES[country],
            is_active=profile.left_date is None,
            created_at=joined_at,
        )
    )
    account.public_id = KNOWN_OUTSIDE.get(name, account.public_id)
    return Customer(account, profile)


def _vat_id(world: World, name: str, country: str) -> str:
    """One of the country's form; nobody has it."""
    chance = world.random(name, "vat id")
    figures = (str(chance.randrange(1, 10)) if one == "#" else one for one in VAT_IDS.get(country, "#########"))
    return country + "".join(figures)


def add_member(
    world: World,
    customer: Customer,
    *,
    email: str,
    name: str,
    roles: tuple[Role, ...],
    job_title: str = "",
    department: str = "",
    has_password: bool = False,
) -> Membership:
    """A new person, who belongs to the company from its first day."""
    account = customer.account
    user = add_person(
        world,
        email=email,
        name=name,
        joined_at=account.created_at,
        job_title=job_title,
        time_zone=account.time_zone,
        has_password=has_password,
    )
    return join(world, customer, user, roles=roles, department=department)


def join(world: World, customer: Customer, user: User, *, roles: tuple[Role, ...], department: str = "") -> Membership:
    """A person's place in the company."""
    account = customer.account
    member = world.add(
        Membership(
            account=account,
            user=user,
            roles=[role.value for role in roles],
            department=department,
            is_active=account.is_active,
            created_at=account.created_at,
        )
    )
    customer.members.append(member)
    return member


def add_colleagues(world: World, customer: Customer, domain: str, count: int) -> None:
    """Some more people, in the order in which a company names them."""
    chance = world.random(customer.name, "people")
    taken = {person.name for person in customer.people}
    for title, department, roles in JOBS[:count]:
        name = name_of_somebody(chance, customer.account.billing_country, taken)
        add_member(
            world, customer, email=f"{plain(name)}@{domain}", name=name, roles=roles, job_title=title,
            department=department,
        )  # fmt: skip


def _acme(world: World, company: Company) -> Customer:
    """The notice deadline comes in some weeks, and 46 of 50 seats are used."""
    calendar = world.calendar
    end_date = calendar.today + timedelta(days=93)
    joined = add_months(end_date, -24)
    renewed = add_months(end_date, -12)
    profile = Profile(
        industry="logistics",
        stage="growing",
        plan="team",
        seats=36,
        joined_date=joined,
        portal="active",
        first_login_date=working_day(calendar.go_live_date + timedelta(days=2)),
        growth=(
            Growth(working_day(joined + timedelta(days=160)), seats=8),
            Growth(working_day(renewed + timedelta(days=148)), seats=6, is_in_portal=True),
            Growth(working_day(renewed + timedelta(days=176)), addons=(("storage_pack", 1),), is_in_portal=True),
            Growth(working_day(renewed + timedelta(days=205)), plan="business", is_in_portal=True, is_won=False),
            # Still open: procurement asked for them, above its limit.
            Growth(
                working_day(calendar.today - timedelta(days=16)), addons=(("sso", 1),), is_in_portal=True, is_won=False
            ),
            Growth(working_day(calendar.today - timedelta(days=4)), seats=10, is_in_portal=True, is_won=False),
        ),
        seats_used=46,
    )
    customer = add_account(
        world, company, profile, name=ACME, domain="acme.example", tier="premier",
        street="Speicherstraße 12", postal_code="20457", city="Hamburg", country="DE",
    )  # fmt: skip
    cast = (
        ("admin@acme.example", "Ada Achterberg", "Head of operations", "Operations", (Role.ADMINISTRATOR,)),
        ("member@acme.example", "Milo Brandt", "Dispatch lead", "Dispatch", (Role.SUPPORT, Role.VIEWER)),
        ("viewer@acme.example", "Vera Lindqvist", "Controller", "Finance", (Role.VIEWER,)),
    )
    for email, name, title, department, roles in cast:
        add_member(
            world, customer, email=email, name=name, roles=roles, job_title=title, department=department,
            has_password=True,
        )  # fmt: skip
    colleagues = (
        ("Katrin Seidel", "Procurement manager", "Procurement", (Role.BUYER,)),
        ("Emre Kaya", "Accounts payable", "Finance", (Role.BILLING,)),
        ("Jens Petersen", "IT manager", "IT", (Role.SUPPORT,)),
        ("Sabine Neumann", "Chief financial officer", "Finance", (Role.APPROVER, Role.VIEWER)),
        ("Lukas Hoffmann", "Regional planner", "Planning", (Role.VIEWER,)),
        ("Aylin Yılmaz", "Dispatcher, night shift", "Dispatch", (Role.SUPPORT, Role.VIEWER)),
        ("Stefan Winkler", "Fleet manager", "Fleet", (Role.SUPPORT, Role.BUYER)),
        ("Miriam Becker", "Field service manager", "Field service", (Role.SUPPORT, Role.VIEWER)),
        ("Holger Schuster", "Warehouse manager", "Warehouse", (Role.VIEWER,)),
    )
    for name, title, department, roles in colleagues:
        add_member(
            world, customer, email=f"{plain(name)}@acme.example", name=name, roles=roles, job_title=title,
            department=department,
        )  # fmt: skip
    return customer


def _globex(world: World, company: Company) -> Customer:
    calendar = world.calendar
    joined = add_months(calendar.today + timedelta(days=47), -36)
    profile = Profile(
        industry="retail",
        stage="renewing",
        plan="business",
        seats=24,
        joined_date=joined,
        portal="active",
        first_login_date=working_day(calendar.go_live_date + timedelta(days=24)),
        growth=(
            Growth(working_day(add_months(joined, 17)), seats=4),
            Growth(working_day(add_months(joined, 29)), addons=(("analytics", 1), ("sso", 1)), is_in_portal=True),
        ),
        seats_used=25,
    )
    customer = add_account(
        world, company, profile, name="Globex Retail Ltd", domain="globex.example", tier="growth",
        street="Wharf Street 31", postal_code="M3 4LQ", city="Manchester", country="GB",
    )  # fmt: skip
    add_member(
        world, customer, email="admin@globex.example", name="Gus Okafor", roles=(Role.ADMINISTRATOR,),
        job_title="Director of stores", department="Operations", has_password=True,
    )  # fmt: skip
    for name, title, department, roles in (
        ("Imogen Hughes", "Store systems lead", "IT", (Role.SUPPORT, Role.VIEWER)),
        ("Callum Wright", "Finance business partner", "Finance", (Role.BILLING, Role.APPROVER)),
    ):
        add_member(
            world, customer, email=f"{plain(name)}@globex.example", name=name, roles=roles, job_title=title,
            department=department,
        )  # fmt: skip
    return customer


def _subsidiary(world: World, company: Company, parent: Customer) -> Customer:
    """A second company of Ada's, where she may only look: the switcher has something to switch."""
    calendar = world.calendar
    joined = add_months(calendar.today - timedelta(days=20), -7)
    profile = Profile(
        industry="logistics",
        stage="adopting",
        plan="team",
        seats=12,
        joined_date=working_day(joined),
        portal="active",
        first_login_date=working_day(joined + timedelta(days=9)),
        growth=(),
        seats_used=9,
    )
    customer = add_account(
        world, company, profile, name="Acme Freight Polska Sp. z o.o.", domain="acme-polska.example", tier="growth",
        street="ul. Portowa 5", postal_code="80-822", city="Gdańsk", country="PL", parent=parent.account,
    )  # fmt: skip
    customer.account.is_open_to_parent = True
    add_colleagues(world, customer, "acme-polska.example", 2)
    join(world, customer, parent.people[0], roles=(Role.VIEWER,))
    return customer


# Name, domain, place, whether the parent company may look: Ada sees the first beside Acme, and the second not at all.
GROUP_MEMBERS = (
    ("Acme Warehousing B.V.", "acme-warehousing.example", "Havenweg 18", "3089", "Rotterdam", "NL", True),
    ("Acme Customs A/S", "acme-customs.example", "Toldbodgade 4", "1253", "København", "DK", False),
)


def _group_member(world: World, company: Company, parent: Customer, name: str, domain: str, *place: object) -> Customer:
    street, postal_code, city, country, is_open = place
    chance = world.random(name, "group")
    joined = working_day(world.calendar.today - timedelta(days=365 + chance.randrange(120, 200)))
    profile = Profile(
        industry="logistics",
        stage="growing",
        plan="team",
        seats=chance.randrange(8, 20),
        joined_date=joined,
        portal="active",
        first_login_date=_first_login_date(world.calendar, chance, joined, "active"),
    )
    customer = add_account(
        world, company, profile, name=name, domain=domain, tier="growth", street=str(street),
        postal_code=str(postal_code), city=str(city), country=str(country), parent=parent.account,
    )  # fmt: skip
    customer.account.is_open_to_parent = bool(is_open)
    add_colleagues(world, customer, domain, 3)
    return customer


def _from_line(world: World, company: Company, line: str) -> Customer:
    name, street, postal_code, city, country, industry, stage, tier, plan, seats, portal = line.split("|")
    chance = world.random(name, "profile")
    joined = working_day(_joined_date(world.calendar, chance, stage, portal))
    left = None
    if portal == "lost":
        terms = 1 if chance.random() < 0.5 else 2
        left = add_months(joined, 12 * terms)
    profile = Profile(
        industry=industry,
        stage=stage,
        plan=plan,
        seats=int(seats),
        joined_date=joined,
        portal=portal,
        first_login_date=_first_login_date(world.calendar, chance, joined, portal),
        left_date=left,
    )
    domain = f"{'-'.join(plain(word) for word in name.split()[:2] if plain(word)).replace('.', '-')}.example"
    customer = add_account(
        world, company, profile, name=name, domain=domain, tier=tier, street=street, postal_code=postal_code,
        city=city, country=country,
    )  # fmt: skip
    add_colleagues(world, customer, domain, min(2 + int(seats) // 18, len(JOBS)))
    return customer


def _joined_date(calendar: Calendar, chance: Random, stage: str, portal: str) -> date:
    """The first day of the first contract, as the stage asks for: contracts run for a year from here."""
    today = calendar.today
    if portal == "lost":  # One or two terms, all over by now.
        return add_months(calendar.start_date, chance.randrange(-12, -2)) + timedelta(days=chance.randrange(28))
    days = {
        "onboarding": lambda: chance.randrange(25, 75),
        "adopting": lambda: chance.randrange(120, 300),
        # Years ago, with an anniversary that is neither close behind nor close ahead.
        "growing": lambda: 365 * chance.randrange(2, 4) + chance.randrange(110, 230),
        "renewing": lambda: 365 * chance.randrange(2, 4) - chance.randrange(18, 80),
        "at_risk": lambda: 365 * chance.randrange(2, 4) - chance.randrange(100, 200),
    }[stage]()
    return today - timedelta(days=days)


def _first_login_date(calendar: Calendar, chance: Random, joined: date, portal: str) -> date | None:
    """Active companies begin within five months of the opening; newer ones soon after they sign."""
    wait = chance.randrange(3, 150)
    if portal == "lost" or (portal == "quiet" and chance.random() < 0.5):
        return None
    start = max(calendar.go_live_date + timedelta(days=wait), joined + timedelta(days=wait % 14 + 2))
    day = working_day(start)
    return day if day < calendar.today else None
