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


# Paying: the real stand-in for Stripe, behind the proxy that adds idempotency keys and trouble.

WEBHOOK_SECRET = "whsec_tests"


@pytest.fixture(scope="session")
def localstripe(tmp_path_factory):
    from sandbox.localstripe import LocalStripe

    with LocalStripe(log=tmp_path_factory.mktemp("localstripe") / "log") as server:
        yield server


@pytest.fixture
def stripe(localstripe, settings, monkeypatch):
    """An empty Stripe, as the portal sees it: a proxy that can be told to misbehave (`stripe.order(...)`)."""
    from commerce import payments, reconciliation, stripe_gateway
    from sandbox.localstripe import SECRET_KEY
    from sandbox.proxy import StripeProxy
    from tests.commerce.stripe_side import any_clock

    localstripe.flush()
    with StripeProxy(localstripe.url) as proxy:
        settings.STRIPE_API_BASE = proxy.url
        settings.STRIPE_SECRET_KEY = SECRET_KEY
        settings.STRIPE_WEBHOOK_SECRETS = ["whsec_older", WEBHOOK_SECRET]
        monkeypatch.setattr(stripe_gateway, "MAX_NETWORK_RETRIES", 0)
        # Stripe's clock is the machine's, the tests' is not: look back as far as it takes.
        monkeypatch.setattr(payments, "CLOCK_SKEW", any_clock)
        monkeypatch.setattr(reconciliation, "KEPT_BY_STRIPE", any_clock)
        yield proxy


@pytest.fixture
def stripe_js(localstripe):
    """What Stripe.js does in the customer's browser."""
    from tests.commerce.stripe_side import StripeJs

    return StripeJs(localstripe.url)


@pytest.fixture
def invoice(quote, accept, admin):
    """Acme's open bill for the upgrade."""
    return accept(quote, admin).invoice


@pytest.fixture
def pay(stripe, stripe_js, invoice, admin, now):
    """Pay the bill as the pay page does, with a card number: `pay("4242…")`."""
    from commerce import payments

    def pay(number="4242424242424242", *, at=now):
        setup = payments.prepare_card(account=invoice.account, now=at)
        stripe_js.set_up(setup.client_secret, number)
        return payments.start_payment(invoice=invoice, setup_id=setup.id, actor=admin.membership.actor(), now=at)

    return pay
