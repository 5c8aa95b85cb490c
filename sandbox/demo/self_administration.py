"""What companies and staff did about people: domains, a directory, people who are there twice, and a visit."""

from datetime import timedelta

from django.conf import settings

from accounts.audit import AuditAction
from accounts.models import (
    Account,
    AuditNote,
    DataExport,
    Domain,
    Entitlement,
    Erasure,
    Feature,
    InboundMail,
    InboundState,
    MailReport,
    Membership,
    ReportKind,
    ScimGroup,
    ScimGroupMember,
    ScimToken,
    ScimUser,
    SecurityPolicy,
    User,
    Viewing,
)
from accounts.models.domains import VerifiedHow
from accounts.models.security import AbsoluteLimit, IdleLimit
from accounts.permissions import Permission, Role, StaffGroup
from accounts.viewing import LOOKING_FOR
from sandbox.demo.accounts import ACME, Customer
from sandbox.demo.company import Company
from sandbox.demo.people import add_person, plain
from sandbox.demo.world import World
from sandbox.idp.companies import GLOBEX
from tracking.actor import ActorKind

WITHOUT_DOMAIN = 5  # Every fifth company has not got round to it.
GROUPS = {
    "Portal administrators": (Role.ADMINISTRATOR,),
    "Portal readers": (Role.SUPPORT, Role.VIEWER),
    "Portal finance": (Role.BILLING, Role.APPROVER),
}
REASON = "He cannot find last month's report"
WITH_SECOND_FACTOR = "Klinikverbund Havelland gGmbH"
JOINED = ("jens.petersen@acme-logistics.example", "jens.petersen@acme.example")  # While loading: merged, and kept.
VISIT_LASTED = timedelta(minutes=9)


def administer(world: World, company: Company, customers: list[Customer]) -> None:
    """What lists of people, domains, directories and visits have to show."""
    acme = next(customer for customer in customers if customer.name == ACME)
    _verify_domains(world, customers)
    _connect_directory(world, customers)
    for name, domain, phone in (
        ("Milo Brandt", "acme-logistics.example", ""),
        ("Jens Petersen", "acme-logistics.example", ""),
        ("Seidel, Katrin", "procurement.acme.example", "+49 40 555 0142"),
    ):
        _come_twice(world, acme, name=name, domain=domain, phone=phone)
    _visit(world, company, acme)
    _rule_sign_in(world, acme, customers)
    _leave_for_good(world, acme)
    _hear_back(world, acme)
    globex = next(customer for customer in customers if customer.account.public_id == GLOBEX.public_id)
    _return_invoices(world, globex.account)


def _verify_domains(world: World, customers: list[Customer]) -> None:
    for number, customer in enumerate(customers):
        account = customer.account
        name = account.website.removeprefix("https://www.")
        has_verified = number % WITHOUT_DOMAIN != WITHOUT_DOMAIN - 1
        verified_at = account.created_at + timedelta(days=3) if has_verified else None
        world.add(
            Domain(
                account=account,
                name=name,
                token=world.uuid("domain", name).hex,
                verified_at=verified_at,
                verified_how=VerifiedHow.DNS if has_verified else "",
                is_joinable=has_verified and number % 2 == 0,
                created_at=account.created_at,
            )
        )


def _connect_directory(world: World, customers: list[Customer]) -> None:
    """The first company with single sign-on sends its people and groups, whose roles its administrator chose."""
    today = world.calendar.today
    entitled = {
        row.account_id
        for row in world.rows(Entitlement)
        if row.code == Feature.SSO and row.start_date <= today and (row.end_date is None or today < row.end_date)
    }
    customer = next((one for one in customers if one.account.pk in entitled and one.account.is_active), None)
    if customer is None:
        return
    now = world.calendar.now
    made_at = now - timedelta(days=40)
    administrator = customer.may(Permission.MANAGE_SECURITY)[0]
    digest = world.uuid("scim", customer.name).hex * 2  # Of no secret: nobody comes in with it.
    world.add(
        ScimToken(
            account=customer.account,
            digest=digest,
            hint=digest[-6:],
            created_by=administrator,
            created_at=made_at,
            last_used_at=now - timedelta(hours=2),
        )
    )
    groups = [
        world.add(
            ScimGroup(
                account=customer.account,
                display_name=name,
                external_id=world.uuid("group", name).hex,
                roles=[role.value for role in roles],
                created_at=made_at,
                updated_at=made_at,
            )
        )
        for name, roles in GROUPS.items()
    ]
    for member in customer.members:
        world.add(
            ScimUser(
                account=customer.account,
                membership=member,
                user_name=member.user.email,
                external_id=world.uuid("directory", member.user.email).hex,
                created_at=made_at,
                updated_at=made_at,
            )
        )
        group = next((one for one in groups if not set(one.roles).isdisjoint(member.roles)), None)
        if group is not None:
            world.add(ScimGroupMember(account=customer.account, group=group, membership=member))


def _come_twice(world: World, customer: Customer, *, name: str, domain: str, phone: str) -> None:
    """Somebody who took an invitation under a second address; the first one has the same phone."""
    words = name.split(", ")
    usual = " ".join(reversed(words))
    first = next(person for person in customer.people if person.name == usual)
    if phone:
        first.phone = phone
    user = add_person(
        world,
        email=f"{plain(usual)}@{domain}",
        name=name,
        joined_at=world.calendar.now - timedelta(days=70),
        phone=phone,
    )
    world.add(
        Membership(
            account=customer.account,
            user=user,
            roles=[Role.VIEWER.value],
            created_at=user.created_at,
        )
    )


