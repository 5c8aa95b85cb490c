"""Rows for tests, as small as a test needs them."""

import time
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module

from allauth.account.models import EmailAddress
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import Account, Entitlement, Membership, Tier, User
from commerce.models import (
    ApprovalRule,
    Contract,
    DeltaKind,
    Invoice,
    InvoiceSeries,
    LegalEntity,
    Price,
    PriceBook,
    Product,
    ProductGrant,
    Subscription,
    SubscriptionDelta,
    TaxRate,
)
from knowledge.models import Article, ArticleState, Category, Visibility

TIERS = {"essential": 1, "growth": 2, "premier": 3, "strategic": 4}
PASSWORD = "correct-horse-battery"
START = date(2026, 2, 1)  # Contracts of tests run from here for twelve months.


def make_tier(code: str) -> Tier:
    tier, _ = Tier.objects.get_or_create(code=code, defaults={"name": code.title(), "rank": TIERS[code]})
    return tier


def make_account(name: str, *, tier: str = "growth", industry: str = "logistics", **fields) -> Account:
    fields = {"billing_country": "DE", "currency": "EUR", "lifecycle_stage": "growing"} | fields
    return Account.objects.create(name=name, tier=make_tier(tier), industry=industry, **fields)


def confirm(client: Client, user: User, *, at: float | None = None) -> None:
    """Note in the client's session that the person has just (or at `at`) proved who they are, as allauth notes it."""
    session = client.session
    session["account_authentication_methods"] = [
        {"method": "password", "at": time.time() if at is None else at, "reauthenticated": True}
    ]
    session["account_authentication_methods_user"] = str(user.pk)
    session["began_at"] = session["seen_at"] = time.time() if at is None else at
    session.save()


def make_user(email: str, name: str, **fields) -> User:
    user = User.objects.create_user(email=email, password=PASSWORD, name=name, **fields)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def make_member(account: Account, email: str, name: str, *, roles: list[str]) -> User:
    """A person and their membership, which is also at `user.membership`."""
    user = make_user(email, name)
    user.membership = Membership.objects.create(account=account, user=user, roles=roles)
    return user


