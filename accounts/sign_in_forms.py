"""allauth's sign-in forms in the portal's words: labels stand above their fields, so placeholders are not needed."""

from typing import Any

from allauth.account import forms as allauth_forms
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.sso.closing import lead_to_sso


class LoginForm(allauth_forms.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("E-mail")
        self.fields["remember"].label = _("Stay signed in on this device")
        _without_placeholders(self)

    def clean_login(self) -> str:
        lead_to_sso(self.cleaned_data["login"])
        login: str = super().clean_login()
        return login


class SignupForm(allauth_forms.SignupForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("Work e-mail")
        _without_placeholders(self)

    def clean_email(self) -> str:
        lead_to_sso(self.cleaned_data["email"])
        email: str = super().clean_email()
        return email

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """For an address that somebody has, do the work of a new one: how long it takes gives nothing away."""
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])
        saved: tuple[User | None, HttpResponse | None] = super().try_save(request)
        return saved


class ResetPasswordForm(allauth_forms.ResetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("E-mail")
        _without_placeholders(self)

    def clean_email(self) -> str:
        lead_to_sso(self.cleaned_data["email"])
        email: str = super().clean_email()
        return email


class RequestLoginCodeForm(allauth_forms.RequestLoginCodeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "email" in self.fields:
            self.fields["email"].label = _("E-mail")
        _without_placeholders(self)

    def clean_email(self) -> str:
        lead_to_sso(self.cleaned_data["email"])
        email: str = super().clean_email()
        return email


def _without_placeholders(form: Any) -> None:
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)
