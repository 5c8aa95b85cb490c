"""Configurations: kept while somebody types, saved under a name, shared with colleagues, noted when they are left."""

import re
import uuid
from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import OutgoingMail
from commerce.configuring.configurations import IDLE, KEPT, note_abandoned, remove_old
from commerce.models import ConfigurationShare, Quote, SavedConfiguration
from commerce.tasks import sweep_configurations
from tests.factories import make_member
from tracking.models import Event, EventName

PAGE = reverse("commerce:configure")
PRICE = reverse("commerce:configure-price")
SAVE = reverse("commerce:save-configuration")
LIST = reverse("commerce:configurations")
UPGRADE = {"plan": "business", "seats": "60", "sso": "1"}


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


@pytest.fixture
def buyer(acme):
    return make_member(acme, "buyer@acme.example", "Bo Buyer", roles=["buyer"])


@pytest.fixture
def saved(admin, contract, signed_in):
    signed_in(admin).post(SAVE, {**UPGRADE, "save_as": "For spring"})
    return SavedConfiguration.objects.named().get()


def text_of(response):
    return re.sub(r"\s+", " ", response.content.decode())


def url(name, saved):
    return reverse(f"commerce:{name}", args=[saved.public_id])


# What is typed


def test_what_somebody_types_is_kept_as_theirs(admin, acme, contract, signed_in, now):
    client = signed_in(admin)
    client.get(PRICE, {"plan": "team", "seats": "60"})
    client.get(PRICE, {**UPGRADE, "source": "usage", "step": "addons"})
    typed = SavedConfiguration.objects.get()
    assert (typed.account, typed.contract, typed.created_by, typed.name) == (acme, contract, admin, "")
    assert typed.configuration == {"plan": "business", "seats": "60", "addons": {"sso": "1"}}
    assert (typed.source, typed.step, typed.updated_at) == ("usage", "addons", now)
    assert typed.monthly_change_minor == 57_285  # 1,142.85 instead of 570.00.


def test_what_the_portal_does_not_sell_is_kept_too(admin, contract, signed_in):
    signed_in(admin).get(PRICE, {"plan": "team", "seats": "6000"})
    typed = SavedConfiguration.objects.get()
    assert (typed.configuration["seats"], typed.monthly_change_minor) == ("6000", None)


@pytest.mark.parametrize("named", [{"seats": "50"}, {"seats": "x"}, {"plan": "gold"}])
def test_what_says_nothing_is_not_kept(admin, contract, signed_in, named):
    signed_in(admin).get(PRICE, named)
    assert not SavedConfiguration.objects.exists()


def test_each_person_has_their_own(admin, buyer, contract, signed_in):
    for user, seats in ((admin, "60"), (buyer, "70")):
        signed_in(user).get(PRICE, {"seats": seats})
    found = SavedConfiguration.objects.values_list("created_by__email", "configuration__seats").order_by("pk")
    assert list(found) == [(admin.email, "60"), (buyer.email, "70")]


def test_the_configurator_leads_back_to_it(admin, contract, signed_in):
    client = signed_in(admin)
    assert "Go on there" not in text_of(client.get(PAGE))
    client.get(PRICE, UPGRADE)
    page = text_of(client.get(PAGE))
    assert "You put something together" in page
    assert "plan=business&amp;seats=60&amp;sso=1" in page


def test_a_quote_of_it_ends_it(admin, contract, signed_in):
    client = signed_in(admin)
    client.get(PRICE, UPGRADE)
    client.post(reverse("commerce:create-quote"), {**UPGRADE, "form_key": str(uuid.uuid4())})
    assert SavedConfiguration.objects.get().quote == Quote.objects.get()
    assert "Go on there" not in text_of(client.get(PAGE))
    client.get(PRICE, {"seats": "70"})
    assert SavedConfiguration.objects.get().quote is None


# What is left


def test_what_is_left_is_noted_once_and_recorded(admin, contract, signed_in, now):
    signed_in(admin).get(PRICE, UPGRADE)
    assert note_abandoned(now + IDLE - timedelta(seconds=1)) == 0
    assert note_abandoned(now + IDLE) == 1
    assert note_abandoned(now + IDLE) == 0
    left = SavedConfiguration.objects.abandoned().get()
    event = Event.objects.get(name=EventName.CONFIGURATION_ABANDONED)
    assert (event.account_id, event.object_id) == (left.account_id, str(left.public_id))
    assert (event.properties["step"], event.properties["monthly_change_minor"]) == ("all", 57_285)


