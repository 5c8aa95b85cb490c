"""The configurator in three steps: for small companies, and for whoever likes it; it works without a script."""

import re

import pytest
from django.urls import reverse

from commerce.configuring.fitting import seats_that_fit
from commerce.models import SavedConfiguration
from tracking.models import Event, EventName, UsageDaily
from tracking.services import flush_page_views

PAGE = reverse("commerce:configure")
GUIDED = {"view": "guided"}
UPGRADE = {"plan": "business", "seats": "60", "sso": "1"}


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


def text_of(response):
    return re.sub(r"\s+", " ", response.content.decode())


def test_small_companies_are_led_and_large_ones_are_not(admin, acme, contract, signed_in):
    from tests.factories import make_tier

    client = signed_in(admin)
    assert "Steps of the configuration" not in text_of(client.get(PAGE))
    acme.tier = make_tier("growth")
    acme.save()
    assert "Steps of the configuration" in text_of(client.get(PAGE))


def test_who_chooses_is_remembered(admin, contract, signed_in):
    client = signed_in(admin)
    assert "view=guided" in text_of(client.get(PAGE))
    client.get(PAGE, GUIDED)
    page = text_of(client.get(PAGE))
    assert "Steps of the configuration" in page
    assert "view=full" in page


def test_three_steps_carry_everything_and_end_in_the_price(admin, contract, signed_in):
    client = signed_in(admin)
    first = text_of(client.get(PAGE, GUIDED))
    assert re.search(r'<input type="number" name="seats" value="50"', first)
    assert 'name="step" value="addons"' in first
    second = text_of(client.get(PAGE, {"step": ["plan", "addons"], "plan": "business", "seats": "60"}))
    assert '<input type="hidden" name="seats" value="60"' in second
    assert "Single sign-on" in second
    assert 'name="step" value="review"' in second
    third = text_of(client.get(PAGE, {"step": ["addons", "review"], **UPGRADE}))
    assert "Business, 60 seats" in third
    assert "€1,677.13" in third
    assert "Review the quote" in third
    for page in (first, second, third):
        assert page.count("data-primary-action") == 1


def test_the_price_follows_in_each_step_without_leaving_it(admin, contract, signed_in):
    part = text_of(signed_in(admin).get(reverse("commerce:configure-price"), {**UPGRADE, "step": "addons"}))
    assert "€1,677.13" in part
    assert "Review the quote" not in part
    assert 'name="step" value="review"' in part


@pytest.mark.parametrize(("typed", "step"), [({"seats": "x"}, "plan"), ({"plan": "business", "sso": "-1"}, "addons")])
def test_a_mistake_is_shown_where_it_was_made(admin, contract, signed_in, typed, step):
    page = text_of(signed_in(admin).get(PAGE, {**GUIDED, "step": "review", **typed}))
    assert f'<input type="hidden" name="step" value="{step}">' in page
    assert "There is no price for this yet" in page


@pytest.mark.parametrize("step", ["", "all", "gold", "<b>"])
def test_a_step_that_there_is_not_is_the_first(admin, contract, signed_in, step):
    page = text_of(signed_in(admin).get(PAGE, {**GUIDED, "step": step}))
    assert '<input type="hidden" name="step" value="plan">' in page


def test_each_step_is_an_event_and_the_use_is_one(admin, contract, signed_in):
    client = signed_in(admin)
    for step in ("plan", "addons", "review"):
        client.get(PAGE, {**GUIDED, **UPGRADE, "step": step})
    flush_page_views()
    steps = Event.objects.filter(name=EventName.CONFIGURATOR_STEP_VIEWED, user_id=admin.pk).order_by("pk")
    assert [event.properties["step"] for event in steps] == ["plan", "addons", "review"]
    assert Event.objects.filter(name=EventName.CONFIGURATOR_USED, user_id=admin.pk).count() == 1
    assert SavedConfiguration.objects.get().step == "review"


def test_it_costs_as_much_as_the_full_one(admin, contract, signed_in, most_queries):
    client = signed_in(admin)
    client.get(PAGE, GUIDED)
    with most_queries(9):
        client.get(PAGE, {**UPGRADE, "step": "review"})


# What fits


@pytest.mark.parametrize(
    ("used", "held", "fitting"),
    [(None, 50, None), (0, 50, None), (40, 50, None), (45, 50, None), (46, 50, 55), (50, 50, 55), (54, 50, 60),
     (55, 50, 65), (1, 0, 5), (10**9, 1, 1_100_000_000)],
)  # fmt: skip
def test_the_seats_that_fit_leave_a_tenth_in_fives(used, held, fitting):
    assert seats_that_fit(used=used, held=held) == fitting


def test_the_configurator_says_what_fits(admin, acme, contract, signed_in, today):
    UsageDaily.objects.create(account_id=acme.pk, meter="seats", date=today, quantity=49)
    page = text_of(signed_in(admin).get(PAGE))
    assert "49 of your 50 seats are used: 55 seats would fit, with a tenth to spare." in page
    assert "plan=team&amp;seats=55&amp;source=usage" in page
