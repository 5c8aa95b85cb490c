"""Quotes and invoices as PDF: the same bytes for the same contents, whenever and wherever they are made."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import lru_cache
from pathlib import Path

import typst
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from accounts.models import Account

TEMPLATE = Path(settings.BASE_DIR) / "templates" / "commerce" / "typst" / "document.typ"


def to_pdf(data: Mapping[str, object], *, day: date) -> bytes:
    """A document of the `day`; `data` is what the template shows, written out: no figure is worked out there."""
    compiler = typst.Compiler(TEMPLATE, font_paths=fonts(), sys_inputs={"document": json.dumps(data)})
    pdf = compiler.compile(format="pdf", timestamp=datetime.combine(day, time.min, tzinfo=UTC))
    if not isinstance(pdf, bytes):  # Only images come page by page.
        raise TypeError("typst made no PDF")
    return pdf


@lru_cache(maxsize=1)
def fonts() -> typst.Fonts:
    # Never the machine's own fonts: every machine would make another document. typst takes whatever it has where one
    # is missing, so that a build without fonts must be refused here.
    if not settings.DOCUMENT_FONTS.is_dir():
        raise ImproperlyConfigured(
            f"No fonts for documents in {settings.DOCUMENT_FONTS}: npm run build puts them there."
        )
    return typst.Fonts(include_system_fonts=False, font_paths=[settings.DOCUMENT_FONTS])


def bill_to(account: Account) -> dict[str, str]:
    """The company's address as it is now."""
    return {
        "name": account.name,
        "street": account.billing_street,
        "postal_code": account.billing_postal_code,
        "city": account.billing_city,
        "country": account.billing_country,
        "vat_id": account.vat_id,
    }


def address(whom: Mapping[str, str]) -> list[str]:
    """What `bill_to` kept, in lines."""
    lines = [
        whom["name"],
        whom["street"],
        f"{whom['postal_code']} {whom['city']}".strip(),
        whom["country"],
        _("VAT id %(id)s") % {"id": whom["vat_id"]} if whom["vat_id"] else "",
    ]
    return [line for line in lines if line]
