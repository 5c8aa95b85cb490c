"""Jobs of the project itself."""

from celery import shared_task

from portal import health


@shared_task
def beat(**kwargs: object) -> None:
    """Sent by beat every 10 s, run by a worker: proof that both work."""
    health.note_heartbeat()
