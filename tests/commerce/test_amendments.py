"""What customers change about their contracts: planned for a day, taken back, done once."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from accounts.models import Entitlements, OutgoingMail
from commerce.contracts import amendments
from commerce.contracts.amendments import Decision
from commerce.contracts.applying import apply_due
from commerce.contracts.contracts import ledger_of, owned_on
from commerce.contracts.ledger import Entry, monthly_on, movements
from commerce.models import (
    Contract,
    DeltaKind,
    PendingChange,
    PendingLine,
    RetentionAnswer,
    RetentionOffer,
    Subscription,
    SubscriptionDelta,
)
from tests.factories import make_contract
from tracking.actor import Actor
from tracking.models import Event, UsageDaily

TERM_END = date(2027, 2, 1)
PAUSE = {"from_date": date(2026, 12, 1), "until_date": date(2027, 1, 10)}


@pytest.fixture
def by(admin, now):
    """The administrator decides: `by()`; later, or about another version: `by(now=…, version=1)`."""

    def decide(**given):
        return Decision(**({"actor": admin.membership.actor(), "now": now} | given))

    return decide


@pytest.fixture
def by_staff(manager, now, acme):
    def decide(**given):
        return Decision(**({"actor": Actor.staff(manager.pk, acme.pk), "now": now} | given))

    return decide


def fewer(contract, seats):
    """Entries that leave so many seats of the contract's plan."""
    line = owned_on(ledger_of(contract), contract.start_date)[0]
    change = Decimal(seats) - line.quantity
    return [Entry(line.product, DeltaKind.QUANTITY, change, line.unit_price, int(change * line.unit_price * 100))]


def seats_on(contract, day):
    return sum(line.quantity for line in owned_on(ledger_of(contract), day))


def noon(day):
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


# Less at the end of the term


def test_fewer_seats_wait_for_the_end_of_the_term(contract, acme, by, today):
    change = amendments.reduce(contract=contract, lines=fewer(contract, 40), decision=by())

    assert (change.status, change.effective_date, change.billing_date) == ("open", TERM_END, TERM_END)
    assert (change.monthly_before_minor, change.monthly_after_minor) == (57_000, 45_600)
    assert seats_on(contract, today) == 50
    assert Entitlements.of(acme, today=today).limit("seats") == 50


def test_on_its_day_the_reduction_is_in_the_ledger(contract, by):
    change = amendments.reduce(contract=contract, lines=fewer(contract, 40), decision=by())

    assert apply_due(now=noon(TERM_END - timedelta(days=1))) == 0
    assert apply_due(now=noon(TERM_END)) == 1
    assert apply_due(now=noon(TERM_END)) == 0

    change.refresh_from_db()
    contract.refresh_from_db()
    assert (change.status, contract.version) == ("applied", 2)
    assert seats_on(contract, TERM_END) == 40
    assert seats_on(contract, TERM_END - timedelta(days=1)) == 50


def test_fewer_than_are_in_use_is_refused_with_what_to_free(contract, acme, by, today):
    UsageDaily.objects.create(account_id=acme.pk, meter="seats", date=today, quantity=46)

    with pytest.raises(amendments.StillUsed) as refusal:
        amendments.reduce(contract=contract, lines=fewer(contract, 40), decision=by())

    assert [(one.meter, one.used, one.limit, one.to_free_text) for one in refusal.value.items] == [
        ("seats", 46, 40, "6")
    ]
    assert not PendingChange.objects.exists()
    assert not PendingLine.objects.exists()


def test_use_that_grew_above_a_planned_reduction_is_told(contract, acme, by, admin, agent):
    acme.owner = agent
    acme.save()
    amendments.reduce(contract=contract, lines=fewer(contract, 40), decision=by())
    UsageDaily.objects.create(account_id=acme.pk, meter="seats", date=TERM_END - timedelta(days=1), quantity=46)
    OutgoingMail.objects.all().delete()

    assert apply_due(now=noon(TERM_END)) == 1

    assert seats_on(contract, TERM_END) == 40  # The next term was offered with it.
    mails = OutgoingMail.objects.filter(user__in=[admin, agent])
    assert {mail.kind for mail in mails} == {"contract_change", "contract_attention"}
    assert all("User seats: 46 used, 40 left. 6 are too many." in mail.text for mail in mails)


