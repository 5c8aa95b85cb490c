"""The pages that a company's area and a person's own area consist of, in the order of their tabs."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.permissions import Permission


@dataclass(frozen=True)
class Section:
    """One tab. Pages below its address belong to it."""

    url_name: str
    label: Promise | str
    permission: Permission | None = None  # None: everybody who is signed in.
    icon: str = ""
    only_in_group: bool = False  # Only for those who see subsidiaries.


# What a company says about itself and rules over.
COMPANY: tuple[Section, ...] = (
    Section("accounts:company", _("Overview"), Permission.VIEW_TEAM),
    Section("accounts:people", _("People"), Permission.VIEW_TEAM),
    Section("accounts:permissions", _("Roles"), Permission.VIEW_TEAM),
    Section("cases:visibility", _("Who sees cases"), Permission.MANAGE_COMPANY),
    Section("commerce:billing-profile", _("Invoices to you"), Permission.MANAGE_BILLING),
    Section("commerce:cards", _("Cards"), Permission.MANAGE_BILLING),
    Section("commerce:purchase-limits", _("Purchase limits"), Permission.MANAGE_COMPANY),
    Section("group", _("Group"), Permission.VIEW_TEAM, only_in_group=True),
    Section("accounts:company-notifications", _("Notifications"), Permission.MANAGE_COMPANY),
    Section("accounts:security", _("Sign-in rules"), Permission.MANAGE_SECURITY),
    Section("accounts:domains", _("Domains"), Permission.MANAGE_SECURITY),
    Section("accounts:sso", _("Single sign-on"), Permission.MANAGE_SECURITY),
    Section("accounts:provisioning", _("Directory sync"), Permission.MANAGE_SECURITY),
    Section("accounts:audit", _("Audit log"), Permission.VIEW_AUDIT),
)

# What a person says about themselves. allauth's pages have no permission: they show one's own rows alone.
PERSONAL: tuple[Section, ...] = (
    Section("accounts:language", _("Language and region"), icon="languages"),
    Section("accounts:notifications", _("Notifications"), Permission.VIEW_HOME, icon="bell"),
    Section("accounts:notification-settings", _("What you are told"), Permission.VIEW_HOME, icon="settings"),
    Section("arrange-home", _("Your Home"), Permission.VIEW_HOME, icon="layout-dashboard"),
    Section("account_email", _("E-mail addresses"), icon="mail"),
    Section("account_change_password", _("Password"), icon="key-round"),
    Section("mfa_index", _("Two-factor sign-in"), icon="shield-check"),
    Section("accounts:sessions", _("Sessions"), icon="history"),
    Section("accounts:privacy", _("Privacy"), icon="user"),
)
