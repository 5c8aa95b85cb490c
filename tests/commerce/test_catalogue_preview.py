"""Staff see the plans as a company does: at its prices, with drafts, looking only, and as nobody of theirs."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.urls import get_script_prefix, reverse

from accounts.models.audit import AuditNote
from commerce.models import Price, PriceBook, Product, ProductFile, Quote, SavedConfiguration
from tests.factories import make_staff
from tracking.models import Event
from tracking.services import flush_page_views

BEGIN = reverse("admin:commerce_preview")
REASON = "The new bundle, before it goes on sale"


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """The contract of the tests is running."""


@pytest.fixture
def seller(db):
    return make_staff("sales@vendor.example", "Sol Vega", group="Sales")


def begin(client, account, **fields):
    return client.post(BEGIN, {"account": account.pk, "reason": REASON, "with_drafts": "on"} | fields)


def at(account, page="plans/"):
    return reverse("admin:commerce_preview_page", args=[account.public_id, "plans/"]).removesuffix("plans/") + page


@pytest.fixture
def looking(seller, acme, contract, signed_in):
    client = signed_in(seller)
    assert begin(client, acme)["Location"] == at(acme)
    return client


@pytest.fixture
def draft(products, acme):
    """A plan that is not on sale yet, with a price for Acme's tier."""
    made = Product.objects.create(
        code="ultimate", name="Ultimate", kind="plan", rank=9, summary="All of it", lifecycle="draft"
    )
    book = PriceBook.objects.get(tier=acme.tier)
    Price.objects.create(book=book, product=made, unit_price=47, valid_from="2026-01-01")
    return made


def test_staff_see_the_plans_at_the_companys_prices(looking, acme):
    page = looking.get(at(acme)).content.decode()
    assert "Sol Vega, you see the plans as Acme Logistics GmbH does." in page
    assert "€11.40 per seat and month" in page
    assert "€12.00 per seat" not in page  # Of another tier.
    assert "You have 50 seats." in page


def test_drafts_are_shown_as_if_they_were_on_sale(looking, acme, draft, admin, signed_in):
    for page in ("plans/", "plans/compare/?plan=ultimate", "plans/configure/"):
        assert "Ultimate" in looking.get(at(acme, page)).content.decode()
    priced = looking.get(at(acme, "plans/configure/price/"), {"plan": "ultimate", "seats": "60"}).content.decode()
    assert "€47.00" in priced
    customer = signed_in(admin)
    for name in ("plans", "compare-plans", "configure"):
        assert "Ultimate" not in customer.get(reverse(f"commerce:{name}")).content.decode()


def test_drafts_can_be_left_out(looking, acme, draft):
    begin(looking, acme, with_drafts="")
    assert "Ultimate" not in looking.get(at(acme)).content.decode()


def test_its_links_stay_within_it(looking, acme, products):
    sheet = ProductFile(product=products["business"], kind="document", title="Data sheet")
    sheet.keep(b"%PDF-", content_type="application/pdf", suffix=".pdf")
    sheet.save()
    page = looking.get(at(acme)).content.decode()
    for path in ("plans/configure/?plan=business", f"plans/files/{sheet.public_id}/"):
        address = at(acme, path)
        assert f'href="{address}"' in page
        assert looking.get(address).status_code == 200
    assert 'href="/plans/' not in page
    assert get_script_prefix() == "/"
    assert f'href="{reverse("admin:commerce_product_changelist")}"' in page


def test_nothing_of_it_counts_as_the_customers(looking, acme, seller):
    flush_page_views()
    Event.objects.all().delete()
    for page in ("plans/", "plans/compare/", "plans/configure/", "plans/configure/price/"):
        assert looking.get(at(acme, page), {"plan": "business", "seats": "60"}).status_code == 200
    flush_page_views()
    assert not Event.objects.filter(account_id=acme.pk).exists()
    assert not SavedConfiguration.objects.exists()
    assert not acme.memberships.filter(user=seller).exists()


@pytest.mark.parametrize("page", ["quotes/", "usage/", "plans/configure/", "quotes/create/", "company/profile/"])
def test_nothing_can_be_changed_and_nothing_else_is_shown(looking, acme, page):
    response = looking.post(at(acme, page), {"plan": "business", "seats": "60"})
    assert response.status_code == 403
    if page != "plans/configure/":
        assert looking.get(at(acme, page)).status_code == 403
    assert not Quote.objects.exists()
    assert looking.get(at(acme, "no/such/page/")).status_code == 404


def test_it_stands_in_the_audit_log(looking, acme, seller):
    kept = AuditNote.objects.get(action="catalogue.previewed")
    assert (kept.account_id, kept.actor_id, kept.details["reason"]) == (acme.pk, seller.pk, REASON)


def test_a_reason_must_be_given(seller, acme, contract, signed_in):
    client = signed_in(seller)
    for reason in ("", "ticket"):
        assert begin(client, acme, reason=reason).status_code == 422
    assert client.get(at(acme)).status_code == 302
    assert not AuditNote.objects.filter(action="catalogue.previewed").exists()


def test_a_company_that_is_none_is_refused(seller, acme, signed_in):
    client = signed_in(seller)
    for nonsense in ("abc", "-1", "١"):
        assert client.get(BEGIN, {"account": nonsense}).status_code == 400
        assert client.post(BEGIN, {"account": nonsense, "reason": REASON}).status_code == 400
    for nobody in (str(acme.pk + 1000), "9" * 30):
        assert client.get(BEGIN, {"account": nobody}).status_code == 200
        assert client.post(BEGIN, {"account": nobody, "reason": REASON}).status_code == 422


def test_each_company_is_begun_with_by_itself(looking, globex):
    response = looking.get(at(globex))
    assert response["Location"] == f"{BEGIN}?account={globex.pk}"


def test_it_is_over_after_an_hour(looking, acme, now):
    session = looking.session
    session["catalogue_preview"] |= {"expires_at": (now - timedelta(seconds=1)).isoformat()}
    session.save()
    assert looking.get(at(acme)).status_code == 302


def test_who_may_not_see_prices_is_refused(agent, acme, contract, signed_in):
    client = signed_in(agent)
    assert client.get(BEGIN).status_code == 403
    assert begin(client, acme).status_code == 403
    assert client.get(at(acme)).status_code == 403
    assert not any(session.get_decoded().get("catalogue_preview") for session in Session.objects.all())


def test_customers_and_visitors_do_not_get_in(admin, acme, contract, signed_in, client):
    for browser in (signed_in(admin), client):
        for address in (BEGIN, at(acme)):
            response = browser.get(address)
            assert response.status_code == 302
            assert "/login/" in response["Location"]
