"""A company hears that its card expires: twice, in its own days, and only where something waits for the card."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse

from accounts.models import Notification, OutgoingMail
from commerce import tasks
from commerce.billing import cards, expiring_cards
from commerce.models import AutoPay, Contract, Invoice, StoredCard
from tests.factories import make_invoice, make_member

pytestmark = pytest.mark.django_db
LAST = date(2026, 11, 30)  # Of the card that `card` makes.


def noon(days_before, last=LAST):
    return datetime(last.year, last.month, last.day, 12, tzinfo=UTC) - timedelta(days=days_before)


@pytest.fixture
def bookkeeper(acme):
    return make_member(acme, "bo@acme.example", "Bo Okonkwo", roles=["billing"])


@pytest.fixture
def card(acme, admin):
    """The default card, to which the company lets us charge its invoices."""
    AutoPay.objects.create(account=acme, agreed_by=admin, agreed_at=noon(200))
    return make_card(acme)


def make_card(account, **fields):
    own = {"stripe_card_id": "pm_1", "last4": "4242", "exp_month": 11, "exp_year": 2026, "is_default": True} | fields
    return StoredCard.objects.create(account=account, stripe_customer_id="cus_1", brand="visa", **own)


def mails():
    return OutgoingMail.objects.filter(kind="card_expires").order_by("pk")


def test_the_people_for_bills_hear_of_it_thirty_and_seven_days_before_once_each(card, bookkeeper, invoice):
    told = []
    for days in range(45, -5, -1):
        for hours in (0, 1):
            told += [days] * expiring_cards.tell_of_expiry(now=noon(days) + timedelta(hours=hours))
    assert told == [30, 7]
    assert [mail.user for mail in mails()] == [bookkeeper, bookkeeper]
    mail = mails()[0]
    assert mail.subject.startswith("Visa ending in 4242 expires on ")
    assert f"Invoice {invoice.number}: " in mail.text
    assert reverse("commerce:cards") in mail.text
    rung = Notification.objects.filter(kind="card_expires").first()
    assert (rung.line, rung.link) == ("Visa ending in 4242 expires at the end of 11/2026", reverse("commerce:cards"))


def test_noticed_late_it_is_told_once(card, bookkeeper, invoice):
    assert expiring_cards.tell_of_expiry(now=noon(3)) == 1
    assert expiring_cards.tell_of_expiry(now=noon(2)) == 0


@pytest.mark.parametrize(("zone", "hour"), [("Pacific/Auckland", 11), ("Europe/Berlin", 23), ("Pacific/Honolulu", 34)])
def test_the_day_is_that_of_the_company(card, acme, bookkeeper, invoice, zone, hour):
    """The 23rd of November, seven days before the last, begins in Auckland at 11 o'clock of the 22nd in Greenwich."""
    type(acme).objects.update(time_zone=zone)
    StoredCard.objects.update(expiry_told_days=30)
    begins = datetime(2026, 11, 22, tzinfo=UTC) + timedelta(hours=hour)
    assert expiring_cards.tell_of_expiry(now=begins - timedelta(minutes=1)) == 0
    assert expiring_cards.tell_of_expiry(now=begins) == 1


@pytest.mark.parametrize(("year", "month", "last"), [(2028, 2, date(2028, 2, 29)), (2027, 2, date(2027, 2, 28))])
def test_the_last_day_is_that_of_the_month(card, bookkeeper, invoice, year, month, last):
    StoredCard.objects.update(exp_year=year, exp_month=month)
    assert expiring_cards.tell_of_expiry(now=noon(31, last)) == 0
    assert expiring_cards.tell_of_expiry(now=noon(30, last)) == 1


@pytest.mark.parametrize("where", ["removed", "not the default", "taken back", "paid", "company closed", "expired"])
def test_where_nothing_will_be_charged_to_it_nobody_is_told(card, acme, bookkeeper, invoice, now, where):
    if where == "removed":
        StoredCard.objects.update(removed_at=now, is_default=False)
    elif where == "not the default":
        StoredCard.objects.update(is_default=False)
        make_card(acme, stripe_card_id="pm_2", exp_year=2030)
    elif where == "taken back":
        AutoPay.objects.update(ended_at=now)
    elif where == "paid":
        Invoice.objects.update(status="paid", paid_at=now)
        Contract.objects.update(auto_renew=False)
    elif where == "company closed":
        type(acme).objects.update(is_active=False)
    else:
        StoredCard.objects.update(exp_month=10)
    assert expiring_cards.tell_of_expiry(now=noon(7)) == 0
    assert not mails().exists()
    assert not StoredCard.objects.exclude(expiry_told_days=None).exists()


def test_a_contract_that_renews_by_it_is_enough(card, bookkeeper, contract):
    assert expiring_cards.tell_of_expiry(now=noon(7)) == 1
    assert f"Contract {contract.number} renews on" in mails().get().text


def test_a_card_made_the_default_is_told_of_by_its_own_days(card, acme, bookkeeper, invoice):
    second = make_card(acme, stripe_card_id="pm_2", last4="0341", exp_month=12, is_default=False)
    expiring_cards.tell_of_expiry(now=noon(30))
    cards.choose_default(card=second, actor=bookkeeper.membership.actor(), now=noon(20))
    assert [expiring_cards.tell_of_expiry(now=noon(days)) for days in (7, -1)] == [0, 1]  # It has 30 days then.
    assert mails().last().subject.startswith("Visa ending in 0341")


def test_what_was_settled_since_the_list_was_made_is_not_told(card, bookkeeper, invoice, now, monkeypatch):
    due = list(expiring_cards._due(noon(7)))
    Invoice.objects.update(status="paid", paid_at=now)
    Contract.objects.update(auto_renew=False)
    monkeypatch.setattr(expiring_cards, "_due", lambda now: due)
    assert expiring_cards.tell_of_expiry(now=noon(7)) == 0
    assert not mails().exists()


def test_two_workers_with_the_same_list_tell_it_once(card, bookkeeper, invoice, monkeypatch):
    due = list(expiring_cards._due(noon(7)))
    monkeypatch.setattr(expiring_cards, "_due", lambda now: due)
    assert [expiring_cards.tell_of_expiry(now=noon(7)) for _worker in range(2)] == [1, 0]


def test_one_that_fails_keeps_no_other_from_being_told(
    card, bookkeeper, invoice, globex, other_admin, now, monkeypatch
):
    AutoPay.objects.create(account=globex, agreed_at=now)
    make_card(globex)
    make_invoice(globex, now=now)
    tell = expiring_cards.notify

    def fail_for_acme(**told):
        if told["account"] != globex:
            raise RuntimeError("no template")
        tell(**told)

    monkeypatch.setattr(expiring_cards, "notify", fail_for_acme)
    assert expiring_cards.tell_of_expiry(now=noon(7)) == 1
    monkeypatch.undo()
    assert expiring_cards.tell_of_expiry(now=noon(7)) == 1
    assert {mail.account_id for mail in mails()} == {globex.pk, card.account_id}


def test_where_nobody_is_to_be_told_one_thing_is_asked(card, bookkeeper, invoice, django_assert_num_queries):
    with django_assert_num_queries(1):
        expiring_cards.tell_of_expiry(now=noon(20) - timedelta(days=20))


def test_the_hourly_job_tells_it(card, bookkeeper, invoice):
    with time_machine.travel(noon(7), tick=False):
        tasks.remind_of_invoices()
        tasks.remind_of_invoices()
    assert mails().count() == 1
