"""The org of the tests: the real stand-in in a process of its own, spoken to over TLS as Salesforce would be."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import requests

from crm.client import connect
from crm.models import OutboxRow

ROOT = Path(__file__).resolve().parents[2]


class OrgProcess:
    """An org that can be stopped and started, and asked what it holds."""

    def __init__(self, state: Path) -> None:
        self.state = state
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "sandbox.salesforce", "--port", str(self.port), "--state", str(self.state)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.ready = json.loads(self.process.stdout.readline())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)
        self.process.stdout.close()

    def ask(self, method: str, path: str, body: object = None) -> dict:
        response = requests.request(method, f"http://127.0.0.1:{self.port}/{path}", json=body, timeout=20)
        response.raise_for_status()
        return response.json() if response.content else {}

    def records(self, name: str) -> list[dict]:
        return [one for one in self.ask("GET", f"_dump?object={name}")[name] if not one["IsDeleted"]]

    def record(self, name: str, external_id: object) -> dict:
        (found,) = [one for one in self.records(name) if one["Portal_Id__c"] == str(external_id)]
        return found

    def calls(self, path: str) -> list[dict]:
        return [call for call in self.ask("GET", "_calls")["calls"] if path in call["path"]]

    def fault(self, **fault: object) -> None:
        self.ask("POST", "_fault", fault)

    def edit(self, name: str, crm_id: str, **fields: object) -> None:
        """A person changes a record over there."""
        with connect() as crm:
            crm._call(f"sobjects/{name}/{crm_id}", method="PATCH", json=fields)

    def delete(self, name: str, crm_id: str) -> None:
        with connect() as crm:
            crm._call(f"sobjects/{name}/{crm_id}", method="DELETE")

    def create(self, name: str, **fields: object) -> str:
        with connect() as crm:
            return crm._call(f"sobjects/{name}", method="POST", json=fields)["id"]


def states(external_id: object = None) -> list[str]:
    """The states of the outbox rows, or of one record's, oldest first."""
    rows = OutboxRow.objects.order_by("id")
    if external_id:
        rows = rows.filter(external_id=external_id)
    return list(rows.values_list("state", flat=True))