def test_a_reduction_that_leaves_enough_says_nothing_of_use(contract, acme, by, admin):
    amendments.reduce(contract=contract, lines=fewer(contract, 40), decision=by())
    UsageDaily.objects.create(account_id=acme.pk, meter="seats", date=TERM_END - timedelta(days=1), quantity=40)
    OutgoingMail.objects.all().delete()

    apply_due(now=noon(TERM_END))

    mail = OutgoingMail.objects.get()
    assert (mail.user, mail.kind, "too many" in mail.text) == (admin, "contract_change", False)


def test_where_nothing_comes_after_the_term_there_is_nothing_to_reduce(contract, by):
    Contract.objects.update(auto_renew=False)
    with pytest.raises(amendments.NothingToReduce, match="31 Jan 2027"):
        amendments.reduce(contract=contract, lines=fewer(contract, 40), decision=by())


def test_the_staff_reduce_at_once(contract, acme, by_staff, today):
    amendments.reduce(contract=contract, lines=fewer(contract, 40), decision=by_staff(words="Agreed."), at_once=True)

    assert seats_on(contract, today) == 40
    assert Entitlements.of(acme, today=today).limit("seats") == 40
    assert Entitlements.of(acme, today=today - timedelta(days=1)).limit("seats") == 50


# One at a time


def test_a_second_change_is_refused_with_the_first(contract, by):
    first = amendments.reduce(contract=contract, lines=fewer(contract, 40), decision=by())

    for change in (
        lambda: amendments.reduce(contract=contract, lines=fewer(contract, 30), decision=by()),
        lambda: amendments.pause(contract=contract, decision=by(), **PAUSE),
        lambda: amendments.end_contract(contract=contract, decision=by()),
    ):
        with pytest.raises(amendments.ChangeWaits) as refusal:
            change()
        assert refusal.value.change == first
    assert PendingChange.objects.get() == first


def test_an_unpaid_order_is_in_the_way(quote, accept, admin, contract, by):
    order = accept(quote, admin)
    with pytest.raises(amendments.OrderWaits) as refusal:
        amendments.end_contract(contract=contract, decision=by())
    assert refusal.value.order == order


def test_the_database_keeps_one_open_change(contract, by, now):
    amendments.reduce(contract=contract, lines=fewer(contract, 40), decision=by())
    change = PendingChange.objects.get()
    change.pk, change.public_id = None, "00000000-0000-4000-8000-000000000000"
    with pytest.raises(IntegrityError, match="change_one_open"), transaction.atomic():
        change.save(force_insert=True)


def test_a_contract_that_was_changed_meanwhile_is_read_again(contract, by):
    with pytest.raises(amendments.ContractMoved):
        amendments.end_contract(contract=contract, decision=by(version=contract.version + 1))
    assert not PendingChange.objects.exists()


def test_a_change_of_another_version_fails_on_its_day_and_is_told(contract, by, admin):
    change = amendments.reduce(contract=contract, lines=fewer(contract, 40), decision=by())
    Contract.objects.update(version=7)
    OutgoingMail.objects.all().delete()

    apply_due(now=noon(TERM_END))

    change.refresh_from_db()
    assert (change.status, seats_on(contract, TERM_END)) == ("failed", 50)
    assert "could not be done" in OutgoingMail.objects.get(user=admin).text


# Taken back


def test_a_planned_change_is_taken_back(contract, by):
    change = amendments.reduce(contract=contract, lines=fewer(contract, 40), decision=by())
    amendments.take_back(change=change, decision=by())

    assert apply_due(now=noon(TERM_END)) == 0
    change.refresh_from_db()
    assert (change.status, seats_on(contract, TERM_END)) == ("cancelled", 50)
    with pytest.raises(amendments.NotOpen):
        amendments.take_back(change=change, decision=by())


def test_on_its_day_a_change_is_taken_back_no_more_although_the_job_is_late(contract, by):
    change = amendments.end_contract(contract=contract, decision=by())
    with pytest.raises(amendments.NotOpen):
        amendments.take_back(change=change, decision=by(now=noon(TERM_END)))
    change.refresh_from_db()
    contract.refresh_from_db()
    assert (change.status, contract.auto_renew) == ("open", False)


def test_what_is_done_is_not_taken_back(contract, by):
    amendments.pause(contract=contract, decision=by(), from_date=date(2026, 11, 18), until_date=date(2026, 12, 10))
    resumption = PendingChange.objects.get(status="open")
    with pytest.raises(amendments.NotOpen):
        amendments.take_back(change=resumption, decision=by())


# Pauses


def test_a_pause_begins_and_ends_on_its_days(contract, acme, by):
    amendments.pause(contract=contract, decision=by(), **PAUSE)

    apply_due(now=noon(date(2026, 12, 1)))
    assert [seats_on(contract, day) for day in (date(2026, 11, 30), date(2026, 12, 1))] == [50, 0]
    assert Entitlements.of(acme, today=date(2026, 12, 1)).limit("seats") is None
    apply_due(now=noon(date(2027, 1, 10)))
    assert [seats_on(contract, day) for day in (date(2027, 1, 9), date(2027, 1, 10))] == [0, 50]
    assert Entitlements.of(acme, today=date(2027, 1, 9)).limit("seats") is None
    assert Entitlements.of(acme, today=date(2027, 1, 31)).limit("seats") == 50
    assert owned_on(ledger_of(contract), date(2027, 1, 10))[0].unit_price == Decimal("11.4")


def test_days_that_nobody_ran_are_made_up_for_as_of_their_dates(contract, by):
    amendments.pause(contract=contract, decision=by(), **PAUSE)
    assert apply_due(now=noon(date(2027, 1, 25))) == 2
    entries = SubscriptionDelta.objects.order_by("pk").values_list("kind", "quantity", "effective_date")
    assert list(entries)[1:] == [
        ("pause", -50, date(2026, 12, 1)),
        ("resume", 50, date(2027, 1, 10)),
    ]


def test_a_pause_is_billed_no_more_from_the_next_month_on(contract, by, now):
    """Both days are the same within one month: what was billed for it stays billed."""
    amendments.pause(contract=contract, decision=by(), from_date=date(2026, 11, 18), until_date=date(2026, 11, 25))
    apply_due(now=noon(date(2026, 11, 25)))
    billed = SubscriptionDelta.objects.order_by("pk").values_list("kind", "billing_date")
    assert list(billed)[1:] == [("pause", date(2026, 12, 1)), ("resume", date(2026, 12, 1))]


@pytest.mark.parametrize("resumed", [None, date(2026, 12, 10)])
def test_what_was_bought_for_some_months_ends_once_although_the_contract_is_paused(contract, by, products, resumed):
    pack = Subscription.objects.create(account=contract.account, contract=contract, product=products["sso"])
    for kind, quantity, day in (("new", 1, date(2026, 9, 15)), ("cancel", -1, date(2026, 12, 15))):
        SubscriptionDelta.objects.create(
            account=contract.account, subscription=pack, kind=kind, quantity=quantity, unit_price=Decimal(30),
            recurring_minor=quantity * 3_000, currency="EUR", effective_date=day, billing_date=day,
        )  # fmt: skip
    amendments.pause(contract=contract, decision=by(), **PAUSE)
    apply_due(now=noon(date(2026, 12, 1)))
    if resumed is not None:
        amendments.resume(contract=contract, decision=by(now=noon(resumed)))
    apply_due(now=noon(date(2027, 1, 10)))
    days = [date(2026, 12, 9), date(2026, 12, 14), date(2026, 12, 16), date(2027, 1, 10)]
    expected = [0, 0, 0, 57_000] if resumed is None else [0, 60_000, 57_000, 57_000]
    assert [monthly_on(contract, day) for day in days] == expected
    ledger = ledger_of(contract)
    assert [sum(line.monthly_minor for line in owned_on(ledger, day)) for day in days] == expected
    whole = movements(ledger, from_date=contract.start_date, until_date=TERM_END)
    assert whole.end_minor == sum(delta.recurring_minor for delta in ledger) == 57_000
    assert min(vars(whole).values()) >= 0


