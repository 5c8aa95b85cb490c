"""How `make test` runs the tests: in parallel, in a browser where there is one, and honest where there is none."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.bootstrap import BootstrapError, find_chromium

ROOT = Path(__file__).resolve().parent.parent
BROWSER_TESTS = "tests/e2e"


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run pytest with the arguments; the exit code says whether all that had to run has passed.

    E2E=skip leaves the browser tests out. E2E=require fails where they could not run.
    """
    wanted = environ.get("E2E", "")
    chosen = any((ROOT / argument.split("::")[0]).exists() for argument in arguments if not argument.startswith("-"))
    why_not = ""
    browser: str | None = None
    if wanted == "skip":
        why_not = "E2E=skip"
    else:
        try:
            browser = find_chromium()
        except BootstrapError as error:
            why_not = str(error)
        if not browser and not why_not:
            why_not = "no Chromium: install one, or name it in CHROMIUM"

    command = [sys.executable, "-m", "pytest", *_workers(arguments, environ), *arguments]
    if not environ.get("TEST_ALL") and "-m" not in arguments:
        command += ["-m", "not slow"]
    if why_not:
        command.append(f"--ignore={BROWSER_TESTS}")
    env = {**environ, "PORTAL_ENV": "test", **({"CHROMIUM": browser} if browser else {})}
    try:
        code = subprocess.run(command, env=env, cwd=ROOT, check=False).returncode
    except KeyboardInterrupt:
        return 130
    if not why_not or chosen:
        return code
    print(f"\nBrowser tests: NOT RUN ({why_not}).", flush=True)
    return code or (1 if wanted == "require" else 0)


def _workers(arguments: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Two workers, or as many as the machine has processors for; none where one test is looked at closely."""
    closely = {"-n", "--numprocesses", "--pdb", "--trace", "-s", "--collect-only", "--co", "no:xdist"}
    if closely & {argument.split("=")[0] for argument in arguments}:
        return []
    count = environ.get("TEST_WORKERS") or str(min(max(os.cpu_count() or 2, 2), 8))
    return ["-n", count, "--dist", "loadgroup"]
