"""What to do about an error of Salesforce. Pure: the table of spec section 1.3, and the time until the next attempt.

Only codes decide: messages differ between releases and languages.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Kind(StrEnum):
    REFRESH = "refresh"  # Our sign-in has ended: get a new one, once.
    PAUSE = "pause"  # Our quota is used up: stop calling for a while, nobody's fault.
    AWAY = "away"  # Salesforce can't be reached or is down: stop calling for a while, nobody's fault.
    BACK_OFF = "back_off"  # Try this record again later, a limited number of times.
    AGAIN = "again"  # Innocent: another record of the batch failed.
    WAIT = "wait"  # A record this one refers to is not there yet.
    FAIL = "fail"  # A person must look at it: the same attempt would fail again.


@dataclass(frozen=True)
class Action:
    kind: Kind
    base: float = 0.0  # Seconds.
    cap: float = 0.0
    attempts: int = 0  # After how many a record fails for good; 0 for no such end.


REFRESH = Action(Kind.REFRESH, base=30, cap=900)
PAUSE = Action(Kind.PAUSE, base=60, cap=900)
AWAY = Action(Kind.AWAY, base=2, cap=30)
CONTENTION = Action(Kind.BACK_OFF, base=1, cap=60, attempts=8)
TRANSIENT = Action(Kind.BACK_OFF, base=2, cap=300, attempts=10)
UNKNOWN = Action(Kind.BACK_OFF, base=2, cap=300, attempts=3)
AGAIN = Action(Kind.AGAIN)
WAIT = Action(Kind.WAIT, base=30, cap=300)
FAIL = Action(Kind.FAIL)

BY_CODE: dict[str, Action] = {
    "INVALID_SESSION_ID": REFRESH,
    "INVALID_GRANT": REFRESH,
    "INVALID_CLIENT": REFRESH,
    "INVALID_CLIENT_ID": REFRESH,
    "REQUEST_LIMIT_EXCEEDED": PAUSE,
    "TOTALREQUESTS": PAUSE,
    "LIMIT_EXCEEDED": PAUSE,
    "UNREACHABLE": AWAY,
    "SERVER_UNAVAILABLE": AWAY,
    "UNABLE_TO_LOCK_ROW": CONTENTION,
    "ROW_LOCK": CONTENTION,
    "QUERY_TIMEOUT": TRANSIENT,
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": AGAIN,
    "PROCESSING_HALTED": AGAIN,
    "INVALID_CROSS_REFERENCE_KEY": WAIT,
    **dict.fromkeys(
        (
            # Gone, or there twice: which record is meant is for a person to say.
            "ENTITY_IS_DELETED", "NOT_FOUND", "DUPLICATE_VALUE", "DUPLICATES_DETECTED", "DUPLICATE_EXTERNAL_ID",
            # The data is refused.
            "REQUIRED_FIELD_MISSING", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "STRING_TOO_LONG", "INVALID_EMAIL_ADDRESS",
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "MALFORMED_ID", "FIELD_INTEGRITY_EXCEPTION",
            "CANNOT_EXECUTE_FLOW_TRIGGER", "INACTIVE_OWNER_OR_USER", "FAILED_ACTIVATION", "JSON_PARSER_ERROR",
            "NUMBER_OUTSIDE_VALID_RANGE", "CIRCULAR_DEPENDENCY",
            # The mapping does not fit the org, or the integration user may not.
            "INVALID_FIELD", "INVALID_TYPE", "INSUFFICIENT_ACCESS_OR_READONLY",
            "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
            "INVALID_FIELD_FOR_INSERT_UPDATE", "MALFORMED_QUERY", "METHOD_NOT_ALLOWED", "EXCEEDED_MAX_SIZE_REQUEST",
        ),
        FAIL,
    ),
}  # fmt: skip

# The record was there and is not any more.
GONE = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND"})

BY_STATUS: dict[int, Action] = {
    300: FAIL,
    401: REFRESH,
    403: FAIL,
    404: FAIL,
    406: TRANSIENT,
    420: TRANSIENT,
    429: TRANSIENT,
    502: AWAY,
    503: AWAY,
    504: AWAY,
}


def classify(http: int | None, code: str, *, names_missing_parent: bool = False) -> Action:
    """What to do about an answer. `http` None: no answer came. `code` is empty when the answer was not JSON.

    `names_missing_parent`: INVALID_FIELD stands both for a column the org does not have and for a parent it does not
    have yet; only the caller knows that the record names parents by external id.
    """
    if http is None:
        return AWAY
    code = code.upper()
    if code == "INVALID_FIELD" and names_missing_parent:
        return WAIT
    if code in BY_CODE:
        return BY_CODE[code]
    if http in BY_STATUS:
        return BY_STATUS[http]
    return TRANSIENT if http >= 500 else UNKNOWN


def delay(action: Action, attempt: int, random: Random) -> float:
    """Seconds until the next attempt, `attempt` being the number of those made: full jitter, doubling up to the cap.

    Never below a tenth of the span, so that a queue of failures does not turn into a busy loop.
    """
    span = min(action.cap, action.base * 2.0 ** min(max(attempt - 1, 0), 20))
    return span * max(0.1, random.random())
