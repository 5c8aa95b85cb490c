"""Help articles for other programs of the customer: the same readers, the same search."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema
from ninja.errors import HttpError
from pydantic import Field

from accounts.models import Membership
from accounts.permissions import Permission
from knowledge.models import Article, ArticleQuerySet
from knowledge.search import clean, search

router = Router(tags=["help"])


class ArticleSummary(Schema):
    slug: str
    title: str
    summary: str
    category: str = Field(alias="category.name")
    topic: str


class ArticleOut(ArticleSummary):
    body: str = Field(description="Markdown.")
    version: int
    helpful_votes: int
    updated_at: datetime


class ArticleList(Schema):
    items: list[ArticleSummary]
    next_after: str | None = Field(description="The `after` of the next page; null on the last one.")


class ArticleFilter(Schema):
    q: str = Field("", max_length=200, description="Words to search for; without, all articles in order of slug.")
    limit: int = Field(25, ge=1, le=100)
    after: str = Field("", max_length=120, description="Slug after which the page begins. Not used with `q`.")


def _readable(request: HttpRequest) -> ArticleQuerySet:
    membership: Membership | None = getattr(request, "membership", None)
    if membership is None or not membership.may(Permission.READ_ARTICLES):
        raise HttpError(403, "You may not read help articles.")
    return Article.objects.visible_to(membership)


@router.get("/articles", response=ArticleList, summary="List or search articles")
def list_articles(request: HttpRequest, filters: Annotated[ArticleFilter, Query()]) -> dict[str, object]:
    readable = _readable(request)
    if query := clean(filters.q):
        hits = search(readable, query, limit=filters.limit)
        return {"items": [hit.article for hit in hits], "next_after": None}
    rows = readable.select_related("category").order_by("slug")
    if after := clean(filters.after):
        rows = rows.filter(slug__gt=after)
    found = list(rows[: filters.limit + 1])
    items = found[: filters.limit]
    return {"items": items, "next_after": items[-1].slug if len(found) > filters.limit else None}


@router.get("/articles/{slug}", response=ArticleOut, summary="Read an article")
def read_article(request: HttpRequest, slug: str) -> Article:
    return get_object_or_404(_readable(request).select_related("category"), slug=clean(slug))
