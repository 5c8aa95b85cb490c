"""Which quotes need whose approval, and what becomes of it."""

import threading
import uuid
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from accounts.models import OutgoingMail, User
from commerce.configuring.configuring import price
from commerce.configuring.situations import situation_of
from commerce.deal_desk import deal_decisions, deal_desk
from commerce.deal_desk.deal_decisions import AlreadyDecided, MayNotDecide, NoteMissing, NotTheirTurn, PriceMoved
from commerce.models import (
    ApprovalRule,
    ApprovalStep,
    DealSource,
    Delegation,
    ProductCost,
    Quote,
    QuoteApproval,
    QuoteApprovalStatus,
    QuoteOrigin,
    QuoteStatus,
    TaxRate,
)
from commerce.quotes import manual_prices, quote_lifecycle, quoting
from tests.factories import make_default_approval_rules, make_staff
from tracking.actor import Actor


@pytest.fixture(autouse=True)
def default_rules(db):
    make_default_approval_rules()


@pytest.fixture
def seller(db):
    return make_staff("sales@vendor.example", "Selma Roth", group="Sales")


@pytest.fixture
def boss(db):
    return make_staff("boss@vendor.example", "Bruno Falk", group="Revenue manager")


@pytest.fixture
def director(db):
    return make_staff("director@vendor.example", "Dora Lehn", group="Executive")


@pytest.fixture
def finance(db):
    return make_staff("finance@vendor.example", "Fay Lund", group="Finance")


@pytest.fixture
def desk(boss, director, finance):
    """Everybody whom the default rules ask."""
    return {"boss": boss, "director": director, "finance": finance}


@pytest.fixture
def draft(contract, upgrade, seller, now):
    """A draft of our people's: `draft(discount="12.5")`, or a version after one."""

    def draft(discount="0", *, by=seller, after=None, configuration=upgrade, **fields):
        account = contract.account
        situation = situation_of(account, account.local_date(now))
        priced = price(situation, configuration, manual_prices.from_json(fields.get("manual_prices", {})))
        if after is None:
            quote = Quote(account=account, created_by=by, created_at=now, origin=QuoteOrigin.STAFF)
            quote.deal = quoting.open_deal(situation, priced, configuration, source=DealSource.REPRESENTATIVE)
        else:
            Quote.objects.filter(pk=after.pk).update(status=QuoteStatus.SUPERSEDED)
            quote = quoting.next_version(after, user=by, origin=QuoteOrigin.STAFF, now=now)
        quote.form_key = uuid.uuid4()
        if Decimal(discount):
            quote.manual_prices = {"business": {"discount_percent": discount}}
        for name, value in fields.items():
            setattr(quote, name, value)
        quoting.write(quote, situation, priced, configuration)
        return Quote.objects.get(pk=quote.pk)

    return draft


@pytest.fixture
def submit(draft, now):
    def submit(discount="0", **fields):
        quote = draft(discount, **fields)
        return quote_lifecycle.submit(quote=quote, actor=Actor.staff(quote.created_by_id), now=now)

    return submit


def approve(approval, user, now, **given):
    return deal_decisions.approve(
        approval=approval, user=user, now=now, **({"price_hash": approval.price_hash} | given)
    )


def reject(approval, user, now, note="Too cheap"):
    return deal_decisions.reject(approval=approval, user=user, price_hash=approval.price_hash, note=note, now=now)


def asked(quote):
    return [(row.position, row.whom) for row in quote.staff_approvals.order_by("position", "pk")]


def request_to(quote, group):
    return quote.staff_approvals.get(group=group)


def status(quote):
    return Quote.objects.get(pk=quote.pk).status


def told():
    return sorted(OutgoingMail.objects.filter(kind="deal_desk_asks").values_list("to", flat=True))


MANAGER, DIRECTOR, FINANCE = "Revenue manager", "Executive", "Finance"


# Which rules fire


