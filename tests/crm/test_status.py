"""How a record stands, in words."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import Account
from crm.models import Link, OutboxRow, Pause
from crm.status import Step, age, in_words, sync_status

NOW = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)


@pytest.fixture
def row(quiet):
    Account.objects.filter(pk=quiet.pk).update(phone="+49 30 9")
    OutboxRow.objects.update(created_at=NOW - timedelta(minutes=3))
    return OutboxRow.objects.get()


def status_of(company):
    return sync_status("Account", company.public_id, NOW)


def test_a_record_never_sent(quiet):
    assert status_of(quiet).step is Step.UNKNOWN


def test_a_record_in_step_says_since_when(quiet):
    Link.objects.create(
        object="Account", external_id=quiet.public_id, crm_id="001x", pushed_at=NOW - timedelta(seconds=12)
    )
    status = status_of(quiet)
    assert (status.step, status.text, status.crm_id) == (Step.IN_STEP, "Synced 12 s ago", "001x")


def test_a_waiting_record_says_how_long_and_why(quiet, row):
    assert (status_of(quiet).step, status_of(quiet).text, status_of(quiet).reason) == (
        Step.WAITING,
        "Waiting for 3 min",
        "",
    )
    Pause.objects.create(until=NOW + timedelta(minutes=1), since=NOW, code="UNREACHABLE", message="ConnectionError")
    assert status_of(quiet).reason == "Salesforce cannot be reached."


def test_a_failed_record_says_what_to_do(quiet, row):
    OutboxRow.objects.update(state="dead", last_code="STRING_TOO_LONG", last_message="Name: data value too large")
    status = status_of(quiet)
    assert (status.step, status.text) == (Step.FAILED, "Failed")
    assert status.reason == "A text is longer than Salesforce takes. (Name: data value too large)"


def test_a_failure_nobody_has_words_for_is_quoted():
    assert in_words("A_CODE_OF_TOMORROW", "strange") == "Salesforce answered: strange"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (7300, "2 h"), (90_000, "1 day"), (180_000, "2 days")],
)
def test_ages_are_told_in_the_largest_unit(seconds, text):
    assert age(timedelta(seconds=seconds)) == text
