"""What setting a product up takes: the steps as the catalogue says them, and as an order goes through them."""

import uuid
from datetime import datetime
from typing import Self

import pghistory
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import vault
from accounts.models import Account
from commerce.models.catalogue import Product
from commerce.models.orders import Order
from commerce.models.quotes import QuoteLine


class StepAction(models.TextChoices):
    """Who does a step."""

    REPORTED = "reported", _("Our people, or a system that reports it")
    LICENCE = "licence", _("The portal: it makes the licence key")


class ProductStep(models.Model):
    """A step of setting a product up, as customers read it. An order copies it when it is paid."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField(_("position"), default=1)
    name = models.CharField(_("name"), max_length=80)
    description = models.CharField(_("what happens in it"), max_length=200, blank=True)
    expected_days = models.PositiveSmallIntegerField(
        _("days"), default=1, help_text=_("How long it takes, once it is its turn. 0: on the same day.")
    )
    action = models.CharField(_("done by"), max_length=10, choices=StepAction, default=StepAction.REPORTED)
    is_for_more = models.BooleanField(
        _("also for more of it"), default=False, help_text=_("Not only the first time a company buys it.")
    )

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "position"],
                name="product_step_position",
                violation_error_message=_("Another step of the product has this position."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class StepState(models.TextChoices):
    """A trigger keeps their order: what is done is done, and what failed is tried again before it runs."""

    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Under way")
    DONE = "done", _("Done")
    FAILED = "failed", _("Held up")
    RETRIED = "retried", _("To be tried again")
    CANCELLED = "cancelled", _("Cancelled")

    @property
    def is_open(self) -> bool:
        return self not in (StepState.DONE, StepState.CANCELLED)

    @property
    def tone(self) -> str:
        return {"running": "info", "done": "success", "failed": "error", "retried": "warning"}.get(self, "neutral")


OPEN_STEPS = tuple(state for state in StepState if state.is_open)
UNTOUCHED_STEPS = (StepState.WAITING, StepState.FAILED, StepState.RETRIED)  # Nobody works on them.


class ProvisioningStepQuerySet(models.QuerySet["ProvisioningStep"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def open(self) -> Self:
        return self.filter(state__in=OPEN_STEPS)

    def due(self, now: datetime) -> Self:
        """What the portal itself does, and whose turn it is."""
        return self.filter(action=StepAction.LICENCE, state__in=UNTOUCHED_STEPS, next_at__lte=now)

    def in_order(self) -> Self:
        return self.order_by("line__position", "position")


@pghistory.track(exclude=["public_id"])
class ProvisioningStep(models.Model):
    """A step on an order's way to being active, one after the other for each of its lines."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="provisioning")
    line = models.ForeignKey(QuoteLine, on_delete=models.PROTECT, related_name="provisioning")
    # As the catalogue said them when the order was paid.
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=200, blank=True)
    expected_days = models.PositiveSmallIntegerField()
    action = models.CharField(max_length=10, choices=StepAction)
    state = models.CharField(max_length=10, choices=StepState, default=StepState.WAITING)
    reason = models.CharField(max_length=200, blank=True)  # Why it failed last, for the customer.
    attempts = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)  # Of the last attempt.
    finished_at = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(null=True, blank=True)  # From when the portal does it, or tries it again.

    objects = ProvisioningStepQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["next_at"], name="step_due", condition=Q(action="licence", next_at__isnull=False)),
            models.Index(fields=["order"], name="step_open", condition=~Q(state__in=["done", "cancelled"])),
        ]
        constraints = [
            models.UniqueConstraint(fields=["account", "order", "line", "position"], name="step_once"),
            models.CheckConstraint(condition=~Q(state="failed", reason=""), name="step_failed_has_reason"),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(finished_at__isnull=False, started_at__isnull=False),
                name="step_done_has_times",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def state_choice(self) -> StepState:
        return StepState(self.state)


class LicenceKeyQuerySet(models.QuerySet["LicenceKey"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def valid(self) -> Self:
        return self.filter(revoked_at=None)


class LicenceKey(models.Model):
    """What a company activates a product with. Kept sealed; its last characters tell it from others."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="licence_keys")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="licence_keys")
    line = models.ForeignKey(QuoteLine, on_delete=models.PROTECT, related_name="licence_keys")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="licence_keys")
    quantity = models.DecimalField(max_digits=20, decimal_places=4)  # For how many of it.
    sealed = models.TextField(editable=False)  # accounts.vault.
    ending = models.CharField(max_length=8, editable=False)
    issued_at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = LicenceKeyQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "line"], name="licence_key_once")]
        indexes = [models.Index(fields=["account", "-issued_at", "-id"], name="licence_key_recent")]

    def __str__(self) -> str:
        return f"…{self.ending}"

    @property
    def text(self) -> str:
        """The key itself. Raises `vault.CannotUnseal`."""
        return vault.unseal(self.sealed)