@pytest.mark.parametrize(
    ("discount", "chain"),
    [
        ("0", []),
        ("10", []),
        ("10.00", []),
        ("10.000000000000", []),
        ("10.01", [(1, MANAGER)]),
        ("20", [(1, MANAGER)]),
        ("20.01", [(1, MANAGER), (2, DIRECTOR)]),
        ("30", [(1, MANAGER), (2, DIRECTOR)]),
        ("30.01", [(1, MANAGER), (2, DIRECTOR), (3, FINANCE)]),
    ],
)
def test_a_discount_asks_more_people_the_higher_it_is_and_its_bound_is_not_above_it(desk, submit, discount, chain):
    quote = submit(discount)
    assert asked(quote) == chain
    assert status(quote) == (QuoteStatus.IN_APPROVAL if chain else QuoteStatus.APPROVED)


@pytest.mark.parametrize(
    ("share", "discount", "found", "fires"),
    [("0.9", None, 10, 0), ("0.89", None, 11, 1), ("0.9", "10", 19, 1), ("1.5", None, 0, 0)],
)
def test_a_special_price_counts_as_the_discount_that_it_is(draft, share, discount, found, fires):
    listed = dict(draft().lines.get(product__code="business").steps)["list_price"]
    manual = {"special_price": str(Decimal(listed) * Decimal(share))} | (
        {"discount_percent": discount} if discount else {}
    )
    quote = draft(manual_prices={"business": manual})
    assert deal_desk.facts_of(quote)["max_discount_percent"] == found
    assert len(deal_desk.fired_rules(quote)) == fires


def floor(products, quote, price, code="business"):
    ProductCost.objects.create(
        product=products[code], currency=quote.currency, cost=1, floor_price=price, valid_from=date(2024, 1, 1)
    )


def test_a_price_below_its_floor_asks_finance_and_one_at_it_nobody(desk, draft, products):
    quote = draft()
    line = quote.lines.get(product__code="business")
    floor(products, quote, line.unit_price)
    assert deal_desk.fired_rules(quote) == []
    assert deal_desk.facts_of(quote)["floor_margin_percent"] == 0
    ProductCost.objects.update(floor_price=line.unit_price + Decimal("0.01"))
    (fired,) = deal_desk.fired_rules(quote)
    assert fired.words == (
        "Below the floor price: made by is our people; number of lines below their floor price is above 0 (here: 1)"
    )


def test_tax_that_is_in_a_price_does_not_lift_it_above_its_floor(desk, draft, products):
    TaxRate.objects.update(treatment="inclusive")
    quote = draft()
    floor(products, quote, Decimal("15.96"))  # Of the 19.00, 15.966… are ours.
    assert deal_desk.facts_of(quote)["lines_below_floor"] == 0
    ProductCost.objects.update(floor_price=Decimal("15.97"))
    assert deal_desk.facts_of(quote)["lines_below_floor"] == 1


@pytest.mark.parametrize(
    ("fields", "fires"),
    [
        ({"payment_days": 30}, []),
        ({"payment_days": 31}, ["More than 30 days to pay"]),
        ({"special_terms": " "}, []),
        ({"special_terms": "No liability cap"}, ["Special terms"]),
    ],
)
def test_days_to_pay_and_special_terms_ask_finance(draft, fields, fires):
    assert [fired.rule.name for fired in deal_desk.fired_rules(draft(**fields))] == fires


def test_the_term_asks_finance_above_36_months(draft, contract):
    type(contract).objects.filter(pk=contract.pk).update(end_date=date(2029, 2, 1))
    quote = draft()
    assert (deal_desk.facts_of(quote)["term_months"], deal_desk.fired_rules(quote)) == (36, [])
    type(contract).objects.filter(pk=contract.pk).update(end_date=date(2029, 3, 1))
    assert [fired.rule.name for fired in deal_desk.fired_rules(draft())] == ["Term above 36 months"]


def test_what_a_customer_orders_by_the_book_needs_nobody(quote, products):
    """Also where the book is below the floor: that is the book's matter."""
    line = quote.lines.get(product__code="business")
    floor(products, quote, line.unit_price + 5)
    assert quote.status == QuoteStatus.PRESENTED
    assert deal_desk.fired_rules(Quote.objects.get(pk=quote.pk)) == []


