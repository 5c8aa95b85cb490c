"""What must hold besides the tests: style, types, the direction of imports, migrations, and production's settings."""

import secrets
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sandbox.servers import Servers

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


class Check(NamedTuple):
    title: str
    command: Sequence[str | Path]
    env: Mapping[str, str] = {}


def all_checks() -> list[Check]:
    manage = (sys.executable, "manage.py")
    python, templates = _tracked("*.py"), _tracked("*/templates/*.html", "templates/*.html")
    found = [
        Check("lint", [BIN / "ruff", "check", "."]),
        Check("format", [BIN / "ruff", "format", "--check", "."]),
        Check("types", [BIN / "mypy"]),
        Check("import directions", [BIN / "lint-imports"]),
        Check("current Django", [BIN / "django-upgrade", "--check", "--target-version", "5.2", *python]),
        Check("system checks", [*manage, "check", "--fail-level", "WARNING"]),
        Check("catalogues of translations", [sys.executable, "-m", "sandbox", "messages", "--check"]),
        Check("migrations are complete", [*manage, "makemigrations", "--check", "--dry-run"]),
        Check(
            "production settings",
            [*manage, "check", "--deploy", "--fail-level", "WARNING"],
            env=production_environment(),
        ),
    ]
    if templates:
        found.insert(5, Check("templates", [BIN / "djade", "--target-version", "5.2", "--check", *templates]))
    return found


def production_environment() -> dict[str, str]:
    """Settings as complete as production's must be, with values that open nothing."""
    return {
        "PORTAL_ENV": "production",
        "PORTAL_DEMO": "0",
        "PORTAL_BASE_URL": "https://portal.vendor.example",
        "SECRET_KEY": secrets.token_urlsafe(60),
        "EMAIL_URL": "smtps://user:password@mail.vendor.example:465",
        "STRIPE_API_BASE": "",
        "STRIPE_SECRET_KEY": "sk_test_unused",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_unused",
        "STRIPE_WEBHOOK_SECRET": "whsec_unused",
    }


def run(environ: Mapping[str, str]) -> int:
    """Run each check, also after one has failed, and say what is wrong where it is."""
    failed: list[str] = []
    with Servers(ROOT / ".data" / "tests") as servers:
        for check in all_checks():
            since = time.monotonic()
            done = subprocess.run(
                [str(part) for part in check.command],
                cwd=ROOT,
                env={**environ, "PORTAL_ENV": "test", **servers.env, **check.env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            print(
                f"{'ok    ' if done.returncode == 0 else 'FAILED'} {check.title} ({time.monotonic() - since:.0f} s)",
                flush=True,
            )
            if done.returncode:
                failed.append(check.title)
                print(done.stdout, flush=True)
    if failed:
        print(f"Not as it must be: {', '.join(failed)}.", flush=True)
    return 1 if failed else 0


def _tracked(*patterns: str) -> list[str]:
    """Files of the project; all that lie there when it is not a checkout."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return [name for name in done.stdout.splitlines() if (ROOT / name).exists()]
