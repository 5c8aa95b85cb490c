"""Quotes and invoices as PDF: the same bytes for the same contents, whenever and wherever they are made."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import typst
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _
from pypdf import PdfWriter
from pypdf.generic import StreamObject

from accounts import formats
from accounts.models import Account
from commerce.billing import einvoices
from commerce.billing.references import in_groups

TEMPLATES = Path(settings.BASE_DIR) / "templates" / "commerce" / "typst"

Template = TypeVar("Template", Path, bytes)


def to_pdf(data: Mapping[str, object], *, day: date, xml: bytes = b"", template: str = "document") -> bytes:
    """A document of the `day`; `data` is what the template shows, written out: no figure is worked out there.

    A PDF/A-3, for archives. With `xml`, of `einvoices`, it is an e-invoice, too (Factur-X).
    """
    inputs = {"document": json.dumps(data), "einvoice": xml.decode()}
    issued_at = datetime.combine(day, time.min, tzinfo=UTC)
    pdf = draw(TEMPLATES / f"{template}.typ", inputs, issued_at=issued_at, for_archives=True)
    return _declared(pdf) if xml else pdf


class ForkedAfterDrawing(Exception):
    """This process was forked from one that has drawn: typst's threads stayed there, and it would wait for ever."""


def draw(
    template: Template, inputs: dict[str, str], *, issued_at: datetime | None = None, for_archives: bool = False
) -> bytes:
    """A PDF, whatever its contents. Raises ForkedAfterDrawing."""
    if _first_drawn_by() != os.getpid():
        raise ForkedAfterDrawing
    compiler = typst.Compiler(template, font_paths=fonts(), sys_inputs=inputs)
    pdf = compiler.compile(format="pdf", timestamp=issued_at, pdf_standards=["a-3b"] if for_archives else [])
    if not isinstance(pdf, bytes):  # Only images come page by page.
        raise TypeError("typst made no PDF")
    return pdf


@lru_cache(maxsize=1)
def _first_drawn_by() -> int:
    return os.getpid()


def _declared(pdf: bytes) -> bytes:
    """The PDF with metadata that name its attachment as an e-invoice, which typst has no words for."""
    writer = PdfWriter(clone_from=BytesIO(pdf))
    writer.pdf_header = "%PDF-1.7"
    metadata = writer.root_object["/Metadata"].get_object()
    if not isinstance(metadata, StreamObject):
        raise TypeError("typst wrote no metadata")
    metadata.set_data(einvoices.declare(metadata.get_data()))
    changed = BytesIO()
    writer.write(changed)
    return changed.getvalue()


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
        "email": account.billing_email,
    }


def imprint(seller: Mapping[str, str]) -> list[str]:
    """What an invoice must say of its seller beside the name, in lines; nothing where it was not known."""
    if not seller:
        return []
    lines = [
        seller["street"],
        f"{seller['postal_code']} {seller['city']}".strip(),
        formats.country(seller["country"]),
        _("VAT id %(id)s") % {"id": seller["vat_id"]} if seller["vat_id"] else "",
        seller["registration"],
        " · ".join(filter(None, [seller["email"], seller["phone"]])),
        " · ".join(f"{name} {value}" for name, value in _account_of(seller) if value),
    ]
    return [line for line in lines if line]


def _account_of(seller: Mapping[str, str]) -> list[tuple[str, str]]:
    return [("IBAN", in_groups(seller["iban"])), ("BIC", seller["bic"])]


def address(whom: Mapping[str, str]) -> list[str]:
    """What `bill_to` kept, in lines."""
    lines = [
        whom["name"],
        whom["street"],
        f"{whom['postal_code']} {whom['city']}".strip(),
        formats.country(whom["country"]),
        _("VAT id %(id)s") % {"id": whom["vat_id"]} if whom["vat_id"] else "",
    ]
    return [line for line in lines if line]
