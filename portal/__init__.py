"""The project and composition root: it may import every app, and no app imports it."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
