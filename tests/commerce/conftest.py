"""What the pages and operations of commerce are tested with. Imports stand inside: this file is read before Django."""

import pytest


@pytest.fixture
def products(db):
    from tests.factories import make_catalogue

    return make_catalogue()


@pytest.fixture
def contract(acme, products):
    """Acme has Team with 50 seats at 11.40, from 1 February 2026 for twelve months."""
    from tests.factories import make_contract

    return make_contract(acme, products)


@pytest.fixture
def upgrade():
    """Business with 60 seats, and single sign-on."""
    from commerce.configuring import Configuration

    return Configuration(plan="business", seats=60, addons={"sso": 1})


@pytest.fixture
def quote(admin, contract, upgrade, now):
    """Acme's quote for the upgrade: 1,677.13 due now."""
    import uuid

    from commerce.quoting import create_quote

    return create_quote(
        account=contract.account,
        actor=admin.membership.actor(),
        user=admin,
        configuration=upgrade,
        now=now,
        form_key=uuid.uuid4(),
    )


@pytest.fixture
def accept(now):
    """Accept a quote as its administrator reads it: `accept(quote, admin)`."""
    from commerce.quoting import accept_quote

    def accept(quote, user, **given):
        defaults = {"shown_hash": quote.price_hash, "consent_name": "Ada Achterberg", "ip": "203.0.113.7", "now": now}
        return accept_quote(quote=quote, actor=user.membership.actor(), **(defaults | given))

    return accept
