"""Purchases above a buyer's limit: who may buy at once, who decides, and every way in which a request ends."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import members
from accounts.models import Membership, OutgoingMail
from accounts.permissions import Role
from commerce.billing import settling
from commerce.configuring.situations import Configuration
from commerce.models import (
    ApprovalStatus,
    BillingRule,
    Contract,
    DeltaKind,
    Invoice,
    Order,
    PurchaseApproval,
    PurchaseLimit,
    Quote,
    QuoteLine,
    QuoteStatus,
)
from commerce.quotes import acceptance, approvals, limits, quote_lifecycle, quoting
from commerce.tasks import expire_quotes
from tests.factories import make_member
from tests.racing import closing, wait_for_locks
from tracking.actor import Actor, ActorKind
from tracking.models import Event, EventName

TOTAL = 1677_13  # Of the quote.


@pytest.fixture
def bo(acme):
    return make_member(acme, "bo@acme.example", "Bo Brandt", roles=["buyer"])


@pytest.fixture
def petra(acme):
    return make_member(acme, "petra@acme.example", "Petra Prokurist", roles=["approver"])


@pytest.fixture
def limited(acme):
    limits.set_limits(account=acme, limits={"buyer": 500_00})


@pytest.fixture
def buy(quote, now):
    """Accept Acme's quote as somebody: `buy(bo)`."""

    def buy(user, **given):
        defaults = {
            "quote": quote, "membership": user.membership, "shown_hash": quote.price_hash, "consent_name": user.name,
            "po_number": "PO-7", "ip": "203.0.113.7", "actor": user.membership.actor(), "now": now,
        }  # fmt: skip
        return approvals.purchase(**(defaults | given))

    return buy


@pytest.fixture
def waiting(limited, bo, petra, buy):
    return buy(bo)


@pytest.fixture
def page_of():
    return lambda approval: f"/approvals/{approval.public_id}/"


@pytest.fixture
def consent(quote):
    return {"shown_hash": quote.price_hash, "name": "Bo Brandt", "consent": "on", "po_number": "PO-7"}


def mails(kind):
    return {mail.to for mail in OutgoingMail.objects.filter(kind=kind)}


def stands(approval):
    approval.refresh_from_db()
    return approval.status


# Limits


@pytest.mark.parametrize(
    ("set_limits", "roles", "may_buy"),
    [
        ({}, ["buyer"], True),  # Nothing set: as before.
        ({"buyer": TOTAL}, ["buyer"], True),
        ({"buyer": TOTAL - 1}, ["buyer"], False),
        ({"buyer": 0}, ["buyer"], False),
        ({"buyer": None}, ["buyer"], True),
        ({"buyer": 1}, ["administrator"], True),
        ({"buyer": 1}, ["administrator", "buyer"], True),
        ({"buyer": 1, "administrator": TOTAL}, ["administrator", "buyer"], True),
        ({"buyer": 1, "administrator": 1}, ["administrator", "buyer"], False),
        ({"buyer": 1}, ["buyer", "approver"], False),  # To approve is another right than to buy.
        ({"buyer": 1, "approver": TOTAL * 2}, ["buyer", "approver"], False),
    ],
)
def test_the_highest_limit_of_the_roles_that_buy_counts(acme, petra, quote, buy, set_limits, roles, may_buy):
    limits.set_limits(account=acme, limits=set_limits)
    person = make_member(acme, "somebody@acme.example", "Some Body", roles=roles)
    made = buy(person)
    assert isinstance(made, Order) is may_buy
    assert Order.objects.exists() is may_buy
    assert PurchaseApproval.objects.exists() is not may_buy


def test_a_limit_in_another_currency_lets_nothing_through(acme, bo, petra, quote, buy):
    PurchaseLimit.objects.create(account=acme, role="buyer", limit_minor=10**9, currency="USD")
    assert isinstance(buy(bo), PurchaseApproval)


@pytest.fixture
def monthly(admin, contract, products, now):
    """Acme's quote for single sign-on, billed every month: a few days now, then 2.85 before tax in each month."""
    products["sso"].billing = BillingRule.PERIOD
    products["sso"].save(update_fields=["billing"])
    wanted = Configuration(plan="team", seats=50, addons={"sso": 400})
    return quoting.create_quote(
        account=contract.account,
        actor=admin.membership.actor(),
        user=admin,
        configuration=wanted,
        now=now,
        form_key=uuid.uuid4(),
    )


