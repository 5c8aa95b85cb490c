"""What is told about sign-in: to the person it is about, and to those of the vendor who look after the portal."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.notifications.law import DataExportReady
from accounts.notifications.team import ToStaff
from accounts.notifications.types import Category, Context


class CodeUsedAgain(DataExportReady):
    """By mail alone, like everything about one's own sign-in."""

    name = "code_used_again"
    label = _("A code of my authenticator app was tried a second time")
    is_urgent = True

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("accounts:sessions")


class SecondFactorReset(DataExportReady):
    name = "second_factor_reset"
    label = _("An administrator has reset my second factor")
    is_urgent = True

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("mfa_index")


class UnusualRequests(ToStaff):
    name = "unusual_requests"
    label = _("Something was tried unusually often")
    category = Category.SECURITY
    is_urgent = True


SECURITY_TYPES = (CodeUsedAgain, SecondFactorReset, UnusualRequests)
