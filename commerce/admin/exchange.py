"""The catalogue as a document: written, looked at, and read back once somebody has seen what it would change."""

import hashlib
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.cache import cache
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from unfold.widgets import UnfoldAdminFileFieldWidget

from accounts.audit import AuditAction, note
from accounts.http import StaffRequest, client_ip, requires_staff
from commerce.exchange.exporting import export_catalogue
from commerce.exchange.importing import (
    MOST_BYTES,
    DocumentRefused,
    Outcome,
    Report,
    import_catalogue,
    read_document,
)

KEPT_SECONDS = 60 * 60  # Between the look and the confirmation.
MOST_SHOWN = 500  # Lines of a report on the page.


class DocumentForm(forms.Form):
    """The document to look at."""

    file = forms.FileField(
        label=gettext_lazy("Document"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".json,application/json"}),
        help_text=gettext_lazy("JSON as this page exports it, at most 1 MB. What isn't in it stays as it is."),
    )

    def clean_file(self) -> "Looked":
        upload: UploadedFile[bytes] = self.cleaned_data["file"]
        try:
            return Looked.at(upload.read(MOST_BYTES + 1))
        except DocumentRefused as refused:
            raise forms.ValidationError(str(refused)) from refused


@dataclass(frozen=True)
class Looked:
    """A document that somebody looked at, as it is kept until they confirm it. `token` names its content."""

    content: bytes
    document: dict[str, Any]

    @classmethod
    def at(cls, content: bytes) -> "Looked":
        return cls(content, read_document(content))

    @property
    def token(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def keep(self, request: StaffRequest) -> None:
        cache.set(_kept_at(request, self.token), self.content, KEPT_SECONDS)


def _kept_at(request: StaffRequest, token: str) -> str:
    return f"catalogue_import:{request.user.pk}:{token}"


@require_safe
@requires_staff("commerce.view_product")
def export_document(request: StaffRequest) -> HttpResponse:
    """All of the catalogue that the person may see; costs only for those who see costs."""
    now = timezone.now()
    note(
        action=AuditAction.EXPORT_TAKEN,
        actor=request.actor,
        now=now,
        object_type="commerce.product",
        object_label=_("the catalogue"),
        ip=client_ip(request),
    )
    return JsonResponse(
        export_catalogue(request.user.has_perm),
        json_dumps_params={"indent": 2, "ensure_ascii": False},
        headers={"Content-Disposition": f'attachment; filename="catalogue-{timezone.localdate(now)}.json"'},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires_staff("commerce.change_product")
def look_at_document(request: StaffRequest) -> HttpResponse:
    """What an import would do, row by row; nothing is imported yet."""
    form = DocumentForm(request.POST or None, request.FILES or None)
    if not form.is_valid():
        return _page(request, {"form": form}, status=422 if form.errors else 200)
    looked: Looked = form.cleaned_data["file"]
    looked.keep(request)
    return _look(request, looked)


@require_POST
@requires_staff("commerce.change_product")
def import_document(request: StaffRequest) -> HttpResponseBase:
    """Import what was looked at, if it would still do what the page said."""
    token = request.POST.get("token", "")
    content = cache.get(_kept_at(request, token)) if token.isalnum() else None
    if content is None:
        messages.warning(request, _("The document is no longer at hand. Choose it again."))
        return redirect("admin:commerce_catalogue_import")
    looked = Looked.at(content)
    report = _import(request, looked, expected=request.POST.get("report", "-"))
    if not report.is_done:
        messages.warning(
            request, _("The catalogue has changed since you looked. This is what the import would do now.")
        )
        return _look(request, looked, status=409)
    cache.delete(_kept_at(request, token))
    messages.success(request, _("The catalogue is imported: %(added)d added, %(changed)d changed.") % report.counts)
    return redirect("admin:commerce_product_changelist")


def _import(request: StaffRequest, looked: Looked, *, expected: str = "") -> Report:
    return import_catalogue(
        document=looked.document,
        may=request.user.has_perm,
        actor=request.actor,
        now=timezone.now(),
        expected=expected,
    )


def _look(request: StaffRequest, looked: Looked, *, status: int = 200) -> HttpResponse:
    report = _import(request, looked)
    told = [line for line in report.lines if line.outcome is not Outcome.UNCHANGED]
    # What is refused stands first: it keeps all the rest from being imported.
    told.sort(key=lambda line: line.outcome is not Outcome.REFUSED)
    context = {
        "form": DocumentForm(),
        "report": report,
        "lines": told[:MOST_SHOWN],
        "more": max(len(told) - MOST_SHOWN, 0),
        "token": looked.token,
    }
    return _page(request, context, status=422 if report.is_refused else status)


def _page(request: StaffRequest, context: dict[str, Any], *, status: int) -> HttpResponse:
    frame = admin.site.each_context(request) | {"title": _("Import the catalogue")}
    return render(request, "admin/catalogue_import.html", frame | context, status=status)
