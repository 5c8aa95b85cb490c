"""Jobs of the accounts app."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from accounts import imports, services, watching
from accounts.audit import collecting, sealing
from accounts.intake import process_due
from accounts.jobs import AccountTask
from accounts.law import erasing, exporting, retention
from accounts.models import ImportState, MemberImport
from accounts.notifications import send_due
from accounts.notifications.digests import send_digests


@shared_task(base=AccountTask, all_accounts=True)
def send_due_mail(**kwargs: object) -> None:
    """Send the mail that waits: woken by a commit, swept every 10 s."""
    send_due(now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def remove_leftover_files(**kwargs: object) -> None:
    """Delete what rolled-back transactions left in the storage: once a night."""
    services.remove_leftover_files(now=timezone.now())


COLLECT_FOR = timedelta(seconds=45)  # Well within a task's time limit; the next run goes on.


@shared_task(base=AccountTask, all_accounts=True)
def collect_audit(**kwargs: object) -> None:
    """Read what was committed into the audit log: every 5 s."""
    until = timezone.now() + COLLECT_FOR
    while collecting.collect(now=timezone.now()) >= collecting.BATCH and timezone.now() < until:
        pass


@shared_task(base=AccountTask, all_accounts=True)
def seal_audit(**kwargs: object) -> None:
    """Sign the audit log's finished days: every hour, so that a day is sealed soon after its end.

    Raises `NoSigningKey` on a worker without the key.
    """
    sealing.seal_finished_days(now=timezone.now(), key=sealing.signing_key())


@shared_task(base=AccountTask, all_accounts=True)
def write_digests(**kwargs: object) -> None:
    """Write the summaries that are due by now: every quarter of an hour, as there are zones off the full hour."""
    send_digests(now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def take_in_mail(**kwargs: object) -> None:
    """Do what incoming mail asks for: woken by its arrival, swept every 15 s."""
    process_due(now=timezone.now())


@shared_task(base=AccountTask)
def run_member_import(*, account_id: int, import_id: int, **kwargs: object) -> None:
    """Invite the people of a confirmed file."""
    imports.run(account_id=account_id, import_id=import_id, now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def resume_member_imports(**kwargs: object) -> None:
    """Go on with files whose job got lost with its worker or the broker: every two minutes."""
    running = MemberImport.objects.filter(state=ImportState.RUNNING)
    for account_id, import_id in running.values_list("account_id", "pk"):
        imports.run(account_id=account_id, import_id=import_id, now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def make_data_exports(**kwargs: object) -> None:
    """Make the copies of personal data that people asked for, and delete those whose days are over."""
    exporting.make_waiting(now=timezone.now())
    exporting.remove_expired(now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def carry_out_erasures(**kwargs: object) -> None:
    """Take each erasure that is due a step further: every ten minutes."""
    erasing.carry_out_due(now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def keep_retention(**kwargs: object) -> None:
    """Remove what has been kept for long enough: once a night, and the next night what is left."""
    retention.keep_rules(now=timezone.now(), until=timezone.now() + COLLECT_FOR)


@shared_task(base=AccountTask, all_accounts=True)
def look_for_unusual(**kwargs: object) -> None:
    """Tell system administrators of what was tried unusually often: every five minutes."""
    watching.look_for_unusual(now=timezone.now())
