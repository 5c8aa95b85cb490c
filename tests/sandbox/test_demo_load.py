"""The demo company in the database, as the portal's own code sees it."""

from dataclasses import replace

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone

from accounts.duplicates import candidates
from accounts.models import Account, Domain, Entitlements, Erasure, IdentityProvider, Membership, PersonMerge, User
from accounts.permissions import StaffGroup
from cases.models import Case, CaseMessage
from commerce.configuring.configuring import NotSellable, RuleBroken, configure
from commerce.configuring.situations import Configuration, situation_of
from commerce.contracts.contracts import overview
from commerce.models import (
    BundleOption,
    ConfigurationRule,
    Contract,
    FeatureGroup,
    Invoice,
    Order,
    Product,
    Quote,
    QuoteApproval,
    QuoteRequest,
    QuoteRequestStatus,
    QuoteStatus,
    SavedConfiguration,
)
from commerce.models.bundles import RuleKind
from crm.models import OutboxRow
from knowledge.models import Article, ArticleVote
from portal.first_steps import checklist_for, meets_first_steps
from sandbox.demo.__main__ import main
from sandbox.demo.accounts import ACME
from sandbox.demo.bundles import BY_USE, SHEETS, SUITE
from sandbox.demo.generate import generate
from sandbox.demo.load import PASSWORD, DatabaseInUse, go_on, join_groups, load, seed
from sandbox.demo.newcomer import NEWCOMER
from sandbox.demo.sso import connect
from sandbox.idp.companies import GLOBEX, HARROW, of_globex, of_harrow
from sandbox.processes import free_port
from tests.conftest import TODAY
from tests.factories import make_account, make_default_approval_rules
from tracking.models import Event, Meter, UsageDaily
from tracking.services import usage_to_date

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo():
    """Loaded, without what the CRM is told afterwards."""
    make_default_approval_rules()
    demo = generate(today=TODAY)
    load(demo.world)
    join_groups(demo)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # Every reference must lead somewhere, now and not at the end.
    return demo


def test_the_loaded_company_is_what_the_portal_reads(demo):
    world = demo.world
    for model in (Account, Membership, Contract, Quote, Order, Invoice, Case, CaseMessage, Article):
        assert model.objects.count() == len(world.rows(model))
    for model in (UsageDaily, Event):
        assert model.objects.count() == len(world.tables[model][1])

    acme = Account.objects.get(name=ACME)
    shown = overview(acme, TODAY)
    assert (shown.plan.product.code, shown.plan.quantity) == ("team", 50)
    assert shown.next_step.kind == "notice"
    limits = Entitlements.of(acme, today=TODAY)
    assert limits.limit(Meter.SEATS) == 50
    assert usage_to_date(account_id=acme.pk, today=TODAY)[Meter.SEATS] == 46
    # The upgrade of the journey can be priced.
    priced = configure(acme, Configuration("business", 60, {"sso": 1}), TODAY)
    assert priced.due_now_minor > 0

    # Loading is no news to the CRM.
    assert not OutboxRow.objects.exists()

    # Numbers go on where the history ends.
    last = max(case.serial for case in world.rows(Case))
    opened = Case.objects.create(account=acme, opened_by=world.rows(User)[-1], subject="Next")
    opened.refresh_from_db()
    assert opened.serial > last
    assert opened.pk > max(case.pk for case in world.rows(Case))
    with connection.cursor() as cursor:
        cursor.execute("SELECT commerce_next_invoice_number(%s)", [world.rows(Invoice)[0].legal_entity])
        assert cursor.fetchone()[0] == f"MW-{len(world.rows(Invoice)) + 1:05d}"

    # Votes were summed by the database.
    assert (
        sum(Article.objects.values_list("helpful_votes", flat=True))
        == ArticleVote.objects.filter(is_helpful=True).count()
    )

    # Only the nine can sign in, and staff is in its groups.
    able = {user.email for user in User.objects.all() if user.has_usable_password()}
    assert able == {
        "admin@acme.example",
        "member@acme.example",
        "viewer@acme.example",
        "admin@globex.example",
        "admin@nordwind.example",
        "support@vendor.example",
        "manager@vendor.example",
        "hanna@vendor.example",
        "ines@vendor.example",
        "priya@vendor.example",
    }
    assert all(user.check_password(PASSWORD) for user in User.objects.filter(is_demo=True))
    groups = set(User.objects.filter(is_staff=True).values_list("groups__name", flat=True))
    assert groups == {group.value for group in StaffGroup}


def test_the_suite_and_its_rules_can_be_tried_out(demo):
    for model in (Product, FeatureGroup, BundleOption, ConfigurationRule):
        for row in model.objects.all():
            row.full_clean()
    assert set(ConfigurationRule.objects.values_list("kind", flat=True)) == set(RuleKind.values)
    languages = {code for code, _name in settings.LANGUAGES} - {"en"}
    assert all({text.language for text in rule.texts.all()} == languages for rule in ConfigurationRule.objects.all())

    acme = Account.objects.get(name=ACME)
    with pytest.raises(RuleBroken, match="Insight"):
        configure(acme, Configuration("team", 50, {SUITE: 1}), TODAY)
    priced = configure(acme, Configuration("team", 50, {SUITE: 1, "analytics": 1, BY_USE: 1}), TODAY)
    costs = {line.product_code: line.net_minor for line in priced.lines}
    assert costs["route_planner"] == costs["analytics"] == 0 < costs[SUITE]
    with pytest.raises(RuleBroken, match="job history"):
        configure(acme, Configuration("team", 50, {"ai_assist": 1}), TODAY)
    globex = Account.objects.get(name="Globex Retail Ltd")
    with pytest.raises(NotSellable, match="crews on the road"):
        configure(globex, replace(situation_of(globex, TODAY).current, addons={SUITE: 1}), TODAY)
    assert Product.objects.get(code=SHEETS).successor.code == "route_planner"