def make_staff(email: str, name: str, *, group: str) -> User:
    user = make_user(email, name, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


def make_article(title: str = "Reset a password", *, visibility: str = Visibility.CUSTOMER, **fields) -> Article:
    category, _ = Category.objects.get_or_create(slug="access", defaults={"name": "Access"})
    defaults = {
        "slug": title.lower().replace(" ", "-"),
        "summary": f"How to: {title.lower()}.",
        "body": f"# {title}\n\n1. Open Settings.\n2. Do it.\n",
        "state": ArticleState.PUBLISHED,
        "topic": "access",
        "category": category,
    }
    return Article.objects.create(title=title, visibility=visibility, **(defaults | fields))


# The catalogue of tests: per seat and month, prepaid for the term. Prices differ per tier by a factor.
PLANS = {"team": ("Team", "12"), "business": ("Business", "20"), "enterprise": ("Enterprise", "32")}
ADDONS = {"sso": ("Single sign-on & directory sync", "3"), "audit_log": ("Audit log export", "2")}
FACTORS = {"essential": "1.10", "growth": "1.00", "premier": "0.95", "strategic": "0.90"}


SELLER = {
    "street": "Kanalufer 12", "postal_code": "20457", "city": "Hamburg", "country": "DE", "vat_id": "DE298765432",
    "registration": "HRB 154321, Amtsgericht Hamburg", "email": "billing@vendor.example", "phone": "+49 40 5550100",
    "iban": "DE89370400440532013000", "bic": "COBADEFFXXX",
}  # fmt: skip


def make_catalogue(valid_from: date = date(2024, 1, 1)) -> dict[str, Product]:
    """Three plans, two add-ons and a one-time service, priced for every tier in EUR; taxes; an invoice series."""
    products = {}
    for rank, (code, (name, _price)) in enumerate(PLANS.items(), start=1):
        products[code] = Product.objects.create(
            code=code, name=name, kind="plan", rank=rank, summary=f"{name} plan", unit_label="seat", max_quantity=5000
        )
        ProductGrant.objects.create(product=products[code], code="seats", quantity=1, is_per_unit=True)
        ProductGrant.objects.create(product=products[code], code="api_calls", quantity=50_000 * rank)
    for code, (name, _price) in ADDONS.items():
        products[code] = Product.objects.create(code=code, name=name, kind="addon", summary=name, max_quantity=5000)
        ProductGrant.objects.create(product=products[code], code=code)
    products["onboarding"] = Product.objects.create(
        code="onboarding", name="Onboarding package", kind="service", billing="once", summary="Set-up", max_quantity=5
    )
    for tier, factor in FACTORS.items():
        book, _ = PriceBook.objects.get_or_create(tier=make_tier(tier), currency="EUR", defaults={"name": tier.title()})
        for code, (_name, price) in (PLANS | ADDONS | {"onboarding": ("", "1500")}).items():
            Price.objects.create(
                book=book, product=products[code], unit_price=Decimal(price) * Decimal(factor), valid_from=valid_from
            )
    TaxRate.objects.get_or_create(
        country="DE", valid_from=valid_from, defaults={"name": "USt", "rate": Decimal("0.19")}
    )
    for kind, prefix in (("invoice", "INV-"), ("credit_note", "CN-")):
        InvoiceSeries.objects.get_or_create(legal_entity=settings.LEGAL_ENTITY, kind=kind, defaults={"prefix": prefix})
    LegalEntity.objects.get_or_create(name=settings.LEGAL_ENTITY, defaults=SELLER)
    return products


def make_contract(
    account: Account, products: dict[str, Product], *, plan: str = "team", seats: int = 50, start: date = START
) -> Contract:
    """A running contract over twelve months for one plan, with its ledger entry and entitlements."""
    product = products[plan]
    price = Price.objects.for_account(account).on(start).get(product=product)
    contract = Contract.objects.create(
        account=account,
        start_date=start,
        end_date=start.replace(year=start.year + 1),
        currency=account.currency,
        price_book=price.book,
    )
    subscription = Subscription.objects.create(account=account, contract=contract, product=product)
    unit_price = price.unit_price
    SubscriptionDelta.objects.create(
        account=account,
        subscription=subscription,
        kind=DeltaKind.NEW,
        quantity=seats,
        unit_price=unit_price,
        recurring_minor=int(unit_price * seats * 100),
        currency=account.currency,
        effective_date=start,
        billing_date=start,
    )
    for grant in product.grants.all():
        Entitlement.objects.create(
            account=account,
            code=grant.code,
            quantity=grant.quantity * seats if grant.is_per_unit and grant.quantity else grant.quantity,
            start_date=start,
            end_date=contract.end_date,
            source=f"subscription:{subscription.pk}",
        )
    return contract


def make_default_approval_rules():
    """Those that come with the portal; the tests that commit take them along when they clean up."""
    if not ApprovalRule.objects.exists():
        import_module("commerce.migrations.0016_guard_deal_desk").add_rules(apps, None)
        import_module("commerce.migrations.0026_self_service_rule").add_rule(apps, None)


def make_invoice(account: Account, *, now: datetime, **fields) -> Invoice:
    """A bill without an order and without lines."""
    defaults = {
        "number": f"INV-{Invoice.objects.count() + 900:05}", "legal_entity": settings.LEGAL_ENTITY, "currency": "EUR",
        "subtotal_minor": 1000, "tax_minor": 0, "total_minor": 1000, "bill_to": {"name": account.name, "country": "DE"},
        "issue_date": now.date(), "due_date": now.date(),
    }  # fmt: skip
    return Invoice.objects.create(account=account, **(defaults | fields))
