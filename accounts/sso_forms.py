"""Forms of the company's single sign-on."""

from typing import Any, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.models.companies import MembershipQuerySet
from accounts.models.sso import IdentityProvider
from accounts.outbound import NoAnswer, OutboundRefused, check_url, fetch
from accounts.permissions import Role
from accounts.sso import oidc
from accounts.sso.metadata import Metadata, MetadataRefused, read
from accounts.sso.setup import OidcConnection
from accounts.sso.xml import MAX_BYTES


class OidcForm(forms.Form):
    """Asks the issuer for its discovery document while it is cleaned: only where no transaction is open."""

    issuer = forms.CharField(
        label=gettext_lazy("Issuer"),
        max_length=500,
        help_text=gettext_lazy("The address of the identity provider, such as https://login.example.com."),
    )
    client_id = forms.CharField(label=gettext_lazy("Client id"), max_length=255)
    secret = forms.CharField(
        label=gettext_lazy("Client secret"),
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Kept encrypted, and never shown again."),
    )

    def __init__(self, *args: Any, provider: IdentityProvider | None, **kwargs: Any) -> None:
        if provider is not None:
            kwargs["initial"] = {"issuer": provider.issuer, "client_id": provider.client_id}
        super().__init__(*args, **kwargs)
        if provider is not None and provider.secret_sealed:
            self.fields["secret"].required = False
            self.fields["secret"].help_text = _("A secret is stored. Leave this empty to keep it.")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                cleaned["endpoints"] = oidc.discover(cleaned["issuer"])
            except oidc.DiscoveryRefused as refusal:
                self.add_error("issuer", str(refusal))
        return cleaned

    def connection(self) -> OidcConnection:
        data = self.cleaned_data
        return OidcConnection(data["issuer"], data["client_id"], data["secret"], data["endpoints"])


class SamlForm(forms.Form):
    """Metadata in one of three ways. Asks the outside world while it is cleaned, where an address is given."""

    url = forms.CharField(label=gettext_lazy("Address of the metadata"), max_length=500, required=False)
    file = forms.FileField(label=gettext_lazy("Metadata file"), required=False)
    text = forms.CharField(
        label=gettext_lazy("Metadata as text"), required=False, strip=True,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
    )  # fmt: skip
    may_start_there = forms.BooleanField(
        label=gettext_lazy("Sign-in may start at the identity provider"),
        required=False,
        help_text=gettext_lazy(
            "For tiles on its start page. Such answers belong to no request of ours, so leave it off if you can."
        ),
    )

    metadata: Metadata

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        given = [name for name in ("url", "file", "text") if cleaned.get(name)]
        if self.errors:
            return cleaned
        if len(given) != 1:
            raise forms.ValidationError(_("Give the metadata in one of the three ways."))
        try:
            self.metadata = read(self._content(given[0], cleaned))
        except (MetadataRefused, NoAnswer, OutboundRefused) as refusal:
            self.add_error(given[0], str(refusal))
        return cleaned

    def _content(self, given: str, cleaned: dict[str, Any]) -> bytes:
        if given == "url":
            check_url(cleaned["url"])
            return fetch(cleaned["url"], max_bytes=MAX_BYTES)
        if given == "text":
            return str(cleaned["text"]).encode()
        upload: UploadedFile[bytes] = cleaned["file"]
        if (upload.size or 0) > MAX_BYTES:
            raise MetadataRefused(
                _("The file has %(size)d KB. At most %(limit)d KB are read.")
                % {"size": (upload.size or 0) // 1024, "limit": MAX_BYTES // 1024}
            )
        content: bytes = upload.read()
        return content


class PeopleForm(forms.ModelForm[IdentityProvider]):
    """Whom the identity provider brings, and as what."""

    role_lines = forms.CharField(
        label=gettext_lazy("Roles by value"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
    )
    default_roles = forms.MultipleChoiceField(
        label=gettext_lazy("Roles of people whose values are not in the list"),
        choices=Role,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Choose none to refuse them."),
    )

    class Meta:
        model = IdentityProvider
        fields = [
            "creates_members",
            "email_attribute",
            "name_attribute",
            "roles_attribute",
            "default_roles",
            "roles_follow",
        ]

    field_order = [
        "creates_members",
        "roles_attribute",
        "role_lines",
        "default_roles",
        "roles_follow",
        "email_attribute",
        "name_attribute",
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lines = [f"{value} = {', '.join(roles)}" for value, roles in self.instance.role_map.items()]
        self.fields["role_lines"].initial = "\n".join(lines)
        self.fields["role_lines"].help_text = _(
            "One per line, such as “Portal admins = administrator”. Roles: %(roles)s."
        ) % {"roles": ", ".join(Role.values)}
        self.fields["roles_follow"].help_text = _(
            "Off: roles are given once, to people who are new, and changed here afterwards. On: each sign-in sets them "
            "anew, for members too; what is changed here lasts until then. The last administrator and the emergency "
            "administrator stay administrators. Where directory sync gives roles by groups, leave this off."
        )
        for name in ("email_attribute", "name_attribute"):
            self.fields[name].help_text = _("Leave empty for the usual ones.")

    def clean_role_lines(self) -> dict[str, list[str]]:
        role_map: dict[str, list[str]] = {}
        for line in filter(None, (line.strip() for line in self.cleaned_data["role_lines"].splitlines())):
            value, equals, names = line.rpartition("=")
            roles = [name.strip().lower() for name in names.split(",") if name.strip()]
            if not equals or not value.strip() or not roles or not set(roles) <= set(Role.values):
                raise forms.ValidationError(
                    _("“%(line)s” must be a value, an equals sign, and roles from the list below."),
                    params={"line": line[:100]},
                )
            role_map[value.strip()[:200]] = roles
        return role_map

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not cleaned.get("roles_attribute"):
            if cleaned.get("role_lines"):
                self.add_error("roles_attribute", _("Name the attribute whose values the list below is about."))
            elif cleaned.get("roles_follow"):
                self.add_error("roles_attribute", _("Name the attribute that roles are to follow."))
        return cleaned

    def save(self, commit: bool = True) -> IdentityProvider:
        self.instance.role_map = self.cleaned_data["role_lines"]
        return super().save(commit)


class AccessForm(forms.Form):
    """Whether single sign-on is on, and whether there is another way in."""

    is_active = forms.BooleanField(label=gettext_lazy("People may sign in by single sign-on"), required=False)
    is_enforced = forms.BooleanField(
        label=gettext_lazy("People with an address at our domains must use it"),
        required=False,
        help_text=gettext_lazy("Their passwords, codes and passkeys no longer open the portal."),
    )
    emergency_administrator = forms.ModelChoiceField(
        label=gettext_lazy("Emergency administrator"),
        queryset=User.objects.none(),
        required=False,
        empty_label=gettext_lazy("Nobody"),
        help_text=gettext_lazy(
            "Still signs in with password and second factor, for the day the identity provider is away."
        ),
    )

    def __init__(self, *args: Any, provider: IdentityProvider, candidates: MembershipQuerySet, **kwargs: Any) -> None:
        kwargs["initial"] = {
            "is_active": provider.is_active,
            "is_enforced": provider.is_enforced,
            "emergency_administrator": provider.emergency_administrator_id,
        }
        super().__init__(*args, **kwargs)
        field = cast("forms.ModelChoiceField[User]", self.fields["emergency_administrator"])
        field.queryset = User.objects.filter(pk__in=candidates.values("user_id")).order_by("name", "pk")


class EmailForm(forms.Form):
    """Whose identity provider: told by the address."""

    email = forms.EmailField(
        label=gettext_lazy("Work e-mail"), widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )
