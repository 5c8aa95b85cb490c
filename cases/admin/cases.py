"""The staff's work on cases: the queue, the conversation, and the answer."""

import copy
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import ForeignKey, Prefetch, QuerySet
from django.forms import Form, ModelChoiceField
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from accounts.admin import Undeletable
from accounts.http import StaffRequest
from accounts.models import User
from cases import services
from cases.forms import StaffReplyForm
from cases.models import Case, CaseAttachment, CaseMessage, CaseQuerySet, CaseStatus, Priority

_LABELS = {"info": "info", "warning": "warning", "success": "success", "error": "danger", "neutral": "default"}


class OpenFilter(admin.SimpleListFilter):
    title = _("where it stands")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("Open")), ("unanswered", _("Without an answer")), ("done", _("Resolved or closed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        cases = cast("CaseQuerySet", queryset)
        match self.value():
            case "open":
                return cases.open()
            case "unanswered":
                return cases.open().filter(first_reply_at__isnull=True)
            case "done":
                return cases.done()
        return cases


@admin.register(Case)
class CaseAdmin(Undeletable, ModelAdmin):
    """What is written and where a case stands go through the services; the form holds who handles it and how urgent."""

    list_display = [
        "number_shown",
        "subject",
        "account",
        "status_label",
        "priority_label",
        "assignee",
        "updated_at",
    ]
    list_display_links = ["number_shown", "subject"]
    list_filter = [OpenFilter, "status", "priority", "topic", ("assignee", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["account", "assignee"]
    search_fields = ["subject", "account__name", "opened_by__email"]
    search_help_text = _("Number, subject, company or e-mail")
    ordering = ["-updated_at", "-serial"]
    paginator = InfinitePaginator
    show_full_result_count = False
    view_on_site = False  # The page on the site is the customer's.
    list_per_page = 50
    actions = ["assign_to_me"]
    readonly_fields = [
        "number_shown", "subject", "account_link", "opened_by", "status_shown", "created_at", "updated_at",
        "first_reply_at", "resolved_at",
    ]  # fmt: skip
    fieldsets = [
        (None, {"fields": ["number_shown", "subject", "account_link", "opened_by", "status_shown"]}),
        (_("Handling"), {"fields": ["assignee", "priority", "topic"]}),
        (
            _("Dates"),
            {"fields": ["created_at", "updated_at", "first_reply_at", "resolved_at"], "classes": ["collapse"]},
        ),
    ]
    change_form_outer_after_template = "cases/admin_conversation.html"

    @display(description=_("case"), ordering="serial")
    def number_shown(self, case: Case) -> str:
        return case.number

    @display(description=_("status"), ordering="status", label={one.value: _LABELS[one.tone] for one in CaseStatus})
    def status_label(self, case: Case) -> tuple[str, str]:
        return case.status, str(case.status_choice.staff_label)

    @display(description=_("status"))
    def status_shown(self, case: Case) -> str:
        return str(case.status_choice.staff_label)

    @display(description=_("priority"), ordering="priority", label={one.value: _LABELS[one.tone] for one in Priority})
    def priority_label(self, case: Case) -> tuple[str, str]:
        return case.priority, str(case.priority_choice.label)

    @display(description=_("company"))
    def account_link(self, case: Case) -> SafeString:
        address = reverse("admin:accounts_account_change", args=[case.account_id])
        return format_html('<a href="{}" class="text-primary-600 dark:text-primary-500">{}</a>', address, case.account)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Case], search_term: str
    ) -> tuple[QuerySet[Case], bool]:
        number = search_term.strip().upper().removeprefix("CS-")
        if number.isascii() and number.isdigit() and len(number) <= 15:
            return queryset.filter(serial=int(number)), False
        return super().get_search_results(request, queryset, search_term)  # type: ignore[no-any-return]

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        if db_field.name == "assignee":
            kwargs["queryset"] = User.objects.filter(is_staff=True, is_active=True).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[no-any-return]

    def save_model(self, request: HttpRequest, obj: Case, form: Form, change: bool) -> None:
        """Only what was changed: a customer may have answered since the form was opened."""
        if form.changed_data:
            obj.save(update_fields=form.changed_data)

    @admin.action(description=_("Assign to me"), permissions=["change"])
    def assign_to_me(self, request: StaffRequest, queryset: QuerySet[Case]) -> None:
        count = queryset.update(assignee=request.user)
        self.message_user(request, gettext("%(count)d cases are yours now.") % {"count": count}, messages.SUCCESS)

    # The conversation below the form

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("<int:pk>/answer/", wrap(require_POST(self.answer)), name="cases_case_answer"),
            path("<int:pk>/move/", wrap(require_POST(self.move)), name="cases_case_move"),
        ]
        return own + super().get_urls()  # type: ignore[no-any-return]

    def has_answer_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cases.add_casemessage")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"reply_form": StaffReplyForm()} | (extra_context or {})
        if object_id.isascii() and object_id.isdigit():
            files = Prefetch(
                "caseattachment_set", CaseAttachment.objects.select_related("file").order_by("pk"), to_attr="files"
            )
            conversation = CaseMessage.objects.filter(case_id=object_id).select_related("author")
            context["conversation"] = conversation.prefetch_related(files).order_by("created_at", "pk")
        context |= {
            "may_answer": self.has_answer_permission(request),
            "may_move": self.has_change_permission(request),
        }
        return super().change_view(request, object_id, form_url, context)  # type: ignore[no-any-return]

    def answer(self, request: StaffRequest, pk: int) -> HttpResponseBase:
        """Send an answer, with or without resolving the case, or leave a note for colleagues."""
        case = get_object_or_404(Case, pk=pk)
        if not self.has_answer_permission(request):
            raise PermissionDenied
        form = StaffReplyForm(request.POST, request.FILES)
        if not form.is_valid():
            shown = copy.copy(request)
            shown.method = "GET"  # The page as it was, with what was typed: the case itself was not posted.
            response = self.change_view(shown, str(pk), extra_context={"reply_form": form})
            response.status_code = 422
            return response
        now, data = timezone.now(), form.cleaned_data
        written: dict[str, Any] = {
            "case": case,
            "author": request.user,
            "body": data["body"],
            "form_key": data["form_key"],
        }
        if data["kind"] == "note":
            services.add_internal_note(now=now, **written)
            done = gettext("The note was added. The customer does not see it.")
        else:
            resolve = data["kind"] == "resolve"
            services.reply_as_staff(now=now, uploads=data["attachments"], resolve=resolve, **written)
            done = gettext("The answer was sent to %(name)s.") % {"name": case.opened_by}
        self.message_user(request, done, messages.SUCCESS)
        return redirect("admin:cases_case_change", pk)

    def move(self, request: StaffRequest, pk: int) -> HttpResponseBase:
        """Resolve, close or reopen a case without writing."""
        case = get_object_or_404(Case, pk=pk)
        if not self.has_change_permission(request):
            raise PermissionDenied
        moves = {"resolve": services.resolve_case, "close": services.close_case, "reopen": services.reopen}
        change = moves.get(request.POST.get("to", ""))
        if change is None:
            raise BadRequest
        if change(case=case, now=timezone.now()):
            case.refresh_from_db()
            said = gettext("%(number)s: %(status)s") % {"number": case.number, "status": case.status_choice.staff_label}
            self.message_user(request, said, messages.SUCCESS)
        else:
            self.message_user(request, gettext("Nothing to do: the case was there already."), messages.INFO)
        return redirect("admin:cases_case_change", pk)
