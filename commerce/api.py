"""Quotes for other programs of the customer: the same figures and the same words as on the page and in the PDF."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Annotated, cast

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Query, Router, Schema
from ninja.errors import HttpError
from pydantic import Field

from accounts.http import AccountRequest, PortalRequest
from accounts.models import Membership
from accounts.paging import BadCursor, page_of
from accounts.permissions import Permission
from commerce.models import Quote, QuoteLine, QuoteStatus
from commerce.models.quotes import QuoteQuerySet
from tracking.actor import ActorKind

router = Router(tags=["quotes"])


class QuoteSummary(Schema):
    id: uuid.UUID = Field(alias="public_id")
    number: str
    title: str
    status: QuoteStatus
    currency: str
    total_minor: int = Field(description="Due on acceptance, with tax, in minor units.")
    created_at: datetime
    expires_at: datetime

    @staticmethod
    def resolve_status(quote: Quote) -> QuoteStatus:
        """As its company reads it: that they have seen it is no news to them."""
        if quote.is_expired(timezone.now()):
            return QuoteStatus.EXPIRED
        return QuoteStatus.PRESENTED if quote.status_choice.is_open else quote.status_choice


class LineOut(Schema):
    product: str = Field(alias="product.code")
    name: str = Field(alias="product.name")
    quantity: Decimal = Field(description="Signed: below zero is given back.")
    unit_price: Decimal = Field(
        alias="net_unit_price", description="Of a unit and month (a service: once), before tax, after all discounts."
    )
    total_minor: int = Field(description="Due on acceptance, before tax.")
    tax_rate: Decimal = Field(description="0.19 is 19 %.")
    tax_minor: int
    recurring_minor: int = Field(description="Change each month, before tax.")
    explanation: str = Field(alias="words", description="How the price came about, in the reader's language.")


class QuoteOut(QuoteSummary):
    subtotal_minor: int = Field(description="Due on acceptance, before tax.")
    tax_minor: int
    recurring_before_minor: int = Field(description="Each month until the change, before tax.")
    recurring_after_minor: int = Field(description="Each month after it, before tax.")
    price_hash: str = Field(description="Over all figures: what an acceptance is bound to.")
    lines: list[LineOut]

    @staticmethod
    def resolve_lines(quote: Quote) -> list[QuoteLine]:
        return list(quote.lines.select_related("product"))


class QuoteList(Schema):
    items: list[QuoteSummary]
    next_cursor: str | None = Field(description="The `cursor` of the next page; null on the last one.")


class QuoteFilter(Schema):
    limit: int = Field(25, ge=1, le=100)
    cursor: str = Field("", max_length=100)


def _quotes(request: HttpRequest) -> QuoteQuerySet:
    """The quotes that the company sees, for somebody who may see prices."""
    membership: Membership | None = getattr(request, "membership", None)
    if membership is None or not membership.may(Permission.VIEW_PRICES):
        cast("PortalRequest", request).refused = Permission.VIEW_PRICES
        raise HttpError(403, "You may not see prices.")
    return Quote.objects.for_account(membership.account).shown_to_customers()


@router.get("", response=QuoteList, summary="List quotes, newest first")
def list_quotes(request: HttpRequest, filters: Annotated[QuoteFilter, Query()]) -> dict[str, object]:
    try:
        page = page_of(_quotes(request).latest_first(), cursor=filters.cursor, size=filters.limit)
    except BadCursor as error:
        raise HttpError(400, "This cursor was not given by this list.") from error
    return {"items": page.rows, "next_cursor": page.next or None}


@router.get("/{uuid:public_id}", response=QuoteOut, summary="Read a quote")
def read_quote(request: AccountRequest, public_id: uuid.UUID) -> Quote:
    quote = get_object_or_404(_quotes(request), public_id=public_id)
    if request.actor.kind == ActorKind.CUSTOMER:
        quote.mark_viewed(timezone.now())
    return quote
