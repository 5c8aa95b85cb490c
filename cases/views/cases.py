"""A customer's cases: the list, the form of a new one, and the conversation."""

import uuid
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages as notices
from django.core.exceptions import BadRequest
from django.db.models import Prefetch
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.http import AccountRequest, requires, session_digest
from accounts.paging import page_of
from accounts.permissions import Permission
from accounts.spreadsheets import csv_response
from cases import services
from cases.forms import NewCaseForm, ParticipantForm, ReplyForm
from cases.models import Case, CaseAttachment, CaseMessage, CaseQuerySet
from knowledge.models import Article
from knowledge.search import suggest
from tracking.models import EventName
from tracking.services import buffer_page_view, record

LONGEST_SEARCH = 200  # Characters.
MESSAGES = 100  # Of a long conversation the latest are shown, and the earlier ones on request.


@require_safe
@requires(Permission.VIEW_CASES)
def case_list(request: AccountRequest) -> HttpResponse:
    """The company's cases that the person sees: open ones unless `show` says done or all; `q` searches."""
    shown = _asked_for(request).select_related("opened_by", "assignee")
    context = {
        "page": page_of(shown.recent_first(), cursor=request.GET.get("cursor", "")),
        "show": request.GET.get("show", "open"),
        "search": request.GET.get("q", ""),
        "filters": [("open", _("Open")), ("done", _("Resolved")), ("all", _("All"))],
        "may_open_cases": request.membership.may(Permission.OPEN_CASES),
    }
    return render(request, "cases/list.html", context)


@require_safe
@requires(Permission.VIEW_CASES)
def export(request: AccountRequest) -> HttpResponseBase:
    """The cases of the list, all pages of it, as CSV."""
    now = timezone.now()
    zone = ZoneInfo(request.account.time_zone)
    cases = _asked_for(request).select_related("opened_by").recent_first()
    record(
        name=EventName.CASES_EXPORTED,
        actor=request.actor,
        now=now,
        object_type="cases",
        properties={"show": request.GET.get("show", "open"), "search": _search(request)},
    )
    header = [
        _("Case"), _("Subject"), _("Status"), _("Priority"), _("Topic"), _("Opened by"), _("Opened"), _("Changed"),
        _("Solved"),
    ]  # fmt: skip
    rows = (_row(case, zone) for case in cases.iterator(chunk_size=500))
    return csv_response(f"cases-{now.astimezone(zone).date().isoformat()}.csv", header, rows)


def _row(case: Case, zone: ZoneInfo) -> list[object]:
    moments = [
        moment.astimezone(zone).isoformat(sep=" ", timespec="minutes") if moment else ""
        for moment in (case.created_at, case.updated_at, case.resolved_at)
    ]
    names = [case.get_status_display(), case.get_priority_display(), case.get_topic_display()]
    return [case.number, case.subject, *names, case.opened_by.name, *moments]


def _search(request: AccountRequest) -> str:
    return request.GET.get("q", "")[:LONGEST_SEARCH].replace("\x00", "")


def _asked_for(request: AccountRequest) -> CaseQuerySet:
    """What the list's address asks for, of the cases that the person sees."""
    cases = Case.objects.visible_to(request.membership).matching(_search(request))
    return _shown(cases, request.GET.get("show", "open"))


def _shown(cases: CaseQuerySet, show: str) -> CaseQuerySet:
    match show:
        case "open":
            return cases.open()
        case "done":
            return cases.done()
        case "all":
            return cases
    raise BadRequest


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.OPEN_CASES)
def new(request: AccountRequest) -> HttpResponse:
    """The form of a new case. Refused, it comes back with everything typed."""
    if request.method != "POST":
        return _new_case_page(request, NewCaseForm(initial=_carried(request)))
    form = NewCaseForm(request.POST, request.FILES)
    if not form.is_valid():
        return _new_case_page(request, form, status=422)
    case = services.open_case(
        account=request.account,
        opened_by=request.user,
        actor=request.actor,
        subject=form.cleaned_data["subject"],
        description=form.cleaned_data["description"],
        topic=form.cleaned_data["topic"],
        priority=form.cleaned_data["priority"],
        form_key=form.cleaned_data["form_key"],
        uploads=form.cleaned_data["attachments"],
        now=timezone.now(),
    )
    notices.success(request, _("Your case %(number)s is open. We sent you a confirmation.") % {"number": case.number})
    return redirect(case)


