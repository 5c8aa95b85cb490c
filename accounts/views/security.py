"""The company's rules for signing in."""

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.http import AccountRequest, requires, step_up
from accounts.models import SecurityPolicy
from accounts.models.security import AbsoluteLimit, IdleLimit
from accounts.permissions import Permission


class SecurityPolicyForm(forms.ModelForm[SecurityPolicy]):
    class Meta:
        model = SecurityPolicy
        fields = ("mfa_required", "mfa_from_date", "idle_minutes", "absolute_hours")
        labels = {
            "mfa_required": gettext_lazy("Everybody here signs in with two factors"),
            "mfa_from_date": gettext_lazy("From this day on"),
            "idle_minutes": gettext_lazy("Sign people out when they have not clicked for"),
            "absolute_hours": gettext_lazy("Sign people out in any case after"),
        }
        help_texts = {
            "mfa_required": gettext_lazy(
                "Who has none is led to set one up before anything else. "
                "Those who come by your single sign-on have it there."
            ),
            "mfa_from_date": gettext_lazy("Empty: at once."),
        }
        widgets = {"mfa_from_date": forms.DateInput(attrs={"type": "date"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, limits in (("idle_minutes", IdleLimit), ("absolute_hours", AbsoluteLimit)):
            field = cast("forms.TypedChoiceField", self.fields[name])
            field.choices = [("", _("The portal's own limit")), *limits.choices]


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_SECURITY)
@step_up
def security(request: AccountRequest) -> HttpResponse:
    """See and change them; they hold from the next click of everybody."""
    policy = SecurityPolicy.objects.for_account(request.account).first() or SecurityPolicy(account=request.account)
    form = SecurityPolicyForm(request.POST or None, instance=policy)
    if request.method == "POST" and form.is_valid():
        if form.has_changed():
            policy.since = timezone.now()
            form.save()
        messages.success(request, _("The sign-in rules are saved."))
        return redirect("accounts:security")
    return render(request, "accounts/security.html", {"form": form}, status=422 if form.errors else 200)
