"""Terms of service: nobody works here before they accepted them, and what they accepted can be shown."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.audit.collecting import collect
from accounts.law.terms import AlreadyPublished, NoText, hash_of, publish, text_for
from accounts.models import AuditEntry, TermsAcceptance, TermsText, TermsVersion
from tests.racing import race, wait_for_a_lock

pytestmark = pytest.mark.django_db


def make_terms(version="2026-11", *, by, days_ago=1, **fields):
    now = timezone.now()
    terms = TermsVersion.objects.create(version=version, effective_at=now - timedelta(days=days_ago), **fields)
    TermsText.objects.create(terms=terms, language="en", body=f"Be kind. ({version})")
    publish(terms=terms, by=by, now=now)
    return terms


@pytest.fixture
def terms(manager):
    return make_terms(by=manager)


def accept(client, **fields):
    page = client.get("/terms/accept/", {"next": fields.pop("next", "/cases/")})
    body = {"text_hash": page.context["text_hash"], "next": page.context["next"], "accepted": "on"} | fields
    return client.post("/terms/accept/", {name: value for name, value in body.items() if value})


def test_without_terms_nobody_is_asked(member, signed_in):
    assert signed_in(member).get("/").status_code == 200


@pytest.mark.parametrize("url", ["/", "/cases/", "/company/", "/help/"])
def test_the_portal_waits_for_the_acceptance(terms, admin, signed_in, url):
    response = signed_in(admin).get(url)
    assert (response.status_code, response["Location"]) == (302, f"/terms/accept/?next={url.replace('/', '%2F')}")


def test_what_is_sent_meanwhile_changes_nothing(terms, admin, acme, signed_in):
    response = signed_in(admin).post("/company/profile/", {"phone": "1"})
    assert response["Location"].startswith("/terms/accept/")
    acme.refresh_from_db()
    assert acme.phone == ""


def test_the_way_out_the_terms_and_one_s_own_rights_stay_open(terms, member, signed_in):
    client = signed_in(member)
    assert client.get("/terms/").status_code == 200
    assert "Be kind. (2026-11)" in client.get("/terms/accept/").content.decode()
    assert client.post("/accounts/logout/").status_code == 302
    assert client.get("/").url.startswith("/accounts/login/")


def test_a_program_is_told_in_its_own_way(terms, member, signed_in):
    response = signed_in(member).get("/api/v1/cases")
    assert (response.status_code, response.json()["code"]) == (403, "terms_not_accepted")
    assert signed_in(member).get("/api/v1/openapi.json").status_code == 200


def test_htmx_is_led_to_the_terms(terms, member, signed_in):
    response = signed_in(member).get("/", headers={"HX-Request": "true"})
    assert response["HX-Redirect"].startswith("/terms/accept/")


def test_accepting_opens_the_portal_and_is_kept(terms, member, signed_in):
    client = signed_in(member)
    response = accept(client)
    assert (response.status_code, response["Location"]) == (302, "/cases/")
    kept = TermsAcceptance.objects.get()
    assert (kept.user, kept.terms, kept.text_hash, kept.ip) == (member, terms, hash_of(text_for(terms)), "127.0.0.1")
    assert client.get("/").status_code == 200
    collect(now=timezone.now())
    assert AuditEntry.objects.get(action="terms.accepted").object_label == "2026-11"


def test_accepting_twice_is_kept_once(terms, member, signed_in):
    client = signed_in(member)
    accept(client)
    accept(client)
    assert TermsAcceptance.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_accepting_twice_at_once_is_kept_once(terms, member, signed_in):
    client, is_written = signed_in(member), threading.Event()

    def first():
        with transaction.atomic():
            TermsAcceptance.objects.create(user=member, terms=terms, language="en", text_hash="0")
            is_written.set()
            wait_for_a_lock()

    def second():
        is_written.wait(timeout=10)
        return accept(client).status_code

    assert race(first, second) == [None, 302]
    assert TermsAcceptance.objects.filter(user=member).count() == 1


@pytest.mark.parametrize("fields", [{"accepted": ""}, {"text_hash": "0" * 64}])
def test_without_the_tick_or_of_other_words_nothing_is_accepted(terms, member, signed_in, fields):
    response = accept(signed_in(member), **fields)
    assert response.status_code == 422
    assert not TermsAcceptance.objects.exists()


def test_nobody_is_led_out_of_the_portal(terms, member, signed_in):
    assert accept(signed_in(member), next="https://evil.example/")["Location"] == "/"


def test_once_accepted_no_request_asks_again(terms, member, signed_in):
    client = signed_in(member)
    accept(client)
    with CaptureQueriesContext(connection) as captured:
        client.get("/cases/")
    assert not [query for query in captured.captured_queries if "accounts_termsacceptance" in query["sql"]]
    # Another session of the same person looks once.
    again = signed_in(member)
    assert again.get("/cases/").status_code == 200
    with CaptureQueriesContext(connection) as captured:
        again.get("/cases/")
    assert not [query for query in captured.captured_queries if "accounts_termsacceptance" in query["sql"]]


def test_a_new_version_is_asked_for_again_from_its_day_on(terms, member, manager, signed_in):
    client = signed_in(member)
    accept(client)
    make_terms("2027-01", by=manager, days_ago=-5)
    assert client.get("/cases/").status_code == 200
    make_terms("2026-12", by=manager, days_ago=0)
    assert client.get("/cases/").status_code == 302


def test_an_administrator_accepts_for_the_company_where_the_terms_say_so(manager, admin, member, acme, signed_in):
    make_terms(by=manager, binds_company=True)
    client = signed_in(admin)
    assert "for myself and for Acme Logistics GmbH" in client.get("/terms/accept/").content.decode()
    accept(client)
    accept(signed_in(member))
    assert dict(TermsAcceptance.objects.values_list("user_id", "company_id")) == {admin.pk: acme.pk, member.pk: None}


def test_the_words_come_in_the_reader_s_language(terms):
    TermsText.objects.create(terms=terms, language="de", body="Seid nett.")
    assert text_for(TermsVersion.objects.get(), "de-at").body == "Seid nett."
    assert text_for(TermsVersion.objects.get(), "es").language == "en"


def test_published_once_and_with_words(terms, manager):
    with pytest.raises(AlreadyPublished):
        publish(terms=terms, by=manager, now=timezone.now())
    empty = TermsVersion.objects.create(version="x", effective_at=timezone.now())
    with pytest.raises(NoText):
        publish(terms=empty, by=manager, now=timezone.now())
    empty.refresh_from_db()
    assert empty.published_at is None


def test_everybody_may_read_them(terms, client):
    assert "Be kind." in client.get("/terms/").content.decode()


def test_staff_are_not_asked(terms, agent, signed_in):
    assert signed_in(agent).get("/admin/").status_code == 200


def test_anonymous_visitors_sign_in_first(terms, client):
    assert client.get("/terms/accept/").status_code == 302
