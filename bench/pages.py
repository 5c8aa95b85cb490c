"""What each page costs, beside a bare Django view with one query measured in the same run.

`python -m sandbox exec -- .venv/bin/python -m bench.pages` measures over an empty database, which it fills with the
demo company and thousands of people in it; over a database that has the company already, it only adds the people.

SQL counts statements, with the four that every request costs: the session, its person, and a customer's companies and
scope or the permissions of staff. Eight more are what a page may ask; one that asks more is named at the end.

CPU is what the web process and its database connection's backend have used, over many requests; waiting does not count.
Requests come from Django's test client, in the same process: its own work is in every figure, the bare view's too.
"""

import argparse
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from django.http import HttpResponseBase
    from django.test import Client

    from accounts.models import Account, User

COMPANY = "Acme Logistics GmbH"
ADMINISTRATOR = "admin@acme.example"
MANAGER = "manager@vendor.example"
ADMINISTRATOR_OF_THE_PORTAL = "priya@vendor.example"
MEMBERS = 5_000
LOG_ENTRIES = 100_000
MAX_STATEMENTS = 4 + 8  # Of a request and of its page.
WARM_UP = 3  # Requests that fill caches and are not measured.
BOUNDARIES = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@dataclass(frozen=True)
class Measured:
    """One page: statements and bytes of a request, CPU seconds per request."""

    name: str
    statements: int
    size: int
    web: float
    database: float

    @property
    def cpu(self) -> float:
        return self.web + self.database


class DatabaseClock:
    """CPU seconds of the server process behind the connection; always 0 where that can't be read."""

    def __init__(self) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
        self._file = Path(f"/proc/{pid}/schedstat")
        try:
            self.is_readable = "postgres" in Path(f"/proc/{pid}/cmdline").read_text() and self._file.exists()
        except OSError:  # On another machine, or not on Linux.
            self.is_readable = False

    def read(self) -> float:
        """The first figure is the time on a processor, in nanoseconds."""
        return int(self._file.read_text().split()[0]) / 1e9 if self.is_readable else 0.0


