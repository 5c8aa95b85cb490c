"""What is in credit is used for invoices that are due, before a card is charged or anything follows."""

from datetime import timedelta

import pytest
import time_machine

from commerce.billing import books, invoicing, offsetting, standing
from commerce.billing.balances import balance_of
from commerce.models import BalanceEntry, Contract, Dunning, Order, OrderStatus
from commerce.tasks import collect_invoices
from tests.factories import make_staff
from tracking.actor import Actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def give(acme):
    """Money that arrived, or was credited, after the bill was issued: `give(500_00)`."""

    def give(amount_minor, *, currency="EUR"):
        return BalanceEntry.objects.create(account=acme, currency=currency, kind="paid_in", amount_minor=amount_minor)

    return give


@pytest.fixture
def due(invoice, now):
    """Noon of a day after the bill's due date: `due(3)`."""

    def due(days=0):
        return now + timedelta(days=(invoice.due_date - invoice.issue_date).days + days)

    return due


def holds(acme):
    assert [one.sums.difference_minor for one in books.books(acme)] == [0]


def test_credit_settles_a_bill_on_its_due_date_and_delivers_what_was_ordered(invoice, give, acme, due):
    give(invoice.total_minor + 5_00)
    assert offsetting.offset_due(now=due(-1)) == 0
    assert offsetting.offset_due(now=due()) == 1
    assert offsetting.offset_due(now=due()) == 0
    invoice.refresh_from_db()
    assert (invoice.status, invoice.due_minor, balance_of(acme, "EUR")) == ("credited", 0, 5_00)
    assert Order.objects.get().status == OrderStatus.ACTIVE
    holds(acme)


def test_credit_that_comes_in_parts_is_used_each_time(invoice, give, acme, due):
    for _part in range(2):
        give(100_00)
        assert offsetting.offset_due(now=due()) == 1
    invoice.refresh_from_db()
    assert (invoice.status, invoice.due_minor) == ("open", invoice.total_minor - 200_00)
    assert Order.objects.get().status == OrderStatus.AWAITING_PAYMENT
    holds(acme)


def test_what_was_used_comes_back_with_a_bill_that_is_withdrawn(invoice, give, acme, due):
    give(100_00)
    offsetting.offset_due(now=due())
    invoice.refresh_from_db()
    invoicing.void_invoice(invoice=invoice, now=due())
    assert balance_of(acme, "EUR") == 100_00


def test_a_suspended_company_with_enough_in_credit_has_everything_back(invoice, give, acme, due):
    for day in (1, 40):
        standing.look_at_all(now=due(day))
    assert Dunning.objects.get().state == "suspended"
    give(invoice.total_minor)
    with time_machine.travel(due(40), tick=False):
        collect_invoices()
    assert Dunning.objects.get().state == "cured"
    assert not acme.suspensions.filter(ended_at=None).exists()


@pytest.mark.parametrize("why", ["held", "being paid", "currency", "moved"])
def test_nothing_is_used_while_a_person_or_a_payment_decides(invoice, give, acme, due, make_attempt, now, why):
    if why == "held":
        standing.look_at_all(now=due(1))
        actor = Actor.staff(make_staff("finance@vendor.example", "Fay Nance", group="Finance").pk)
        standing.hold(dunning=Dunning.objects.get(), reason="Disputed", actor=actor, now=due(1))
    elif why == "being paid":
        make_attempt(invoice, state="unknown")
    elif why == "moved":
        Contract.objects.update(version=99)
    give(invoice.total_minor, currency="USD" if why == "currency" else "EUR")
    assert offsetting.offset_due(now=due(1)) == 0
    invoice.refresh_from_db()
    assert (invoice.status, invoice.covered_minor) == ("open", 0)
    assert BalanceEntry.objects.count() == 1


def test_where_nobody_has_both_one_query_is_asked(invoice, due, django_assert_num_queries):
    with django_assert_num_queries(1):
        offsetting.offset_due(now=due())
