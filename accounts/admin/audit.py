"""The staff's page about the audit log of all companies."""

from typing import Any, cast
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import action, display

from accounts.admin.bases import ReadOnly
from accounts.audit import AuditAction, note
from accounts.audit.exporting import CONTENT_TYPES, export
from accounts.audit.wording import lines
from accounts.models import Account, AuditEntry, AuditNote, AuditSeal, User
from tracking.actor import Actor, ActorKind

COUNTED = 10_000  # Nothing counts a long log: beyond this, "and more" has no number.


class ShortCount(Paginator[AuditEntry]):
    """Counts no further than a reader goes through pages."""

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[AuditEntry]", self.object_list)
        return rows.order_by()[:COUNTED].count()


class ActorFilter(admin.SimpleListFilter):
    title = _("who")
    parameter_name = "who"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("customer", _("Customers")),
            ("staff", _("Staff")),
            ("on_behalf", _("Staff on behalf of a customer")),
            ("system", _("The portal")),
            ("crm", _("The CRM")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        if self.value() == "on_behalf":
            return queryset.filter(actor_kind=ActorKind.STAFF, on_behalf_of__isnull=False)
        return queryset.filter(actor_kind=self.value()) if self.value() else queryset


class KindFilter(admin.SimpleListFilter):
    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        from accounts.audit.filtering import kinds

        return kinds()[1:]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        if self.value() == "notes":
            return queryset.filter(source=AuditNote._meta.db_table)
        return queryset.filter(object_type=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, ModelAdmin):
    list_display = ["sentence", "company", "occurred_at", "action"]
    list_filter = [("occurred_at", RangeDateTimeFilter), ActorFilter, KindFilter]
    list_filter_submit = True
    search_fields = ["=object_label"]
    search_help_text = _("A company, a person's name or e-mail address, or a number such as CS-10482.")
    ordering = ["-occurred_at", "-sequence"]
    paginator = ShortCount
    show_full_result_count = False
    list_per_page = 50
    actions_list = ["export_csv", "export_jsonl"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        return AuditEntry.objects.latest_first()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """Names are not in the log: those who carry them are looked up first."""
        if not search_term:
            return queryset, False
        people = list(
            User.objects.filter(Q(email__iexact=search_term) | Q(name__icontains=search_term)).values_list("pk")[:50]
        )
        accounts = list(Account.objects.filter(name__icontains=search_term).values_list("pk", flat=True)[:50])
        ids = [pk for (pk,) in people]
        return queryset.filter(
            Q(object_label=search_term)
            | Q(account_id__in=accounts)
            | Q(actor_id__in=ids)
            | Q(on_behalf_of__in=ids)
            | Q(subject_id__in=ids)
        ), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response = super().changelist_view(request, extra_context)
        changelist = getattr(response, "context_data", {}).get("cl")
        if changelist is not None:
            changelist.result_list = _put_names(list(changelist.result_list))
        return response

    @display(description=_("what happened"), ordering="occurred_at")
    def sentence(self, entry: AuditEntry) -> str:
        told: str | None = getattr(entry, "told", None)
        return told if told is not None else lines([entry])[0].sentence

    @display(description=_("company"))
    def company(self, entry: AuditEntry) -> str:
        if entry.account_id is None:
            return "–"
        name: str | None = getattr(entry, "company_name", None)
        return name if name is not None else str(Account.objects.filter(pk=entry.account_id).first() or "–")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["sentence", "company", *(field.name for field in AuditEntry._meta.fields)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.get_fields(request, obj)

    @action(description=_("Export as CSV"), url_path="export-csv", permissions=["view"])
    def export_csv(self, request: HttpRequest) -> StreamingHttpResponse:
        return self._export(request, "csv")

    @action(description=_("Export as JSON lines"), url_path="export-jsonl", permissions=["view"])
    def export_jsonl(self, request: HttpRequest) -> StreamingHttpResponse:
        return self._export(request, "jsonl")

    def _export(self, request: HttpRequest, form: str) -> StreamingHttpResponse:
        """What the list shows, as a file; that it was taken stands in the log too."""
        if not isinstance(request.user, User):
            raise PermissionDenied
        now = timezone.now()
        rows = self.get_changelist_instance(request).get_queryset(request)
        note(
            action=AuditAction.EXPORT_TAKEN,
            actor=Actor.staff(request.user.pk),
            now=now,
            object_type="accounts.auditentry",
            object_label=gettext("the audit log of all companies"),
            details={"format": form, "filter": request.GET.urlencode()[:200]},
        )
        return StreamingHttpResponse(
            export(rows, form=form, zone=ZoneInfo(request.user.time_zone)),
            content_type=CONTENT_TYPES[form],
            headers={"Content-Disposition": f'attachment; filename="audit-{now.date()}.{form}"'},
        )


def _put_names(entries: list[AuditEntry]) -> list[AuditEntry]:
    """Look up the names of a page's people and companies once."""
    names = dict(Account.objects.filter(pk__in={one.account_id for one in entries}).values_list("pk", "name"))
    for line in lines(entries):
        vars(line.entry).update(told=line.sentence, company_name=names.get(line.entry.account_id or 0, "–"))
    return entries


@admin.register(AuditSeal)
class AuditSealAdmin(ReadOnly, ModelAdmin):
    list_display = ["day", "last_sequence", "head", "sealed_at"]
    ordering = ["-day"]
