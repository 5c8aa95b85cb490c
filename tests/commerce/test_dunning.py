"""Invoices charged to the stored card on a schedule, and what follows while something stays unpaid."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from celery import current_app
from django.db import DatabaseError, transaction
from django.urls import reverse

from accounts.models import Entitlements, Feature, OutgoingMail, Suspension
from accounts.scope import system_scope
from commerce import tasks
from commerce.billing import cards, collecting, payments, settling, standing
from commerce.models import (
    AutoPay,
    Collection,
    Contract,
    ContractStatus,
    Dunning,
    DunningPolicy,
    DunningStep,
    Invoice,
    InvoiceStatus,
    PaymentAttempt,
    PaymentState,
    Stop,
)
from sandbox.proxy import Fault, Order
from tests.commerce.stripe_side import ASKS_THE_BANK, DECLINED_LATER, GOOD, charges
from tests.factories import make_invoice, make_member, make_staff
from tracking.actor import Actor
from tracking.models import Event, EventName

pytestmark = pytest.mark.django_db


@pytest.fixture
def finance(db):
    return make_staff("finance@vendor.example", "Fay Nance", group="Finance")


@pytest.fixture
def store(stripe, stripe_js, admin, now):
    """Store a card as its page does: `store("4242…")`."""

    def store(number=GOOD, *, at=now):
        setup = payments.prepare_card(account=admin.membership.account, now=at)
        stripe_js.set_up(setup.client_secret, number)
        account, actor = admin.membership.account, admin.membership.actor()
        return cards.store_card(account=account, setup_id=setup.id, actor=actor, now=at)

    return store


@pytest.fixture
def pays_by_itself(invoice, admin, now):
    """The company agrees that its invoices are charged to its default card."""

    def agree():
        AutoPay.objects.create(account=invoice.account, agreed_by=admin, agreed_at=now)

    return agree


@pytest.fixture
def due(invoice, now):
    """Noon on the due date, and days after it: `due(3)`."""
    start = now + (invoice.due_date - now.date()) * 1

    def due(days=0):
        return (start + timedelta(days=days)).replace(hour=12, minute=0)

    return due


def collect_all(now):
    """What the job does."""
    for pk in collecting.due_collections(now=now):
        collecting.collect(collection_id=pk, now=now)
    standing.look_at_all(now=now)


def mails(kind):
    return list(OutgoingMail.objects.filter(kind=kind).order_by("pk").values_list("subject", flat=True))


def standing_of(account):
    return Dunning.objects.get(account=account, closed_at=None)


def allows(account, now, feature=Feature.API_ACCESS):
    return Entitlements.of(account, today=account.local_date(now)).allows(feature)


# The card


def test_an_invoice_is_charged_on_its_due_date_and_once(store, pays_by_itself, invoice, due, localstripe):
    store()
    pays_by_itself()
    collect_all(due(-1))
    assert not Collection.objects.exists()
    for hours in (0, 1, 2):
        collect_all(due() + timedelta(hours=hours))
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID
    assert len(charges(localstripe)) == PaymentAttempt.objects.count() == 1
    attempt = PaymentAttempt.objects.get()
    assert attempt.request["off_session"] is True
    assert attempt.created_by is None


def test_nothing_is_charged_to_those_who_have_not_agreed(store, invoice, due):
    store()
    collect_all(due(5))
    assert not PaymentAttempt.objects.exists()


def test_a_soft_decline_is_tried_again_on_the_days_of_the_policy(store, pays_by_itself, invoice, due):
    store(DECLINED_LATER)
    pays_by_itself()
    tried = []
    for day in range(25):
        for hour in (0, 6):
            before = PaymentAttempt.objects.count()
            collect_all(due(day) + timedelta(hours=hour))
            tried += [day] * (PaymentAttempt.objects.count() - before)
    assert tried == [0, 3, 7, 14]
    collection = Collection.objects.get()
    assert (collection.stop, collection.next_try_date, collection.tries) == (Stop.EXHAUSTED, None, 4)
    assert len(mails("card_not_charged")) == 4
    assert len({attempt.idempotency_key for attempt in PaymentAttempt.objects.all()}) == 4


def test_after_days_without_a_run_a_card_is_tried_once(store, pays_by_itself, invoice, due):
    store(DECLINED_LATER)
    pays_by_itself()
    collect_all(due())
    collect_all(due(9))
    assert PaymentAttempt.objects.count() == 2
    assert Collection.objects.get().next_try_date == invoice.due_date + timedelta(days=14)


@pytest.mark.parametrize("code", ["stolen_card", "expired_card"])
def test_a_hard_decline_stops_until_another_card_is_chosen(
    store, pays_by_itself, invoice, make_attempt, due, admin, localstripe, code
):
    pays_by_itself()
    today = invoice.due_date
    failed = make_attempt(invoice, state="failed", error_code="card_declined", decline_code=code)
    collection = Collection.objects.create(
        account=invoice.account, invoice=invoice, first_date=today, tries=1, last_attempt=failed
    )
    collecting.follow(collection=collection, now=due())
    collecting.follow(collection=collection, now=due())
    collection.refresh_from_db()
    assert (collection.stop, collection.next_try_date) == (Stop.HARD_DECLINE, None)
    assert len(mails("card_not_charged")) == 1
    collect_all(due(3))
    assert PaymentAttempt.objects.count() == 1
    store(at=due(4))
    collect_all(due(4))
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID
    assert len(charges(localstripe)) == 1


def test_a_bank_that_asks_is_for_the_customer_to_answer(store, pays_by_itself, invoice, due, stripe_js):
    store(ASKS_THE_BANK)
    pays_by_itself()
    collect_all(due())
    attempt = PaymentAttempt.objects.get()
    assert attempt.state == PaymentState.REQUIRES_ACTION
    assert Collection.objects.get().stop == Stop.NEEDS_YOU
    stripe_js.answer_bank(payments.bank_question(attempt=attempt, now=due()))
    payments.settle(attempt_id=attempt.pk, now=due())
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID


def test_without_a_card_the_company_is_told(store, pays_by_itself, invoice, due, admin, now):
    cards.remove_card(card=store(), actor=admin.membership.actor(), now=now)
    pays_by_itself()
    collect_all(due())
    collect_all(due(1))
    assert Collection.objects.get().stop == Stop.NO_CARD
    assert len(mails("card_not_charged")) == 1
    assert not PaymentAttempt.objects.exists()
    store(at=due(2))
    collect_all(due(2))
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID


def test_an_answer_that_was_lost_is_no_decline(store, pays_by_itself, invoice, due, stripe, localstripe):
    store()
    pays_by_itself()
    stripe.order(Order(Fault.DROP_RESPONSE, path="/v1/payment_intents"))
    collect_all(due())
    collect_all(due(3))
    attempt = PaymentAttempt.objects.get()
    assert attempt.state == PaymentState.UNKNOWN
    payments.resume(attempt_id=attempt.pk, now=due(3))
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID
    assert len(charges(localstripe)) == 1


def test_an_attempt_that_was_never_sent_does_not_count(store, pays_by_itself, invoice, due):
    store()
    pays_by_itself()
    collecting.begin_due(now=due())
    attempt = collecting._claim(Collection.objects.get().pk, now=due())
    payments.resume(attempt_id=attempt.pk, now=due() + timedelta(hours=1))  # Too late to be sent.
    assert PaymentAttempt.objects.get().state == PaymentState.CANCELLED
    collect_all(due() + timedelta(hours=1))
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID
    assert Collection.objects.get().tries == 1


def test_who_takes_their_word_back_is_not_charged(store, pays_by_itself, invoice, due, admin):
    store(DECLINED_LATER)
    pays_by_itself()
    collect_all(due())
    cards.take_back(account=invoice.account, actor=admin.membership.actor(), now=due(1))
    collect_all(due(3))
    assert PaymentAttempt.objects.count() == 1


def test_the_due_date_is_the_company_s(store, pays_by_itself, invoice, acme, due):
    acme.time_zone = "Pacific/Auckland"
    acme.save()
    store()
    pays_by_itself()
    midnight = due().astimezone(ZoneInfo("Pacific/Auckland")).replace(
        year=invoice.due_date.year, month=invoice.due_date.month, day=invoice.due_date.day, hour=0
    )  # fmt: skip
    collect_all(midnight - timedelta(minutes=1))
    assert not PaymentAttempt.objects.exists()
    collect_all(midnight)
    assert PaymentAttempt.objects.count() == 1


def test_the_job_charges_by_its_workers(store, pays_by_itself, invoice, due, django_capture_on_commit_callbacks):
    store()
    pays_by_itself()
    current_app.conf.task_always_eager = True
    try:
        with time_machine.travel(due(), tick=False), django_capture_on_commit_callbacks(execute=True):
            tasks.collect_invoices()
            tasks.collect_invoices()
    finally:
        current_app.conf.task_always_eager = False
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID
    assert PaymentAttempt.objects.count() == 1


# What follows


def test_the_steps_come_by_their_dates_and_are_told_once_each(invoice, acme, due):
    seen = []
    for day in range(1, 65):
        for hour in (0, 6):
            standing.look_at_all(now=due(day) + timedelta(hours=hour))
        seen.append(standing_of(acme).state)
    assert [seen.index(state) + 1 for state in ("past_due", "unpaid", "suspended", "cancelled")] == [1, 21, 30, 60]
    assert list(DunningStep.objects.values_list("kind", flat=True)) == [
        "past_due", "unpaid", "suspended", "cancelled",
    ]  # fmt: skip
    assert len(mails("standing")) == 4
    assert len(mails("customer_suspended")) == len({acme.owner_id, acme.sales_contact_id} - {None}) * 2


def test_access_is_kept_until_the_date_that_was_told(invoice, acme, due):
    granted = allows(acme, due())
    for day in (1, 21, 29):
        standing.look_at_all(now=due(day))
        assert allows(acme, due(day)) == granted
        assert standing_of(acme).suspension_date == invoice.due_date + timedelta(days=30)
    standing.look_at_all(now=due(30))
    assert not Entitlements.of(acme, today=acme.local_date(due(30))).limits
    assert Suspension.objects.get(account=acme, ended_at=None).started_at == due(30)


def test_a_suspended_company_can_still_sign_in_by_its_own_provider(invoice, acme, due):
    from accounts.models import Entitlement

    Entitlement.objects.create(account=acme, code="sso", start_date=due().date(), source="tests")
    standing.look_at_all(now=due(1))
    standing.look_at_all(now=due(30))
    assert standing_of(acme).state == "suspended"
    assert allows(acme, due(30), Feature.SSO)


def test_paying_gives_everything_back_at_once(invoice, acme, due, pay):
    standing.look_at_all(now=due(1))
    standing.look_at_all(now=due(30))
    assert standing_of(acme).has_suspended
    pay(at=due(31))
    assert not Dunning.objects.open().exists()
    assert Dunning.objects.get().state == "cured"
    assert not Suspension.objects.filter(ended_at=None).exists()
    assert Entitlements.of(acme, today=acme.local_date(due(31))).limits
    assert Event.objects.filter(name=EventName.ACCESS_RESTORED).count() == 1
    assert "paid" in mails("standing")[-1]


@pytest.mark.parametrize("how", ["credit", "write_off"])
def test_what_is_owed_no_more_gives_everything_back(invoice, acme, due, finance, how):
    from commerce.billing import crediting, receivables

    standing.look_at_all(now=due(1))
    standing.look_at_all(now=due(30))
    actor = Actor.staff(finance.pk, acme.pk)
    close = {"credit": crediting.credit_invoice, "write_off": receivables.write_off}[how]
    close(invoice=invoice, reason="Agreed", actor=actor, now=due(31))
    assert Dunning.objects.get().state == "cured"
    assert not Suspension.objects.filter(ended_at=None).exists()


@pytest.mark.parametrize("state", ["created", "submitting", "unknown", "processing", "review"])
def test_it_gets_no_worse_while_a_payment_is_on_its_way(invoice, acme, due, make_attempt, state):
    standing.look_at_all(now=due(1))
    make_attempt(invoice, state=state)
    standing.look_at_all(now=due(40))
    assert standing_of(acme).state == "past_due"


@pytest.mark.parametrize("channel", ["card", "checkout"])
def test_who_leaves_a_payment_open_puts_nothing_off(invoice, acme, contract, due, make_attempt, channel):
    """The bank's question, or the page at Stripe, opened anew the day before each step."""
    standing.look_at_all(now=due(1))
    for number, (day, state) in enumerate([(21, "unpaid"), (30, "suspended"), (60, "cancelled")], start=1):
        PaymentAttempt.objects.update(state="cancelled", settled_at=due(day - 1), next_check_at=None)
        make_attempt(invoice, number=number, state="requires_action", channel=channel, created_at=due(day - 1))
        standing.look_at_all(now=due(day))
        assert standing_of(acme).state == state
        assert Suspension.objects.filter(account=acme, ended_at=None).exists() == (day >= 30)
    contract.refresh_from_db()
    assert contract.status == ContractStatus.ENDED
    assert PaymentAttempt.objects.get(number=3).state == PaymentState.REQUIRES_ACTION


