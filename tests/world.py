"""Two companies with a row of every kind, and the vendor's people: what the walks and the browser go through."""

import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client, override_settings

from accounts import brands
from accounts.audit.collecting import collect
from accounts.audit.sealing import seal_finished_days
from accounts.imports import look_at
from accounts.intake import process_due, receive
from accounts.invitations import Invitee, invite
from accounts.joining import suggest
from accounts.law.gate import SESSION_TERMS
from accounts.law.terms import hash_of, publish
from accounts.models import (
    Account,
    Announcement,
    Brand,
    DataExport,
    Domain,
    Entitlement,
    Erasure,
    IdentityProvider,
    Invitation,
    JoinRequest,
    MemberImport,
    Membership,
    Notification,
    PersonMerge,
    ReportKind,
    RetentionRun,
    ScimGroup,
    ScimToken,
    SsoIdentity,
    StoredFile,
    Suspension,
    TermsAcceptance,
    TermsText,
    TermsVersion,
    User,
    Viewing,
)
from accounts.notifications.reports import note_report
from accounts.permissions import Role, StaffGroup
from accounts.scope import staff_scope
from cases.models import Case, CaseMessage, CaseRule, Sight
from cases.services import add_internal_note, close_case, open_case, reply_as_staff
from cases.visibility import add_rule, set_company_sight
from commerce.billing import refunds, settling
from commerce.billing.periods import note_billed_elsewhere
from commerce.configuring.situations import Configuration
from commerce.contracts.goals import GoalWords, agree
from commerce.contracts.papers import add_paper
from commerce.models import (
    Activity,
    ApprovalRule,
    AutoPay,
    BalanceEntry,
    BankStatement,
    BankTransfer,
    BillingPeriod,
    BooksCheck,
    BundleOption,
    ChangeKind,
    ChangeReason,
    ChangeStatus,
    Collection,
    ConfigurationRule,
    ConfigurationShare,
    Contract,
    ContractedPrice,
    ContractPaper,
    DatePolicy,
    DayTotal,
    Delegation,
    DiscountSchedule,
    Dunning,
    DunningPolicy,
    DunningStep,
    FeatureGroup,
    Goal,
    GoalMetric,
    Invoice,
    LicenceKey,
    Order,
    PaperKind,
    PaymentAttempt,
    PaymentState,
    PendingChange,
    PeriodClose,
    PriceRule,
    Product,
    ProductCost,
    ProductFile,
    ProductStep,
    ProvisioningStep,
    PurchaseApproval,
    Quote,
    QuoteRequest,
    QuoteRequestReason,
    Renewal,
    RenewalNotice,
    RenewalTerms,
    RetentionAnswer,
    RetentionOffer,
    SavedConfiguration,
    SelfServiceLimit,
    StoredCard,
    StripeCustomer,
    UsageCharge,
    WebhookEvent,
)
from commerce.orders import licences
from commerce.quotes.acceptance import accept_quote
from commerce.quotes.approvals import purchase
from commerce.quotes.limits import set_limits
from commerce.quotes.quote_requests import ask
from commerce.quotes.quoting import create_quote
from crm.models import Conflict, Cursor, Link, Pause
from knowledge.models import Article, Deflection
from knowledge.services import publish_article
from recommendations.models import ContentBlock, Offer
from tests.factories import confirm, make_account, make_article, make_catalogue, make_contract, make_member, make_staff
from tracking.actor import Actor
from tracking.models import Meter, UsageDaily
from tracking.services import record_usage

PEOPLE = {role.value: [role.value] for role in Role} | {"member": [Role.SUPPORT.value, Role.VIEWER.value]}
_COOKIES: dict[int, str] = {}
PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\n"


