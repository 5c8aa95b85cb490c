"""`python -m sandbox`: what the Makefile calls.

run               everything, until Ctrl-C           (make run)
test [arguments]  the tests, in parallel             (make test, make test-all)
check             style, types, layers, settings     (make check)
messages          collect what is to be translated   (make messages)
exec -- command   a command with an empty database and cache
clean             forget the data of `run`           (make clean)
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

import psutil
from dotenv import dotenv_values

from sandbox import checks, messages, testing
from sandbox.bootstrap import advice
from sandbox.parts import ROOT
from sandbox.processes import AlreadyRunning, Lock, PartFailed, SandboxError, last_lines
from sandbox.servers import Servers
from sandbox.stack import MAIL, OIDC, SALESFORCE, SAML, STRIPE, Stack

DATA = Path(os.environ.get("DATA_DIR") or ROOT / ".data")
DEFAULT_PORT = 8000
PASSWORD = "portal-demo"
PEOPLE = (
    ("admin@acme.example", "Ada, administrator of Acme Logistics"),
    ("member@acme.example", "Milo, a member there"),
    ("viewer@acme.example", "Vera, who may only look"),
    ("admin@globex.example", "Gus, administrator of Globex Retail"),
    ("admin@nordwind.example", "Nora, who came to Nordwind Solar yesterday"),
    ("support@vendor.example", "Sam, the vendor's support (staff admin)"),
    ("manager@vendor.example", "Mina, the vendor's manager (Insights)"),
    ("hanna@vendor.example", "Hanna, customer success (her portfolio)"),
    ("ines@vendor.example", "Inês, accounts receivable (invoices and payments)"),
    ("priya@vendor.example", "Priya, the portal's administrator (set-up)"),
)
SSO_PEOPLE = (
    ("imogen.hughes@globex.example", "Imogen of Globex Retail (OpenID Connect)"),
    ("kwame.wright@harrow.example", "Kwame, administrator of Harrow & Finch (SAML)"),
)


class Ended(BaseException):
    """Somebody pressed Ctrl-C, or the system wants us to go."""


def say(line: str) -> None:
    print(line, flush=True)


def run() -> int:
    """Start everything and keep it running; when a part ends, everything does."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    given = {**{name: value for name, value in dotenv_values(ROOT / ".env").items() if value}, **os.environ}
    try:
        port = int(os.environ.get("PORT") or DEFAULT_PORT)
    except ValueError:
        return _stopped(f"PORT must be a number, not {os.environ['PORT']}.")
    stack = Stack(DATA, port=port, demo=given.get("PORTAL_DEMO", "1") != "0", given=given, say=say)
    since = time.monotonic()
    try:
        stack.start()
        say(welcome(stack, seconds=time.monotonic() - since))
        make = _make_above()
        while not (dead := stack.dead_part()):
            if make and os.getppid() != make:  # Killed without a chance to tell us.
                raise Ended
            time.sleep(0.25)
        raise dead
    except Ended:
        _ignore_signals()
        say("\nStopping...")
        return 0
    finally:
        _ignore_signals()
        stack.stop()


def welcome(stack: Stack, *, seconds: float) -> str:
    """What a person needs to begin, once everything runs."""
    env = stack.env
    lines = [
        "",
        f"The portal runs (started in {seconds:.0f} s):",
        f"  Portal       {stack.url}  (also {stack.loopback_url})",
        f"  Staff admin  {stack.url}/admin/",
    ]
    if env.get("MAIL_SINK_URL"):
        lines.append(f"  Mail         {env['MAIL_SINK_URL']}")
    stand_ins = [
        text
        for part, text in (
            (STRIPE, f"payments go to localstripe at {env.get('STRIPE_API_BASE')}, not to Stripe"),
            (SALESFORCE, f"the Salesforce org is a stand-in at {env.get('SALESFORCE_INSTANCE_URL')}"),
            (MAIL, "mail goes to the page above and to nobody"),
        )
        if part in stack.parts
    ]
    lines += [f"  Note         {text}" for text in stand_ins]
    width = max(len(address) for address, _ in (*PEOPLE, *SSO_PEOPLE))
    if stack.demo:
        lines += ["", f"Sign in with the password {PASSWORD} as"]
        lines += [f"  {address:<{width}}  {who}" for address, who in PEOPLE]
    if {OIDC, SAML} <= stack.parts:
        lines += ["", f"Or without a password at {stack.url}/sso/, by the company's own identity provider, as"]
        lines += [f"  {address:<{width}}  {who}" for address, who in SSO_PEOPLE]
    lines += ["", f"Logs are in {_short(stack.data_dir / 'logs')}. Ctrl-C stops everything."]
    return "\n".join(lines)


def execute(command: Sequence[str]) -> int:
    """Run a command beside an empty PostgreSQL and Valkey, in the environment of a test."""
    if not command:
        return _stopped("Say which command: python -m sandbox exec -- command.")
    signal.signal(signal.SIGTERM, _end)
    with Servers(DATA / "tests") as servers:
        return subprocess.run(command, env={**os.environ, **servers.env}, check=False, cwd=ROOT).returncode


def clean() -> int:
    """Forget everything `run` and the tests have kept. Refuses while one of them runs."""
    if not DATA.exists():
        say("Nothing to forget.")
        return 0
    try:
        locks = [Lock(file, f"{_short(file.parent)} is in use: stop what runs there first.") for file in _locks()]
    except AlreadyRunning as error:
        return _stopped(str(error))
    shutil.rmtree(DATA)
    for lock in locks:
        lock.release()
    say("The data in .data is gone; the next `make run` starts anew.")
    return 0


def _locks() -> list[Path]:
    return [DATA / "lock", *(DATA / "tests").glob("*/lock")]


def _stopped(message: str, *, log: Path | None = None) -> int:
    say(f"Stopped: {message}")
    if log and (lines := last_lines(log)):
        say(f"The end of {_short(log)}:")
        for line in lines:
            say(f"  | {line}")
    return 1


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _make_above() -> int:
    """The process id of the `make` that called us, 0 when something else did."""
    parent = os.getppid()
    try:
        return parent if psutil.Process(parent).name() in ("make", "gmake") else 0
    except psutil.Error:
        return 0


def _end(number: int, frame: FrameType | None) -> None:
    raise Ended


def _ignore_signals() -> None:
    """From here on we are stopping anyway."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    verb, *rest = arguments or ["run"]
    if verb == "test":
        # What follows belongs to pytest.
        return testing.run(rest, environ)
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name in ("run", "check", "clean"):
        verbs.add_parser(name)
    verbs.add_parser("messages").add_argument("--check", action="store_true", help="only say whether something is new")
    verbs.add_parser("exec").add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args([verb, *rest])
    match options.verb:
        case "check":
            return checks.run(environ)
        case "clean":
            return clean()
        case "messages":
            os.environ.update({"DJANGO_SETTINGS_MODULE": "portal.settings", "PORTAL_ENV": "test"})
            return messages.run(check=options.check)
        case "exec":
            return execute([part for index, part in enumerate(options.command) if index or part != "--"])
        case _:
            return run()


def main_or_one_line(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    try:
        return main(arguments, environ)
    except PartFailed as failure:
        return _stopped(f"{failure}.", log=failure.log)
    except SandboxError as error:
        return _stopped(str(error))
    except OSError as error:
        return _stopped(f"{advice(str(error)) or error}.")
    except (Ended, KeyboardInterrupt):
        return 130


if __name__ == "__main__":
    sys.exit(main_or_one_line(sys.argv[1:], os.environ))
