"""One's own data: what is allowed, a copy of it, and its end."""

from django import forms
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.http import AccountRequest, step_up
from accounts.law import consent, erasing, exporting
from accounts.models import DataExport, Purpose

SHOWN = 10  # Of the latest copies, and of the terms accepted.


class EraseForm(forms.Form):
    """So that nobody is erased by a slip."""

    confirmed = forms.BooleanField(label=gettext_lazy("I understand that this can't be undone once it has been done"))


@require_safe
def privacy(request: AccountRequest) -> HttpResponse:
    """What I allow, what I can have, what I accepted."""
    now = timezone.now()
    choices = consent.choices_of(request.user)
    return render(
        request,
        "accounts/privacy.html",
        {
            "choices": [{"purpose": purpose, "is_given": is_given} for purpose, is_given in choices.items()],
            "is_signalled": not consent.is_followed(request, request.user) and request.user.is_measured,
            "exports": list(request.user.data_exports.order_by("-requested_at")[:SHOWN]),
            "now": now,
            "erasure": erasing.open_erasure(request.user),
            "accepted": list(request.user.terms_accepted.select_related("terms").order_by("-accepted_at")[:SHOWN]),
        },
    )


@require_POST
def change_consents(request: AccountRequest) -> HttpResponse:
    """Keep what was ticked, and what was not."""
    choices = {purpose: purpose.value in request.POST for purpose in Purpose}
    consent.choose(user=request.user, choices=choices, source="portal", now=timezone.now())
    messages.success(request, _("Your choices are saved."))
    return redirect("accounts:privacy")


@require_POST
@step_up
def request_data(request: AccountRequest) -> HttpResponse:
    """Have a copy of one's data made."""
    try:
        exporting.request_export(user=request.user, now=timezone.now())
    except exporting.AlreadyAsked:
        messages.info(request, _("A copy is being made already."))
    else:
        messages.success(request, _("We are preparing your data. You get a mail when it is ready."))
    return redirect("accounts:privacy")


@require_safe
@step_up(before_the_form=True)
def download_data(request: AccountRequest, public_id: str) -> HttpResponseBase:
    """The copy, for the person it is about and nobody else."""
    ready = request.user.data_exports.filter(state=DataExport.State.READY, expires_at__gt=timezone.now())
    export = get_object_or_404(ready, public_id=public_id)
    response = FileResponse(
        export.content.open("rb"), as_attachment=True, filename="my-data.zip", content_type="application/zip"
    )
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@step_up
def erase(request: AccountRequest) -> HttpResponse:
    """What goes, what stays and why; then the request itself."""
    form = EraseForm(request.POST if request.method == "POST" else None)
    companies = None
    if request.method == "POST" and form.is_valid():
        try:
            erasing.request_erasure(user=request.user, now=timezone.now())
        except erasing.AlreadyAsked:
            return redirect("accounts:privacy")
        except erasing.WorksForVendor:
            form.add_error(None, _("You work for us: ask your administrator."))
        except erasing.EmergencyAdministratorOf as error:
            form.add_error(
                None,
                _(
                    "You are the emergency administrator of %(companies)s. Name another one under single sign-on, or "
                    "stop requiring it, first."
                )
                % {"companies": str(error)},
            )
        except erasing.NeedsHandOver as error:
            companies = error.companies
            form.add_error(
                None,
                _("You are the last administrator of %(companies)s. Hand over to a colleague first.")
                % {"companies": ", ".join(company.name for company in companies)},
            )
        else:
            messages.success(request, _("We have your request, and have sent you a mail about it."))
            return redirect("accounts:privacy")
    context = {"form": form, "lines": erasing.what_becomes_of_it(), "needs_hand_over": bool(companies)}
    return render(request, "accounts/erase.html", context, status=422 if form.errors else 200)


@require_POST
def cancel_erasure(request: HttpRequest) -> HttpResponse:
    """Stay, after all."""
    if not request.user.is_authenticated or (erasure := erasing.open_erasure(request.user)) is None:
        raise Http404
    if erasing.cancel_erasure(erasure=erasure, now=timezone.now()):
        messages.success(request, _("Your request is cancelled. Nothing was deleted."))
    else:
        messages.error(request, _("It is too late to cancel: your data is being deleted."))
    return redirect("accounts:privacy")
