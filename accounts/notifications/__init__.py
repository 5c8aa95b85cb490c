"""Telling people what happened: in the bell, by mail at once, or in a summary; and what accounts itself tells."""

from accounts.notifications.outbox import send_due
from accounts.notifications.own import TYPES
from accounts.notifications.telling import notify
from accounts.notifications.types import Category, NotificationType

__all__ = ["TYPES", "Category", "NotificationType", "notify", "send_due"]