@dataclass
class Company:
    """One customer: its people by role, and a row of every kind."""

    account: Account
    people: dict[str, User]
    contract: Contract
    active_order: Order  # Paid and fulfilled.
    order: Order  # Waits for its payment.
    invoice: Invoice  # Of that order.
    attempt: PaymentAttempt  # To pay it, declined.
    step: ProvisioningStep  # Of the active order, done.
    licence: LicenceKey  # Of the active order.
    quote: Quote  # Open.
    case: Case  # Answered; with an attachment and an internal note.
    closed_case: Case
    message: CaseMessage
    file: StoredFile
    domain: Domain  # Not verified yet.
    verified_domain: Domain
    scim_token: ScimToken
    scim_group: ScimGroup  # Of its directory.
    identity_provider: IdentityProvider
    rule: CaseRule  # Of who sees which cases.
    notification: Notification  # That the order is active, to the administrator.
    invitation: Invitation  # Open.
    join_request: JoinRequest  # Open.
    approval: PurchaseApproval  # Waits: the buyer's purchase is above their limit.
    member_import: MemberImport  # Not confirmed yet.
    saved: SavedConfiguration  # Of the administrator.
    quote_request: QuoteRequest  # Open, of the buyer.
    data_export: DataExport | None = None
    paper: ContractPaper = field(init=False)  # About security.
    goal: Goal = field(init=False)
    card: StoredCard = field(init=False)
    dunning: Dunning = field(init=False)  # Over.
    transfer: BankTransfer = field(init=False)  # Waits for a person.
    texts: list[str] = field(default_factory=list)  # What nobody outside the company may ever read.

    @property
    def administrator(self) -> User:
        return self.people[Role.ADMINISTRATOR]


@dataclass
class World:
    now: datetime
    products: dict[str, Product]
    articles: dict[str, Article]  # By visibility.
    acme: Company
    globex: Company
    staff: dict[str, User]  # By group.
    superuser: User

    media: Path | None = None  # Where its files lie.

    @property
    def companies(self) -> tuple[Company, Company]:
        return self.acme, self.globex

    @property
    def everybody(self) -> list[User]:
        return [*self.acme.people.values(), *self.globex.people.values(), *self.staff.values(), self.superuser]


@contextmanager
def undone() -> Iterator[None]:
    """What the block does is taken back. Views that insist on being outermost are content with it, as in a test."""
    block = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


def check_rows() -> None:
    """Check the foreign keys of all that is written so far.

    Else each test checks them again at its end, as they wait for the end of a transaction that never comes.
    """
    connection.check_constraints()


def sign_in(people: Iterable[User]) -> None:
    """Once and for all: signing in writes, and the walk compares what was written."""
    for user in people:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        session = client.session
        session[SESSION_TERMS] = TermsVersion.objects.values_list("pk", flat=True).first()
        session.save()
        confirm(client, user, at=time.time() + 24 * 3600)  # Holds as long as the walk takes.
        _COOKIES[user.pk] = client.cookies[settings.SESSION_COOKIE_NAME].value


def session_of(user: User) -> str:
    """The cookie with which somebody has signed in."""
    return _COOKIES[user.pk]


def client_of(user: User | None, **options: Any) -> Client:
    """A client in which somebody has signed in; with None, nobody."""
    client = Client(**options)
    client.raise_request_exception = False
    if user is not None:
        client.cookies[settings.SESSION_COOKIE_NAME] = _COOKIES[user.pk]
    return client


