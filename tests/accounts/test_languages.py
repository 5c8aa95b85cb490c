"""Each person's language, clock and formats: on pages, in mails and on papers."""

import io
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module

import pytest
from babel.numbers import format_currency, format_decimal
from django.conf import settings as project_settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from accounts import formats
from accounts.models import OutgoingMail
from accounts.notifications import notify

LEFT_TO_RIGHT = "\u200e"
FOUR = [("en", "English"), ("de", "German"), ("es", "Spanish"), ("ar", "Arabic")]


@pytest.fixture(autouse=True)
def four_languages(settings):
    settings.LANGUAGES = FOUR


def page_language(response) -> str:
    html = response.content.decode()
    start = html.index("<html")
    return html[start : html.index(">", start)]


def url():
    return reverse("accounts:language")


# Which language


def test_a_visitor_reads_what_the_browser_asks_for(db):
    response = Client().get(reverse("account_login"), headers={"accept-language": "es-MX,es;q=0.9"})
    assert 'lang="es" dir="ltr"' in page_language(response)


def test_a_visitor_chooses_in_the_footer_of_the_sign_in_page(db):
    client = Client()
    page = client.get(reverse("account_login")).content.decode()
    assert 'value="de" lang="de">Deutsch<' in page
    response = client.post(reverse("set-language"), {"language": "ar", "next": "/accounts/login/"})
    assert response["Location"] == "/accounts/login/"
    assert response.cookies["django_language"]["httponly"]
    response = client.get(reverse("account_login"), headers={"accept-language": "de"})
    assert 'lang="ar" dir="rtl"' in page_language(response)


def test_the_language_switch_sends_nobody_to_another_site(db):
    response = Client().post(reverse("set-language"), {"language": "de", "next": "https://evil.example/"})
    assert response["Location"] == "/"


def test_with_one_language_there_is_nothing_to_choose(db, settings):
    settings.LANGUAGES = FOUR[:1]
    assert reverse("set-language") not in Client().get(reverse("account_login")).content.decode()


@pytest.mark.parametrize(
    ("own", "company", "browser", "read"),
    [
        ("ar", "de", "es", "ar"),
        ("", "de", "es", "de"),
        ("", "", "es", "es"),
        ("", "", "fr", "en"),
        ("fr", "de", "es", "de"),  # Chosen while the portal still spoke it.
    ],
)
def test_ones_own_choice_counts_before_the_companys_and_the_browsers(
    member, acme, signed_in, own, company, browser, read
):
    member.language = own
    member.save()
    acme.language = company
    acme.save()
    response = signed_in(member).get("/", headers={"accept-language": browser})
    assert f'lang="{read}"' in page_language(response)
    assert response["Content-Language"] == read


def test_staff_read_the_admin_in_their_language(agent, signed_in):
    agent.language = "de"
    agent.save()
    assert 'lang="de"' in page_language(signed_in(agent).get(reverse("admin:index")))