def test_who_comes_back_has_not_left(admin, contract, signed_in, now):
    client = signed_in(admin)
    client.get(PRICE, UPGRADE)
    note_abandoned(now + IDLE)
    client.get(PRICE, {"seats": "70"})
    assert not SavedConfiguration.objects.abandoned().exists()


def test_what_is_saved_or_quoted_is_not_left(saved, quote, now):
    assert note_abandoned(now + IDLE) == 0


def test_what_is_old_goes_and_what_is_saved_stays(admin, saved, signed_in, now):
    signed_in(admin).get(PRICE, {"seats": "70"})
    assert remove_old(now + KEPT - timedelta(seconds=1)) == 0
    assert remove_old(now + KEPT) == 1
    assert SavedConfiguration.objects.get() == saved


def test_the_sweep_can_run_any_time(saved):
    sweep_configurations()
    sweep_configurations()
    assert SavedConfiguration.objects.get() == saved


# What is saved


def test_a_configuration_is_saved_and_found_again(admin, saved, signed_in):
    client = signed_in(admin)
    assert "For spring" in text_of(client.get(LIST))
    page = text_of(client.get(url("configuration", saved)))
    for words in ("For spring", "Business, 60 seats", "€1,677.13", "Nobody else sees it."):
        assert words in page
    assert f"saved={saved.public_id}" in page
    assert Event.objects.filter(name=EventName.CONFIGURATION_SAVED).count() == 1


def test_saved_again_it_is_written_over(admin, saved, signed_in):
    body = {"plan": "team", "seats": "80", "saved": str(saved.public_id), "save_as": "For summer"}
    signed_in(admin).post(SAVE, body)
    again = SavedConfiguration.objects.get()
    assert (again.pk, again.name, again.configuration["seats"]) == (saved.pk, "For summer", "80")


def test_a_second_one_of_the_name_is_refused_and_nothing_lost(admin, saved, signed_in):
    response = signed_in(admin).post(SAVE, {"plan": "team", "seats": "80", "save_as": "For spring"})
    page = text_of(response)
    assert response.status_code == 422
    assert "You have saved another configuration as “For spring”." in page
    assert 'name="seats" value="80"' in page
    assert SavedConfiguration.objects.get().configuration == saved.configuration


@pytest.mark.parametrize(
    "change", [{"save_as": ""}, {"save_as": "x" * 41}, {"seats": "x"}, {"seats": "50", "plan": ""}]
)
def test_what_cannot_be_saved_goes_back(admin, contract, signed_in, change):
    assert signed_in(admin).post(SAVE, {**UPGRADE, "save_as": "A", **change}).status_code == 422
    assert not SavedConfiguration.objects.named().exists()


def test_it_shows_why_it_has_no_price_any_more(admin, acme, saved, signed_in):
    from commerce.models import Price

    Price.objects.for_account(acme).filter(product__code="business").delete()
    assert "is not sold at your prices yet" in text_of(signed_in(admin).get(url("configuration", saved)))


# What is shared


def test_a_colleague_is_told_and_looks_at_it(admin, acme, saved, signed_in):
    billing = make_member(acme, "billing@acme.example", "Billie", roles=["billing"])
    assert signed_in(billing).get(url("configuration", saved)).status_code == 404
    for _again in range(2):
        signed_in(admin).post(url("share-configuration", saved), {"colleague": "Billing@acme.example"})
    assert ConfigurationShare.objects.get().user == billing
    assert OutgoingMail.objects.filter(kind="configuration_shared", user=billing).count() == 1
    page = text_of(signed_in(billing).get(url("configuration", saved)))
    assert "For spring" in page
    assert "Open in the configurator" not in page
    assert "For spring" in text_of(signed_in(billing).get(LIST))
    assert signed_in(billing).post(SAVE, {**UPGRADE, "save_as": "A"}).status_code == 403


