"""Notes of the staff to each other: a customer's request does not see them, whatever its code asks for."""

import uuid

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from cases.models import CaseMessage
from cases.services import add_internal_note, reply_as_staff
from tests.cases.making import make_case


@pytest.fixture
def case(acme, member):
    return make_case(acme, member)


@pytest.fixture
def note(case, agent, now):
    reply_as_staff(case=case, author=agent, body="We are on it.", form_key=uuid.uuid4(), now=now)
    return add_internal_note(case=case, author=agent, body="They never read.", form_key=uuid.uuid4(), now=now)


def test_a_forgotten_filter_shows_no_note(note, case, admin, as_customer):
    assert CaseMessage.objects.filter(case=case).count() == 3
    with as_customer(admin.membership):
        seen = set(CaseMessage.objects.values_list("body", flat=True))
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM cases_casemessage WHERE is_internal")
            assert cursor.fetchone() == (0,)
    assert seen == {"It ends with a timeout.", "We are on it."}


def test_a_customers_request_cannot_write_one(case, member, as_customer, now):
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction.atomic(),
        as_customer(member.membership),
    ):
        CaseMessage.objects.create(account=case.account, case=case, author=member, body="x", is_internal=True)
    assert not CaseMessage.objects.filter(is_internal=True).exists()


def test_the_staff_reads_both(note, agent, signed_in, case):
    page = signed_in(agent).get(f"/admin/cases/case/{case.pk}/change/").content.decode()
    assert "They never read." in page
    assert "We are on it." in page
