"""What happened: the append-only event stream, and product usage per day.

This app is below all others and refers to accounts and users by plain ids.
"""

from datetime import date, datetime
from typing import Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from tracking.actor import ActorKind


class EventName(models.TextChoices):
    """Every event the portal records. To add one: name it here, and record it with `tracking.services`."""

    LOGIN = "login", _("Signed in")
    HOME_VIEWED = "home_viewed", _("Viewed home")
    HOME_ARRANGED = "home_arranged", _("Arranged home")
    ARTICLE_VIEWED = "article_viewed", _("Read an article")
    ARTICLE_SEARCHED = "article_searched", _("Searched articles")
    CASE_DEFLECTED = "case_deflected", _("Solved by an article")
    CASE_VIEWED = "case_viewed", _("Viewed a case")
    CASE_CREATED = "case_created", _("Opened a case")
    CASES_EXPORTED = "cases_exported", _("Exported cases")
    CONTRACT_VIEWED = "contract_viewed", _("Viewed a contract")
    CONTRACT_CHANGE_PLANNED = "contract_change_planned", _("Planned a change of a contract")
    CONTRACT_CHANGE_TAKEN_BACK = "contract_change_taken_back", _("Took a planned change of a contract back")
    CONTRACT_CHANGED = "contract_changed", _("Changed a contract")
    RENEWAL_OFFERED = "renewal_offered", _("Was offered a renewal")
    RENEWAL_ACCEPTED = "renewal_accepted", _("Renewed by the contract's own clause")
    CONTRACT_RENEWED = "contract_renewed", _("Began a renewed term")
    RENEWAL_GRACE = "renewal_grace", _("Came to the end of a term without renewing")
    CONTRACT_SUSPENDED = "contract_suspended", _("Lost access, as a term was not renewed")
    RENEWAL_TALK = "renewal_talk", _("Asked to talk about a renewal")
    CONTRACT_CHANGE_FAILED = "contract_change_failed", _("Could not change a contract")
    RETENTION_OFFER_TAKEN = "retention_offer_taken", _("Took an offer to stay")
    USAGE_VIEWED = "usage_viewed", _("Viewed usage")
    PLANS_VIEWED = "plans_viewed", _("Viewed plans and prices")
    OFFER_SHOWN = "offer_shown", _("Saw an offer")
    OFFER_CLICKED = "offer_clicked", _("Followed an offer")
    CONFIGURATOR_USED = "configurator_used", _("Configured a price")
    CONFIGURATOR_STEP_VIEWED = "configurator_step_viewed", _("Came to a step of the configurator")
    CONFIGURATION_SAVED = "configuration_saved", _("Saved a configuration")
    CONFIGURATION_SHARED = "configuration_shared", _("Shared a configuration with a colleague")
    CONFIGURATION_ABANDONED = "configuration_abandoned", _("Left a configuration without a quote")
    QUOTE_REQUESTED = "quote_requested", _("Asked for a quote")
    QUOTE_REQUEST_ANSWERED = "quote_request_answered", _("Was answered a request for a quote")
    QUOTE_CREATED = "quote_created", _("Created a quote")
    QUOTE_SUBMITTED = "quote_submitted", _("Submitted a quote for approval")
    QUOTE_APPROVED = "quote_approved", _("Approved a quote")
    QUOTE_REJECTED = "quote_rejected", _("Rejected a quote")
    QUOTE_PRESENTED = "quote_presented", _("Presented a quote")
    QUOTE_DECLINED = "quote_declined", _("Declined a quote")
    QUOTE_WITHDRAWN = "quote_withdrawn", _("Withdrew a quote")
    QUOTE_COMMENTED = "quote_commented", _("Commented on a quote")
    QUOTE_VIEWED = "quote_viewed", _("Viewed a quote")
    APPROVAL_REQUESTED = "approval_requested", _("Asked for a purchase to be approved")
    APPROVAL_DECIDED = "approval_decided", _("Ended a request for approval")
    QUOTE_ACCEPTED = "quote_accepted", _("Accepted a quote")
    ORDER_PLACED = "order_placed", _("Placed an order")
    ORDER_STEP_MOVED = "order_step_moved", _("Had a step of an order moved on")
    ORDER_CANCELLED = "order_cancelled", _("Gave an order up")
    ORDER_VIEWED = "order_viewed", _("Viewed an order")
    INVOICE_VIEWED = "invoice_viewed", _("Viewed an invoice")
    INVOICE_PAID = "invoice_paid", _("Paid an invoice")
    INVOICE_CREDITED = "invoice_credited", _("Received a credit note")
    INVOICE_WRITTEN_OFF = "invoice_written_off", _("Had an invoice written off")
    PAYMENT_REFUNDED = "payment_refunded", _("Was paid back")
    CARD_STORED = "card_stored", _("Stored a card")
    CARD_REMOVED = "card_removed", _("Removed a card")
    ACCESS_SUSPENDED = "access_suspended", _("Was suspended, as something is not paid")
    ACCESS_RESTORED = "access_restored", _("Got access back")
    DOCUMENT_DOWNLOADED = "document_downloaded", _("Downloaded a document")
    SSO_SIGNED_IN = "sso_signed_in", _("Signed in by single sign-on")
    SSO_REFUSED = "sso_refused", _("Was refused by single sign-on")
    SSO_REQUIRED = "sso_required", _("Tried another way in than single sign-on")
    PROFILE_CHANGED = "profile_changed", _("Changed the company profile")
    MEMBER_INVITED = "member_invited", _("Invited a colleague")
    INVITATION_REVOKED = "invitation_revoked", _("Took an invitation back")
    MEMBERS_IMPORTED = "members_imported", _("Invited colleagues from a file")
    MEMBER_JOINED = "member_joined", _("Joined the company")
    MEMBER_CHANGED = "member_changed", _("Changed a colleague's roles")
    MEMBER_DEACTIVATED = "member_deactivated", _("Deactivated a colleague")
    MEMBER_REACTIVATED = "member_reactivated", _("Reactivated a colleague")
    MEMBER_LEFT = "member_left", _("Left the company")
    MEMBER_PROVISIONED = "member_provisioned", _("Came in through the company's directory")
    SCIM_TOKEN_ISSUED = "scim_token_issued", _("Made a token for the company's directory")
    SCIM_TOKEN_REVOKED = "scim_token_revoked", _("Revoked a token of the company's directory")
    SCIM_ROLES_MAPPED = "scim_roles_mapped", _("Changed the roles of a directory group")
    ADMINISTRATION_HANDED_OVER = "administration_handed_over", _("Handed over the administration")
    JOIN_REQUESTED = "join_requested", _("Asked to join the company")
    JOIN_APPROVED = "join_approved", _("Let somebody join the company")
    JOIN_DECLINED = "join_declined", _("Declined somebody who asked to join")
    CLAIM_LINK_SENT = "claim_link_sent", _("Was sent the link to claim the company's portal")


