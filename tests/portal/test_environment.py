""".env.example, compose.yaml and portal/environment.py speak of the same variables."""

import re

from django.conf import settings

from portal.environment import REQUIRED_IN_PRODUCTION, Environment

# What nobody writes into .env, and why.
ELSEWHERE = {
    "COLLECT_FOR_PRODUCTION": "the image's build",
    "DATABASE_POOL": "the image, and compose.yaml for what is no web process",
    "MEDIA_ROOT": "the image",
    "AUDIT_SIGNING_KEY_FILE": "compose.yaml, for the worker alone",
    "PORTAL_DEMO": "make run",
    "MAIL_SINK_URL": "make run",
    "OUTBOUND_LOOPBACK": "make run; production refuses it",
    "STRIPE_API_BASE": "make run; production refuses it",
    "STRIPE_JS_URL": "make run",
}
FOR_COMPOSE = {"POSTGRES_PASSWORD", "VALKEY_PASSWORD", "AUDIT_SIGNING_KEY"}


def read(name):
    return (settings.BASE_DIR / name).read_text()


def variables():
    return {name.upper() for name in Environment.model_fields}


def test_the_example_names_every_variable_and_no_other():
    named = set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", read(".env.example"), re.MULTILINE))
    assert named == (variables() - ELSEWHERE.keys()) | FOR_COMPOSE


def test_what_production_needs_is_not_commented_out():
    lines = read(".env.example").splitlines()
    for name in REQUIRED_IN_PRODUCTION:
        assert any(line.startswith(f"{name.upper()}=") for line in lines), name


def test_what_is_said_elsewhere_is_a_variable():
    assert ELSEWHERE.keys() <= variables()
    image = read("Dockerfile") + read("compose.yaml")
    for name in ("COLLECT_FOR_PRODUCTION", "DATABASE_POOL", "MEDIA_ROOT", "AUDIT_SIGNING_KEY_FILE"):
        assert name in image, name


def test_compose_asks_for_nothing_that_the_example_leaves_out():
    assert set(re.findall(r"\$\{([A-Z_]+)", read("compose.yaml"))) == FOR_COMPOSE


def test_the_image_has_every_app_and_the_compiled_catalogues():
    dockerfile = read("Dockerfile")
    for name in (*settings.LOCAL_APPS, "templates", "locale"):
        assert f"COPY {name} {name}\n" in dockerfile, name
    assert dockerfile.index("portal.catalogues") < dockerfile.index("collectstatic")
