"""What rules and bundles say to a reader, each sentence with its way out: the configurator, with the fix in it."""

from collections.abc import Iterable
from urllib.parse import urlencode

from django.urls import reverse

from commerce.configuring.configuration_rules import Notice, Wanted
from commerce.configuring.situations import Configuration


def configure_url(wanted: Configuration, **more: str) -> str:
    """The configurator with something in it."""
    return f"{reverse('commerce:configure')}?{urlencode(wanted.as_query() | more)}"


def told(notices: Iterable[Notice], wanted: Wanted, **carried: str) -> list[dict[str, str]]:
    """Each notice about what is wanted, for a template: its `text`, and words and address of its fix."""
    return [{"text": notice.message, **way_out(notice, wanted, **carried)} for notice in notices]


def way_out(notice: Notice, wanted: Wanted, **carried: str) -> dict[str, str]:
    """The `fix` that a notice offers, in words, and where it leads, `fix_url`; nothing where it offers none."""
    if notice.fix is None:
        return {}
    fixed = Configuration.of(notice.fix.applied(wanted))
    return {"fix": notice.fix.label, "fix_url": configure_url(fixed, **carried)}