def test_who_answers_the_bank_after_all_has_everything_back(store, pays_by_itself, invoice, acme, due, stripe_js):
    store(ASKS_THE_BANK)
    pays_by_itself()
    standing.look_at_all(now=due(1))
    collect_all(due(30))
    attempt = PaymentAttempt.objects.get()
    assert (attempt.state, standing_of(acme).state) == (PaymentState.REQUIRES_ACTION, "suspended")
    stripe_js.answer_bank(payments.bank_question(attempt=attempt, now=due(30)))
    payments.settle(attempt_id=attempt.pk, now=due(30))
    assert Dunning.objects.get().state == "cured"
    assert not Suspension.objects.filter(ended_at=None).exists()


def test_paying_one_of_two_makes_nothing_worse_though_the_day_has_come(invoice, acme, due, finance):
    newer = make_invoice(acme, now=due())
    standing.look_at_all(now=due(1))
    actor = Actor.staff(finance.pk, acme.pk)
    settling.mark_paid(invoice=newer, amount_minor=1000, payer=actor, now=due(40))  # The job has missed its days.
    assert standing_of(acme).state == "past_due"
    standing.look_at_all(now=due(40))
    assert standing_of(acme).state == "suspended"


def test_let_go_on_it_waits_for_a_payment_that_is_on_its_way(invoice, acme, due, make_attempt, finance):
    actor = Actor.staff(finance.pk, acme.pk)
    standing.look_at_all(now=due(1))
    standing.look_at_all(now=due(30))
    standing.hold(dunning=standing_of(acme), reason="Disputed", actor=actor, now=due(31))
    attempt = make_attempt(invoice, state="processing")
    standing.go_on(dunning=standing_of(acme), reason="Settled", actor=actor, now=due(31))
    assert standing_of(acme).state == "past_due"
    PaymentAttempt.objects.filter(pk=attempt.pk).update(state="failed", settled_at=due(32))
    standing.look_at_all(now=due(32))
    assert standing_of(acme).state == "suspended"