def test_a_rule_may_ask_for_a_customer_s_quote_too_and_the_customer_reads_that_we_check_it(
    desk, contract, upgrade, admin, as_customer, now
):
    rule = ApprovalRule.objects.create(
        name="Large orders", conditions=[{"fact": "total", "operator": "above", "value": "1000"}]
    )
    ApprovalStep.objects.create(rule=rule, group=FINANCE)
    with as_customer(admin.membership):
        quote = quoting.create_quote(
            account=contract.account, actor=admin.membership.actor(), user=admin, configuration=upgrade, now=now,
            form_key=uuid.uuid4(),
        )  # fmt: skip
        assert quote.status_choice.words == "Being checked by us"
    approve(request_to(quote, FINANCE), desk["finance"], now)
    assert status(quote) == QuoteStatus.PRESENTED


def test_an_inactive_rule_asks_nobody(desk, submit):
    ApprovalRule.objects.update(is_active=False)
    assert submit("50").status == QuoteStatus.APPROVED


def test_two_rules_are_either_or_and_the_conditions_of_one_are_and(draft):
    ApprovalRule.objects.all().delete()
    both = [
        {"fact": "max_discount_percent", "operator": "above", "value": "5"},
        {"fact": "currency", "operator": "is", "value": "USD"},
    ]
    rule = ApprovalRule.objects.create(name="Both", conditions=both)
    assert deal_desk.fired_rules(draft("6")) == []
    rule.conditions = both[:1]
    rule.save()
    assert [fired.rule for fired in deal_desk.fired_rules(draft("6"))] == [rule]


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ([], "Without a condition"),
        ([{"fact": "discount", "operator": "above", "value": "1"}], "There is no fact"),
        ([{"fact": "total", "operator": "above", "value": "much"}], "is compared with a number"),
    ],
)
def test_a_rule_that_cannot_be_asked_is_refused(db, conditions, message):
    with pytest.raises(ValidationError, match=message):
        ApprovalRule(name="Odd", conditions=conditions).full_clean()


# The chain


def test_the_next_position_is_told_after_all_of_the_one_before(desk, submit, now):
    quote = submit("30.01")
    assert told() == ["boss@vendor.example"]
    with pytest.raises(NotTheirTurn, match="Others decide about this quote first"):
        approve(request_to(quote, DIRECTOR), desk["director"], now)
    approve(request_to(quote, MANAGER), desk["boss"], now)
    assert told() == ["boss@vendor.example", "director@vendor.example"]
    approve(request_to(quote, DIRECTOR), desk["director"], now)
    assert status(quote) == QuoteStatus.IN_APPROVAL
    approve(request_to(quote, FINANCE), desk["finance"], now)
    assert status(quote) == QuoteStatus.APPROVED
    assert OutgoingMail.objects.get(kind="deal_desk_approved").to == "sales@vendor.example"


def test_one_position_is_asked_at_once_and_all_of_it_must_approve(desk, submit, now):
    quote = submit("15", payment_days=60)
    assert told() == ["boss@vendor.example", "finance@vendor.example"]
    approve(request_to(quote, FINANCE), desk["finance"], now)
    assert status(quote) == QuoteStatus.IN_APPROVAL
    approve(request_to(quote, MANAGER), desk["boss"], now)
    assert status(quote) == QuoteStatus.APPROVED


def test_who_is_asked_by_two_rules_is_asked_once_and_last_with_both_reasons(desk, submit):
    quote = submit("31", payment_days=60)
    assert asked(quote) == [(1, MANAGER), (2, DIRECTOR), (3, FINANCE)]
    reasons = deal_desk.reasons_of(request_to(quote, FINANCE))
    assert [reason.partition(":")[0] for reason in reasons] == ["Discount above 30 %", "More than 30 days to pay"]


def test_a_rejection_needs_a_reason_and_ends_it_for_everybody(desk, submit, now):
    quote = submit("15", payment_days=60)
    with pytest.raises(NoteMissing):
        reject(request_to(quote, FINANCE), desk["finance"], now, note="  ")
    assert status(quote) == QuoteStatus.IN_APPROVAL
    reject(request_to(quote, FINANCE), desk["finance"], now)
    assert status(quote) == QuoteStatus.REJECTED
    assert request_to(quote, MANAGER).status == QuoteApprovalStatus.SKIPPED
    assert "Too cheap" in OutgoingMail.objects.get(kind="deal_desk_rejected").text
    with pytest.raises(AlreadyDecided, match="A colleague has rejected"):
        approve(request_to(quote, MANAGER), desk["boss"], now)