@override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
def make_world(now: datetime) -> World:
    """Make it, as of `now`, in the open transaction."""
    today = now.astimezone(ZoneInfo("Europe/Berlin")).date()
    staff = {
        group.value: make_staff(f"{group.name.lower()}@vendor.example", f"{group.label} of Meridian", group=group.value)
        for group in StaffGroup
    }
    superuser = User.objects.create_superuser("root@vendor.example", "correct-horse-battery", name="Root")
    products = make_catalogue(valid_from=date(today.year - 3, 1, 1))
    PeriodClose.objects.create(legal_entity=settings.LEGAL_ENTITY, month=date(today.year - 3, 1, 1))
    BooksCheck.objects.create(
        currency="EUR", accounts=2, billed_minor=100, credited_minor=0, paid_minor=100, due_minor=0,
        written_off_minor=0, balance_minor=0, paid_back_minor=0,
    )  # fmt: skip
    articles = {
        "customer": make_article("Reset a forgotten password"),
        "public": make_article("See whether the service is up", visibility="public"),
        "segment": make_article("Plan a route for twenty vans", visibility="segment", tiers=["premier"]),
        "internal": make_article("Handle an angry caller", visibility="internal"),
    }
    Offer.objects.create(
        product=products["sso"], headline="Sign in once", reason="{used} of {limit} seats used", meter=Meter.SEATS
    )
    ContentBlock.objects.create(title="New this month", body="Plan routes on a map.", link_label="Read", link_url="/")
    WebhookEvent.objects.create(event_id="evt_1", type="payment_intent.succeeded", payload={"id": "evt_1"})
    _crm_rows(now)
    _mail_rows(now)
    _totals(now)
    publish_article(article=articles["customer"], author=superuser, now=now)
    agent, finance = staff[StaffGroup.SUPPORT_AGENT], staff[StaffGroup.FINANCE]

    def company(name: str, tier: str, domain: str, word: str) -> Company:
        return _company(
            name, tier=tier, domain=domain, word=word, products=products, articles=articles, agent=agent,
            finance=finance, now=now, today=today,
        )  # fmt: skip

    world = World(
        now=now,
        products=products,
        articles=articles,
        acme=company("Acme Logistics GmbH", "premier", "acme.example", "Hydrangea"),
        globex=company("Globex Retail Ltd", "growth", "globex.example", "Tamarind"),
        staff=staff,
        superuser=superuser,
    )
    _prices(world, today)
    _terms(world)
    _own_data(world)
    _merge(world)
    _vendor(world)
    _deal_desk(world)
    _audit_log(now)
    return world


def _prices(world: World, today: date) -> None:
    """What prices are made of beside the books, and bundles and rules: of other times, so that no figures change."""
    team = world.products["team"]
    DiscountSchedule.objects.create(name="Seats", tiers=[{"from": "1", "to": None, "percent": "5"}])
    ContractedPrice.objects.create(
        account=world.globex.account, product=team, currency="EUR", unit_price=9, valid_from=date(today.year - 2, 1, 1),
        valid_until=date(today.year - 1, 1, 1),
    )  # fmt: skip
    PriceRule.objects.create(order=1, name="Launch", discount_percent=5, is_active=False)
    ProductCost.objects.create(product=team, currency="EUR", cost=4, valid_from=date(today.year - 2, 1, 1))
    bundle = Product.objects.create(code="suite", name="Field suite", kind="addon", summary="Both.", lifecycle="draft")
    group = FeatureGroup.objects.create(bundle=bundle, name="Access")
    BundleOption.objects.create(group=group, product=world.products["sso"], is_included=True, max_quantity=1)
    ConfigurationRule.objects.create(order=1, name="Few seats", message="Fewer, please.", is_active=False)
    sheet = ProductFile(product=team, kind="document", title="Team in detail")
    sheet.keep(PDF, content_type="application/pdf", suffix=".pdf")
    sheet.save()
    agent = ProductFile(product=team, kind="download", title="Team agent")
    agent.keep(PDF, content_type="application/pdf", suffix=".pdf")
    agent.save()
    ProductStep.objects.create(product=world.products["enterprise"], name="Call your administrators")


def _terms(world: World) -> None:
    """Terms of service that everybody has accepted."""
    terms = TermsVersion.objects.create(version="2026-01", effective_at=world.now - timedelta(days=200))
    text = TermsText.objects.create(terms=terms, body="1. Be kind.\n\n2. Pay in time.")
    publish(terms=terms, by=world.superuser, now=world.now - timedelta(days=210))
    TermsAcceptance.objects.bulk_create(
        TermsAcceptance(
            terms=terms, user=user, language="en", text_hash=hash_of(text), accepted_at=world.now - timedelta(days=199)
        )
        for company in world.companies
        for user in company.people.values()
    )


def _merge(world: World) -> None:
    """Acme's administrator had a second entry once."""
    former = User.objects.create_user("ada@former.example", name="A former entry")
    PersonMerge.objects.create(
        merged=former,
        survivor=world.acme.administrator,
        address=former.email,
        made_by=world.staff[StaffGroup.CUSTOMER_SUCCESS],
        reason="One person, by phone.",
    )


