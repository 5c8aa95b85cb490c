"""A quote as a PDF: frozen when it is presented, so that what was shown can be shown again."""

from django.conf import settings
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts import brands
from accounts.languages import documents_language
from accounts.models import StoredFile
from accounts.permissions import Permission
from accounts.services import store_content
from commerce import amounts, documents
from commerce.models import DeltaKind, Quote, QuoteLine
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.money import Money


def freeze(quote: Quote) -> StoredFile:
    """Keep the document of a quote that is being presented. Runs in that transaction."""
    return store_content(
        account=quote.account,
        name=f"{quote.number.replace(' ', '-')}.pdf",
        content=render_pdf(quote),
        content_type="application/pdf",
        permission=Permission.VIEW_PRICES,
    )


def render_pdf(quote: Quote) -> bytes:
    """The PDF's bytes; the same for the same version. In the company's language. `presented_at` must be set."""
    if quote.presented_at is None:
        raise ValueError("a quote has no document before it is presented")
    language = documents_language(quote.account)
    with override(language):
        data = {"language": language, **_data(quote)}
    day = quote.account.local_date(quote.presented_at)
    return documents.to_pdf(data, day=day)


def _data(quote: Quote) -> dict[str, object]:
    account, look = quote.account, brands.of(quote.account)

    def money(minor: int) -> str:
        return amounts.money(Money(minor, quote.currency))

    last_day = date_format(quote.last_day, "LONG_DATE_FORMAT")
    return {
        "title": _("Quote %(number)s") % {"number": quote.number},
        "vendor": look.name,
        "colour": look.primary,
        "legal_entity": settings.LEGAL_ENTITY,
        "bill_to": documents.address(documents.bill_to(account)),
        "facts": [
            [_("Quote"), quote.number],
            [_("Name"), quote.title],
            [_("Made by"), quote.created_by.name if quote.created_by else ""],
            [_("Prices of"), date_format(quote.price_date, "LONG_DATE_FORMAT")],
            [_("Valid through"), last_day],
            [_("Contract"), quote.contract.number],
            [_("Runs"), _runs(quote) if quote.has_own_term else ""],
            [_("Days to pay"), amounts.number(quote.payment_days)],
        ],
        "headings": [_("Item"), _("Quantity"), _("Unit price"), _("Amount")],
        "lines": _lines(quote),
        "totals": [
            [_("Each month afterwards, before tax"), money(quote.recurring_after_minor)],
            [_("Subtotal"), money(quote.subtotal_minor)],
            [_("Tax"), money(quote.tax_minor)],
            [_("Due on acceptance"), money(quote.total_minor)],
        ],
        "note": "\n".join(
            [
                *([quote.special_terms] if quote.special_terms else []),
                _("You can accept this quote in the portal through %(day)s.") % {"day": last_day},
                _("Fingerprint of the prices: %(hash)s") % {"hash": quote.price_hash},
            ]
        ),
    }


def _runs(quote: Quote) -> str:
    """1 December 2026 – 31 January 2027."""
    days = (quote.period.start_date, quote.last_date)
    return " – ".join(date_format(day, "LONG_DATE_FORMAT") for day in days)


def _lines(quote: Quote) -> list[dict[str, str]]:
    """Each line; the first one of a group has its name above it."""
    shown, group = [], ""
    for line in quote.lines.select_related("product").defer("steps"):
        above = line.group if line.group != group else ""
        group = line.group
        shown.append(_line(line, quote.currency) | {"above": above})
    return shown


def _line(line: QuoteLine, currency: str) -> dict[str, str]:
    name = line.product.name
    return {
        "description": _("Credit for %(product)s") % {"product": name} if line.change == DeltaKind.SWAP_OUT else name,
        "explanation": capfirst(line.words),
        "quantity": amounts.number(line.quantity),
        "unit_price": amounts.unit_price(UnitPrice(line.net_unit_price, currency)),
        "total": amounts.money(Money(line.total_minor, currency)),
    }
