"""The staff's pages about the sync."""

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.models import Account
from crm.admin import PANELS
from crm.models import Conflict, Cursor, Link, OutboxRow, Pause, SyncAttempt
from tests.conftest import NOW
from tests.crm.test_push import buy, open_case

LIST = "admin:crm_outboxrow_changelist"


@pytest.fixture
def dead(quiet):
    Account.objects.filter(pk=quiet.pk).update(phone="+49 30 9")
    row = OutboxRow.objects.get()
    SyncAttempt.objects.create(row=row, http_status=200, code="STRING_TOO_LONG", message="Name")
    OutboxRow.objects.update(state="dead", attempts=1, last_code="STRING_TOO_LONG", last_message="Name")
    return row


def act(client, action: str, row: OutboxRow):
    return client.post(reverse(LIST), {"action": action, "_selected_action": [row.pk]}, follow=True)


def test_the_outbox_says_in_words_what_failed(dead, agent, signed_in):
    page = signed_in(agent).get(reverse(LIST)).content.decode()
    assert "Initech AG" in page
    assert "Failed, needs a person" in page
    assert "A text is longer than Salesforce takes." in page


def test_a_row_shows_its_attempts(dead, agent, signed_in):
    page = signed_in(agent).get(reverse("admin:crm_outboxrow_change", args=[dead.pk])).content.decode()
    assert page.count("A text is longer than Salesforce takes.") == 2


def test_a_failed_row_is_retried(dead, agent, signed_in):
    assert act(signed_in(agent), "retry", dead).status_code == 200
    dead.refresh_from_db()
    assert (dead.state, dead.attempts, dead.last_code) == ("pending", 0, "")


def test_a_failed_row_is_skipped(dead, agent, signed_in):
    act(signed_in(agent), "skip", dead)
    dead.refresh_from_db()
    assert dead.state == "skipped"


def test_a_row_that_was_sent_is_neither_retried_nor_skipped(dead, agent, signed_in):
    OutboxRow.objects.update(state="done")
    for action in ("retry", "skip"):
        act(signed_in(agent), action, dead)
        dead.refresh_from_db()
        assert dead.state == "done"


def test_the_outbox_costs_the_same_with_many_rows(quiet, agent, signed_in, django_assert_max_num_queries):
    for number in range(60):
        Account.objects.filter(pk=quiet.pk).update(phone=f"+49 30 {number}")
    client = signed_in(agent)
    with django_assert_max_num_queries(14):
        client.get(reverse(LIST))


def records_of(company) -> dict:
    order = buy(company)
    case = open_case(company)
    return {"account": company, "case": case, "deal": order.deal, "order": order}


@pytest.mark.parametrize("model", PANELS, ids=lambda model: model._meta.model_name)
def test_the_change_page_of_a_synced_record_says_how_it_stands(company, django_user_model, signed_in, model):
    record = records_of(company)[model._meta.model_name]
    assert admin.site.is_registered(model)
    root = django_user_model.objects.create_superuser("root@vendor.example", "x", name="Root")
    client = signed_in(root)
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[record.pk])
    page = client.get(address).content.decode()
    assert "Waiting for" in page
    send = reverse("admin:crm_outboxrow_send_again", args=[PANELS[model].value, record.public_id])
    assert f'action="{send}"' in page
    assert client.post(send, {"next": address}).url == address


def test_what_salesforce_owns_is_changed_over_there(company, settings, rf, agent):
    """An edit here would neither be sent nor last."""
    request = rf.get("/")
    request.user = agent
    account_admin = admin.site.get_model_admin(Account)
    assert "industry" not in account_admin.get_readonly_fields(request, company)
    settings.SALESFORCE_INSTANCE_URL = "https://org.example"
    assert {"name", "industry"} <= set(account_admin.get_readonly_fields(request, company))
    assert "name" not in account_admin.get_readonly_fields(request, None)


def test_sending_again_what_is_in_step_queues_it_in_full(quiet, agent, signed_in):
    link = Link.objects.create(object="Account", external_id=quiet.public_id, crm_id="001x", pushed_hash="abc")
    send = reverse("admin:crm_outboxrow_send_again", args=["Account", quiet.public_id])
    client = signed_in(agent)
    assert client.post(send, {"next": "https://elsewhere.example/"}).url == reverse(LIST)
    client.post(send)
    link.refresh_from_db()
    assert (OutboxRow.objects.get().state, link.pushed_hash) == ("pending", "")


def test_the_other_pages_of_the_sync_open(quiet, agent, signed_in):
    Cursor.objects.create(object="Account", read_until=NOW)
    Pause.objects.create(until=NOW, since=NOW, code="UNREACHABLE")
    Conflict.objects.create(
        object="Account", external_id=quiet.public_id, field="Phone", kept="1", lost="2", winner="crm", at=NOW
    )
    link = Link.objects.create(object="Account", external_id=quiet.public_id, crm_id="001x")
    client = signed_in(agent)
    for name in ("cursor", "pause", "conflict", "link"):
        assert client.get(reverse(f"admin:crm_{name}_changelist")).status_code == 200
    assert client.get(reverse("admin:crm_link_change", args=[link.pk])).status_code == 200


def test_a_customer_is_sent_to_sign_in_as_somebody_else(dead, company, signed_in):
    client = signed_in(company.person)
    send = reverse("admin:crm_outboxrow_send_again", args=["Account", dead.external_id])
    assert client.get(reverse(LIST)).status_code == 302
    assert client.post(send).status_code == 302
    dead.refresh_from_db()
    assert dead.state == "dead"


def test_staff_without_the_permission_cannot_send(dead, signed_in):
    from tests.factories import make_staff

    marketer = make_staff("marketing@vendor.example", "Mo", group="Marketing")
    client = signed_in(marketer)
    send = reverse("admin:crm_outboxrow_send_again", args=["Account", dead.external_id])
    assert client.get(reverse(LIST)).status_code == 403
    assert client.post(send).status_code == 403
    assert client.get(send).status_code == 405
    dead.refresh_from_db()
    assert dead.state == "dead"


def test_an_anonymous_visitor_is_sent_to_sign_in(dead, client):
    send = reverse("admin:crm_outboxrow_send_again", args=["Account", dead.external_id])
    assert client.get(reverse(LIST)).status_code == 302
    assert client.post(send).status_code == 302
