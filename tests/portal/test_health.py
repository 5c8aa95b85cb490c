"""What load balancers and people on call ask."""

import pytest
from kombu.exceptions import OperationalError

from portal import health
from portal.celery import app


@pytest.mark.django_db
def test_livez_needs_no_database_and_no_sign_in(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get("/livez")
    assert (response.status_code, response.content) == (200, b"ok")


@pytest.mark.django_db
def test_healthz_names_what_does_not_work(client):
    response = client.get("/healthz")
    assert response.status_code == 503
    parts = response.json()["parts"]
    assert parts["web"] == parts["database"] == parts["cache"] == "ok"
    assert parts["worker"] == "no worker answers"
    assert response.json()["healthy"] is False


@pytest.mark.django_db
def test_a_heartbeat_counts_for_a_while(monkeypatch):
    health.note_heartbeat()
    assert health._beat() == ""
    later = health.time.time() + 3600
    monkeypatch.setattr(health.time, "time", lambda: later)
    assert "ago" in health._beat()


@pytest.mark.django_db
def test_a_cache_that_is_away_is_named_and_pages_still_serve(client, settings, admin, signed_in):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    parts = client.get("/healthz").json()["parts"]
    assert parts["cache"].startswith("away")
    assert parts["database"] == "ok"
    assert signed_in(admin).get("/company/").status_code == 200


@pytest.mark.django_db
def test_a_broker_that_refuses_is_named(client, monkeypatch):
    def refuse(**options):
        raise OperationalError("connection refused")

    monkeypatch.setattr(app.control, "ping", refuse)
    response = client.get("/healthz")
    assert response.status_code == 503
    assert response.json()["parts"]["worker"].startswith("away")
