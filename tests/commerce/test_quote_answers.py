"""What a company answers to a quote besides yes: no, a comment, a look at the alternatives."""

import uuid
from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import Notification, OutgoingMail
from commerce.configuring.situations import Configuration
from commerce.models import Price, Quote, QuoteComment
from commerce.quotes import quote_comments
from commerce.quotes.quote_changes import lines_side_by_side
from commerce.quotes.quoting import create_quote, refresh_quote
from tracking.actor import Actor


@pytest.fixture(autouse=True)
def today_is(time_machine_now):
    """18 November 2026."""


def url_of(quote, name):
    return reverse(f"commerce:{name}", args=[quote.public_id])


def test_a_buyer_declines_with_a_reason_that_stays_readable(quote, admin, signed_in):
    client = signed_in(admin)
    page = client.post(url_of(quote, "decline-quote"), {"reason": "We wait until <spring>."}, follow=True)
    quote.refresh_from_db()
    assert (quote.status, quote.closed_by) == ("declined", admin)
    assert "We wait until &lt;spring&gt;." in page.content.decode()


def test_declining_without_a_reason_changes_nothing(quote, admin, signed_in):
    answer = signed_in(admin).post(url_of(quote, "decline-quote"), {"reason": " "})
    quote.refresh_from_db()
    assert (answer.status_code, quote.status) == (422, "presented")
    assert "Say why" in answer.content.decode()


def test_who_made_a_quote_withdraws_it(quote, admin, signed_in):
    page = signed_in(admin).post(url_of(quote, "withdraw-quote"), follow=True).content.decode()
    quote.refresh_from_db()
    assert quote.status == "withdrawn"
    assert "Accept and pay" not in page


def test_declining_what_was_accepted_says_so_and_changes_nothing(quote, admin, accept, signed_in):
    accept(quote, admin)
    page = signed_in(admin).post(url_of(quote, "decline-quote"), {"reason": "No."}, follow=True).content.decode()
    quote.refresh_from_db()
    assert quote.status == "accepted"
    assert "closed already" in page


# Comments


def test_a_comment_reaches_whoever_sells_to_the_company(quote, admin, agent, signed_in):
    quote.account.sales_contact = agent
    quote.account.save()
    page = signed_in(admin).post(url_of(quote, "comment-on-quote"), {"text": "Is training included?"}, follow=True)
    assert "Is training included?" in page.content.decode()
    assert OutgoingMail.objects.get(kind="quote_asked").user == agent


def test_an_answer_rings_for_who_made_the_quote_an_internal_note_for_nobody(quote, admin, agent, signed_in, now):
    actor = Actor.staff(agent.pk, quote.account_id)
    said = {"quote": quote, "author": agent, "actor": actor, "now": now}
    quote_comments.comment(text="The margin is thin.", is_internal=True, **said)
    assert not Notification.objects.exists()
    quote_comments.comment(text="Yes, it is.", **said)
    assert Notification.objects.get().user == admin
    page = signed_in(admin).get(url_of(quote, "quote")).content.decode()
    assert "Yes, it is." in page
    assert "margin" not in page


def test_a_customer_writes_nothing_internal_and_nothing_empty(quote, admin, signed_in, now):
    said = {"quote": quote, "author": admin, "actor": admin.membership.actor(), "now": now}
    with pytest.raises(quote_comments.NotAmongUs):
        quote_comments.comment(text="x", is_internal=True, **said)
    assert signed_in(admin).post(url_of(quote, "comment-on-quote"), {"text": " "}).status_code == 422
    assert not QuoteComment.objects.exists()


# Versions and alternatives


def test_a_new_version_says_what_changed_and_comments_stay_with_all_versions(quote, admin, agent, signed_in, now):
    quote_comments.comment(
        quote=quote, author=agent, text="Prices rise in December.", actor=Actor.staff(agent.pk), now=now
    )
    Price.objects.filter(product__code="business").update(unit_price=20)
    Quote.objects.update(status="expired")
    quote.refresh_from_db()
    fresh = refresh_quote(quote=quote, actor=admin.membership.actor(), user=admin, now=now + timedelta(minutes=5))
    page = signed_in(admin).get(url_of(fresh, "quote")).content.decode()
    assert f"What changed since quote {quote.number}" in page
    assert "60 at €19.00" in page
    assert "60 at €20.00" in page
    assert "Prices rise in December." in page


def test_alternatives_of_a_deal_stand_side_by_side(quote, admin, signed_in, now):
    other = create_quote(
        account=quote.account, actor=admin.membership.actor(), user=admin, now=now, form_key=uuid.uuid4(),
        configuration=Configuration("team", 70), beside=quote,
    )  # fmt: skip
    assert other.deal == quote.deal
    client = signed_in(admin)
    assert "Compare side by side" in client.get(url_of(quote, "quote")).content.decode()
    page = client.get(reverse("commerce:compare-quotes"), {"quote": str(quote.public_id)}).content.decode()
    assert quote.number in page
    assert other.number in page
    assert "€1,677.13" in page


def test_lines_are_compared_by_product_whatever_they_are_called(quote, admin, now, products):
    other = create_quote(
        account=quote.account, actor=admin.membership.actor(), user=admin, now=now, form_key=uuid.uuid4(),
        configuration=Configuration("business", 60, {"audit_log": 1}), beside=quote,
    )  # fmt: skip
    products["audit_log"].name = products["sso"].name  # Two products of one name, each in one of the quotes.
    products["audit_log"].save()
    rows = [row for row in lines_side_by_side([quote, other]) if row.label == products["sso"].name]
    assert [[value == "none" for value in row.values] for row in rows] == [[False, True], [True, False]]


def test_what_names_no_quote_compares_nothing(quote, admin, signed_in):
    client = signed_in(admin)
    for named in ({}, {"quote": "x"}, {"quote": str(uuid.uuid4())}):
        assert client.get(reverse("commerce:compare-quotes"), named).status_code == 404


@pytest.mark.parametrize("name", ["decline-quote", "withdraw-quote", "comment-on-quote"])
def test_only_the_company_s_own_answer(quote, other_admin, viewer, signed_in, client, name):
    assert signed_in(other_admin).post(url_of(quote, name)).status_code == 404
    assert signed_in(viewer).post(url_of(quote, name)).status_code == 403
    assert client.post(url_of(quote, name)).status_code == 302
    quote.refresh_from_db()
    assert quote.status == "presented"