def test_what_later_months_cost_is_held_against_the_limit_too(
    signed_in, acme, bo, petra, monthly, buy, now, time_machine_now
):
    """Little is due now; what counts is what the order adds to what the company owes until its term ends."""
    each_month = 400 * 2_85 * 119 // 100
    committed = monthly.total_minor + 2 * each_month  # December and January.
    assert monthly.total_minor < each_month < committed
    limits.set_limits(account=acme, limits={"buyer": committed - 1})
    client = signed_in(bo)
    page = client.get(f"/quotes/{monthly.public_id}/").content.decode()
    shown = f"€{committed / 100:,.2f} until 31 Jan 2027"
    assert f"With later months, this adds {shown} to what your company owes." in page
    waiting = buy(bo, quote=monthly, shown_hash=monthly.price_hash)
    assert isinstance(waiting, PurchaseApproval)
    assert not Order.objects.exists()
    assert waiting.amount_minor == committed
    assert shown in OutgoingMail.objects.get(kind="approval_requested", to="petra@acme.example").text
    page = signed_in(petra).get(f"/approvals/{waiting.public_id}/").content.decode()
    assert shown in page
    assert f"€{monthly.total_minor / 100:,.2f}" in page  # Due on approval.

    limits.set_limits(account=acme, limits={"approver": committed - 1})
    with pytest.raises(approvals.MayNotDecide):
        approvals.approve(approval=waiting, actor=petra.membership.actor(), now=now)
    assert not Order.objects.exists()
    limits.set_limits(account=acme, limits={"approver": committed})
    approvals.approve(approval=waiting, actor=petra.membership.actor(), now=now)
    assert Order.objects.get().total_minor == monthly.total_minor


def test_up_to_the_limit_with_later_months_it_is_bought_at_once(acme, bo, petra, monthly, buy):
    limits.set_limits(account=acme, limits={"buyer": monthly.commitment_minor()})
    assert isinstance(buy(bo, quote=monthly, shown_hash=monthly.price_hash), Order)


def test_what_is_prepaid_for_the_term_counts_once(quote):
    """It is due now for all of the term: the months to come are paid with it."""
    assert quote.recurring_after_minor > quote.recurring_before_minor
    assert quote.commitment_minor() == quote.total_minor == TOTAL


def test_what_later_months_save_lowers_nothing(monthly):
    QuoteLine.objects.bulk_create(
        [
            QuoteLine(
                account=monthly.account, quote=monthly, position=9, product=monthly.lines.get().product,
                change=DeltaKind.SWAP_OUT, quantity=-1, quantity_after=0, unit_price=0, total_minor=0, tax_rate=0,
                tax_minor=0, recurring_minor=-10**9,
            )
        ]
    )  # fmt: skip
    assert monthly.commitment_minor() == monthly.total_minor


def test_the_page_of_the_limits_says_what_counts(signed_in, admin):
    page = signed_in(admin).get("/company/purchase-limits/").content.decode()
    assert "All that an order adds to what your company owes until its contract ends" in page


def test_no_other_way_leads_past_the_limit(limited, bo, petra, quote, accept):
    with pytest.raises(acceptance.ApprovalNeeded):
        accept(quote, bo)
    assert not Order.objects.exists()


def test_a_request_that_is_not_approved_accepts_nothing(waiting, bo, quote, accept):
    with pytest.raises(acceptance.ApprovalNeeded):
        accept(quote, bo, approval=waiting)
    quote.refresh_from_db()
    assert quote.status == QuoteStatus.PRESENTED


def test_an_administrator_sets_limits(signed_in, admin, acme):
    client = signed_in(admin)
    address = "/company/purchase-limits/"
    assert client.post(address, {"buyer": "500", "approver": "10000.50", "administrator": ""}).status_code == 302
    found = dict(PurchaseLimit.objects.values_list("role", "limit_minor"))
    assert found == {"buyer": 500_00, "approver": 10_000_50, "administrator": None}
    assert 'value="500.00"' in client.get(address).content.decode()
    assert client.post(address, {"buyer": "", "approver": "", "administrator": ""}).status_code == 302
    assert set(PurchaseLimit.objects.values_list("limit_minor", flat=True)) == {None}


