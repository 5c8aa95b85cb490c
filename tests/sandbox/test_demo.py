"""The demo company before it touches a database: what must hold on whatever day it is made."""

import os
import subprocess
import sys
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median

import pytest

from accounts.models import (
    Account,
    Brand,
    Domain,
    Entitlement,
    HomeLayout,
    Invitation,
    Membership,
    Notification,
    ScimGroupMember,
    ScimUser,
    SecurityPolicy,
    TermsAcceptance,
    User,
)
from accounts.pictures import drawn_anew
from cases.models import Case, CaseMessage
from commerce.catalogue.catalogue import grants_for
from commerce.models import (
    BillingPeriod,
    Contract,
    ContractStatus,
    Deal,
    DealStage,
    DealType,
    DeltaKind,
    Invoice,
    InvoiceLine,
    InvoiceSeries,
    Order,
    Quote,
    QuoteStatus,
    SubscriptionDelta,
    UsageCharge,
)
from knowledge.models import Article, ArticleVersion, Deflection
from recommendations.models import ContentBlock, Offer
from recommendations.offers import check_text
from sandbox.demo.abroad import IN_DINARS, IN_YEN, REVERSE_CHARGE, TAX_IN_PRICES
from sandbox.demo.accounts import ACME
from sandbox.demo.cases import conversations
from sandbox.demo.events import COLUMNS
from sandbox.demo.generate import generate
from sandbox.demo.newcomer import NEWCOMER
from sandbox.demo.period_bills import METERED
from sandbox.idp.companies import GLOBEX, HARROW
from tests.conftest import TODAY
from tracking.models import Event, EventName, UsageDaily

# First and last days of months, quarters and years, and a day that most years lack.
ODD_DAYS = [date(2027, 1, 1), date(2028, 2, 29), date(2026, 10, 2)]


@pytest.fixture(scope="module")
def demo():
    return generate(today=TODAY)


@pytest.fixture(scope="module", params=[TODAY, *ODD_DAYS], ids=str)
def any_demo(request):
    return generate(today=request.param)


@pytest.fixture
def world(demo):
    return demo.world


def events_of(world):
    return [dict(zip(COLUMNS, values, strict=True)) for values in world.tables[Event][1]]


def usage_of(world):
    return world.tables[UsageDaily][1]


def by(rows, key):
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def customer_named(demo, name):
    return next(customer for customer in demo.customers if customer.name == name)


