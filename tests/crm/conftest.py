"""The org and the sync against it. Models are imported late: this file is read before Django is set up."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import pytest


@pytest.fixture(scope="session")
def org_process(tmp_path_factory) -> Iterator:
    from tests.crm.org import OrgProcess

    process = OrgProcess(tmp_path_factory.mktemp("org"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def org(org_process, settings):
    """An empty org that the settings name."""
    from django.core.cache import cache

    org_process.ask("POST", "_reset")
    org_process.ask("DELETE", "_calls")
    org_process.ask("DELETE", "_fault")
    settings.SALESFORCE_INSTANCE_URL = org_process.ready["instance_url"]
    settings.SALESFORCE_LOGIN_URL = org_process.ready["instance_url"]
    settings.SALESFORCE_CLIENT_ID = org_process.ready["client_id"]
    settings.SALESFORCE_USERNAME = org_process.ready["username"]
    settings.SALESFORCE_PRIVATE_KEY_FILE = org_process.ready["private_key_file"]
    settings.SALESFORCE_CA_BUNDLE = org_process.ready["ca_bundle"]
    cache.clear()
    return org_process


@pytest.fixture
def random() -> Random:
    return Random(7)


@pytest.fixture
def push(random):
    """Push until nothing is due; how many rows were dealt with. `at` is a time, now by default."""
    from crm.client import connect
    from crm.push import push_batch

    def run(at: datetime | None = None) -> int:
        total = 0
        with connect() as crm:
            while count := push_batch(crm=crm, now=at or datetime.now(UTC), random=random):
                total += count
        return total

    return run


@pytest.fixture
def pull(monkeypatch):
    """Read one object, up to what was done this very second."""
    from crm import pull as pulling
    from crm.client import connect

    monkeypatch.setattr(pulling, "SETTLE", timedelta(seconds=-2))

    def run(name: str = "Account") -> int:
        with connect() as crm:
            return pulling.pull_object(crm=crm, crm_object=name, now=datetime.now(UTC))

    return run


@pytest.fixture
def company(db):
    """A company and its administrator, waiting in the outbox."""
    from tests.factories import make_account, make_member

    account = make_account("Initech AG", tier="premier", industry="logistics", phone="+49 30 1")
    account.person = make_member(account, "ines@initech.example", "Ines de Wit", roles=["administrator"])
    return account


@pytest.fixture
def quiet(company):
    """The outbox is empty: what a test finds there is its own."""
    from crm.models import OutboxRow

    OutboxRow.objects.all().delete()
    return company


@pytest.fixture
def killed_worker(settings):
    """A worker in a process of its own that is killed, as by `kill -9`, at a named point of pushing an object."""
    import os
    import signal
    import subprocess
    import sys

    from django.db import connection

    from tests.crm.org import ROOT

    def killed_at(point: str, crm_object: str) -> None:
        database = connection.settings_dict
        address = f"postgres://{database['USER']}:{database['PASSWORD']}@{database['HOST'] or '127.0.0.1'}"
        names = ("INSTANCE_URL", "LOGIN_URL", "CLIENT_ID", "USERNAME", "PRIVATE_KEY_FILE", "CA_BUNDLE")
        env = os.environ | {
            "DATABASE_URL": f"{address}:{database['PORT'] or 5432}/{database['NAME']}",
            **{f"SALESFORCE_{name}": str(getattr(settings, f"SALESFORCE_{name}")) for name in names},
        }
        command = [sys.executable, "-m", "tests.crm.doomed_worker", point, crm_object]
        ended = subprocess.run(command, cwd=ROOT, env=env, check=False, timeout=60, capture_output=True, text=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr

    return killed_at