def test_a_colleague_who_buys_changes_it(admin, buyer, saved, signed_in):
    signed_in(admin).post(url("share-configuration", saved), {"colleague": buyer.email})
    client = signed_in(buyer)
    assert "Open in the configurator" in text_of(client.get(url("configuration", saved)))
    client.post(SAVE, {"plan": "team", "seats": "80", "saved": str(saved.public_id), "save_as": saved.name})
    again = SavedConfiguration.objects.named().get()
    assert (again.created_by, again.configuration["seats"]) == (admin, "80")
    assert client.post(url("delete-configuration", saved)).status_code == 404
    assert client.post(url("share-configuration", saved), {"colleague": admin.email}).status_code == 404


def test_what_is_shared_can_be_taken_back_and_shared_again(admin, buyer, saved, signed_in):
    client, reader = signed_in(admin), {"colleague": buyer.email}
    client.post(url("share-configuration", saved), reader)
    assert "Stop sharing with" in text_of(client.get(url("configuration", saved)))
    assert signed_in(buyer).post(url("unshare-configuration", saved), reader).status_code == 404  # Not theirs to end.
    assert signed_in(buyer).get(url("configuration", saved)).status_code == 200
    for _again in range(2):
        client.post(url("unshare-configuration", saved), reader)
    assert signed_in(buyer).get(url("configuration", saved)).status_code == 404
    assert saved.name not in text_of(signed_in(buyer).get(LIST))
    assert "Nobody else sees it." in text_of(client.get(url("configuration", saved)))
    client.post(url("share-configuration", saved), reader)
    assert signed_in(buyer).get(url("configuration", saved)).status_code == 200
    assert OutgoingMail.objects.filter(kind="configuration_shared", user=buyer).count() == 2


@pytest.mark.parametrize("address", ["", "x", "nobody@acme.example", "member@acme.example", "admin@globex.example"])
def test_only_colleagues_who_see_prices_can_be_chosen(admin, member, other_admin, saved, signed_in, address):
    assert signed_in(admin).post(url("share-configuration", saved), {"colleague": address}).status_code == 422
    assert not ConfigurationShare.objects.exists()


def test_deleting_asks_and_frees_the_name(admin, saved, signed_in, now):
    client = signed_in(admin)
    assert "Delete this configuration" in text_of(client.get(url("configuration", saved)))
    client.post(url("delete-configuration", saved))
    assert client.get(url("configuration", saved)).status_code == 404
    assert "Nothing saved yet" in text_of(client.get(LIST))
    assert client.post(SAVE, {**UPGRADE, "save_as": "For spring"}).status_code == 302
    remove_old(now + IDLE)
    assert not SavedConfiguration.objects.filter(pk=saved.pk).exists()


def test_the_pages_cost_the_same_however_many_there_are(admin, acme, contract, saved, signed_in, most_queries):
    client = signed_in(admin)
    with most_queries(9):
        client.get(url("configuration", saved))
    SavedConfiguration.objects.bulk_create(
        SavedConfiguration(
            account=acme, contract=contract, created_by=admin, name=f"No. {number}", currency="EUR",
            configuration=saved.configuration,
        )
        for number in range(60)
    )  # fmt: skip
    with most_queries(3):
        client.get(LIST)


# Who may


def test_strangers_find_nothing(other_admin, saved, signed_in):
    client = signed_in(other_admin)
    assert client.get(url("configuration", saved)).status_code == 404
    assert client.post(url("share-configuration", saved), {"colleague": "x@y.example"}).status_code == 404
    assert client.post(url("delete-configuration", saved)).status_code == 404
    assert SavedConfiguration.objects.named().get() == saved


def test_who_may_not_see_prices_is_refused(member, saved, signed_in):
    client = signed_in(member)
    assert client.get(LIST).status_code == 403
    assert client.get(url("configuration", saved)).status_code == 403
    assert client.post(SAVE, {**UPGRADE, "save_as": "A"}).status_code == 403


def test_anonymous_visitors_are_asked_to_sign_in(client, saved):
    client.logout()
    for response in (client.get(LIST), client.get(url("configuration", saved)), client.post(SAVE)):
        assert (response.status_code, response.url.partition("?")[0]) == (302, reverse("account_login"))
