"""Everything the portal needs, and the portal itself, started in order on one machine.

    stack = Stack(Path(".data"), port=8000)
    stack.start()
    ...
    stack.stop()

`make run` is one of these; the browser tests start others beside it, over folders and ports of their own.
"""

import contextlib
import json
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from sandbox import localstripe, watchdog, web
from sandbox.audit_keys import SIGNING_KEY, audit_keys
from sandbox.bootstrap import LOCK_FILE, digest, is_current
from sandbox.idp import NodeProvider
from sandbox.idp.companies import of_globex, of_harrow
from sandbox.localstripe import LocalStripe
from sandbox.parts import ROOT, Part, Program, Published
from sandbox.postgres import Postgres
from sandbox.processes import (
    LOOPBACK,
    Child,
    Lock,
    PartFailed,
    SandboxError,
    accepts_connections,
    free_port,
    keep_watching,
    kept_port,
    secret,
    wait_until,
)
from sandbox.valkey import Valkey
from sandbox.variables import is_setting

MAIL_INTAKE_PATH = "/webhooks/mail/"
STRIPE_WEBHOOK_PATH = "/webhooks/stripe/"
POSTGRES, VALKEY, STRIPE, PROXY, SALESFORCE, MAIL = "postgres", "valkey", "localstripe", "proxy", "salesforce", "mail"
CHECKOUT = "checkout"  # In front of localstripe, where customers are to pay on Stripe's own page.
WEB, WORKER, BEAT = "web", "worker", "beat"
OIDC, SAML = "idp-oidc", "idp-saml"
OUTSIDE = (POSTGRES, VALKEY, STRIPE, CHECKOUT, PROXY, SALESFORCE, MAIL)
PORTAL = (WEB, WORKER, BEAT)
EVERYTHING = frozenset({*OUTSIDE, *PORTAL} - {CHECKOUT})
IDENTITY = (OIDC, SAML)  # Of two companies of the demo; without the demo nobody knows them.
# The proxy is for tests: a demo talks to localstripe itself.
DEMO_PARTS = EVERYTHING - {PROXY} | {*IDENTITY}
# An outside server that is named in the environment is used, and its stand-in is not started.
REPLACED_BY: Mapping[str, str] = {
    POSTGRES: "DATABASE_URL",
    VALKEY: "REDIS_URL",
    STRIPE: "STRIPE_SECRET_KEY",
    CHECKOUT: "STRIPE_SECRET_KEY",
    PROXY: "STRIPE_SECRET_KEY",
    SALESFORCE: "SALESFORCE_INSTANCE_URL",
    MAIL: "EMAIL_URL",
}


