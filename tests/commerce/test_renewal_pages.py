"""The renewal centre of customers, and the board of our people."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db.models import F
from django.test import Client
from django.urls import reverse

from accounts.models import OutgoingMail
from commerce.contracts import ledger
from commerce.contracts.ledger import Entry
from commerce.models import Contract, DeltaKind, Renewal, RenewalTerms
from commerce.renewals import running
from commerce.renewals.risk import set_risk
from tests.factories import START, make_contract
from tracking.actor import Actor

pytestmark = pytest.mark.usefixtures("time_machine_now")  # 18 November 2026: the contract ends with January.


def noon(*day):
    return datetime(*day, 12, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.fixture
def client(admin, contract, signed_in):
    return signed_in(admin)


@pytest.fixture
def offered(contract, acme, now):
    """Its renewal with 3 % more, offered by the job."""
    RenewalTerms.objects.create(account=acme, method="uplift", uplift_percent=3)
    running.run_due(now=now)
    return Renewal.objects.with_parties().get(contract=contract)


@pytest.fixture
def url(offered):
    return lambda name: reverse(f"commerce:{name}", args=[offered.public_id])


def text(response):
    return response.content.decode()


def test_the_centre_says_what_renews_at_which_price(client, offered, url):
    page = text(client.get(reverse("commerce:renewals")))
    for words in (offered.contract.number, "31 Jan 2027", "€570.00", "€587.10", "Offered"):
        assert words in page
    page = text(client.get(url("renewal")))
    for words in ("prices rise by 3", "€11.40", "€11.742", "It renews by itself on 1 Feb 2027", "Read and accept"):
        assert words in page
    assert page.count("data-primary-action") == 1
    assert reverse("commerce:quote", args=[offered.quote.public_id]) in page


def test_an_offer_for_the_contract_as_it_was_is_not_offered_any_more(client, offered, contract, products, url, now):
    sso = Entry(products["sso"], DeltaKind.NEW, Decimal(1), Decimal(10), 10_00)
    ledger.append(
        contract=contract, entries=[sso], effective_date=now.date(), billing_date=now.date(), actor=Actor.system()
    )
    Contract.objects.update(version=F("version") + 1)
    for page in (text(client.get(reverse("commerce:renewals"))), text(client.get(url("renewal")))):
        assert "A new offer is made within the hour" in page
        for words in ("€587.10", "Not renewed", "Read and accept"):
            assert words not in page
    running.run_due(now=now)
    page = text(client.get(url("renewal")))
    assert "A new offer is made within the hour" not in page
    assert "Read and accept" in page


def test_prices_are_not_on_the_page_of_whoever_may_not_see_them(viewer, offered, url, signed_in):
    client = signed_in(viewer)
    page = text(client.get(url("renewal"))) + text(client.get(reverse("commerce:renewals")))
    assert "€" not in page
    assert offered.contract.number in page


def test_another_offer_for_two_years_and_fewer_seats(client, offered, url):
    before = offered.quote
    response = client.post(url("change-renewal"), {"term_months": "24", "team": "40"})
    assert response.url == url("renewal")
    offered.refresh_from_db()
    assert (offered.term_months, offered.wish) == (24, {"team": "40"})
    assert offered.quote != before
    assert "50 → 40" in text(client.get(url("renewal")))


@pytest.mark.parametrize(
    "typed", [{"team": "0"}, {"team": "-1"}, {"team": "x"}, {"team": "1.5"}, {"term_months": "7"}, {"team": "10" * 9}]
)
def test_what_cannot_be_offered_comes_back_with_the_reason(client, offered, url, typed):
    response = client.post(url("change-renewal"), {"term_months": "12", "team": "50"} | typed)
    assert response.status_code == 422
    offered.refresh_from_db()
    assert (offered.term_months, offered.wish) == (12, {})


def test_whether_it_renews_by_itself_is_the_customer_s_until_the_notice_date(
    admin, client, contract, signed_in, url
):  # fmt: skip
    auto = reverse("commerce:auto-renew", args=[contract.number])
    assert client.post(auto, {"auto_renew": "no"}).status_code == 302
    contract.refresh_from_db()
    assert not contract.auto_renew

    with time_machine.travel(noon(2026, 12, 4), tick=False):  # A day after it.
        client = signed_in(admin)
        client.post(auto, {"auto_renew": "yes"})
        contract.refresh_from_db()
        assert not contract.auto_renew
        assert "The last day to change this was" in text(client.get(url("renewal")))


def test_nonsense_about_renewing_by_itself_changes_nothing(client, contract):
    client.post(reverse("commerce:auto-renew", args=[contract.number]), {"auto_renew": "maybe"})
    contract.refresh_from_db()
    assert contract.auto_renew


def test_somebody_wants_to_talk_and_the_account_s_people_hear_of_it(client, offered, url, acme, agent):
    acme.owner = agent
    acme.save()
    assert client.post(url("talk-about-renewal"), {"words": ""}).status_code == 422
    OutgoingMail.objects.all().delete()
    assert client.post(url("talk-about-renewal"), {"words": "Could we pay monthly?"}).status_code == 302
    assert "Could we pay monthly?" in OutgoingMail.objects.get(user=agent).text


def test_an_early_renewal_is_offered_at_once(admin, contract, signed_in):
    with time_machine.travel(noon(2026, 5, 4), tick=False):
        client = signed_in(admin)
        page = text(client.get(reverse("commerce:renewals")))
        assert "Renew early" in page
        assert "4 Oct 2026" in page  # The offer comes by itself then.
        response = client.post(reverse("commerce:renew-early", args=[contract.number]))
        made = Renewal.objects.get()
        assert response.url == reverse("commerce:renewal", args=[made.public_id])
        assert made.state == "offered"
        client.post(reverse("commerce:renew-early", args=[contract.number]))
        assert Renewal.objects.count() == 1


def test_two_contracts_end_on_one_day_from_the_next_term(client, offered, acme, products):
    other = make_contract(acme, products, start=START + timedelta(days=40))
    align = reverse("commerce:align-renewals")
    assert client.post(align, {"contracts": [offered.contract.pk], "term_months": "12"}).status_code == 422
    chosen = {"contracts": [offered.contract.pk, other.pk], "term_months": "12"}
    assert client.post(align, chosen).url == reverse("commerce:renewals")
    assert len(set(Renewal.objects.values_list("until_date", flat=True))) == 1


def test_in_grace_a_banner_says_until_when_everything_works(admin, contract, offered, signed_in):
    contract.auto_renew = False
    contract.save()
    in_grace = noon(2027, 2, 3)
    running.run_due(now=in_grace)
    with time_machine.travel(in_grace, tick=False):
        client = signed_in(admin)
        for page in ("commerce:renewals", "commerce:contracts"):
            assert "Everything works until 15 Feb 2027" in text(client.get(reverse(page)))


@pytest.mark.parametrize("name", ["renewal", "change-renewal", "talk-about-renewal"])
def test_a_renewal_of_another_company_is_not_there(other_admin, signed_in, url, name):
    client = signed_in(other_admin)
    response = client.get(url(name)) if name == "renewal" else client.post(url(name), {"words": "Hello"})
    assert response.status_code == 404


def test_who_may_not_buy_decides_nothing(viewer, member, contract, offered, url, signed_in):
    for user in (viewer, member):
        client = signed_in(user)
        for address in (
            url("change-renewal"),
            url("talk-about-renewal"),
            reverse("commerce:renew-early", args=[contract.number]),
            reverse("commerce:auto-renew", args=[contract.number]),
            reverse("commerce:align-renewals"),
        ):
            assert client.post(address, {"term_months": "24", "auto_renew": "no", "words": "x"}).status_code == 403
    contract.refresh_from_db()
    offered.refresh_from_db()
    assert contract.auto_renew
    assert offered.term_months == 12


def test_visitors_sign_in_first(offered, url):
    assert "/accounts/login/" in Client().get(url("renewal")).url


# The board


def test_the_board_shows_due_terms_with_risk_forecast_and_retention(manager, offered, signed_in):
    set_risk(contract=offered.contract, score=80, actor=Actor.system(offered.account_id))
    client = signed_in(manager)
    page = text(client.get(reverse("admin:renewal_board")))
    for words in (offered.contract.number, "Acme", "High", "Due €570.00", "Forecast €117.42", "Nothing decided yet"):
        assert words in page
    assert "No term ends in these days." in text(client.get(reverse("admin:renewal_board"), {"risk": "low"}))
    assert offered.contract.number in text(client.get(reverse("admin:renewal_board"), {"state": "offered"}))


@pytest.mark.parametrize("asked", [{"first": "x"}, {"state": "gone"}, {"first": "2027-02-01", "until": "2027-01-01"}])
def test_the_board_says_what_it_cannot_show(manager, offered, signed_in, asked):
    assert signed_in(manager).get(reverse("admin:renewal_board"), asked).status_code == 422


def test_customers_do_not_see_the_board(admin, signed_in):
    response = signed_in(admin).get(reverse("admin:renewal_board"))
    assert response.status_code == 302
    assert "/login/" in response.url