def test_a_second_click_changes_nothing_and_says_who_decided(desk, submit, now):
    quote = submit("15")
    approval = request_to(quote, MANAGER)
    approve(approval, desk["boss"], now, note="Fine")
    with pytest.raises(AlreadyDecided, match="Bruno Falk has approved"):
        reject(approval, desk["boss"], now)
    approval.refresh_from_db()
    assert (approval.status, approval.note) == (QuoteApprovalStatus.APPROVED, "Fine")
    assert OutgoingMail.objects.filter(kind="deal_desk_approved").count() == 1


def test_somebody_who_is_not_asked_decides_nothing(desk, submit, agent, now):
    quote = submit("15")
    for user in (agent, desk["finance"]):
        with pytest.raises(MayNotDecide, match="This is for Revenue manager to decide"):
            approve(request_to(quote, MANAGER), user, now)
    assert request_to(quote, MANAGER).is_waiting


def test_an_approval_is_for_the_price_that_was_read(desk, submit, now):
    quote = submit("15")
    with pytest.raises(PriceMoved):
        approve(request_to(quote, MANAGER), desk["boss"], now, price_hash="0" * 64)
    assert status(quote) == QuoteStatus.IN_APPROVAL


# Whose quote it is


def test_nobody_decides_about_their_own_quote_also_not_in_the_database(desk, boss, submit, now):
    other = make_staff("boss2@vendor.example", "Bea Horn", group=MANAGER)
    quote = submit("15", by=boss)
    assert told() == [other.email]
    approval = request_to(quote, MANAGER)
    with pytest.raises(MayNotDecide, match="a quote of their own"):
        approve(approval, boss, now)
    with pytest.raises(IntegrityError, match="nobody decides about a quote of their own"), transaction.atomic():
        QuoteApproval.objects.filter(pk=approval.pk).update(status="approved", decided_by=boss, decided_at=now)
    approve(approval, other, now)
    assert status(quote) == QuoteStatus.APPROVED


def test_where_the_submitter_is_the_only_approver_the_draft_stays_and_says_whom_it_needs(finance, draft, now):
    quote = draft(by=finance, payment_days=60)
    with pytest.raises(quote_lifecycle.NobodyApproves, match="Nobody but you could approve this quote for Finance"):
        quote_lifecycle.submit(quote=quote, actor=Actor.staff(finance.pk), now=now)
    assert status(quote) == QuoteStatus.DRAFT
    assert not QuoteApproval.objects.exists()
    assert told() == []


def test_where_it_escalates_to_somebody_else_the_only_approver_s_quote_waits_for_them(boss, director, submit, now):
    quote = submit("15", by=boss)
    assert told() == []
    deal_decisions.escalate_due(now=now + timedelta(days=2))
    assert told() == ["director@vendor.example"]
    approve(request_to(quote, MANAGER), director, now + timedelta(days=2))
    assert status(quote) == QuoteStatus.APPROVED


def test_a_decision_stands_in_the_database(desk, submit, now):
    quote = submit("15")
    approval = approve(request_to(quote, MANAGER), desk["boss"], now)
    rows = QuoteApproval.objects.filter(pk=approval.pk)
    for change in ({"status": "rejected", "note": "No"}, {"decided_by": desk["finance"]}, {"note": "Other"}):
        with pytest.raises(IntegrityError, match="is decided"), transaction.atomic():
            rows.update(**change)
    with pytest.raises(IntegrityError, match="is kept"), transaction.atomic():
        rows.delete()


# Time: escalation, holidays, expiry


def test_what_waits_too_long_is_put_before_the_next_besides_and_once(desk, submit, now):
    quote = submit("15")
    assert deal_decisions.escalate_due(now=now + timedelta(days=2, seconds=-1)) == 0
    assert deal_decisions.escalate_due(now=now + timedelta(days=2)) == 1
    assert deal_decisions.escalate_due(now=now + timedelta(days=3)) == 0
    assert told() == ["boss@vendor.example", "director@vendor.example"]
    approve(request_to(quote, MANAGER), desk["director"], now + timedelta(days=3))
    assert status(quote) == QuoteStatus.APPROVED