def _vendor(world: World) -> None:
    """The vendor's name, and a visit in each company's place that is over."""
    Brand.objects.create(name="Meridian", legal_name="Meridian Works GmbH", is_default=True)
    cache.delete(brands.CACHE_KEY)
    Viewing.objects.bulk_create(
        Viewing(
            account=company.account, staff=world.staff[StaffGroup.SUPPORT_AGENT], person=company.administrator,
            reason="The totals look wrong.", started_at=world.now, expires_at=world.now, ended_at=world.now,
        )
        for company in world.companies
    )  # fmt: skip


def _deal_desk(world: World) -> None:
    """Approvals of quotes: a rule that asks nobody, and somebody who was away."""
    ApprovalRule.objects.create(name="Nobody asks", conditions=[], is_active=False)
    SelfServiceLimit.objects.create(limit_minor=10**9, currency="EUR")
    Delegation.objects.create(
        absentee=world.staff[StaffGroup.CUSTOMER_SUCCESS], stand_in=world.staff[StaffGroup.FINANCE],
        start_date=world.now.date() - timedelta(days=9), end_date=world.now.date() - timedelta(days=2),
    )  # fmt: skip


def _own_data(world: World) -> None:
    """A copy of each administrator's data, an erasure that was cancelled, and a run of retention."""
    for company in world.companies:
        company.data_export = DataExport(
            user=company.administrator, state=DataExport.State.READY, ready_at=world.now, size=5,
            expires_at=world.now + timedelta(days=7),
        )  # fmt: skip
        company.data_export.content.save("x.zip", ContentFile(b"PK\x05\x06" + bytes(18)))
        Erasure.objects.create(
            user=company.people["viewer"], due_at=world.now, ended_at=world.now, state=Erasure.State.CANCELLED
        )
    RetentionRun.objects.create(code="page-views", cutoff_at=world.now, removed=7)


def _audit_log(now: datetime) -> None:
    """What made the world stands in the log, and the day before is sealed."""
    while collect(now=now - timedelta(days=1)):
        pass
    seal_finished_days(now=now, key=Ed25519PrivateKey.generate())


def _totals(now: datetime) -> None:
    """A day that was not the same with us and at Stripe."""
    DayTotal.objects.create(
        day=now.date(), kind="payments", currency="EUR", ours_minor=0, theirs_minor=5_00, is_different=True,
        findings=[{"id": "pi_1", "finding": "only_at_stripe"}], checked_at=now,
    )  # fmt: skip


def _mail_rows(now: datetime) -> None:
    Announcement.objects.create(text="The portal has a bell now.", starts_at=now - timedelta(days=1))
    cache.delete("announcements")
    receive(mime=b"From: somebody@else.example\nSubject: Hello\n\nHello?", source="mail server", now=now)
    process_due(now=now)
    note_report(unique_id="1", kind=ReportKind.SOFT, email="somebody@else.example", detail="4.2.2 full", now=now)


def _crm_rows(now: datetime) -> None:
    Link.objects.create(object="Account", external_id=uuid.uuid4(), crm_id="001000000000001AAA")
    Cursor.objects.create(object="Account", read_until=now)
    Pause.objects.create(until=now, since=now, code="no_answer")
    Conflict.objects.create(object="Account", external_id=uuid.uuid4(), field="industry", winner="crm")


