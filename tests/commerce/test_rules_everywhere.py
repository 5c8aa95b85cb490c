"""The same rules hold wherever something is configured: in steps, side by side, kept, asked for, or made by staff."""

import html
import re
from decimal import Decimal

import pytest
from django.urls import reverse

from commerce.configuring.configuring import NotSellable, RuleBroken, configure
from commerce.configuring.situations import Configuration
from commerce.models import Quote, SavedConfiguration
from commerce.quotes import quote_lifecycle, staff_quotes
from commerce.quotes.quoting import refresh_quote
from commerce.quotes.staff_quotes import Terms
from tests.factories import make_member, make_staff
from tracking.actor import Actor

PAGE = reverse("commerce:configure")
LOGGED = {"plan": "team", "seats": "60", "audit_log": "1"}
SAYS = "Audit log export needs Business or above."


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


@pytest.fixture
def seller(db):
    return make_staff("sales@vendor.example", "Sal Moreno", group="Sales")


def text_of(response):
    return html.unescape(re.sub(r"\s+", " ", response.content.decode()))


def test_step_by_step_the_way_out_stays_at_its_step(admin, contract, log_needs_business, signed_in):
    page = text_of(signed_in(admin).get(PAGE, {**LOGGED, "step": "addons", "view": "guided", "source": "usage"}))
    assert SAYS in page
    link = re.search(r'href="([^"]*plan=business[^"]*)"', page)[1]
    assert "step=addons" in link
    assert "source=usage" in link
    assert "Steps of the configuration" in text_of(signed_in(admin).get(link))


def test_step_by_step_the_last_look_has_what_comes_along(admin, contract, suite, signed_in):
    wish = {"plan": "team", "seats": "50", "suite": "1", "audit_log": "1", "step": "review", "view": "guided"}
    page = text_of(signed_in(admin).get(PAGE, wish))
    assert page.count("Single sign-on & directory sync") >= 3  # What there will be, what comes along, and its line.
    assert "included in Control suite" in page


def test_a_bundle_says_what_is_in_it(admin, contract, suite, signed_in):
    client = signed_in(admin)
    for page in (text_of(client.get(PAGE)), text_of(client.get(reverse("commerce:plans")))):
        assert "Access: Single sign-on & directory sync (included)" in page
        assert "Watching, at least 1 of: Audit log export" in page


def test_side_by_side_a_refused_plan_shows_the_way_out(admin, member, contract, make_rule, products, signed_in):
    make_rule(
        conditions=[
            {"fact": "plan", "operator": "is", "value": "business"},
            {"fact": "quantity:sso", "operator": "is", "value": "0"},
        ],
        message="Business needs single sign-on.",
        fix_action="add",
        fix_product=products["sso"],
        fix_label="Add single sign-on",
    )
    url = reverse("commerce:compare-plans")
    page = text_of(signed_in(admin).get(url, {"seats": "60"}))
    assert "Business needs single sign-on." in page
    link = re.search(r'href="([^"]*sso=1[^"]*)"', page)[1]
    assert "Review the quote" in text_of(signed_in(admin).get(link))


def test_a_hidden_plan_stands_beside_nothing(admin, contract, make_rule, products, signed_in, now):
    make_rule(kind="filter", product=products["business"], conditions=[], message="")
    url = reverse("commerce:compare-plans")
    assert ">Business<" not in text_of(signed_in(admin).get(url))
    with pytest.raises(NotSellable, match="Business is not offered for this"):
        configure(contract.account, Configuration("business", 60), now.date())


