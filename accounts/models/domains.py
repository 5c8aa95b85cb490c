"""The e-mail domains that a company says are its own."""

import secrets
import uuid
from typing import Self

import dns.exception
import dns.name
import pghistory
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.companies import Account

RECORD_LABEL = "_portal-verification"


def new_token() -> str:
    return secrets.token_urlsafe(24)


def domain_of(email: str) -> str:
    """The domain of an address as domains are kept: in lower case and ASCII, whatever script it is written in."""
    name = email.rpartition("@")[2].strip().lower()
    try:
        return name if name.isascii() else in_ascii(name)
    except (dns.exception.DNSException, UnicodeError):
        return name


def in_ascii(name: str) -> str:
    """As name servers know it. Raises `dns.exception.DNSException`, `UnicodeError`."""
    return dns.name.from_text(name, idna_codec=dns.name.IDNA_2008_UTS_46).to_text(omit_final_dot=True)


class VerifiedHow(models.TextChoices):
    DNS = "dns", _("DNS record")
    STAFF = "staff", _("Approved by our team")


class CheckProblem(models.TextChoices):
    """What the last look at the DNS came to, where it did not verify the domain."""

    NOT_FOUND = "not_found", _("The record is not there yet. A new record can take an hour to be seen.")
    OTHER_VALUE = "other_value", _("There is a record of that name, but with another value.")
    NO_ANSWER = "no_answer", _("The domain's name servers did not answer. Try again in a few minutes.")
    TAKEN = "taken", _("Another company has verified this domain. Write to us if it is yours.")


class DomainQuerySet(models.QuerySet["Domain"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)

    def verified(self) -> Self:
        return self.filter(verified_at__isnull=False)

    def joinable(self) -> Self:
        """Those whose people may ask to join."""
        return self.verified().filter(is_joinable=True, account__is_active=True)

    def of_email(self, email: str) -> Self:
        """The domain of an address as people type it; none where the address has none."""
        return self.filter(name=domain_of(email))


@pghistory.track(exclude=["checked_at", "problem"])
class Domain(models.Model):
    """An e-mail domain of a company. Once verified it is this company's alone: single sign-on and joining rest on it.

    Only the owner role verifies, after the DNS or a member of staff has said so; a customer's request can't.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="domains")
    name = models.CharField(_("domain"), max_length=253)  # Lower case, in its ASCII form (xn--…).
    token = models.CharField(_("verification code"), max_length=64, default=new_token, editable=False)
    verified_at = models.DateTimeField(_("verified"), null=True, blank=True)
    verified_how = models.CharField(_("verified by"), max_length=5, choices=VerifiedHow, blank=True)
    is_joinable = models.BooleanField(_("colleagues may ask to join"), default=False)
    checked_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=20, choices=CheckProblem, blank=True)  # Of the last check.
    created_at = models.DateTimeField(default=timezone.now)

    objects = DomainQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="domain_once_per_account"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(verified_at__isnull=False), name="domain_verified_once"
            ),
            models.CheckConstraint(
                condition=Q(verified_at__isnull=True, verified_how="")
                | Q(verified_at__isnull=False) & ~Q(verified_how=""),
                name="domain_verified_somehow",
            ),
            models.CheckConstraint(
                condition=Q(is_joinable=False) | Q(verified_at__isnull=False), name="domain_joinable_when_verified"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_verified(self) -> bool:
        return self.verified_at is not None

    @property
    def record_name(self) -> str:
        """Where the TXT record is looked for."""
        return f"{RECORD_LABEL}.{self.name}"

    @property
    def record_value(self) -> str:
        return f"portal-verification={self.token}"
