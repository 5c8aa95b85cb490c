"""People who sign in: customers and the vendor's staff alike."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.inbound import ReportKind

if TYPE_CHECKING:
    from accounts.models.companies import Account


def offered_or_none(language: str) -> str:
    """The language, unless the portal does not offer it, or no longer."""
    return language if language in dict(settings.LANGUAGES) else ""


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def with_address(self, email: str) -> "User | None":
        """Whoever signs in with the address, or has verified it as a further one."""
        further = Q(emailaddress__email__iexact=email, emailaddress__verified=True)
        found = self.filter(Q(email__iexact=email) | further).order_by("pk").distinct()
        return min(found, key=lambda user: user.email.lower() != email.lower(), default=None)

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person with one e-mail address. What they may do follows from memberships (customers) or groups (staff)."""

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=150)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    job_title = models.CharField(_("job title"), max_length=100, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, default="Europe/Berlin")
    language = models.CharField(_("language"), max_length=10, blank=True)  # Empty: see preferred_language.
    is_active = models.BooleanField(_("active"), default=True)
    # Whether page views may be kept with their name: the latest choice of accounts.models.Consent.
    is_measured = models.BooleanField(default=True)
    is_staff = models.BooleanField(_("staff"), default=False)
    # Made by the demo seed with a public password: may exist only while PORTAL_DEMO is on.
    is_demo = models.BooleanField(default=False)
    # The address that mail came back from, and why; out of force once the person has another address.
    unreachable_email = models.EmailField(_("mail comes back from"), blank=True)
    unreachable_reason = models.CharField(_("because"), max_length=10, choices=ReportKind, blank=True)
    # On the person, who is read with every request anyway: a banner costs no query.
    dismissed_announcements = ArrayField(models.BigIntegerField(), default=list, blank=True, editable=False)
    # This entry was joined with that one, which goes on: never with one that was joined itself. Written once.
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="merged_entries"
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_any_case"),
            models.CheckConstraint(condition=Q(merged_into=None) | Q(is_active=False), name="user_merged_is_over"),
            models.CheckConstraint(condition=~Q(merged_into=F("id")), name="user_merged_into_another"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def first_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email.split("@")[0]

    @property
    def initials(self) -> str:
        words = self.name.split() or [self.email]
        return (words[0][:1] + (words[-1][:1] if len(words) > 1 else "")).upper()

    @property
    def mail_problem(self) -> ReportKind | None:
        """Why mail to the address that the person has now does not arrive, if it does not."""
        if self.unreachable_reason and self.unreachable_email.lower() == self.email.lower():
            return ReportKind(self.unreachable_reason)
        return None

    def preferred_language(self, account: "Account | None") -> str:
        """Their own choice, else their company's; empty where neither has made one."""
        return offered_or_none(self.language) or (account.preferred_language if account else "")