def measure(
    name: str,
    ask: Callable[[], "HttpResponseBase"],
    *,
    requests: int,
    clock: DatabaseClock,
) -> Measured:
    """Ask so many times. Raises `RuntimeError` for a page that does not answer 200."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for _ in range(WARM_UP):
        response = ask()
    if response.status_code != 200:
        raise RuntimeError(f"{name} answers {response.status_code}")
    with CaptureQueriesContext(connection) as captured:
        content: bytes = ask().getvalue()
    statements = [one for one in captured.captured_queries if not one["sql"].startswith(BOUNDARIES)]
    web, database = time.process_time(), clock.read()
    for _ in range(requests):
        ask()
    return Measured(
        name,
        len(statements),
        len(content),
        (time.process_time() - web) / requests,
        (clock.read() - database) / requests,
    )


def journey() -> Iterator[tuple[str, str, str]]:
    """Name, address and viewer of each page of the journey, with rows of the demo company."""
    from django.urls import reverse

    from accounts.models import Account
    from cases.models import Case
    from commerce.models import Contract, Invoice, Order, PaymentAttempt, PurchaseApproval, Quote
    from knowledge.models import Article

    # Of several companies, the one that has the rows; `measure_all` works for it.
    acme = Account.objects.get(name=COMPANY)
    article = Article.objects.published().filter(visibility="customer").order_by("pk")[0]
    yield "Home", reverse("home"), ADMINISTRATOR
    yield "Help", reverse("knowledge:help"), ADMINISTRATOR
    yield "Search", reverse("knowledge:search") + "?q=password", ADMINISTRATOR
    yield "Suggestions while typing", reverse("knowledge:suggestions") + "?subject=cannot+sign+in", ADMINISTRATOR
    yield "Article", reverse("knowledge:article", args=[article.slug]), ADMINISTRATOR
    yield "Cases", reverse("cases:list") + "?show=all", ADMINISTRATOR
    yield "Open a case", reverse("cases:new"), ADMINISTRATOR
    if case := Case.objects.for_account(acme).order_by("-updated_at").first():
        yield "Case", case.get_absolute_url(), ADMINISTRATOR
    yield "Plans", reverse("commerce:plans"), ADMINISTRATOR
    yield "Configure", reverse("commerce:configure"), ADMINISTRATOR
    yield "Price while typing", reverse("commerce:configure-price") + "?plan=enterprise&seats=200", ADMINISTRATOR
    yield "Quotes", reverse("commerce:quotes"), ADMINISTRATOR
    if quote := Quote.objects.for_account(acme).latest_first().first():
        yield "Quote", reverse("commerce:quote", args=[quote.public_id]), ADMINISTRATOR
    yield "Who sees cases", reverse("cases:visibility"), ADMINISTRATOR
    yield "Purchase limits", reverse("commerce:purchase-limits"), ADMINISTRATOR
    yield "Approvals", reverse("commerce:approvals"), ADMINISTRATOR
    if approval := PurchaseApproval.objects.for_account(acme).latest_first().first():
        yield "Approval", reverse("commerce:approval", args=[approval.public_id]), ADMINISTRATOR
    yield "Contracts", reverse("commerce:contracts"), ADMINISTRATOR
    if contract := Contract.objects.for_account(acme).latest_first().first():
        yield "Contract", reverse("commerce:contract", args=[contract.number]), ADMINISTRATOR
    yield "Usage", reverse("commerce:usage"), ADMINISTRATOR
    yield "Orders", reverse("commerce:orders"), ADMINISTRATOR
    if order := Order.objects.for_account(acme).latest_first().first():
        yield "Order", reverse("commerce:order", args=[order.number]), ADMINISTRATOR
    yield "Invoices", reverse("commerce:invoices"), ADMINISTRATOR
    if invoice := Invoice.objects.for_account(acme).order_by("-issue_date", "-pk").first():
        yield "Invoice", reverse("commerce:invoice", args=[invoice.number]), ADMINISTRATOR
    if payable := Invoice.objects.for_account(acme).payable().exclude(attempts__state="processing").first():
        yield "Pay", reverse("commerce:pay", args=[payable.number]), ADMINISTRATOR
    if attempt := PaymentAttempt.objects.for_account(acme).first():
        yield "Payment", reverse("commerce:payment", args=[attempt.pk]), ADMINISTRATOR
    yield from company_pages(acme)
    yield from staff_pages(acme)


# Pages on which a company runs itself, and a person their own affairs: the name of each address.
COMPANY_PAGES = {
    "Company": "company",
    "Permissions": "permissions",
    "People": "people",
    "People found": "people",
    "Invite": "invite",
    "Invitations": "invitations",
    "Import people": "upload-people",
    "Requests to join": "join-requests",
    "Domains": "domains",
    "Security": "security",
    "Single sign-on": "sso",
    "Directory": "provisioning",
    "Audit log": "audit",
    "Audit log, one person": "audit",
    "Audit log, its end": "audit",
    "Audit log, sign-in": "audit",
    "Audit log, nothing": "audit",
    "Notices of the company": "company-notifications",
    "Notifications": "notifications",
    "Bell": "bell",
    "Which notifications": "notification-settings",
    "Sessions": "sessions",
    "Language": "language",
    "Privacy": "privacy",
}
ASKED = {
    "People found": "?q=somebody",
    "Audit log, one person": "?person=Ada",
    "Audit log, its end": "?cursor=newer~2000-01-01T00:00:00%2B00:00~0",
    "Audit log, sign-in": "?kind=notes",
    "Audit log, nothing": "?action=removed",
}


def company_pages(company: "Account") -> Iterator[tuple[str, str, str]]:
    from django.urls import reverse

    from accounts.models import Membership

    for name, address in COMPANY_PAGES.items():
        yield name, reverse(f"accounts:{address}") + ASKED.get(name, ""), ADMINISTRATOR
    somebody = Membership.objects.for_account(company).exclude(user__email=ADMINISTRATOR).order_by("-pk")[0]
    for name in ("member", "deactivate-member", "hand-over"):
        yield name.replace("-", " ").capitalize(), reverse(f"accounts:{name}", args=[somebody.public_id]), ADMINISTRATOR


def staff_pages(company: "Account") -> Iterator[tuple[str, str, str]]:
    """What the vendor's people see of the company, and of all of them."""
    from django.urls import reverse

    from commerce.models import Deal
    from portal.staff.account_360 import panels

    yield "Insights", reverse("analytics:insights"), MANAGER
    yield "Influenced revenue", reverse("analytics:influenced-revenue"), MANAGER
    if deal := Deal.objects.filter(stage="won").order_by("-closed_at").first():
        yield "Deal and its touches", reverse("analytics:influenced-deal", args=[deal.public_id]), MANAGER
    parts = {f"Account 360, {panel.name}": panel.name for panel in panels() if not panel.is_at_once}
    pages = {
        "Overview of the staff": reverse("admin:index"),
        "Account 360": reverse("admin:account_360", args=[company.pk]),
        **{title: reverse("admin:account_360_panel", args=[company.pk, name]) for title, name in parts.items()},
        "Portfolio": f"{reverse('admin:portfolio')}?person={company.owner_id or ''}",
        "Hand over companies": f"{reverse('admin:hand_over')}?account={company.pk}",
        "Data quality": reverse("admin:data_quality"),
        "Duplicate contacts": reverse("admin:duplicates"),
        "Set up": reverse("admin:setup"),
        "Audit log, staff": reverse("admin:accounts_auditentry_changelist"),
    }
    for name, address in pages.items():
        yield name, address, ADMINISTRATOR_OF_THE_PORTAL