def test_noticed_late_the_company_still_has_all_of_its_time(invoice, acme, due):
    standing.look_at_all(now=due(100))
    dunning = standing_of(acme)
    assert dunning.state == "past_due"
    assert dunning.suspension_date == due(99 + 30).date()


def test_the_contracts_end_in_the_end_and_what_was_planned_with_them(invoice, acme, contract, due):
    standing.look_at_all(now=due(1))
    standing.look_at_all(now=due(60))
    contract = Contract.objects.get(pk=contract.pk)
    assert (contract.status, contract.auto_renew) == (ContractStatus.ENDED, False)
    standing.look_at_all(now=due(61))
    assert standing_of(acme).state == "cancelled"
    assert Suspension.objects.filter(account=acme, ended_at=None).exists()


def test_a_policy_of_the_legal_entity_goes_before_that_for_all(invoice, acme, due):
    DunningPolicy.objects.create(
        legal_entity=invoice.legal_entity, retry_days=[1], unpaid_days=2, suspend_days=5, cancel_days=None
    )
    for day in range(1, 90):
        standing.look_at_all(now=due(day))
    dunning = standing_of(acme)
    assert (dunning.state, dunning.cancellation_date) == ("suspended", None)
    assert DunningStep.objects.count() == 3


def test_held_nothing_follows_and_then_all_comes_as_much_later(invoice, acme, due, finance):
    actor = Actor.staff(finance.pk, acme.pk)
    standing.look_at_all(now=due(1))
    standing.look_at_all(now=due(30))
    standing.hold(dunning=standing_of(acme), reason="Disputed", actor=actor, now=due(31))
    assert standing_of(acme).state == "past_due"
    assert not Suspension.objects.filter(ended_at=None).exists()
    for day in (40, 80):
        standing.look_at_all(now=due(day))
    assert standing_of(acme).state == "past_due"
    standing.go_on(dunning=standing_of(acme), reason="Settled", actor=actor, now=due(81))
    dunning = standing_of(acme)
    assert dunning.suspension_date == invoice.due_date + timedelta(days=30 + 50)
    assert dunning.state == "suspended"
    notes = DunningStep.objects.exclude(made_by=None).values_list("kind", "note")
    assert list(notes) == [("held", "Disputed"), ("continued", "Settled")]


