"""A quote as a PDF, and what is kept of its acceptance."""

import hashlib
import io
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from celery import current_app
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import override
from pypdf import PdfReader

from accounts.models import Brand, StoredFile
from commerce import documents, tasks
from commerce.models import Product, Quote, QuoteDrawing
from commerce.quotes import quote_documents
from commerce.quotes.quoting import create_quote
from sandbox import dying
from tests.racing import closing, wait_for_locks


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


def text_of(pdf):
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


@pytest.fixture
def workers():
    """What is enqueued runs at once, once its transaction has committed."""
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


def kept(quote):
    """The document as it is stored; drawn by a worker where none has been."""
    tasks.draw_quote(account_id=quote.account_id, quote_id=quote.pk)
    quote.refresh_from_db()
    with quote.document.content.open("rb") as stored:
        return stored.read()


def test_the_document_is_kept_with_its_hash(quote, admin, signed_in):
    pdf = kept(quote)
    assert quote.document_hash == hashlib.sha256(pdf).hexdigest()
    answer = signed_in(admin).get(reverse("commerce:quote-pdf", args=[quote.public_id]))
    assert (answer.status_code, answer.content) == (200, pdf)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{quote.number}.pdf"'
    with pytest.raises(IntegrityError, match="is frozen"), transaction.atomic():
        Quote.objects.update(document_hash="0" * 64)


def test_what_it_says_is_frozen_as_the_quote_is_presented(quote, admin, signed_in):
    pdf = quote_documents.render_pdf(quote)
    quote.account.billing_street = "Elsewhere 1"
    quote.account.save()
    Brand.objects.update(name="Another name")
    Product.objects.update(name="Another product")
    assert signed_in(admin).get(reverse("commerce:quote-pdf", args=[quote.public_id])).content == pdf == kept(quote)


def test_presenting_wakes_a_worker_that_draws_it(
    admin, contract, upgrade, now, workers, django_capture_on_commit_callbacks
):
    given = {"account": contract.account, "actor": admin.membership.actor(), "user": admin, "configuration": upgrade}
    with django_capture_on_commit_callbacks(execute=True):
        quote = create_quote(form_key=uuid.uuid4(), now=now, **given)
        assert (quote.document, quote.drawing.document_date) == (None, quote.account.local_date(now))
    quote.refresh_from_db()
    assert quote.document.sha256 == quote.document_hash
    assert not QuoteDrawing.objects.exists()


def test_drawn_twice_it_is_one_document(quote):
    pdf, stored = kept(quote), quote.document
    assert (kept(quote), quote.document) == (pdf, stored)
    assert StoredFile.objects.filter(name__startswith=quote.number).count() == 1


def test_whoever_asks_before_the_worker_gets_it_drawn_and_the_worker_finds_nothing_to_do(quote, admin, signed_in):
    pdf = signed_in(admin).get(reverse("commerce:quote-pdf", args=[quote.public_id])).content
    quote.refresh_from_db()
    stored = quote.document
    assert (kept(quote), quote.document) == (pdf, stored)


@pytest.mark.django_db(transaction=True)
def test_whoever_asks_while_a_worker_draws_waits_for_the_one_document(quote):
    def drawn():
        return kept(Quote.objects.get(pk=quote.pk))

    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            QuoteDrawing.objects.select_for_update().get(pk=quote.pk)
            asked = [pool.submit(closing(drawn)) for _time in range(2)]
            wait_for_locks(2)
        first, second = (one.result(timeout=30) for one in asked)
    assert first == second == quote_documents.render_pdf(quote)
    assert StoredFile.objects.filter(name__startswith=quote.number).count() == 1


def test_what_a_killed_worker_left_is_drawn_by_the_sweep(quote, now, workers, django_capture_on_commit_callbacks):
    with transaction.atomic():
        tasks.draw_quote(account_id=quote.account_id, quote_id=quote.pk)
        transaction.set_rollback(True)  # As it was about to commit.
    for seconds, waits in ((120, True), (121, False)):  # Until then it may be on its way.
        with django_capture_on_commit_callbacks(execute=True):
            quote_documents.draw_left_behind(now=now + timedelta(seconds=seconds))
        assert QuoteDrawing.objects.filter(quote=quote).exists() == waits
    assert kept(quote) == quote_documents.render_pdf(Quote.objects.get(pk=quote.pk))


def test_what_is_to_be_drawn_is_neither_changed_nor_thrown_away(quote):
    rows = QuoteDrawing.objects.filter(quote=quote)
    for spoil in (lambda: rows.update(contents={}), rows.delete):
        with pytest.raises(IntegrityError, match="stands until it is drawn"), transaction.atomic():
            spoil()
    stored = StoredFile.objects.create(account=quote.account, name="other.pdf", size=1, sha256="1" * 64)
    with pytest.raises(IntegrityError, match="is frozen"), transaction.atomic():
        Quote.objects.filter(pk=quote.pk).update(document=stored, document_hash="0" * 64)


