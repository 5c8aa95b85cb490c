"""The staff's pages about the sync: what waits, what failed and why, and how each record stands."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Cast, Coalesce, Concat
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from accounts.admin import ReadOnly
from accounts.jobs import enqueue
from accounts.models import Account, Membership
from cases.models import Case, CaseMessage
from commerce.models import Deal, Order
from crm import outbox
from crm.models import Conflict, Cursor, Link, OutboxRow, OutboxState, Pause, SyncAttempt, SyncedObject
from crm.status import in_words
from crm.tasks import push

# Whose change pages show how the record stands.
PANELS: dict[type[models.Model], SyncedObject] = {
    Account: SyncedObject.ACCOUNT,
    Case: SyncedObject.CASE,
    Deal: SyncedObject.OPPORTUNITY,
    Order: SyncedObject.ORDER,
}
PANEL = "admin/crm/sync_panel.html"
# Fields that Salesforce owns once it has the record: with an org, they are changed over there.
OWNED_OVER_THERE: dict[type[models.Model], tuple[str, ...]] = {
    Account: ("name", "industry"),
    Case: ("priority",),
    Deal: ("close_date",),
}


def attach_sync_panels(site: admin.AdminSite) -> None:
    """Put the panel above the form of each synced model's admin. The apps below know nothing of the sync."""
    for model, crm_object in PANELS.items():
        if site.is_registered(model):
            model_admin: Any = site.get_model_admin(model)
            model_admin.crm_object = crm_object.value
            model_admin.change_form_outer_before_template = PANEL
            model_admin.get_readonly_fields = _with_fields_of_salesforce(
                model_admin.get_readonly_fields, OWNED_OVER_THERE.get(model, ())
            )


def _with_fields_of_salesforce(own: Callable[..., Sequence[str]], theirs: tuple[str, ...]) -> Callable[..., list[str]]:
    def get_readonly_fields(request: HttpRequest, obj: models.Model | None = None) -> list[str]:
        fields = list(own(request, obj))
        if obj is None or not settings.SALESFORCE_INSTANCE_URL:
            return fields
        return [*fields, *(name for name in theirs if name not in fields)]

    return get_readonly_fields


def _titles() -> Coalesce:
    """What people call the record of a row: its name, subject or number."""
    same = {"public_id": OuterRef("external_id")}
    text = models.CharField()
    return Coalesce(
        Subquery(Account.objects.filter(**same).values("name")),
        Subquery(Membership.objects.filter(**same).values("user__name")),
        Subquery(Case.objects.filter(**same).values("subject")),
        Subquery(CaseMessage.objects.filter(**same).values("case__subject")),
        Subquery(Deal.objects.filter(**same).values("name")),
        Subquery(
            Order.objects.filter(**same)
            .annotate(shown=Concat(models.Value("O-"), Cast(F("serial"), text)))
            .values("shown")
        ),
        models.Value("–"),
        output_field=text,
    )


class AttemptInline(ReadOnly, TabularInline):
    model = SyncAttempt
    fields = ["at", "http_status", "words", "milliseconds"]
    readonly_fields = fields
    seen_with = "crm.view_outboxrow"
    extra = 0
    hide_title = True

    @display(description=_("what happened"))
    def words(self, attempt: SyncAttempt) -> str:
        return in_words(attempt.code, attempt.message) or str(_("Accepted"))