def test_a_pause_can_end_sooner(contract, by, today):
    amendments.pause(contract=contract, decision=by(), from_date=today, until_date=date(2027, 1, 10))
    amendments.resume(contract=contract, decision=by(now=noon(date(2026, 11, 20))))

    assert seats_on(contract, date(2026, 11, 19)) == 0
    assert seats_on(contract, date(2026, 11, 20)) == 50
    assert apply_due(now=noon(date(2027, 1, 10))) == 0
    with pytest.raises(amendments.NotPaused):
        amendments.resume(contract=contract, decision=by(now=noon(date(2026, 11, 20))))


@pytest.mark.parametrize(
    ("first", "until", "words"),
    [
        (date(2026, 11, 17), date(2026, 12, 1), "today or later"),
        (date(2026, 12, 1), date(2026, 12, 1), "after it began"),
        (date(2026, 12, 1), date(2027, 2, 1), "before the contract"),
        (date(2026, 11, 18), date(2027, 1, 31), "60 days"),
    ],
)
def test_a_pause_outside_of_the_agreement_is_refused(contract, by, first, until, words):
    Contract.objects.update(longest_pause_days=60)
    with pytest.raises(amendments.PauseRefused, match=words):
        amendments.pause(contract=contract, decision=by(), from_date=first, until_date=until)
    assert not PendingChange.objects.exists()


def test_pauses_are_counted(contract, by, today):
    amendments.pause(contract=contract, decision=by(), from_date=today, until_date=date(2026, 11, 20))
    apply_due(now=noon(date(2026, 11, 20)))
    with pytest.raises(amendments.PauseRefused, match="have been taken"):
        amendments.pause(contract=contract, decision=by(), **PAUSE)


def test_a_pause_that_was_taken_back_does_not_count(contract, by):
    amendments.take_back(change=amendments.pause(contract=contract, decision=by(), **PAUSE), decision=by())
    amendments.pause(contract=contract, decision=by(), **PAUSE)


# The end, and back


def test_a_contract_ends_with_its_term(contract, acme, by):
    change = amendments.end_contract(contract=contract, decision=by(reason="not_used", words="Too quiet."))
    contract.refresh_from_db()
    assert (change.reason, change.words, contract.auto_renew, contract.status) == (
        "not_used", "Too quiet.", False, "active",
    )  # fmt: skip

    apply_due(now=noon(TERM_END))
    contract.refresh_from_db()
    assert contract.status == "ended"
    assert [seats_on(contract, day) for day in (date(2027, 1, 31), TERM_END)] == [50, 0]


def test_whoever_takes_the_cancellation_back_renews_as_before(contract, by):
    amendments.take_back(change=amendments.end_contract(contract=contract, decision=by()), decision=by())
    contract.refresh_from_db()
    assert contract.auto_renew


def test_after_the_notice_date_it_renews(contract, by):
    late = by(now=noon(date(2026, 12, 4)))
    with pytest.raises(amendments.NoticeMissed, match="3 Dec 2026"):
        amendments.end_contract(contract=contract, decision=late)
    contract.refresh_from_db()
    assert contract.auto_renew
    amendments.end_contract(contract=contract, decision=by(now=noon(date(2026, 12, 3))))


def test_ended_at_once_is_billed_until_the_term_ends(contract, acme, by, today):
    amendments.end_contract(contract=contract, decision=by(), at_once=True)

    entry = SubscriptionDelta.objects.get(kind="cancel")
    assert (entry.effective_date, entry.billing_date, entry.recurring_minor) == (today, TERM_END, -57_000)
    assert Entitlements.of(acme, today=today).limit("seats") is None
    contract.refresh_from_db()
    assert contract.status == "ended"


