"""Events that are written with the change they tell of."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.utils import ProgrammingError

from tests.conftest import NOW
from tracking.actor import Actor, ActorKind
from tracking.models import Event, EventName
from tracking.services import record

ADA = Actor(user_id=7, account_id=3, kind=ActorKind.CUSTOMER)


def test_an_event_tells_who_did_what_when(db):
    record(
        name=EventName.ORDER_PLACED,
        actor=ADA,
        now=NOW,
        object_type="order",
        object_id="O-5001",
        properties={"total_minor": 1200},
    )

    event = Event.objects.get()
    assert (event.name, event.account_id, event.user_id, event.occurred_at) == ("order_placed", 3, 7, NOW)
    assert (event.object_type, event.object_id, event.properties) == ("order", "O-5001", {"total_minor": 1200})


def test_an_event_goes_with_the_change_that_failed(db):
    def change():
        record(name=EventName.ORDER_PLACED, actor=ADA, now=NOW)
        raise RuntimeError("the change failed")

    with pytest.raises(RuntimeError), transaction.atomic():
        change()

    assert not Event.objects.exists()


def test_a_customers_request_records_for_its_own_account_only(acme, globex, admin, as_customer):
    with as_customer(admin.membership):
        record(name=EventName.CASE_CREATED, actor=admin.membership.actor(), now=NOW)
        assert Event.objects.count() == 1

    stranger = Actor(user_id=admin.pk, account_id=globex.pk, kind=ActorKind.CUSTOMER)
    with pytest.raises(ProgrammingError, match="row-level security"), as_customer(admin.membership):
        record(name=EventName.CASE_CREATED, actor=stranger, now=NOW)

    assert list(Event.objects.values_list("account_id", flat=True)) == [acme.pk]


def test_a_customers_request_cannot_change_or_delete_history(acme, admin, as_customer):
    record(name=EventName.CASE_CREATED, actor=admin.membership.actor(), now=NOW)

    for change in (Event.objects.all().delete, lambda: Event.objects.update(name="login")):
        with pytest.raises(ProgrammingError, match="permission denied"), as_customer(admin.membership):
            change()

    assert Event.objects.get().name == "case_created"


def test_a_period_ends_before_its_end(db):
    for moment in (NOW - timedelta(days=1), NOW, NOW + timedelta(days=1)):
        record(name=EventName.LOGIN, actor=ADA, now=moment)

    found = Event.objects.for_account(3).between(NOW - timedelta(days=1), NOW + timedelta(days=1))
    assert sorted(found.values_list("occurred_at", flat=True)) == [NOW - timedelta(days=1), NOW]


def test_jobs_and_staff_are_not_customers(db):
    for actor in (Actor.system(3), Actor.crm(3), Actor.staff(1, 3), ADA):
        record(name=EventName.HOME_VIEWED, actor=actor, now=NOW)

    assert list(Event.objects.by_customers().values_list("user_id", flat=True)) == [7]
