"""Use of the vendor's product read from a file, once somebody has seen what it would do."""

import hashlib
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.cache import cache
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST
from unfold.widgets import UnfoldAdminFileFieldWidget

from accounts.http import StaffRequest, requires_staff
from accounts.services import FileRefused
from commerce.billing.usage_import import MOST_BYTES, Outcome, ReadLine, import_usage, look_at, read

MAY_IMPORT = "commerce.import_usage"
KEPT_SECONDS = 60 * 60  # Between the look and the confirmation.
MOST_SHOWN = 500


class UsageFileForm(forms.Form):
    """The file to look at."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv"}),
        help_text=gettext_lazy(
            "CSV with the columns company (its id or name), date, meter and quantity; one line for each day."
        ),
    )

    def clean_file(self) -> list[ReadLine]:
        upload: UploadedFile[bytes] = self.cleaned_data["file"]
        try:
            return read(upload.read(MOST_BYTES + 1))
        except FileRefused as refused:
            raise forms.ValidationError(str(refused)) from refused


@require_http_methods(["GET", "HEAD", "POST"])
@requires_staff(MAY_IMPORT)
def look_at_usage(request: StaffRequest) -> HttpResponse:
    """What an import would do, line by line; nothing is stored yet."""
    form = UsageFileForm(request.POST or None, request.FILES or None)
    if not form.is_valid():
        return _page(request, {"form": form}, status=422 if form.errors else 200)
    lines: list[ReadLine] = form.cleaned_data["file"]
    token = hashlib.sha256(repr(lines).encode()).hexdigest()
    cache.set(_kept_at(request, token), lines, KEPT_SECONDS)
    report = look_at(lines, now=timezone.now())
    told = [one for one in report.told if one.outcome is not Outcome.UNCHANGED]
    told.sort(key=lambda one: one.outcome is not Outcome.REFUSED)  # What is refused stands first.
    context = {
        "form": UsageFileForm(),
        "counts": report.counts,
        "told": told[:MOST_SHOWN],
        "more": max(len(told) - MOST_SHOWN, 0),
        "token": token if report.rows else "",
    }
    return _page(request, context, status=200)


@require_POST
@requires_staff(MAY_IMPORT)
def confirm_usage(request: StaffRequest) -> HttpResponseBase:
    """Store the good lines of what was looked at."""
    kept_at = _kept_at(request, request.POST.get("token", "")[:64])
    lines: list[ReadLine] | None = cache.get(kept_at)
    if lines is None:
        messages.warning(request, _("The file is no longer at hand. Choose it again."))
        return redirect("admin:commerce_usage_import")
    report = import_usage(lines=lines, now=timezone.now())
    cache.delete(kept_at)
    messages.success(
        request,
        _("Use is imported: %(added)d added, %(changed)d changed, %(unchanged)d as they were, %(refused)d refused.")
        % report.counts,
    )
    return redirect("admin:commerce_usagecharge_changelist")


def _kept_at(request: StaffRequest, token: str) -> str:
    """Where a file that somebody looked at is kept until they confirm it."""
    return f"usage_import:{request.user.pk}:{token}"


def _page(request: StaffRequest, context: dict[str, Any], *, status: int) -> HttpResponse:
    frame = admin.site.each_context(request) | {"title": _("Import use")}
    return render(request, "admin/usage_import.html", frame | context, status=status)