def test_the_same_seed_and_day_give_the_same_rows_in_another_process(world):
    code = (
        "import django; django.setup()\n"
        "from datetime import date\n"
        "from sandbox.demo.generate import generate\n"
        f"print(generate(today=date.fromisoformat('{TODAY}')).world.digest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == world.digest()


def test_another_seed_gives_another_history(world):
    assert generate(seed=2, today=TODAY).world.digest() != world.digest()


def test_another_day_moves_the_history_along(demo):
    later = generate(today=TODAY + timedelta(days=7))
    assert later.world.digest() != demo.world.digest()
    ends = [
        next(row.end_date for row in one.world.rows(Contract) if row.status == ContractStatus.ACTIVE)
        for one in (demo, later)
    ]
    assert ends[1] - ends[0] == timedelta(days=7)


def test_it_is_the_company_that_was_asked_for(world):
    accounts = world.rows(Account)
    assert 42 <= len(accounts) <= 50
    assert len({account.industry for account in accounts}) == 6
    assert len({account.lifecycle_stage for account in accounts}) == 5
    assert len({account.tier_id for account in accounts}) == 4
    people = by(world.rows(Membership), lambda member: member.account_id)
    assert all(2 <= len(members) <= 16 or account == len(accounts) for account, members in people.items())
    assert len(people) == len(accounts)


def test_the_demo_people_have_their_roles_and_nobody_else_has_a_password(demo):
    world = demo.world
    roles = {
        (member.user.email, member.account.name): set(member.roles)
        for member in world.rows(Membership)
        if member.user.is_demo
    }
    assert roles == {
        ("admin@acme.example", ACME): {"administrator"},
        ("member@acme.example", ACME): {"support", "viewer"},
        ("viewer@acme.example", ACME): {"viewer"},
        ("admin@acme.example", "Acme Freight Polska Sp. z o.o."): {"viewer"},
        ("admin@globex.example", "Globex Retail Ltd"): {"administrator"},
        ("admin@nordwind.example", NEWCOMER): {"administrator"},
    }
    groups = {
        user.email: group.value for group, people in demo.company.staff.items() for user in people if user.is_demo
    }
    assert groups == {
        "support@vendor.example": "Support agent",
        "manager@vendor.example": "Revenue manager",
        "hanna@vendor.example": "Customer success",
        "ines@vendor.example": "Finance",
        "priya@vendor.example": "System administrator",
    }
    assert all(not user.has_usable_password() for user in world.rows(User) if not user.is_demo)


def test_every_address_belongs_to_nobody_real(world):
    assert all(user.email.endswith(".example") for user in world.rows(User))
    assert all(account.website.endswith(".example") for account in world.rows(Account))
    assert len({user.email for user in world.rows(User)}) == len(world.rows(User))


def test_acme_uses_46_of_50_seats_and_its_notice_date_is_near(demo):
    acme = customer_named(demo, ACME)
    owned = demo.books.terms[ACME][-1].owned_on(TODAY)
    assert (owned["team"].quantity, owned["storage_pack"].quantity) == (50, 1)
    last = {meter: quantity for account, meter, _day, quantity in usage_of(demo.world) if account == acme.account.pk}
    assert last["seats"] == 46
    contract = demo.books.terms[ACME][-1].contract
    assert contract.notice_date - TODAY == timedelta(days=33)
    assert len([case for case in demo.world.rows(Case) if case.account is acme.account and case.is_open]) == 5


def test_nothing_happens_in_the_future(any_demo):
    world = any_demo.world
    now = world.calendar.now
    past = [
        (Case, ("created_at", "updated_at", "first_reply_at", "resolved_at")),
        (CaseMessage, ("created_at",)),
        (Contract, ("created_at",)),
        (Deal, ("created_at", "closed_at")),
        (Deflection, ("created_at",)),
        (Invoice, ("paid_at",)),
        (Order, ("placed_at",)),
        (Quote, ("created_at", "accepted_at")),
        (Article, ("published_at", "updated_at")),
        (ArticleVersion, ("created_at",)),
        (Account, ("created_at", "first_login_at")),
    ]
    for model, names in past:
        times = [getattr(row, name) for row in world.rows(model) for name in names]
        assert max(at for at in times if at is not None) < now, model
    assert max(event["occurred_at"] for event in events_of(world)) < now
    assert max(day for _account, _meter, day, _quantity in usage_of(world)) < world.calendar.today


def test_the_history_covers_two_years_and_the_portal_the_second(any_demo):
    world = any_demo.world
    days = {day for _account, _meter, day, _quantity in usage_of(world)}
    assert min(days) == world.calendar.start_date
    assert (world.calendar.today - world.calendar.start_date).days >= 730
    first = min(event["occurred_at"] for event in events_of(world)).date()
    assert world.calendar.go_live_date <= first
    assert not [quote for quote in world.rows(Quote) if quote.created_at.date() < world.calendar.go_live_date]
    assert not [one for one in world.rows(Deflection) if one.created_at.date() < world.calendar.go_live_date]


def test_nobody_visits_before_their_company_first_signed_in(any_demo):
    world = any_demo.world
    first = {account.pk: account.first_login_at for account in world.rows(Account)}
    for event in events_of(world):
        assert event["occurred_at"] >= first[event["account_id"]]


def test_every_invoice_is_the_sum_of_its_lines_and_the_bill_of_its_order(any_demo):
    world = any_demo.world
    lines = by(world.rows(InvoiceLine), lambda line: line.invoice_id)
    for invoice in world.rows(Invoice):
        own = lines[invoice.pk]
        assert invoice.subtotal_minor == sum(line.total_minor for line in own)
        assert invoice.tax_minor == sum(line.tax_minor for line in own)
        assert invoice.total_minor == invoice.subtotal_minor + invoice.tax_minor > 0
        assert invoice.order is None or invoice.total_minor == invoice.order.total_minor


def test_who_pays_by_period_has_every_day_of_it_billed_once_and_its_use_with_a_minimum(any_demo):
    world = any_demo.world
    assert any(period.outcome == "ordered" for period in world.rows(BillingPeriod))
    for periods in by(world.rows(BillingPeriod), lambda one: (one.contract_id, one.kind)).values():
        days = [(one.start_date, one.end_date) for one in periods]
        assert all(one[1] == following[0] for one, following in pairwise(days))
        assert all((one.invoice is not None) is (one.outcome == "billed") for one in periods)
    assert any(charge.amount_minor > charge.spent_minor for charge in world.rows(UsageCharge))
    assert any(charge.spent_minor for charge in world.rows(UsageCharge))


def test_invoices_are_numbered_in_order_without_a_gap(any_demo):
    invoices = sorted(any_demo.world.rows(Invoice), key=lambda invoice: invoice.number)
    assert [invoice.number for invoice in invoices] == [f"MW-{number:05d}" for number in range(1, len(invoices) + 1)]
    assert [invoice.issue_date for invoice in invoices] == sorted(invoice.issue_date for invoice in invoices)
    assert any_demo.world.rows(InvoiceSeries)[0].next_number == len(invoices) + 1


def test_entitlements_are_what_the_ledger_sums_up_to_on_every_day_it_changes(any_demo):
    world, company = any_demo.world, any_demo.company
    granted = by(world.rows(Entitlement), lambda row: row.source)
    deltas = by(world.rows(SubscriptionDelta), lambda delta: delta.subscription)
    assert granted.keys() <= {f"subscription:{subscription.pk}" for subscription in deltas}
    for subscription, entries in deltas.items():
        for day in {delta.effective_date for delta in entries}:
            owned = sum((delta.quantity for delta in entries if delta.effective_date <= day), Decimal(0))
            assert owned >= 0
            expected = {
                (one.code, one.quantity) for one in grants_for(company.grants[subscription.product.code], owned)
            }
            rows = [
                (row.code, row.quantity)
                for row in granted[f"subscription:{subscription.pk}"]
                if row.start_date <= day < row.end_date
            ]
            assert set(rows) == expected
            assert len(rows) == len(expected)


def test_a_swapped_plan_leaves_one_plan(any_demo):
    for terms in any_demo.books.terms.values():
        for term in terms:
            plans = [line for line in term.owned_on(term.contract.last_date).values() if line.product.kind == "plan"]
            assert len(plans) == 1


def test_some_customers_changed_to_a_higher_plan(world):
    assert DeltaKind.SWAP_IN in {delta.kind for delta in world.rows(SubscriptionDelta)}


def test_a_customer_has_one_contract_at_a_time_and_renewals_follow_without_a_gap(any_demo):
    today = any_demo.world.calendar.today
    for customer in any_demo.customers:
        contracts = [term.contract for term in any_demo.books.terms[customer.name]]
        assert [one.end_date for one in contracts[:-1]] == [one.start_date for one in contracts[1:]]
        running = [one for one in contracts if one.status == ContractStatus.ACTIVE]
        if customer.account.is_active:
            assert [one.start_date <= today < one.end_date for one in running] == [True]
        else:
            assert running == []


def test_an_ordered_quote_was_accepted_as_shown_and_charged_as_shown(world):
    orders = {order.quote_id: order for order in world.rows(Order) if order.quote_id}
    ordered = [quote for quote in world.rows(Quote) if quote.status == QuoteStatus.ORDERED]
    assert len(ordered) >= 10
    for quote in ordered:
        assert quote.accepted_hash == quote.price_hash
        assert orders[quote.pk].total_minor == quote.total_minor
        assert quote.created_at < quote.accepted_at < quote.expires_at
    assert {quote.pk for quote in ordered} == orders.keys()


def test_customers_abroad_pay_as_their_country_says(any_demo):
    world = any_demo.world
    invoices = by(world.rows(Invoice), lambda invoice: invoice.account.name)
    assert {row.currency for row in invoices[IN_YEN]} == {"JPY"}
    assert {row.currency for row in invoices[IN_DINARS]} == {"KWD"}
    assert all(row.tax_minor == 0 for row in invoices[REVERSE_CHARGE])
    lines = by(world.rows(InvoiceLine), lambda line: line.account.name)
    assert all("Reverse charge" in line.explanation for line in lines[REVERSE_CHARGE])
    # 25 of 125: the tax is in the price.
    assert all(abs(line.tax_minor * 4 - line.total_minor) <= 4 for line in lines[TAX_IN_PRICES])


def test_the_running_quarter_has_deals_won_with_the_portal_and_without_it(demo):
    world = demo.world
    quarter = world.calendar.quarter_date
    won = [deal for deal in world.rows(Deal) if deal.stage == DealStage.WON and deal.closed_at.date() >= quarter]
    assert len(won) >= 8
    touched = {
        deal.pk
        for deal in won
        for event in events_of(world)
        if event["account_id"] == deal.account_id
        and deal.closed_at - timedelta(days=90) <= event["occurred_at"] < deal.closed_at
        and event["name"] in (EventName.PLANS_VIEWED, EventName.QUOTE_CREATED, EventName.CONTRACT_VIEWED)
    }
    assert 3 <= len(touched) < len(won)
    assert {deal.source for deal in won} == {"portal", "representative"}


def test_companies_in_the_portal_ask_less_buy_more_and_renew_earlier_than_before(demo):
    world = demo.world
    go_live = world.calendar.go_live_date
    active = {one.account.pk for one in demo.customers if one.profile.portal == "active"}
    veterans = {
        one.account.pk
        for one in demo.customers
        if one.account.pk in active and one.profile.joined_date < world.calendar.start_date
    }

    def counted(days):
        before = [day for day in days if world.calendar.start_date <= day < go_live]
        after = [day for day in days if day >= go_live + timedelta(days=150)]  # All of them have begun by then.
        return len(before) / 365, len(after) / (TODAY - go_live - timedelta(days=150)).days

    asked = counted([case.created_at.date() for case in world.rows(Case) if case.account_id in veterans])
    assert asked[1] < asked[0] * 0.8
    grown = counted(
        [
            deal.closed_at.date()
            for deal in world.rows(Deal)
            if deal.account_id in active
            and deal.stage == DealStage.WON
            and deal.type in (DealType.EXPANSION, DealType.CROSS_SELL)
        ]
    )
    assert grown[1] > grown[0] * 1.3
    renewed = [
        (term.contract.signed_date >= go_live, (term.contract.start_date - term.contract.signed_date).days)
        for customer in demo.customers
        for term in demo.books.terms[customer.name][1:]
        if customer.profile.portal == "active"
    ]
    assert median(lead for after, lead in renewed if after) > median(lead for after, lead in renewed if not after) + 10


def test_some_renewals_are_lost_and_those_customers_are_gone(world):
    lost = [deal for deal in world.rows(Deal) if deal.type == DealType.RENEWAL and deal.stage == DealStage.LOST]
    gone = [account for account in world.rows(Account) if not account.is_active]
    assert {deal.account_id for deal in lost} == {account.pk for account in gone}
    assert len(gone) == 4


def test_use_never_goes_beyond_what_the_limits_let_through(demo):
    world = demo.world
    limits = by(world.rows(Entitlement), lambda row: (row.account_id, row.code))
    paying = next(account.pk for account in world.rows(Account) if account.name == METERED)  # By use, above its limit.
    month = defaultdict(Decimal)
    for account_id, meter, day, quantity in usage_of(world):
        limit = sum(row.quantity for row in limits[account_id, meter] if row.start_date <= day < row.end_date)
        assert quantity >= 0
        if meter == "seats":
            assert quantity <= limit
        elif meter == "storage_gb":
            assert quantity <= float(limit) * 1.05 + 0.1
        else:
            if (account_id, meter) == (paying, "api_calls"):
                continue
            month[account_id, meter, day.replace(day=1)] += quantity
            assert month[account_id, meter, day.replace(day=1)] <= limit * Decimal("1.05")


def test_weekends_are_quieter(world):
    calls = [(day.weekday() > 4, quantity) for _a, meter, day, quantity in usage_of(world) if meter == "api_calls"]
    weekend = [quantity for is_weekend, quantity in calls if is_weekend]
    week = [quantity for is_weekend, quantity in calls if not is_weekend]
    assert sum(weekend) / len(weekend) < 0.5 * sum(week) / len(week)


def test_cases_read_like_conversations(world):
    assert len(conversations()) >= 60
    messages = by(world.rows(CaseMessage), lambda message: message.case_id)
    for case in world.rows(Case):
        said = sorted(messages[case.pk], key=lambda message: message.created_at)
        assert said[0].author_id == case.opened_by_id
        assert not said[0].is_from_staff
        assert said[0].created_at == case.created_at
        assert case.created_at <= case.updated_at
        assert not any("{" in text for text in [case.subject, *(message.body for message in said)])
    assert len(world.rows(CaseMessage)) > 3 * len(world.rows(Case))


def test_a_company_does_not_ask_the_same_again_soon(demo):
    acme = [case.subject for case in demo.world.rows(Case) if case.account.name == ACME]
    assert len(acme) >= 15
    assert len(set(acme)) == len(acme)


def test_whoever_found_help_in_an_article_may_read_it(world):
    members = {(member.account_id, member.user_id): member for member in world.rows(Membership)}
    assert len(world.rows(Deflection)) > 50
    for one in world.rows(Deflection):
        article, member = one.article, members[one.account_id, one.user_id]
        assert article.visibility != "internal"
        assert not article.tiers or member.account.tier.code in article.tiers
        assert not article.roles or set(article.roles) & set(member.roles)
        assert article.published_at < one.created_at


def test_each_article_keeps_its_versions_and_the_last_is_what_readers_see(world):
    versions = by(world.rows(ArticleVersion), lambda version: version.article)
    assert len(world.rows(Article)) >= 60
    for article in world.rows(Article):
        own = versions[article]
        assert [version.number for version in own] == list(range(1, article.version + 1))
        assert own[-1].body == article.body
        assert len({version.body for version in own}) == len(own)


def test_each_industry_stage_and_high_tier_sees_a_piece_of_its_own(world):
    blocks = world.rows(ContentBlock)
    for name, own in (("industries", "industry"), ("stages", "lifecycle_stage")):
        for value in {getattr(account, own) for account in world.rows(Account)}:
            assert [block for block in blocks if getattr(block, name) == [value]], value
    articles = {article.get_absolute_url() for article in world.rows(Article) if article.visibility != "internal"}
    links = {block.link_url for block in blocks}
    assert {link for link in links if link.startswith("/help/")} <= articles


def test_offers_name_only_figures_that_there_are(world):
    for offer in world.rows(Offer):
        check_text(offer.headline, meter=offer.meter)
        check_text(offer.reason, meter=offer.meter)


def test_every_time_is_a_time_with_a_zone(world):
    for model in world.models():
        for row in world.rows(model):
            for value in vars(row).values():
                assert not isinstance(value, datetime) or value.tzinfo is not None, (model, row)


def test_companies_with_an_identity_provider_have_bought_single_sign_on(any_demo):
    world = any_demo.world
    today = world.calendar.today
    for company in (GLOBEX, HARROW):
        account = next(one for one in world.rows(Account) if one.public_id == company.public_id)
        assert account.website == f"https://www.{company.domain}"
        grants = [one for one in world.rows(Entitlement) if one.account == account and one.code == "sso"]
        assert any(one.start_date <= today < one.end_date for one in grants)
        known = {member.user.email for member in world.rows(Membership) if member.account == account}
        assert known & {person["email"] for person in company.people}


def test_everybody_who_can_sign_in_has_accepted_the_terms(any_demo):
    world = any_demo.world
    accepted = {row.user_id for row in world.rows(TermsAcceptance)}
    assert {member.user_id for member in world.rows(Membership)} <= accepted
    assert all(row.user.created_at <= row.accepted_at <= world.calendar.now for row in world.rows(TermsAcceptance))


def test_one_company_has_just_begun_and_has_set_up_nothing(any_demo):
    world = any_demo.world
    newcomer = customer_named(any_demo, NEWCOMER)
    account, (member,) = newcomer.account, newcomer.members
    assert account.first_login_at.date() == member.created_at.date() == world.calendar.yesterday
    assert not account.billing_email
    assert account.brand.name == "Fieldline"
    (claim,) = [one for one in world.rows(Invitation) if one.account is account]
    assert (claim.is_claim, claim.accepted_at) == (True, member.created_at)
    assert [event["name"] for event in events_of(world) if event["account_id"] == account.pk] == ["login"]
    for model in (Case, Domain, HomeLayout, SecurityPolicy):
        assert not [row for row in world.rows(model) if row.account is account], model


def test_one_company_s_address_for_invoices_takes_no_mail(any_demo):
    refusing = [account for account in any_demo.world.rows(Account) if account.billing_mail_problem]
    assert [(account.name, account.unreachable_reason) for account in refusing] == [("Globex Retail Ltd", "hard")]


def test_the_brands_are_fit_to_be_seen(world):
    brands = world.rows(Brand)
    assert [brand.is_default for brand in brands] == [True, False]
    for brand in brands:
        brand.clean()
    for logo in (brands[1].logo_light, brands[1].logo_dark):
        assert drawn_anew(logo).startswith(b"\x89PNG")


def test_nobody_with_a_demo_password_needs_more_to_sign_in(any_demo):
    world = any_demo.world
    strict = {policy.account_id for policy in world.rows(SecurityPolicy) if policy.mfa_required}
    assert strict
    assert not [one for one in world.rows(Membership) if one.user.is_demo and one.account_id in strict]


def test_a_parent_sees_the_subsidiaries_that_are_open_to_it(demo):
    acme = customer_named(demo, ACME).account
    below = {one.name: one.is_open_to_parent for one in demo.world.rows(Account) if one.parent is acme}
    assert sorted(below.values()) == [False, True, True]


def test_a_directory_gives_its_people_the_roles_that_they_have(demo):
    world = demo.world
    places = world.rows(ScimGroupMember)
    assert len(places) == len(world.rows(ScimUser)) > 1
    assert all(set(place.membership.roles) <= set(place.group.roles) for place in places)


def test_somebody_waits_for_a_summary_and_somebody_for_a_decision(demo):
    bells = by(demo.world.rows(Notification), lambda one: one.kind)
    assert all(one.waits_for_digest for one in bells["case_shared"])
    assert {one.user.email for one in bells["approval_requested"]} >= {"admin@acme.example"}
    assert {one.user.email for one in bells["join_requested"]} == {"admin@acme.example", "admin@globex.example"}


def test_nobody_who_signs_in_to_a_settled_company_finds_an_empty_bell(any_demo):
    world = any_demo.world
    told = {(one.user_id, one.account_id) for one in world.rows(Notification)}
    homes = {"admin@acme.example": ACME, "member@acme.example": ACME, "viewer@acme.example": ACME}
    homes["admin@globex.example"] = "Globex Retail Ltd"
    people = {(member.user.email, member.account.name): member for member in world.rows(Membership)}
    for place in homes.items():
        assert (people[place].user_id, people[place].account_id) in told, place