def test_a_quote_can_be_accepted_before_its_document_is_drawn(quote, admin, accept):
    accept(quote, admin)
    assert kept(quote) == quote_documents.render_pdf(Quote.objects.get(pk=quote.pk))
    assert (quote.status, quote.accepted_hash) == ("accepted", quote.price_hash)


def test_the_same_version_gives_the_same_bytes_whenever_it_is_made(quote, time_machine_now):
    again = Quote.objects.select_related("account", "contract", "created_by").get(pk=quote.pk)
    assert quote_documents.render_pdf(again) == quote_documents.render_pdf(again) == kept(quote)


def test_it_says_what_the_page_says(quote):
    text = text_of(kept(quote)).replace("\xa0", " ")
    for words in (quote.number, "Acme Logistics GmbH", "1,677.13", "1,142.85", "19.00 a month", quote.price_hash[:20]):
        assert words in text


def test_a_later_change_of_the_company_or_the_brand_does_not_reach_it(quote, admin, signed_in):
    pdf = kept(quote)
    quote.account.billing_street = "Elsewhere 1"
    quote.account.save()
    Brand.objects.update(name="Another name")
    assert signed_in(admin).get(reverse("commerce:quote-pdf", args=[quote.public_id])).content == pdf


def test_it_is_in_the_language_of_the_company_s_documents(quote, settings):
    quote.account.language = "de"
    assert "Vertrag" in text_of(quote_documents.render_pdf(quote))


@pytest.mark.parametrize(("language", "country"), [("en", "Germany"), ("de", "Deutschland"), ("ar", "ألمانيا")])
def test_the_address_names_the_country_in_the_reader_s_language(acme, language, country):
    acme.billing_country = "DE"
    with override(language):
        assert country in documents.address(documents.bill_to(acme))
    assert "XX" in documents.address(documents.bill_to(acme) | {"country": "XX"})


def test_the_word_for_seats_is_in_the_reader_s_language(admin, contract, upgrade, now):
    actor = admin.membership.actor()
    given = {"account": contract.account, "actor": actor, "user": admin, "configuration": upgrade, "now": now}
    with override("de"):
        line = create_quote(form_key=uuid.uuid4(), **given).lines.get(change="swap_in")
        assert "60 Nutzerplätze" in line.words
    assert "60 seats" in line.words


def test_an_acceptance_keeps_who_when_where_in_which_role_and_what_was_shown(quote, admin, accept, now):
    accept(quote, admin, po_number="4500-17", now=now + timedelta(minutes=3))
    quote.refresh_from_db()
    assert (quote.accepted_by, quote.accepted_name, quote.accepted_role_words, quote.accepted_ip) == (
        admin, "Ada Achterberg", "Administrator", "203.0.113.7",
    )  # fmt: skip
    assert (quote.accepted_at, quote.accepted_hash, quote.po_number) == (
        now + timedelta(minutes=3), quote.price_hash, "4500-17",
    )  # fmt: skip
    pdf = kept(quote)
    assert quote.document_hash == hashlib.sha256(pdf).hexdigest()


def test_what_is_not_presented_has_no_document(quote, other_admin, viewer, signed_in, client):
    url = reverse("commerce:quote-pdf", args=[quote.public_id])
    assert signed_in(other_admin).get(url).status_code == 404
    assert signed_in(viewer).get(url).status_code == 403
    assert client.get(url).status_code == 302


@pytest.mark.parametrize(("language", "fonts"), [("en", {"Inter"}), ("ar", {"Inter", "NotoSansArabic"})])
def test_it_brings_its_own_fonts(quote, language, fonts):
    quote.account.language = language
    pages = PdfReader(io.BytesIO(quote_documents.render_pdf(quote))).pages
    named = {str(font.get_object()["/BaseFont"]) for page in pages for font in page["/Resources"]["/Font"].values()}
    assert {name.split("+")[1].split("-")[0] for name in named} == fonts


def test_a_process_forked_from_one_that_has_drawn_says_so_instead_of_waiting_for_ever(capfd):
    documents.draw(b"Drawn", {})
    assert dying.wait([dying.fork(lambda: documents.draw(b"Drawn again", {}))]) == [1]
    assert "ForkedAfterDrawing" in capfd.readouterr().err


def test_a_build_without_fonts_makes_no_document_in_others(quote, settings, tmp_path):
    settings.DOCUMENT_FONTS = tmp_path / "nothing"
    documents.fonts.cache_clear()
    with pytest.raises(ImproperlyConfigured, match="No fonts"):
        quote_documents.render_pdf(quote)
