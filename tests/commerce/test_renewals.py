"""A contract at the end of its term: offered, reminded of, renewed, or kept in grace and then suspended."""

import uuid
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Entitlements, OutgoingMail
from commerce.billing.balances import balance_of
from commerce.billing.crediting import credit_invoice
from commerce.contracts import amendments
from commerce.contracts.amendments import Decision
from commerce.contracts.contracts import ledger_of, owned_on
from commerce.contracts.ledger import Entry
from commerce.models import (
    Contract,
    Deal,
    DeltaKind,
    Invoice,
    Order,
    PendingChange,
    PeriodClose,
    Price,
    Quote,
    QuoteLine,
    Renewal,
    RenewalNotice,
    RenewalTerms,
    RetentionAnswer,
    RetentionOffer,
    Subscription,
    SubscriptionDelta,
    TaxRate,
)
from commerce.orders.cancelling import OrderNotCancellable, cancel_order
from commerce.orders.fulfilling import fulfil
from commerce.pricing.proration import add_months
from commerce.quotes.acceptance import accept_quote
from commerce.quotes.quote_lifecycle import ContractChanged, QuoteExpired
from commerce.renewals import notices, running
from commerce.renewals.reading import board, earliness, grace_of, view_of
from commerce.renewals.risk import set_risk
from tests.factories import make_account, make_contract, make_member
from tracking.actor import Actor
from tracking.models import UsageDaily

T = date(2027, 2, 1)  # The end of the contract of conftest: Team with 50 seats at 11.40.


def at(day, zone="Europe/Berlin", hour=12):
    return datetime(day.year, day.month, day.day, hour, 30, tzinfo=ZoneInfo(zone))


def run(day, **where):
    return running.run_due(now=at(day, **where)).counts


def run_until(contract, last, *, step=1):
    """Every day from the offer on."""
    day = contract.end_date - timedelta(days=120)
    while day <= last:
        run(day, zone=contract.account.time_zone)
        day += timedelta(days=step)


def renewal_of(contract):
    return Renewal.objects.with_parties().get(contract=contract)


def lines_of(contract, day):
    return {line.product.code: line for line in owned_on(ledger_of(contract), day)}


def accept(contract, user, day):
    quote = renewal_of(contract).quote
    return accept_quote(
        quote=quote,
        shown_hash=quote.price_hash,
        consent_name="Ada",
        ip=None,
        actor=user.membership.actor(),
        now=at(day),
    )


def everything():
    """What a second run of the same day must leave as it is."""
    return [
        sorted(map(str, model.objects.values_list()))
        for model in (Contract, Renewal, RenewalNotice, Quote, QuoteLine, Order, Invoice, SubscriptionDelta, Deal)
    ]


# The offer


def test_a_renewal_is_offered_120_days_before_the_end_at_the_price_of_before(contract):
    assert run(T - timedelta(days=121)) == {}
    assert run(T - timedelta(days=120)) == {"opened": 1, "offered": 1}
    renewal = renewal_of(contract)
    quote = renewal.quote
    assert (renewal.state, quote.status, quote.kind, quote.origin) == ("offered", "presented", "renewal", "system")
    assert (quote.subtotal_minor, quote.tax_minor) == (684_000, 129_960)
    assert (quote.period.start_date, quote.period.until_date) == (T, date(2028, 2, 1))
    assert quote.last_day == T + timedelta(days=14)
    assert renewal.monthly_before_minor == renewal.monthly_after_minor == 57_000
    assert quote.lines.get().unit_price == Decimal("11.4")
    assert quote.deal.type == "renewal"
    assert quote.deal.amount_minor == 684_000


def test_an_uplift_comes_after_the_discounts_for_each_year_of_the_ended_term(contract):
    RenewalTerms.objects.create(account=contract.account, method="uplift", uplift_percent=3)
    Contract.objects.update(term_months=24)
    run(T - timedelta(days=120))
    renewal = renewal_of(contract)
    assert renewal.uplift_percent == 6
    assert renewal.quote.lines.get().unit_price == Decimal("12.084")
    assert renewal.monthly_after_minor == 60_420
    assert "6" in view_of(renewal, T - timedelta(days=120)).reason


@pytest.mark.parametrize(
    ("index", "cap", "expected"), [(2, None, "8"), ("4.5", None, "9.5"), (9, 10, "10"), (-1, None, "8")]
)
def test_an_uplift_follows_the_price_index_between_its_floor_and_its_cap(contract, index, cap, expected):
    RenewalTerms.objects.create(
        account=contract.account,
        method="uplift",
        index_percent=index,
        spread_percent=5,
        floor_percent=8,
        cap_percent=cap,
    )
    run(T - timedelta(days=120))
    assert renewal_of(contract).uplift_percent == Decimal(expected)


def test_a_renewal_at_list_clears_what_was_agreed(contract):
    SubscriptionDelta.objects.filter(subscription__contract=contract)
    RenewalTerms.objects.create(account=contract.account, method="list")
    Price.objects.filter(product__code="team").update(unit_price=15)
    run(T - timedelta(days=120))
    line = renewal_of(contract).quote.lines.get()
    assert line.unit_price >= Decimal(12)
    assert renewal_of(contract).flags == {}


def test_what_is_sold_no_more_keeps_its_price_and_says_so(contract):
    RenewalTerms.objects.create(account=contract.account, method="list")
    Price.objects.filter(product__code="team").update(valid_until=date(2026, 9, 1))
    run(T - timedelta(days=120))
    renewal = renewal_of(contract)
    assert renewal.flags == {"team": "not_sold"}
    assert renewal.quote.lines.get().unit_price == Decimal("11.4")
    assert view_of(renewal, T - timedelta(days=120)).lines[0].flag


def test_a_discount_promised_for_staying_is_kept_for_one_term(contract):
    offer = RetentionOffer.objects.filter(discount_percent=10).first() or RetentionOffer.objects.create(
        reason="too_expensive", kind="discount", headline="10 %", text="Stay", discount_percent=10, rank=9
    )
    RetentionAnswer.objects.create(
        account=contract.account, contract=contract, offer=offer, reason=offer.reason, headline="10 %", is_taken=True,
        discount_percent=10,
    )  # fmt: skip
    run_until(contract, T, step=40)
    run(T)
    renewal = renewal_of(contract)
    assert renewal.promised_percent == 10
    successor = renewal.successor
    assert lines_of(successor, T)["team"].unit_price == Decimal("10.26")
    run(successor.end_date - timedelta(days=120))
    again = renewal_of(successor)
    assert (again.promised_percent, again.quote.lines.get().unit_price) == (0, Decimal("11.4"))


def test_nobody_can_be_offered_a_renewal_without_a_known_tax_and_access_is_kept_all_the_same(contract):
    TaxRate.objects.all().delete()
    run_until(contract, T, step=60)
    run(T)
    renewal = renewal_of(contract)
    assert (renewal.state, renewal.quote) == ("grace", None)
    assert Entitlements.of(contract.account, today=T).limit("seats") == 50


def test_an_offer_is_made_anew_when_the_contract_has_changed(contract, admin):
    run(T - timedelta(days=120))
    first = renewal_of(contract).quote
    subscription = contract.subscriptions.get()
    SubscriptionDelta.objects.create(
        account=contract.account, subscription=subscription, kind="quantity", quantity=10, unit_price=Decimal("11.4"),
        recurring_minor=11_400, currency="EUR", effective_date=date(2026, 11, 1), billing_date=date(2026, 11, 1),
    )  # fmt: skip
    Contract.objects.update(version=2)
    with pytest.raises(ContractChanged):
        accept_quote(
            quote=first, shown_hash=first.price_hash, consent_name="Ada", ip=None, actor=admin.membership.actor(),
            now=at(date(2026, 11, 2)),
        )  # fmt: skip
    run(date(2026, 11, 2))
    fresh = renewal_of(contract).quote
    first.refresh_from_db()
    assert (first.status, fresh.version, fresh.deal) == ("superseded", 2, first.deal)
    assert fresh.lines.get().quantity == 60
    assert Deal.objects.filter(type="renewal").count() == 1


# Notices


def test_people_are_reminded_until_somebody_decides(contract, admin):
    Contract.objects.update(auto_renew=False)
    for days in (120, 90, 60):
        run(T - timedelta(days=days))
        notices.tell_waiting(now=at(T - timedelta(days=days)))
    told = list(RenewalNotice.objects.order_by("pk").values_list("kind", "days_before"))
    assert told == [("offer", 120), ("notice", 90), ("notice", 60)]
    assert OutgoingMail.objects.filter(kind="renewal_notice", to=admin.email).count() == 2
    accept(contract, admin, T - timedelta(days=50))
    run_until(contract, T - timedelta(days=1), step=1)
    assert RenewalNotice.objects.count() == 3


def test_a_notice_is_not_told_once_it_was_decided(contract, admin):
    run(T - timedelta(days=90))
    accept(contract, admin, T - timedelta(days=90))
    assert notices.tell_waiting(now=at(T - timedelta(days=89))) == 0
    assert RenewalNotice.objects.filter(dropped_at__isnull=False).count() == 2
    assert not OutgoingMail.objects.filter(kind__startswith="renewal").exists()


def test_early_notices_go_to_those_who_decide_and_late_ones_also_to_the_account_owner(contract, admin, agent):
    account = contract.account
    account.owner, account.sales_contact = agent, None
    account.save()
    make_member(account, "buyer@acme.example", "Bo", roles=["buyer"])
    make_member(account, "viewer@acme.example", "Vi", roles=["viewer"])
    for days in (120, 90, 14):
        run(T - timedelta(days=days))
        notices.tell_waiting(now=at(T - timedelta(days=days)))
    assert set(OutgoingMail.objects.filter(kind="renewal_notice").values_list("to", flat=True)) == {
        admin.email, "buyer@acme.example",
    }  # fmt: skip
    assert OutgoingMail.objects.filter(kind="renewal_attention").values_list("to", flat=True).get() == agent.email


def test_reminders_say_what_a_planned_reduction_leaves_too_little_for(contract, admin, agent, products):
    account = contract.account
    account.owner, account.sales_contact = agent, None
    account.save()
    day = T - timedelta(days=30)
    team = lines_of(contract, day)["team"]
    fewer = [Entry(team.product, DeltaKind.QUANTITY, Decimal(-10), team.unit_price, -114_00)]
    decision = Decision(actor=admin.membership.actor(), now=at(day))
    amendments.reduce(contract=contract, lines=fewer, decision=decision)

    def told(day, used):
        UsageDaily.objects.update_or_create(account_id=account.pk, meter="seats", date=day, defaults={"quantity": used})
        OutgoingMail.objects.all().delete()
        run(day)
        notices.tell_waiting(now=at(day))
        mails = OutgoingMail.objects.filter(kind__in=["renewal_notice", "renewal_attention"])
        words = "User seats: 46 used, 40 would remain. Free 6."
        return {mail.to: words in mail.text for mail in mails}

    assert told(day, 40) == {admin.email: False}
    assert told(T - timedelta(days=14), 46) == {admin.email: True, agent.email: True}
    assert told(T - timedelta(days=7), 40) == {admin.email: False, agent.email: False}


def test_who_gets_no_notices_is_compared_with_those_who_do(contract, admin, products):
    other = make_account("Quiet")
    RenewalTerms.objects.create(account=other, sends_notices=False)
    make_contract(other, products)
    run(T - timedelta(days=120))
    run(T - timedelta(days=90))
    assert set(RenewalNotice.objects.values_list("account", flat=True)) == {contract.account.pk}
    accept(contract, admin, T - timedelta(days=70))
    notified, others = earliness(Renewal.objects.all())
    assert (notified.count, notified.renewed, notified.median_days) == (1, 1, 70)
    assert (others.count, others.renewed, others.median_days) == (1, 0, None)


# The new term


def test_a_contract_renews_by_itself_on_its_last_day_once(contract):
    run(T - timedelta(days=120))
    assert run(T - timedelta(days=2)).get("renewed by themselves") is None
    assert run(T - timedelta(days=1))["renewed by themselves"] == 1
    renewal = renewal_of(contract)
    assert (renewal.state, renewal.is_automatic, renewal.contract.status) == ("accepted", True, "active")
    assert run(T - timedelta(days=1), hour=23) == {}
    assert run(T) == {"rolled over": 1}
    renewal = renewal_of(contract)
    successor = renewal.successor
    assert (renewal.state, renewal.contract.status) == ("rolled_over", "renewed")
    assert (successor.start_date, successor.end_date, successor.status) == (T, date(2028, 2, 1), "active")
    assert lines_of(successor, T)["team"].quantity == 50
    assert Entitlements.of(contract.account, today=T - timedelta(days=1)).limit("seats") == 50
    assert Entitlements.of(contract.account, today=T).limit("seats") == 50
    order = Order.objects.get()
    assert (order.status, order.contract, order.quote) == ("active", successor, renewal.quote)
    invoice = order.invoice
    assert (invoice.status, invoice.total_minor, invoice.issue_date) == ("open", 813_960, T)
    assert renewal.quote.status == "ordered"
    assert renewal.quote.deal.stage == "won"


