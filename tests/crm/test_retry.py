"""What to do about an answer: the table, and the time until the next attempt."""

from random import Random

import pytest

from crm.retry import AWAY, CONTENTION, TRANSIENT, UNKNOWN, Kind, classify, delay


@pytest.mark.parametrize(
    ("http", "code", "kind"),
    [
        (None, "UNREACHABLE", Kind.AWAY),
        (None, "", Kind.AWAY),
        (401, "INVALID_SESSION_ID", Kind.REFRESH),
        (401, "", Kind.REFRESH),
        (400, "INVALID_GRANT", Kind.REFRESH),
        (403, "REQUEST_LIMIT_EXCEEDED", Kind.PAUSE),
        (403, "TotalRequests", Kind.PAUSE),
        (403, "", Kind.FAIL),
        (400, "UNABLE_TO_LOCK_ROW", Kind.BACK_OFF),
        (500, "", Kind.BACK_OFF),
        (500, "UNKNOWN_EXCEPTION", Kind.BACK_OFF),
        (429, "", Kind.BACK_OFF),
        (406, "", Kind.BACK_OFF),
        (420, "", Kind.BACK_OFF),
        (502, "", Kind.AWAY),
        (503, "SERVER_UNAVAILABLE", Kind.AWAY),
        (503, "", Kind.AWAY),
        (504, "", Kind.AWAY),
        (400, "ALL_OR_NONE_OPERATION_ROLLED_BACK", Kind.AGAIN),
        (400, "PROCESSING_HALTED", Kind.AGAIN),
        (400, "INVALID_CROSS_REFERENCE_KEY", Kind.WAIT),
        (404, "NOT_FOUND", Kind.FAIL),
        (404, "ENTITY_IS_DELETED", Kind.FAIL),
        (300, "", Kind.FAIL),
        (400, "DUPLICATE_VALUE", Kind.FAIL),
        (400, "DUPLICATES_DETECTED", Kind.FAIL),
        (400, "REQUIRED_FIELD_MISSING", Kind.FAIL),
        (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", Kind.FAIL),
        (400, "STRING_TOO_LONG", Kind.FAIL),
        (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", Kind.FAIL),
        (400, "INVALID_FIELD", Kind.FAIL),
        (400, "INVALID_TYPE", Kind.FAIL),
        (400, "A_CODE_OF_TOMORROW", Kind.BACK_OFF),
    ],
)
def test_an_answer_is_told_by_its_code(http, code, kind):
    assert classify(http, code).kind is kind


def test_a_missing_parent_is_waited_for():
    assert classify(400, "INVALID_FIELD", names_missing_parent=True).kind is Kind.WAIT


def test_an_unknown_code_is_tried_three_times():
    assert classify(400, "A_CODE_OF_TOMORROW").attempts == 3


@pytest.mark.parametrize("action", [AWAY, CONTENTION, TRANSIENT, UNKNOWN])
def test_the_wait_doubles_up_to_its_cap_and_is_never_nothing(action):
    for attempt in range(1, 40):
        span = min(action.cap, action.base * 2 ** (attempt - 1))
        waits = [delay(action, attempt, Random(seed)) for seed in range(50)]
        assert all(span / 10 <= wait <= span for wait in waits)
        assert len(set(waits)) > 10
