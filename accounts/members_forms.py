"""Forms about the people of a company."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_text_html, validate_password
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from accounts.invitations import Invitee
from accounts.models import Membership, MembershipQuerySet, User
from accounts.permissions import Role

ROLES_HELP = _("Roles add up: somebody may do what any of theirs allows.")


class FindPeopleForm(forms.Form):
    """Which people the list shows. What it does not know, it does not ask about."""

    ACTIVE, INACTIVE = "active", "inactive"
    STATES = ((ACTIVE, _("May sign in")), (INACTIVE, _("Deactivated")))

    q = forms.CharField(label=_("Name or e-mail"), max_length=100, required=False)
    role = forms.ChoiceField(label=_("Role"), choices=[("", _("All roles")), *Role.choices], required=False)
    state = forms.ChoiceField(label=_("State"), choices=STATES, required=False)

    def __init__(self, *args: Any, is_manager: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_manager = is_manager
        if not is_manager:  # Who has left, and addresses, are for those who manage people.
            del self.fields["state"]
            self.fields["q"].label = _("Name")

    def narrowed(self, members: MembershipQuerySet) -> MembershipQuerySet:
        self.is_valid()
        asked = self.cleaned_data
        members = members.inactive() if asked.get("state") == self.INACTIVE else members.active()
        if asked.get("role"):
            members = members.with_role(asked["role"])
        if asked.get("q"):
            members = members.matching(asked["q"], also_email=self.is_manager)
        return members

    @property
    def is_narrowing(self) -> bool:
        return any(self.cleaned_data.values())


class InviteForm(forms.Form):
    """Whom to invite, and what they will do."""

    email = forms.EmailField(label=_("E-mail"), max_length=254)
    name = forms.CharField(label=_("Name"), max_length=150, required=False)
    roles = forms.MultipleChoiceField(
        label=_("Roles"),
        choices=Role.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=[Role.VIEWER],
        help_text=ROLES_HELP,
        error_messages={"required": _("Choose at least one role.")},
    )
    department = forms.CharField(label=_("Department"), max_length=80, required=False)

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()

    @property
    def invitee(self) -> Invitee:
        asked = self.cleaned_data
        return Invitee(
            email=asked["email"], roles=tuple(asked["roles"]), name=asked["name"], department=asked["department"]
        )


class AskForm(forms.Form):
    """Whom somebody without a company knows there."""

    email = forms.EmailField(label=_("Your administrator's e-mail"), max_length=254)

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class NewPersonForm(forms.Form):
    """Who somebody is that has been invited and has never been here. The address stands in the invitation."""

    name = forms.CharField(label=_("Your name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=lazy(password_validators_help_text_html, str)(),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or self.cleaned_data
        if "password" in asked:
            somebody = User(email=self.email, name=asked.get("name", ""))
            try:
                validate_password(asked["password"], somebody)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return asked


class MemberForm(forms.Form):
    """What somebody does for their company."""

    roles = forms.MultipleChoiceField(
        label=_("Roles"),
        choices=Role.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=ROLES_HELP,
        error_messages={"required": _("Choose at least one role. To keep somebody out, deactivate them.")},
    )
    department = forms.CharField(label=_("Department"), max_length=80, required=False)

    @classmethod
    def of(cls, member: Membership, data: Any = None) -> "MemberForm":
        return cls(data, initial={"roles": member.roles, "department": member.department})
