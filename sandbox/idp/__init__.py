"""Real identity providers on loopback, for the tests and the demo: npm's `oidc-provider`, and `samlp` under express.

with SamlProvider(folder, port=free_port(), log=log) as idp:
    idp.control(person=PEOPLE[0])
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sandbox import web
from sandbox.bootstrap import VENV
from sandbox.parts import ROOT
from sandbox.processes import LOOPBACK, Child, PartFailed, SandboxError, wait_until

SCRIPTS = Path(__file__).parent
SAML_GROUPS = "http://schemas.passportjs.com/groups"  # How samlp calls a person's groups.


class NodeProvider:
    """One identity provider in a process of its own; `people` are those it offers to sign in."""

    name = ""

    def __init__(self, folder: Path, *, port: int, log: Path, people: Sequence[Mapping[str, Any]] = ()) -> None:
        self.folder = folder
        self.port = port
        self.log = log
        self.people = people
        self._child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def child(self) -> Child:
        assert self._child is not None, "not started"
        return self._child

    def start(self) -> Self:
        """Start it and wait until it answers. Raises PartFailed when it does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        people = self._write("people.json", self.people)
        command = [node(), SCRIPTS / f"{self.name}.mjs", "--port", str(self.port), "--people", people, *self._options()]
        self._child = Child(f"idp-{self.name}", command, log=self.log, cwd=ROOT)
        try:
            wait_until(lambda: web.answers(f"{self.url}/_health"), child=self._child, seconds=30)
        except PartFailed:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        if self._child:
            self._child.stop()
            self._child = None

    def control(self, **what: Any) -> None:
        """Whom it signs in without asking, and how it misbehaves; without arguments, as usual."""
        answer = web.request(
            f"{self.url}/_control",
            method="POST",
            data=json.dumps(what).encode(),
            headers={"Content-Type": "application/json"},
        )
        if answer.status != 200:
            raise PartFailed(self.name, f"refused its control: {answer.status}", self.log)

    def _options(self) -> list[str | Path]:
        raise NotImplementedError

    def _write(self, name: str, content: object) -> Path:
        file = self.folder / name
        file.write_text(json.dumps(content))
        return file

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class SamlProvider(NodeProvider):
    """Keeps its key in its folder: metadata that was brought to the portal stays true after a restart."""

    name = "saml"

    @property
    def metadata_url(self) -> str:
        return f"{self.url}/metadata"

    def _options(self) -> list[str | Path]:
        key, certificate = self.folder / "key.pem", self.folder / "certificate.pem"
        if not certificate.exists():
            make_certificate(key, certificate)
        return ["--key", key, "--cert", certificate]


class OidcProvider(NodeProvider):
    """Knows the clients that it was started with, each with one redirect URI."""

    name = "oidc"

    def __init__(
        self, folder: Path, *, port: int, log: Path, clients: Sequence[Mapping[str, Any]], **options: Any
    ) -> None:
        super().__init__(folder, port=port, log=log, **options)
        self.clients = clients

    def _options(self) -> list[str | Path]:
        return ["--clients", self._write("clients.json", self.clients)]


def node() -> str:
    """Node from the PATH, or the one that came as a wheel. Raises SandboxError."""
    found = shutil.which("node") or shutil.which("node", path=str(VENV / "bin"))
    if found is None:
        raise SandboxError("The identity providers of the demo need Node: run `make run` once, which installs it.")
    return found


def make_certificate(key_file: Path, certificate_file: Path) -> None:
    """A self-signed certificate for ten years, as identity providers have them."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Demo identity provider")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .sign(key, SHA256())
    )
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key_file.chmod(0o600)
    certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
