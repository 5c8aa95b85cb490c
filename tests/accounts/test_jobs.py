"""Handing work to the workers."""

import pytest
from celery import Task
from django.db import transaction
from kombu.exceptions import OperationalError

from accounts.jobs import enqueue
from accounts.models import Account
from tests.factories import make_account


class WithoutBroker(Task):
    """A job whose message finds no broker."""

    name = "tests.without_broker"

    def apply_async(self, *args, **kwargs):
        raise OperationalError("connection refused")


@pytest.mark.django_db(transaction=True)
def test_with_the_broker_away_the_change_stands_and_the_request_goes_on():
    with transaction.atomic():
        account = make_account("Acme Logistics GmbH")
        enqueue(WithoutBroker(), account_id=account.pk)
        enqueue(WithoutBroker(), account_id=account.pk)
    assert Account.objects.filter(pk=account.pk).exists()