@pytest.mark.parametrize("amount", ["-1", "x", "1.234", "1e30", "NaN", "Infinity", "9999999999"])
def test_an_amount_that_is_none_sets_nothing(signed_in, admin, acme, amount):
    response = signed_in(admin).post("/company/purchase-limits/", {"buyer": amount, "approver": "12"})
    assert response.status_code == 422
    assert not PurchaseLimit.objects.exists()
    assert 'value="12"' in response.content.decode()


# Asking


def test_above_the_limit_a_purchase_waits_and_approvers_are_told(
    signed_in, limited, bo, petra, admin, viewer, quote, consent, acme, time_machine_now
):
    client = signed_in(bo)
    page = client.get(f"/quotes/{quote.public_id}/").content.decode()
    assert "Above your limit of €500.00" in page
    assert "Ada Achterberg, Petra Prokurist" in page
    assert "Accept and ask for approval" in page
    response = client.post(f"/quotes/{quote.public_id}/accept/", consent)
    approval = PurchaseApproval.objects.get()
    assert response.url == f"/approvals/{approval.public_id}/"
    assert (approval.amount_minor, approval.currency, approval.price_hash) == (TOTAL, "EUR", quote.price_hash)
    assert (approval.requested_by, approval.requested_roles, approval.po_number) == (bo, ["buyer"], "PO-7")
    assert (approval.consent_name, approval.expires_at) == ("Bo Brandt", quote.expires_at)
    assert mails("approval_requested") == {"admin@acme.example", "petra@acme.example"}
    mail = OutgoingMail.objects.filter(kind="approval_requested").first()
    assert f"/approvals/{approval.public_id}/?company={acme.public_id}" in mail.text
    assert "€1,677.13" in mail.subject
    assert not Order.objects.exists()
    assert Event.objects.get(name=EventName.APPROVAL_REQUESTED).user_id == bo.pk
    assert "Waiting for approval" in client.get(f"/quotes/{quote.public_id}/").content.decode()
    assert "Waiting for approval" in client.get(response.url).content.decode()


def test_the_buyer_reads_who_can_decide_and_whom_to_ask_once_nobody_can(signed_in, acme, waiting, bo, petra, page_of):
    assert "Petra Prokurist" in signed_in(bo).get(page_of(waiting)).content.decode()
    Membership.objects.filter(user=petra).update(is_active=False)
    Membership.objects.for_account(acme).filter(roles__contains=["administrator"]).update(roles=["viewer"])
    page = signed_in(bo).get(page_of(waiting)).content.decode()
    assert "Petra Prokurist" not in page
    assert "Nobody of your company can approve this amount. Ask your account team." in page


def test_asked_twice_it_is_one_request(limited, bo, petra, buy):
    assert buy(bo) == buy(bo)
    assert PurchaseApproval.objects.count() == 1
    assert OutgoingMail.objects.filter(kind="approval_requested").count() == 2  # Each approver once.


def test_where_nobody_can_approve_the_page_says_whom_to_ask(
    signed_in, acme, bo, petra, quote, consent, time_machine_now
):
    limits.set_limits(account=acme, limits={"buyer": 1, "approver": 1})
    client, address = signed_in(bo), f"/quotes/{quote.public_id}/"
    limits.set_limits(account=acme, limits={"administrator": 1})
    words = "Nobody of your company can approve this amount. Ask an administrator to change that: Ada Achterberg."
    assert words in client.get(address).content.decode()
    response = client.post(f"{address}accept/", consent, follow=True)
    assert words in response.content.decode()
    assert not PurchaseApproval.objects.exists()
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"shown_hash": "0" * 64}, acceptance.QuoteChanged),
        ({"consent_name": " "}, acceptance.ConsentMissing),
    ],
)
def test_what_could_not_be_accepted_is_not_asked_for_either(limited, bo, petra, buy, given, error):
    with pytest.raises(error):
        buy(bo, **given)
    assert not PurchaseApproval.objects.exists()