def test_everybody_comes_in_and_what_fills_pages_is_there(demo, client):
    go_on(demo)
    (erasure,) = Erasure.objects.all()
    assert (erasure.state, erasure.user.name) == (Erasure.State.DONE, "Former member")
    assert {line["is_kept"] for line in erasure.receipt} == {True, False}

    (merge,) = PersonMerge.objects.all()
    assert (merge.survivor.email, merge.merged.is_active) == ("jens.petersen@acme.example", False)

    alike = {frozenset((one.first.email, one.second.email)) for one in candidates()}
    assert frozenset(("member@acme.example", "milo.brandt@acme-logistics.example")) in alike

    # Quotes of every kind, but for the moment in which one is submitted.
    acme = Quote.objects.filter(account__name=ACME)
    ends = {"accepted"}  # An order that waits for its money is Globex's: it would stand in the way of Acme's others.
    assert set(acme.values_list("status", flat=True)) == set(QuoteStatus) - {QuoteStatus.SUBMITTED} - ends
    assert Quote.objects.filter(account__name="Globex Retail Ltd", status=QuoteStatus.ACCEPTED).count() == 1
    open_ones = [quote for quote in acme.select_related("contract") if quote.status_choice.is_open]
    offered = [quote for quote in open_ones if not quote.is_outdated(TODAY)]
    assert {quote.is_by_staff for quote in offered} == {True, False}  # To be accepted, and one to be refreshed.
    assert len(offered) < len(open_ones) < 2 * len(offered), (len(offered), len(open_ones))
    waiting = QuoteApproval.objects.waiting()
    assert waiting.filter(escalated_at__isnull=False).exists()
    assert waiting.values("quote", "position").annotate(asked=Count("pk")).filter(asked__gt=1).exists()
    assert SavedConfiguration.objects.named().count() == 3
    assert SavedConfiguration.objects.abandoned().count() == 5
    assert set(QuoteRequest.objects.values_list("status", flat=True)) == set(QuoteRequestStatus)

    now = timezone.now()
    for membership in Membership.objects.filter(user__is_demo=True).select_related("account", "user"):
        assert meets_first_steps(membership, now) == (membership.account.name == NEWCOMER)
    lines = checklist_for(Membership.objects.select_related("account", "user").get(account__name=NEWCOMER)).lines
    assert [is_done for _step, is_done in lines] == [False] * 4

    for email in ("admin@acme.example", "viewer@acme.example", "admin@globex.example", "admin@nordwind.example"):
        client.post(reverse("account_login"), {"login": email, "password": PASSWORD})
        assert client.get(reverse("home")).status_code == 200, email
        client.logout()


def test_a_database_with_customers_is_left_alone(capsys, settings):
    make_account("Somebody GmbH")
    with pytest.raises(DatabaseInUse):
        seed(seed=1, today=TODAY)
    settings.PORTAL_DEMO = True
    assert main(["--if-empty"]) == 0
    assert main([]) == 1
    assert "The database has customers already" in capsys.readouterr().out
    assert Account.objects.count() == 1


def test_demo_people_are_refused_where_the_demo_is_off(capsys, settings):
    settings.PORTAL_DEMO = False
    assert main([]) == 1
    assert "PORTAL_DEMO=1" in capsys.readouterr().out
    assert not User.objects.exists()


@pytest.mark.parametrize(("company", "protocol"), [(GLOBEX, "oidc"), (HARROW, "saml")])
def test_two_companies_sign_in_by_the_identity_providers_beside_the_portal(tmp_path, settings, company, protocol):
    settings.OUTBOUND_LOOPBACK = True
    for name, known in (("Globex Retail Ltd", GLOBEX), ("Harrow & Finch plc", HARROW)):
        make_account(name, public_id=known.public_id)
    with (
        of_globex(tmp_path / "oidc", port=free_port(), log=tmp_path / "log", portal_url="http://x.localhost") as oidc,
        of_harrow(tmp_path / "saml", port=free_port(), log=tmp_path / "log", portal_url="http://x.localhost") as saml,
    ):
        connect(oidc_url=oidc.url, saml_url=saml.url, now=timezone.now())
        provider = IdentityProvider.objects.get(account__public_id=company.public_id)
        assert (provider.protocol, provider.is_active, provider.is_enforced) == (protocol, True, False)
        assert Domain.objects.verified().get(account=provider.account).name == company.domain
        # What their administrator changes is kept.
        IdentityProvider.objects.update(role_map={})
        connect(oidc_url=oidc.url, saml_url=saml.url, now=timezone.now())
    provider.refresh_from_db()
    assert provider.role_map == {}
