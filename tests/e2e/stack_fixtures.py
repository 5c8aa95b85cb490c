"""One whole portal for the browser tests: every part of `make run`, and the proxy that can make trouble.

It starts once, over an empty folder, so a test session sees the demo company as a visitor of the first minute does.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from psycopg.rows import dict_row

from sandbox import localstripe, web
from sandbox.processes import AlreadyRunning, Lock, PartFailed, last_lines
from sandbox.proxy import FaultClient
from sandbox.stack import EVERYTHING, Stack

FOLDER = Path(__file__).parent.parent.parent / ".data" / "tests" / "e2e"
RESULTS = Path(__file__).parent.parent.parent / "test-results"
SLOTS = 9

Found = TypeVar("Found")


def until(look: Callable[[], Found], what: str, *, seconds: float = 20) -> Found:
    """What `look` finds, as soon as it finds something. Fails the test, with `what` was missing, after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"After {seconds:.0f} s: {what}.", pytrace=False)
        time.sleep(0.1)
    return found


@dataclass
class Portal:
    """The running stack, and what a test may ask of each of its parts."""

    stack: Stack
    sessions: dict[str, Any] = field(default_factory=dict)  # Cookies of who has signed in, by address.

    @property
    def url(self) -> str:
        return self.stack.url

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Read from the portal's database, as its owner."""
        with psycopg.connect(self.stack.env["DATABASE_URL"], autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> dict[str, Any] | None:
        return next(iter(self.rows(sql, *values)), None)

    def change(self, sql: str, *values: object) -> None:
        """Move a due date: the one thing that a test can't wait for."""
        with psycopg.connect(self.stack.env["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(sql, values)

    def mail(self, to: str, subject: str = "") -> list[dict[str, Any]]:
        """Messages to one address, the newest first; those whose subject contains a text when it is given."""
        letters = json.loads(web.request(f"{self.stack.env['MAIL_SINK_URL']}api/messages?to={to}").body)
        return [letter for letter in letters if subject.lower() in letter["subject"].lower()]

    def charges(self, invoice: str) -> list[dict[str, Any]]:
        """What localstripe has taken for an invoice."""
        headers = {"Authorization": f"Bearer {localstripe.SECRET_KEY}"}
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            url = f"{self.stripe_url}/v1/payment_intents?limit=100{after}"
            page = json.loads(web.request(url, headers=headers).body)
            found += page["data"]
            if not page["has_more"]:
                break
            after = f"&starting_after={found[-1]['id']}"
        return [one for one in found if one["metadata"].get("invoice") == invoice and one["status"] == "succeeded"]

    @property
    def stripe_url(self) -> str:
        """localstripe itself, past the proxy."""
        return self.stack.env["STRIPE_JS_URL"].removesuffix("/js.stripe.com/v3/")

    @property
    def stripe_trouble(self) -> FaultClient:
        return FaultClient(self.stack.env["STRIPE_API_BASE"])

    @property
    def org_url(self) -> str:
        """The Salesforce org over plain HTTP, which it also speaks on its port."""
        return self.stack.env["SALESFORCE_INSTANCE_URL"].replace("https://localhost", "http://127.0.0.1")

    def org(self, crm_object: str, external_id: object) -> list[dict[str, Any]]:
        """The org's records of one object with this external id: none or one, or something is wrong."""
        records = json.loads(web.request(f"{self.org_url}/_dump?object={crm_object}").body)[crm_object]
        return [one for one in records if one["Portal_Id__c"] == str(external_id) and not one["IsDeleted"]]

    def org_trouble(self, **fault: object) -> None:
        """Let the org's next requests meet a fault; see sandbox.salesforce.control.Fault."""
        answer = web.request(f"{self.org_url}/_fault", method="POST", data=json.dumps(fault).encode())
        assert answer.status == 201, answer.body

    def org_has_met_trouble(self) -> bool:
        """Whether a request has run into each of the faults, also one that is not answered yet."""
        return not json.loads(web.request(f"{self.org_url}/_fault").body)["faults"]

    def end_trouble(self) -> None:
        """Start what a test has killed, and forget faults that no request has met."""
        while dead := self.stack.dead_part():
            self.stack.restart(dead.name)
        web.request(f"{self.org_url}/_fault", method="DELETE")
        self.stripe_trouble.forget()


@pytest.fixture(scope="session")
def portal() -> Iterator[Portal]:
    """The stack, for all browser tests together."""
    folder, lock = _take_folder()
    stack = Stack(folder / "stack", parts=EVERYTHING)
    try:
        try:
            stack.start()
        except PartFailed as failure:
            log = "\n".join(last_lines(failure.log, 30)) if failure.log else ""
            pytest.fail(f"{failure}\n{log}", pytrace=False)
        running = Portal(stack)
        unfinished = "SELECT 1 FROM crm_outboxrow WHERE state IN ('pending', 'leased', 'blocked') LIMIT 1"
        until(lambda: not running.row(unfinished), "the org does not have the whole demo company yet", seconds=90)
        yield running
    finally:
        stack.stop()
        logs = RESULTS / "logs"
        shutil.rmtree(logs, ignore_errors=True)
        if (stack.data_dir / "logs").is_dir():
            shutil.copytree(stack.data_dir / "logs", logs)
        shutil.rmtree(stack.data_dir, ignore_errors=True)
        lock.release()


def _take_folder() -> tuple[Path, Lock]:
    """An empty folder that no other test session uses."""
    for number in range(1, SLOTS + 1):
        folder = FOLDER / str(number)
        try:
            lock = Lock(folder / "lock", "")
        except AlreadyRunning:
            continue
        shutil.rmtree(folder / "stack", ignore_errors=True)
        return folder, lock
    raise AlreadyRunning(f"{SLOTS} browser test sessions already run over {FOLDER}: wait for one to end.")