def test_an_expired_quote_is_not_asked_for(limited, bo, petra, buy, now):
    with pytest.raises(quote_lifecycle.QuoteExpired):
        buy(bo, now=now + timedelta(days=60))
    assert not PurchaseApproval.objects.exists()


# Deciding


def test_an_approval_places_the_order_by_the_buyers_own_consent(
    signed_in, waiting, petra, bo, quote, page_of, now, time_machine_now
):
    client = signed_in(petra)
    page = client.get(page_of(waiting)).content.decode()
    assert "Approve €1,677.13" in page
    response = client.post(f"{page_of(waiting)}approve/", {"note": "Go ahead."}, follow=True)
    assert "The order is placed, and Bo Brandt is told." in response.content.decode()
    assert stands(waiting) == ApprovalStatus.APPROVED
    assert (waiting.decided_by, waiting.note) == (petra, "Go ahead.")
    quote.refresh_from_db()
    assert (quote.status, quote.accepted_by, quote.accepted_name) == (QuoteStatus.ACCEPTED, bo, "Bo Brandt")
    assert (quote.accepted_at, quote.accepted_ip, quote.accepted_hash) == (now, "203.0.113.7", quote.price_hash)
    order = Order.objects.get()
    assert (order.placed_by, order.po_number, order.total_minor) == (bo, "PO-7", TOTAL)
    assert Invoice.objects.get().total_minor == TOTAL
    assert mails("approval_given") == {"bo@acme.example"}
    assert "Go ahead." in OutgoingMail.objects.get(kind="approval_given").text
    decided = Event.objects.get(name=EventName.APPROVAL_DECIDED)
    assert (decided.user_id, decided.properties["status"]) == (petra.pk, "approved")
    assert Event.objects.get(name=EventName.QUOTE_ACCEPTED).user_id == bo.pk
    assert signed_in(bo).get(f"/invoices/{Invoice.objects.get().number}/").status_code == 200


def test_a_refusal_tells_the_buyer_why_and_leaves_the_quote(signed_in, waiting, petra, bo, quote, page_of):
    client = signed_in(petra)
    assert client.post(f"{page_of(waiting)}refuse/", {"note": "  "}).status_code == 422
    assert stands(waiting) == ApprovalStatus.WAITING
    client.post(f"{page_of(waiting)}refuse/", {"note": "Not this year."})
    assert stands(waiting) == ApprovalStatus.REFUSED
    mail = OutgoingMail.objects.get(kind="approval_refused")
    assert mail.to == "bo@acme.example"
    assert "Not this year." in mail.text
    assert not Order.objects.exists()
    page = signed_in(bo).get(page_of(waiting)).content.decode()
    assert "Petra Prokurist has refused this purchase." in page
    assert "Not this year." in page


def test_a_buyer_withdraws(signed_in, waiting, bo, petra, quote, page_of):
    assert signed_in(bo).post(f"{page_of(waiting)}withdraw/").url == f"/quotes/{quote.public_id}/"
    assert stands(waiting) == ApprovalStatus.WITHDRAWN
    response = signed_in(petra).post(f"{page_of(waiting)}approve/", follow=True)
    assert "Bo Brandt has withdrawn this purchase." in response.content.decode()
    assert not Order.objects.exists()


def test_nobody_else_withdraws(signed_in, waiting, admin, page_of):
    response = signed_in(admin).post(f"{page_of(waiting)}withdraw/", follow=True)
    assert "Only Bo Brandt can withdraw this." in response.content.decode()
    assert stands(waiting) == ApprovalStatus.WAITING


@pytest.mark.parametrize("roles", [["buyer", "approver"], ["buyer", "administrator"], ["administrator"]])
def test_nobody_approves_their_own_in_whatever_role(signed_in, acme, admin, buy, page_of, limited, roles):
    """Also where the second role came after the request."""
    person = make_member(acme, "two@acme.example", "Two Hats", roles=["buyer"])
    waiting = buy(person)
    Membership.objects.filter(user=person).update(roles=roles)
    client = signed_in(person)
    assert "Approve €" not in client.get(page_of(waiting)).content.decode()
    for what in ("approve", "refuse"):
        response = client.post(f"{page_of(waiting)}{what}/", {"note": "Mine."}, follow=True)
        assert "Nobody approves their own purchase. A colleague has to decide." in response.content.decode()
    assert stands(waiting) == ApprovalStatus.WAITING
    assert not Order.objects.exists()