class Stack:
    """The portal and the outside world around it, over one folder. Two over one folder raise AlreadyRunning."""

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        parts: Iterable[str] = DEMO_PARTS,
        demo: bool = True,
        given: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        """`port` is the portal's, a free one when not given. `demo` seeds the demo company into an empty database.

        `given` are settings from outside: what they name is used, and its stand-in is not started.
        """
        self.data_dir = data_dir.resolve()
        self.given = {name: value for name, value in (given or {}).items() if value and is_setting(name)}
        wanted = set(parts)
        if PROXY in wanted:
            wanted.add(STRIPE)
        if STRIPE in wanted and self.given.get("STRIPE_PAY_PAGE") == "checkout":
            wanted.add(CHECKOUT)
        if not demo:
            wanted -= {*IDENTITY}
        self.parts = frozenset(part for part in wanted if REPLACED_BY.get(part, "") not in self.given)
        self.demo = demo
        self.port = port
        self.env: dict[str, str] = {}
        self._say = say
        self._running: dict[str, Part] = {}
        self._guard = threading.Lock()
        self._lock: Lock | None = None

    @property
    def url(self) -> str:
        """The portal's address, the one that its own links carry."""
        return f"http://portal.localhost:{self.port}"

    @property
    def loopback_url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> Self:
        """Start everything, and wait until the portal answers and every part of it works.

        Raises SandboxError with one line that says what to do; PartFailed names the part and its log.
        """
        self._lock = Lock(self.data_dir / "lock", f"A portal already runs over {self.data_dir}: stop that one first.")
        try:
            self._end_leftovers()
            self._take_port()
            self.env = self._settings()
            self._start_all()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop everything; the portal before what it stands on."""
        with self._guard:
            portal = [part for name, part in self._running.items() if name in PORTAL]
            outside = [part for name, part in self._running.items() if name not in PORTAL]
            self._running.clear()
        for group in (portal, outside):
            if group:
                with ThreadPoolExecutor(len(group)) as pool:
                    list(pool.map(lambda part: part.stop(), group))
        (self.data_dir / "children.json").unlink(missing_ok=True)
        if self._lock:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def pids(self) -> dict[str, int]:
        """The leading process of each part."""
        return {name: part.child.pid for name, part in self._running.items()}

    def kill(self, name: str) -> None:
        """`kill -9` to a part with all its processes."""
        self._running[name].child.kill()

    def restart(self, name: str) -> None:
        """Start a part again, after `kill` or while it runs. localstripe and the proxy come back empty."""
        part = self._running[name]
        part.stop()
        self._start_part(name, part)
        if name == STRIPE:
            self._register_webhook()

    def dead_part(self) -> PartFailed | None:
        """The part that has ended on its own, if one has."""
        keep_watching()
        for name, part in list(self._running.items()):
            child = part.child
            if not child.is_running:
                return PartFailed(name, f"stopped (exit code {child.exit_code})", child.log)
        return None

    def manage(self, *arguments: str, seconds: float = 600) -> str:
        """Run a `manage.py` command in the portal's environment, and return what it printed.

        Raises PartFailed when it fails.
        """
        return self._python(f"manage.py {arguments[0]}", "manage.py", *arguments, seconds=seconds)

    def seed(self) -> None:
        """Load the demo company, unless there are customers. Raises PartFailed."""
        self._python("sandbox.demo", "-m", "sandbox.demo", "--if-empty", *self._identity_options())

    def _identity_options(self) -> list[str]:
        """Where the demo's identity providers are, as `sandbox.demo` wants to hear it."""
        return [
            f"--{name}={part.url}" for name, part in sorted(self._running.items()) if isinstance(part, NodeProvider)
        ]

    def _python(self, name: str, *arguments: str, seconds: float = 600) -> str:
        log = self.log(name.replace(".py ", "-").replace(".", "-"))
        log.unlink(missing_ok=True)
        child = Child(name, [sys.executable, *arguments], log=log, env=self.child_env(), cwd=ROOT)
        try:
            if child.wait(seconds) is None:
                raise PartFailed(child.name, f"did not end within {seconds:.0f} s", log)
        finally:
            child.stop()
        if child.exit_code:
            raise PartFailed(child.name, "failed", log)
        return log.read_text(errors="replace")

    def log(self, name: str) -> Path:
        return self.data_dir / "logs" / f"{name}.log"

    def child_env(self) -> dict[str, str]:
        """The environment of the portal's processes: ours without settings, and then the stack's settings."""
        kept = {name: value for name, value in os.environ.items() if not is_setting(name)}
        return {**kept, "PYTHONUNBUFFERED": "1", **self.env}

    def wait_until_healthy(self, *, seconds: float = 60) -> None:
        """Wait until `/healthz` says that web, database, cache, worker and beat all work."""
        wait_until(
            lambda: web.answers(f"{self.loopback_url}/healthz"),
            child=self._running[WEB].child,
            seconds=seconds,
            what=f"was not healthy (see {self.loopback_url}/healthz)",
            poll=0.1,
        )

    def _take_port(self) -> None:
        if self.port is None:
            self.port = free_port()
        elif WEB in self.parts and (accepts_connections(self.port) or free_port(self.port) != self.port):
            raise SandboxError(
                f"Port {self.port} is in use by another program: stop it, or choose another port: "
                f"PORT={free_port()} make run"
            )

    def _settings(self) -> dict[str, str]:
        return {
            "PORTAL_ENV": "development",
            "PORTAL_DEMO": "1" if self.demo else "0",
            "PORTAL_BASE_URL": self.url,
            "PORT": str(self.port),
            "SECRET_KEY": secret(self.data_dir / "secret.key", lambda: secrets.token_urlsafe(60)),
            "MEDIA_ROOT": str(self.data_dir / "media"),
            "AUDIT_PUBLIC_KEY_FILE": str(audit_keys(self.data_dir)),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            **self.given,
        }

    def _start_all(self) -> None:
        pool = ThreadPoolExecutor(len(OUTSIDE) + len(IDENTITY) + len(PORTAL))
        try:
            starts = {
                name: pool.submit(self._start_part, name, self._make(name))
                for name in (*OUTSIDE, *IDENTITY)
                if name in self.parts
            }
            # Django reads every setting as it starts, so all addresses are needed; they are known before the servers
            # answer, all but the files of the Salesforce org.
            self._wait(starts)
            if PROXY in self.parts or STRIPE in self.parts:
                self._register_webhook()
            if not {*PORTAL} & self.parts:
                return
            self._prepare_database()
            self._wait(
                {name: pool.submit(self._start_part, name, self._make(name)) for name in PORTAL if name in self.parts}
            )
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        if {*PORTAL} <= self.parts:
            self._timed("Waiting until every part is well", self.wait_until_healthy)

    def _wait(self, starts: Mapping[str, "Future[None]"]) -> None:
        since = time.monotonic()
        told = False
        while not all(start.done() for start in starts.values()):
            if not told and time.monotonic() - since > 2:
                told = True
                self._say(f"Starting {', '.join(name for name, start in starts.items() if not start.done())}...")
            time.sleep(0.02)
            for start in starts.values():
                if start.done():
                    start.result()
        for start in starts.values():
            start.result()

    def _prepare_database(self) -> None:
        # Each step costs a start of Django. Over our own database they are left out while no line of code has changed.
        stamp = self.data_dir / "database.ready"
        state = digest([*_python_of_the_apps(), LOCK_FILE], f"{self.demo} {' '.join(self._identity_options())}")
        if POSTGRES in self.parts and is_current(stamp, state):
            return
        self._timed("Bringing the database up to date", lambda: self.manage("migrate", "--noinput", "--verbosity=1"))
        if self.demo:
            self._timed("Looking after the demo company", self.seed)
        stamp.write_text(state)

    def _timed(self, title: str, action: Callable[[], object]) -> None:
        """Say what is being done, once it takes longer than a moment."""
        teller = threading.Timer(2.0, lambda: self._say(f"{title}..."))
        teller.daemon = True
        teller.start()
        since = time.monotonic()
        try:
            action()
        finally:
            teller.cancel()
        if (seconds := time.monotonic() - since) > 2:
            self._say(f"  done in {seconds:.0f} s")

    def _start_part(self, name: str, part: Part) -> None:
        with self._guard:
            self._running[name] = part
        part.start()
        self._remember()

    def _make(self, name: str) -> Part:
        return {
            POSTGRES: self._make_postgres,
            VALKEY: self._make_valkey,
            STRIPE: self._make_localstripe,
            CHECKOUT: self._make_checkout,
            PROXY: self._make_proxy,
            SALESFORCE: self._make_salesforce,
            MAIL: self._make_mail,
            OIDC: lambda: self._make_identity_provider(OIDC),
            SAML: lambda: self._make_identity_provider(SAML),
            WEB: self._make_web,
            WORKER: self._make_worker,
            BEAT: self._make_beat,
        }[name]()

    def _make_postgres(self) -> Part:
        return Published(Postgres(self.data_dir / "postgres", log=self.log(POSTGRES)), self.env, "DATABASE_URL")

    def _make_valkey(self) -> Part:
        return Published(Valkey(self.data_dir / "valkey", log=self.log(VALKEY)), self.env, "REDIS_URL")

    def _make_localstripe(self) -> Part:
        server = LocalStripe(port=kept_port(self.data_dir / "ports", STRIPE), log=self.log(STRIPE))
        self.env |= {
            "STRIPE_API_BASE": server.url,
            "STRIPE_SECRET_KEY": localstripe.SECRET_KEY,
            "STRIPE_PUBLISHABLE_KEY": localstripe.PUBLISHABLE_KEY,
            "STRIPE_JS_URL": server.js_url,
            "STRIPE_WEBHOOK_SECRET": secret(
                self.data_dir / "stripe-webhook.secret", lambda: f"whsec_{secrets.token_hex(24)}"
            ),
        }
        return server

    def _make_checkout(self) -> Part:
        part, url = self._in_front_of_stripe(CHECKOUT, ready="/v1/events?type=checkout.session.completed")
        self.env["STRIPE_CHECKOUT_ORIGIN"] = url
        return part

    def _make_proxy(self) -> Part:
        return self._in_front_of_stripe(PROXY, ready="/_fault")[0]

    def _in_front_of_stripe(self, name: str, *, ready: str) -> tuple[Part, str]:
        """`sandbox.<name>`, to which the portal speaks from now on, and its address."""
        port, upstream = kept_port(self.data_dir / "ports", name), self.env["STRIPE_API_BASE"]
        url = self.env["STRIPE_API_BASE"] = f"http://{LOOPBACK}:{port}"
        part = Program(
            name,
            lambda: [sys.executable, "-m", f"sandbox.{name}", "--port", str(port), "--upstream", upstream],
            log=self.log(name),
            env=self.child_env,
            ready=lambda: web.answers(url + ready),
        )
        return part, url

    def _make_salesforce(self) -> Part:
        port = kept_port(self.data_dir / "ports", SALESFORCE)
        state = self.data_dir / "salesforce"
        state.mkdir(parents=True, exist_ok=True)
        stack = self

        class Org(Program):
            def start(self) -> None:
                super().start()
                credentials = json.loads((state / "credentials.json").read_text())
                stack.env |= {
                    "SALESFORCE_INSTANCE_URL": f"https://localhost:{port}",
                    "SALESFORCE_LOGIN_URL": f"https://localhost:{port}",
                    "SALESFORCE_CLIENT_ID": credentials["client_id"],
                    "SALESFORCE_USERNAME": credentials["username"],
                    "SALESFORCE_PRIVATE_KEY_FILE": str(state / "jwt.key"),
                    "SALESFORCE_CA_BUNDLE": str(state / "ca.pem"),
                }

        return Org(
            SALESFORCE,
            lambda: [sys.executable, "-m", "sandbox.salesforce", "--port", str(port), "--state", state],
            log=self.log(SALESFORCE),
            env=self.child_env,
            ready=lambda: web.answers(f"http://{LOOPBACK}:{port}/_health"),
        )

    def _make_mail(self) -> Part:
        smtp_port = kept_port(self.data_dir / "ports", "smtp")
        http_port = kept_port(self.data_dir / "ports", MAIL)
        self.env |= {
            "EMAIL_URL": f"smtp://{LOOPBACK}:{smtp_port}",
            "MAIL_SINK_URL": f"http://{LOOPBACK}:{http_port}/",
            "EMAIL_INBOUND_ADDRESS": "reply@portal.example",
            "EMAIL_WEBHOOK_SECRET": "sink:"
            + secret(self.data_dir / "mail-webhook.secret", lambda: secrets.token_urlsafe(30)),
        }
        ports = ["--smtp-port", str(smtp_port), "--http-port", str(http_port)]
        ports += ["--intake", f"{self.loopback_url}{MAIL_INTAKE_PATH}"]
        return Program(
            MAIL,
            lambda: [sys.executable, "-m", "sandbox.mailsink", "--folder", self.data_dir / "mail", *ports],
            log=self.log(MAIL),
            env=self.child_env,
            ready=lambda: web.answers(f"http://{LOOPBACK}:{http_port}/_health") and accepts_connections(smtp_port),
        )

    def _make_identity_provider(self, name: str) -> Part:
        port = kept_port(self.data_dir / "ports", name)
        self.env["OUTBOUND_LOOPBACK"] = "1"
        make = of_globex if name == OIDC else of_harrow
        return make(self.data_dir / name, port=port, log=self.log(name), portal_url=self.env["PORTAL_BASE_URL"])

    def _make_web(self) -> Part:
        return Program(
            WEB,
            lambda: [
                *(sys.executable, "-m", "gunicorn", "portal.wsgi", "--bind", f"{LOOPBACK}:{self.port}"),
                # Loaded once, before the workers fork: no connection is open by then.
                *("--worker-class", "gthread", "--workers", "2", "--threads", "4", "--preload"),
                *("--graceful-timeout", "5", "--timeout", "60", "--no-control-socket"),
            ],
            log=self.log(WEB),
            env=lambda: {**self.child_env(), "DATABASE_POOL": "1"},
            ready=lambda: web.answers(f"{self.loopback_url}/livez"),
        )

    def _make_worker(self) -> Part:
        return Program(
            WORKER,
            lambda: [
                *(sys.executable, "-m", "celery", "-A", "portal.celery", "worker", "--loglevel", "INFO"),
                *("--concurrency", "2", "--without-gossip", "--without-mingle"),
            ],
            log=self.log(WORKER),
            # The one process that seals the audit log.
            env=lambda: {"AUDIT_SIGNING_KEY_FILE": str(self.data_dir / SIGNING_KEY), **self.child_env()},
        )

    def _make_beat(self) -> Part:
        schedule = self.data_dir / "beat" / "schedule"
        schedule.parent.mkdir(parents=True, exist_ok=True)
        return Program(
            BEAT,
            lambda: [
                *(sys.executable, "-m", "celery", "-A", "portal.celery", "beat", "--loglevel", "INFO"),
                *("--schedule", schedule, "--pidfile", ""),
            ],
            log=self.log(BEAT),
            env=self.child_env,
        )

    def _register_webhook(self) -> None:
        server = self._running[STRIPE]
        assert isinstance(server, LocalStripe)
        server.register_webhook(f"{self.loopback_url}{STRIPE_WEBHOOK_PATH}", secret=self.env["STRIPE_WEBHOOK_SECRET"])

    def _remember(self) -> None:
        """Note our processes, for a start after this one and its watchdog have both been killed."""
        with self._guard:
            pids: list[tuple[int, float]] = []
            for part in self._running.values():
                with contextlib.suppress(AssertionError, psutil.NoSuchProcess):
                    pids.append((part.child.pid, psutil.Process(part.child.pid).create_time()))
            (self.data_dir / "children.json").write_text(json.dumps(pids))

    def _end_leftovers(self) -> None:
        """We hold the lock, so processes noted here have lost their parent."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            for pid, created in json.loads((self.data_dir / "children.json").read_text()):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if psutil.Process(pid).create_time() == created:
                        watchdog.end_group(pid)


def _python_of_the_apps() -> list[Path]:
    return [file for app in sorted(ROOT.glob("*/apps.py")) for file in sorted(app.parent.rglob("*.py"))]
