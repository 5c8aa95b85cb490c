"""Setting up what was bought, for the systems that do it: which steps wait, and what became of them."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from ninja import Query, Router, Schema
from ninja.errors import HttpError
from ninja.security import HttpBearer
from pydantic import Field

from accounts.paging import BadCursor, page_of
from commerce.models import ProvisioningStep, StepState
from commerce.orders import provisioning
from tracking.actor import Actor


class ServiceToken(HttpBearer):
    """One of the tokens that this installation was given (PROVISIONING_TOKENS); several while one takes over."""

    def authenticate(self, request: HttpRequest, token: str) -> str | None:
        known = [constant_time_compare(token, each) for each in settings.PROVISIONING_TOKENS]
        return "provisioning" if any(known) else None


router = Router(tags=["provisioning"], auth=ServiceToken())


class StepOut(Schema):
    id: uuid.UUID = Field(alias="public_id")
    order: str = Field(alias="order.number")
    company: uuid.UUID = Field(alias="account.public_id")
    product: str = Field(alias="line.product.code")
    quantity: Decimal = Field(alias="line.quantity")
    position: int
    name: str
    state: StepState
    reason: str = Field(description="Why it failed last.")
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None


class StepList(Schema):
    items: list[StepOut]
    next_cursor: str | None = Field(description="The `cursor` of the next page; null on the last one.")


class StepFilter(Schema):
    state: StepState = Field(StepState.WAITING, description="Steps in this state.")
    product: str = Field("", max_length=50, description="The code of a product; empty: of all.")
    limit: int = Field(25, ge=1, le=100)
    cursor: str = Field("", max_length=100)


class Report(Schema):
    state: Literal["running", "done", "failed", "retried"]
    reason: str = Field("", max_length=200, description="Of a failure: the customer reads it.")


@router.get("", response=StepList, summary="List steps of orders, oldest first")
def list_steps(request: HttpRequest, filters: Annotated[StepFilter, Query()]) -> dict[str, object]:
    steps = ProvisioningStep.objects.filter(state=filters.state).select_related("order", "account", "line__product")
    if filters.product:
        steps = steps.filter(line__product__code=filters.product)
    try:
        page = page_of(steps.order_by("order_id", "pk"), cursor=filters.cursor, size=filters.limit)
    except BadCursor as error:
        raise HttpError(400, "This cursor was not given by this list.") from error
    return {"items": page.rows, "next_cursor": page.next or None}


@router.post("/{uuid:public_id}", response=StepOut, summary="Say what became of a step")
def report_step(request: HttpRequest, public_id: uuid.UUID, report: Report) -> ProvisioningStep:
    """Reporting the same twice changes nothing. 409: another step comes first, or this one is over."""
    step = get_object_or_404(ProvisioningStep, public_id=public_id)
    if report.state == "failed" and not report.reason.strip():
        raise HttpError(422, "Say why it failed.")
    try:
        _report(step, report)
    except provisioning.StepRefused as refusal:
        raise HttpError(409, str(refusal)) from refusal
    return ProvisioningStep.objects.select_related("order", "account", "line__product").get(pk=step.pk)


def _report(step: ProvisioningStep, report: Report) -> None:
    actor, now = Actor.system(step.account_id), timezone.now()
    match report.state:
        case "running":
            provisioning.begin_step(step=step, actor=actor, now=now)
        case "done":
            provisioning.finish_step(step=step, actor=actor, now=now)
        case "failed":
            provisioning.fail_step(step=step, reason=report.reason, actor=actor, now=now)
        case "retried":
            provisioning.retry_step(step=step, actor=actor, now=now)