@admin.register(OutboxRow)
class OutboxRowAdmin(ReadOnly, ModelAdmin):
    """What Salesforce must hear of. Rows are written by triggers; people retry or skip them."""

    list_display = ["title", "object", "state_label", "words", "attempts", "created_at", "done_at"]
    list_filter = ["state", "object", "last_code"]
    search_fields = ["external_id", "last_code"]
    ordering = ["-id"]
    actions = ["retry", "skip"]
    inlines = [AttemptInline]
    paginator = InfinitePaginator
    show_full_result_count = False
    fields = ["title", "object", "external_id", "state", "words", "attempts", "created_at", "next_at", "done_at"]
    readonly_fields = fields

    def has_steer_permission(self, request: HttpRequest) -> bool:
        """Whether somebody may retry and skip; the rows themselves are edited by nobody."""
        return request.user.has_perm("crm.change_outboxrow")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxRow]:
        rows: QuerySet[OutboxRow] = super().get_queryset(request)
        return rows.annotate(title=_titles())

    @display(description=_("record"))
    def title(self, row: OutboxRow) -> str:
        return str(getattr(row, "title", row.external_id))

    @display(
        description=_("state"),
        ordering="state",
        label={
            "pending": "info",
            "leased": "info",
            "blocked": "warning",
            "done": "success",
            "superseded": "success",
            "dead": "danger",
        },
    )
    def state_label(self, row: OutboxRow) -> tuple[str, str]:
        return row.state, str(OutboxState(row.state).label)

    @display(description=_("what happened"))
    def words(self, row: OutboxRow) -> str:
        return in_words(row.last_code, row.last_message)

    @action(description=_("Retry"), permissions=["steer"])
    def retry(self, request: HttpRequest, rows: QuerySet[OutboxRow]) -> None:
        count = OutboxRow.objects.filter(pk__in=rows.values("pk")).retry(timezone.now())
        enqueue(push)
        text = ngettext("%(count)d change will be sent again.", "%(count)d changes will be sent again.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)

    @action(description=_("Skip: Salesforce need not hear of it"), permissions=["steer"])
    def skip(self, request: HttpRequest, rows: QuerySet[OutboxRow]) -> None:
        count = OutboxRow.objects.filter(pk__in=rows.values("pk")).skip(timezone.now())
        text = ngettext("%(count)d change skipped.", "%(count)d changes skipped.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "send-again/<str:crm_object>/<uuid:external_id>/",
            self.admin_site.admin_view(self.send_again),
            name="crm_outboxrow_send_again",
        )
        return [own, *super().get_urls()]

    def send_again(self, request: HttpRequest, crm_object: str, external_id: UUID) -> HttpResponse:
        """The button of the panel: send one record now."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_steer_permission(request):
            raise PermissionDenied
        if crm_object not in SyncedObject.values:
            raise Http404
        outbox.send_again(crm_object=crm_object, external_id=external_id, now=timezone.now())
        enqueue(push)
        self.message_user(request, _("The record is on its way to Salesforce."), messages.SUCCESS)
        target = request.POST.get("next", "")
        if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
            target = reverse("admin:crm_outboxrow_changelist")
        return redirect(target)


@admin.register(Link)
class LinkAdmin(ReadOnly, ModelAdmin):
    """Our records and their counterparts."""

    list_display = ["title", "object", "crm_id", "pushed_at", "seen_modstamp"]
    list_filter = ["object"]
    search_fields = ["external_id", "crm_id"]
    ordering = ["-id"]
    paginator = InfinitePaginator
    show_full_result_count = False
    fields = ["title", "object", "external_id", "crm_id", "pushed_at", "seen_modstamp", "field_versions"]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Link]:
        links: QuerySet[Link] = super().get_queryset(request)
        return links.annotate(title=_titles())

    @display(description=_("record"))
    def title(self, link: Link) -> str:
        return str(getattr(link, "title", link.external_id))


@admin.register(Conflict)
class ConflictAdmin(ReadOnly, ModelAdmin):
    """Where both sides said something else, and which was kept."""

    list_display = ["title", "object", "field", "kept", "lost", "winner", "at"]
    list_filter = ["object", "field", "winner"]
    search_fields = ["external_id"]
    ordering = ["-at"]
    paginator = InfinitePaginator
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conflict]:
        conflicts: QuerySet[Conflict] = super().get_queryset(request)
        return conflicts.annotate(title=_titles())

    @display(description=_("record"))
    def title(self, conflict: Conflict) -> str:
        return str(getattr(conflict, "title", conflict.external_id))


@admin.register(Cursor)
class CursorAdmin(ReadOnly, ModelAdmin):
    """How far each object has been read."""

    list_display = ["object", "read_until", "updated_at", "last_error"]


@admin.register(Pause)
class PauseAdmin(ReadOnly, ModelAdmin):
    """Why nothing is exchanged at the moment."""

    list_display = ["words", "since", "until", "failures"]

    @display(description=_("reason"))
    def words(self, pause: Pause) -> str:
        return in_words(pause.code, pause.message)


attach_sync_panels(admin.site)
