"""The help centre: shelves, articles, search, and the answer found before a case was opened."""

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.http import AccountRequest, requires, session_digest
from accounts.models import Membership
from accounts.paging import page_of
from accounts.permissions import Permission
from knowledge import services
from knowledge.forms import DeflectionForm, VoteForm
from knowledge.markdown import render as render_markdown
from knowledge.models import Article, ArticleQuerySet, ArticleVote, Category, Visibility
from knowledge.search import clean, suggest
from knowledge.search import search as find
from tracking.models import EventName
from tracking.services import buffer_page_view

RESULTS = 30
POPULAR = 6
RELATED = 4


@require_safe
@requires(Permission.READ_ARTICLES)
def help_centre(request: AccountRequest) -> HttpResponse:
    readable = Article.objects.visible_to(request.membership)
    categories = Category.objects.holding(readable)
    popular = readable.select_related("category").most_helpful()[:POPULAR]
    context = {"categories": categories, "popular": popular, "may_open_cases": _may_open_cases(request.membership)}
    return render(request, "knowledge/help.html", context)


@require_safe
@requires(Permission.READ_ARTICLES)
def category(request: AccountRequest, slug: str) -> HttpResponse:
    """A shelf in order of titles."""
    shelf = get_object_or_404(Category, slug=slug)
    readable = Article.objects.visible_to(request.membership).filter(category=shelf)
    cursor = request.GET.get("cursor", "")
    page = page_of(readable.order_by("title", "slug"), cursor=cursor)
    if not page.rows and not cursor:
        raise Http404
    context = {
        "category": shelf,
        "page": page,
        "breadcrumbs": _breadcrumbs(Crumb(shelf.name)),
    }
    return render(request, "knowledge/category.html", context)


@require_safe
@requires(Permission.READ_ARTICLES)
def search(request: AccountRequest) -> HttpResponse:
    query = clean(request.GET.get("q", ""))
    hits = find(Article.objects.visible_to(request.membership), query, limit=RESULTS) if query else []
    if query:
        buffer_page_view(
            name=EventName.ARTICLE_SEARCHED,
            actor=request.actor,
            now=timezone.now(),
            session_key=session_digest(request),
            properties={"query": query, "results": len(hits)},
        )
    context = {
        "query": query,
        "hits": hits,
        "is_cut": len(hits) == RESULTS,
        "may_open_cases": _may_open_cases(request.membership),
        "breadcrumbs": _breadcrumbs(Crumb(_("Search"))),
    }
    return render(request, "knowledge/search.html", context)


@require_safe
@requires(Permission.READ_ARTICLES)
def suggestions(request: AccountRequest) -> HttpResponse:
    """A fragment for the form of a new case: what may answer it already."""
    subject = clean(request.GET.get("subject", ""))
    readable = Article.objects.visible_to(request.membership)
    found = suggest(readable, subject, topic=clean(request.GET.get("topic", ""))) if subject else []
    return render(request, "knowledge/_suggestions.html", {"suggestions": found})


@dataclass(frozen=True)
class CaseBeingWritten:
    """The form that led a customer to an article."""

    form_key: UUID
    subject: str


