"""Several workers at once: one call per record, one sign-in, the last state in the end."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from random import Random

import pytest
from django.db import connection

from accounts.models import Account
from crm import push
from crm.client import connect
from crm.models import OutboxRow, SyncAttempt
from tests.factories import make_account

WORKERS = 6


def at_once(work, count: int = WORKERS) -> list:
    def closing(number: int):
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(closing, range(count)))


def drain(number: int) -> int:
    total = 0
    with connect() as crm:
        while count := push.push_batch(crm=crm, now=datetime.now(UTC), random=Random(number)):
            total += count
    return total


@pytest.mark.django_db(transaction=True)
def test_workers_side_by_side_send_each_record_once(org, monkeypatch):
    monkeypatch.setattr(push, "MAX_ROWS", 5)
    for number in range(40):
        make_account(f"Company {number}")
    assert sum(at_once(drain)) == 40
    assert len(org.records("Account")) == 40
    assert SyncAttempt.objects.count() == 40
    assert set(OutboxRow.objects.values_list("state", flat=True)) == {"done"}


@pytest.mark.django_db(transaction=True)
def test_edits_while_workers_send_end_with_the_last_one(org):
    account = make_account("Initech AG")

    def work(number: int) -> None:
        if number == 0:
            for edit in range(60):
                Account.objects.filter(pk=account.pk).update(phone=f"+49 30 {edit}")
        for _ in range(12):
            drain(number)

    at_once(work)
    drain(0)
    assert org.record("Account", account.public_id)["Phone"] == "+49 30 59"
    assert set(OutboxRow.objects.values_list("state", flat=True)) <= {"done", "superseded"}


@pytest.mark.django_db(transaction=True)
def test_workers_whose_token_ended_sign_in_once(org):
    at_once(lambda number: _ask())
    assert len(org.calls("oauth2/token")) == 1
    org.ask("DELETE", "_sessions")
    org.ask("DELETE", "_calls")
    at_once(lambda number: _ask())
    assert len(org.calls("oauth2/token")) == 1


def _ask() -> list:
    with connect() as crm:
        return list(crm.query("SELECT Id FROM Account"))