def test_only_whose_turn_it_is_escalates(desk, submit, now):
    quote = submit("25")
    deal_decisions.escalate_due(now=now + timedelta(days=9))
    assert request_to(quote, DIRECTOR).escalated_at is None


def test_what_a_person_is_asked_who_has_left_reaches_somebody_else(desk, submit, now):
    rule = ApprovalRule.objects.create(
        name="Everything", conditions=[{"fact": "currency", "operator": "is", "value": "EUR"}]
    )
    named = make_staff("named@vendor.example", "Nils Ohm", group="Finance")
    ApprovalStep.objects.create(rule=rule, approver=named)
    quote = submit()
    assert deal_decisions.escalate_due(now=now) == 0
    User.objects.filter(pk=named.pk).update(is_active=False)
    assert deal_decisions.escalate_due(now=now) == 1
    assert deal_decisions.escalate_due(now=now) == 0
    assert told() == ["boss@vendor.example", named.email]
    approve(quote.staff_approvals.get(), desk["boss"], now)
    assert status(quote) == QuoteStatus.APPROVED


def test_a_group_that_nobody_is_in_any_more_is_escalated_without_waiting(desk, submit, now):
    quote = submit("15")
    User.objects.filter(pk=desk["boss"].pk).update(is_staff=False)
    assert deal_decisions.escalate_due(now=now) == 1
    assert told() == ["boss@vendor.example", "director@vendor.example"]
    User.objects.filter(pk=desk["director"].pk).update(is_active=False)
    assert deal_decisions.escalate_due(now=now) == 1
    approve(request_to(quote, MANAGER), desk["finance"], now)
    assert status(quote) == QuoteStatus.APPROVED


def test_where_nobody_at_all_is_left_the_request_waits_for_somebody_new(desk, submit, now):
    submit("15")
    User.objects.filter(pk__in=[user.pk for user in desk.values()]).update(is_active=False)
    assert deal_decisions.escalate_due(now=now) == 0
    make_staff("new@vendor.example", "Nora New", group="Executive")
    assert deal_decisions.escalate_due(now=now) == 1


def test_a_stand_in_decides_while_the_other_is_away_and_not_a_day_longer(desk, boss, submit, seller, agent, now):
    Delegation.objects.create(
        absentee=boss, stand_in=agent, start_date=now.date(), end_date=now.date() + timedelta(days=2)
    )
    quote = submit("15")
    assert told() == [boss.email, agent.email]
    approval = request_to(quote, MANAGER)
    after = now.replace(hour=0, minute=0) + timedelta(days=2)
    with pytest.raises(MayNotDecide):
        approve(approval, agent, after)
    approve(approval, agent, after - timedelta(seconds=1))
    approval.refresh_from_db()
    assert (approval.decided_by, approval.on_behalf_of) == (agent, boss)


def test_nobody_stands_in_about_their_own_quote_and_nobody_passes_it_on(desk, boss, submit, seller, agent, now):
    days = {"start_date": now.date(), "end_date": now.date() + timedelta(days=9)}
    Delegation.objects.create(absentee=boss, stand_in=seller, **days)
    Delegation.objects.create(absentee=seller, stand_in=agent, **days)
    approval = request_to(submit("15"), MANAGER)
    for user in (seller, agent):
        with pytest.raises(MayNotDecide):
            approve(approval, user, now)


def test_an_approval_after_the_expiry_is_refused_in_words_and_lapses(desk, submit, now):
    quote = submit("15")
    approval = request_to(quote, MANAGER)
    with pytest.raises(AlreadyDecided, match="expired before this was decided"):
        approve(approval, desk["boss"], quote.expires_at)
    approval.refresh_from_db()
    assert (approval.status, status(quote)) == (QuoteApprovalStatus.LAPSED, QuoteStatus.EXPIRED)


def test_the_last_second_before_the_expiry_still_counts(desk, submit, now):
    quote = submit("15")
    approve(request_to(quote, MANAGER), desk["boss"], quote.expires_at - timedelta(seconds=1))
    assert status(quote) == QuoteStatus.APPROVED


