"""Inviting many colleagues from a file: upload, a look at what would happen, and how far it is."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import imports
from accounts.http import AccountRequest, requires, step_up
from accounts.models import ImportLine, ImportState, LineOutcome, MemberImport
from accounts.paging import page_of
from accounts.people_csv import LARGEST, MOST_LINES
from accounts.permissions import Permission
from accounts.services import FileRefused
from accounts.spreadsheets import csv_response


class ImportForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("CSV file"), widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}), max_length=200
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_MEMBERS)
def upload(request: AccountRequest) -> HttpResponse:
    """Take a file and look at it; nobody is invited yet."""
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            made = imports.look_at(
                account=request.account,
                content=file.read(LARGEST + 1),
                file_name=file.name,
                user=request.user,
                now=timezone.now(),
            )
        except FileRefused as refusal:
            form.add_error("file", str(refusal))
        else:
            return redirect("accounts:import", made.public_id)
    context = {"form": form, "most_lines": MOST_LINES}
    return render(request, "accounts/people/upload.html", context, status=422 if form.errors else 200)


@require_safe
@requires(Permission.MANAGE_MEMBERS)
def show(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """What becomes, or became, of each line; asked again every few seconds while the job runs."""
    source = _import(request, public_id)
    rows = ImportLine.objects.for_account(request.account).filter(source=source)
    wanted = request.GET.get("outcome", "")
    if wanted in LineOutcome.values:
        rows = rows.filter(outcome=wanted)
    page = page_of(rows.order_by("number", "email"), cursor=request.GET.get("cursor", ""))
    context = {
        "source": source,
        "page": page,
        "outcomes": LineOutcome.choices,
        "wanted": wanted,
        "may_confirm": source.state == ImportState.PREVIEW and source.ready_count > 0,
    }
    template = "accounts/people/_progress.html" if request.htmx else "accounts/people/import.html"
    return render(request, template, context)


@require_POST
@requires(Permission.MANAGE_MEMBERS)
@step_up
def confirm(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Invite the lines that can be."""
    source = _import(request, public_id)
    try:
        imports.confirm(source=source, by=request.membership, actor=request.actor, now=timezone.now())
    except imports.NothingToInvite:
        messages.warning(request, _("There is nobody to invite in this file, or it has been confirmed already."))
    else:
        messages.success(request, _("The invitations are being sent. You may leave this page."))
    return redirect("accounts:import", public_id)


@require_safe
@requires(Permission.MANAGE_MEMBERS)
def report(request: AccountRequest, public_id: UUID) -> HttpResponseBase:
    """Each line and what became of it, as CSV."""
    source = _import(request, public_id)
    lines = ImportLine.objects.for_account(request.account).filter(source=source).order_by("number", "email")
    header = ("line", "email", "name", "roles", "department", "result", "formula removed")
    return csv_response(
        f"people-{source.public_id}.csv",
        header,
        (
            (
                line.number,
                line.email,
                line.name,
                line.roles_text,
                line.department,
                line.get_outcome_display(),
                "yes" if line.is_stripped else "",
            )
            for line in lines.iterator()
        ),
    )


def _import(request: AccountRequest, public_id: UUID) -> MemberImport:
    rows = MemberImport.objects.for_account(request.account).select_related("account")
    return get_object_or_404(rows, public_id=public_id)