def _company(
    name: str,
    *,
    tier: str,
    domain: str,
    word: str,
    products: dict[str, Product],
    articles: dict[str, Article],
    agent: User,
    finance: User,
    now: datetime,
    today: date,
) -> Company:
    account = make_account(name, tier=tier, owner=agent, sales_contact=finance, billing_email=f"billing@{domain}")
    people = {
        key: make_member(account, f"{key}@{domain}", f"{word} {key.title()}", roles=roles)
        for key, roles in PEOPLE.items()
    }
    # Seen just now: a request in a test notes no visit.
    Membership.objects.for_account(account).update(last_seen_at=now)
    Membership.objects.for_account(account).filter(user=people["viewer"]).update(department=f"{word} yard")
    administrator = people[Role.ADMINISTRATOR]
    contract = make_contract(account, products, start=_first_of_month(today, months_ago=8))
    _use(account, contract, today)
    note_billed_elsewhere(contracts=[contract], until=contract.start_date, now=now)
    _billed_use(contract)
    active_order = _order(administrator, Configuration(plan="team", seats=55), now=now - timedelta(days=40))
    with staff_scope(Actor.staff(finance.pk)):
        settling.record_bank_transfer(order=active_order, actor=Actor.staff(finance.pk), now=now - timedelta(days=39))
    _pay_back(active_order.invoice, finance, now=now)
    step, licence = _set_up(active_order, now=now - timedelta(days=38))
    approval = _approval(people["buyer"], now=now - timedelta(days=2))
    order = _order(administrator, Configuration(plan="team", seats=60), now=now - timedelta(days=1))
    quote = _quote(administrator, Configuration(plan="business", seats=60, addons={"sso": 1}), now=now)
    case, message, stored = _answered_case(people, word=word, agent=agent, now=now)
    closed_case = _open_case(people["support"], f"{word} export is slow", now=now - timedelta(days=9))
    close_case(case=closed_case, now=now - timedelta(days=8))
    Deflection.objects.create(
        account=account, user=administrator, article=articles["customer"], subject=word, form_key=uuid.uuid4()
    )
    Activity.objects.create(
        account=account, deal=quote.deal, kind="call", subject=f"{word} call", occurred_at=now - timedelta(days=3)
    )
    set_company_sight(account=account, sight=Sight.COMPANY)
    made = Company(
        account=account,
        people=people,
        contract=contract,
        active_order=Order.objects.get(pk=active_order.pk),
        order=order,
        invoice=order.invoice,
        attempt=_declined(order.invoice, administrator, now=now),
        step=step,
        licence=licence,
        quote=quote,
        case=Case.objects.get(pk=case.pk),
        closed_case=Case.objects.get(pk=closed_case.pk),
        message=message,
        file=stored,
        invitation=_invitation(administrator, f"{word.lower()}.invited@{domain}", now=now),
        join_request=_join_request(account, f"{word.lower()}.asking@{domain}", now=now),
        member_import=look_at(
            account=account,
            content=f"email\n{word.lower()}.filed@{domain}".encode(),
            file_name=f"{word}.csv",
            user=administrator,
            now=now,
        ),
        saved=SavedConfiguration.objects.create(
            account=account,
            contract=contract,
            created_by=administrator,
            name=f"{word} plan",
            currency="EUR",
            configuration=Configuration(plan="business", seats=70).as_json(),
            created_at=now,
            updated_at=now,
        ),
        quote_request=ask(
            account=account,
            user=people["buyer"],
            actor=people["buyer"].membership.actor(),
            reason=QuoteRequestReason.QUANTITY,
            configuration={},
            summary=f"{word}, 9,000 seats",
            message=word,
            form_key=uuid.uuid4(),
            now=now,
        ),
        domain=Domain.objects.create(account=account, name=f"{word.lower()}.example"),
        verified_domain=Domain.objects.create(account=account, name=domain, verified_at=now, verified_how="staff"),
        scim_token=_token(account, now),
        scim_group=ScimGroup.objects.create(account=account, display_name=f"{word} buyers"),
        approval=approval,
        identity_provider=_identity_provider(administrator, word),
        rule=add_rule(account=account, role=Role.VIEWER, of_department=f"{word} yard"),
        notification=Notification.objects.get(user=administrator, kind="order_confirmed"),
    )
    ConfigurationShare.objects.bulk_create(
        ConfigurationShare(account=account, configuration=made.saved, user=people[role], shared_at=now)
        for role in (Role.BUYER, Role.APPROVER, Role.BILLING)
    )
    _undecided(contract, administrator, now)
    _renewing(contract, now)
    _papers_and_goals(made, finance, now=now)
    _was_late(made, now)
    _keeps_a_card(made, now)
    made.texts = list(_texts(made, word, domain))
    return made


