"""What customers decide about a renewal: sooner, otherwise, by itself or not, together, or not at all."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import OutgoingMail
from commerce.contracts import amendments
from commerce.contracts.amendments import Decision, NoticeMissed
from commerce.contracts.contracts import ledger_of, owned_on
from commerce.contracts.ledger import Entry
from commerce.models import Contract, DeltaKind, Quote, Renewal, RenewalNotice
from commerce.quotes.acceptance import ChangePlanned, accept_quote
from commerce.renewals import deciding, running
from commerce.renewals.reading import ahead_of, renewals_of, view_of
from tests.factories import make_contract

T = date(2027, 2, 1)


@pytest.fixture
def decision(admin, now):
    return Decision(actor=admin.membership.actor(), now=now, reason="too_expensive", words="Too much.")


@pytest.fixture
def renewal(contract, decision):
    return deciding.renew_early(contract=contract, decision=decision)


def figures():
    rows = sorted(map(str, Renewal.objects.values_list())), sorted(map(str, Contract.objects.values_list()))
    return (*rows, Quote.objects.count())


def test_a_renewal_is_offered_early_once(contract, decision, now):
    (ahead,) = ahead_of(contract.account, contract.account.local_date(now))
    assert (ahead.contract, ahead.term.offer_date) == (contract, T - timedelta(days=120))
    first = deciding.renew_early(contract=contract, decision=decision)
    assert (first.state, first.quote.status) == ("offered", "presented")
    before = figures()
    assert deciding.renew_early(contract=contract, decision=decision) == first
    assert figures() == before
    assert renewals_of(contract.account).get() == first
    assert ahead_of(contract.account, contract.account.local_date(now)) == []


def test_other_quantities_and_another_term_are_offered_anew(renewal, decision, now):
    fresh = deciding.change(renewal=renewal, quantities={"team": Decimal(40)}, term_months=24, decision=decision)
    quote = fresh.quote
    assert (quote.version, quote.lines.get().quantity, quote.subtotal_minor) == (2, 40, 40 * 1140 * 24)
    assert (fresh.monthly_before_minor, fresh.monthly_after_minor) == (57_000, 45_600)
    (line,) = view_of(fresh, now.date()).lines
    assert (line.quantity_before, line.quantity, line.change_minor) == (50, 40, -11_400)
    accept_quote(quote=quote, shown_hash=quote.price_hash, consent_name="Ada", ip=None, actor=decision.actor, now=now)
    running.run_due(now=datetime(2027, 2, 1, 12, tzinfo=now.tzinfo))
    successor = renewals_of(renewal.account).get().successor
    assert (successor.end_date, successor.term_months) == (date(2029, 2, 1), 24)
    assert [line.quantity for line in owned_on(ledger_of(successor), T)] == [40]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"term_months": 0}, deciding.TermNotOffered),
        ({"term_months": 61}, deciding.TermNotOffered),
        ({"quantities": {"business": Decimal(10)}}, deciding.NotOnContract),
        ({"quantities": {"team": Decimal(0)}}, deciding.NotOnContract),
        ({"quantities": {"team": Decimal(6000)}}, deciding.NotOnContract),
        ({"quantities": {"team": Decimal("1.5")}}, deciding.NotOnContract),
    ],
)
def test_what_cannot_be_renewed_is_refused(renewal, decision, asked, error):
    before = figures()
    with pytest.raises(error):
        deciding.change(renewal=renewal, decision=decision, **asked)
    assert figures() == before


def test_what_is_decided_is_not_changed(renewal, decision, now):
    quote = renewal.quote
    accept_quote(quote=quote, shown_hash=quote.price_hash, consent_name="Ada", ip=None, actor=decision.actor, now=now)
    before = figures()
    with pytest.raises(deciding.RenewalDecided):
        deciding.change(renewal=renewal, term_months=24, decision=decision)
    with pytest.raises(deciding.RenewalDecided):
        deciding.decline(renewal=renewal, decision=decision)
    assert figures() == before


def test_whether_it_renews_by_itself_is_chosen_until_the_notice_date(contract, decision):
    deciding.set_auto_renew(contract=contract, auto_renew=False, decision=decision)
    contract.refresh_from_db()
    assert not contract.auto_renew
    late = Decision(actor=decision.actor, now=datetime(2026, 12, 4, 12, tzinfo=decision.now.tzinfo))
    assert late.now.date() > contract.notice_date
    before = figures()
    with pytest.raises(deciding.ChoiceLocked):
        deciding.set_auto_renew(contract=contract, auto_renew=True, decision=late)
    assert figures() == before


def test_who_declines_is_reminded_no_more_and_can_take_it_back(renewal, decision, now):
    change = deciding.decline(renewal=renewal, decision=decision)
    declined = renewals_of(renewal.account).get()
    assert (declined.state, declined.quote.status, declined.contract.auto_renew) == ("declined", "declined", False)
    running.run_due(now=now + timedelta(days=1))
    assert RenewalNotice.objects.filter(kind="notice").count() == 0
    amendments.take_back(change=change, decision=Decision(actor=decision.actor, now=now + timedelta(days=2)))
    running.run_due(now=now + timedelta(days=2, hours=1))
    again = renewals_of(renewal.account).get()
    assert (again.state, again.quote.status, again.declined_at) == ("offered", "presented", None)
    assert again.quote_id != declined.quote_id
    assert again.quote.deal_id != declined.quote.deal_id


def test_a_renewal_that_is_too_late_to_decline_stays(renewal, decision):
    late = Decision(actor=decision.actor, now=datetime(2027, 1, 4, 12, tzinfo=decision.now.tzinfo), reason="other")
    before = figures()
    with pytest.raises(NoticeMissed):
        deciding.decline(renewal=renewal, decision=late)
    assert figures() == before


def test_who_wants_to_talk_is_heard(renewal, decision, agent):
    account = renewal.account
    account.owner, account.sales_contact = agent, None
    account.save()
    deciding.talk(renewal=renewal, decision=decision)
    mail = OutgoingMail.objects.get(kind="renewal_talk")
    assert mail.to == agent.email
    assert "Too much." in mail.text


def test_a_reduction_planned_for_the_end_of_the_term_is_in_the_offer(contract, renewal, decision, now):
    (line,) = owned_on(ledger_of(contract), now.date())
    entry = Entry(line.product, DeltaKind.QUANTITY, Decimal(-20), line.unit_price, -22_800)
    later = Decision(actor=decision.actor, now=now + timedelta(hours=1))
    amendments.reduce(contract=contract, lines=[entry], decision=later)
    old = renewal.quote
    with pytest.raises(ChangePlanned, match="new offer with it is made within the hour"):
        accept_quote(
            quote=old, shown_hash=old.price_hash, consent_name="Ada", ip=None, actor=decision.actor, now=later.now
        )
    at = now + timedelta(hours=2)
    running.run_due(now=at)
    quote = renewals_of(contract.account).get().quote
    assert quote.lines.get().quantity == 30
    accept_quote(quote=quote, shown_hash=quote.price_hash, consent_name="Ada", ip=None, actor=decision.actor, now=at)
    running.run_due(now=datetime(2027, 2, 1, 12, tzinfo=now.tzinfo))
    successor = renewals_of(contract.account).get().successor
    assert [one.quantity for one in owned_on(ledger_of(successor), T)] == [30]


def test_contracts_are_made_to_end_on_one_day_without_a_gap(contract, products, decision):
    other = make_contract(contract.account, products, plan="business", seats=5, start=date(2026, 5, 15))
    first, second = deciding.align(contracts=[contract, other], term_months=12, decision=decision)
    assert (first.due_date, second.due_date) == (date(2027, 2, 1), date(2027, 5, 15))
    assert first.period.until_date == second.period.until_date == date(2028, 2, 1)
    assert second.quote.period == second.period
    with pytest.raises(deciding.TermNotOffered):
        deciding.align(contracts=[contract, other], term_months=1, decision=decision)