def test_a_language_costs_no_query(member, acme, signed_in):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = signed_in(member)
    client.get("/help/")
    counts = []
    for language in ("", "de"):
        member.language = language
        member.save()
        with CaptureQueriesContext(connection) as queries:
            client.get("/help/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_one_persons_language_and_clock_do_not_stay_for_the_next(member, viewer, signed_in):
    member.language, member.time_zone = "ar", "Asia/Tokyo"
    member.save()
    signed_in(member).get("/")
    assert timezone.get_current_timezone_name() == "UTC"
    assert 'lang="en"' in page_language(signed_in(viewer).get("/"))


# The page


def test_a_person_chooses_language_and_clock(member, signed_in):
    client = signed_in(member)
    response = client.post(url(), {"language": "de", "time_zone": "America/New_York"})
    assert (response.status_code, response["Location"]) == (302, url())
    member.refresh_from_db()
    assert (member.language, member.time_zone) == ("de", "America/New_York")
    page = client.get(url()).content.decode()
    assert 'lang="de"' in page
    assert "1.234,50\xa0€" in page


@pytest.mark.parametrize(
    "wrong", [{"language": "xx", "time_zone": "UTC"}, {"language": "de", "time_zone": "Mars/Base"}]
)
def test_what_there_is_not_is_refused(member, signed_in, wrong):
    response = signed_in(member).post(url(), wrong)
    assert response.status_code == 422
    member.refresh_from_db()
    assert (member.language, member.time_zone) == ("", "Europe/Berlin")


def test_the_page_says_what_the_company_has_chosen(member, acme, signed_in):
    assert "As my browser asks" in signed_in(member).get(url()).content.decode()
    acme.language = "es"
    acme.save()
    with override("en"):
        member.language = "en"
        member.save()
        assert "As my company: Español" in signed_in(member).get(url()).content.decode()


def test_an_administrator_chooses_the_companys_language(admin, acme, signed_in):
    client = signed_in(admin)
    details = {"billing_country": "DE", "time_zone": "Europe/Berlin", "language": "de"}
    assert client.post(reverse("accounts:company-profile"), details).status_code == 302
    acme.refresh_from_db()
    assert acme.language == "de"
    assert client.post(reverse("accounts:company-profile"), details | {"language": "xx"}).status_code == 422


def test_staff_choose_too(agent, signed_in):
    assert signed_in(agent).post(url(), {"language": "ar", "time_zone": "UTC"}).status_code == 302
    agent.refresh_from_db()
    assert agent.language == "ar"


def test_a_visitor_signs_in_first(db):
    assert Client().get(url())["Location"].startswith(reverse("account_login"))


# What is written to people


def test_a_mail_is_in_its_readers_language_whoever_caused_it(member, acme):
    from types import SimpleNamespace

    member.language = "de"
    member.save()
    paid = SimpleNamespace(number="INV-1", currency="EUR", paid_at=datetime(2026, 11, 18, 23, 30, tzinfo=UTC))
    with override("ar"):
        notify(kind="receipt", to=[member], account=acme, context={"amount_minor": 123450, "invoice": paid})
    mail = OutgoingMail.objects.get()
    assert "19. November 2026" in mail.text  # In Berlin it is past midnight.
    assert "1.234,50\xa0€" in mail.text


# Formats


@pytest.mark.parametrize(
    ("language", "amount", "currency", "written"),
    [
        ("en", "1234.50", "EUR", "€1,234.50"),
        ("en", "-3.00", "GBP", "-£3.00"),
        ("en", "12.00", "CHF", "CHF\xa012.00"),
        ("en", "11.5083", "EUR", "€11.5083"),
        ("de", "1234.50", "EUR", "1.234,50\xa0€"),
        ("de", "-1200", "JPY", "-1.200\xa0JPY"),
        ("es", "1.234", "KWD", "1,234\xa0KWD"),
        ("ar", "1.234", "KWD", "\u200f1.234\xa0KWD"),
        ("ar", "-1234.50", "EUR", "\u200f\u200e-1,234.50\xa0€"),
    ],
)
def test_money_keeps_its_currency_and_its_decimals(language, amount, currency, written):
    with override(language):
        assert formats.money(Decimal(amount), currency) == written


@pytest.mark.parametrize(
    ("language", "number", "percent"),
    [
        ("en", "12,345.5", "38.5\xa0%"),
        ("de", "12.345,5", "38,5\xa0%"),
        ("es", "12.345,5", "38,5\xa0%"),
        ("ar", "12,345.5", "38.5\xa0%"),
    ],
)
def test_numbers_and_shares_are_written_as_the_language_does(language, number, percent):
    with override(language):
        assert formats.number(Decimal("12345.5000")) == number
        assert formats.percent(Decimal("0.385")) == percent


@pytest.mark.parametrize("language", [code for code, _name in project_settings.LANGUAGES])
@pytest.mark.parametrize("written", ["0.00", "-0.50", "999.99", "-1234.00", "1234567.89", "12345678901234567.8912"])
def test_figures_are_those_of_the_locale_data(language, written):
    """Marks are learned once for each language, and digits grouped by three: one that groups otherwise fails here."""
    amount = Decimal(written)
    with override(language):
        number, money = formats.number(amount), formats.money(amount, "EUR")
        # Babel forgets the mark that keeps a minus on the left of its figure.
        assert number.replace(LEFT_TO_RIGHT, "") == format_decimal(amount, locale=language, decimal_quantization=False)
        assert money.replace(LEFT_TO_RIGHT, "") == format_currency(
            amount, "EUR", locale=language, currency_digits=False, decimal_quantization=False
        )


@pytest.mark.parametrize(
    ("language", "more", "less", "dearer"),
    [
        ("en", "+1,250.5", "-5", "+€12.50"),
        ("de", "+1.250,5", "-5", "+12,50\xa0€"),
        ("ar", "\u200e+1,250.5", "\u200e-5", "\u200f\u200e+12.50\xa0€"),
    ],
)
def test_a_change_has_its_sign_before_the_figure_also_from_right_to_left(language, more, less, dearer):
    with override(language):
        assert (formats.number_change(Decimal("1250.50")), formats.number_change(-5)) == (more, less)
        assert (formats.number_change(0), formats.money_change(Decimal("12.50"), "EUR")) == ("0", dearer)


def test_no_template_writes_a_plus_of_its_own():
    templates = (project_settings.BASE_DIR / "templates").rglob("*.html")
    assert [str(path) for path in templates if "%}+{%" in path.read_text()] == []


def test_every_language_has_every_format_of_a_date():
    wanted = {name for name in dir(import_module("portal.formats.en.formats")) if name.endswith("_FORMAT")}
    for language in ("de", "es", "ar"):
        assert wanted <= set(dir(import_module(f"portal.formats.{language}.formats"))), language


def test_no_template_writes_a_date_in_a_format_of_its_own():
    import re

    own = [
        (str(path), found)
        for path in (project_settings.BASE_DIR / "templates").rglob("*.*")
        for found in re.findall(r"""\|(?:date|time):["']([^"']*)["']""", path.read_text())
        if not found.endswith("_FORMAT") and found not in ("c", "Y-m-d")
    ]
    assert own == []


def test_an_invoice_is_in_the_companys_language(acme, admin):
    from pypdf import PdfReader

    from commerce.billing.invoicing import render_pdf
    from commerce.models import Invoice

    acme.language = "de"
    acme.save()
    invoice = Invoice.objects.create(
        number="INV-90001",
        legal_entity="Meridian Works GmbH",
        account=acme,
        currency="EUR",
        subtotal_minor=123450,
        tax_minor=0,
        total_minor=123450,
        bill_to=dict.fromkeys(("name", "street", "postal_code", "city", "country", "vat_id"), ""),
        issue_date=datetime(2026, 11, 18, tzinfo=UTC).date(),
        due_date=datetime(2026, 12, 2, tzinfo=UTC).date(),
    )
    with override("ar"):
        pdf = render_pdf(invoice)
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).replace("\xa0", " ")
    assert "18. November 2026" in text
    assert "1.234,50 €" in text
