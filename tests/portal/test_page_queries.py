"""What a page asks of the database: little, and the same whether a company has ten rows of a kind or five thousand."""

import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.admin import audit
from accounts.models import (
    Account,
    AuditEntry,
    ImportLine,
    Invitation,
    JoinOrigin,
    JoinRequest,
    LineOutcome,
    Membership,
    Notification,
    User,
)
from accounts.permissions import StaffGroup
from cases.models import Case, CaseMessage
from commerce.models import ApprovalStatus, Invoice, Order, OrderStatus, PurchaseApproval, Quote, QuoteStatus
from knowledge.models import Article
from portal.staff.account_360 import panels
from tests.pages import Audience, screens
from tests.pages.commerce import cancel_unpaid, one_seat_less
from tests.world import check_rows, client_of, undone
from tracking.models import Event, Meter, UsageDaily

pytestmark = pytest.mark.xdist_group("page_queries")

# The session, its user, the memberships with their companies, and the scope.
FIXED = 4
CONTENT = 8  # At most, beyond that; six of them read what a price depends on, anew whenever one is worked out.
MORE = {
    "GET home": 9,
    "GET commerce:reduce-contract": 9,  # And what is in its way: a planned change, an open order.
    "account_360": 9,  # With the change that is planned for the contract.
}
SIZES = [10, 5_000]
PAGES = screens(Audience.CUSTOMERS)
BOUNDARIES = re.compile(r"^\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)", re.IGNORECASE)
# Inside the test's transaction the scope sets its settings back when it ends; a request of its own just commits.
RESTORES = re.compile(r"set_config\('role', 'none'")


def statements(client, url, query):
    with CaptureQueriesContext(connection) as captured:
        response = client.get(url, query_params=query)
        response.getvalue()
    asked = [query["sql"] for query in captured.captured_queries]
    return response, [sql for sql in asked if not BOUNDARIES.match(sql) and not RESTORES.search(sql)]


@pytest.fixture(scope="module", params=SIZES, ids=[f"{size} rows" for size in SIZES])
def company(request, world, django_db_blocker):
    """Acme with so many rows of each kind."""
    with django_db_blocker.unblock(), undone():
        fill(world.acme, request.param, world.now)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        check_rows()
        yield world.acme


