"""What the demo's people were told lately: answers and orders in their bells, and an announcement on each page."""

from datetime import datetime, timedelta

from accounts.models import Account, Announcement, AnnouncementLevel, Notification, User
from accounts.notifications.types import Context, NotificationType
from cases.models import CaseMessage
from cases.notifications import CaseReply
from commerce.models import Order, OrderStatus
from commerce.notifications import OrderConfirmed
from sandbox.demo.world import World

LATELY = timedelta(days=21)
UNREAD = timedelta(days=7)  # Older ones have been read.


def tell(world: World) -> None:
    """Bells for the answers and orders of the last weeks, and the announcement of a maintenance window."""
    for message in list(world.rows(CaseMessage)):
        if message.is_from_staff and not message.is_internal and world.calendar.now - message.created_at < LATELY:
            case = message.case
            _ring(
                world, CaseReply, case.opened_by, case.account, {"case": case, "message": message}, message.created_at
            )
    for order in list(world.rows(Order)):
        if (
            order.placed_by is not None
            and order.status == OrderStatus.ACTIVE
            and world.calendar.now - order.placed_at < LATELY
        ):
            _ring(world, OrderConfirmed, order.placed_by, order.account, {"order": order}, order.placed_at)
    world.add(
        Announcement(
            text="On Saturday from 06:00 to 07:00 UTC Meridian is read-only while we move to a faster database.",
            level=AnnouncementLevel.INFO,
            link="/help/",
            link_text="What still works meanwhile",
            starts_at=world.calendar.now - timedelta(days=2),
            created_at=world.calendar.now - timedelta(days=2),
        )
    )


def _ring(
    world: World, kind: type[NotificationType], user: User, account: Account, context: Context, at: datetime
) -> None:
    world.add(
        Notification(
            account=account,
            user=user,
            kind=kind.name,
            params=kind.params(context),
            link=kind.link(context),
            created_at=at,
            read_at=at + timedelta(hours=3) if world.calendar.now - at > UNREAD else None,
        )
    )
