"""How the configurator sells: people by step, who leaves where, and the days from quote to paid."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.selling import WINDOW, Stage, selling
from commerce.billing import settling
from commerce.configuring.situations import Configuration
from commerce.quotes.acceptance import accept_quote
from commerce.quotes.quoting import create_quote
from tests.factories import make_catalogue, make_contract, make_staff
from tracking.actor import Actor, ActorKind
from tracking.models import EventName
from tracking.services import record

PAGE = reverse("analytics:configurator")


@pytest.fixture
def came(acme, now):
    """Somebody came to a step, or did what an event names: `came(1, step="plan")`."""

    def came(user_id, name=EventName.CONFIGURATOR_STEP_VIEWED, *, at=now, kind=ActorKind.CUSTOMER, **properties):
        record(name=name, actor=Actor(user_id, acme.pk, kind), now=at, properties=properties)

    return came


def figures(stages):
    return [(stage.code, stage.people, stage.lost) for stage in stages]


def test_each_step_counts_people_and_who_left_before_it(came, now):
    for user_id, steps in {1: ("plan", "plan"), 2: ("plan", "addons"), 3: ("plan", "addons", "review")}.items():
        for step in steps:
            came(user_id, step=step, at=now - timedelta(hours=1))
    came(3, EventName.QUOTE_CREATED, at=now - timedelta(minutes=5))
    came(9, EventName.QUOTE_CREATED, at=now - timedelta(minutes=5))  # Without the configurator.
    found = selling(now=now)
    assert figures(found.guided) == [
        ("plan", 3, 0), ("addons", 2, 1), ("review", 1, 1), ("quote", 1, 0), ("order", 0, 1),
    ]  # fmt: skip
    assert [stage.drop_off for stage in found.guided][1:3] == [Decimal(1) / 3, Decimal("0.5")]
    assert figures(found.full) == [("all", 0, 0), ("quote", 0, 0), ("order", 0, 0)]
    assert found.full[1].drop_off is None


def test_who_comes_in_later_was_there_before(came, now):
    came(1, step="review", at=now - timedelta(hours=1))
    assert [stage.people for stage in selling(now=now).guided] == [1, 1, 1, 0, 0]


def test_staff_and_what_is_long_ago_do_not_count(came, now):
    came(1, step="all", at=now - timedelta(hours=1), kind=ActorKind.STAFF)
    came(2, step="all", at=now - WINDOW - timedelta(seconds=1))
    came(3, step="all", at=now)  # The next window's.
    assert selling(now=now).full[0] == Stage("all", 0, None)


def test_the_median_from_quote_to_paid_of_what_the_portal_sold(admin, acme, now):
    make_contract(acme, make_catalogue())
    finance = make_staff("fin@vendor.example", "Fin", group="Finance")
    sold = ((60, 30, 204), (70, 20, 84), (80, 15, 36), (90, 10, 12))
    for seats, days, hours in sold:
        made_at = now - timedelta(days=days)
        actor = admin.membership.actor()
        quote = create_quote(
            account=acme, actor=actor, user=admin, configuration=Configuration(plan="team", seats=seats), now=made_at,
            form_key=uuid.uuid4(),
        )  # fmt: skip
        order = accept_quote(
            quote=quote, shown_hash=quote.price_hash, consent_name="Ada", ip=None, actor=actor, now=made_at
        )
        settling.record_bank_transfer(order=order, actor=Actor.staff(finance.pk), now=made_at + timedelta(hours=hours))
    found = selling(now=now)
    assert (found.portal_days, found.portal_orders) == (Decimal("2.5"), 4)
    assert (found.staff_days, found.staff_orders) == (None, 0)


def test_without_anything_there_are_dashes(manager, signed_in):
    page = signed_in(manager).get(PAGE).content.decode()
    assert page.count("–") >= 4
    assert page.count("data-primary-action") == 1


def test_it_costs_three_queries(came, now, db):
    came(1, step="plan", at=now - timedelta(hours=1))
    with CaptureQueriesContext(connection) as captured:
        selling(now=now)
    assert len(captured) == 3


def test_who_may_not_see_insights_is_refused(agent, admin, signed_in):
    assert signed_in(agent).get(PAGE).status_code == 403
    assert signed_in(admin).get(PAGE).status_code in (403, 404)
