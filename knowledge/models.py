"""The help centre: articles, their versions, who may read them, and the cases they saved."""

from typing import Self

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Exists, Expression, ExpressionWrapper, F, OuterRef, Q
from django.db.models.expressions import OrderBy
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Membership
from accounts.permissions import Role


class CategoryQuerySet(models.QuerySet["Category"]):
    def holding(self, articles: "ArticleQuerySet") -> Self:
        """Shelves with at least one of these articles."""
        return self.filter(Exists(articles.filter(category=OuterRef("pk"))))


class Category(models.Model):
    """A shelf of the help centre."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=200, blank=True)
    icon = models.CharField(max_length=40, default="book-open")
    position = models.PositiveSmallIntegerField(default=0)

    objects = CategoryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = _("categories")
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class ArticleState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    PUBLISHED = "published", _("Published")
    ARCHIVED = "archived", _("Archived")

    @property
    def tone(self) -> str:
        """The label's tone in the admin."""
        return {"draft": "info", "published": "success", "archived": "default"}[self]


class Visibility(models.TextChoices):
    """Who may read. Internal is the default: an article nobody has decided about stays with the staff."""

    INTERNAL = "internal", _("Staff only")
    SEGMENT = "segment", _("Customers of chosen tiers and roles")
    CUSTOMER = "customer", _("All signed-in customers")
    PUBLIC = "public", _("Everyone")


class Topic(models.TextChoices):
    BILLING = "billing", _("Billing")
    ACCESS = "access", _("Access")
    INTEGRATIONS = "integrations", _("Integrations")
    PERFORMANCE = "performance", _("Performance")
    DATA = "data", _("Data")
    MOBILE = "mobile", _("Mobile")
    AUTOMATION = "automation", _("Automation")
    REPORTING = "reporting", _("Reporting")
    PLANNING = "planning", _("Planning")


def search_vector() -> Expression:
    """Title counts most, then summary, then text."""
    vector: Expression = (
        SearchVector("title", weight="A", config="english")
        + SearchVector("summary", weight="B", config="english")
        + SearchVector("body", weight="C", config="english")
    )
    return vector


class ArticleQuerySet(models.QuerySet["Article"]):
    def published(self) -> Self:
        return self.filter(state=ArticleState.PUBLISHED)

    def visible_to(self, membership: Membership | None) -> Self:
        """Published articles this member of a company (or, with None, anybody) may read.

        A public article shows to everyone. One for customers may name roles; a segment names tiers, roles or both; a
        part left empty does not restrict, and a segment with neither shows to nobody.
        """
        published = self.published()
        if membership is None:
            return published.filter(visibility=Visibility.PUBLIC)
        tiers = Q(tiers=[]) | Q(tiers__contains=[membership.account.tier.code])
        roles = Q(roles=[]) | Q(roles__overlap=list(membership.roles))
        named = ~Q(tiers=[], roles=[])
        return published.filter(
            Q(visibility=Visibility.PUBLIC)
            | Q(visibility=Visibility.CUSTOMER) & roles
            | Q(visibility=Visibility.SEGMENT) & tiers & roles & named
        )

    def most_helpful(self, *, topic_first: str = "") -> Self:
        """Best voted first, then the newest; those of one topic before all others where one is given."""
        order: list[str | OrderBy] = ["-helpful_votes", F("published_at").desc(nulls_last=True), "pk"]
        if not topic_first:
            return self.order_by(*order)
        on_topic = ExpressionWrapper(Q(topic=topic_first), output_field=models.BooleanField())
        return self.order_by(on_topic.desc(), *order)


@pghistory.track(exclude=["search", "helpful_votes", "unhelpful_votes"])
class Article(models.Model):
    """An answer. Readers see the text of the published version; the text here is that version's copy."""

    slug = models.SlugField(max_length=120, unique=True)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="articles")
    title = models.CharField(max_length=160)
    summary = models.CharField(max_length=300)
    body = models.TextField()  # Markdown.
    state = models.CharField(max_length=10, choices=ArticleState, default=ArticleState.DRAFT)
    visibility = models.CharField(max_length=10, choices=Visibility, default=Visibility.INTERNAL)
    tiers = ArrayField(models.CharField(max_length=50), default=list, blank=True)  # Codes of accounts.Tier.
    roles = ArrayField(models.CharField(max_length=20, choices=Role), default=list, blank=True)
    topic = models.CharField(max_length=20, choices=Topic)
    products = ArrayField(models.CharField(max_length=50), default=list, blank=True)  # Product codes it is about.
    feature = models.CharField(max_length=50, blank=True)  # Code of an add-on this article may lead to.
    version = models.PositiveIntegerField(default=1)
    review_date = models.DateField(null=True, blank=True)  # To be read again by then.
    published_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(default=timezone.now)
    # Sums over ArticleVote of all accounts, kept by a trigger: a customer sees only their own company's votes.
    helpful_votes = models.PositiveIntegerField(default=0, editable=False)
    unhelpful_votes = models.PositiveIntegerField(default=0, editable=False)
    search = models.GeneratedField(expression=search_vector(), output_field=SearchVectorField(), db_persist=True)

    objects = ArticleQuerySet.as_manager()

    class Meta:
        indexes = [
            GinIndex(fields=["search"], name="article_search"),
            GinIndex(fields=["title"], name="article_title_trigram", opclasses=["gin_trgm_ops"]),
            models.Index(fields=["category", "title", "id"], name="article_on_shelf"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("knowledge:article", args=[self.slug])

    @property
    def is_published(self) -> bool:
        return self.state == ArticleState.PUBLISHED

    @property
    def state_choice(self) -> ArticleState:
        return ArticleState(self.state)


class ArticleVersion(models.Model):
    """An article's text as it once read. Appended, never edited."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=160)
    summary = models.CharField(max_length=300)
    body = models.TextField()
    author = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["article", "number"], name="article_version_once")]

    def __str__(self) -> str:
        return f"{self.title} (version {self.number})"


class DeflectionQuerySet(models.QuerySet["Deflection"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class Deflection(models.Model):
    """A case that was never opened, because an article answered it: the customer said so."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="deflections")
    user = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True)
    article = models.ForeignKey(Article, on_delete=models.PROTECT, related_name="deflections")
    subject = models.CharField(max_length=200)  # What the customer had typed.
    # One per form the customer filled in: saying "solved" twice counts once.
    form_key = models.UUIDField()
    created_at = models.DateTimeField(default=timezone.now)

    objects = DeflectionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "form_key"], name="deflection_once")]

    def __str__(self) -> str:
        return self.subject


class ArticleVoteQuerySet(models.QuerySet["ArticleVote"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class ArticleVote(models.Model):
    """Whether an article helped one person; they may change their mind."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE)
    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="votes")
    is_helpful = models.BooleanField()
    updated_at = models.DateTimeField(default=timezone.now)

    objects = ArticleVoteQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "user", "article"], name="article_vote_once")]

    def __str__(self) -> str:
        return f"{self.article_id}: {'yes' if self.is_helpful else 'no'}"