def test_what_was_ended_is_taken_up_again_at_the_same_price(contract, acme, by, today):
    amendments.end_contract(contract=contract, decision=by(), at_once=True)
    later = today + timedelta(days=20)
    amendments.reactivate(contract=contract, decision=by(now=noon(later)))

    contract.refresh_from_db()
    assert (contract.status, contract.auto_renew, contract.version) == ("active", True, 3)
    assert [seats_on(contract, day) for day in (today, later)] == [0, 50]
    assert Entitlements.of(acme, today=later).limit("seats") == 50
    # It was billed all along.
    assert set(SubscriptionDelta.objects.exclude(kind="new").values_list("billing_date", flat=True)) == {TERM_END}


def test_too_late_is_too_late(contract, by, today):
    amendments.end_contract(contract=contract, decision=by(), at_once=True)
    with pytest.raises(amendments.ReactivationRefused):
        amendments.reactivate(contract=contract, decision=by(now=noon(today + timedelta(days=30))))
    contract.refresh_from_db()
    assert contract.status == "ended"


def test_what_the_staff_ended_only_they_take_up_again(contract, by, by_staff):
    amendments.end_contract(contract=contract, decision=by_staff(), at_once=True)
    with pytest.raises(amendments.ReactivationRefused):
        amendments.reactivate(contract=contract, decision=by())
    amendments.reactivate(contract=contract, decision=by_staff())
    contract.refresh_from_db()
    assert contract.status == "active"


def test_an_offer_taken_is_written_down_and_told(contract, by, acme, agent):
    acme.owner = agent
    acme.save()
    offer = RetentionOffer.objects.update_or_create(
        reason="too_expensive",
        rank=1,
        defaults={"kind": "discount", "headline": "10 % off your next term", "discount_percent": 10},
    )[0]

    amendments.take_offer(contract=contract, offer=offer, decision=by(words="Fine."))

    answer = RetentionAnswer.objects.get()
    assert (answer.reason, answer.discount_percent, answer.is_taken) == ("too_expensive", 10, True)
    assert "10 % off your next term" in OutgoingMail.objects.get(user=agent).text
    assert not PendingChange.objects.exists()


def test_an_offer_is_taken_once_and_only_the_one_that_is_made(contract, by, acme, agent):
    acme.owner = agent
    acme.save()
    made, better = (
        RetentionOffer.objects.update_or_create(
            reason="too_expensive",
            rank=rank,
            defaults={"kind": "discount", "headline": f"{percent} % off", "discount_percent": percent},
        )[0]
        for rank, percent in ((1, 10), (2, 90))
    )
    for _click in range(2):
        amendments.take_offer(contract=contract, offer=made, decision=by())
    with pytest.raises(amendments.OfferNotMade):
        amendments.take_offer(contract=contract, offer=better, decision=by())
    amendments.end_contract(contract=contract, decision=by(), at_once=True)
    with pytest.raises(amendments.ContractNotRunning):
        amendments.take_offer(contract=contract, offer=made, decision=by())
    assert RetentionAnswer.objects.taken().get().discount_percent == 10
    assert OutgoingMail.objects.filter(user=agent, text__contains="10 % off").count() == 1


# What is written down


def test_buyers_hear_of_each_step_and_events_tell_it(contract, by, admin, viewer):
    change = amendments.end_contract(contract=contract, decision=by(reason="other"))
    amendments.take_back(change=change, decision=by())

    assert [mail.user for mail in OutgoingMail.objects.filter(kind="contract_change")] == [admin, admin]
    names = Event.objects.filter(object_type="contract").order_by("pk").values_list("name", flat=True)
    assert list(names) == ["contract_change_planned", "contract_change_taken_back"]


