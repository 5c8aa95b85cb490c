"""What people are told about their own data. By mail alone: it is no business of a company's."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.notifications.types import Category, Context, NotificationType


class DataExportReady(NotificationType):
    name = "data_export_ready"
    label = _("The copy of my data is ready")
    category = Category.SECURITY
    is_optional = False
    is_chosen = False
    may_be_digested = False
    members_only = False
    in_bell = False

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("accounts:privacy")


class ErasureRequested(DataExportReady):
    name = "erasure_requested"
    label = _("I asked to be erased")


class ErasureReceipt(DataExportReady):
    """The last mail of all."""

    name = "erasure_receipt"
    label = _("What was erased, and what was kept")
    is_urgent = True

    @classmethod
    def link(cls, context: Context) -> str:
        return reverse("accounts:terms")


LAW_TYPES = (DataExportReady, ErasureRequested, ErasureReceipt)
