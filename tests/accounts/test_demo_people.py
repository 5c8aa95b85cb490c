"""Demo people have a public password: production does not start while they exist, and a command takes their access."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import call_command
from pydantic import ValidationError

from accounts.checks import no_demo_people_in_production
from accounts.models import Membership, User
from portal.environment import Environment
from tests.factories import PASSWORD

COMPLETE = {
    "PORTAL_ENV": "production",
    "PORTAL_DEMO": "0",
    "PORTAL_BASE_URL": "https://portal.vendor.example",
    "SECRET_KEY": "s" * 60,
    "EMAIL_URL": "smtps://user:password@mail.vendor.example:465",
    "STRIPE_API_BASE": "",
    "STRIPE_SECRET_KEY": "sk_test_x",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
}


@pytest.fixture
def demo_admin(admin):
    User.objects.filter(pk=admin.pk).update(is_demo=True)
    return admin


@pytest.mark.django_db
def test_production_refuses_while_demo_people_exist(demo_admin, settings):
    settings.PORTAL_DEMO = False
    problems = no_demo_people_in_production(None, databases=["default"])
    assert [problem.id for problem in problems] == ["accounts.E001"]
    settings.PORTAL_DEMO = True
    assert no_demo_people_in_production(None, databases=["default"]) == []


@pytest.mark.django_db
def test_the_command_takes_their_access_and_keeps_their_names(demo_admin, settings, client, capsys):
    client.force_login(demo_admin, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/company/").status_code == 200
    call_command("remove_demo_people")
    assert "1 demo people" in capsys.readouterr().out
    settings.PORTAL_DEMO = False
    assert no_demo_people_in_production(None, databases=["default"]) == []
    demo_admin.refresh_from_db()
    assert not demo_admin.check_password(PASSWORD)
    assert demo_admin.name == "Ada Achterberg"
    assert not Membership.objects.get(user=demo_admin).is_active
    assert client.get("/company/")["Location"].startswith("/accounts/login/")  # Signed out everywhere.


def problem_of(**changed):
    """What is wrong with an environment, in words; empty when it is complete."""
    values = {name.lower(): value for name, value in (COMPLETE | changed).items()}
    try:
        Environment(_env_file=None, **values)
    except ValidationError as error:
        return "; ".join(one["msg"] for one in error.errors())
    return ""


def test_complete_settings_start(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://portal@127.0.0.1/portal")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1")
    assert problem_of() == ""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "at least 50"),
        ({"STRIPE_WEBHOOK_SECRET": ""}, "STRIPE_WEBHOOK_SECRET"),
        ({"EMAIL_URL": ""}, "EMAIL_URL"),
        ({"PORTAL_DEMO": "1"}, "remove_demo_people"),
        ({"STRIPE_API_BASE": "http://127.0.0.1:1"}, "STRIPE_API_BASE"),
        ({"PORTAL_BASE_URL": "http://portal.vendor.example"}, "https://"),
        ({"PORTAL_ENV": "test", "STRIPE_SECRET_KEY": "sk_live_x", "STRIPE_API_BASE": "http://127.0.0.1:1"}, "live"),
        ({"PORTAL_ENV": "test", "STRIPE_API_BASE": "http://pay.example"}, "on this machine"),
    ],
)
def test_what_is_missing_or_unsafe_is_said(changed, said):
    assert said in problem_of(**changed)


def test_a_start_that_is_refused_says_so_in_one_line():
    result = subprocess.run(
        [sys.executable, "-c", "import portal.settings"],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"]} | COMPLETE | {"SECRET_KEY": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("The portal cannot start: set SECRET_KEY")
    assert len(result.stderr.strip().splitlines()) == 1