def test_what_the_customer_renewed_early_begins_when_the_old_term_ends_and_is_billed_once(contract, admin):
    run(T - timedelta(days=120))
    order = accept(contract, admin, T - timedelta(days=100))
    assert order.invoice.due_date == T
    assert renewal_of(contract).state == "accepted"
    assert Contract.objects.count() == 1
    run_until(contract, T)
    renewal = renewal_of(contract)
    order.refresh_from_db()
    assert (renewal.state, renewal.is_automatic, order.status) == ("rolled_over", False, "awaiting_payment")
    with pytest.raises(OrderNotCancellable):
        cancel_order(order=order, now=at(T))
    fulfil(order=order, now=at(T), actor=Actor.system(contract.account_id))
    order.refresh_from_db()
    assert order.status == "active"
    assert Invoice.objects.count() == 1
    assert Contract.objects.count() == 2


def test_the_bill_of_a_term_that_has_begun_is_credited_in_full_and_the_term_stays(contract, admin, manager):
    run(T - timedelta(days=120))
    order = accept(contract, admin, T - timedelta(days=100))
    run(T)
    actor = Actor.staff(manager.pk, contract.account_id)
    note = credit_invoice(invoice=order.invoice, reason="A present", actor=actor, now=at(T))
    order.refresh_from_db()
    assert (note.total_minor, order.status) == (-order.total_minor, "active")
    assert Invoice.objects.get(order=order).due_minor == 0
    assert lines_of(renewal_of(contract).successor, T)["team"].quantity == 50


def test_what_is_paid_before_the_new_term_is_active_with_it(contract, admin):
    run(T - timedelta(days=120))
    order = accept(contract, admin, T - timedelta(days=100))
    fulfil(order=order, now=at(T - timedelta(days=99)), actor=Actor.system(contract.account_id))
    order.refresh_from_db()
    assert order.status == "paid"
    contract.refresh_from_db()
    assert (contract.version, lines_of(contract, T)["team"].quantity) == (1, 50)
    run(T)
    order.refresh_from_db()
    assert order.status == "active"


def test_seats_bought_after_an_early_renewal_go_on_and_are_billed_besides(contract, admin):
    run(T - timedelta(days=120))
    accept(contract, admin, T - timedelta(days=100))
    SubscriptionDelta.objects.create(
        account=contract.account, subscription=contract.subscriptions.get(), kind="quantity", quantity=10,
        unit_price=Decimal("11.4"), recurring_minor=11_400, currency="EUR", effective_date=date(2026, 12, 1),
        billing_date=date(2026, 12, 1),
    )  # fmt: skip
    Contract.objects.update(version=2)
    run(T)
    successor = renewal_of(contract).successor
    assert lines_of(successor, T)["team"].quantity == 60
    assert lines_of(successor, T)["team"].monthly_minor == 68_400
    assert list(Invoice.objects.order_by("pk").values_list("subtotal_minor", flat=True)) == [684_000, 136_800]


def test_what_is_renewed_is_neither_cancelled_nor_reduced(contract, admin):
    run(T - timedelta(days=120))
    order = accept(contract, admin, T - timedelta(days=100))
    fulfil(order=order, now=at(T - timedelta(days=99)), actor=Actor.system(contract.account_id))
    decision = Decision(actor=admin.membership.actor(), now=at(T - timedelta(days=90)))
    for at_once in (False, True):
        with pytest.raises(amendments.NextTermAgreed):
            amendments.end_contract(contract=contract, decision=decision, at_once=at_once)
    with pytest.raises(amendments.NextTermAgreed):
        amendments.reduce(contract=contract, lines=[], decision=decision)
    assert not PendingChange.objects.exists()
    run(T)
    order.refresh_from_db()
    assert (renewal_of(contract).state, order.status) == ("rolled_over", "active")


