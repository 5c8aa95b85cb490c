"""A notification as a letter: its subject, its text, and the formatted part that is made from the text."""

from dataclasses import dataclass

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import brands, contrast
from accounts.languages import speaking_to
from accounts.models import Account, User
from accounts.notifications.types import Context, NotificationType

LONGEST_SUBJECT = 250
FOOTER = "-- \n"  # What follows is a signature to mail programs, and to those who take in replies.


@dataclass(frozen=True)
class Letter:
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Paragraph:
    """Some lines, and the address below them where there is one."""

    lines: list[str]
    url: str


def write(kind: type[NotificationType], *, to: User, account: Account | None, context: Context) -> Letter:
    """The letter to one person, in their language, with times on their clock.

    Templates: `mail/<name>.subject.txt` and `mail/<name>.txt`. The context also gets `recipient`, `account`, `brand`,
    `base_url` and `vendor`.
    """
    look = brands.of(account)
    with speaking_to(to, account):
        full = {
            **context,
            "recipient": to,
            "account": account,
            "base_url": look.base_url,
            "vendor": look.name,
            "brand": look,
            "on_primary": contrast.text_on(look.primary),
        }
        subject = " ".join(render_to_string(f"mail/{kind.name}.subject.txt", full).split())[:LONGEST_SUBJECT]
        text = render_to_string(f"mail/{kind.name}.txt", full).strip() + "\n"
        settings_url = _settings_url(kind, to, account)
        html = render_to_string(
            kind.html_template,
            {
                **full,
                "subject": subject,
                "paragraphs": [
                    _paragraph(block, look.base_url) for block in text.strip().split("\n\n") if block.strip()
                ],
                "action": kind.action,
                "settings_url": settings_url,
            },
        )
        if settings_url:
            text += f"\n{FOOTER}{_('Choose what you are told, and how:')}\n{settings_url}\n"
    return Letter(subject, text, html)


def _settings_url(kind: type[NotificationType], to: User, account: Account | None) -> str:
    if account is None or to.pk is None or to.is_staff or not kind.is_optional:
        return ""
    return f"{brands.of(account).base_url}{reverse('accounts:notification-settings')}?company={account.public_id}"


def _paragraph(block: str, base_url: str) -> Paragraph:
    """Only an address of ours, alone on the last line, becomes a button: text of others never becomes a link."""
    lines = block.strip("\n").split("\n")
    if lines[-1].startswith(f"{base_url}/") and " " not in lines[-1]:
        return Paragraph(lines[:-1], lines[-1])
    return Paragraph(lines, "")
