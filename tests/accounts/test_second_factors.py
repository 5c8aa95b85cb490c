"""Second factors: an authenticator app, recovery codes, and secrets that rest sealed. Passkeys: tests/e2e."""

import json
import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, hotp_value
from django.core import mail
from django.core.cache import cache
from fido2.utils import websafe_decode

from accounts.models import AuditNote, OutgoingMail
from accounts.second_factors import SecondFactorAdapter, UnreadableSecret
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


@pytest.fixture
def with_app(admin):
    return TOTP.activate(admin, SECRET).instance


def code(secret=SECRET, *, ahead=0):
    return f"{hotp_value(secret, int(time.time()) // 30 + ahead):06d}"


def password_step(client, email="admin@acme.example"):
    return client.post("/accounts/login/", {"login": email, "password": PASSWORD})


def test_the_app_is_set_up_with_its_code_and_recovery_codes_are_shown_once(signed_in, admin):
    client = signed_in(admin)
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    assert 'src="data:image/svg+xml' in page
    secret = re.search(r'value="([A-Z2-7]{32})"', page).group(1)
    done = client.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    assert done["Location"] == "/accounts/2fa/recovery-codes/"
    first, second = (client.get(done["Location"]).content.decode() for _ in range(2))
    shown = re.search(r"<textarea[^>]*>([^<]+)", first).group(1).replace("&#10;", "\n").split()
    assert len(shown) == 10
    assert shown[0] not in second
    assert f"{shown[0]}%0A" in first  # The download.
    assert client.get("/accounts/2fa/recovery-codes/download/").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_a_new_factor_is_told_by_mail(signed_in, admin):
    client = signed_in(admin)
    secret = re.search(r'value="([A-Z2-7]{32})"', client.get("/accounts/2fa/totp/activate/").content.decode()).group(1)
    client.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    assert [message.to for message in mail.outbox] == [[admin.email]]
    assert "Authenticator app activated" in mail.outbox[0].body


def test_a_wrong_code_sets_up_nothing(signed_in, admin):
    client = signed_in(admin)
    client.get("/accounts/2fa/totp/activate/")
    assert client.post("/accounts/2fa/totp/activate/", {"code": "000000"}).status_code == 200
    assert not Authenticator.objects.exists()


def test_signing_in_needs_the_code_as_well(client, with_app):
    assert password_step(client)["Location"] == "/accounts/2fa/authenticate/"
    assert "_auth_user_id" not in client.session
    assert client.get("/company/")["Location"].startswith("/accounts/login/")
    assert client.post("/accounts/2fa/authenticate/", {"code": code()})["Location"] == "/"
    assert client.session["_auth_user_id"] == str(with_app.user_id)


def test_a_code_by_mail_does_not_get_past_the_second_factor(client, with_app, admin):
    client.post("/accounts/login/code/", {"email": admin.email})
    mailed = re.search(r"^\s*([A-Z0-9]{3,}-?[A-Z0-9]{3,})\s*$", mail.outbox[-1].body, re.MULTILINE).group(1)
    answer = client.post("/accounts/login/code/confirm/", {"code": mailed})
    assert answer["Location"] == "/accounts/2fa/authenticate/"
    assert "_auth_user_id" not in client.session


def test_a_new_password_does_not_get_past_the_second_factor(client, with_app, admin):
    client.post("/accounts/password/reset/", {"email": admin.email})
    mailed = re.search(r"^\s*([A-Z0-9]{3,}-?[A-Z0-9]{3,})\s*$", mail.outbox[-1].body, re.MULTILINE).group(1)
    path = client.post("/accounts/password/reset/confirm/", {"code": mailed}, follow=True).redirect_chain[-1][0]
    client.post(path, {"password1": "another-passphrase-8", "password2": "another-passphrase-8"})
    assert "_auth_user_id" not in client.session


def test_the_same_code_does_not_work_twice(client, with_app):
    once = code()
    password_step(client)
    client.post("/accounts/2fa/authenticate/", {"code": once})
    client.logout()
    password_step(client)
    assert client.post("/accounts/2fa/authenticate/", {"code": once}).status_code == 200
    assert "_auth_user_id" not in client.session


def test_a_used_code_that_is_tried_again_is_told_and_noted_and_a_wrong_one_is_not(client, with_app, admin):
    password_step(client)
    client.post("/accounts/2fa/authenticate/", {"code": code(ahead=-4)})
    assert not OutgoingMail.objects.filter(kind="code_used_again").exists()
    TOTP(with_app)._mark_code_used(code())
    TOTP(with_app)._mark_code_used(code(ahead=1))  # Should the half minute end here.
    client.post("/accounts/2fa/authenticate/", {"code": code()}, headers={"User-Agent": "curl/8"})
    assert "_auth_user_id" not in client.session
    letter = OutgoingMail.objects.get(kind="code_used_again")
    assert letter.to == admin.email
    assert "127.0.0.1" in letter.text
    assert AuditNote.objects.get(action="second_factor.used_again").subject_id == admin.pk


def options_of(client, url):
    return client.get(url, headers={"Accept": "application/json"}).json()["request_options"]["publicKey"]


