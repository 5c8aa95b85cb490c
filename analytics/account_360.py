"""What the staff see of a company on its page: what happened last, in the portal and outside of it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import Account, User
from accounts.panels import Panel
from analytics.touches import KINDS, caption_of
from commerce.models import Activity
from tracking.actor import ActorKind
from tracking.models import Event, EventName

SHOWN = 20


@dataclass(frozen=True)
class Step:
    """One line of the timeline."""

    at: datetime
    label: str
    detail: str
    by: str
    kind: str  # touch: it may count for a deal; event: it never does; activity: of sales, outside the portal.


def timeline(account: Account, today: date) -> dict[str, Any]:
    """The last twenty of both, latest first. Three queries."""
    events = list(Event.objects.for_account(account.pk).order_by("-occurred_at", "-pk")[:SHOWN])
    activities = Activity.objects.for_account(account).select_related("deal").order_by("-occurred_at", "-pk")[:SHOWN]
    people = User.objects.filter(pk__in={event.user_id for event in events if event.user_id})
    names = {person.pk: person.name for person in people}
    steps = [_event(event, names) for event in events] + [_activity(one) for one in activities]
    return {"steps": sorted(steps, key=lambda step: step.at, reverse=True)[:SHOWN]}


def _event(event: Event, names: dict[int, str]) -> Step:
    caption = caption_of(event, names)
    by_customer = event.actor_kind == ActorKind.CUSTOMER and event.on_behalf_of is None
    counts = by_customer and event.name in EventName.values and EventName(event.name) in KINDS
    return Step(event.occurred_at, caption.label, caption.detail, caption.user_name, "touch" if counts else "event")


def _activity(activity: Activity) -> Step:
    detail = f"{activity.subject} ({activity.deal.name})" if activity.deal else activity.subject
    return Step(activity.occurred_at, activity.kind.capitalize(), detail, "", "activity")


PANELS = [
    Panel(
        name="timeline",
        title=_("What happened last"),
        permission="accounts.view_account",
        order=70,
        template="admin/account_360/timeline.html",
        context=timeline,
    ),
]
