"""What people looked at on their way to buying is noted, in their name."""

import pytest
from django.urls import reverse

from tracking.models import Event
from tracking.services import flush_page_views

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


def test_each_page_of_the_way_is_noted(admin, contract, quote, accept, signed_in, now):
    flush_page_views()
    Event.objects.all().delete()
    order = accept(quote, admin)
    Event.objects.all().delete()
    client = signed_in(admin)
    for url in (
        reverse("commerce:plans"),
        reverse("commerce:configure") + "?plan=business",
        reverse("commerce:quote", args=[quote.public_id]),
        reverse("commerce:order", args=[order.number]),
        reverse("commerce:contract", args=[contract.number]),
        reverse("commerce:usage"),
    ):
        assert client.get(url).status_code == 200
    flush_page_views()
    seen = Event.objects.filter(account_id=contract.account_id, user_id=admin.pk, occurred_at=now).order_by("pk")
    assert [(event.name, event.object_type, event.object_id) for event in seen if event.name != "login"] == [
        ("plans_viewed", "", ""),
        ("configurator_used", "", ""),
        ("configurator_step_viewed", "", ""),
        ("quote_viewed", "quote", str(quote.public_id)),
        ("order_viewed", "order", str(order.public_id)),
        ("contract_viewed", "contract", str(contract.public_id)),
        ("usage_viewed", "", ""),
    ]
    assert len({event.session_key for event in seen} - {""}) == 1
    assert seen.get(name="configurator_used").properties == {"configuration": "plan=business", "step": "all"}


def test_a_refused_page_is_not_noted(viewer, contract, signed_in):
    flush_page_views()
    Event.objects.all().delete()
    assert signed_in(viewer).get(reverse("commerce:plans")).status_code == 403
    flush_page_views()
    assert not Event.objects.filter(name="plans_viewed").exists()