def test_what_is_withdrawn_or_expired_by_the_job_needs_no_decision_any_more(desk, submit, seller, now):
    withdrawn, expired = submit("15"), submit("16")
    quote_lifecycle.withdraw(quote=withdrawn, reason="They bought elsewhere", actor=Actor.staff(seller.pk), now=now)
    quote_lifecycle.expire_due(expired.expires_at)
    for quote, words in ((withdrawn, "was withdrawn"), (expired, "expired before")):
        approval = request_to(quote, MANAGER)
        assert approval.status == QuoteApprovalStatus.LAPSED
        with pytest.raises(AlreadyDecided, match=words):
            approve(approval, desk["boss"], now)


# Another version


def test_approvals_are_kept_where_nothing_that_a_rule_asks_has_changed(desk, submit, now):
    first = submit("15")
    approve(request_to(first, MANAGER), desk["boss"], now, note="Fine")
    second = submit("15.0", after=first, title="With another name")
    assert second.status == QuoteStatus.APPROVED
    kept = request_to(second, MANAGER)
    assert (kept.status, kept.decided_by, kept.kept_from) == ("approved", desk["boss"], request_to(first, MANAGER))
    assert kept.price_hash == second.price_hash
    assert told() == [desk["boss"].email]


@pytest.mark.parametrize("change", [{"discount": "15.01"}, {"discount": "15", "payment_days": 31}])
def test_all_approve_again_where_anything_that_a_rule_asks_has_changed(desk, submit, now, change):
    first = submit("15")
    approve(request_to(first, MANAGER), desk["boss"], now)
    second = submit(after=first, **change)
    assert second.status == QuoteStatus.IN_APPROVAL
    assert request_to(second, MANAGER).is_waiting


def test_a_new_version_leaves_nothing_of_the_old_one_to_decide(desk, submit, now):
    first = submit("15")
    second = submit("15", after=first)
    assert request_to(first, MANAGER).status == QuoteApprovalStatus.LAPSED
    assert request_to(second, MANAGER).is_waiting
    with pytest.raises(AlreadyDecided, match="newer version"):
        approve(request_to(first, MANAGER), desk["boss"], now)


def test_an_approval_of_who_makes_the_next_version_is_not_kept(desk, boss, submit, now):
    make_staff("boss2@vendor.example", "Bea Horn", group=MANAGER)
    first = submit("15")
    approve(request_to(first, MANAGER), boss, now)
    second = submit("15", after=first, by=boss)
    assert request_to(second, MANAGER).is_waiting


def test_a_rule_that_changes_while_a_quote_waits_changes_nothing_for_it(desk, submit, now):
    quote = submit("15")
    rule = ApprovalRule.objects.get(name="Discount above 10 %")
    before = deal_desk.reasons_of(request_to(quote, MANAGER))
    ApprovalRule.objects.filter(pk=rule.pk).update(
        conditions=[{"fact": "max_discount_percent", "operator": "above", "value": "90"}]
    )
    ApprovalStep.objects.filter(rule=rule).update(group=FINANCE)
    assert deal_desk.reasons_of(request_to(quote, MANAGER)) == before
    approve(request_to(quote, MANAGER), desk["boss"], now)
    assert status(quote) == QuoteStatus.APPROVED


