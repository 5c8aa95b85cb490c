"""The layout keeps itself: import directions break when they should, and every app is in them."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINTER = PYPROJECT["tool"]["importlinter"]


def contract(name):
    return next(one for one in LINTER["contracts"] if one["id"] == name)


def test_every_local_app_stands_in_the_layers():
    layers = {app for layer in contract("rooms")["layers"] for app in layer.split(" | ")}
    assert layers == set(settings.LOCAL_APPS)
    assert set(settings.LOCAL_APPS) <= set(LINTER["root_packages"])


def test_every_package_with_an_app_config_is_a_local_app():
    assert {path.parent.name for path in ROOT.glob("*/apps.py")} == set(settings.LOCAL_APPS)


@pytest.fixture(scope="module")
def copy_of_the_code(tmp_path_factory):
    target = tmp_path_factory.mktemp("house")
    for package in LINTER["root_packages"]:
        shutil.copytree(ROOT / package, target / package, ignore=shutil.ignore_patterns("__pycache__", "*.md"))
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def lint(folder):
    script = Path(sys.executable).parent / "lint-imports"
    return subprocess.run([script, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("broken", "module", "line"),
    [
        ("Apps import downwards only", "accounts/planted.py", "import commerce.models"),
        ("Apps import downwards only", "cases/planted.py", "import commerce.models"),
        ("The application never imports the sandbox", "portal/planted.py", "import sandbox.valkey"),
        ("Only commerce.stripe_gateway speaks to Stripe", "commerce/planted.py", "import stripe"),
        ("Only crm.client speaks to Salesforce", "crm/planted.py", "import simple_salesforce"),
        ("Pure modules know no ORM, clock or settings", "crm/mapping.py", "import django.db"),
    ],
)
def test_a_planted_violation_breaks_its_contract(copy_of_the_code, broken, module, line):
    planted = copy_of_the_code / module
    before = planted.read_text() if planted.exists() else None
    planted.write_text(f"{before or ''}\n{line}\n")
    try:
        result = lint(copy_of_the_code)
    finally:
        if before is None:
            planted.unlink()
        else:
            planted.write_text(before)
    assert result.returncode == 1
    assert f"{broken} BROKEN" in result.stdout


def test_the_locks_name_no_download_address():
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "--hash=sha256:" in text
        assert "http" not in text.replace("aiohttp", "").replace("httpx", "").replace("httpcore", "").replace(
            "http-", ""
        )
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text()


def test_modules_stay_readable():
    """A module past 500 lines is split by noun."""
    long = [
        f"{path.relative_to(ROOT)}: {count}"
        for package in LINTER["root_packages"]
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts and (count := len(path.read_text().splitlines())) > 500
    ]
    assert long == []


def test_customers_views_scope_every_query():
    """`Model.objects.for_account(...)` is the one spelling; the pre-commit hook greps for the others."""
    import re

    unscoped = [
        f"{path.relative_to(ROOT)}: {match}"
        for app in settings.LOCAL_APPS
        for path in [*(ROOT / app).glob("views*.py"), *(ROOT / app).glob("views/*.py"), *(ROOT / app).glob("api.py")]
        for match in re.findall(r"\w+\.objects\.(?:get|all|filter)\(", path.read_text())
    ]
    assert unscoped == []


def test_customers_read_cases_in_one_spelling():
    """`Case.objects.visible_to(membership)` knows who sees what; `for_account` is for the staff's side and for jobs."""
    import re

    other = re.compile(
        r"\bCase(?:Message|Attachment|Participant)?\.objects\s*\.(?!visible_to\b|select_related\(\"file\"\))\w+"
    )
    found = [
        f"{path.relative_to(ROOT)}: {match}"
        for app in settings.LOCAL_APPS
        for path in [*(ROOT / app).glob("views*.py"), *(ROOT / app).glob("views/*.py"), *(ROOT / app).glob("api.py")]
        for match in other.findall(path.read_text())
    ]
    assert found == []
