"""Who sees which cases: the page of a company's administrators."""

import uuid
from typing import Any

from django.contrib import messages as notices
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.http import AccountRequest, requires
from accounts.models import Membership
from accounts.permissions import Permission
from cases import visibility
from cases.models import CaseRule, CaseVisibility, Sight
from cases.visibility_forms import CompanySightForm, PersonSightForm, RuleForm

MOST_RULES = 100  # Shown.
SHOWN_PEOPLE = 200  # Whose settings differ; the page's sentence counts no further.


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_COMPANY)
def settings(request: AccountRequest) -> HttpResponse:
    """What the company has set, what it comes to in words, and what one person sees of it."""
    if request.method != "POST":
        return _page(request)
    form = CompanySightForm(request.POST)
    if not form.is_valid():
        return _page(request, form=form)
    visibility.set_company_sight(account=request.account, sight=Sight(form.cleaned_data["sight"]))
    notices.success(request, _("Saved. It counts from now on."))
    return redirect("cases:visibility")


@require_POST
@requires(Permission.MANAGE_COMPANY)
def set_person(request: AccountRequest) -> HttpResponse:
    """Set how far one person sees, or take that back."""
    form = PersonSightForm(request.account, request.POST)
    if not form.is_valid():
        return _page(request, person_form=form)
    chosen = form.cleaned_data["sight"]
    visibility.set_person_sight(membership=form.membership, sight=Sight(chosen) if chosen else None)
    seen = visibility.preview(membership=form.membership, actor=request.actor)
    notices.success(request, _("Saved. %(preview)s") % {"preview": seen.sentence})
    return redirect("cases:visibility")


@require_POST
@requires(Permission.MANAGE_COMPANY)
def add_rule(request: AccountRequest) -> HttpResponse:
    form = RuleForm(request.account, request.POST)
    if not form.is_valid():
        return _page(request, rule_form=form)
    visibility.add_rule(account=request.account, **form.rule)
    notices.success(request, _("The rule is added."))
    return redirect("cases:visibility")


@require_POST
@requires(Permission.MANAGE_COMPANY)
def end_rule(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    rule = get_object_or_404(CaseRule.objects.for_account(request.account), public_id=public_id)
    visibility.end_rule(rule=rule)
    notices.success(request, _("The rule no longer counts."))
    return redirect("cases:visibility")


def _page(
    request: AccountRequest,
    *,
    form: CompanySightForm | None = None,
    person_form: PersonSightForm | None = None,
    rule_form: RuleForm | None = None,
) -> HttpResponse:
    refused = next((one for one in (form, person_form, rule_form) if one is not None), None)
    account = request.account
    sight = visibility.company_sight(account)
    rules = list(CaseRule.objects.for_account(account).active().order_by("pk")[:MOST_RULES])
    exceptions = CaseVisibility.objects.for_account(account).of_people().select_related("membership__user")
    people = list(exceptions.order_by("membership__user__name", "pk")[: SHOWN_PEOPLE + 1])
    context: dict[str, Any] = {
        "form": form or CompanySightForm(initial={"sight": sight}),
        "person_form": person_form or PersonSightForm(account),
        "rule_form": rule_form or RuleForm(account),
        "sentence": visibility.in_words(sight, exceptions=len(people), rules=len(rules)),
        "rules": rules,
        "rules_count": sight == Sight.RULES or any(one.sight == Sight.RULES for one in people),
        "people": people[:SHOWN_PEOPLE],
        **_preview(request),
    }
    return render(request, "cases/visibility.html", context, status=422 if refused else 200)


def _preview(request: AccountRequest) -> dict[str, Any]:
    """What the person named in the address sees."""
    person = request.GET.get("person", "").strip().replace("\x00", "")
    if not person:
        return {"person": request.user.email}
    found = Membership.objects.for_account(request.account).active().select_related("user", "account")
    membership = found.filter(user__email__iexact=person).first()
    if membership is None:
        return {"person": person, "nobody": True}
    return {"person": person, "preview": visibility.preview(membership=membership, actor=request.actor)}