@pytest.mark.parametrize("kind", [ActorKind.STAFF, ActorKind.SYSTEM, ActorKind.CRM])
def test_nobody_but_the_companys_own_people_decides(waiting, petra, agent, now, kind):
    """Whoever views the portal as an approver is still not one."""
    for actor in (
        Actor(user_id=agent.pk, account_id=waiting.account_id, kind=kind, on_behalf_of=petra.pk),
        Actor(user_id=petra.pk, account_id=waiting.account_id, kind=kind),
    ):
        with pytest.raises(approvals.MayNotDecide):
            approvals.approve(approval=waiting, actor=actor, now=now)
        with pytest.raises(approvals.MayNotDecide):
            approvals.refuse(approval=waiting, actor=actor, note="x", now=now)
        with pytest.raises(approvals.MayNotDecide):
            approvals.withdraw(approval=waiting, actor=actor, now=now)
    assert stands(waiting) == ApprovalStatus.WAITING


def test_an_approver_decides_up_to_their_limit(signed_in, acme, waiting, petra, page_of):
    limits.set_limits(account=acme, limits={"approver": TOTAL - 1})
    client = signed_in(petra)
    page = client.get(page_of(waiting)).content.decode()
    assert "above the limit up to which you may approve" in page
    assert client.post(f"{page_of(waiting)}approve/").status_code == 302
    assert stands(waiting) == ApprovalStatus.WAITING
    limits.set_limits(account=acme, limits={"approver": TOTAL})
    client.post(f"{page_of(waiting)}approve/")
    assert stands(waiting) == ApprovalStatus.APPROVED


@pytest.mark.parametrize("change", [{"roles": ["viewer"]}, {"is_active": False}])
def test_a_role_taken_away_in_between_decides_nothing(waiting, petra, now, change):
    actor = petra.membership.actor()
    Membership.objects.filter(user=petra).update(**change)
    with pytest.raises(approvals.MayNotDecide):
        approvals.approve(approval=waiting, actor=actor, now=now)
    assert stands(waiting) == ApprovalStatus.WAITING
    assert not Order.objects.exists()


@pytest.mark.parametrize("change", [{"roles": ["viewer"]}, {"is_active": False}])
def test_a_buyer_who_may_buy_no_longer_gets_no_order(waiting, bo, petra, now, change):
    Membership.objects.filter(user=bo).update(**change)
    approvals.approve(approval=waiting, actor=petra.membership.actor(), now=now)
    assert stands(waiting) == ApprovalStatus.LAPSED
    assert waiting.note == "Bo Brandt may no longer buy for the company."
    assert not Order.objects.exists()


def overtake_by_expiry(quote, accept, admin, now):
    return now + timedelta(days=60), "expired"


def overtake_by_closing(quote, accept, admin, now):
    Quote.objects.filter(pk=quote.pk).update(status=QuoteStatus.SUPERSEDED)
    return now, "closed"


def overtake_by_contract(quote, accept, admin, now):
    Contract.objects.filter(pk=quote.contract_id).update(version=quote.contract_version + 1)
    return now, "contract has changed"


def overtake_by_refresh(quote, accept, admin, now):
    later = now + timedelta(days=60)
    quoting.refresh_quote(quote=quote, actor=admin.membership.actor(), user=admin, now=later)
    return later, "expired"


def overtake_by_order(quote, accept, admin, now):
    from commerce.configuring.situations import Configuration

    other = quoting.create_quote(
        account=quote.account, actor=admin.membership.actor(), user=admin, now=now, form_key=uuid.uuid4(),
        configuration=Configuration(plan="team", seats=55),
    )  # fmt: skip
    accept(other, admin)
    return now, "waits for its payment"