def test_the_staff_end_a_contract_that_was_renewed_and_the_next_term_is_credited(contract, admin, manager):
    run(T - timedelta(days=120))
    order = accept(contract, admin, T - timedelta(days=100))
    fulfil(order=order, now=at(T - timedelta(days=99)), actor=Actor.system(contract.account_id))
    Invoice.objects.filter(order=order).update(status="paid", paid_at=at(T - timedelta(days=99)))
    decision = Decision(actor=Actor.staff(manager.pk, contract.account_id), now=at(T - timedelta(days=90)))
    amendments.end_contract(contract=contract, decision=decision, at_once=True)
    for day in (T - timedelta(days=90), T):
        run(day)
    order.refresh_from_db()
    assert (renewal_of(contract).state, order.status, order.quote.status) == ("declined", "cancelled", "superseded")
    assert order.deal.stage == "lost"
    assert balance_of(contract.account, "EUR") == order.total_minor
    assert Contract.objects.count() == 1


def test_a_pause_that_is_over_before_the_term_keeps_offer_and_reminders(contract, admin):
    run(T - timedelta(days=120))
    decision = Decision(actor=admin.membership.actor(), now=at(T - timedelta(days=100)))
    pause = {"from_date": T - timedelta(days=61), "until_date": T - timedelta(days=5)}
    amendments.pause(contract=contract, decision=decision, **pause)
    for left in (61, 60, 30):
        run(T - timedelta(days=left))
        renewal = renewal_of(contract)
        assert (renewal.state, renewal.monthly_after_minor) == ("offered", 57_000)
    view = view_of(renewal, T - timedelta(days=30))
    assert [(line.quantity_before, line.quantity) for line in view.lines] == [(50, 50)]
    for left in (5, 1, 0):
        run(T - timedelta(days=left))
    told = RenewalNotice.objects.filter(kind="notice").values_list("days_before", flat=True)
    assert sorted(told) == [1, 7, 30, 60, 90]
    assert lines_of(renewal_of(contract).successor, T)["team"].quantity == 50


def test_a_cancelled_order_of_a_renewal_is_offered_again(contract, admin):
    run(T - timedelta(days=120))
    order = accept(contract, admin, T - timedelta(days=100))
    cancel_order(order=order, now=at(T - timedelta(days=99)))
    run(T - timedelta(days=98))
    renewal = renewal_of(contract)
    assert (renewal.state, renewal.quote.status, renewal.accepted_at) == ("offered", "presented", None)
    assert renewal.quote_id != order.quote_id


def test_days_that_were_missed_are_caught_up_with(contract):
    counts = run(T + timedelta(days=40))
    assert counts == {"opened": 1, "offered": 1, "renewed by themselves": 1, "rolled over": 1}
    assert renewal_of(contract).successor.start_date == T


@pytest.mark.parametrize("auto_renew", [True, False])
def test_running_any_day_twice_changes_nothing(contract, auto_renew):
    Contract.objects.update(auto_renew=auto_renew)
    for days in (120, 90, 60, 30, 14, 7, 1, 0, -1, -15, -29, -75):
        day = T - timedelta(days=days)
        run(day, hour=2)
        before = everything()
        assert run(day, hour=22) == {}
        assert everything() == before


# Grace


def test_access_is_kept_in_grace_then_ends_and_its_days_are_billed(contract):
    Contract.objects.update(auto_renew=False)
    run_until(contract, T)
    renewal = renewal_of(contract)
    assert renewal.state == "grace"
    account = contract.account
    last = T + timedelta(days=14)
    assert Entitlements.of(account, today=last).limit("seats") == 50
    assert Entitlements.of(account, today=T + timedelta(days=15)).limit("seats") is None
    banner = grace_of(account, T)
    assert (banner.days_left, banner.renewal) == (15, renewal)
    assert run(last) == {}
    assert run(T + timedelta(days=15)) == {"suspended": 1}
    contract.refresh_from_db()
    assert (renewal_of(contract).state, contract.status) == ("suspended", "ended")
    assert grace_of(account, T + timedelta(days=15)) is None
    invoice = Invoice.objects.get()
    assert invoice.subtotal_minor == 28_110  # 50 × 11.40 × 12 / 365 × 15 = 281.0959…, in whole cents.
    assert lines_of(contract, T + timedelta(days=15)) == {}


