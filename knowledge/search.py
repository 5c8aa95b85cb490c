"""Finding articles: full text first, look-alikes for typing errors, and suggestions for a case being written."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.contrib.postgres.search import (
    SearchHeadline,
    SearchQuery,
    SearchRank,
    TrigramWordSimilarity,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, F, FloatField, Func, Q, Value
from django.db.models.functions import Concat, Greatest
from django.db.models.sql.compiler import SQLCompiler
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from knowledge.models import Article, ArticleQuerySet

LONGEST_QUERY = 200  # Characters; what is typed beyond that is not read.
FEW = 3  # With fewer results than this, look-alikes are added.
SHORTEST_WORD = 4  # Shorter words look like too many others.
ALIKE = 0.3  # Trigram similarity of a candidate: "invioce" has 0.375 with "invoices".
NEAR = 0.8  # Share of letters in order from which a word counts as mistyped: 0.8 for the same pair.
CANDIDATES = 60

# Around found words in a headline: characters that no article has, replaced after the text has been escaped.
_START, _STOP = "\ue000", "\ue001"


@dataclass(frozen=True)
class Hit:
    """An article that was found, and a passage with the words marked."""

    article: Article
    snippet: SafeString


def clean(text: str) -> str:
    """What somebody typed, as the database takes it."""
    return " ".join(text.replace("\x00", " ").split())[:LONGEST_QUERY]


def search(articles: ArticleQuerySet, text: str, *, limit: int) -> list[Hit]:
    """The articles of the set that answer `text`, best first; at most two queries.

    One with all the words comes before one with some, a word in the title before one in the body, and the last word
    may be the beginning of one.
    """
    text = clean(text)
    found = articles.select_related("category").annotate(headline=_headline(text))
    hits = list(_by_words(found, text)[:limit])
    if len(hits) < min(FEW, limit):
        known = [article.pk for article in hits]
        hits += _alike(found.exclude(pk__in=known), text, limit - len(hits))
    return [Hit(article, _mark(article.headline or article.summary)) for article in hits]  # type: ignore[attr-defined]


def suggest(articles: ArticleQuerySet, subject: str, *, topic: str = "", limit: int = 5) -> list[Article]:
    """Articles of the set that may make a case about `subject` unnecessary; three where the set has as many.

    What the words find, then what the topic's readers found helpful, then what everybody did.
    """
    subject = clean(subject)
    found = list(_by_words(articles, subject)[:limit])
    if len(found) < FEW:
        found += _alike(articles.exclude(pk__in=[article.pk for article in found]), subject, FEW - len(found))
    if len(found) < FEW:
        topic = topic or (found[0].topic if found else "")
        others = articles.exclude(pk__in=[article.pk for article in found])
        found += others.most_helpful(topic_first=topic)[: FEW - len(found)]
    return found


def _by_words(articles: ArticleQuerySet, text: str) -> ArticleQuerySet:
    some = _AnyWord(text)
    return (
        articles.filter(search=some)
        .annotate(
            has_all=Q(search=SearchQuery(text, config="english", search_type="websearch")),
            rank=SearchRank(F("search"), some),
        )
        .order_by("-has_all", "-rank", "pk")
    )


def _alike(articles: ArticleQuerySet, text: str, limit: int) -> list[Article]:
    """Titles and summaries with words that look like the ones typed; one query.

    Trigrams find candidates, but prefer a shared beginning ("invioce" to "invite"): the nearer spelling decides.
    """
    words = [word for word in dict.fromkeys(re.findall(r"\w+", text.lower())) if len(word) >= SHORTEST_WORD][:8]
    if not words:
        return []
    scores = [TrigramWordSimilarity(word, Concat("title", Value(" "), "summary")) for word in words]
    closest: Expression = Greatest(*scores, output_field=FloatField()) if len(scores) > 1 else scores[0]
    candidates = articles.annotate(closest=closest).filter(closest__gte=ALIKE).order_by("-closest", "pk")[:CANDIDATES]
    scored = [(_nearness(words, article), article) for article in candidates]
    scored.sort(key=lambda pair: -pair[0])
    return [article for nearness, article in scored[:limit] if nearness]


def _nearness(words: list[str], article: Article) -> float:
    """How much of what was typed the title and summary have, spelling aside."""
    there = set(re.findall(r"\w+", f"{article.title} {article.summary}".lower()))
    ratios = (max((SequenceMatcher(None, word, other).ratio() for other in there), default=0.0) for word in words)
    return sum(ratio for ratio in ratios if ratio >= NEAR)


class _AnyWord(SearchQuery):
    """A full-text query for any of the words, the last one as a prefix; null when the text has none."""

    def __init__(self, text: str) -> None:
        super().__init__(text, config="english", search_type="plain")

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **kwargs: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        every, params = super().as_sql(compiler, connection, **kwargs)
        return f"(nullif(replace(({every})::text, ' & ', ' | '), '') || ':*')::tsquery", params


def _headline(text: str) -> Expression:
    # Markdown's signs are noise in a passage of two lines.
    signs = Value(r"(?n)^\s*>|[*#|`~]+|-{3,}|\]\([^)]*\)|!?\[")
    plain = Func(F("body"), signs, Value(" "), Value("g"), function="regexp_replace")
    headline: Expression = SearchHeadline(
        plain,
        _AnyWord(text),
        config="english",
        start_sel=_START,
        stop_sel=_STOP,
        max_words=32,
        min_words=18,
        max_fragments=1,
    )
    return headline


def _mark(passage: str) -> SafeString:
    """The passage with found words marked. It is escaped first: an article's text is not HTML here."""
    escaped = escape(" ".join(passage.split()))
    return mark_safe(escaped.replace(_START, "<mark>").replace(_STOP, "</mark>"))  # noqa: S308
