"""allauth's second factors in this portal: whose they are called, how their secrets rest, who may drop the last one."""

import base64
import hashlib
from typing import Any

from allauth.core import context as current
from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import validate_totp_code
from allauth.mfa.webauthn import forms as webauthn_forms
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import brands
from accounts.session_limits import rules_for

_SEALED = "sealed:"  # Marks a secret that is encrypted; those of before are not.


def _sealer() -> MultiFernet:
    """By the secret key, and for reading by those that it replaced."""
    keys: list[str] = [settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)]
    return MultiFernet(
        Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"second factors:{key}".encode()).digest())) for key in keys
    )


class UnreadableSecret(Exception):
    """A second factor's secret was sealed with a secret key that is no longer known."""


class SecondFactorAdapter(DefaultMFAAdapter):
    """Secrets are sealed in the database, so that a copy of it is no second factor."""

    def _get_site_name(self) -> str:
        return brands.current().name

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Not the last one, while the company at hand or the vendor requires one."""
        request = current.request
        if not rules_for(request, request.user, timezone.now().date()).needs_second_factor:
            return True
        others = Authenticator.objects.filter(user_id=authenticator.user_id).exclude(pk=authenticator.pk)
        return bool(others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists())

    def encrypt(self, text: str) -> str:
        return _SEALED + _sealer().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        if not encrypted_text.startswith(_SEALED):
            return encrypted_text
        try:
            return _sealer().decrypt(encrypted_text.removeprefix(_SEALED).encode()).decode()
        except InvalidToken as error:
            raise UnreadableSecret("add the former SECRET_KEY to SECRET_KEY_FALLBACKS") from error


def was_used_before(authenticator: Authenticator, code: str) -> bool:
    """Whether a code that was refused is the right one of the moment: then it had worked once already."""
    if authenticator.type != Authenticator.Type.TOTP:
        return False
    secret = get_adapter().decrypt(authenticator.data["secret"])
    return bool(validate_totp_code(secret, code))


class _RefusesNonsense(webauthn_forms.AuthenticateWebAuthnForm):
    """Somebody may post whatever they like as a device's answer: what cannot be read is a wrong answer."""

    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise get_adapter().validation_error("incorrect_code") from error


class AuthenticateWebAuthnForm(_RefusesNonsense):
    """The second step."""


class LoginWebAuthnForm(_RefusesNonsense, webauthn_forms.LoginWebAuthnForm):
    """Signing in by a passkey alone."""


class ReauthenticateWebAuthnForm(_RefusesNonsense, webauthn_forms.ReauthenticateWebAuthnForm):
    """Confirming that it is oneself."""


class AddWebAuthnForm(webauthn_forms.AddWebAuthnForm):
    """Adding a passkey, which is what most devices offer; a plain security key needs the box unticked."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name")
        self.fields["name"].help_text = _("So that you can tell your keys apart.")
        self.fields["name"].max_length = 60
        self.fields["passwordless"].initial = True
        self.fields["passwordless"].label = _("Sign in with it alone, without my password")
        self.fields["passwordless"].help_text = _(
            "The device then asks for your finger, face or PIN. Untick it for a key that only adds a second step."
        )


class EditWebAuthnForm(webauthn_forms.EditWebAuthnForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name")
        self.fields["name"].max_length = 60