def _set_up(order: Order, *, now: datetime) -> tuple[ProvisioningStep, LicenceKey]:
    """What it bought was set up, in one step that made a key."""
    line = order.quote.lines.get()
    step = ProvisioningStep.objects.create(
        account=order.account, order=order, line=line, position=1, name="Issue the licence key", expected_days=1,
        action="licence", state="done", attempts=1, started_at=now, finished_at=now,
    )  # fmt: skip
    return step, licences.issue(line=line, order=order, now=now)


def _was_late(company: Company, now: datetime) -> None:
    """An earlier bill was charged too late, and paid; and a payment came that names none."""
    account, user = company.account, company.administrator
    begun, day = now - timedelta(days=30), now.date() - timedelta(days=30)
    DunningPolicy.objects.get_or_create(legal_entity="", defaults={"retry_days": [3, 7, 14]})
    AutoPay.objects.create(account=account, agreed_by=user, agreed_at=begun, ended_by=user, ended_at=now)
    Collection.objects.create(account=account, invoice=company.active_order.invoice, first_date=day, tries=1)
    Suspension.objects.create(account=account, reason="Not paid", started_at=begun, ended_at=now)
    company.dunning = Dunning.objects.create(
        account=account, state="cured", anchor_date=day, unpaid_date=day, suspension_date=day, opened_at=begun,
        closed_at=now,
    )  # fmt: skip
    DunningStep.objects.create(account=account, dunning=company.dunning, kind="cured", made_at=now)
    statement = BankStatement.objects.create(legal_entity=settings.LEGAL_ENTITY, name="October", imported_at=begun)
    company.transfer = BankTransfer.objects.create(
        account=account, statement=statement, legal_entity=settings.LEGAL_ENTITY, key=f"id:{account.pk}",
        booked_date=day, amount_minor=5_00, currency="EUR", payer_name=account.name, problem="unknown",
    )  # fmt: skip


def _keeps_a_card(company: Company, now: datetime) -> None:
    account, user, begun = company.account, company.administrator, now - timedelta(days=30)
    company.card = StoredCard.objects.create(
        account=account, stripe_customer_id=f"cus_{account.pk}", stripe_card_id=f"pm_{account.pk}", brand="visa",
        last4=f"{4000 + account.pk}"[-4:], exp_month=12, exp_year=2090, is_default=True, added_by=user, added_at=begun,
    )  # fmt: skip


def _undecided(contract: Contract, user: User, now: datetime) -> None:
    """Somebody wanted to end the contract, and thought better of it."""
    offer, _made = RetentionOffer.objects.get_or_create(
        reason=ChangeReason.NOT_USED, rank=1, defaults={"kind": "pause", "headline": "Pause instead", "text": "Rest."}
    )
    RetentionAnswer.objects.create(
        account=contract.account, contract=contract, offer=offer, reason=offer.reason, headline=offer.headline,
        is_taken=False, answered_by=user, answered_at=now,
    )  # fmt: skip
    dates = {"effective_date": contract.end_date, "billing_date": contract.end_date}
    change = PendingChange.objects.create(
        account=contract.account, contract=contract, contract_version=contract.version, kind=ChangeKind.END,
        effective_policy=DatePolicy.END_OF_TERM, billing_policy=DatePolicy.END_OF_TERM, currency="EUR",
        monthly_before_minor=57_000, monthly_after_minor=0, requested_by=user, requested_at=now, **dates,
    )  # fmt: skip
    change.close(ChangeStatus.CANCELLED, now=now, by_id=user.pk)


def _renewing(contract: Contract, now: datetime) -> Renewal:
    """Its renewal is opened, and its offer not made yet."""
    RenewalTerms.objects.create(account=contract.account, method="uplift", uplift_percent=3)
    renewal = Renewal.objects.create(
        account=contract.account, contract=contract, due_date=contract.end_date, term_months=12, currency="EUR",
        monthly_before_minor=57_000, monthly_after_minor=57_000, created_at=now,
    )  # fmt: skip
    RenewalNotice.objects.create(
        account=contract.account, renewal=renewal, kind="notice", days_before=90, created_at=now, sent_at=now
    )
    return renewal