def event_names() -> list[tuple[str, str]]:
    """As a function, so that a new event needs no migration of a table that it does not change."""
    return [(name.value, str(name.label)) for name in EventName]


class EventQuerySet(models.QuerySet["Event"]):
    def for_account(self, account_id: int) -> Self:
        return self.filter(account_id=account_id)

    def by_customers(self) -> Self:
        """Without staff, view-as sessions and jobs."""
        return self.filter(actor_kind=ActorKind.CUSTOMER, on_behalf_of__isnull=True)

    def between(self, start: datetime, end: datetime) -> Self:
        """Half-open: an event at `end` belongs to the next period."""
        return self.filter(occurred_at__gte=start, occurred_at__lt=end)


class Event(models.Model):
    """One thing that one person or process did at one moment. Never edited, never a trigger of business logic."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=40, choices=event_names)
    account_id = models.BigIntegerField(null=True)
    user_id = models.BigIntegerField(null=True)
    actor_kind = models.CharField(max_length=10)
    on_behalf_of = models.BigIntegerField(null=True)
    session_key = models.CharField(max_length=64, blank=True)  # A digest, never the cookie's value.
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    properties = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    occurred_at = models.DateTimeField()

    objects = EventQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["account_id", "occurred_at"], name="event_account_time"),
            models.Index(fields=["name", "occurred_at"], name="event_name_time"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.occurred_at:%Y-%m-%d %H:%M:%S} #{self.pk}"


class Meter(models.TextChoices):
    """What is measured of the vendor's product. Limits live in entitlements, under the same codes."""

    SEATS = "seats", _("User seats")
    API_CALLS = "api_calls", _("API calls this month")
    STORAGE_GB = "storage_gb", _("Storage (GB)")
    AUTOMATION_RUNS = "automation_runs", _("Automation runs this month")

    @property
    def name_over_time(self) -> str:
        """What is counted, where a period stands beside it already: the heading of a chart or a column."""
        names = {Meter.API_CALLS: _("API calls"), Meter.AUTOMATION_RUNS: _("Automation runs")}
        return str(names.get(self, self.label))

    @property
    def is_monthly(self) -> bool:
        """Whether days add up over the calendar month; other meters are a level, and the latest day counts."""
        return self in (Meter.API_CALLS, Meter.AUTOMATION_RUNS)


class UsageQuerySet(models.QuerySet["UsageDaily"]):
    def for_account(self, account_id: int | models.Expression) -> Self:
        return self.filter(account_id=account_id)

    def in_month_of(self, day: date) -> Self:
        return self.filter(date__gte=day.replace(day=1), date__lte=day)

    def between(self, first: date | models.Expression, last: date | models.Expression) -> Self:
        """Of these days, both included."""
        return self.filter(date__gte=first, date__lte=last)


class UsageDaily(models.Model):
    """How much of one meter an account used on one day (calendar day of the account)."""

    id = models.BigAutoField(primary_key=True)
    account_id = models.BigIntegerField()
    meter = models.CharField(max_length=40, choices=Meter)
    date = models.DateField()
    quantity = models.DecimalField(max_digits=20, decimal_places=4)

    objects = UsageQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "daily usage"
        constraints = [
            models.UniqueConstraint(fields=["account_id", "meter", "date"], name="usage_once_per_day"),
            models.CheckConstraint(condition=models.Q(quantity__gte=0), name="usage_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.meter} {self.date}: {self.quantity}"
