"""The outside world as a whole: settings, replacement by real servers, crashes, and leaving nothing behind."""

import socket
from pathlib import Path

import psutil
import pytest
import redis

from sandbox import watchdog, web
from sandbox.processes import AlreadyRunning, Lock, SandboxError
from sandbox.stack import (
    BEAT,
    CHECKOUT,
    MAIL,
    OIDC,
    OUTSIDE,
    POSTGRES,
    PROXY,
    SALESFORCE,
    SAML,
    STRIPE,
    VALKEY,
    WEB,
    WORKER,
    Stack,
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory):
    with Stack(tmp_path_factory.mktemp("stack"), parts=OUTSIDE, demo=False) as running:
        yield running


def test_the_outside_world_gives_every_setting_that_the_portal_reads(stack):
    assert set(stack.env) == {
        *("PORTAL_ENV", "PORTAL_DEMO", "PORTAL_BASE_URL", "PORT", "SECRET_KEY", "MEDIA_ROOT", "DJANGO_SETTINGS_MODULE"),
        "AUDIT_PUBLIC_KEY_FILE",
        *("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "MAIL_SINK_URL"),
        *("EMAIL_INBOUND_ADDRESS", "EMAIL_WEBHOOK_SECRET"),
        *("STRIPE_API_BASE", "STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_JS_URL", "STRIPE_WEBHOOK_SECRET"),
        "STRIPE_CHECKOUT_ORIGIN",
        *("SALESFORCE_INSTANCE_URL", "SALESFORCE_LOGIN_URL", "SALESFORCE_CLIENT_ID", "SALESFORCE_USERNAME"),
        *("SALESFORCE_PRIVATE_KEY_FILE", "SALESFORCE_CA_BUNDLE"),
    }
    assert all(stack.env.values())


def test_secrets_are_readable_by_their_owner_alone(stack):
    for name in ("secret.key", "stripe-webhook.secret", "postgres/portal.secret", "postgres/postgres.secret"):
        assert (stack.data_dir / name).stat().st_mode & 0o077 == 0


def test_a_part_that_was_killed_is_named_and_can_be_started_again(stack):
    assert stack.dead_part() is None
    stack.kill(VALKEY)
    assert stack.dead_part().name == VALKEY
    stack.restart(VALKEY)
    assert stack.dead_part() is None
    assert redis.from_url(stack.env["REDIS_URL"]).ping()


def test_payments_go_through_the_proxy_when_there_is_one(stack):
    assert stack.env["STRIPE_API_BASE"] not in stack.env["STRIPE_JS_URL"]


def test_a_second_stack_over_one_folder_is_refused(stack):
    with pytest.raises(AlreadyRunning):
        Stack(stack.data_dir, parts=OUTSIDE).start()
    assert stack.dead_part() is None


def test_a_port_in_use_is_said_before_anything_starts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SandboxError, match=f"Port {port} is in use"):
            Stack(tmp_path, port=port).start()
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize(
    ("given", "replaced"),
    [
        ({"DATABASE_URL": "postgresql://db.example/portal"}, {POSTGRES}),
        ({"REDIS_URL": "redis://cache.example"}, {VALKEY}),
        ({"STRIPE_SECRET_KEY": "sk_test_real"}, {STRIPE, CHECKOUT, PROXY}),
        ({"SALESFORCE_INSTANCE_URL": "https://acme.my.salesforce.com"}, {SALESFORCE}),
        ({"EMAIL_URL": "smtp://mail.example"}, {MAIL}),
        ({"EMAIL_URL": "", "PATH": "/bin"}, set()),
    ],
)
def test_a_server_named_in_the_environment_replaces_its_stand_in(tmp_path, given, replaced):
    everything = {*OUTSIDE, WEB, WORKER, BEAT}
    assert Stack(tmp_path, parts=everything, given=given).parts == everything - replaced


def test_settings_of_the_surroundings_do_not_reach_the_portal(tmp_path, monkeypatch):
    monkeypatch.setenv("SALESFORCE_INSTANCE_URL", "https://acme.my.salesforce.com")
    monkeypatch.setenv("PORTAL_ENV", "production")
    with Stack(tmp_path, parts=(), given={"PORTAL_VENDOR_NAME": "Northwind"}) as stack:
        env = stack.child_env()
    assert "SALESFORCE_INSTANCE_URL" not in env
    assert (env["PORTAL_ENV"], env["PORTAL_VENDOR_NAME"]) == ("development", "Northwind")


def test_stopping_leaves_no_process_and_lets_go_of_the_folder(tmp_path):
    with Stack(tmp_path, parts={POSTGRES, VALKEY, MAIL}) as stack:
        processes = [process for part in stack.pids().values() for process in watchdog.members(part)]
        assert len(processes) > 3
    assert watchdog.wait_until_ended(processes, seconds=5) == []
    Lock(tmp_path / "lock", "").release()


def test_a_start_ends_what_a_killed_stack_left_behind(tmp_path):
    """The note about its processes is all that such a stack leaves."""
    with Stack(tmp_path, parts={MAIL}) as stack:
        note = (tmp_path / "children.json").read_text()
        [pid] = stack.pids().values()
        left = psutil.Process(pid)
        forgotten = Stack(tmp_path / "other", parts={VALKEY})
        (tmp_path / "other").mkdir()
        Path(tmp_path / "other" / "children.json").write_text(note)
        with forgotten:
            assert watchdog.wait_until_ended([left], seconds=5) == []


def test_the_demo_alone_has_identity_providers(tmp_path):
    assert {OIDC, SAML} <= Stack(tmp_path).parts
    assert not {OIDC, SAML} & Stack(tmp_path, demo=False).parts


def test_identity_providers_keep_their_names_after_a_restart(tmp_path):
    """The portal knows them by their addresses, and the SAML one by its certificate."""

    def seen() -> list[bytes]:
        with Stack(tmp_path, parts={OIDC, SAML}) as stack:
            assert stack.env["OUTBOUND_LOOPBACK"] == "1"
            ports = [(tmp_path / "ports" / f"{name}.port").read_text().strip() for name in (OIDC, SAML)]
            addresses = [f"http://127.0.0.1:{port}" for port in ports]
            documents = (f"{addresses[0]}/.well-known/openid-configuration", f"{addresses[1]}/metadata")
            return [web.request(address).body for address in documents]

    first = seen()
    assert b"authorization_endpoint" in first[0]
    assert b"X509Certificate" in first[1]
    assert seen() == first