def _papers_and_goals(company: Company, staff: User, *, now: datetime) -> None:
    sheet = SimpleUploadedFile("security.pdf", PDF, "application/pdf")
    company.paper = add_paper(
        contract=company.contract, kind=PaperKind.SECURITY, title="Security", upload=sheet, staff=staff, now=now
    )
    says = GoalWords("All sign in", Decimal(5), Decimal(50), company.contract.end_date, hours_each=Decimal(2))
    company.goal = agree(
        contract=company.contract, metric=GoalMetric.SEATS, says=says, by=company.administrator, now=now
    ).goal


def _token(account: Account, now: datetime) -> ScimToken:
    token, _secret = ScimToken.make(account=account, created_at=now)
    token.save()
    return token


def _identity_provider(user: User, word: str) -> IdentityProvider:
    account = user.membership.account
    issuer = f"https://{word.lower()}.idp.example"
    provider = IdentityProvider.objects.create(
        account=account, protocol="oidc", issuer=issuer, client_id=word, is_active=True,
        endpoints={"authorization_endpoint": f"{issuer}/auth"},
    )  # fmt: skip
    SsoIdentity.objects.create(account=account, provider=provider, subject=f"id-of-{word}", user=user)
    return provider


def _first_of_month(day: date, *, months_ago: int) -> date:
    months = day.year * 12 + day.month - 1 - months_ago
    return date(months // 12, months % 12 + 1, 1)


def _use(account: Account, contract: Contract, today: date) -> None:
    levels = {Meter.SEATS: 46, Meter.API_CALLS: 1500, Meter.STORAGE_GB: 80, Meter.AUTOMATION_RUNS: 300}
    record_usage(
        rows=[
            UsageDaily(account_id=account.pk, meter=meter, date=today - timedelta(days=days), quantity=quantity)
            for days in range(10)
            for meter, quantity in levels.items()
        ]
    )
    Entitlement.objects.create(
        account=account, code="storage_gb", quantity=100, start_date=contract.start_date, source="demo"
    )
    Entitlement.objects.create(account=account, code="sso", start_date=contract.start_date, source="demo")


def _quote(user: User, configuration: Configuration, *, now: datetime) -> Quote:
    membership = user.membership
    return create_quote(
        account=membership.account, actor=membership.actor(), user=user, configuration=configuration, now=now,
        form_key=uuid.uuid4(),
    )  # fmt: skip


def _order(user: User, configuration: Configuration, *, now: datetime) -> Order:
    quote = _quote(user, configuration, now=now)
    actor = user.membership.actor()
    return accept_quote(
        quote=quote, shown_hash=quote.price_hash, consent_name=user.name, ip="203.0.113.7", actor=actor, now=now
    )


def _approval(buyer: User, *, now: datetime) -> PurchaseApproval:
    set_limits(account=buyer.membership.account, limits={Role.BUYER: 100_00})
    quote = _quote(buyer, Configuration(plan="business", seats=58), now=now)
    approval = purchase(
        quote=quote, membership=buyer.membership, shown_hash=quote.price_hash, consent_name=buyer.name, po_number="",
        ip="203.0.113.8", actor=buyer.membership.actor(), now=now,
    )  # fmt: skip
    assert isinstance(approval, PurchaseApproval)
    return approval


def _billed_use(contract: Contract) -> None:
    """A month's use, within what is included."""
    start = contract.start_date
    end = (start + timedelta(days=31)).replace(day=1)
    period = BillingPeriod.objects.create(
        account=contract.account, contract=contract, kind="usage", outcome="nothing", start_date=start, end_date=end
    )
    UsageCharge.objects.create(
        account=contract.account, period=period, subscription=contract.subscriptions.get(), meter="api_calls",
        start_date=start, end_date=end, used=100, entitled=1000, spent_minor=0, amount_minor=0,
    )  # fmt: skip


def _pay_back(invoice: Invoice, finance: User, *, now: datetime) -> None:
    payment = PaymentAttempt.objects.create(
        account=invoice.account, invoice=invoice, number=1, amount_minor=invoice.total_minor,
        currency=invoice.currency, request={"amount": invoice.total_minor}, idempotency_key=uuid.uuid4().hex,
        state=PaymentState.SUCCEEDED, stripe_intent_id=f"pi_{invoice.pk}", created_at=now, settled_at=now,
    )  # fmt: skip
    BalanceEntry.objects.create(account=invoice.account, currency=invoice.currency, kind="credit", amount_minor=100)
    refunds.begin(payment=payment, amount_minor=100, reason="Returned", actor=Actor.staff(finance.pk), now=now)


def _declined(invoice: Invoice, user: User, *, now: datetime) -> PaymentAttempt:
    StripeCustomer.objects.create(account=invoice.account, stripe_id=f"cus_{invoice.account_id}", is_live=False)
    attempt = PaymentAttempt.objects.create(
        account=invoice.account, invoice=invoice, number=1, amount_minor=invoice.total_minor,
        currency=invoice.currency, request={"amount": invoice.total_minor}, idempotency_key=uuid.uuid4().hex,
        created_by=user, created_at=now, submitted_at=now,
    )  # fmt: skip
    for state in (PaymentState.SUBMITTING, PaymentState.FAILED):  # The way that a trigger allows.
        attempt.state = state
        attempt.error_code, attempt.decline_code, attempt.settled_at = "card_declined", "insufficient_funds", now
        attempt.save()
    return attempt


def _invitation(administrator: User, email: str, *, now: datetime) -> Invitation:
    membership = administrator.membership
    return invite(
        account=membership.account, invitee=Invitee(email, roles=("viewer",)), by=membership,
        actor=membership.actor(), now=now,
    )  # fmt: skip


def _join_request(account: Account, email: str, *, now: datetime) -> JoinRequest:
    suggest(account=account, email=email, name="", now=now)
    return JoinRequest.objects.get(account=account, email=email)


def _open_case(user: User, subject: str, *, now: datetime, uploads: Iterable[SimpleUploadedFile] = ()) -> Case:
    membership = user.membership
    return open_case(
        account=membership.account, opened_by=user, actor=membership.actor(), subject=subject, topic="access",
        description=f"{subject}: it says no.", form_key=uuid.uuid4(), now=now, uploads=list(uploads),
    )  # fmt: skip


def _answered_case(
    people: dict[str, User], *, word: str, agent: User, now: datetime
) -> tuple[Case, CaseMessage, StoredFile]:
    screenshot = SimpleUploadedFile(f"{word.lower()}.pdf", PDF, content_type="application/pdf")
    opened = _open_case(
        people["support"], f"{word} scanner does not sync", now=now - timedelta(hours=5), uploads=[screenshot]
    )
    message = CaseMessage.objects.get(case=opened)
    reply_as_staff(
        case=opened, author=agent, body=f"Please restart the {word} scanner.", form_key=uuid.uuid4(),
        now=now - timedelta(hours=4),
    )  # fmt: skip
    note = f"{word} never restarts anything."
    add_internal_note(case=opened, author=agent, body=note, form_key=uuid.uuid4(), now=now - timedelta(hours=3))
    return opened, message, message.attachments.get()


def _texts(company: Company, word: str, domain: str) -> Iterable[str]:
    """Words, names and numbers that only this company's pages may hold."""
    yield from (word, company.account.name, domain, str(company.account.public_id))
    yield from (company.contract.number, company.case.number, company.closed_case.number)
    yield from (company.order.number, company.active_order.number)
    yield from (company.invoice.number, company.active_order.invoice.number)
    yield from (company.quote.number, str(company.quote.public_id), company.quote.price_hash)
    yield str(company.rule.public_id)
    yield from (str(company.saved.public_id), str(company.quote_request.public_id))
    yield from (company.approval.quote.number, str(company.approval.public_id), str(company.approval.quote.public_id))
    yield from (str(company.attempt.pk), str(company.file.public_id), str(company.quote.deal.public_id))
    yield str(company.notification.public_id)
    yield from (str(one.form_key) for one in (company.case, company.message, company.quote))
