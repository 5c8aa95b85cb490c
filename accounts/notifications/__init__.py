"""Telling people what happened: in the bell, by mail at once, or in a summary; and what accounts itself tells."""

from accounts.notifications.held_back import trust_billing_address
from accounts.notifications.outbox import send_due
from accounts.notifications.own import TYPES
from accounts.notifications.telling import mail_companies, notify
from accounts.notifications.types import Category, NotificationType

__all__ = ["TYPES", "Category", "NotificationType", "mail_companies", "notify", "send_due", "trust_billing_address"]