@pytest.mark.parametrize(
    "overtake",
    [overtake_by_expiry, overtake_by_closing, overtake_by_contract, overtake_by_refresh, overtake_by_order],
)
def test_what_cannot_be_ordered_any_more_ends_with_a_reason_for_both(
    signed_in, waiting, petra, admin, quote, accept, now, page_of, overtake
):
    before = Order.objects.count()
    moment, reason = overtake(quote, accept, admin, now)
    placed = Order.objects.count()
    decided = approvals.approve(approval=waiting, actor=petra.membership.actor(), now=moment)
    assert decided.status == stands(waiting) == ApprovalStatus.LAPSED
    assert reason in waiting.note
    assert (waiting.decided_by, waiting.decided_at) == (None, moment)
    assert Order.objects.count() == placed >= before
    assert mails("approval_lapsed") == {"bo@acme.example"}
    assert waiting.note in OutgoingMail.objects.get(kind="approval_lapsed").text
    assert reason in signed_in(petra).get(page_of(waiting)).content.decode()


def test_a_request_nobody_decided_ends_with_its_quote(waiting, now):
    assert approvals.lapse_overtaken(now=now) == 0
    assert approvals.lapse_overtaken(now=waiting.expires_at) == 1
    assert approvals.lapse_overtaken(now=waiting.expires_at) == 0
    assert stands(waiting) == ApprovalStatus.LAPSED
    assert mails("approval_lapsed") == {"bo@acme.example"}


def test_the_hourly_job_ends_them(waiting, quote):
    Quote.objects.filter(pk=quote.pk).update(status=QuoteStatus.SUPERSEDED)
    expire_quotes.apply(throw=True)
    assert stands(waiting) == ApprovalStatus.LAPSED


def test_a_colleague_without_limit_may_buy_it_meanwhile(waiting, admin, buy):
    order = buy(admin)
    assert isinstance(order, Order)
    assert stands(waiting) == ApprovalStatus.LAPSED
    assert waiting.note == f"Order {order.number} was placed by a colleague."
    assert mails("approval_lapsed") == {"bo@acme.example"}


def test_refused_it_can_be_asked_for_again(waiting, bo, petra, buy, now):
    approvals.refuse(approval=waiting, actor=petra.membership.actor(), note="Later.", now=now)
    again = buy(bo)
    assert again != waiting
    approvals.approve(approval=again, actor=petra.membership.actor(), now=now)
    assert Order.objects.get().quote == again.quote


def test_approved_ordered_and_paid(waiting, petra, bo, quote, now):
    approvals.approve(approval=waiting, actor=petra.membership.actor(), now=now)
    settling.record_bank_transfer(order=Order.objects.get(), actor=Actor.system(quote.account_id), now=now)
    quote.refresh_from_db()
    assert quote.status == QuoteStatus.ORDERED
    assert Event.objects.get(name=EventName.ORDER_PLACED).user_id == bo.pk


# At once


