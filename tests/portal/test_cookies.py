"""What browsers keep of a visit: cookies that are hard to take away, and nothing else."""

import json
import os
import re
import subprocess
import sys

import pytest
from django.conf import settings

from tests.accounts.test_demo_people import COMPLETE
from tests.factories import PASSWORD


def test_production_s_cookies_travel_over_tls_to_this_host_alone():
    names = [
        "SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE",
        "CSRF_COOKIE_NAME", "CSRF_COOKIE_SECURE", "LANGUAGE_COOKIE_SECURE", "SECURE_SSL_REDIRECT",
    ]  # fmt: skip
    code = f"import json, portal.settings as s; print(json.dumps({{name: getattr(s, name) for name in {names}}}))"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": "postgres://x@127.0.0.1/x", "REDIS_URL": "redis://127.0.0.1"}
        | COMPLETE,
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(result.stdout)
    assert said.pop("SESSION_COOKIE_NAME").startswith("__Host-")
    assert said.pop("CSRF_COOKIE_NAME").startswith("__Host-")
    assert said.pop("SESSION_COOKIE_SAMESITE") == "Lax"
    assert all(said.values()), said


def test_nothing_asks_for_the_conditions_of_a_host_cookie_to_be_dropped():
    """Such a cookie has the path / and no domain; a browser refuses it otherwise."""
    assert settings.SESSION_COOKIE_PATH == settings.CSRF_COOKIE_PATH == "/"
    assert settings.SESSION_COOKIE_DOMAIN is settings.CSRF_COOKIE_DOMAIN is None


@pytest.mark.django_db
def test_cookies_are_out_of_scripts_reach(client, admin):
    client.post("/accounts/login/", {"login": admin.email, "password": PASSWORD})
    for name in (settings.SESSION_COOKIE_NAME, "known_device"):
        assert client.cookies[name]["httponly"]
        assert client.cookies[name]["samesite"] == "Lax"


@pytest.mark.django_db
def test_a_session_s_key_cannot_be_guessed(client, admin):
    client.post("/accounts/login/", {"login": admin.email, "password": PASSWORD})
    assert re.fullmatch(r"[a-z0-9]{32}", client.session.session_key)  # 165 bits.


def test_scripts_keep_nothing_in_the_browser_but_the_theme():
    kept = {
        path.name: found
        for path in (settings.BASE_DIR / "assets" / "js").glob("*.js")
        if (
            found := re.findall(
                r"localStorage|sessionStorage|indexedDB|caches\.|document\.cookie = `\w+", path.read_text()
            )
        )
    }
    assert kept == {"theme.js": ["document.cookie = `theme"]}


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/static/", "/.git/config", "/.env", "/media/", "/media-is-never-served/"])
def test_no_folder_is_listed_and_no_working_file_served(client, address):
    assert client.get(address).status_code == 404