def test_what_is_renewed_in_grace_begins_where_the_old_term_ended(contract, admin):
    Contract.objects.update(auto_renew=False)
    run_until(contract, T, step=30)
    run(T)
    accept(contract, admin, T + timedelta(days=9))
    run(T + timedelta(days=9))
    renewal = renewal_of(contract)
    assert (renewal.state, renewal.successor.start_date) == ("rolled_over", T)
    for day in (T, T + timedelta(days=9), T + timedelta(days=20)):
        assert Entitlements.of(contract.account, today=day).limit("seats") == 50
    assert Invoice.objects.get().subtotal_minor == 684_000


def test_an_offer_runs_out_with_the_grace(contract, admin):
    Contract.objects.update(auto_renew=False)
    run_until(contract, T, step=30)
    before = everything()
    with pytest.raises(QuoteExpired), transaction.atomic():
        accept(contract, admin, T + timedelta(days=15))
    assert everything() == before


def test_who_has_left_is_asked_back_once_and_then_counts_as_lost(contract, admin):
    Contract.objects.update(auto_renew=False)
    run(T - timedelta(days=10))
    run(T + timedelta(days=15))
    assert run(T + timedelta(days=28)) == {}
    assert run(T + timedelta(days=29)) == {"asked back": 1}
    notices.tell_waiting(now=at(T + timedelta(days=29)))
    assert OutgoingMail.objects.filter(kind="renewal_winback", to=admin.email).count() == 1
    assert run(T + timedelta(days=75)) == {"lost": 1}
    assert renewal_of(contract).state == "lapsed"


# Places and calendars


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles", "Pacific/Pago_Pago", "Europe/Berlin"])
def test_it_renews_on_the_last_day_where_the_customer_is(acme, products, zone):
    acme.time_zone = zone
    acme.save()
    contract = make_contract(acme, products)
    run(T - timedelta(days=120), zone=zone)
    last = datetime(2027, 1, 31, tzinfo=ZoneInfo(zone))
    running.run_due(now=last - timedelta(seconds=1))
    assert renewal_of(contract).state == "offered"
    running.run_due(now=last)
    assert renewal_of(contract).state == "accepted"
    running.run_due(now=datetime(2027, 1, 31, 23, 59, 59, tzinfo=ZoneInfo(zone)))
    assert renewal_of(contract).state == "accepted"
    running.run_due(now=datetime(2027, 2, 1, tzinfo=ZoneInfo(zone)))
    renewal = renewal_of(contract)
    assert renewal.state == "rolled_over"
    assert renewal.quote.deal.close_date == T


@pytest.mark.parametrize(
    ("start", "until"),
    [
        (date(2027, 1, 31), date(2028, 1, 31)),
        (date(2028, 2, 29), date(2029, 2, 28)),
        (date(2027, 3, 28), date(2028, 3, 28)),  # Clocks are put forward on the first day.
        (date(2027, 10, 31), date(2028, 10, 31)),  # And back.
    ],
)
def test_terms_follow_each_other_without_a_gap_at_month_ends_and_leap_days(acme, products, start, until):
    contract = make_contract(acme, products, start=date(2026, 2, 1))
    Contract.objects.filter(pk=contract.pk).update(start_date=add_months(start, -12), end_date=start)
    contract.refresh_from_db()
    run_until(contract, start, step=60)
    run(start)
    successor = renewal_of(contract).successor
    assert (successor.start_date, successor.end_date) == (start, until)


@pytest.mark.parametrize(
    ("currency", "price", "monthly", "subtotal"),
    [("JPY", "1140.5", 57_025, 684_300), ("KWD", "3.4567", 172_835, 2_074_020)],
)
def test_currencies_without_and_with_three_decimals(acme, products, currency, price, monthly, subtotal):
    contract = Contract.objects.create(account=acme, start_date=date(2026, 2, 1), end_date=T, currency=currency)
    subscription = Subscription.objects.create(account=acme, contract=contract, product=products["team"])
    SubscriptionDelta.objects.create(
        account=acme, subscription=subscription, kind="new", quantity=50, unit_price=Decimal(price),
        recurring_minor=monthly, currency=currency, effective_date=contract.start_date,
        billing_date=contract.start_date,
    )  # fmt: skip
    run_until(contract, T, step=60)
    run(T)
    renewal = renewal_of(contract)
    assert (renewal.quote.subtotal_minor, renewal.monthly_after_minor) == (subtotal, monthly)
    assert Invoice.objects.get().currency == currency


