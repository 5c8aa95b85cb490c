"""Cases for other programs of the customer: the same permissions, the same operations as the pages."""

import uuid
from datetime import datetime
from typing import Annotated, Literal, cast

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field, StringConstraints

from accounts.http import AccountRequest, PortalRequest
from accounts.models import Membership
from accounts.paging import BadCursor, page_of
from accounts.permissions import Permission
from cases import services
from cases.models import Case, CaseMessage, CaseQuerySet, CaseStatus, Priority
from cases.services import LONGEST_MESSAGE, LONGEST_SUBJECT
from knowledge.models import Topic

router = Router(tags=["cases"])

MESSAGES = 100  # Of a case, the latest.

# PostgreSQL takes no NUL in a text.
Subject = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_SUBJECT, pattern=r"^[^\x00\r\n]+$")
]
Body = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_MESSAGE, pattern=r"^[^\x00]+$")
]
FormKey = Annotated[
    uuid.UUID,
    Field(default_factory=uuid.uuid4, description="Choose one per request: sent again, it has no second effect."),
]


class CaseSummary(Schema):
    number: str
    subject: str
    topic: str
    priority: Priority
    status: CaseStatus
    opened_by: str = Field(alias="opened_by.name")
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None


class MessageOut(Schema):
    id: uuid.UUID = Field(alias="public_id")
    author: str = Field(alias="author.name")
    is_from_staff: bool
    body: str
    created_at: datetime


class CaseOut(CaseSummary):
    messages: list[MessageOut] = Field(description="The latest, oldest first.")

    @staticmethod
    def resolve_messages(case: Case) -> list[CaseMessage]:
        latest = case.messages.for_customer().select_related("author").order_by("-created_at", "-pk")
        return list(latest[:MESSAGES])[::-1]


class CaseList(Schema):
    items: list[CaseSummary]
    next_cursor: str | None = Field(description="The `cursor` of the next page; null on the last one.")


class CaseFilter(Schema):
    status: Literal["open", "done", "all"] = "open"
    q: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")] = Field(
        "", description="A number, or words of the subject."
    )
    limit: int = Field(25, ge=1, le=100)
    cursor: str = Field("", max_length=100)


class CaseIn(Schema):
    subject: Subject
    description: Body
    topic: Literal[""] | Topic = ""
    priority: Priority = Priority.NORMAL
    form_key: FormKey


class MessageIn(Schema):
    body: Body
    form_key: FormKey


def _cases(request: HttpRequest, permission: Permission) -> CaseQuerySet:
    """The cases that somebody sees, for somebody who may."""
    membership: Membership | None = getattr(request, "membership", None)
    if membership is None or not membership.may(permission):
        cast("PortalRequest", request).refused = permission
        raise HttpError(403, "You may not do this.")
    return Case.objects.visible_to(membership).select_related("opened_by")


def _case(request: HttpRequest, number: str, permission: Permission) -> Case:
    cases = _cases(request, permission)
    serial = number.removeprefix("CS-")
    if not (number.startswith("CS-") and serial.isascii() and serial.isdigit() and len(serial) <= 15):
        raise HttpError(404, "Not Found")
    return get_object_or_404(cases, serial=int(serial))


@router.get("", response=CaseList, summary="List cases, the most recently changed first")
def list_cases(request: HttpRequest, filters: Annotated[CaseFilter, Query()]) -> dict[str, object]:
    cases = _cases(request, Permission.VIEW_CASES).matching(filters.q)
    shown = {"open": cases.open, "done": cases.done, "all": cases.all}[filters.status]()
    try:
        page = page_of(shown.recent_first(), cursor=filters.cursor, size=filters.limit)
    except BadCursor as error:
        raise HttpError(400, "This cursor was not given by this list.") from error
    return {"items": page.rows, "next_cursor": page.next or None}


@router.get("/{number}", response=CaseOut, summary="Read a case")
def read_case(request: HttpRequest, number: str) -> Case:
    return _case(request, number, Permission.VIEW_CASES)


@router.post("", response={201: CaseOut}, summary="Open a case")
def open_case(request: AccountRequest, sent: CaseIn) -> Status[Case]:
    _cases(request, Permission.OPEN_CASES)
    case = services.open_case(
        account=request.account,
        opened_by=request.user,
        actor=request.actor,
        subject=sent.subject,
        description=sent.description,
        topic=sent.topic,
        priority=sent.priority,
        form_key=sent.form_key,
        now=timezone.now(),
    )
    return Status(201, case)


@router.post("/{number}/messages", response={201: MessageOut}, summary="Answer in a case")
def reply(request: AccountRequest, number: str, sent: MessageIn) -> Status[CaseMessage]:
    case = _case(request, number, Permission.OPEN_CASES)
    message = services.reply_as_customer(
        case=case, author=request.user, body=sent.body, form_key=sent.form_key, now=timezone.now()
    )
    return Status(201, message)