def fill(company, size, now):
    account, user, agent = company.account, company.administrator, company.account.owner
    moments = [now - timedelta(hours=hours) for hours in range(1, size + 1)]
    Case.objects.bulk_create(
        Case(account=account, opened_by=user, subject=f"Case {at}", created_at=at, updated_at=at) for at in moments
    )
    CaseMessage.objects.bulk_create(
        CaseMessage(account=account, case=company.case, author=agent, body=f"Said at {at}.", created_at=at)
        for at in moments
    )
    Order.objects.bulk_create(
        Order(
            account=account, contract=company.contract, status=OrderStatus.CANCELLED, placed_by=user, placed_at=at,
            currency="EUR", total_minor=100,
        )
        for at in moments
    )  # fmt: skip
    Invoice.objects.bulk_create(
        Invoice(
            account=account, number=f"OLD-{number:05d}", legal_entity="Meridian", currency="EUR", subtotal_minor=100,
            tax_minor=0, total_minor=100, bill_to={}, issue_date=at.date(), due_date=at.date(),
        )
        for number, at in enumerate(moments)
    )  # fmt: skip
    copied = {
        field.attname: getattr(company.quote, field.attname)
        for field in Quote._meta.concrete_fields
        if field.name not in ("id", "public_id", "serial", "form_key", "created_at", "status")
    }
    quotes = Quote.objects.bulk_create(
        Quote(**copied, form_key=uuid.uuid4(), created_at=at, status=QuoteStatus.EXPIRED) for at in moments
    )
    PurchaseApproval.objects.bulk_create(
        PurchaseApproval(
            account=account, quote=quote, amount_minor=100, currency="EUR", expires_at=now, requested_by=user,
            requested_roles=["buyer"], requested_at=quote.created_at, status=ApprovalStatus.LAPSED, decided_at=now,
        )
        for quote in quotes
    )  # fmt: skip
    fill_people(company, moments, now)
    first = min(UsageDaily.objects.for_account(account.pk).values_list("date", flat=True))
    UsageDaily.objects.bulk_create(
        UsageDaily(account_id=account.pk, meter=meter, date=first - timedelta(days=days), quantity=days)
        for days in range(1, size // len(Meter) + 1)
        for meter in Meter
    )
    category = Article.objects.first().category
    Article.objects.bulk_create(
        Article(
            slug=f"password-{number}", category=category, title=f"Password {number}", summary="How to.", body="Do it.",
            state="published", visibility="customer", topic="access",
        )
        for number in range(size)
    )  # fmt: skip
    Notification.objects.bulk_create(
        Notification(account=account, user=user, kind="case_reply", link="/cases/", created_at=at) for at in moments
    )
    Event.objects.bulk_create(
        Event(name="home_viewed", account_id=account.pk, user_id=user.pk, actor_kind="customer", occurred_at=at)
        for at in moments
    )


def fill_people(company, moments, now):
    """Colleagues, those who are about to be, and what the log says of them."""
    account, size = company.account, len(moments)
    people = User.objects.bulk_create(
        User(email=f"somebody-{number}@acme.example", name=f"Somebody {number:05d}", password="!")
        for number in range(size)
    )
    Invitation.objects.bulk_create(
        Invitation(
            account=account, email=f"invited-{number}@acme.example", roles=["viewer"], invited_by=person,
            token_hash="0" * 64, created_at=at, sent_at=at, expires_at=now,
        )
        for number, (person, at) in enumerate(zip(people, moments, strict=True))
    )  # fmt: skip
    JoinRequest.objects.bulk_create(
        JoinRequest(account=account, email=f"asks-{number}@acme.example", origin=JoinOrigin.VENDOR, created_at=at)
        for number, at in enumerate(moments)
    )
    ImportLine.objects.bulk_create(
        ImportLine(
            account=account, source=company.member_import, number=1_000 + number, email=person.email, roles=["viewer"],
            outcome=LineOutcome.READY,
        )
        for number, person in enumerate(people)
    )  # fmt: skip
    AuditEntry.objects.bulk_create(
        AuditEntry(
            sequence=1_000_000 + number, account_id=account.pk, is_public=True, occurred_at=at, recorded_at=at,
            action="membership.changed", actor_kind="customer", actor_id=company.administrator.pk,
            subject_id=person.pk, object_type="accounts.membership", object_id=str(person.pk), source="filled",
            source_id=number, changes={"roles": [["viewer"], ["viewer", "buyer"]]},
            previous_hash="0" * 64, hash="0" * 64,
        )
        for number, (person, at) in enumerate(zip(people, moments, strict=True))
    )  # fmt: skip
    Membership.objects.bulk_create(
        Membership(account=account, user=person, roles=["viewer"], created_at=now) for person in people
    )


@pytest.mark.urls("tests.portal.bare_urls")
def test_a_request_costs_four_statements_before_its_page_asks_anything(in_the_world):
    with undone():
        _response, asked = statements(client_of(in_the_world.acme.administrator), "/bare/", {})
    assert len(asked) == FIXED, "\n".join(asked)


COUNTED = {}


@pytest.mark.parametrize("entry", PAGES, ids=[entry.id for entry in PAGES])
def test_a_page_asks_little_and_the_same_of_ten_rows_and_of_five_thousand(in_the_world, company, entry):
    """Few statements of its own; the count with many rows is held against the one with few."""
    with undone():
        ask(entry, in_the_world.globex)  # Whatever a process reads once and keeps.
        response, asked = ask(entry, company)
    assert response.status_code == 200
    content = len(asked) - FIXED
    assert content <= MORE.get(entry.id, CONTENT), f"{content} content queries:\n" + "\n".join(asked)
    few = COUNTED.setdefault(entry.id, content)
    assert content == few, f"{content} content queries, {few} with other rows:\n" + "\n".join(asked)


def ask(entry, company):
    query = {name: str(value) for name, value in entry.query(company).items()}
    return statements(client_of(company.administrator), entry.url(company), query)


def test_a_planned_reduction_costs_the_page_of_its_contract_no_more(in_the_world, company):
    """What is planned is held against what is in use."""
    with undone():
        cancel_unpaid(company)
        client = client_of(company.administrator)
        reduced = client.post(
            reverse("commerce:reduce-contract", args=[company.contract.number]), one_seat_less(company)
        )
        assert reduced.status_code == 302
        address = reverse("commerce:contract", args=[company.contract.number])
        client.get(address)  # Whatever a process reads once and keeps.
        response, asked = statements(client, address, {})
    assert response.context["overview"].planned is not None
    content = len(asked) - FIXED
    assert content <= CONTENT, f"{content} content queries:\n" + "\n".join(asked)


# Pages of the staff about a company with all of that; the session, its user, and their permissions are fixed there.
STAFF_PAGES = [
    "account_360",
    *(f"account_360_panel {panel.name}" for panel in panels()),
    "portfolio",
    "portfolio of a colleague",
    "hand_over",
    "add_goal",
    "renewal_board",
    "commerce_bankstatement_read",
    "commerce_banktransfer_changelist",
    "commerce_dunning_changelist",
    "setup",
    "data_quality",
    "duplicates",
    "permissions",
    "index",
    "accounts_auditentry_changelist",
]


@pytest.mark.parametrize("name", STAFF_PAGES)
def test_a_page_of_the_staff_asks_little_too(in_the_world, company, name):
    person = in_the_world.staff[StaffGroup.SYSTEM_ADMINISTRATOR]
    page, _space, part = name.partition(" ")
    args = [company.account.pk] if page in ("account_360", "account_360_panel") else []
    args += [part] if page == "account_360_panel" else []
    args += [company.contract.pk] if page == "add_goal" else []
    query = {"hand_over": {"account": company.account.pk}}.get(page, {})
    if part == "of a colleague":
        query = {"person": company.account.owner_id}
    address = reverse(f"admin:{page}", args=args)
    with undone():
        Account.objects.filter(pk=company.account.pk).update(sales_contact=person)
        client_of(person).get(address, query_params=query)  # Whatever a process reads once and keeps.
        response, asked = statements(client_of(person), address, query)
    assert response.status_code == 200
    assert len(response.content) < 300_000
    content = len(asked) - FIXED
    assert content <= MORE.get(name, CONTENT), f"{content} content queries:\n" + "\n".join(asked)
    few = COUNTED.setdefault(name, content)
    assert abs(content - few) <= 2, f"{content} content queries, {few} with other rows:\n" + "\n".join(asked)


def test_the_form_of_a_company_asks_the_same_of_any_number_of_people(in_the_world, company):
    person = in_the_world.staff[StaffGroup.SYSTEM_ADMINISTRATOR]
    address = reverse("admin:accounts_account_change", args=[company.account.pk])
    with undone():
        client_of(person).get(address)
        response, asked = statements(client_of(person), address, {})
    assert response.status_code == 200
    assert len(response.content) < 300_000
    assert abs(len(asked) - COUNTED.setdefault(address, len(asked))) <= 1, "\n".join(asked)


def test_the_audit_log_of_the_staff_counts_no_further_than_anybody_reads(in_the_world, company, monkeypatch):
    monkeypatch.setattr(audit, "COUNTED", 100)
    person = in_the_world.staff[StaffGroup.SYSTEM_ADMINISTRATOR]
    with undone():
        response, asked = statements(client_of(person), reverse("admin:accounts_auditentry_changelist"), {})
    counts = [sql for sql in asked if "COUNT(" in sql]
    assert response.status_code == 200
    assert len(counts) == 1
    assert "LIMIT 100)" in counts[0]


def test_every_list_is_read_page_by_page(in_the_world, company):
    """A page of a long list is no longer than a page."""
    for name in (
        "accounts:people",
        "accounts:invitations",
        "accounts:join-requests",
        "accounts:audit",
        "cases:list",
        "commerce:orders",
        "commerce:invoices",
        "commerce:quotes",
        "commerce:approvals",
        "accounts:notifications",
    ):
        with undone():
            page = client_of(company.administrator).get(reverse(name)).content
        assert len(page) < 200_000, f"{name} has {len(page)} bytes"
