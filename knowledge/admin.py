"""The staff's work on articles: writing, publishing, and what is due for another look."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.admin import ReadOnly, Undeletable
from accounts.http import StaffRequest
from accounts.models import Tier
from accounts.permissions import Role
from knowledge import services
from knowledge.markdown import render as render_markdown
from knowledge.models import Article, ArticleState, ArticleVersion, Category, Deflection, Visibility
from knowledge.urls import RESERVED_SLUGS

TEXT = {"title", "summary", "body"}


def _tiers() -> list[tuple[str, str]]:
    return [(tier.code, tier.name) for tier in Tier.objects.all()]


class ArticleForm(forms.ModelForm[Article]):
    tiers = forms.MultipleChoiceField(
        label=_("Tiers"), choices=_tiers, required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    roles = forms.MultipleChoiceField(
        label=_("Roles"), choices=Role, required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    class Meta:
        model = Article
        fields = [
            "title", "slug", "summary", "body", "category", "topic", "visibility", "tiers", "roles", "products",
            "feature", "review_date",
        ]  # fmt: skip
        widgets = {"body": UnfoldAdminTextareaWidget(attrs={"rows": 28}), "products": UnfoldAdminTextInputWidget}
        help_texts = {
            "body": _("Markdown. Begin below the title, with ## for the first heading."),
            "visibility": _("Who may read it once it is published."),
            "products": _("Codes of the products it is about, with commas."),
            "feature": _("Code of the add-on it may lead to."),
            "review_date": _("To be read again by then."),
        }

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if slug in RESERVED_SLUGS:
            raise forms.ValidationError(_("This address is taken by a page of the help centre."))
        return slug

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        chosen = bool(data.get("tiers") or data.get("roles"))
        if data.get("visibility") == Visibility.SEGMENT and not chosen:
            self.add_error("visibility", _("Choose tiers or roles: a segment without either shows to nobody."))
        if data.get("visibility") == Visibility.PUBLIC and chosen:
            self.add_error("visibility", _("Everyone reads a public article: leave out tiers and roles."))
        if data.get("visibility") == Visibility.CUSTOMER and data.get("tiers"):
            self.add_error("visibility", _("For chosen tiers, choose the visibility for tiers and roles."))
        return data


class ReviewFilter(admin.SimpleListFilter):
    title = _("review")
    parameter_name = "review"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("overdue", _("Overdue")), ("soon", _("Within 30 days")), ("none", _("Without a date"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        today = timezone.localdate()
        match self.value():
            case "overdue":
                return queryset.filter(review_date__lt=today)
            case "soon":
                return queryset.filter(review_date__gte=today, review_date__lte=today + timedelta(days=30))
            case "none":
                return queryset.filter(review_date__isnull=True)
        return queryset


class VersionInline(ReadOnly, TabularInline):
    model = ArticleVersion
    fields = ["number", "title", "author", "created_at"]
    readonly_fields = fields
    ordering = ["-number"]
    extra = 0
    tab = True
    show_change_link = True


@admin.register(Article)
class ArticleAdmin(Undeletable, ModelAdmin):
    """Every text that readers saw is a version: saving changed text of a published article publishes it anew."""

    form = ArticleForm
    list_display = [
        "title", "category", "state_label", "visibility", "version", "review_shown", "helpful_votes", "updated_at",
    ]  # fmt: skip
    list_filter = ["state", "visibility", "category", "topic", ReviewFilter]
    list_select_related = ["category"]
    search_fields = ["title", "summary", "body"]
    ordering = ["title"]
    prepopulated_fields = {"slug": ["title"]}
    readonly_fields = ["state_shown", "version", "published_at", "updated_at", "helpful_votes", "unhelpful_votes"]
    inlines = [VersionInline]
    actions_submit_line = ["publish", "archive"]
    fieldsets = [
        (None, {"fields": ["title", "slug", "summary", "body"]}),
        (_("Place"), {"fields": ["category", "topic", "products", "feature"]}),
        (_("Readers"), {"fields": ["visibility", "tiers", "roles"]}),
        (
            _("Publication"),
            {"fields": ["state_shown", "version", "review_date", "published_at", "updated_at", "helpful_votes"]},
        ),
    ]

    @display(description=_("state"), ordering="state", label={one.value: one.tone for one in ArticleState})
    def state_label(self, article: Article) -> tuple[str, str]:
        return article.state, str(article.state_choice.label)

    @display(description=_("state"))
    def state_shown(self, article: Article) -> str:
        return str(article.state_choice.label)

    @display(description=_("review by"), ordering="review_date", label={"overdue": "danger", "planned": "default"})
    def review_shown(self, article: Article) -> tuple[str, date] | None:
        if article.review_date is None:
            return None
        return "overdue" if article.review_date < timezone.localdate() else "planned", article.review_date

    def view_on_site(self, article: Article) -> str:
        return reverse("admin:knowledge_article_preview", args=[article.pk])

    def save_model(self, request: StaffRequest, obj: Article, form: forms.Form, change: bool) -> None:
        """Only what was changed, as votes may have come in; then what the button pressed says."""
        now = timezone.now()
        obj.updated_at = now
        if change:
            obj.save(update_fields=[*form.changed_data, "updated_at"])
        else:
            obj.save()
        if change and obj.is_published and TEXT & set(form.changed_data):
            services.publish_article(article=obj, author=request.user, now=now)
        for button in self.get_actions_submit_line(request, obj.pk):
            if button.action_name in request.POST:
                button.method(request, obj)

    @action(description=_("Save and publish"), permissions=["change"])
    def publish(self, request: StaffRequest, obj: Article) -> None:
        version = services.publish_article(article=obj, author=request.user, now=timezone.now())
        said = gettext("Version %(number)d is what readers see.") % {"number": version.number}
        self.message_user(request, said, messages.SUCCESS)

    @action(description=_("Archive"), permissions=["change"])
    def archive(self, request: StaffRequest, obj: Article) -> None:
        services.archive_article(article=obj, now=timezone.now())
        self.message_user(request, gettext("Readers no longer see the article."), messages.SUCCESS)

    def get_urls(self) -> list[URLPattern]:
        preview = path("<int:pk>/preview/", self.admin_site.admin_view(self.preview), name="knowledge_article_preview")
        return [preview, *super().get_urls()]

    def preview(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The article as its readers will see it, whatever its state."""
        article = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_view_permission(request, article):
            raise PermissionDenied
        context = {"article": article, "body": render_markdown(article.body)}
        return render(request, "knowledge/preview.html", context)


