"""Setting up what was bought: who moves which step on, in which order, and what the customer hears of it."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from accounts import vault
from accounts.models import OutgoingMail
from commerce import tasks
from commerce.billing import settling
from commerce.models import LicenceKey, Order, ProductStep, ProvisioningStep
from commerce.orders import licences, progress, provisioning
from tests.factories import make_staff
from tests.racing import race
from tracking.actor import Actor
from tracking.models import Event

API = "/api/v1/provisioning/steps"
TOKEN = {"headers": {"Authorization": "Bearer provisioning-token-of-the-tests"}}


@pytest.fixture
def templates(products):
    """Business is set up in two steps, sign-on in two of which the second is a licence key."""
    made = [
        ("business", 1, "Move your workspace", 2, "reported", False),
        ("business", 2, "Welcome your administrators", 3, "reported", False),
        ("sso", 1, "Connect your directory", 1, "reported", False),
        ("sso", 2, "Issue the licence key", 0, "licence", True),
    ]
    return [
        ProductStep.objects.create(
            product=products[code], position=position, name=name, expected_days=days, action=action, is_for_more=more
        )
        for code, position, name, days, action, more in made
    ]


@pytest.fixture
def order(templates, quote, admin, accept, now):
    """Paid by transfer; set up from now on."""
    placed = accept(quote, admin)
    return settling.record_bank_transfer(order=placed, actor=Actor.system(placed.account_id), now=now)


@pytest.fixture
def system(order):
    return Actor.system(order.account_id)


def step_of(order, name):
    return ProvisioningStep.objects.get(order=order, name=name)


def finish(order, name, now):
    return provisioning.finish_step(step=step_of(order, name), actor=Actor.system(order.account_id), now=now)


def finish_all(order, now):
    for name in ("Move your workspace", "Welcome your administrators", "Connect your directory"):
        finish(order, name, now)
    return finish(order, "Issue the licence key", now)


def test_a_paid_order_copies_the_steps_of_what_it_bought_and_waits_for_them(order, admin, now):
    order.refresh_from_db()
    assert order.status == "paid"
    assert [(step.line.product.code, step.name, step.state) for step in order.provisioning.in_order()] == [
        ("business", "Move your workspace", "waiting"),
        ("business", "Welcome your administrators", "waiting"),
        ("sso", "Connect your directory", "waiting"),
        ("sso", "Issue the licence key", "waiting"),
    ]
    assert [step.status for step in order.steps.order_by("pk")] == ["awaiting_payment", "paid"]
    assert OutgoingMail.objects.get(kind="order_set_up").to == admin.email
    assert not OutgoingMail.objects.filter(kind="order_confirmed").exists()


def test_what_the_catalogue_says_later_changes_no_order(order):
    ProductStep.objects.update(name="Something else", expected_days=30)
    assert step_of(order, "Move your workspace").expected_days == 2


def test_the_last_step_makes_the_order_active_and_tells_the_buyer_once(order, admin, now):
    finish_all(order, now)
    order.refresh_from_db()
    assert order.status == "active"
    assert order.steps.get(status="active").reached_at == now
    assert OutgoingMail.objects.filter(kind="order_progress").count() == 3
    assert OutgoingMail.objects.get(kind="order_confirmed").to == admin.email
    finish(order, "Issue the licence key", now)
    assert OutgoingMail.objects.filter(kind="order_confirmed").count() == 1


def test_a_step_waits_for_its_turn(order, system, now):
    with pytest.raises(provisioning.StepOutOfTurn, match="Move your workspace"):
        finish(order, "Welcome your administrators", now)
    assert step_of(order, "Welcome your administrators").state == "waiting"
    # The lines go on side by side.
    assert finish(order, "Connect your directory", now).state == "done"


def test_more_of_what_is_there_skips_the_steps_of_the_first_time(order, admin, acme, now, accept):
    import uuid

    from commerce.configuring.situations import Configuration
    from commerce.quotes.quoting import create_quote

    finish_all(order, now)
    more = create_quote(
        account=acme, actor=admin.membership.actor(), user=admin, now=now, form_key=uuid.uuid4(),
        configuration=Configuration("business", 70, {"sso": 2}),
    )  # fmt: skip
    second = settling.record_bank_transfer(order=accept(more, admin), actor=Actor.system(acme.pk), now=now)
    assert [step.name for step in second.provisioning.all()] == ["Issue the licence key"]


def test_a_failure_is_told_with_its_reason_and_tried_again(order, system, admin, agent, acme, now):
    acme.owner = agent
    acme.save(update_fields=["owner"])
    step = step_of(order, "Move your workspace")
    provisioning.fail_step(step=step, reason="Your domain does not answer.", actor=system, now=now)
    step.refresh_from_db()
    assert (step.state, step.reason, step.attempts) == ("failed", "Your domain does not answer.", 1)
    assert "Your domain does not answer." in OutgoingMail.objects.get(kind="order_progress").text
    assert OutgoingMail.objects.get(kind="order_step_failed").to == agent.email

    provisioning.retry_step(step=step, actor=system, now=now)
    assert step_of(order, step.name).state == "retried"
    done = provisioning.finish_step(step=step, actor=system, now=now + timedelta(hours=1))
    assert (done.state, done.reason, done.attempts) == ("done", "", 2)
    moves = Event.objects.filter(name="order_step_moved").order_by("pk")
    assert [event.properties["state"] for event in moves] == ["failed", "retried", "done"]


def test_the_portal_makes_licence_keys_itself_once_it_is_their_turn(order, now):
    assert provisioning.run_due(now=now) == 0
    finish(order, "Connect your directory", now)
    tasks.set_orders_up()
    key = LicenceKey.objects.get()
    assert (key.product.code, key.quantity, key.order) == ("sso", 1, order)
    assert step_of(order, "Issue the licence key").state == "done"
    assert provisioning.run_due(now=now) == 0


def test_a_key_lies_sealed_and_ends_as_its_name_says(order, now):
    finish(order, "Connect your directory", now)
    finish(order, "Issue the licence key", now)
    key = LicenceKey.objects.get()
    assert key.text.endswith(key.ending)
    assert len(key.text) == 29
    assert key.text not in key.sealed
    assert vault.unseal(key.sealed) == key.text


def test_what_fails_by_itself_waits_longer_each_time_and_then_for_a_person(order, now, monkeypatch):
    def broken(**given):
        raise RuntimeError("no entropy")

    monkeypatch.setattr(licences, "issue", broken)
    finish(order, "Connect your directory", now)
    waits, at = [], now
    for _attempt in range(provisioning.MOST_ATTEMPTS):
        assert provisioning.run_due(now=at) == 0
        step = step_of(order, "Issue the licence key")
        assert step.state == "failed"
        waits.append(step.next_at and (step.next_at - at).total_seconds() / 60)
        at = step.next_at or at
    assert waits == [5, 10, 20, 40, None]
    assert provisioning.run_due(now=at + timedelta(days=9)) == 0
    assert step.attempts == 5


@pytest.mark.django_db(transaction=True)
def test_two_workers_finish_one_step_once(order, now):
    step = step_of(order, "Connect your directory")
    actor = Actor.system(order.account_id)

    def work():
        return provisioning.finish_step(step=step, actor=actor, now=now).state

    assert race(work, work) == ["done", "done"]
    assert Event.objects.filter(name="order_step_moved").count() == 1
    assert OutgoingMail.objects.filter(kind="order_progress").count() == 1
    assert ProvisioningStep.objects.get(pk=step.pk).attempts == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_one_key(order, now):
    finish(order, "Connect your directory", now)
    assert sorted(race(lambda: provisioning.run_due(now=now), lambda: provisioning.run_due(now=now)))[-1] == 1
    assert LicenceKey.objects.count() == 1


# What is expected, and when


def test_each_step_is_expected_days_after_the_one_before_it(order, now):
    paid = date(2026, 11, 18)
    finish(order, "Move your workspace", now)
    steps = list(order.provisioning.in_order().select_related("line__product", "account"))
    lines = progress.lines_of(steps, paid_date=paid, today=paid)
    assert [(one.step.name, one.date.day, one.is_turn) for line in lines for one in line.steps] == [
        ("Move your workspace", 18, False),
        ("Welcome your administrators", 21, True),
        ("Connect your directory", 19, True),
        ("Issue the licence key", 19, False),
    ]
    assert progress.next_of(lines).step.name == "Connect your directory"
    late = progress.lines_of(steps, paid_date=paid, today=date(2026, 11, 25))
    assert [(one.date.day, one.is_late) for one in late[1].steps] == [(19, True), (25, False)]


# What the database refuses


@pytest.mark.parametrize(
    ("sql", "match"),
    [
        ("UPDATE commerce_order SET status = 'active'", "are not done"),
        ("UPDATE commerce_order SET status = 'cancelled'", "are open"),
        ("UPDATE commerce_provisioningstep SET state = 'done', started_at = now(), finished_at = now()", "cannot go"),
        ("UPDATE commerce_provisioningstep SET state = 'running', attempts = 1 WHERE position = 2", "not the turn"),
        ("UPDATE commerce_provisioningstep SET state = 'running' WHERE position = 1", "not the turn"),
        ("UPDATE commerce_provisioningstep SET name = 'Another'", "stands"),
        ("DELETE FROM commerce_provisioningstep", "is kept"),
    ],
)
def test_the_database_refuses(order, sql, match):
    with pytest.raises(IntegrityError, match=match), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_a_key_is_only_ever_revoked(order, now):
    finish_all(order, now)
    for sql in ("UPDATE commerce_licencekey SET ending = 'x'", "DELETE FROM commerce_licencekey"):
        with pytest.raises(IntegrityError, match="stands"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)


# Systems that set things up


@pytest.fixture
def tokens(settings):
    settings.PROVISIONING_TOKENS = ["provisioning-token-of-the-tests"]


def test_a_system_sees_what_waits_and_reports_it(order, client, tokens, time_machine_now):
    waiting = client.get(f"{API}?product=business", **TOKEN).json()["items"]
    assert [(one["name"], one["order"], Decimal(one["quantity"])) for one in waiting] == [
        ("Move your workspace", order.number, 60), ("Welcome your administrators", order.number, 60),
    ]  # fmt: skip
    url = f"{API}/{waiting[0]['id']}"
    for state in ("running", "done", "done"):
        told = client.post(url, {"state": state}, content_type="application/json", **TOKEN)
        assert (told.status_code, told.json()["state"]) == (200, state)
    assert client.post(url, {"state": "running"}, content_type="application/json", **TOKEN).status_code == 409
    assert step_of(order, "Move your workspace").state == "done"


def test_a_failure_needs_its_reason(order, client, tokens, time_machine_now):
    url = f"{API}/{step_of(order, 'Move your workspace').public_id}"
    assert client.post(url, {"state": "failed"}, content_type="application/json", **TOKEN).status_code == 422
    report = {"state": "failed", "reason": "No room."}
    assert client.post(url, report, content_type="application/json", **TOKEN).json()["reason"] == "No room."


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}])
def test_without_a_token_nothing_is_told_and_nothing_changes(order, client, tokens, header, admin, signed_in):
    url = f"{API}/{step_of(order, 'Move your workspace').public_id}"
    for visitor in (client, signed_in(admin)):
        assert visitor.get(API, headers=header).status_code == 401
        sent = visitor.post(url, {"state": "done"}, content_type="application/json", headers=header)
        assert sent.status_code == 401
    assert step_of(order, "Move your workspace").state == "waiting"


def test_an_installation_without_tokens_answers_nobody(order, client, settings):
    settings.PROVISIONING_TOKENS = []
    assert client.get(API, headers={"Authorization": "Bearer "}).status_code == 401


# Our people


def test_our_people_move_steps_on_and_hear_what_is_in_the_way(order, signed_in):
    staff = make_staff("cs@vendor.example", "Cleo Care", group="Customer success")
    client = signed_in(staff)
    url = reverse("admin:commerce_provisioningstep_changelist")
    steps = ProvisioningStep.objects.filter(line__product__code="business").order_by("-position")
    sent = {"action": "finish", "_selected_action": [steps[0].pk]}
    assert "comes before it" in client.post(url, sent, follow=True).content.decode()
    page = client.post(url, sent | {"_selected_action": [step.pk for step in steps]}, follow=True).content.decode()
    assert "“Welcome your administrators” is done." in page
    assert [step.state for step in steps.all()] == ["done", "done"]


def test_our_people_say_why_a_step_is_held_up(order, signed_in):
    client = signed_in(make_staff("cs@vendor.example", "Cleo Care", group="Customer success"))
    step = step_of(order, "Move your workspace")
    url = reverse("admin:commerce_provisioningstep_fail", args=[step.pk])
    assert client.post(url, {"reason": ""}).status_code == 422
    assert client.post(url, {"reason": "Your domain does not answer."}).status_code == 302
    assert step_of(order, "Move your workspace").reason == "Your domain does not answer."


def test_who_only_looks_at_orders_moves_no_step(order, signed_in):
    client = signed_in(make_staff("finance@vendor.example", "Fay Lund", group="Finance"))
    step = step_of(order, "Move your workspace")
    client.post(
        reverse("admin:commerce_provisioningstep_changelist"), {"action": "finish", "_selected_action": [step.pk]}
    )
    assert (
        client.post(reverse("admin:commerce_provisioningstep_fail", args=[step.pk]), {"reason": "No."}).status_code
        == 403
    )
    assert step_of(order, "Move your workspace").state == "waiting"
    assert Order.objects.get().status == "paid"
