"""The world that the walks go through. Imports stand inside: this file is read before Django."""

import pytest


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker, tmp_path_factory):
    """Made once for a module, and undone after it; tests undo what they do with `undone()`."""
    from django.test import override_settings
    from django.utils import timezone

    from tests.world import check_rows, make_world, sign_in, undone

    media = tmp_path_factory.mktemp("media")
    with django_db_blocker.unblock(), override_settings(MEDIA_ROOT=media), undone():
        made = make_world(timezone.now())
        made.media = media
        sign_in(made.everybody)
        check_rows()
        yield made


@pytest.fixture
def in_the_world(world, settings, db, empty_cache):
    """A test among the world's rows: its files are there, and the log is silent about each refusal."""
    import logging

    settings.MEDIA_ROOT = world.media
    logging.disable(logging.CRITICAL)
    yield world
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def stripe(tmp_path_factory):
    from sandbox.localstripe import LocalStripe

    with LocalStripe(log=tmp_path_factory.mktemp("localstripe") / "log") as server:
        yield server


@pytest.fixture
def ready(request, settings, world):
    """What the page needs around it."""

    def prepare(entry):
        if entry.needs_stripe:
            from sandbox import localstripe

            settings.STRIPE_API_BASE = request.getfixturevalue("stripe").url
            settings.STRIPE_SECRET_KEY = localstripe.SECRET_KEY
        for company in world.companies:
            if entry.arrange:
                entry.arrange(company)

    return prepare
