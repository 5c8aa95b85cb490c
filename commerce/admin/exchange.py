"""The catalogue as a document: written, looked at, and read back once somebody has seen what it would change."""

import hashlib
import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.cache import cache
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from unfold.widgets import UnfoldAdminFileFieldWidget

from accounts.audit import AuditAction, note
from accounts.http import StaffRequest, client_ip, requires_staff
from accounts.spreadsheets import csv_response
from commerce.exchange.exporting import export_catalogue
from commerce.exchange.importing import (
    MOST_BYTES,
    DocumentRefused,
    Outcome,
    Report,
    import_catalogue,
    read_document,
)
from commerce.exchange.prices_csv import COLUMNS, price_rows, read_prices

KEPT_SECONDS = 60 * 60  # Between the look and the confirmation.
MOST_SHOWN = 500  # Lines of a report on the page.


class DocumentForm(forms.Form):
    """The document to look at."""

    file = forms.FileField(
        label=gettext_lazy("Document"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".json,.csv"}),
        help_text=gettext_lazy(
            "JSON, or a list of prices as CSV, as exported here; at most 1 MB. What isn't in it stays as it is."
        ),
    )

    def clean_file(self) -> dict[str, Any]:
        upload: UploadedFile[bytes] = self.cleaned_data["file"]
        is_list = (upload.name or "").lower().endswith(".csv")
        try:
            return (read_prices if is_list else read_document)(upload.read(MOST_BYTES + 1))
        except DocumentRefused as refused:
            raise forms.ValidationError(str(refused)) from refused


def _kept_at(request: StaffRequest, token: str) -> str:
    """Where a document that somebody looked at is kept until they confirm it."""
    return f"catalogue_import:{request.user.pk}:{token}"


@require_safe
@requires_staff("commerce.view_product")
def export_document(request: StaffRequest) -> HttpResponse:
    """All of the catalogue that the person may see; costs only for those who see costs."""
    _note_export(request, _("the catalogue"))
    return JsonResponse(
        export_catalogue(request.user.has_perm),
        json_dumps_params={"indent": 2, "ensure_ascii": False},
        headers={"Content-Disposition": f'attachment; filename="catalogue-{timezone.localdate()}.json"'},
    )


@require_safe
@requires_staff("commerce.view_price")
def export_prices(request: StaffRequest) -> StreamingHttpResponse:
    """The prices of the catalogue as a list for spreadsheets."""
    _note_export(request, _("the prices of the catalogue"))
    return csv_response(f"prices-{timezone.localdate()}.csv", COLUMNS, price_rows())


def _note_export(request: StaffRequest, what: str) -> None:
    note(
        action=AuditAction.EXPORT_TAKEN,
        actor=request.actor,
        now=timezone.now(),
        object_type="commerce.product",
        object_label=what,
        ip=client_ip(request),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires_staff("commerce.change_product")
def look_at_document(request: StaffRequest) -> HttpResponse:
    """What an import would do, row by row; nothing is imported yet."""
    form = DocumentForm(request.POST or None, request.FILES or None)
    if not form.is_valid():
        return _page(request, {"form": form}, status=422 if form.errors else 200)
    return _look(request, form.cleaned_data["file"])


@require_POST
@requires_staff("commerce.change_product")
def import_document(request: StaffRequest) -> HttpResponseBase:
    """Import what was looked at, if it would still do what the page said."""
    kept_at = _kept_at(request, request.POST.get("token", "")[:64])
    document: dict[str, Any] | None = cache.get(kept_at)
    if document is None:
        messages.warning(request, _("The document is no longer at hand. Choose it again."))
        return redirect("admin:commerce_catalogue_import")
    report = _import(request, document, expected=request.POST.get("report", "-"))
    if not report.is_done:
        messages.warning(
            request, _("The catalogue has changed since you looked. This is what the import would do now.")
        )
        return _look(request, document, status=409)
    cache.delete(kept_at)
    messages.success(request, _("The catalogue is imported: %(added)d added, %(changed)d changed.") % report.counts)
    return redirect("admin:commerce_product_changelist")


def _import(request: StaffRequest, document: dict[str, Any], *, expected: str = "") -> Report:
    return import_catalogue(
        document=document,
        may=request.user.has_perm,
        actor=request.actor,
        now=timezone.now(),
        expected=expected,
    )


def _look(request: StaffRequest, document: dict[str, Any], *, status: int = 200) -> HttpResponse:
    token = hashlib.sha256(json.dumps(document).encode()).hexdigest()
    cache.set(_kept_at(request, token), document, KEPT_SECONDS)
    report = _import(request, document)
    told = [line for line in report.lines if line.outcome is not Outcome.UNCHANGED]
    # What is refused stands first: it keeps all the rest from being imported.
    told.sort(key=lambda line: line.outcome is not Outcome.REFUSED)
    context = {
        "form": DocumentForm(),
        "report": report,
        "lines": told[:MOST_SHOWN],
        "more": max(len(told) - MOST_SHOWN, 0),
        "token": token,
    }
    return _page(request, context, status=422 if report.is_refused else status)


def _page(request: StaffRequest, context: dict[str, Any], *, status: int) -> HttpResponse:
    frame = admin.site.each_context(request) | {"title": _("Import the catalogue")}
    return render(request, "admin/catalogue_import.html", frame | context, status=status)
