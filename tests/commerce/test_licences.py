"""Licence keys and downloads: who gets them, and what is written down of it."""

import pytest
from django.urls import reverse

from accounts.models.audit import AuditNote
from commerce.models import ProductFile
from commerce.orders import licences
from tests.factories import make_member
from tracking.models import Event

LIST = reverse("commerce:licences")


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


@pytest.fixture
def key(quote, admin, accept, now):
    order = accept(quote, admin)
    return licences.issue(line=order.quote.lines.get(product__code="sso"), order=order, now=now)


@pytest.fixture
def installer(products):
    """For those who have Team, as Acme has."""
    file = ProductFile(product=products["team"], kind="download", title="Team agent")
    file.keep(b"PK\x03\x04agent", content_type="application/zip", suffix=".zip")
    file.save()
    return file


def at(name, row):
    return reverse(f"commerce:{name}", args=[row.public_id])


def test_the_list_names_keys_by_their_end_alone(key, admin, signed_in):
    page = signed_in(admin).get(LIST).content.decode()
    assert key.ending in page
    assert key.text not in page
    assert page.count("data-primary-action") == 1


def test_who_looks_at_a_key_and_copies_it_stands_in_the_audit_log(key, admin, acme, signed_in):
    client = signed_in(admin)
    shown = client.post(at("show-licence", key))
    assert key.text in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    assert client.post(at("copied-licence", key)).status_code == 204
    noted = AuditNote.objects.filter(action__startswith="licence.").order_by("pk")
    assert [(one.action, one.actor_id, one.account_id) for one in noted] == [
        ("licence.shown", admin.pk, acme.pk), ("licence.copied", admin.pk, acme.pk),
    ]  # fmt: skip
    assert key.text not in str([one.details for one in noted]) + noted[0].object_label


def test_a_revoked_key_is_not_shown(key, admin, now, signed_in):
    licences.revoke_of(order=key.order, now=now)
    page = signed_in(admin).post(at("show-licence", key)).content.decode()
    assert "was revoked" in page
    assert key.text not in page
    assert not AuditNote.objects.filter(action="licence.shown").exists()


def test_a_key_that_cannot_be_unsealed_leads_to_us(key, admin, signed_in, settings):
    settings.SECRET_KEY_FALLBACKS = []
    client = signed_in(admin)
    other = type(key).objects.create(
        account=key.account, order=key.order, line=key.order.quote.lines.get(product__code="business"),
        product=key.product, quantity=1, sealed="sealed with a key that is lost", ending="XXXXX",
    )  # fmt: skip
    assert "Talk to us" in client.post(at("show-licence", other)).content.decode()


def test_an_order_shows_the_keys_to_those_who_may_see_them(key, admin, acme, signed_in):
    url = reverse("commerce:order", args=[key.order.number])
    assert key.ending in signed_in(admin).get(url).content.decode()
    billing = make_member(acme, "b@acme.example", "Bill", roles=["billing"])
    assert key.ending not in signed_in(billing).get(url).content.decode()


def test_what_is_owned_is_downloaded_and_noted(installer, contract, admin, signed_in):
    client = signed_in(admin)
    assert "Team agent" in client.get(LIST).content.decode()
    response = client.get(at("product-download", installer))
    assert response["Content-Disposition"] == 'attachment; filename="team-agent.zip"'
    assert b"".join(response.streaming_content) == b"PK\x03\x04agent"
    event = Event.objects.get(name="document_downloaded")
    assert (event.object_type, event.properties["product"]) == ("download", "team")


def test_what_only_owners_get_is_no_paper_for_everybody(installer, contract, admin, signed_in):
    client = signed_in(admin)
    assert client.get(at("product-file", installer)).status_code == 404
    assert "Team agent" not in client.get(reverse("commerce:plans")).content.decode()


def test_what_is_not_owned_is_not_there(installer, contract, products, admin, signed_in):
    ProductFile.objects.update(product=products["enterprise"])
    client = signed_in(admin)
    assert client.get(at("product-download", installer)).status_code == 404
    assert "Team agent" not in client.get(LIST).content.decode()
    assert not Event.objects.filter(name="document_downloaded").exists()


def test_the_list_costs_three_queries(key, installer, admin, signed_in, most_queries):
    client = signed_in(admin)
    with most_queries(3):
        client.get(LIST)


# Who may


def test_another_companys_keys_are_not_there(key, installer, other_admin, signed_in):
    client = signed_in(other_admin)
    assert key.ending not in client.get(LIST).content.decode()
    for name in ("show-licence", "copied-licence"):
        assert client.post(at(name, key)).status_code == 404
    assert client.get(at("product-download", installer)).status_code == 404
    assert not AuditNote.objects.filter(action__startswith="licence.").exists()


def test_a_viewer_is_refused(key, installer, viewer, signed_in):
    client = signed_in(viewer)
    assert client.get(LIST).status_code == client.get(at("product-download", installer)).status_code == 403
    for name in ("show-licence", "copied-licence"):
        assert client.post(at(name, key)).status_code == 403
    assert not AuditNote.objects.filter(action__startswith="licence.").exists()


def test_a_support_contact_installs_what_was_bought(key, acme, signed_in):
    member = make_member(acme, "s@acme.example", "Sue", roles=["support"])
    assert key.text in signed_in(member).post(at("show-licence", key)).content.decode()


def test_anonymous_visitors_are_asked_to_sign_in(key, installer, client):
    for response in (
        client.get(LIST),
        client.post(at("show-licence", key)),
        client.get(at("product-download", installer)),
    ):
        assert response.url.partition("?")[0] == reverse("account_login")
