"""Jobs of the accounts app."""

from celery import shared_task
from django.utils import timezone

from accounts import services
from accounts.jobs import AccountTask


@shared_task(base=AccountTask, all_accounts=True)
def send_due_mail(**kwargs: object) -> None:
    """Send the mail that waits: woken by a commit, swept every 10 s."""
    services.send_due(now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def remove_leftover_files(**kwargs: object) -> None:
    """Delete what rolled-back transactions left in the storage: once a night."""
    services.remove_leftover_files(now=timezone.now())
