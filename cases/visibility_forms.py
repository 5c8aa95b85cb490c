"""What a company's administrator chooses about who sees which cases."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Membership
from accounts.permissions import CUSTOMER_TABLE, Permission, Role
from cases.models import Sight

MOST_DEPARTMENTS = 200  # Offered in a list.

EXPLANATIONS = {
    Sight.OWN: _("Own cases only: what somebody opened, or was added to."),
    Sight.COMPANY: _("All cases of the company."),
    Sight.RULES: _("By rule: own cases, and what the rules below show."),
}


class CompanySightForm(forms.Form):
    sight = forms.ChoiceField(
        label=_("Who may see cases sees"), choices=list(EXPLANATIONS.items()), widget=forms.RadioSelect
    )


class PersonSightForm(forms.Form):
    """One person's own setting; the form finds the `membership`."""

    email = forms.EmailField(label=_("E-mail of a colleague"), max_length=254)
    sight = forms.ChoiceField(
        label=_("Sees"), required=False, choices=[("", _("As the company's setting says")), *Sight.choices]
    )

    membership: Membership

    def __init__(self, account: Account, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account = account

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        found = Membership.objects.for_account(self.account).active().select_related("user", "account")
        membership = found.filter(user__email__iexact=email.strip()).first()
        if membership is None:
            raise forms.ValidationError(gettext("Nobody of your company has this address."))
        self.membership = membership
        return email


class RuleForm(forms.Form):
    """Who sees whose cases. Departments are those that people of the company work in."""

    who = forms.ChoiceField(label=_("People with"))
    of_department = forms.ChoiceField(label=_("See"), required=False)

    def __init__(self, account: Account, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = Membership.objects.for_account(account).exclude(department="")
        departments = list(
            named.values_list("department", flat=True).distinct().order_by("department")[:MOST_DEPARTMENTS]
        )
        seeing = CUSTOMER_TABLE[Permission.VIEW_CASES]
        roles = [(f"role:{role}", gettext("Role: %(name)s") % {"name": role.label}) for role in Role if role in seeing]
        people = [(f"department:{one}", gettext("Department: %(name)s") % {"name": one}) for one in departments]
        who, of_department = self.fields["who"], self.fields["of_department"]
        if isinstance(who, forms.ChoiceField) and isinstance(of_department, forms.ChoiceField):
            who.choices = roles + people
            of_department.choices = [
                ("", gettext("All cases of the company")),
                *((one, gettext("Cases of the department %(name)s") % {"name": one}) for one in departments),
            ]

    @property
    def rule(self) -> dict[str, str]:
        """A valid form's answer, as `cases.visibility.add_rule` takes it."""
        kind, _colon, name = self.cleaned_data["who"].partition(":")
        return {kind: name, "of_department": self.cleaned_data["of_department"]}