@pytest.mark.django_db(transaction=True)
def test_two_approvers_at_once_make_one_decision(waiting, petra, admin, now):
    barrier, results = threading.Barrier(2), []

    def decide(what, user, **given):
        barrier.wait()
        try:
            results.append(what(approval=waiting, actor=user.membership.actor(), now=now, **given).status)
        except approvals.AlreadyDecided as refusal:
            results.append(str(refusal))
        finally:
            connection.close()

    threads = [
        threading.Thread(target=decide, args=(approvals.approve, petra)),
        threading.Thread(target=decide, args=(approvals.refuse, admin), kwargs={"note": "No."}),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    status = stands(waiting)
    assert status in ("approved", "refused")
    assert len(results) == 2
    assert status in results
    assert Order.objects.count() == (status == "approved")
    other = next(one for one in results if one != status)
    assert other.endswith(f"has {status} this purchase.")


@pytest.mark.django_db(transaction=True)
def test_an_approval_waits_for_the_administration_that_changes_hands(waiting, bo, admin, now):
    """Either takes the places of both people; they never wait for each other in a circle."""
    by, to = admin.membership, bo.membership

    def hand_over():
        with transaction.atomic():
            members.hand_over(to=to, by=by, actor=by.actor(), now=now)

    def approve():
        return approvals.approve(approval=waiting, actor=by.actor(), now=now)

    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            Membership.objects.select_for_update().get(pk=to.pk)
            handed_over = pool.submit(closing(hand_over))
            wait_for_locks(1)
            approved = pool.submit(closing(approve))
            wait_for_locks(2)
        assert handed_over.exception(timeout=10) is None
        assert isinstance(approved.exception(timeout=10), approvals.MayNotDecide)
    assert stands(waiting) == "waiting"
    assert not Order.objects.exists()


# What the database keeps


@pytest.mark.parametrize(
    "change",
    [
        {"amount_minor": 1},
        {"price_hash": "0" * 64},
        {"consent_name": "Somebody Else"},
        {"status": "approved"},  # Without a decider.
        {"status": "nonsense"},
    ],
)
def test_what_was_asked_for_stands(waiting, change):
    with pytest.raises(IntegrityError), transaction.atomic():
        PurchaseApproval.objects.filter(pk=waiting.pk).update(**change)


def test_a_buyer_is_never_the_decider(waiting, bo, now):
    with pytest.raises(IntegrityError), transaction.atomic():
        PurchaseApproval.objects.filter(pk=waiting.pk).update(status="approved", decided_by=bo, decided_at=now)


def test_a_decision_is_final_and_kept(waiting, petra, now):
    approvals.refuse(approval=waiting, actor=petra.membership.actor(), note="No.", now=now)
    for change in ({"status": "waiting", "decided_by": None, "decided_at": None}, {"note": "Yes."}):
        with pytest.raises(IntegrityError), transaction.atomic():
            PurchaseApproval.objects.filter(pk=waiting.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        PurchaseApproval.objects.filter(pk=waiting.pk).delete()


def test_each_step_is_in_the_audit(signed_in, waiting, petra, page_of, time_machine_now):
    signed_in(petra).post(f"{page_of(waiting)}approve/")
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT status, (pgh_context ->> 'user_id')::bigint FROM commerce_purchaseapprovalevent ORDER BY pgh_id"""
        )
        assert cursor.fetchall() == [("waiting", None), ("approved", petra.pk)]


# The queue


def test_approvers_see_the_queue_and_home_names_it(signed_in, waiting, petra, bo, page_of, time_machine_now):
    assert page_of(waiting) in signed_in(petra).get("/approvals/").content.decode()
    assert 'hx-get="/approvals/card/"' in signed_in(petra).get("/").content.decode()
    assert page_of(waiting) in signed_in(petra).get("/approvals/card/").content.decode()
    assert 'hx-get="/approvals/card/"' not in signed_in(bo).get("/").content.decode()
    approvals.refuse(approval=waiting, actor=petra.membership.actor(), note="No.", now=timezone.now())
    assert "Nothing waits" in signed_in(petra).get("/approvals/").content.decode()
    assert page_of(waiting) in signed_in(petra).get("/approvals/?show=all").content.decode()
    assert signed_in(petra).get("/approvals/card/").content.decode().strip() == ""


# Who may what


def test_the_wrong_role_is_refused(signed_in, waiting, bo, member, page_of):
    for what in ("approve", "refuse"):
        assert signed_in(bo).post(f"{page_of(waiting)}{what}/", {"note": "x"}).status_code == 403
    for address in ("/approvals/", page_of(waiting), "/company/purchase-limits/"):
        assert signed_in(member).get(address).status_code == 403
    assert signed_in(bo).post("/company/purchase-limits/", {"buyer": "1"}).status_code == 403
    assert stands(waiting) == ApprovalStatus.WAITING
    assert PurchaseLimit.objects.get().limit_minor == 500_00


def test_a_stranger_finds_nothing(signed_in, waiting, other_admin, page_of):
    client = signed_in(other_admin)
    assert client.get(page_of(waiting)).status_code == 404
    for what in ("approve", "refuse", "withdraw"):
        assert client.post(f"{page_of(waiting)}{what}/", {"note": "x"}).status_code == 404
    assert waiting.quote.number not in client.get("/approvals/?show=all").content.decode()
    assert stands(waiting) == ApprovalStatus.WAITING


def test_anybody_else_is_asked_to_sign_in(client, waiting, page_of):
    for address in ("/approvals/", page_of(waiting), "/company/purchase-limits/"):
        assert client.get(address).url.startswith("/accounts/login/")
    for what in ("approve", "refuse", "withdraw"):
        assert client.post(f"{page_of(waiting)}{what}/").url.startswith("/accounts/login/")
    assert Role.APPROVER in Membership.objects.get(user__email="petra@acme.example").roles