# Many at once


def test_a_batch_takes_a_handful_of_statements_however_many_contracts(products):
    def statements(count):
        for number in range(count):
            make_contract(make_account(f"Many {uuid.uuid4()} {number}"), products)
        counted = []
        for days in (120, 90, 1, 0):
            with CaptureQueriesContext(connection) as captured:
                run(T - timedelta(days=days))
            counted.append(len(captured))
        return counted

    few, many = statements(2), statements(12)
    assert many == few
    assert max(few) < 110


def test_one_that_cannot_be_taken_on_keeps_none_of_the_others(contract, products):
    others = [make_contract(make_account(f"Fine {number}"), products) for number in range(3)]
    run(T - timedelta(days=120))
    # Somebody made the successor's place unusable: this one's end is before its renewal can begin.
    Renewal.objects.filter(contract=others[1]).update(term_months=0)
    run(T)
    states = dict(Renewal.objects.values_list("contract", "state"))
    assert states[others[1].pk] == "accepted"
    assert {states[one.pk] for one in (contract, others[0], others[2])} == {"rolled_over"}


# What the board and the database say


def test_the_board_tells_what_is_due_kept_and_expected(contract, admin, products):
    other = make_contract(make_account("Other"), products, seats=10)
    Contract.objects.update(auto_renew=False)
    run(T - timedelta(days=120))
    set_risk(contract=other, score=40, actor=Actor.system(other.account_id))
    accept(contract, admin, T - timedelta(days=100))
    (figures,) = board(T, T + timedelta(days=1)).figures
    assert (figures.count, figures.due_minor, figures.decided_minor) == (2, 69_000, 57_000)
    assert (figures.gross_retention, figures.net_retention) == (100, 100)
    assert figures.forecast_minor == 57_000 + 12_000 * 60 // 100
    bands = {row.contract_id: row.risk_band for row in board(T, T + timedelta(days=1)).rows}
    assert bands == {contract.pk: "unknown", other.pk: "medium"}


def test_a_renewal_goes_forward_only_and_is_kept(contract):
    run(T - timedelta(days=120))
    run(T)
    renewal = renewal_of(contract)
    assert renewal.state == "rolled_over"
    for broken in ({"state": "offered", "successor": None}, {"due_date": date(2027, 3, 1)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Renewal.objects.filter(pk=renewal.pk).update(**broken)
    with pytest.raises(IntegrityError), transaction.atomic():
        Renewal.objects.all()._raw_delete("default")


@pytest.mark.parametrize("score", [-1, 101])
def test_a_risk_is_between_none_and_certain(contract, score):
    with pytest.raises(ValueError, match="no risk"):
        set_risk(contract=contract, score=score, actor=Actor.system(contract.account_id))
    contract.refresh_from_db()
    assert contract.risk_score is None


def test_a_term_begins_though_the_books_of_its_day_are_closed(contract, admin, settings):
    Contract.objects.update(auto_renew=False)
    run_until(contract, T + timedelta(days=3), step=30)
    run(T + timedelta(days=3))
    accept(contract, admin, T + timedelta(days=4))
    PeriodClose.objects.create(legal_entity=settings.LEGAL_ENTITY, month=date(2027, 2, 1))
    run(date(2027, 3, 4))  # The job has not run for a month.
    begun = SubscriptionDelta.objects.get(kind="renewal")
    assert (begun.effective_date, begun.billing_date) == (T, date(2027, 3, 1))
    assert renewal_of(contract).state == "rolled_over"


def test_a_suspension_is_written_down_though_the_books_of_that_day_are_closed(contract, settings):
    Contract.objects.update(auto_renew=False)
    run_until(contract, T + timedelta(days=3), step=30)
    run(T + timedelta(days=3))
    PeriodClose.objects.create(legal_entity=settings.LEGAL_ENTITY, month=date(2027, 2, 1))
    run(T + timedelta(days=40))
    ended = SubscriptionDelta.objects.get(kind="cancel")
    assert (ended.effective_date, ended.billing_date) == (T + timedelta(days=15), date(2027, 3, 1))
