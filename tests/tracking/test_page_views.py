"""Page views wait in Valkey and reach the event table in batches."""

import json
from datetime import timedelta

import pytest
from redis import Redis

from tests.conftest import NOW
from tracking import services
from tracking.actor import Actor, ActorKind
from tracking.models import Event, EventName

pytestmark = pytest.mark.usefixtures("empty_cache")

ADA = Actor(user_id=7, account_id=3, kind=ActorKind.CUSTOMER)


@pytest.fixture(autouse=True)
def valkey(settings, db):
    with Redis.from_url(settings.REDIS_URL) as client:
        client.delete(services.BUFFER_KEY, services.FLUSH_LOCK_KEY)
        yield client
        client.delete(services.BUFFER_KEY, services.FLUSH_LOCK_KEY)


def view(actor=ADA, *, name=EventName.CASE_VIEWED, **fields):
    services.buffer_page_view(**({"name": name, "actor": actor, "now": NOW} | fields))


def test_a_page_view_is_stored_as_it_happened():
    view(object_type="case", object_id="CS-10482", session_key="digest", properties={"from": "mail"})
    assert not Event.objects.exists()

    assert services.flush_page_views() == 1

    event = Event.objects.get()
    assert (event.name, event.account_id, event.user_id, event.actor_kind) == ("case_viewed", 3, 7, "customer")
    assert (event.object_type, event.object_id, event.session_key) == ("case", "CS-10482", "digest")
    assert (event.properties, event.occurred_at) == ({"from": "mail"}, NOW)


def test_who_views_as_somebody_else_stays_staff():
    view(Actor(user_id=1, account_id=3, kind=ActorKind.STAFF, on_behalf_of=7))
    services.flush_page_views()

    event = Event.objects.get()
    assert (event.user_id, event.actor_kind, event.on_behalf_of) == (1, "staff", 7)
    assert not Event.objects.by_customers().exists()


def test_views_are_stored_in_order_and_once(valkey):
    for minute in range(5):
        view(object_id=str(minute), now=NOW + timedelta(minutes=minute))

    assert services.flush_page_views(batch=2) == 5
    assert services.flush_page_views(batch=2) == 0

    assert list(Event.objects.order_by("pk").values_list("object_id", flat=True)) == ["0", "1", "2", "3", "4"]
    assert valkey.llen(services.BUFFER_KEY) == 0


def test_a_second_flush_leaves_the_buffer_to_the_first(valkey):
    view()
    valkey.set(services.FLUSH_LOCK_KEY, "another worker", ex=60)

    assert services.flush_page_views() == 0
    assert valkey.llen(services.BUFFER_KEY) == 1

    valkey.delete(services.FLUSH_LOCK_KEY)
    assert services.flush_page_views() == 1


def test_a_view_that_cannot_be_read_does_not_hold_up_the_others(valkey):
    view(object_id="before")
    valkey.rpush(services.BUFFER_KEY, b"not json", json.dumps({"name": "no_such_event"}), json.dumps([1]))
    view(object_id="after")

    assert services.flush_page_views() == 2
    assert set(Event.objects.values_list("object_id", flat=True)) == {"before", "after"}
    assert valkey.llen(services.BUFFER_KEY) == 0


def test_the_oldest_views_go_when_the_buffer_is_full(valkey, monkeypatch):
    monkeypatch.setattr(services, "BUFFER_LIMIT", 3)
    for number in range(5):
        view(object_id=str(number))

    services.flush_page_views()
    assert set(Event.objects.values_list("object_id", flat=True)) == {"2", "3", "4"}


def test_a_page_is_shown_although_the_buffer_is_away(settings, caplog):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    view()

    assert "page view not buffered" in caplog.text
