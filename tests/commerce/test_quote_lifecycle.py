"""The way of a quote from a draft to an offer, and the ways out of it."""

import uuid
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from commerce.configuring.situations import Configuration
from commerce.deal_desk import deal_desk
from commerce.models import Contract, Quote, QuoteComment, QuoteLine, QuoteStatus
from commerce.quotes import quote_lifecycle
from commerce.quotes.quoting import create_quote
from tests.factories import make_member
from tracking.actor import Actor
from tracking.models import Event


@pytest.fixture
def rule(monkeypatch):
    """A rule of the deal desk fires for every quote."""
    monkeypatch.setattr(deal_desk, "ask", lambda **asked: True)


@pytest.fixture
def sales(agent, contract):
    return Actor.staff(agent.pk, contract.account_id)


@pytest.fixture
def checked(rule, quote):
    """Acme's quote, with us for approval."""
    return quote


def test_without_a_rule_a_portal_quote_is_presented_at_once(quote, now):
    assert (quote.status, quote.number, quote.version, quote.origin) == (
        "presented", f"Q-{quote.serial}", 1, "portal",
    )  # fmt: skip
    assert quote.submitted_at == quote.approved_at == quote.presented_at == now
    assert quote.submitted_by == quote.created_by
    assert list(Event.objects.order_by("pk").values_list("name", flat=True)) == ["quote_created", "quote_presented"]


def test_with_a_rule_it_waits_for_an_approval(checked, admin, accept):
    assert (checked.status, checked.approved_at, checked.presented_at) == ("in_approval", None, None)
    with pytest.raises(quote_lifecycle.QuoteClosed):
        accept(checked, admin)
    checked.refresh_from_db()
    assert checked.status == "in_approval"


def test_an_approved_portal_quote_is_presented_and_stands_for_thirty_days_from_then(checked, sales, now):
    later = now + timedelta(days=2)
    made = quote_lifecycle.approve(quote=checked, actor=sales, now=later)
    assert (made.status, made.presented_at) == ("presented", later)
    assert made.expires_at == checked.expires_at + timedelta(days=2)


def test_nobody_approves_what_they_submitted(checked, admin, now):
    with pytest.raises(quote_lifecycle.NotTheirs):
        quote_lifecycle.approve(quote=checked, actor=admin.membership.actor(), now=now)
    checked.refresh_from_db()
    assert checked.status == "in_approval"


def test_an_approval_after_the_quote_expired_closes_it_and_says_so(checked, sales):
    with pytest.raises(quote_lifecycle.QuoteExpired, match="has expired"):
        quote_lifecycle.approve(quote=checked, actor=sales, now=checked.expires_at)
    checked.refresh_from_db()
    assert (checked.status, checked.approved_at) == ("expired", None)


def test_a_rejected_quote_is_not_approved_any_more(checked, sales, now):
    quote_lifecycle.reject(quote=checked, actor=sales, now=now)
    with pytest.raises(quote_lifecycle.QuoteNotReady):
        quote_lifecycle.approve(quote=checked, actor=sales, now=now)
    checked.refresh_from_db()
    assert checked.status == "rejected"


def test_a_quote_for_a_contract_amended_meanwhile_is_not_approved(checked, sales, now):
    Contract.objects.update(version=2)
    with pytest.raises(quote_lifecycle.ContractChanged):
        quote_lifecycle.approve(quote=checked, actor=sales, now=now)
    checked.refresh_from_db()
    assert checked.status == "in_approval"


# The ways out


def test_a_company_declines_with_a_reason(quote, admin, now):
    actor = admin.membership.actor()
    with pytest.raises(quote_lifecycle.ReasonMissing):
        quote_lifecycle.decline(quote=quote, reason="  ", actor=actor, now=now)
    quote_lifecycle.decline(quote=quote, reason="Too dear.", actor=actor, now=now)
    quote.refresh_from_db()
    assert (quote.status, quote.closed_by, quote.closed_at, quote.closing_note) == ("declined", admin, now, "Too dear.")


def test_a_customer_withdraws_only_their_own(quote, admin, now):
    other = make_member(quote.account, "bea@acme.example", "Bea Cole", roles=["buyer"])
    with pytest.raises(quote_lifecycle.NotTheirs):
        quote_lifecycle.withdraw(quote=quote, actor=other.membership.actor(), now=now)
    quote_lifecycle.withdraw(quote=quote, actor=admin.membership.actor(), now=now)
    quote.refresh_from_db()
    assert quote.status == "withdrawn"
    with pytest.raises(quote_lifecycle.QuoteClosed):
        quote_lifecycle.withdraw(quote=quote, actor=admin.membership.actor(), now=now)