def prepare() -> None:
    """Migrate, and load the demo company when nobody is there."""
    from django.core.management import call_command

    from accounts.models import Account
    from sandbox.demo.load import seed

    call_command("migrate", verbosity=0)
    if not Account.objects.exists():
        print("Loading the demo company...", flush=True)
        seed(seed=1, today=datetime.now(UTC).date())
    owe_something()
    fill(members=MEMBERS)


def fill(*, members: int) -> None:
    """As many people in the company, as many who are invited, as many notifications, and a long audit log."""
    from accounts.audit.collecting import collect
    from accounts.models import Account, Invitation, Membership, Notification, User

    acme, now = Account.objects.get(name=COMPANY), datetime.now(UTC)
    missing = range(Membership.objects.for_account(acme).count(), members)
    print(f"Adding {len(missing):,} people...", flush=True)
    people = User.objects.bulk_create(
        User(email=f"somebody-{number}@acme.example", name=f"Somebody {number:05d}", password="!") for number in missing
    )
    Membership.objects.bulk_create(
        Membership(account=acme, user=person, roles=["viewer"], created_at=now) for person in people
    )
    Invitation.objects.bulk_create(
        Invitation(
            account=acme,
            email=f"invited-{number}@acme.example",
            roles=["viewer"],
            token_hash="0" * 64,  # Of no token.
            sent_at=now,
            expires_at=now,
        )
        for number in missing
    )
    administrator = User.objects.get(email=ADMINISTRATOR)
    Notification.objects.bulk_create(
        Notification(account=acme, user=administrator, kind="case_reply", link="/cases/", created_at=now)
        for _number in missing
    )
    while collect(now=now):
        pass
    lengthen_log(acme, administrator)