@admin.register(ArticleVersion)
class ArticleVersionAdmin(ReadOnly, ModelAdmin):
    list_display = ["article", "number", "title", "author", "created_at"]
    list_select_related = ["article", "author"]
    search_fields = ["article__title", "title"]
    ordering = ["-created_at"]
    fields = ["article", "number", "title", "summary", "body", "author", "created_at"]
    actions = ["restore"]

    def has_restore_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("knowledge.change_article")

    @admin.action(description=_("Make this text the article's text again"), permissions=["restore"])
    def restore(self, request: StaffRequest, queryset: QuerySet[ArticleVersion]) -> None:
        if queryset.count() != 1:
            self.message_user(request, gettext("Choose one version."), messages.WARNING)
            return
        restored = services.restore_version(version=queryset.get(), author=request.user, now=timezone.now())
        said = gettext("Its text is version %(number)d now.") % {"number": restored.number}
        self.message_user(request, said, messages.SUCCESS)


@admin.register(Category)
class CategoryAdmin(Undeletable, ModelAdmin):
    list_display = ["name", "position", "description"]
    prepopulated_fields = {"slug": ["name"]}
    fields = ["name", "slug", "description", "icon", "position"]


@admin.register(Deflection)
class DeflectionAdmin(ReadOnly, ModelAdmin):
    list_display = ["subject", "article", "account", "user", "created_at"]
    list_filter = ["article__category", "created_at"]
    list_select_related = ["article", "account", "user"]
    search_fields = ["subject", "article__title", "account__name"]
    ordering = ["-created_at"]
    fields = ["subject", "article", "account", "user", "created_at"]
    paginator = InfinitePaginator
    show_full_result_count = False