def test_a_kept_configuration_that_a_new_rule_breaks_says_so(admin, acme, contract, products, signed_in, make_rule):
    client = signed_in(admin)
    client.post(reverse("commerce:save-configuration"), {**LOGGED, "save_as": "For spring"})
    saved = SavedConfiguration.objects.named().get()
    url = reverse("commerce:configuration", args=[saved.public_id])
    assert "Due now" in text_of(client.get(url))
    make_rule(
        conditions=[{"fact": "quantity:audit_log", "operator": "above", "value": "0"}],
        message="The audit log is for Business.",
        fix_action="remove",
        fix_product=products["audit_log"],
        fix_label="Leave out the audit log",
    )
    page = text_of(client.get(url))
    assert "The audit log is for Business." in page
    assert "Due now" not in page
    link = re.search(r'href="([^"]*audit_log=0[^"]*)"', page)[1]
    assert f"saved={saved.public_id}" in link
    assert "Review the quote" in text_of(client.get(link))
    # A colleague who may not buy reads why, and gets no button.
    viewer = make_member(acme, "eve@acme.example", "Eve Viewer", roles=["viewer", "billing"])
    saved.shares.create(account=acme, user=viewer, shared_at=saved.created_at)
    shown = text_of(signed_in(viewer).get(url))
    assert "The audit log is for Business." in shown
    assert "Leave out the audit log" not in shown


def test_who_asks_for_a_quote_is_told_of_the_way_without(admin, contract, log_needs_business, signed_in):
    client = signed_in(admin)
    page = text_of(client.get(PAGE, LOGGED))
    assert "reason=rule" in page
    page = text_of(client.get(reverse("commerce:ask-quote"), {**LOGGED, "reason": "rule"}))
    assert SAYS in page
    assert "Change to Business" in page
    assert "Send the request" in page


# Quotes of our people


def typed(**given):
    everything = dict.fromkeys(("sso", "audit_log", "api_boost", "storage_pack", "onboarding", "suite"), "0")
    return everything | {"plan": "team", "seats": "60", "payment_days": "14"} | given


@pytest.fixture
def editor(contract, seller, signed_in):
    client = signed_in(seller)
    url = f"{reverse('admin:commerce_quote_add')}?account={contract.account_id}"
    return lambda **given: client.post(url, typed(**given), follow=True)


def test_the_editor_of_our_people_holds_the_same_rules(editor, log_needs_business):
    page = text_of(editor(audit_log="1", discount_team="5"))
    assert SAYS in page
    assert not Quote.objects.exists()
    mended = text_of(editor(audit_log="1", discount_team="5", way_out="1"))
    assert SAYS not in mended
    assert 'value="business" selected' in mended
    assert 'value="5"' in mended
    assert "What the customer will read" in mended
    assert not Quote.objects.exists()
    assert SAYS in text_of(editor(audit_log="1", way_out="7"))


def test_the_editor_tells_what_comes_along(editor, suite):
    page = text_of(editor(suite="1", audit_log="1", preview="1"))
    assert "Comes along: Single sign-on & directory sync" in page
    refused = text_of(editor(suite="1", audit_log="1", special_sso="5"))
    assert "It is in the price of its bundle." in refused
    assert not Quote.objects.exists()


def test_a_draft_is_held_against_the_rules_of_the_day_it_is_submitted(contract, products, seller, make_rule, now):
    actor = Actor.staff(seller.pk, contract.account_id)
    wish = Configuration("business", 60, {"sso": Decimal(1)})
    draft = staff_quotes.draft(
        account=contract.account, configuration=wish, manual={}, terms=Terms(), user=seller, actor=actor, now=now
    )
    broken = make_rule(conditions=[{"fact": "seats", "operator": "above", "value": "55"}], message="Not that many.")
    with pytest.raises(RuleBroken, match="Not that many"):
        quote_lifecycle.submit(quote=draft, actor=actor, now=now)
    draft.refresh_from_db()
    assert draft.status == "draft"
    broken.delete()
    assert quote_lifecycle.submit(quote=draft, actor=actor, now=now).status == "approved"


def test_an_offer_stands_though_a_new_rule_is_against_it(quote, admin, accept, make_rule):
    make_rule(conditions=[{"fact": "seats", "operator": "above", "value": "55"}], message="Not that many.")
    assert accept(quote, admin).total_minor == quote.total_minor


def test_what_is_refreshed_is_held_against_the_new_rule(quote, admin, make_rule, signed_in, now):
    make_rule(conditions=[{"fact": "seats", "operator": "above", "value": "55"}], message="Not that many.")
    later = now.replace(month=12, day=28)
    with pytest.raises(RuleBroken):
        refresh_quote(quote=quote, actor=admin.membership.actor(), user=admin, now=later)
    assert Quote.objects.count() == 1
