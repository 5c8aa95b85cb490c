"""What people put together in the configurator before there is a quote, and what they ask us to quote."""

import uuid
from datetime import datetime
from typing import Self

import pghistory
from django.contrib.postgres.expressions import ArraySubquery
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.functions import JSONObject
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, User
from commerce.models.contracts import Contract
from commerce.models.quotes import Quote


class ConfigurationSource(models.TextChoices):
    """What a configuration began with."""

    SCRATCH = "scratch", _("From scratch")
    RECOMMENDATION = "recommendation", _("A recommendation")
    USAGE = "usage", _("What is used")
    QUOTE = "quote", _("A quote")


class ConfiguratorStep(models.TextChoices):
    """How far somebody is. The guided configurator has the first three, the full one shows all at once."""

    PLAN = "plan", _("Plan and seats")
    ADDONS = "addons", _("Add-ons")
    REVIEW = "review", _("Review")
    ALL = "all", _("Everything on one page")


class SavedConfigurationQuerySet(models.QuerySet["SavedConfiguration"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def visible_to(self, user: User) -> Self:
        """One's own, and those that colleagues shared with one."""
        shared = ConfigurationShare.objects.running().filter(configuration=models.OuterRef("pk"), user=user)
        return self.filter(Q(created_by=user) | Q(models.Exists(shared)), deleted_at__isnull=True)

    def with_readers(self) -> Self:
        """With the colleagues who see each, as `readers`: their names and addresses."""
        shares = ConfigurationShare.objects.running().filter(configuration=models.OuterRef("pk"))
        reader = JSONObject(name="user__name", email="user__email")
        return self.annotate(readers=ArraySubquery(shares.order_by("user__name", "pk").values(reader=reader)))

    def named(self) -> Self:
        """Those that somebody saved."""
        return self.exclude(name="")

    def running(self) -> Self:
        """What somebody typed last, without a quote of it yet."""
        return self.filter(name="", quote__isnull=True)

    def abandoned(self) -> Self:
        return self.running().filter(abandoned_at__isnull=False)

    def of_portfolio(self, staff: User) -> Self:
        """Those of the companies that somebody looks after."""
        return self.filter(Q(account__owner=staff) | Q(account__sales_contact=staff))

    def latest_first(self) -> Self:
        return self.order_by("-updated_at", "-id")


class SavedConfiguration(models.Model):
    """A plan, seats and add-ons that somebody put together: saved under a name, or, without one, what they typed last.

    A person has one without a name for each contract: a change of it is written over the one before.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="configurations")
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="+")  # The one it would change.
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(_("name"), max_length=80, blank=True)
    # As in quotes: {"plan": "business", "seats": "60", "addons": {"sso": "1"}}.
    configuration = models.JSONField(encoder=DjangoJSONEncoder)
    source = models.CharField(max_length=20, choices=ConfigurationSource, default=ConfigurationSource.SCRATCH)
    step = models.CharField(max_length=10, choices=ConfiguratorStep, default=ConfiguratorStep.ALL)
    # What it would have changed a month, before tax, when it was priced last; none where it had no price.
    monthly_change_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3)
    quote = models.ForeignKey(Quote, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    abandoned_at = models.DateTimeField(null=True, blank=True)  # Noted by a job, after some days without a change.
    deleted_at = models.DateTimeField(null=True, blank=True)  # By whoever made it; a job removes the row.

    objects = SavedConfigurationQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["account", "-updated_at", "-id"], name="configuration_recent"),
            models.Index(
                fields=["updated_at"],
                name="configuration_idle",
                condition=Q(name="", quote__isnull=True, abandoned_at__isnull=True),
            ),
        ]
        constraints = [
            # One of each name, and one without: that which is typed.
            models.UniqueConstraint(
                fields=["account", "contract", "created_by", "name"], name="configuration_once_per_name"
            )
        ]

    def __str__(self) -> str:
        return self.name or f"{self.created_by}: {date_format(timezone.localtime(self.updated_at))}"

    @property
    def step_choice(self) -> ConfiguratorStep:
        return ConfiguratorStep(self.step)

    @property
    def source_choice(self) -> ConfigurationSource:
        return ConfigurationSource(self.source)

    def is_of(self, user: User) -> bool:
        return self.created_by_id == user.pk


class ConfigurationShareQuerySet(models.QuerySet["ConfigurationShare"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def running(self) -> Self:
        """Those that nobody has taken back."""
        return self.filter(ended_at__isnull=True)


class ConfigurationShare(models.Model):
    """A colleague with whom a saved configuration is shared: to look at, and with the right to buy to change."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    configuration = models.ForeignKey(SavedConfiguration, on_delete=models.CASCADE, related_name="shares")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    shared_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)  # Taken back. Shared again, it is empty again.

    objects = ConfigurationShareQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "configuration", "user"], name="configuration_shared_once")
        ]

    def __str__(self) -> str:
        return f"{self.configuration}: {self.user}"