def _visit(world: World, company: Company, acme: Customer) -> None:
    """Support has looked at the portal as Milo, and Acme's audit log says so."""
    staff = _support(company)
    begun_at = world.calendar.now - timedelta(hours=21)
    person = _milo(acme)
    world.add(
        Viewing(
            account=acme.account,
            staff=staff,
            person=person,
            reason=REASON,
            started_at=begun_at,
            expires_at=begun_at + LOOKING_FOR,
            ended_at=begun_at + VISIT_LASTED,
        )
    )
    for action, moment in (
        (AuditAction.VIEW_AS_BEGUN, begun_at),
        (AuditAction.VIEW_AS_ENDED, begun_at + VISIT_LASTED),
    ):
        world.add(
            AuditNote(
                account_id=acme.account.pk,
                occurred_at=moment,
                action=action.value,
                actor_kind=ActorKind.STAFF.value,
                actor_id=staff.pk,
                on_behalf_of=person.pk,
                subject_id=person.pk,
                details={"reason": REASON},
            )
        )


def _rule_sign_in(world: World, acme: Customer, customers: list[Customer]) -> None:
    """Acme's sessions end some day. A hospital wants a second factor; nobody there signs in with a demo password."""
    since = world.calendar.now - timedelta(days=75)
    world.add(
        SecurityPolicy(
            account=acme.account,
            idle_minutes=IdleLimit.FOUR_HOURS,
            absolute_hours=AbsoluteLimit.WEEK,
            since=since,
        )
    )
    hospital = next(customer for customer in customers if customer.name == WITH_SECOND_FACTOR)
    world.add(
        SecurityPolicy(
            account=hospital.account,
            mfa_required=True,
            mfa_from_date=since.date() + timedelta(days=14),
            idle_minutes=IdleLimit.HALF_HOUR,
            absolute_hours=AbsoluteLimit.HALF_DAY,
            since=since,
        )
    )


def _leave_for_good(world: World, acme: Customer) -> None:
    """One who left wants to be forgotten: loading carries it out. Milo has asked for a copy of what there is of him."""
    now = world.calendar.now
    left = add_person(world, email="uwe.krueger@acme.example", name="Uwe Krüger", joined_at=acme.account.created_at)
    world.add(
        Membership(
            account=acme.account,
            user=left,
            roles=[Role.VIEWER.value],
            department="Warehouse",
            is_active=False,
            created_at=left.created_at,
        )
    )
    wait = timedelta(days=settings.ERASURE_WAIT_DAYS)
    asked_at = now - wait - timedelta(days=2)
    world.add(Erasure(user=left, state=Erasure.State.RUNNING, requested_at=asked_at, due_at=asked_at + wait))
    world.add(DataExport(user=_milo(acme), requested_at=now - timedelta(minutes=10)))


def _return_invoices(world: World, account: Account) -> None:
    """The company has given its address for invoices up: what we sent there came back."""
    account.unreachable_email, account.unreachable_reason = account.billing_email, ReportKind.HARD
    world.add(
        MailReport(
            unique_id=f"smtp:{world.uuid('report', account.billing_email)}",
            kind=ReportKind.HARD,
            email=account.billing_email,
            detail="550 5.1.1 The mailbox does not exist.",
            reported_at=world.calendar.now - timedelta(days=6),
        )
    )


def _hear_back(world: World, acme: Customer) -> None:
    """A mail to a colleague came back, and two mails came in that belonged to no case."""
    now = world.calendar.now
    unreachable = next(one for one in acme.people if one.name == "Holger Schuster")
    unreachable.unreachable_email, unreachable.unreachable_reason = unreachable.email, ReportKind.HARD
    world.add(
        MailReport(
            unique_id=f"smtp:{world.uuid('report', unreachable.email)}",
            kind=ReportKind.HARD,
            email=unreachable.email,
            detail="550 5.1.1 The mailbox does not exist.",
            reported_at=now - timedelta(days=4),
        )
    )
    for hours, state, sender, subject, note in (
        (29, InboundState.IGNORED, acme.people[2].email, "Out of office", "An automatic answer."),
        (52, InboundState.HELD, "dispatch@subcontractor.example", "Delivery note 4711", "Answers nothing of ours."),
    ):
        received_at = now - timedelta(hours=hours)
        world.add(
            InboundMail(
                unique_id=f"smtp:{world.uuid('mail', subject)}",
                source="smtp",
                sender=sender,
                recipients="reply@vendor.example",
                subject=subject,
                mime=f"From: {sender}\nSubject: {subject}\n\nGood morning,\n".encode(),
                state=state,
                note=note,
                attempts=1,
                received_at=received_at,
                next_at=received_at,
                settled_at=received_at + timedelta(seconds=20),
            )
        )


def _milo(acme: Customer) -> User:
    return next(one for one in acme.people if one.email == "member@acme.example")


def _support(company: Company) -> User:
    return company.staff[StaffGroup.SUPPORT_AGENT][0]
