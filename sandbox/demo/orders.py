"""What setting products up takes, and orders that are on their way through it."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Account, Membership
from accounts.permissions import Role
from commerce.billing import settling
from commerce.catalogue.product_files import taken
from commerce.configuring.situations import situation_of
from commerce.models import FileKind, Order, Product, ProductFile, ProductStep, ProvisioningStep, StepAction
from commerce.orders import licences, provisioning, taking_back
from commerce.quotes.acceptance import accept_quote
from commerce.quotes.quoting import create_quote
from sandbox.demo.accounts import ACME
from sandbox.demo.world import World
from tracking.actor import Actor

# Product: (step, what happens in it, days, whether the portal does it, whether also for more of it).
STEPS = {
    "enterprise": (
        ("Move the workspace", "Your workspace moves to servers of its own, at night.", 2, False, False),
        ("Review with your administrators", "We go through roles and limits together.", 5, False, False),
    ),
    "sandbox": (
        ("Create the sandbox", "A copy of your workspace without its data.", 1, False, False),
        ("Invite your administrators", "They sign in with their own addresses.", 1, False, False),
    ),
    "sso": (
        ("Connect your directory", "We exchange metadata with your identity provider.", 3, False, False),
        ("Issue the licence key", "It activates the directory agent.", 0, True, False),
    ),
    "storage_pack": (("Issue the licence key", "It activates the archive sync on your file servers.", 0, True, True),),
    "route_planner": (
        ("Load the maps", "Roads and restrictions of the countries you drive in.", 2, False, False),
        ("Issue the licence key", "It activates the planner on your dispatchers' machines.", 0, True, True),
    ),
    "onboarding": (
        ("Agree on a plan", "Your success manager calls you to choose the days.", 3, False, False),
        ("Train your team", "Two sessions of ninety minutes.", 10, False, False),
        ("Hand over", "You have the recordings and the checklist.", 2, False, False),
    ),
}
DOWNLOADS = (
    ("sso", "Directory agent for Linux and Windows", "agent.zip"),
    ("route_planner", "Route planner for dispatchers", "planner.zip"),
    ("storage_pack", "Archive sync for file servers", "archive-sync.zip"),
)
# Whose orders are on their way: nothing else of theirs waits for a payment.
HELD_UP, CANCELLED, UNPAID = "Transportes Aranda S.L.", "Zorgpunt Twente", "Van Rijn Koeriers B.V."
SUSPENDED = "Kowal Tools Sp. z o.o."  # See `late_payers`.
BUYERS = (ACME, HELD_UP, CANCELLED, UNPAID, SUSPENDED)
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


def place_orders(world: World) -> None:
    """Steps and downloads of the catalogue, keys of what is active, and an order in each state."""
    now = world.calendar.now
    _describe_steps()
    _add_downloads()
    _set_up_before(Account.objects.get(name=ACME))
    _under_way(Account.objects.get(name=ACME), now - timedelta(days=4))
    _held_up(Account.objects.get(name=HELD_UP), now - timedelta(days=6))
    _cancelled(Account.objects.get(name=CANCELLED), now - timedelta(days=9))
    buy(Account.objects.get(name=UNPAID), "sandbox", at=now - timedelta(days=1))


def _describe_steps() -> None:
    products = {product.code: product for product in Product.objects.filter(code__in=STEPS)}
    ProductStep.objects.bulk_create(
        ProductStep(
            product=products[code],
            position=position,
            name=name,
            description=description,
            expected_days=days,
            action=StepAction.LICENCE if by_portal else StepAction.REPORTED,
            is_for_more=for_more,
        )
        for code, steps in STEPS.items()
        for position, (name, description, days, by_portal, for_more) in enumerate(steps, start=1)
    )


def _add_downloads() -> None:
    """Through the checks that uploads go through."""
    for code, title, name in DOWNLOADS:
        new = taken(SimpleUploadedFile(name, EMPTY_ZIP), FileKind.DOWNLOAD)
        file = ProductFile(product=Product.objects.get(code=code), kind=FileKind.DOWNLOAD, title=title)
        file.keep(new.content, content_type=new.content_type, suffix=new.suffix)
        file.save()


def _set_up_before(account: Account) -> None:
    """What an account bought in the portal and has had for long was set up in its time."""
    for order in Order.objects.for_account(account).filter(status="active", quote__isnull=False):
        for line in order.quote.lines.filter(quantity__gt=0).select_related("product") if order.quote else ():
            at = order.placed_at
            for template in line.product.steps.all():
                at += timedelta(days=template.expected_days, hours=2)
                ProvisioningStep.objects.create(
                    account=account, order=order, line=line, position=template.position, name=template.name,
                    description=template.description, expected_days=template.expected_days, action=template.action,
                    state="done", attempts=1, started_at=at - timedelta(hours=2), finished_at=at,
                )  # fmt: skip
                if template.action == StepAction.LICENCE:
                    licences.issue(line=line, order=order, now=at)


def _under_way(account: Account, at: datetime) -> None:
    """The first step is done, somebody works on the second."""
    first, second, *_later = _steps(_paid(account, "onboarding", at=at))
    _finish(first, at + timedelta(days=2))
    provisioning.begin_step(step=second, actor=Actor.system(account.pk), now=at + timedelta(days=3))


def _held_up(account: Account, at: datetime) -> None:
    first, *_later = _steps(_paid(account, "sso", at=at))
    reason = "Your identity provider does not answer at the address that it names."
    provisioning.fail_step(step=first, reason=reason, actor=Actor.system(account.pk), now=at + timedelta(days=2))


def _cancelled(account: Account, at: datetime) -> None:
    """Paid, and given up before anybody began."""
    order = _paid(account, "sandbox", at=at)
    buyer = administrator(account)
    taking_back.give_up(
        order=order, reason=f"Cancelled by {buyer.user}", actor=buyer.actor(), now=at + timedelta(hours=5)
    )


def _paid(account: Account, code: str, *, at: datetime) -> Order:
    order = buy(account, code, at=at)
    return settling.record_bank_transfer(
        order=order, actor=Actor.system(account.pk), now=at + timedelta(hours=1)
    )  # fmt: skip


def buy(account: Account, code: str, *, at: datetime) -> Order:
    """One more of a product than the account has, by its administrator."""
    buyer = administrator(account)
    current = situation_of(account, account.local_date(at)).current
    wanted = replace(current, addons={**current.addons, code: Decimal(current.addons.get(code, 0)) + 1})
    quote = create_quote(
        account=account, actor=buyer.actor(), user=buyer.user, configuration=wanted, now=at, form_key=uuid.uuid4()
    )
    return accept_quote(
        quote=quote, shown_hash=quote.price_hash, consent_name=buyer.user.name, po_number=f"4500-{quote.serial}",
        ip=None, actor=buyer.actor(), now=at,
    )  # fmt: skip


def _steps(order: Order) -> list[ProvisioningStep]:
    return list(order.provisioning.in_order())


def _finish(step: ProvisioningStep, now: datetime) -> None:
    provisioning.finish_step(step=step, actor=Actor.system(step.account_id), now=now)


def administrator(account: Account) -> Membership:
    members = Membership.objects.for_account(account).active().select_related("user").order_by("pk")
    return members.with_role(Role.ADMINISTRATOR)[0]
