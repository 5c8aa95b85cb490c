"""The cast and the servers of every test.

Alice administers Acme, Milo is a member (support and viewer), Vera only views. Gus administers Globex, another
customer. Sam answers cases and Mina manages revenue for the vendor.
"""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from portal.catalogues import compile_catalogues
from sandbox.servers import Servers
from tests.template_database import make_template

_servers = Servers(Path(__file__).parent.parent / ".data" / "tests")

# The day it is in tests that pass time in. A Wednesday, mid-month, no daylight saving change near.
TODAY = date(2026, 11, 18)
NOW = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)


def pytest_configure(config: pytest.Config) -> None:
    """Start PostgreSQL and Valkey once for the session, before Django reads its settings; workers inherit them."""
    # Known also where tests run without xdist, as when one is looked at closely.
    config.addinivalue_line("markers", "xdist_group(name): tests that run one after the other in one worker")
    if not hasattr(config, "workerinput"):
        compile_catalogues()
        os.environ.update(_servers.start(os.environ).env)
    # Where a browser test has run, Playwright's event loop stays in the thread, and Django would refuse to query there.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    os.environ["PORTAL_ENV"] = "test"
    os.environ["DNS_SERVERS"] = "127.0.0.1:9"  # Nobody answers there: no test asks the machine's name servers.
    os.environ["PORTAL_BASE_URL"] = "http://portal.localhost:8000"
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        # Each worker has its own cache and page-view buffer: database number 1, 2, …
        os.environ["REDIS_URL"] = os.environ["REDIS_URL"].rsplit("/", 1)[0] + f"/{int(worker.removeprefix('gw')) + 1}"
    os.environ.setdefault("MEDIA_ROOT", str(Path(__file__).parent.parent / ".data" / "tests" / "media"))
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    import django  # pytest-django sets Django up only where something has imported it by now.

    django.setup()
    if config.getoption("numprocesses", None):
        # A worker that inherits it reads the settings before its own REDIS_URL stands.
        del os.environ["DJANGO_SETTINGS_MODULE"]


# Tests of one xdist_group, by the beginning of their ids. xdist 3.8 writes a test's group into its id, where pytest 9.2
# no longer looks for it; once both agree again, the markers say this alone.
GROUPS = {
    "tests/e2e/test_accessibility.py": "accessibility",
    "tests/e2e/": "e2e",
    "tests/portal/test_page_queries.py": "page_queries",
    "tests/commerce/test_payment_deaths.py": "payment_deaths",
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Give each group to one worker: what its tests share takes long to make."""
    from xdist.scheduler import LoadGroupScheduling

    class InGroups(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            named = (group for beginning, group in GROUPS.items() if nodeid.startswith(beginning))
            return next(named, None) or super()._split_scope(nodeid)

    return InGroups(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _servers.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix) -> None:
    """Each worker's database is a copy, see tests/template_database.py."""
    from django.db import connection

    connection.settings_dict["TEST"]["TEMPLATE"] = make_template(os.environ["DATABASE_URL"])


@pytest.fixture(autouse=True)
def fast_passwords_and_own_files(settings, tmp_path):
    """Passwords are hashed cheaply, files lie in the test's own folder, and no client reads all static files first."""
    settings.WHITENOISE_AUTOREFRESH = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture
def empty_cache() -> Iterator[None]:
    """Nothing that another test left in the cache or in the buffer of page views, and nothing left for the next."""
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def today() -> date:
    return TODAY


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def acme(db):
    from tests.factories import make_account

    return make_account("Acme Logistics GmbH", tier="premier", industry="logistics")


@pytest.fixture
def globex(db):
    from tests.factories import make_account

    return make_account("Globex Retail Ltd", tier="growth", industry="retail")


@pytest.fixture
def admin(acme):
    from tests.factories import make_member

    return make_member(acme, "admin@acme.example", "Ada Achterberg", roles=["administrator"])


@pytest.fixture
def member(acme):
    from tests.factories import make_member

    return make_member(acme, "member@acme.example", "Milo Brandt", roles=["support", "viewer"])


@pytest.fixture
def viewer(acme):
    from tests.factories import make_member

    return make_member(acme, "viewer@acme.example", "Vera Lindqvist", roles=["viewer"])


@pytest.fixture
def other_admin(globex):
    from tests.factories import make_member

    return make_member(globex, "admin@globex.example", "Gus Okafor", roles=["administrator"])


@pytest.fixture
def agent(db):
    from tests.factories import make_staff

    return make_staff("support@vendor.example", "Sam Rivera", group="Support agent")


@pytest.fixture
def manager(db):
    from tests.factories import make_staff

    return make_staff("manager@vendor.example", "Mina Keller", group="Revenue manager")


@pytest.fixture
def signed_in() -> Callable:
    """A test client signed in as somebody: `signed_in(admin).get("/")`.

    They have just proved who they are; with `confirmed=False` that was too long ago for what `step_up` protects.
    """
    from django.test import Client

    from tests.factories import confirm

    def sign_in(user, *, confirmed=True):
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        if confirmed:
            confirm(client, user)
        return client

    return sign_in


@pytest.fixture
def as_customer() -> Iterator[Callable]:
    """Run a block as a customer's request would: `with as_customer(membership): ...`."""
    from accounts.scope import account_scope

    def scope(membership):
        return account_scope([membership.account_id], user_id=membership.user_id, actor=membership.actor())

    return scope


def pytest_terminal_summary(terminalreporter) -> None:
    """How much the walk over every address asked, and what leaked; workers send it along with their reports."""
    walks = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "walk" and report.when == "teardown"
    ]
    if walks:
        asked, leaked = (sum(walk.get(what, 0) for walk in walks) for what in ("asked", "leaked"))
        terminalreporter.write_line(f"The walk: {asked} probes, {leaked} leaked.")