def test_challenges_have_64_bits_and_are_never_the_same(client):
    asked = [options_of(client, "/accounts/2fa/webauthn/login/")["challenge"] for _ in range(5)]
    assert all(len(websafe_decode(challenge)) * 8 >= 64 for challenge in asked)
    assert len(set(asked)) == 5


# ECDSA, EdDSA, RSA and ML-DSA; over SHA-256 and longer, never SHA-1. -47 is ECDSA over secp256k1.
APPROVED = {-7, -8, -35, -36, -37, -47, -48, -49, -50, -257, -258, -259}


def test_keys_are_made_by_approved_algorithms_alone(signed_in, admin):
    page = signed_in(admin).get("/accounts/2fa/webauthn/add/").content.decode()
    data = json.loads(re.search(r'<script id="js_data"[^>]*>(.*?)</script>', page, re.DOTALL).group(1))
    asked = data["creation_options"]["publicKey"]
    offered = {one["alg"] for one in asked["pubKeyCredParams"]}
    assert offered
    assert offered <= APPROVED
    assert len(websafe_decode(asked["challenge"])) * 8 >= 64


def test_a_code_of_minutes_ago_does_not_work(client, with_app):
    password_step(client)
    assert client.post("/accounts/2fa/authenticate/", {"code": code(ahead=-4)}).status_code == 200
    assert "_auth_user_id" not in client.session


def test_guessing_codes_is_limited(client, with_app):
    password_step(client)
    for _ in range(5):
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    client.post("/accounts/2fa/authenticate/", {"code": code()})
    assert "_auth_user_id" not in client.session


def test_a_recovery_code_works_once_and_new_ones_end_the_old(signed_in, admin, with_app, client):
    own = signed_in(admin)
    own.post("/accounts/2fa/recovery-codes/generate/", {})
    wrapped = Authenticator.objects.get(type="recovery_codes").wrap()
    first, second = wrapped.get_unused_codes()[:2]
    password_step(client)
    client.post("/accounts/2fa/authenticate/", {"code": first})
    assert client.session["_auth_user_id"] == str(admin.pk)
    client.logout()
    password_step(client)
    client.post("/accounts/2fa/authenticate/", {"code": first})
    assert "_auth_user_id" not in client.session
    own.post("/accounts/2fa/recovery-codes/generate/", {})
    client.post("/accounts/2fa/authenticate/", {"code": second})
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    "page", ["/accounts/2fa/totp/deactivate/", "/accounts/2fa/recovery-codes/generate/", "/accounts/2fa/webauthn/add/"]
)
def test_a_stale_session_changes_no_factor(signed_in, admin, with_app, page):
    client = signed_in(admin, confirmed=False)
    assert client.post(page, {})["Location"].startswith("/accounts/reauthenticate/")
    assert Authenticator.objects.count() == 1


def test_secrets_rest_sealed(with_app):
    with_app.refresh_from_db()
    assert SECRET not in str(with_app.data)
    assert with_app.data["secret"].startswith("sealed:")
    assert with_app.wrap().validate_code(code())


def test_secrets_outlive_a_new_secret_key_while_the_old_one_is_known(settings):
    sealed = SecondFactorAdapter().encrypt(SECRET)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another-key-" + "y" * 50
    with pytest.raises(UnreadableSecret):
        SecondFactorAdapter().decrypt(sealed)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert SecondFactorAdapter().decrypt(sealed) == SECRET


def test_secrets_of_before_are_still_read():
    assert SecondFactorAdapter().decrypt(SECRET) == SECRET


@pytest.mark.parametrize(
    "page",
    [
        "/accounts/2fa/",
        "/accounts/2fa/webauthn/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/reauthenticate/",
        "/accounts/2fa/recovery-codes/generate/",
        "/accounts/2fa/totp/deactivate/",
    ],
)
def test_the_pages_have_one_primary_action_and_need_somebody_signed_in(signed_in, admin, client, page, request):
    if ("webauthn" not in page and "activate" not in page) or "deactivate" in page:
        request.getfixturevalue("with_app")
    shown = signed_in(admin).get(page)
    assert shown.status_code == 200
    assert shown.content.decode().count("data-primary-action") == 1
    assert client.get(page)["Location"].startswith("/accounts/")


def test_who_has_the_app_and_its_codes_is_offered_a_passkey(signed_in, admin):
    client = signed_in(admin)
    secret = re.search(r'value="([A-Z2-7]{32})"', client.get("/accounts/2fa/totp/activate/").content.decode()).group(1)
    client.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    shown = client.get("/accounts/2fa/").content.decode()
    assert re.findall(r"<a[^>]*data-primary-action[^>]*>\s*([^<]+?)\s*<", shown) == ["Add a passkey"]


def test_a_passkey_that_nobody_has_signs_nobody_in(client):
    options = client.get("/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"}).json()
    public_key = options["request_options"]["publicKey"]
    assert public_key["userVerification"] == "required"
    refused = client.post("/accounts/2fa/webauthn/login/", {"credential": '{"id": "AAAA"}'})
    assert refused["Location"] == "/accounts/login/"
    assert "_auth_user_id" not in client.session
