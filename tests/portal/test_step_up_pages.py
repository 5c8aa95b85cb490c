"""What asks once more who one is, all of it: each change is refused to a stale session, and nothing has changed."""

from dataclasses import replace
from urllib.parse import unquote

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import resolve

from tests.pages import INVENTORY
from tests.pages.kinds import nothing
from tests.pages.letters import Letter
from tests.portal.test_walk import writes, written_since
from tests.world import client_of, undone

pytestmark = pytest.mark.usefixtures("in_the_world")

# Money, people and sign-in. Whatever else is protected is walked below as well; these must be.
MUST_BE_PROTECTED = {
    "accounts:company-profile",
    "commerce:accept-quote",
    "commerce:pay",
    "commerce:start-payment",
}


def is_protected(entry, company):
    return entry.method != "GET" and getattr(resolve(entry.url(company)).func, "steps_up", False)


def protected_names(company):
    return {entry.name for entry in INVENTORY if is_protected(entry, company)}


def test_money_people_and_sign_in_are_protected(world):
    assert protected_names(world.acme) >= MUST_BE_PROTECTED


def test_a_stale_session_changes_nothing(world):
    company = world.acme
    with undone():
        client = Client()
        client.force_login(company.administrator, backend="django.contrib.auth.backends.ModelBackend")
        assert client.session[SESSION_KEY] == str(company.administrator.pk)
        signed_in = writes()
        for entry in INVENTORY:
            if not is_protected(entry, company):
                continue
            if entry.needs_stripe:  # What its form says comes from there; the refusal comes before it is read.
                entry = replace(entry, body=nothing)
            letter = Letter.about(entry, company)
            response = getattr(client, letter.method.lower())(letter.url, **letter.options)
            where = response.get("Location") or response.get("HX-Redirect") or response.json()["next"]
            assert unquote(where).startswith("/accounts/reauthenticate/?next=/"), entry.id
            assert written_since(signed_in) == [], entry.id


def test_the_card_form_asks_before_it_is_shown(world):
    company = world.acme
    url = next(entry for entry in INVENTORY if entry.name == "commerce:pay").url(company)
    with undone():
        client = Client()
        client.force_login(company.administrator, backend="django.contrib.auth.backends.ModelBackend")
        assert client.get(url)["Location"].startswith("/accounts/reauthenticate/")
        assert client_of(company.administrator).get(url).status_code == 200
