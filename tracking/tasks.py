"""Jobs of the event stream."""

from celery import shared_task

from tracking import services


@shared_task
def flush_page_views(**kwargs: object) -> None:
    """Store the buffered page views (every 10 s)."""
    services.flush_page_views()