def lengthen_log(company: "Account", person: "User") -> None:
    """Old entries of the company, straight into the log: they were read from no row, which only a check would see."""
    from django.db import connection

    from accounts.models import AuditEntry

    missing = LOG_ENTRIES - AuditEntry.objects.filter(account_id=company.pk).count()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO accounts_auditentry (
              sequence, account_id, is_public, occurred_at, recorded_at, action, actor_kind, actor_id, subject_id,
              object_type, object_id, object_label, changes, source, source_id, previous_hash, hash
            )
            SELECT top + i, %s, true,
              now() - make_interval(mins => i), now(), CASE i %% 10 WHEN 0 THEN 'sign_in.done' ELSE 'case.changed' END,
              CASE i %% 50 WHEN 0 THEN 'staff' ELSE 'customer' END, %s, NULL,
              CASE i %% 10 WHEN 0 THEN '' ELSE 'cases.case' END, i::text, 'CS-' || i,
              CASE i %% 10 WHEN 0 THEN '{}' ELSE '{"status": ["open", "closed"]}' END::jsonb,
              CASE i %% 10 WHEN 0 THEN 'accounts_auditnote' ELSE 'cases_caseevent' END, -top - i, '', ''
            FROM generate_series(1, %s) AS i,
              (SELECT coalesce(max(sequence), 0) AS top FROM accounts_auditentry) AS log
            """,
            [company.pk, person.pk, missing],
        )
        cursor.execute("ANALYZE accounts_auditentry")


def owe_something() -> None:
    """Accept a quote for ten more seats where no invoice is open: without one there is no page to pay on."""
    from accounts.models import Membership
    from commerce.configuring.situations import Configuration, situation_of
    from commerce.models import Invoice
    from commerce.quotes.acceptance import accept_quote
    from commerce.quotes.quoting import create_quote

    now = datetime.now(UTC)
    membership = Membership.objects.select_related("account", "user").get(
        account__name=COMPANY, user__email=ADMINISTRATOR
    )
    account, user, actor = membership.account, membership.user, membership.actor()
    if Invoice.objects.for_account(account).payable().exists():
        return
    current = situation_of(account, now.date()).current
    quote = create_quote(
        account=account,
        actor=actor,
        user=user,
        configuration=Configuration(plan=current.plan, seats=current.seats + 10),
        now=now,
        form_key=uuid4(),
    )
    accept_quote(quote=quote, shown_hash=quote.price_hash, consent_name=user.name, ip=None, actor=actor, now=now)


def measure_all(requests: int, clock: DatabaseClock) -> Iterator[Measured]:
    """The bare view first, then every page."""
    from django.test import Client, override_settings
    from django.urls import reverse

    from accounts.models import Account, User

    with override_settings(ROOT_URLCONF="bench.bare", MIDDLEWARE=[]):
        plain = Client()
        yield measure("Bare view", partial(plain.get, "/bare/"), requests=requests, clock=clock)
    clients = {}
    for email in (ADMINISTRATOR, MANAGER, ADMINISTRATOR_OF_THE_PORTAL):
        clients[email] = signed_in(User.objects.get(email=email))
    company = {"account": Account.objects.get(name=COMPANY).public_id}
    clients[ADMINISTRATOR].post(reverse("accounts:switch"), company)
    for name, url, viewer in list(journey()):
        ask = partial(clients[viewer].get, url)
        yield measure(name, ask, requests=requests, clock=clock)


def signed_in(user: "User") -> "Client":
    """A client whose person has just proved who they are, so that no page asks for that first."""
    from django.test import Client

    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() + 3600}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.pages", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=50, metavar="N", help="measured per page; 50 if not given")
    options = parser.parse_args(arguments)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    os.environ.setdefault("PORTAL_ENV", "test")
    import django

    django.setup()
    warnings.filterwarnings("ignore", "No directory at")  # Nobody collects static files for a measurement.
    prepare()
    clock = DatabaseClock()
    print(f"{'':26}{'SQL':>5}{'bytes':>10}{'web ms':>9}{'db ms':>8}{'CPU ms':>8}{'x bare':>8}")
    pages: list[Measured] = []
    for page in measure_all(options.requests, clock):
        pages.append(page)
        print(
            f"{page.name:26}{page.statements:5}{page.size:10,}{page.web * 1e3:9.2f}"
            f"{page.database * 1e3:8.2f}{page.cpu * 1e3:8.2f}{page.cpu / pages[0].cpu:8.1f}",
            flush=True,
        )
    for page in pages:
        if page.statements > MAX_STATEMENTS:
            print(f"{page.name} asks {page.statements - MAX_STATEMENTS} statements too many")
    if not clock.is_readable:
        print("The database's CPU can't be read here: it runs elsewhere, or this is not Linux.")
    ratio = statistics.median(page.cpu for page in pages[1:]) / pages[0].cpu
    print(f"{options.requests} requests each; the median page costs {ratio:.1f} times the CPU of the bare view")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
