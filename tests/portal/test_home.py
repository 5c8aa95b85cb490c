"""Home: everything of a company in one place, by role, in few queries."""

from datetime import date
from decimal import Decimal

import pytest
import time_machine

from cases.services import open_case
from commerce.models import SubscriptionDelta
from recommendations.models import ContentBlock, Offer
from tests.factories import make_catalogue, make_contract
from tracking.models import UsageDaily

pytestmark = pytest.mark.django_db


@pytest.fixture
def frozen_day(now):
    with time_machine.travel(now, tick=True):
        yield


@pytest.fixture
def business(acme, globex, today, frozen_day):
    """Acme runs on Team with 50 seats, 46 of them used; seats are worth an offer; logistics has news."""
    products = make_catalogue()
    make_contract(acme, products, plan="team", seats=50)
    UsageDaily.objects.create(account_id=acme.pk, meter="seats", date=today, quantity=46)
    UsageDaily.objects.create(account_id=globex.pk, meter="seats", date=today, quantity=9)
    Offer.objects.create(
        product=products["business"], meter="seats", headline="Room to grow", reason="{used} of {limit} seats used"
    )
    ContentBlock.objects.create(title="Routes for the season", body="Plan ahead.", industries=["logistics"])
    ContentBlock.objects.create(title="Shelf audits", body="Count less.", industries=["retail"])
    return products


def page(client):
    response = client.get("/")
    assert response.status_code == 200
    return response.content.decode()


def test_an_administrator_sees_contract_usage_recommendation_and_news(business, admin, signed_in):
    html = page(signed_in(admin))
    assert "Notice deadline" in html
    assert "46 of 50 seats used" in html
    assert "Routes for the season" in html
    assert "Shelf audits" not in html
    assert "€570.00" in html  # 50 seats at €11.40 a month.


def test_someone_without_the_right_sees_no_price_anywhere(business, viewer, signed_in):
    html = page(signed_in(viewer))
    assert "Notice deadline" in html
    assert "€" not in html
    assert "Ask your administrator" in html


def test_a_support_contact_sees_cases_but_no_contract(business, acme, signed_in):
    from tests.factories import make_member

    person = make_member(acme, "help@acme.example", "Hella", roles=["support"])
    html = page(signed_in(person))
    assert "Open cases" in html
    assert "Notice deadline" not in html


def test_the_industry_changes_what_home_shows(business, acme, admin, signed_in):
    acme.industry = "retail"
    acme.save()
    html = page(signed_in(admin))
    assert "Shelf audits" in html
    assert "Routes for the season" not in html


def test_open_cases_are_linked_and_another_companys_are_not(business, admin, other_admin, now, signed_in):
    import uuid

    for user, subject in ((admin, "Nightly export fails"), (other_admin, "Secret of Globex")):
        open_case(
            account=user.membership.account,
            opened_by=user,
            subject=subject,
            topic="performance",
            description="Since yesterday.",
            form_key=uuid.uuid4(),
            actor=user.membership.actor(),
            now=now,
        )
    html = page(signed_in(admin))
    assert "Nightly export fails" in html
    assert "/cases/CS-" in html
    assert "Secret of Globex" not in html


def test_an_empty_company_is_told_what_will_stand_here(admin, signed_in):
    html = page(signed_in(admin))
    assert "No running contract" in html
    assert "No open cases" in html


def test_what_was_changed_in_the_future_does_not_count_today(business, acme, admin, signed_in):
    delta = SubscriptionDelta.objects.get()
    SubscriptionDelta.objects.create(
        account=acme,
        subscription=delta.subscription,
        kind="quantity",
        quantity=Decimal(10),
        unit_price=delta.unit_price,
        recurring_minor=11400,
        currency="EUR",
        effective_date=date(2026, 12, 1),
        billing_date=date(2026, 12, 1),
    )
    assert "€570.00" in page(signed_in(admin))


def test_staff_are_led_to_the_admin(agent, signed_in):
    assert signed_in(agent).get("/")["Location"] == "/admin/"


def test_anonymous_visitors_sign_in_first(client):
    assert client.get("/")["Location"] == "/accounts/login/?next=/"
