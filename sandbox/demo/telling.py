"""What the demo's people were told lately: answers and orders in their bells, and an announcement on each page."""

from datetime import datetime, time, timedelta

from accounts.models import (
    Account,
    Announcement,
    AnnouncementLevel,
    AnnouncementText,
    ByMail,
    DigestEvery,
    JoinRequest,
    MailTimes,
    Membership,
    Notification,
    NotificationChoice,
    User,
)
from accounts.notifications.people import JoinRequested
from accounts.notifications.types import Context, NotificationType
from accounts.permissions import Permission
from cases.models import Case, CaseMessage, CaseParticipant
from cases.notifications import CaseReply, CaseShared
from commerce.models import ApprovalStatus, Order, OrderStatus, PurchaseApproval
from commerce.notifications import ApprovalRequested, OrderConfirmed
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
    _tell_who_decides(world)
    _gather_for_vera(world)
    _keep_milo_informed(world)
    since = world.calendar.now - timedelta(days=2)
    window = world.add(
        Announcement(
            text="On Saturday from 06:00 to 07:00 UTC Meridian is read-only while we move to a faster database.",
            level=AnnouncementLevel.INFO,
            link="/help/",
            link_text="What still works meanwhile",
            starts_at=since,
            created_at=since,
        )
    )
    world.add(
        AnnouncementText(
            announcement=window,
            language="de",
            text="Am Samstag von 6 bis 7 Uhr UTC lässt sich in Meridian nichts ändern: Wir ziehen auf eine schnellere "
            "Datenbank um.",
            link_text="Was währenddessen geht",
        )
    )


def _tell_who_decides(world: World) -> None:
    """Bells of those for whose word a purchase waits, or somebody who would like to join."""
    for approval in world.rows(PurchaseApproval):
        if approval.status == ApprovalStatus.WAITING:
            for user in _those_who_may(world, approval.account, Permission.APPROVE_PURCHASES):
                context = {"approval": approval}
                _ring(world, ApprovalRequested, user, approval.account, context, approval.requested_at)
    for asked in world.rows(JoinRequest):
        for user in _those_who_may(world, asked.account, Permission.MANAGE_MEMBERS):
            _ring(world, JoinRequested, user, asked.account, {"asked": asked}, asked.created_at)


def _gather_for_vera(world: World) -> None:
    """A colleague shares cases with Vera, who wants mail in one piece and none in the evening."""
    vera, milo = _member(world, "viewer@acme.example"), _member(world, "member@acme.example").user
    world.add(
        MailTimes(user=vera.user, digest_every=DigestEvery.DAY, digest_hour=7, quiet_from=time(20), quiet_until=time(7))
    )
    world.add(
        NotificationChoice(
            account=vera.account, user=vera.user, kind=CaseShared.name, in_bell=True, by_mail=ByMail.DIGEST
        )
    )
    theirs = [case for case in world.rows(Case) if case.account is vera.account and case.is_open]
    for case in sorted(theirs, key=lambda case: case.created_at)[-2:]:
        at = case.created_at + (world.calendar.now - case.created_at) / 2
        world.add(CaseParticipant(account=case.account, case=case, user=vera.user, added_by=milo, created_at=at))
        context = {"case": case, "added_by": milo}
        _ring(world, CaseShared, vera.user, case.account, context, at).waits_for_digest = True


def _keep_milo_informed(world: World) -> None:
    """Milo follows the cases that his colleagues opened, and hears of support's latest answers."""
    milo = _member(world, "member@acme.example")
    answered = [
        message
        for message in world.rows(CaseMessage)
        if message.is_from_staff
        and not message.is_internal
        and message.case.is_open
        and message.account is milo.account
        and message.case.opened_by is not milo.user
    ]
    for case in {message.case.pk: message.case for message in answered}.values():
        world.add(
            CaseParticipant(
                account=case.account, case=case, user=milo.user, added_by=case.opened_by, created_at=case.created_at
            )
        )
    for message in answered:
        context = {"case": message.case, "message": message}
        _ring(world, CaseReply, milo.user, milo.account, context, message.created_at)


def _member(world: World, email: str) -> Membership:
    return next(one for one in world.rows(Membership) if one.user.email == email)


def _those_who_may(world: World, account: Account, permission: Permission) -> list[User]:
    return [one.user for one in world.rows(Membership) if one.account is account and one.may(permission)]


def _ring(
    world: World, kind: type[NotificationType], user: User, account: Account, context: Context, at: datetime
) -> Notification:
    return world.add(
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
