"""What a password may be, how it rests, and that checking one takes as much work whoever it is for."""

import math

import pytest
from allauth.account.adapter import get_adapter
from django.conf import global_settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, get_hasher, make_password
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


class CountedHasher(PBKDF2PasswordHasher):
    """Counts how often it had to work."""

    iterations = 1
    worked = 0

    def encode(self, password, salt, iterations=None):
        CountedHasher.worked += 1
        return super().encode(password, salt, iterations)


@pytest.fixture
def work(settings):
    settings.PASSWORD_HASHERS = ["tests.accounts.test_passwords.CountedHasher"]

    def of(ask):
        CountedHasher.worked = 0
        ask()
        return CountedHasher.worked

    return of


def sign_up(client, password, email="nia@new.example"):
    return client.post("/accounts/signup/", {"name": "Nia New", "email": email, "password1": password})


ALLOWED = {
    "twelve characters": "kzwqhvbxmrtp",
    "a hundred and twenty-eight": ("a lengthy phrase " * 8)[:128],
    "digits only": "804629175302",
    "any alphabet, spaces and pictures": "пароль 密码 كلمة 🦊🦊",
}


@pytest.mark.parametrize("password", ALLOWED.values(), ids=ALLOWED)
def test_any_characters_are_taken_and_all_of_them_count(client, password):
    assert sign_up(client, password).status_code == 302
    user = User.objects.get(email="nia@new.example")
    assert user.check_password(password)
    assert not user.check_password(password[:-1])


REFUSED = {
    "eleven characters": "kzwqhvbxmrt",
    "a hundred and twenty-nine": "x7 " * 43,
    "a common one": "password1234",
    "one's own address": "nia@new.example",
}


@pytest.mark.parametrize("password", REFUSED.values(), ids=REFUSED)
def test_short_endless_and_known_passwords_are_refused(client, password):
    response = sign_up(client, password)
    assert response.status_code == 200
    assert response.context["form"].errors.keys() == {"password1"}
    assert not User.objects.filter(email="nia@new.example").exists()


@pytest.mark.parametrize("password", ["short", "password1234"])
def test_a_change_is_held_to_the_same_rules(signed_in, admin, password):
    signed_in(admin).post(
        "/accounts/password/change/", {"oldpassword": PASSWORD, "password1": password, "password2": password}
    )
    admin.refresh_from_db()
    assert admin.check_password(PASSWORD)


def test_an_old_password_goes_on_working(client, admin):
    """Nobody is made to change theirs after a time, or because it was set before the rules."""
    admin.set_password("portal-demo")
    admin.save()
    response = client.post("/accounts/login/", {"login": admin.email, "password": "portal-demo"})
    assert response["Location"] == "/"


@pytest.mark.parametrize("page", ["/accounts/login/", "/accounts/signup/"])
def test_password_managers_know_what_is_asked(client, page):
    wanted = {"/accounts/login/": "current-password", "/accounts/signup/": "new-password"}[page]
    content = client.get(page).content.decode()
    assert f'autocomplete="{wanted}"' in content
    assert "onpaste" not in content


def test_passwords_rest_hashed_slowly_with_a_salt_of_their_own(settings):
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS  # Tests hash cheaply.
    hasher = get_hasher()
    assert hasher.algorithm == "pbkdf2_sha256"
    assert hasher.iterations >= 600_000
    assert hasher.salt_entropy >= 32
    one, other = make_password(PASSWORD), make_password(PASSWORD)
    assert PASSWORD not in one
    assert hasher.decode(one)["salt"] != hasher.decode(other)["salt"]
    assert check_password(PASSWORD, one)


def test_settings_choose_no_hasher_of_their_own():
    """So that production has Django's default, whose rounds grow with every release."""
    import portal.settings

    assert not hasattr(portal.settings, "PASSWORD_HASHERS")


def test_signing_up_is_as_much_work_for_a_known_address_as_for_a_new_one(client, admin, work):
    new = work(lambda: sign_up(client, "a-long-passphrase-7"))
    known = work(lambda: sign_up(Client(), "a-long-passphrase-7", admin.email))
    assert known == new > 0
    assert len(mail.outbox) == 2  # One to each.


def test_signing_in_is_as_much_work_for_an_address_that_nobody_has(client, admin, work):
    admin.set_password(PASSWORD)
    admin.save()

    def attempt(email):
        return lambda: client.post("/accounts/login/", {"login": email, "password": "wrong-password-1"})

    assert work(attempt(admin.email)) == work(attempt("nobody@acme.example")) > 0


@pytest.mark.parametrize("kind", ["login", "password_reset", "email_verification"])
def test_codes_by_mail_are_hard_to_guess(kind):
    code = getattr(get_adapter(), f"generate_{kind}_code")()
    letters = code.replace("-", "")
    assert letters.isalpha()
    assert len(letters) * math.log2(20) >= 20  # Bits: of the 20 consonants that allauth draws from.
    assert code != getattr(get_adapter(), f"generate_{kind}_code")()


LEVELS = {
    "short": ("Not strong enough", "short"),
    "aaaaaaaaaaaaaaaaaa": ("Fair", ""),
    "kzwqhvbxmrtp": ("Fair", ""),
    "a-long-passphrase-7": ("Good", ""),
    "seven grey horses cross the river": ("Strong", ""),
    "password1234": ("Not strong enough", "too common"),
}


@pytest.mark.parametrize("password", LEVELS)
def test_a_meter_says_how_strong_a_password_is(client, password):
    level, problem = LEVELS[password]
    answer = client.post("/password-strength/", {"password1": password})
    content = answer.content.decode()
    assert f">{level}</meter>" in content
    assert problem in content
    assert password == "short" or password not in content
    assert "no-store" in answer["Cache-Control"]


def test_the_meter_knows_who_is_signed_in_and_says_nothing_of_nothing(signed_in, admin, client):
    answer = signed_in(admin).post("/password-strength/", {"password": "admin@acme.example"})
    assert "too similar" in answer.content.decode()
    assert "<meter" not in client.post("/password-strength/", {"password1": ""}).content.decode()
    assert client.get("/password-strength/").status_code == 405


@pytest.mark.parametrize("page", ["/accounts/signup/", "/accounts/password/change/"])
def test_a_new_password_has_its_meter_and_every_one_can_be_shown(signed_in, admin, client, page):
    content = (client if "signup" in page else signed_in(admin)).get(page).content.decode()
    assert content.count('hx-post="/password-strength/"') == 1
    assert content.count("Show the password") == content.count('type="password"') > 0


def test_at_sign_in_the_password_can_be_shown_and_is_not_judged(client):
    content = client.get("/accounts/login/").content.decode()
    assert 'aria-controls="id_password"' in content
    assert "password-strength" not in content