# At once


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("second", "ends"), [(FINANCE, "approved"), (MANAGER, "approved")])
def test_two_decisions_at_once_end_in_one_result(desk, submit, now, second, ends):
    """Two approvers in parallel; and the same request twice."""
    quote = submit("15", payment_days=60 if second == FINANCE else 14)
    people = {MANAGER: desk["boss"], FINANCE: desk["finance"]}
    barrier, refused = threading.Barrier(2), []

    def decide(group):
        try:
            approval = request_to(quote, group)
            barrier.wait()
            approve(approval, people[group], now)
        except AlreadyDecided as refusal:
            refused.append(str(refusal))
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=[group]) for group in (MANAGER, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert status(quote) == ends
    assert len(refused) == (second == MANAGER)
    assert OutgoingMail.objects.filter(kind="deal_desk_approved").count() == 1


# The pages


def queue(client, show="mine"):
    return client.get(reverse("admin:deal_desk"), {"show": show}).content.decode()


def page_of(approval):
    return reverse("admin:deal_desk_request", args=[approval.public_id])


def test_the_queue_shows_what_waits_for_whom_and_why(desk, submit, signed_in, now):
    quote = submit("12.5")
    text = queue(signed_in(desk["boss"]))
    assert quote.number in text
    assert "Discount 12.5 %" in text
    assert "highest discount of a line in percent is above 10 (here: 12.5)" in text
    assert "Nothing waits for you." in queue(signed_in(desk["finance"]))
    assert quote.number in queue(signed_in(desk["finance"]), "waiting")
    assert "Nothing has been decided yet." in queue(signed_in(desk["finance"]), "decided")


def test_somebody_approves_from_the_mail_after_signing_in(desk, submit, signed_in, client):
    quote = submit("15")
    approval = request_to(quote, MANAGER)
    assert page_of(approval) in OutgoingMail.objects.get(kind="deal_desk_asks").text
    assert reverse("account_login") in client.get(page_of(approval))["Location"]
    signed = signed_in(desk["boss"])
    assert "Why it needs an approval" in signed.get(page_of(approval)).content.decode()
    sent = {"decision": "approve", "price_hash": approval.price_hash, "note": ""}
    response = signed.post(page_of(approval), sent, follow=True)
    assert f"Bruno Falk has approved quote {quote.number}." in response.content.decode()
    assert status(quote) == QuoteStatus.APPROVED
    assert "Bruno Falk" in queue(signed, "decided")


def test_a_decision_that_is_none_is_refused(desk, submit, signed_in):
    approval = request_to(submit("15"), MANAGER)
    client = signed_in(desk["boss"])
    for sent in ({}, {"decision": "perhaps"}):
        assert client.post(page_of(approval), {"price_hash": approval.price_hash, **sent}).status_code == 400
    approval.refresh_from_db()
    assert approval.is_waiting


def test_the_median_time_in_approval_leaves_out_what_still_waits(desk, submit, signed_in, now):
    assert deal_decisions.median_time_in_approval(since=now) is None
    for hours in (1, 2, 9):
        approve(request_to(submit("15"), MANAGER), desk["boss"], now + timedelta(hours=hours))
    submit("15")
    assert deal_decisions.median_time_in_approval(since=now) == timedelta(hours=2)
    assert deal_decisions.median_time_in_approval(since=now + timedelta(hours=9)) == timedelta(hours=9)


def test_a_rejection_without_a_reason_comes_back(desk, submit, signed_in):
    approval = request_to(submit("15"), MANAGER)
    client = signed_in(desk["boss"])
    response = client.post(page_of(approval), {"decision": "reject", "price_hash": approval.price_hash, "note": " "})
    assert response.status_code == 422
    assert "Say why you reject it" in response.content.decode()
    approval.refresh_from_db()
    assert approval.is_waiting


def test_a_click_too_late_says_so_and_keeps_the_note(desk, submit, signed_in, now):
    quote = submit("15")
    approval = request_to(quote, MANAGER)
    make_staff("boss2@vendor.example", "Bea Horn", group=MANAGER)
    client = signed_in(desk["boss"])
    approve(approval, desk["boss"], now)
    sent = {"decision": "reject", "price_hash": approval.price_hash, "note": "Let us talk"}
    response = client.post(page_of(approval), sent)
    assert response.status_code == 422
    assert "Bruno Falk has approved" in response.content.decode()
    assert "Let us talk" in response.content.decode()
    assert status(quote) == QuoteStatus.APPROVED


def test_who_may_look_and_is_not_asked_reads_for_whom_it_is(desk, submit, seller, signed_in):
    approval = request_to(submit("15"), MANAGER)
    text = signed_in(seller).get(page_of(approval)).content.decode()
    assert "Nobody decides about a quote of their own." in text
    text = signed_in(desk["finance"]).get(page_of(approval)).content.decode()
    assert "This is for Revenue manager to decide." in text
    assert 'name="decision"' not in text


def test_a_new_version_shows_what_changed_since_the_last_approved_one(desk, submit, signed_in, now, upgrade):
    first = submit("15")
    approve(request_to(first, MANAGER), desk["boss"], now)
    second = submit("18", after=first, configuration=type(upgrade)(plan="business", seats=70, addons={"sso": 1}))
    text = signed_in(desk["boss"]).get(page_of(request_to(second, MANAGER))).content.decode()
    assert f"Compared with {first.number}:" in text
    assert "→" in text


def test_the_deal_desk_is_for_those_who_sell_and_decide(desk, submit, signed_in, agent, admin):
    approval = request_to(submit("15"), MANAGER)
    for url in (reverse("admin:deal_desk"), page_of(approval)):
        for user, expected in ((agent, 403), (desk["director"], 200)):
            assert signed_in(user).get(url).status_code == expected
        assert signed_in(admin).get(url).status_code in (302, 403)


def test_the_queue_asks_the_database_as_often_for_many_as_for_few(desk, submit, signed_in, django_assert_num_queries):
    from django.test.utils import CaptureQueriesContext

    client = signed_in(desk["boss"])
    submit("15")
    queue(client)
    with CaptureQueriesContext(connection) as few:
        queue(client)
    for _ in range(4):
        submit("15")
    with django_assert_num_queries(len(few)):
        queue(client)


# Rules and delegations in the admin


def rule_form(**changes):
    return {
        "name": "Dollars",
        "conditions": '[{"fact": "currency", "operator": "is", "value": "USD"}]',
        "is_active": "on",
        "steps-TOTAL_FORMS": 1,
        "steps-INITIAL_FORMS": 0,
        "steps-MIN_NUM_FORMS": 1,
        "steps-MAX_NUM_FORMS": 1000,
        "steps-0-position": 1,
        "steps-0-group": FINANCE,
    } | changes


def test_a_revenue_manager_writes_rules(boss, signed_in):
    url = reverse("admin:commerce_approvalrule_add")
    client = signed_in(boss)
    assert client.post(url, rule_form()).status_code == 302
    assert ApprovalRule.objects.get(name="Dollars").steps.get().group == FINANCE
    assert "currency is USD" in client.get(reverse("admin:commerce_approvalrule_changelist")).content.decode()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conditions": '[{"fact": "moon", "operator": "is", "value": "full"}]'}, "There is no fact"),
        ({"steps-0-group": ""}, "Say who approves"),
        ({"steps-0-escalate_after_days": 2}, "Say after how many days, and whom"),
        ({"name": "Special terms"}, "already exists"),
    ],
)
def test_a_rule_that_makes_no_sense_comes_back(boss, signed_in, change, message):
    response = signed_in(boss).post(reverse("admin:commerce_approvalrule_add"), rule_form(**change))
    assert message in response.content.decode()
    assert not ApprovalRule.objects.filter(name="Dollars").exists()


