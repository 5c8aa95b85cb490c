"""What people are told, and how they want to be told."""

from accounts.models import Announcement, ByMail, User
from accounts.notifications.types import types
from accounts.notifications.unsubscribing import unsubscribe_token
from accounts.permissions import Permission
from tests.pages.kinds import Audience, Page, of

NO_MAIL = {f"{name}-mail": ByMail.OFF.value for name, kind in types().items() if kind.is_chosen and kind.is_optional}
TIMES = {
    "times-digest_every": "week", "times-digest_weekday": "2", "times-digest_hour": "7",
    "times-quiet_from": "22:00", "times-quiet_until": "07:00",
}  # fmt: skip


def mail_comes_back(company):
    user = User.objects.filter(pk=company.administrator.pk)
    user.update(unreachable_email=company.administrator.email, unreachable_reason="hard")


def link(company):
    membership = company.administrator.memberships.get(account=company.account)
    return {"token": unsubscribe_token(user_id=membership.user_id, account_id=company.account.pk, kind="case_reply")}


NOTIFICATIONS = [
    Page(
        "accounts:notifications", Permission.VIEW_HOME, screen=True,
        shows=of("active_order.number", "notification.public_id"),
    ),
    Page("accounts:bell", Permission.VIEW_HOME),
    Page(
        "accounts:open-notification", Permission.VIEW_HOME, names_row=True, status=302, changes=True,
        kwargs=lambda company: {"public_id": company.notification.public_id},
    ),
    Page("accounts:read-notifications", Permission.VIEW_HOME, method="POST", status=302),
    Page("accounts:notification-settings", Permission.VIEW_HOME, screen=True),
    Page(
        "accounts:notification-settings", Permission.VIEW_HOME, method="POST", status=302,
        body=lambda company: NO_MAIL | TIMES,
    ),
    Page("accounts:company-notifications", Permission.MANAGE_COMPANY, screen=True),
    Page(
        "accounts:company-notifications", Permission.MANAGE_COMPANY, method="POST", status=302,
        body=lambda company: NO_MAIL,
    ),
    Page(
        "accounts:dismiss-announcement", method="POST", status=302,
        kwargs=lambda company: {"number": Announcement.objects.get().pk},
    ),
    Page("accounts:mail-works", method="POST", status=302, arrange=mail_comes_back),
    Page("accounts:inbound-mail", method="POST", audience=Audience.EVERYBODY, status=404, changes=False,
         is_csrf_checked=False),  # Not before the installation has a secret.
    Page("accounts:mail-service", method="POST", audience=Audience.EVERYBODY, status=404, changes=False,
         is_csrf_checked=False, kwargs=lambda company: {"service": "postmark", "what": "inbound"}),
    Page("accounts:unsubscribe", audience=Audience.EVERYBODY, screen=True, kwargs=link),
    Page("accounts:unsubscribe", audience=Audience.EVERYBODY, method="POST", kwargs=link, is_csrf_checked=False),
]  # fmt: skip
