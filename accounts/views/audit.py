"""The company's audit log: to read, to search, to take along."""

from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.audit import AuditAction, note
from accounts.audit.exporting import CONTENT_TYPES, export
from accounts.audit.filtering import AuditFilter, members_of
from accounts.audit.wording import lines
from accounts.http import AccountRequest, client_ip, requires
from accounts.models import AuditEntry, Feature
from accounts.paging import page_of
from accounts.permissions import Permission


def _form(request: AccountRequest) -> AuditFilter:
    return AuditFilter(request.GET)


@require_safe
@requires(Permission.VIEW_AUDIT)
def audit_log(request: AccountRequest) -> HttpResponse:
    """What happened in the company, the latest first."""
    form = _form(request)
    entries = form.narrow(
        AuditEntry.objects.for_account(request.account),
        people=members_of(request.account),
        zone=ZoneInfo(request.user.time_zone),
    )
    page = page_of(entries.latest_first(), cursor=request.GET.get("cursor", ""))
    asked = request.GET.copy()
    for name in ("cursor", "form"):
        asked.pop(name, None)
    return render(
        request,
        "accounts/audit.html",
        {
            "form": form,
            "page": page,
            "lines": lines(page.rows),
            "zone": request.user.time_zone,
            "is_filtered": any(asked.values()),
            "asked": asked.urlencode(),
            "may_export": request.account.entitlements.allows(Feature.AUDIT_LOG),
        },
        status=422 if form.errors else 200,
    )


@require_safe
@requires(Permission.VIEW_AUDIT)
def audit_export(request: AccountRequest, form: str) -> HttpResponseBase:
    """The entries looked for as a file. Part of the add-on; that it was taken stands in the log too."""
    if form not in CONTENT_TYPES:
        raise Http404
    if not request.account.entitlements.allows(Feature.AUDIT_LOG):
        raise PermissionDenied
    now = timezone.now()
    zone = ZoneInfo(request.user.time_zone)
    entries = _form(request).narrow(
        AuditEntry.objects.for_account(request.account),
        people=members_of(request.account),
        zone=zone,
    )
    if request.method == "GET":  # HEAD asks about the file, and takes nothing.
        note(
            action=AuditAction.EXPORT_TAKEN,
            actor=request.actor,
            now=now,
            object_type="accounts.auditentry",
            object_label=_("the audit log"),
            details={"format": form, "filter": request.GET.urlencode()[:200]},
            ip=client_ip(request),
        )
    return StreamingHttpResponse(
        export(entries, form=form, zone=zone),
        content_type=CONTENT_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="audit-{now.astimezone(zone).date()}.{form}"'},
    )
