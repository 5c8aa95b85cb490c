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
    from commerce.configuring.situations import Configuration

    return Configuration(plan="business", seats=60, addons={"sso": 1})


@pytest.fixture
def quote(admin, contract, upgrade, now):
    """Acme's quote for the upgrade: 1,677.13 due now."""
    import uuid

    from commerce.quotes.quoting import create_quote

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
    from commerce.quotes.acceptance import accept_quote

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
    from commerce import stripe_gateway
    from commerce.billing import payments, reconciliation
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
    from commerce.billing import payments

    def pay(number="4242424242424242", *, at=now):
        setup = payments.prepare_card(account=invoice.account, now=at)
        stripe_js.set_up(setup.client_secret, number)
        return payments.start_payment(invoice=invoice, setup_id=setup.id, actor=admin.membership.actor(), now=at)

    return pay


@pytest.fixture
def make_attempt(now):
    """A payment attempt in a state that tests can't easily reach: `make_attempt(invoice, state="review")`."""
    import uuid

    from commerce.models import PaymentAttempt

    def make(invoice, **fields):
        key = uuid.uuid4()
        defaults = {
            "account_id": invoice.account_id,
            "number": 1,
            "amount_minor": invoice.total_minor,
            "currency": invoice.currency,
            "request": {"amount": invoice.total_minor, "customer": "cus_1"},
            "idempotency_key": f"test:pay:{key}",
            "created_at": now,
            "next_check_at": now,
        }
        return PaymentAttempt.objects.create(pk=key, invoice=invoice, **(defaults | fields))

    return make


@pytest.fixture
def time_machine_now(now):
    """The pages' clock stands at the tests' moment."""
    import time_machine

    with time_machine.travel(now, tick=False):
        yield now


@pytest.fixture
def most_queries():
    """At most so many queries beside the fixed cost of a request: `with most_queries(5): client.get(url)`."""
    from contextlib import contextmanager

    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    # What every request asks: the session, the user, their companies, and the scope going in and out; and what a
    # process asks now and then, and keeps.
    frame = (
        'FROM "django_session"', 'FROM "accounts_user"', '"accounts_membership"', "set_config", "SAVEPOINT",
        'FROM "accounts_announcement"', 'FROM "accounts_brand"',
    )  # fmt: skip

    @contextmanager
    def at_most(number):
        with CaptureQueriesContext(connection) as captured:
            yield
        content = [query["sql"] for query in captured if not any(part in query["sql"] for part in frame)]
        assert len(content) <= number, "\n".join(content)

    return at_most


def content_queries(client, url):
    """How many queries a page makes for what it shows: without session, person, memberships and scope."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    fixed = ("django_session", "accounts_user", "accounts_membership", "set_config", "SAVEPOINT")
    return len([query for query in captured if not any(name in query["sql"] for name in fixed)])


# What goes together


@pytest.fixture
def make_rule(db):
    """A rule of the catalogue: `make_rule(kind="filter", product=…)`; a validation where nothing else is said."""
    from commerce.models import ConfigurationRule

    def make(order=1, **fields):
        given = {"order": order, "name": "Rule", "message": "This does not go together."} | fields
        made = ConfigurationRule(**given)
        made.full_clean()
        made.save()
        return made

    return make


@pytest.fixture
def log_needs_business(make_rule, products):
    return make_rule(
        conditions=[
            {"fact": "quantity:audit_log", "operator": "above", "value": "0"},
            {"fact": "plan", "operator": "is", "value": "team"},
        ],
        message="Audit log export needs Business or above.",
        fix_action="set",
        fix_product=products["business"],
        fix_label="Change to Business",
    )


@pytest.fixture
def suite(products):
    """A bundle for 10 a month: single sign-on is in its price, and at least one of the others is chosen."""
    from commerce.models import BundleOption, FeatureGroup, Price, Product

    made = Product.objects.create(code="suite", name="Control suite", kind="addon", summary="Both.", max_quantity=1)
    for price in Price.objects.filter(product=products["sso"]):
        Price.objects.create(book=price.book, product=made, unit_price=10, valid_from=price.valid_from)
    access = FeatureGroup.objects.create(bundle=made, name="Access")
    BundleOption.objects.create(
        group=access, product=products["sso"], is_required=True, is_included=True, max_quantity=1
    )
    watching = FeatureGroup.objects.create(bundle=made, name="Watching", position=1, min_options=1)
    BundleOption.objects.create(group=watching, product=products["audit_log"], max_quantity=3)
    return made
