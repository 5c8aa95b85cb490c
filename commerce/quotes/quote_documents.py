"""A quote as a PDF: what was shown can be shown again.

What it says is written down as the quote is presented. Drawing a thousand lines takes seconds, so that a worker does
it afterwards, or whoever asks for the document before; one of them draws it, and it is kept.
"""

from datetime import date, datetime

from django.conf import settings
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts import brands
from accounts.jobs import enqueue
from accounts.languages import documents_language
from accounts.permissions import Permission
from accounts.scope import system_scope
from accounts.services import store_content
from commerce import amounts, documents
from commerce.models import DeltaKind, Quote, QuoteDrawing, QuoteLine
from commerce.pricing.explanation import UnitPrice
from commerce.pricing.money import Money


def write_down(quote: Quote, now: datetime) -> None:
    """Note what the document of a quote says that is being presented; a worker draws it. Runs in that transaction."""
    from commerce.tasks import draw_quote

    contents, day = _contents(quote)
    QuoteDrawing.objects.create(
        quote=quote, account=quote.account, contents=contents, document_date=day, created_at=now
    )
    enqueue(draw_quote, account_id=quote.account_id, quote_id=quote.pk)


def draw(*, account_id: int, quote_id: int) -> None:
    """Draw the document of a quote that was presented, and keep it. Run again, or twice at once, it makes one."""
    with system_scope(account_id):
        rows = QuoteDrawing.objects.select_for_update(of=("self",)).select_related("quote", "account")
        drawing = rows.filter(quote_id=quote_id).first()
        if drawing is None:
            return
        stored = store_content(
            account=drawing.account,
            name=file_name(drawing.quote),
            content=documents.to_pdf(drawing.contents, day=drawing.document_date),
            content_type="application/pdf",
            permission=Permission.VIEW_PRICES,
        )
        Quote.objects.filter(pk=quote_id).update(document=stored, document_hash=stored.sha256)
        drawing.delete()


def draw_left_behind(*, now: datetime) -> None:
    """Wake a worker for each document whose first wake-up was lost, or whose worker died."""
    from commerce.tasks import draw_quote

    left = QuoteDrawing.objects.left_behind(now).order_by("created_at")
    for account_id, quote_id in left.values_list("account_id", "quote_id"):
        enqueue(draw_quote, account_id=account_id, quote_id=quote_id)


def bytes_of(quote: Quote) -> bytes:
    """The document of a quote that was presented; drawn now, where no worker has come to it yet."""
    if quote.document is None:
        draw(account_id=quote.account_id, quote_id=quote.pk)
        quote.refresh_from_db(fields=["document", "document_hash"])
    if quote.document is None:  # From before documents were kept: made anew, with the same bytes each time.
        return render_pdf(quote)
    with quote.document.content.open("rb") as stored:
        pdf: bytes = stored.read()
    return pdf


def file_name(quote: Quote) -> str:
    return f"{quote.number.replace(' ', '-')}.pdf"


def render_pdf(quote: Quote) -> bytes:
    """The PDF's bytes; the same for the same version. In the company's language. `presented_at` must be set."""
    contents, day = _contents(quote)
    return documents.to_pdf(contents, day=day)


def _contents(quote: Quote) -> tuple[dict[str, object], date]:
    """What the template shows, and the document's day."""
    if quote.presented_at is None:
        raise ValueError("a quote has no document before it is presented")
    language = documents_language(quote.account)
    with override(language):
        return {"language": language, **_data(quote)}, quote.account.local_date(quote.presented_at)


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