def test_movements_add_up(contract, by, by_staff, today):
    amendments.reduce(contract=contract, lines=fewer(contract, 40), decision=by_staff(), at_once=True)
    amendments.pause(contract=contract, decision=by(), from_date=today, until_date=date(2026, 12, 15))
    apply_due(now=noon(date(2026, 12, 15)))
    amendments.end_contract(contract=contract, decision=by_staff(now=noon(date(2026, 12, 20))), at_once=True)

    moved = movements(ledger_of(contract), from_date=contract.start_date, until_date=date(2026, 12, 21))
    assert (moved.start_minor, moved.new_minor, moved.contraction_minor) == (0, 57_000, 11_400 + 45_600)
    assert (moved.reactivation_minor, moved.churn_minor, moved.end_minor) == (45_600, 45_600, 0)


# What the database refuses


def test_a_change_goes_forward_only(contract, by):
    change = amendments.end_contract(contract=contract, decision=by())
    amendments.take_back(change=change, decision=by())
    for broken in ({"status": "open"}, {"status": "applied"}, {"effective_date": date(2026, 12, 1)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            PendingChange.objects.update(**broken)
    with pytest.raises(IntegrityError), transaction.atomic():
        PendingChange.objects.all()._raw_delete("default")


def test_what_was_decided_stands(contract, by):
    amendments.reduce(contract=contract, lines=fewer(contract, 40), decision=by())
    with pytest.raises(IntegrityError, match="stands"), transaction.atomic():
        PendingChange.objects.update(effective_date=date(2026, 12, 1), status="applied")
    with pytest.raises(IntegrityError, match="appended"), transaction.atomic():
        PendingLine.objects.update(quantity=-1)


def test_a_customers_request_plans_and_takes_back_and_no_more(contract, by, admin, as_customer):
    with as_customer(admin.membership):
        change = amendments.end_contract(contract=contract, decision=by())
    with (
        pytest.raises(ProgrammingError, match="only takes change"),
        transaction.atomic(),
        as_customer(admin.membership),
    ):
        PendingChange.objects.filter(pk=change.pk).update(status="applied")
    with as_customer(admin.membership):
        amendments.take_back(change=change, decision=by())
    with as_customer(admin.membership):
        amendments.pause(contract=contract, decision=by(), from_date=date(2026, 11, 18), until_date=date(2026, 12, 1))
    assert seats_on(contract, date(2026, 11, 18)) == 0


def test_another_company_sees_no_changes(contract, by, other_admin, as_customer):
    amendments.end_contract(contract=contract, decision=by())
    with as_customer(other_admin.membership):
        assert not PendingChange.objects.exists()


def test_every_entry_says_from_when_it_is_billed(quote, accept, admin, now):
    from commerce.orders.fulfilling import fulfil

    fulfil(order=accept(quote, admin), now=now, actor=Actor.system())
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM commerce_subscriptiondelta WHERE billing_date <> effective_date")
        assert cursor.fetchone() == (0,)


# The day where the customer is


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("Pacific/Kiritimati", datetime(2027, 1, 31, 9, 59, tzinfo=UTC), datetime(2027, 1, 31, 10, 0, tzinfo=UTC)),
        ("Pacific/Pago_Pago", datetime(2027, 2, 1, 10, 59, tzinfo=UTC), datetime(2027, 2, 1, 11, 0, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2027, 1, 31, 22, 59, tzinfo=UTC), datetime(2027, 1, 31, 23, 0, tzinfo=UTC)),
    ],
)
def test_a_change_is_due_as_the_day_begins_where_the_customer_is(acme, contract, by, zone, before, after):
    acme.time_zone = zone
    acme.save()
    amendments.end_contract(contract=contract, decision=by())
    assert apply_due(now=before) == 0
    assert apply_due(now=after) == 1


def test_on_the_last_day_of_february_in_a_leap_year(acme, products, by):
    contract = make_contract(acme, products, start=date(2027, 2, 28))
    contract.end_date = date(2028, 2, 29)
    contract.save()
    amendments.end_contract(contract=contract, decision=by(now=noon(date(2027, 3, 1))))
    assert apply_due(now=noon(date(2028, 2, 28))) == 0
    assert apply_due(now=noon(date(2028, 2, 29))) == 1
