"""Adding colleagues to a case, and taking them off again."""

from django.contrib import messages as notices
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.http import AccountRequest, requires
from accounts.permissions import Permission
from cases import participants
from cases.forms import ParticipantForm, ReplyForm
from cases.models import Case
from cases.views.cases import case_of, case_page


@require_POST
@requires(Permission.OPEN_CASES)
def add(request: AccountRequest, serial: int) -> HttpResponse:
    """Let a colleague see this case and hear of its answers."""
    case = case_of(request, serial)
    form = ParticipantForm(request.POST)
    if form.is_valid():
        try:
            added = participants.add_participant(case=case, email=form.cleaned_data["email"], added_by=request.user)
        except participants.NotAColleague as refusal:
            form.add_error("email", str(refusal))
        else:
            notices.success(request, _("%(name)s takes part in this case.") % {"name": added.user.name})
            return redirect(case)
    return case_page(request, case, ReplyForm(), participant_form=form, status=422)


@require_POST
@requires(Permission.VIEW_CASES)
def remove(request: AccountRequest, serial: int) -> HttpResponse:
    """Take a colleague off, or leave a case oneself: whoever only views cases may do the latter."""
    case = case_of(request, serial)
    email = request.POST.get("email", "")
    participants_now = case.participants.active().select_related("user")
    row = next((one for one in participants_now if one.user.email == email), None)
    if row is None:
        raise BadRequest
    if row.user_id != request.user.pk and not request.membership.may(Permission.OPEN_CASES):
        raise BadRequest
    participants.remove_participant(case=case, user_id=row.user_id)
    notices.success(request, _("%(name)s no longer takes part in case %(number)s.") % {
        "name": row.user.name, "number": case.number,
    })  # fmt: skip
    # Somebody who left may have seen it for that alone.
    is_still_seen = Case.objects.visible_to(request.membership).filter(pk=case.pk).exists()
    return redirect(case) if is_still_seen else redirect("cases:list")
