"""What Meridian sells together, what it says about it, and what it sells no more or by use."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from commerce.models import (
    BillingRule,
    BundleOption,
    ConfigurationRule,
    ConfigurationRuleText,
    FeatureGroup,
    Lifecycle,
    Price,
    Product,
    ProductKind,
)
from commerce.pricing.proration import add_months
from sandbox.demo.company import CURRENCY, TIER_FACTORS, Company
from sandbox.demo.prices import ABROAD
from sandbox.demo.world import World
from tracking.models import Meter

SUITE, BY_USE, SCANNER, SHEETS = "field_suite", "api_by_use", "form_scanner", "route_sheets"


@dataclass(frozen=True)
class Words:
    """What a rule says, and what its button does."""

    message: str
    button: str = ""


@dataclass(frozen=True)
class Ruling:
    """A rule with its words by language; `act` are its other fields, products by their codes."""

    name: str
    kind: str
    conditions: list[dict[str, Any]]
    words: dict[str, Words]
    act: dict[str, Any] = field(default_factory=dict)


def _when(fact: str, operator: str, value: str | list[str]) -> dict[str, Any]:
    return {"fact": fact, "operator": operator, "value": value}


RULINGS = (
    Ruling(
        "AI assist from Business on",
        "validation",
        # Who has it on Team from before keeps it.
        [
            _when("quantity:ai_assist", "above", "0"),
            _when("owned:ai_assist", "is", "0"),
            _when("plan", "is", "team"),
        ],
        {
            "en": Words("AI assist learns from your job history, which Team does not keep.", "Change to Business"),
            "de": Words("AI assist lernt aus Ihren Auftragsdaten, die Team nicht aufbewahrt.", "Zu Business wechseln"),
            "es": Words("AI assist aprende de su historial, que Team no guarda.", "Cambiar a Business"),
            "ar": Words("يتعلم AI assist من سجل أعمالكم، وباقة Team لا تحتفظ به.", "الانتقال إلى Business"),
        },
        {"fix_action": "set", "fix_product": "business"},
    ),
    Ruling(
        "A first sandbox",
        "alert",
        [_when("quantity:sandbox", "above", "0"), _when("owned:sandbox", "is", "0")],
        {
            "en": Words("A sandbox workspace is emptied on the first day of each quarter."),
            "de": Words("Ein Sandbox-Arbeitsbereich wird am ersten Tag jedes Quartals geleert."),
            "es": Words("El espacio de pruebas se vacía el primer día de cada trimestre."),
            "ar": Words("تُفرَّغ مساحة التجربة في اليوم الأول من كل ربع سنة."),
        },
    ),
    Ruling(
        "Large crews are set up with us",
        "selection",
        [
            _when(f"quantity:{SUITE}", "above", "0"),
            _when(f"owned:{SUITE}", "is", "0"),
            _when("owned:onboarding", "is", "0"),
            _when("seats", "at_least", "200"),
        ],
        {
            "en": Words("For 200 people or more, a consultant sets the Field suite up with you."),
            "de": Words("Ab 200 Personen richtet ein Berater die Field suite mit Ihnen ein."),
            "es": Words("A partir de 200 personas, un consultor configura la Field suite con ustedes."),
            "ar": Words("ابتداءً من 200 شخص، يُعدّ مستشار Field suite معكم."),
        },
        {"product": "onboarding"},
    ),
    Ruling(
        "No crews, no suite",
        "filter",
        [_when("industry", "one_of", ["retail", "healthcare"])],
        {
            "en": Words("The Field suite is for companies with crews on the road."),
            "de": Words("Die Field suite ist für Unternehmen mit Teams im Außendienst."),
            "es": Words("La Field suite es para empresas con equipos en ruta."),
            "ar": Words("Field suite مخصصة للشركات التي تعمل فرقها في الميدان."),
        },
        {"product": SUITE},
    ),
)


def add_bundles(world: World, company: Company, since: date) -> None:
    """A suite with its options, calls by use, a product that ends soon and one that has ended; and the rules."""
    today = world.calendar.today
    suite = _sell(
        world, company, since, "480", code=SUITE, name="Field suite", kind=ProductKind.ADDON, icon="map",
        summary="What crews on the road need, for one price.", unit_label="workspace", max_quantity=1,
        highlights="One price for planning and insight\nOne team that answers for all of it",
    )  # fmt: skip
    _put_together(world, company, suite)
    _sell(
        world, company, since, "0.0012", method="usage", code=BY_USE, name="API calls by use", kind=ProductKind.USAGE,
        meter=Meter.API_CALLS, billing=BillingRule.PERIOD, icon="gauge", unit_label="call", max_quantity=1,
        summary="Calls beyond your limit go through, and are billed afterwards.",
    )  # fmt: skip
    _sell(
        world, company, since, "90", code=SCANNER, name="Form scanner", kind=ProductKind.ADDON, icon="file-text",
        summary="Turns scanned paper forms into jobs.", unit_label="workspace", max_quantity=1,
        end_of_sale_date=today + timedelta(days=45), end_of_life_date=add_months(today, 18),
        successor=company.products["ai_assist"],
    )  # fmt: skip
    _sell(
        world, company, since, "60", code=SHEETS, name="Route sheets", kind=ProductKind.ADDON, icon="file-text",
        summary="Printed tours for drivers, one for each day.", unit_label="workspace", max_quantity=1,
        lifecycle=Lifecycle.END_OF_SALE, end_of_sale_date=add_months(today, -5), end_of_life_date=add_months(today, 7),
        successor=company.products["route_planner"],
    )  # fmt: skip
    for place, ruling in enumerate(RULINGS, start=1):
        _rule(world, company, ruling, order=place * 10)


def _sell(world: World, company: Company, since: date, price: str, *, method: str = "list", **fields: Any) -> Product:
    """A product with a price in every book."""
    product = world.add(Product(rank=0, **fields))
    company.products[product.code] = product
    company.grants[product.code] = []
    factors = {(tier, CURRENCY): factor for tier, factor in TIER_FACTORS.items()}
    factors |= {("", currency): rate for currency, (_name, _countries, rate) in ABROAD.items()}
    for shelf, factor in factors.items():
        company.prices[*shelf, product.code] = world.add(
            Price(
                book=company.books[shelf],
                product=product,
                method=method,
                unit_price=Decimal(price) * factor,
                valid_from=since,
            )
        )
    return product


def _put_together(world: World, company: Company, suite: Product) -> None:
    """Route planning always, one or two of three for insight, and sandboxes for who wants them."""
    planning = world.add(FeatureGroup(bundle=suite, name="Planning"))
    insight = world.add(FeatureGroup(bundle=suite, name="Insight", position=1, min_options=1, max_options=2))
    trying = world.add(FeatureGroup(bundle=suite, name="Trying out", position=2))
    for group, code, fields in (
        (planning, "route_planner", {"is_required": True, "is_included": True}),
        (insight, "analytics", {"is_included": True}),
        (insight, "ai_assist", {}),
        (insight, "audit_log", {}),
        (trying, "sandbox", {"is_included": True, "max_quantity": 2}),
    ):
        option = {"max_quantity": 1, "position": len(world.rows(BundleOption))} | fields
        world.add(BundleOption(group=group, product=company.products[code], **option))


def _rule(world: World, company: Company, ruling: Ruling, *, order: int) -> None:
    act = {name: company.products.get(value, value) for name, value in ruling.act.items()}
    english = ruling.words["en"]
    made = world.add(
        ConfigurationRule(
            order=order, name=ruling.name, kind=ruling.kind, conditions=ruling.conditions, message=english.message,
            fix_label=english.button, **act,
        )
    )  # fmt: skip
    for language, words in ruling.words.items():
        if language != "en":
            text = ConfigurationRuleText(rule=made, language=language, message=words.message, fix_label=words.button)
            world.add(text)