@login_not_required
@require_safe
@vary_on_headers("HX-Request")
def article(request: HttpRequest, slug: str) -> HttpResponse:
    """An article with its votes and neighbours; for htmx its text alone, to be read within another page.

    Public ones are open to everybody. One for customers sends to sign-in; what a person may not read does not exist.
    """
    readable = _readable_by(request)
    found = readable.select_related("category").filter(slug=slug).first()
    if found is None:
        for_customers = [Visibility.CUSTOMER, Visibility.SEGMENT]
        if request.user.is_anonymous and (
            Article.objects.published().filter(slug=slug, visibility__in=for_customers).exists()
        ):
            return redirect_to_login(request.get_full_path())
        raise Http404
    membership: Membership | None = getattr(request, "membership", None)
    if membership:
        buffer_page_view(
            name=EventName.ARTICLE_VIEWED,
            actor=cast("AccountRequest", request).actor,
            now=timezone.now(),
            object_type="article",
            object_id=found.slug,
            session_key=session_digest(request),
        )
    context: dict[str, object] = {"article": found, "body": render_markdown(found.body)}
    if request.headers.get("HX-Request"):
        return render(request, "knowledge/_body.html", context)
    near = Q(category=found.category_id) | Q(topic=found.topic)
    context |= {
        "related": readable.filter(near).exclude(pk=found.pk).most_helpful(topic_first=found.topic)[:RELATED],
        "my_vote": _vote_of(membership, found) if membership else None,
        "case": _case_being_written(request) if _may_open_cases(membership) else None,
        "may_open_cases": _may_open_cases(membership),
        "breadcrumbs": _breadcrumbs(
            Crumb(found.category.name, reverse("knowledge:category", args=[found.category.slug])), Crumb(found.title)
        )
        if membership
        else [],
    }
    return render(request, "knowledge/article.html", context)


def _may_open_cases(membership: Membership | None) -> bool:
    return membership is not None and membership.may(Permission.OPEN_CASES)


@dataclass(frozen=True)
class Crumb:
    label: str
    url: str = ""


def _breadcrumbs(*path: Crumb) -> list[Crumb]:
    return [Crumb(_("Help"), reverse("knowledge:help")), *path]


def _readable_by(request: HttpRequest) -> ArticleQuerySet:
    membership: Membership | None = getattr(request, "membership", None)
    if membership is None and request.user.is_authenticated and request.user.is_staff:
        return Article.objects.published()
    if membership is not None and not membership.may(Permission.READ_ARTICLES):
        membership = None
    return Article.objects.visible_to(membership)


def _vote_of(membership: Membership, article: Article) -> ArticleVote | None:
    votes = ArticleVote.objects.for_account(membership.account)
    return votes.filter(user=membership.user, article=article).first()


def _case_being_written(request: HttpRequest) -> CaseBeingWritten | None:
    form = DeflectionForm(request.GET)
    return CaseBeingWritten(**form.cleaned_data) if form.is_valid() else None


@require_POST
@requires(Permission.READ_ARTICLES)
def vote(request: AccountRequest, slug: str) -> HttpResponse:
    found = get_object_or_404(Article.objects.visible_to(request.membership), slug=slug)
    form = VoteForm(request.POST)
    if not form.is_valid():
        raise BadRequest
    services.vote(
        article=found, membership=request.membership, is_helpful=form.cleaned_data["is_helpful"], now=timezone.now()
    )
    if not request.htmx:
        return redirect(found)
    found.refresh_from_db(fields=["helpful_votes", "unhelpful_votes"])
    context = {"article": found, "my_vote": _vote_of(request.membership, found)}
    return render(request, "knowledge/_vote.html", context)


@require_POST
@requires(Permission.OPEN_CASES)
def solved(request: AccountRequest, slug: str) -> HttpResponse:
    """The article answered the case that was being written: it is not opened."""
    found = get_object_or_404(Article.objects.visible_to(request.membership), slug=slug)
    form = DeflectionForm(request.POST)
    if not form.is_valid():
        raise BadRequest
    services.record_deflection(
        article=found,
        account=request.account,
        user=request.user,
        actor=request.actor,
        now=timezone.now(),
        **form.cleaned_data,
    )
    return redirect("knowledge:thanks", slug=found.slug)


@require_safe
@requires(Permission.READ_ARTICLES)
def thanks(request: AccountRequest, slug: str) -> HttpResponse:
    found = get_object_or_404(Article.objects.visible_to(request.membership), slug=slug)
    context = {"article": found, "my_vote": _vote_of(request.membership, found)}
    return render(request, "knowledge/thanks.html", context)