def test_held_no_card_is_tried(store, pays_by_itself, invoice, acme, due, finance):
    store(DECLINED_LATER)
    pays_by_itself()
    collect_all(due())
    collect_all(due(1))
    standing.hold(dunning=standing_of(acme), reason="Wait", actor=Actor.staff(finance.pk, acme.pk), now=due(2))
    collect_all(due(3))
    assert PaymentAttempt.objects.count() == 1


def test_history_of_dunning_is_appended(invoice, acme, due):
    standing.look_at_all(now=due(1))
    with pytest.raises(DatabaseError), transaction.atomic():
        DunningStep.objects.update(note="Otherwise")
    with pytest.raises(DatabaseError), transaction.atomic():
        DunningStep.objects.all().delete()


def test_looking_asks_once_for_those_for_whom_nothing_changes(invoice, acme, due, django_assert_num_queries):
    standing.look_at_all(now=due(1))
    with django_assert_num_queries(1):
        standing.look_at_all(now=due(2))


# Pages


@pytest.fixture
def invoice_url(invoice):
    return reverse("commerce:invoice", args=[invoice.number])


@pytest.fixture
def retry_url(invoice):
    return reverse("commerce:retry-payment", args=[invoice.number])


def test_the_customer_sees_the_state_the_next_try_and_the_date_of_suspension(
    store, pays_by_itself, invoice, due, signed_in, admin, invoice_url, most_queries
):
    store(DECLINED_LATER)
    pays_by_itself()
    collect_all(due())
    collect_all(due(1))
    with time_machine.travel(due(1), tick=False):
        client = signed_in(admin)
        text = client.get(invoice_url).content.decode()
        assert "Retry now" in text
        assert "Declined" in text
        assert "Nov" in text
        listed = client.get(reverse("commerce:invoices")).content.decode()
        with most_queries(8):
            client.get(invoice_url)
        with most_queries(8):
            client.get(reverse("commerce:invoices"))
    for shown in (text, listed):
        assert "access is suspended on" in shown