def test_people_say_who_decides_for_them_and_an_administrator_for_others(boss, finance, director, signed_in):
    url = reverse("admin:commerce_delegation_add")
    days = {"start_date": "2026-12-01", "end_date": "2026-12-08"}
    assert signed_in(boss).post(url, {"stand_in": director.pk, "absentee": finance.pk, **days}).status_code == 302
    assert Delegation.objects.get().absentee == boss
    assert "Somebody else has to decide" in signed_in(boss).post(url, {"stand_in": boss.pk, **days}).content.decode()
    root = make_staff("root@vendor.example", "Rita Olm", group="System administrator")
    assert signed_in(root).post(url, {"stand_in": director.pk, "absentee": finance.pk, **days}).status_code == 302
    assert Delegation.objects.filter(absentee=finance, stand_in=director).exists()


def test_nobody_changes_a_colleague_s_delegation(boss, finance, director, signed_in):
    other = Delegation.objects.create(
        absentee=finance, stand_in=boss, start_date=date(2026, 12, 1), end_date=date(2026, 12, 8)
    )
    url = reverse("admin:commerce_delegation_change", args=[other.pk])
    assert signed_in(boss).post(url, {"stand_in": director.pk}).status_code == 403
    assert signed_in(director).get(url).status_code == 200
    other.refresh_from_db()
    assert other.stand_in == boss