def test_accepting_one_closes_the_others_of_the_deal_also_unseen_ones(quote, admin, accept, agent, as_customer, now):
    fields = {field.name: getattr(quote, field.name) for field in Quote._meta.fields if field.name != "id"}
    draft = Quote.objects.create(
        **fields | {"public_id": uuid.uuid4(), "form_key": uuid.uuid4(), "version": 2, "status": "draft",
                    "origin": "staff", "presented_at": None, "created_by": agent}
    )  # fmt: skip
    with as_customer(admin.membership):
        assert not Quote.objects.filter(pk=draft.pk).exists()  # Not offered yet.
        accept(quote, admin)
    draft.refresh_from_db()
    assert draft.status == "superseded"


def test_what_is_under_way_expires_whatever_its_state(checked):
    assert quote_lifecycle.expire_due(checked.expires_at) == 1
    checked.refresh_from_db()
    assert checked.status == "expired"


# What the database refuses, whatever code tries


ALLOWED = {
    "draft": {"submitted", "withdrawn", "superseded", "expired"},
    "submitted": {"approved", "in_approval", "withdrawn", "superseded", "expired"},
    "in_approval": {"approved", "rejected", "withdrawn", "superseded", "expired"},
    "approved": {"presented", "withdrawn", "superseded", "expired"},
    "rejected": {"withdrawn", "superseded"},
    "presented": {"viewed", "declined", "withdrawn", "superseded", "expired"},  # Accepted only with its record.
    "viewed": {"declined", "withdrawn", "superseded", "expired"},
    "accepted": {"ordered"},  # Given up only with its order.
}


def put(quote, status):
    """A quote in a state, whatever led there."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE commerce_quote DISABLE TRIGGER guard")
        cursor.execute("UPDATE commerce_quote SET status = %s", [status])
        cursor.execute("ALTER TABLE commerce_quote ENABLE TRIGGER guard")


@pytest.mark.parametrize("status", QuoteStatus.values)
def test_the_database_lets_each_step_happen_and_no_other(quote, status):
    put(quote, status)
    reached = set()
    for other in set(QuoteStatus.values) - {status}:
        point = transaction.savepoint()
        try:
            with transaction.atomic():
                Quote.objects.filter(pk=quote.pk).update(status=other)
            reached.add(other)
        except IntegrityError:
            pass
        transaction.savepoint_rollback(point)
    assert reached == ALLOWED.get(status, set())


def test_from_its_submission_on_the_figures_are_frozen(checked):
    for change in ({"total_minor": 1, "subtotal_minor": 1, "tax_minor": 0}, {"manual_prices": {"sso": {}}},
                   {"special_terms": "none"}, {"title": "x"}, {"approved_at": checked.created_at}):  # fmt: skip
        with pytest.raises(IntegrityError, match="is frozen"), transaction.atomic():
            Quote.objects.update(**change)


def test_a_customer_s_request_decides_nothing_of_ours(checked, admin, as_customer, now):
    for changes in ({"status": "approved", "approved_at": now}, {"status": "rejected"}):
        with pytest.raises(DatabaseError, match="decided by the vendor"), as_customer(admin.membership):
            Quote.objects.filter(pk=checked.pk).update(**changes)


def test_the_lines_of_a_draft_are_written_anew_those_of_an_offer_stand(quote, admin, as_customer):
    with pytest.raises(IntegrityError, match="submitted are never changed"), transaction.atomic():
        QuoteLine.objects.all().delete()
    line = quote.lines.first()
    line.pk, line.position = None, 99
    with pytest.raises(IntegrityError, match="submitted are never changed"), as_customer(admin.membership):
        line.save()
    put(quote, "draft")
    assert QuoteLine.objects.all().delete()[0] == 3


def test_what_the_staff_say_to_each_other_is_not_the_customer_s(quote, agent, admin, as_customer):
    for internal in (True, False):
        QuoteComment.objects.create(
            account=quote.account, quote=quote, author=agent, is_internal=internal, text=f"internal: {internal}"
        )
    with as_customer(admin.membership):
        assert [comment.text for comment in QuoteComment.objects.about(quote)] == ["internal: False"]
        with pytest.raises(DatabaseError), transaction.atomic():
            QuoteComment.objects.create(account=quote.account, quote=quote, author=admin, is_internal=True, text="x")


def test_a_version_exists_once(quote):
    fields = {field.name: getattr(quote, field.name) for field in Quote._meta.fields if field.name != "id"}
    with pytest.raises(IntegrityError, match="quote_version"), transaction.atomic():
        Quote.objects.create(**fields | {"public_id": uuid.uuid4(), "form_key": uuid.uuid4()})


def test_a_quote_of_another_configuration_is_another_quote(quote, admin, now):
    other = create_quote(
        account=quote.account, actor=admin.membership.actor(), user=admin, configuration=Configuration("team", 70),
        now=now, form_key=uuid.uuid4(),
    )  # fmt: skip
    assert other.serial != quote.serial
