"""What the review of a contract says of the service: the cases of the time, which commerce itself does not know."""

from datetime import datetime, time, timedelta
from statistics import median_low
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import formats
from accounts.models import Membership
from accounts.permissions import Permission
from cases.models import Case
from commerce.contracts.reviews import Part
from commerce.pricing.proration import Period


def service(membership: Membership, period: Period) -> Part | None:
    """Cases opened and solved in the time, and how long the first answer took: of those that the person may see."""
    if not membership.may(Permission.VIEW_CASES):
        return None
    zone = ZoneInfo(membership.account.time_zone)
    start, end = (datetime.combine(day, time.min, zone) for day in (period.start_date, period.until_date))
    in_time = Q(created_at__gte=start, created_at__lt=end) | Q(resolved_at__gte=start, resolved_at__lt=end)
    cases = list(Case.objects.visible_to(membership).filter(in_time))
    opened = [case for case in cases if start <= case.created_at < end]
    solved = [case for case in cases if case.resolved_at is not None and start <= case.resolved_at < end]
    waits = [case.first_reply_at - case.created_at for case in opened if case.first_reply_at is not None]
    rows = [
        (_("Cases opened"), formats.number(len(opened))),
        (_("Cases solved"), formats.number(len(solved))),
        (_("Half of the first answers came within"), _hours(median_low(waits)) if waits else "–"),
    ]
    return Part(
        title=_("Service"),
        headings=(_("What"), _("In this time")),
        rows=tuple(rows),
        align=("end",),
        note=_("Of the cases that whoever made this review may see."),
    )


def _hours(wait: timedelta) -> str:
    hours = -(-wait // timedelta(hours=1))  # Begun ones count.
    return ngettext("%(hours)s hour", "%(hours)s hours", hours) % {"hours": formats.number(hours)}