def _carried(request: AccountRequest) -> dict[str, Any]:
    """What another page brings along: an article that did not help, a search without results."""
    carried: dict[str, Any] = {
        name: request.GET[name][:200].replace("\x00", "")
        for name in ("subject", "topic", "priority")
        if request.GET.get(name)
    }
    try:
        carried["form_key"] = uuid.UUID(request.GET.get("form_key", ""))
    except ValueError:
        carried["form_key"] = uuid.uuid4()
    return carried


def _new_case_page(request: AccountRequest, form: NewCaseForm, *, status: int = 200) -> HttpResponse:
    subject, topic = (str(form[name].value() or "").replace("\x00", "") for name in ("subject", "topic"))
    readable = Article.objects.visible_to(request.membership)
    context = {
        "form": form,
        "suggestions": suggest(readable, subject, topic=topic) if subject.strip() else [],
        "breadcrumbs": [{"label": _("Cases"), "url": reverse("cases:list")}, {"label": _("Open a case")}],
    }
    return render(request, "cases/new.html", context, status=status)


@require_safe
@requires(Permission.VIEW_CASES)
def detail(request: AccountRequest, serial: int) -> HttpResponse:
    case = case_of(request, serial)
    buffer_page_view(
        name=EventName.CASE_VIEWED,
        actor=request.actor,
        now=timezone.now(),
        object_type="case",
        object_id=case.number,
        session_key=session_digest(request),
    )
    return case_page(request, case, ReplyForm())


@require_POST
@requires(Permission.OPEN_CASES)
def reply(request: AccountRequest, serial: int) -> HttpResponse:
    case = case_of(request, serial)
    form = ReplyForm(request.POST, request.FILES)
    if not form.is_valid():
        return case_page(request, case, form, status=422)
    services.reply_as_customer(
        case=case,
        author=request.user,
        body=form.cleaned_data["body"],
        form_key=form.cleaned_data["form_key"],
        uploads=form.cleaned_data["attachments"],
        now=timezone.now(),
    )
    notices.success(request, _("Your reply was sent."))
    return redirect(case)


@require_POST
@requires(Permission.OPEN_CASES)
def close(request: AccountRequest, serial: int) -> HttpResponse:
    """The customer says it is solved."""
    case = case_of(request, serial)
    if services.close_case(case=case, now=timezone.now()):
        notices.success(request, _("Case %(number)s is closed. A reply opens it again.") % {"number": case.number})
    return redirect(case)


def case_of(request: AccountRequest, serial: int) -> Case:
    """The case with this number that the person sees."""
    cases = Case.objects.visible_to(request.membership).select_related("account", "opened_by", "assignee")
    return get_object_or_404(cases, serial=serial)


def case_page(
    request: AccountRequest,
    case: Case,
    form: ReplyForm,
    *,
    participant_form: ParticipantForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """One case with its conversation and its forms."""
    messages, earlier = _conversation(case, request.GET.get("before", ""))
    context = {
        "case": case,
        "conversation": messages,
        "earlier": earlier,
        "form": form,
        "participants": case.participants.active().select_related("user").order_by("created_at", "pk"),
        "participant_form": participant_form or ParticipantForm(),
        "may_reply": request.membership.may(Permission.OPEN_CASES),
        "breadcrumbs": [{"label": _("Cases"), "url": reverse("cases:list")}, {"label": case.number}],
    }
    return render(request, "cases/detail.html", context, status=status)


def _conversation(case: Case, before: str) -> tuple[list[CaseMessage], str]:
    """The latest messages in order of time, or those before a moment; and the moment to ask for earlier ones from."""
    files = Prefetch(
        "caseattachment_set", queryset=CaseAttachment.objects.select_related("file").order_by("pk"), to_attr="files"
    )
    rows = case.messages.for_customer().select_related("author").prefetch_related(files)
    if before:
        try:
            moment = datetime.fromisoformat(before)
            if moment.tzinfo is None:
                raise BadRequest
            moment = moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise BadRequest from error
        rows = rows.filter(created_at__lt=moment)
    latest = list(rows.order_by("-created_at", "-pk")[: MESSAGES + 1])
    earlier = latest[MESSAGES - 1].created_at.isoformat() if len(latest) > MESSAGES else ""
    return latest[MESSAGES - 1 :: -1] if earlier else latest[::-1], earlier
