"""How the vendor shows itself to its customers."""

import uuid
from collections.abc import Collection
from typing import TYPE_CHECKING

import pghistory
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import contrast

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

PRIMARY = "#0b5d67"  # The portal's own, as in assets/brand.css.

colour = RegexValidator(contrast.HEX, _("Write the colour as # and six digits, such as #0b5d67."))
host = RegexValidator(
    r"^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$",
    _("Write the domain in lower case and without https://, such as portal.example.com."),
)


def _colour(label: "StrPromise", default: str) -> "models.CharField[str, str]":
    return models.CharField(label, max_length=7, default=default, validators=[colour])


@pghistory.track(exclude=["logo_light", "logo_dark"])
class Brand(models.Model):
    """The name, logo and colours that customers see on pages, in mails and on papers. A vendor may have several."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=60)
    legal_name = models.CharField(_("legal name"), max_length=120, help_text=_("Stands in mails and on papers."))
    is_default = models.BooleanField(
        _("default brand"), default=False, help_text=_("Of visitors, and of companies without a brand of their own.")
    )
    # Pictures that accounts.pictures has drawn anew: small PNG files, so the database may hold them.
    logo_light = models.BinaryField(_("logo on light pages"), blank=True, default=b"")
    logo_dark = models.BinaryField(_("logo on dark pages"), blank=True, default=b"")
    primary_light = _colour(_("main colour on light pages"), PRIMARY)
    primary_dark = _colour(_("main colour on dark pages"), "#4fc3d3")
    accent_light = _colour(_("accent on light pages"), "#5b3fa8")
    accent_dark = _colour(_("accent on dark pages"), "#b9a5f5")
    sender_name = models.CharField(_("sender of mails"), max_length=60, blank=True)
    sender_email = models.EmailField(_("sender's address"), blank=True)
    support_email = models.EmailField(_("support's address"), blank=True)
    # Empty is null: several brands may have none, and no two the same.
    custom_domain = models.CharField(
        _("own domain"), max_length=253, unique=True, null=True, blank=True, validators=[host]
    )
    domain_verified_at = models.DateTimeField(_("domain verified at"), null=True, blank=True, editable=False)
    footer_links = models.TextField(
        _("links in the footer"), blank=True, help_text=_("One a line: the words, a space, the address with https://.")
    )
    version = models.PositiveIntegerField(default=1, editable=False)  # Counts changes; part of the addresses below.
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="one_default_brand"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def token(self) -> str:
        """Names the brand as it is now in the addresses of its colours and logos."""
        return f"{self.public_id.hex}-{self.version}"

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """All but the one default: a new one takes the place of the old (accounts.brands.save_brand)."""
        super().validate_constraints(exclude={*(exclude or ()), "is_default"})

    def clean(self) -> None:
        self.custom_domain = self.custom_domain or None
        problems = {**self._unreadable_colours(), **self._wrong_links()}
        if problems:
            raise ValidationError(problems)

    def _unreadable_colours(self) -> dict[str, str]:
        problems = {}
        for name in ("primary_light", "primary_dark", "accent_light", "accent_dark"):
            shade = getattr(self, name)
            surfaces = contrast.LIGHT_SURFACES if name.endswith("light") else contrast.DARK_SURFACES
            if contrast.HEX.fullmatch(shade) and (found := contrast.lowest_ratio(shade, surfaces)) < contrast.TEXT:
                problems[name] = gettext(
                    "This colour is hard to read: its contrast is %(found)s to 1, and %(least)s to 1 is needed. "
                    "%(shade)s passes."
                ) % {
                    "found": number_format(int(found * 100) / 100, 2),  # Down: 4.499 is not 4.5.
                    "least": number_format(contrast.TEXT, 1),
                    "shade": contrast.nearest_passing(shade, surfaces),
                }
        return problems

    def _wrong_links(self) -> dict[str, str]:
        wrong = [line for line in self.footer_links.splitlines() if line.strip() and _link(line) is None]
        return {"footer_links": gettext("“%(line)s” is not a link.") % {"line": wrong[0]}} if wrong else {}

    @property
    def links(self) -> list[tuple[str, str]]:
        """Words and address of each link in the footer."""
        return [link for line in self.footer_links.splitlines() if (link := _link(line))]

    @property
    def domain_record(self) -> tuple[str, str]:
        """Name and value of the DNS record (TXT) that shows that the domain is the vendor's."""
        return f"_portal.{self.custom_domain}", f"portal-brand={self.public_id}"


def _link(line: str) -> tuple[str, str] | None:
    words, _space, address = line.strip().rpartition(" ")
    return (words.strip(), address) if words.strip() and address.startswith("https://") else None