def test_only_those_who_pay_by_card_are_told_when_it_is_not_tried_any_more(
    store, pays_by_itself, invoice, due, signed_in, admin, invoice_url
):
    standing.look_at_all(now=due(1))
    pages = (invoice_url, reverse("commerce:invoices"))
    with time_machine.travel(due(1), tick=False):
        client = signed_in(admin)
        for url in pages:
            text = client.get(url).content.decode()
            assert "access is suspended" in text
            assert "your card is not tried any more" not in text
        store()
        pays_by_itself()
        for url in pages:
            assert "your card is not tried any more" in client.get(url).content.decode()


def test_retry_now_pays(store, invoice, signed_in, admin, retry_url, time_machine_now, localstripe):
    store()
    answer = signed_in(admin).post(retry_url, {"after": "0"}, follow=True)
    assert "Thank you, it is paid." in answer.content.decode()
    assert len(charges(localstripe)) == 1
    assert PaymentAttempt.objects.get().created_by == admin


def test_pressed_twice_it_is_tried_once(store, invoice, signed_in, admin, retry_url, time_machine_now):
    store(DECLINED_LATER)
    client = signed_in(admin)
    for _press in range(2):
        answer = client.post(retry_url, {"after": "0"}, follow=True)
        assert "Nothing was charged" in answer.content.decode()
    assert PaymentAttempt.objects.count() == 1
    client.post(retry_url, {"after": "1"})
    assert PaymentAttempt.objects.count() == 2


def test_without_a_card_retry_leads_to_the_cards(stripe, invoice, signed_in, admin, retry_url, time_machine_now):
    answer = signed_in(admin).post(retry_url, {"after": "0"})
    assert answer.headers["Location"] == reverse("commerce:cards")
    assert not PaymentAttempt.objects.exists()


def test_a_buyer_retries_and_without_a_card_pays_with_one(
    store, stripe, invoice, acme, signed_in, invoice_url, retry_url, time_machine_now, localstripe
):
    client = signed_in(make_member(acme, "buyer@acme.example", "Bo Buyer", roles=["buyer"]))
    assert client.post(retry_url, {"after": "0"}).headers["Location"] == reverse("commerce:pay", args=[invoice.number])
    store()
    page = client.get(invoice_url).content.decode()
    assert retry_url in page
    assert reverse("commerce:cards") not in page  # The cards themselves are kept by the people for bills.
    assert "Thank you, it is paid." in client.post(retry_url, {"after": "0"}, follow=True).content.decode()
    assert len(charges(localstripe)) == 1


def test_only_the_company_s_people_who_pay_retry(invoice, signed_in, viewer, other_admin, client, retry_url):
    assert signed_in(other_admin).post(retry_url, {"after": "0"}).status_code == 404
    assert signed_in(viewer).post(retry_url, {"after": "0"}).status_code == 403
    assert client.post(retry_url, {"after": "0"}).status_code == 302
    assert not PaymentAttempt.objects.exists()


def test_finance_holds_and_lets_go_on_in_the_admin_with_a_reason(signed_in, finance, agent, invoice, acme, due):
    standing.look_at_all(now=due(1))
    dunning = standing_of(acme)
    hold = reverse("admin:commerce_dunning_hold", args=[dunning.pk])
    go_on = reverse("admin:commerce_dunning_go_on", args=[dunning.pk])
    assert signed_in(agent).get(hold).status_code == 403
    with time_machine.travel(due(2), tick=False):
        client = signed_in(finance)
        assert client.get(reverse("admin:commerce_dunning_change", args=[dunning.pk])).status_code == 200
        assert client.post(go_on, {"reason": "Not held"}).status_code == 422
        assert client.post(hold, {"reason": ""}).status_code == 422
        assert not standing_of(acme).is_held
        assert client.post(hold, {"reason": "Disputed"}).status_code == 302
        assert standing_of(acme).is_held
        assert client.post(go_on, {"reason": "Settled"}).status_code == 302
    assert not standing_of(acme).is_held


def test_the_staff_are_offered_what_is_possible(signed_in, finance, invoice, acme, due, pay):
    standing.look_at_all(now=due(1))
    dunning = standing_of(acme)
    page = reverse("admin:commerce_dunning_change", args=[dunning.pk])
    hold = reverse("admin:commerce_dunning_hold", args=[dunning.pk])
    go_on = reverse("admin:commerce_dunning_go_on", args=[dunning.pk])

    def offered():
        text = client.get(page).content.decode()
        return hold in text, go_on in text

    with time_machine.travel(due(2), tick=False):
        client = signed_in(finance)
        assert offered() == (True, False)
        client.post(hold, {"reason": "Disputed"})
        assert offered() == (False, True)
        pay(at=due(2))
        assert offered() == (False, False)


def test_terms_are_in_order(signed_in, finance):
    url = reverse("admin:commerce_dunningpolicy_add")
    client = signed_in(finance)
    typed = {"legal_entity": "X", "retry_days": "3,7", "unpaid_days": "10", "suspend_days": "20", "cancel_days": ""}
    before = DunningPolicy.objects.count()
    wrong = [{"retry_days": "7,3"}, {"unpaid_days": "7"}, {"suspend_days": "9"}, {"cancel_days": "15"}]
    for each in wrong:
        assert client.post(url, typed | each).status_code == 200
    assert DunningPolicy.objects.count() == before
    assert client.post(url, typed).status_code == 302
    assert DunningPolicy.of("X").retry_days == [3, 7]
    assert DunningPolicy.of("Y").legal_entity == ""


def test_two_looks_at_once_open_one_dunning(invoice, acme, due):
    with system_scope(acme.pk):
        standing._look(acme, now=due(1))
        standing._look(acme, now=due(1))
    assert Dunning.objects.count() == 1
    assert Invoice.objects.get().status == InvoiceStatus.OPEN
