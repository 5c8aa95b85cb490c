"""The company page, its details, and downloads."""

import pytest

from accounts.models import Account, StoredFile
from accounts.permissions import Permission
from accounts.services import store_content
from tracking.models import Event

DETAILS = {
    "phone": "+49 30 1234567",
    "website": "https://acme.example",
    "billing_email": "billing@acme.example",
    "billing_street": "Hafenstraße 1",
    "billing_postal_code": "20457",
    "billing_city": "Hamburg",
    "billing_country": "de",
    "vat_id": "de 123456789",
    "time_zone": "Europe/Berlin",
}


def test_the_page_shows_colleagues_of_this_company_only(admin, viewer, other_admin, signed_in):
    page = signed_in(viewer).get("/company/").content.decode()
    assert "Ada Achterberg" in page
    assert "Gus Okafor" not in page


def test_an_administrator_changes_the_details(admin, signed_in):
    response = signed_in(admin).post("/company/profile/", DETAILS)
    assert response.status_code == 302
    account = Account.objects.get(pk=admin.membership.account_id)
    assert (account.phone, account.vat_id, account.billing_country) == ("+49 30 1234567", "DE123456789", "DE")
    event = Event.objects.get(name="profile_changed")
    assert "phone" in event.properties["fields"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("phone", "<script>"), ("billing_country", "Germany"), ("time_zone", "Mars/Base"), ("billing_email", "no")],
)
def test_nonsense_is_refused_and_nothing_is_lost(admin, signed_in, field, value):
    response = signed_in(admin).post("/company/profile/", DETAILS | {field: value})
    assert response.status_code == 422
    assert "Hafenstraße 1" in response.content.decode()
    assert Account.objects.get(pk=admin.membership.account_id).phone == ""


@pytest.mark.parametrize("who", ["member", "viewer"])
def test_only_administrators_change_details(request, who, signed_in):
    user = request.getfixturevalue(who)
    assert signed_in(user).post("/company/profile/", DETAILS).status_code == 403
    assert Account.objects.get(pk=user.membership.account_id).phone == ""


@pytest.mark.parametrize("path", ["/company/", "/company/profile/"])
def test_anonymous_visitors_sign_in_first(client, db, path):
    assert client.get(path)["Location"].startswith("/accounts/login/")


@pytest.fixture
def invoice_file(acme):
    return store_content(
        account=acme,
        name="INV-1.pdf",
        content=b"%PDF-1.7",
        content_type="application/pdf",
        permission=Permission.VIEW_INVOICES,
    )


def test_a_download_is_an_attachment_and_is_logged(admin, invoice_file, signed_in):
    response = signed_in(admin).get(f"/files/{invoice_file.public_id}/")
    assert b"".join(response.streaming_content) == b"%PDF-1.7"
    assert response["Content-Disposition"] == 'attachment; filename="INV-1.pdf"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert Event.objects.get(name="document_downloaded").object_id == str(invoice_file.public_id)


def test_asking_about_a_file_is_not_taking_it(admin, invoice_file, signed_in):
    assert signed_in(admin).head(f"/files/{invoice_file.public_id}/").status_code == 200
    assert not Event.objects.exists()


def test_a_file_needs_the_permission_of_what_it_belongs_to(viewer, invoice_file, signed_in):
    assert signed_in(viewer).get(f"/files/{invoice_file.public_id}/").status_code == 403
    assert not Event.objects.exists()


def test_another_companys_file_is_not_there(other_admin, invoice_file, signed_in):
    assert signed_in(other_admin).get(f"/files/{invoice_file.public_id}/").status_code == 404
    assert not Event.objects.exists()
    assert StoredFile.objects.count() == 1


def test_an_anonymous_visitor_gets_no_file(client, invoice_file):
    assert client.get(f"/files/{invoice_file.public_id}/")["Location"].startswith("/accounts/login/")
