"""The papers of a contract: what there is to download, for whom, and who took it."""

import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import InternalError
from django.db.utils import IntegrityError
from django.urls import reverse

from accounts.models import StoredFile
from accounts.permissions import StaffGroup
from commerce.contracts import reviews
from commerce.contracts.papers import add_paper, downloads_of, papers_of
from commerce.models import ContractPaper, PaperKind
from commerce.quotes import quote_documents
from tests.factories import make_member, make_staff
from tests.world import PDF
from tracking.models import Event, EventName


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


@pytest.fixture
def success(db):
    return make_staff("success@vendor.example", "Cora Success", group=StaffGroup.CUSTOMER_SUCCESS)


def put(contract, staff, now, *, kind=PaperKind.SECURITY, title="Penetration test 2026"):
    upload = SimpleUploadedFile("test.pdf", PDF, "application/pdf")
    return add_paper(contract=contract, kind=kind, title=title, upload=upload, staff=staff, now=now)


def list_url(contract):
    return reverse("commerce:contract-papers", args=[contract.number])


def url_of(contract, paper):
    return reverse("commerce:contract-paper", args=[contract.number, paper.public_id])


def test_a_paper_is_found_and_downloaded_and_who_took_it_is_known(admin, contract, success, now, signed_in):
    paper = put(contract, success, now)
    client = signed_in(admin)
    assert paper.title in client.get(list_url(contract)).content.decode()
    answer = client.get(url_of(contract, paper))
    assert answer.getvalue() == PDF
    assert answer["Content-Disposition"] == 'attachment; filename="test.pdf"'
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    [taken] = downloads_of(contract.account_id, [str(paper.public_id)])[str(paper.public_id)]
    assert (taken.who, taken.at) == (admin.name, now)


def test_asking_about_a_paper_is_no_download(admin, contract, success, now, signed_in):
    paper = put(contract, success, now)
    assert signed_in(admin).head(url_of(contract, paper)).status_code == 200
    assert not Event.objects.filter(name=EventName.DOCUMENT_DOWNLOADED).exists()


def test_papers_with_prices_are_for_those_who_may_see_prices(acme, contract, success, now, signed_in):
    form = put(contract, success, now, kind=PaperKind.ORDER_FORM, title="Order form 7")
    viewer = signed_in(make_member(acme, "viewer@acme.example", "Vera", roles=["viewer"]))
    assert "Order form 7" not in viewer.get(list_url(contract)).content.decode()
    assert viewer.get(url_of(contract, form)).status_code == 404
    assert [paper.title for paper in papers_of(contract, shows_prices=True)] == ["Order form 7"]


def test_a_paper_that_was_taken_back_is_gone(admin, contract, success, now, signed_in):
    paper = put(contract, success, now)
    paper.withdraw(now)
    client = signed_in(admin)
    assert paper.title not in client.get(list_url(contract)).content.decode()
    assert client.get(url_of(contract, paper)).status_code == 404


def test_papers_are_never_deleted(contract, success, now):
    paper = put(contract, success, now)
    with pytest.raises((IntegrityError, InternalError)):
        paper.delete()


def test_staff_add_a_paper_and_take_it_back(contract, success, signed_in, now):
    client = signed_in(success)
    form = {"contract": contract.pk, "kind": "security", "title": "ISO 27001"}
    upload = SimpleUploadedFile("iso.pdf", PDF, "application/pdf")
    answer = client.post(reverse("admin:commerce_contractpaper_add"), {**form, "upload": upload})
    assert answer.status_code == 302, answer.content.decode()
    paper = ContractPaper.objects.get()
    assert (paper.account, paper.added_by, paper.file.name) == (contract.account, success, "iso.pdf")
    page = client.get(reverse("admin:commerce_contractpaper_change", args=[paper.pk])).content.decode()
    assert "Nobody has downloaded it yet." in page
    taken = {"action": "withdraw", "_selected_action": [paper.pk]}
    client.post(reverse("admin:commerce_contractpaper_changelist"), taken)
    paper.refresh_from_db()
    assert paper.withdrawn_at == now


def test_a_file_that_is_not_what_its_name_says_is_refused(contract, success, signed_in):
    form = {"contract": contract.pk, "kind": "security", "title": "ISO 27001"}
    upload = SimpleUploadedFile("iso.pdf", b"MZ not a PDF", "application/pdf")
    page = signed_in(success).post(reverse("admin:commerce_contractpaper_add"), {**form, "upload": upload})
    assert "is not what its name says" in page.content.decode()
    assert not ContractPaper.objects.exists()
    assert not StoredFile.objects.exists()


def test_the_pdf_of_an_accepted_quote_is_among_the_papers(quote, admin, accept, contract, signed_in):
    accept(quote, admin)
    assert papers_of(contract, shows_prices=True) == []  # No worker has drawn it yet.
    quote_documents.draw(account_id=quote.account_id, quote_id=quote.pk)
    [paper] = papers_of(contract, shows_prices=True)
    assert quote.number in paper.title
    answer = signed_in(admin).get(reverse("commerce:contract-paper", args=[contract.number, paper.key]))
    assert answer.getvalue().startswith(b"%PDF-")


# The review


def test_the_review_is_a_pdf_with_the_same_bytes_for_the_same_contents(admin, contract, today):
    first, second = (reviews.to_pdf(contract, admin.membership, today) for _time in range(2))
    assert first.startswith(b"%PDF-")
    assert first == second
    assert reviews.to_pdf(contract, admin.membership, today + timedelta(days=1)) != first


def test_a_review_says_prices_only_to_those_who_may_see_them(acme, admin, contract, today):
    viewer = make_member(acme, "viewer@acme.example", "Vera", roles=["viewer"])
    covered, *_rest = reviews._contents(contract, viewer.membership, today)["parts"]
    assert len(covered["headings"]) == 4
    with_prices, *_rest = reviews._contents(contract, admin.membership, today)["parts"]
    assert len(with_prices["headings"]) == 6


def test_a_review_tells_of_the_service_and_of_what_is_next(admin, contract, today):
    titles = [part["title"] for part in reviews._contents(contract, admin.membership, today)["parts"]]
    assert titles == ["What it covers", "Goals", "Service", "Next steps"]


def test_a_review_is_downloaded_and_written_down(admin, contract, signed_in):
    answer = signed_in(admin).get(reverse("commerce:contract-review", args=[contract.number]))
    assert answer["Content-Type"] == "application/pdf"
    assert Event.objects.get(name=EventName.DOCUMENT_DOWNLOADED).object_type == "contract_review"


# Who may not


@pytest.mark.parametrize("name", ["contract-papers", "contract-review"])
def test_a_stranger_finds_nothing(name, other_admin, contract, signed_in):
    assert signed_in(other_admin).get(reverse(f"commerce:{name}", args=[contract.number])).status_code == 404


def test_a_strangers_paper_is_not_there(other_admin, contract, success, now, signed_in):
    paper = put(contract, success, now)
    assert signed_in(other_admin).get(url_of(contract, paper)).status_code == 404
    assert not Event.objects.filter(name=EventName.DOCUMENT_DOWNLOADED).exists()


def test_support_contacts_see_no_papers(acme, contract, signed_in):
    support = make_member(acme, "support@acme.example", "Sue", roles=["support"])
    assert signed_in(support).get(list_url(contract)).status_code == 403


def test_visitors_sign_in_first(client, contract):
    assert client.get(list_url(contract)).status_code == 302
    unknown = reverse("commerce:contract-paper", args=[contract.number, uuid.uuid4()])
    assert client.get(unknown).status_code == 302