class QuoteRequestStatus(models.TextChoices):
    OPEN = "open", _("We are working on it")
    ANSWERED = "answered", _("Answered")
    CLOSED = "closed", _("Closed")

    @property
    def tone(self) -> str:
        return {"open": "info", "answered": "success"}.get(self, "neutral")


class QuoteRequestReason(models.TextChoices):
    """Why it can't be bought in the portal: the codes of what the configurator refuses, and other wishes."""

    QUANTITY = "quantity", _("More than the portal sells")
    NOT_SELLABLE = "not_sellable", _("No price in the portal")
    TAX_UNKNOWN = "tax_unknown", _("Another country")
    CURRENCY = "currency", _("Another currency")
    NO_CONTRACT = "no_contract", _("No running contract")
    DOWNGRADE = "downgrade", _("Less than now")
    RULE = "rule", _("A mix that rules refuse")
    OTHER = "other", _("Something else")


class QuoteRequestQuerySet(models.QuerySet["QuoteRequest"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def open(self) -> Self:
        return self.filter(status=QuoteRequestStatus.OPEN)

    def latest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


@pghistory.track(exclude=["message"])
class QuoteRequest(models.Model):
    """A customer's wish that the portal can't sell by itself: we answer it, as a rule with a quote."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="quote_requests")
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(_("why"), max_length=20, choices=QuoteRequestReason, default=QuoteRequestReason.OTHER)
    configuration = models.JSONField(_("configuration"), default=dict, encoder=DjangoJSONEncoder)  # Empty: none.
    summary = models.CharField(_("wish"), max_length=200)  # The configuration in words, as it was asked for.
    message = models.TextField(_("message"), max_length=2000, blank=True)
    form_key = models.UUIDField(default=uuid.uuid4, editable=False)
    status = models.CharField(_("status"), max_length=10, choices=QuoteRequestStatus, default=QuoteRequestStatus.OPEN)
    created_at = models.DateTimeField(_("asked on"), default=timezone.now)
    answer = models.TextField(_("answer"), max_length=4000, blank=True)
    quote = models.ForeignKey(
        Quote, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("quote")
    )
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    answered_at = models.DateTimeField(_("answered on"), null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = QuoteRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("request for a quote")
        verbose_name_plural = _("requests for a quote")
        indexes = [models.Index(fields=["account", "-created_at", "-id"], name="quote_request_recent")]
        constraints = [
            models.UniqueConstraint(fields=["account", "form_key"], name="quote_request_once_per_form"),
            models.CheckConstraint(
                condition=~Q(status="answered") | Q(answered_by__isnull=False, answered_at__isnull=False),
                name="quote_request_answer_complete",
            ),
        ]

    def __str__(self) -> str:
        return self.summary

    @property
    def status_choice(self) -> QuoteRequestStatus:
        return QuoteRequestStatus(self.status)

    @property
    def is_open(self) -> bool:
        return self.status == QuoteRequestStatus.OPEN

    def close(self, now: datetime) -> bool:
        """Nobody waits for an answer any more. False where it was closed or answered already."""
        closed = QuoteRequest.objects.open().filter(pk=self.pk).update(status=QuoteRequestStatus.CLOSED, closed_at=now)
        if closed:
            self.status, self.closed_at = QuoteRequestStatus.CLOSED, now
        return bool(closed)
