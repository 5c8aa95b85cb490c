"""Files in the storage: no row without its bytes, and no bytes without a row for long."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction

from accounts.models import StoredFile
from accounts.permissions import Permission
from accounts.services import remove_leftover_files, store_content
from accounts.tasks import remove_leftover_files as job

pytestmark = pytest.mark.django_db


def store(account, name="notes.txt"):
    return store_content(
        account=account, name=name, content=b"Notes", content_type="text/plain", permission=Permission.VIEW_CASES
    )


def files_in(settings):
    return {path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()}


def written(path, when):
    os.utime(path, (when.timestamp(), when.timestamp()))


@pytest.fixture
def left_over(acme):
    """The path of a file whose row was rolled back."""
    with transaction.atomic():
        path = store(acme).content.path
        transaction.set_rollback(True)
    return path


def test_a_rollback_leaves_bytes_and_they_go_after_a_day(acme, globex, left_over, now, settings):
    kept = [store(acme), store(globex)]
    for path in files_in(settings):
        written(path, now - timedelta(days=1, seconds=1))
    assert remove_leftover_files(now=now) == 1
    assert files_in(settings) == {Path(stored.content.path) for stored in kept}
    assert remove_leftover_files(now=now) == 0


def test_what_may_still_be_committed_stays(left_over, now, settings):
    written(left_over, now - timedelta(hours=23))
    assert remove_leftover_files(now=now) == 0
    assert files_in(settings) == {Path(left_over)}


def test_another_companys_row_does_not_keep_a_file(acme, globex, left_over, now, settings):
    written(left_over, now - timedelta(days=2))
    assert not StoredFile.objects.exists()
    store(globex)
    assert remove_leftover_files(now=now) == 1


def test_files_that_are_not_ours_are_left_alone(acme, now, settings):
    store(acme)
    strange = Path(settings.MEDIA_ROOT) / "backup" / "dump.sql"
    strange.parent.mkdir()
    strange.write_text("-- everything")
    written(strange, now - timedelta(days=30))
    assert remove_leftover_files(now=now) == 0
    assert strange.exists()


def test_the_nightly_job_runs_before_anything_was_ever_stored(settings):
    job.apply(throw=True)
    assert not Path(settings.MEDIA_ROOT).exists()
