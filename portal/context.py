"""What every page's frame shows."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from accounts import brands, languages, menus
from accounts.announcements import Shown, announcements_for
from accounts.belonging import group_of
from accounts.models import Account, Membership, MenuEntry
from accounts.permissions import Permission


@dataclass(frozen=True)
class NavigationItem:
    label: str
    url: str
    icon: str
    is_current: bool


# Icon of each entry, and the permission that shows it, in the usual order. The item is the current one on all pages
# below its address, and below those of _ALSO.
_ITEMS = {
    MenuEntry.HOME: ("home", Permission.VIEW_HOME),
    MenuEntry.HELP: ("life-buoy", Permission.READ_ARTICLES),
    MenuEntry.CASES: ("message-square", Permission.VIEW_CASES),
    MenuEntry.CONTRACTS: ("file-text", Permission.VIEW_CONTRACTS),
    MenuEntry.USAGE: ("gauge", Permission.VIEW_USAGE),
    MenuEntry.PLANS: ("layers", Permission.VIEW_PRICES),
    MenuEntry.ORDERS: ("package", Permission.VIEW_ORDERS),
    MenuEntry.LICENCES: ("key-round", Permission.VIEW_LICENCES),
    MenuEntry.INVOICES: ("receipt", Permission.VIEW_INVOICES),
    MenuEntry.COMPANY: ("building-2", Permission.VIEW_TEAM),
}
_ALSO = {
    "commerce:plans": ("/quotes/",),
    "commerce:orders": ("/approvals/", "/licences/"),
    "commerce:invoices": ("/payments/",),
}
# Pages that are found on others, and have an entry of their own for those who may not open these.
_FOUND_ON = {MenuEntry.LICENCES: Permission.VIEW_ORDERS}


def navigation(request: HttpRequest) -> list[NavigationItem]:
    membership: Membership | None = getattr(request, "membership", None)
    if membership is None:
        return _staff_navigation(request)
    open_to_them = [
        (entry, permission)
        for entry, (_icon, permission) in _ITEMS.items()
        if membership.may(permission) and not (entry in _FOUND_ON and membership.may(_FOUND_ON[entry]))
    ]
    shown = menus.arranged(open_to_them, roles=membership.roles, arrangement=brands.wear(request).menu)
    return [_item(MenuEntry(entry), request.path) for entry in shown]


def _item(entry: MenuEntry, path: str) -> NavigationItem:
    url = reverse(entry.value)
    here = path == url if entry is MenuEntry.HOME else path.startswith((url, *_ALSO.get(entry, ())))
    return NavigationItem(str(entry.label), url, _ITEMS[entry][0], here)


def _staff_navigation(request: HttpRequest) -> list[NavigationItem]:
    """The vendor's people work in the admin; those who may also read what the portal earns."""
    user = request.user
    if not (user.is_authenticated and user.is_staff):
        return []
    items = [NavigationItem(_("Admin"), reverse("admin:index"), "settings", is_current=False)]
    if user.has_perm("analytics.view_insights"):
        url = reverse("analytics:insights")
        items.insert(0, NavigationItem(_("Insights"), url, "chart-column", request.path.startswith(url)))
    return items


def page(request: HttpRequest) -> dict[str, Any]:
    """The frame of a customer's page. Costs no query, and nothing at all in a fragment, which has no frame."""
    theme = request.COOKIES.get("theme", "")
    account = getattr(request, "account", None)
    memberships: list[Membership] = getattr(request, "memberships", [])
    look = brands.wear(request)
    return {
        "brand_name": look.name,
        "brand": look,
        "theme": theme if theme in ("light", "dark") else "",
        "navigation": SimpleLazyObject(lambda: navigation(request)),
        "membership": getattr(request, "membership", None),
        "announcements": lambda: _announcements(request),
        "current_account": account,
        "account_choices": SimpleLazyObject(lambda: _account_choices(memberships, account)),
        "group_url": SimpleLazyObject(lambda: reverse("group") if group_of(memberships) else ""),
        "account_switch_url": reverse("accounts:switch"),
        "user_menu": SimpleLazyObject(lambda: _user_menu(request)),
        "language_choices": [] if request.user.is_authenticated else languages.offered(),
        "payments_note": _("Payments go to localstripe, not Stripe") if settings.STRIPE_API_BASE else "",
        "footer_links": SimpleLazyObject(lambda: _footer_links(look)),
    }


def _account_choices(memberships: list[Membership], chosen: Account | None) -> list[dict[str, Any]]:
    return [
        {
            "name": one.account.name,
            "value": one.account.public_id,
            "is_current": one.account == chosen,
            "note": _("Subsidiary, to look at") if one.is_of_parent else "",
        }
        for one in memberships
    ]


def _announcements(request: HttpRequest) -> list[Shown]:
    if not request.user.is_authenticated:
        return []
    membership = getattr(request, "membership", None)
    return announcements_for(user=request.user, membership=membership, now=timezone.now())


def _footer_links(look: brands.Look) -> list[dict[str, str]]:
    links = [{"label": label, "url": url} for label, url in look.links]
    if look.support_email:
        links.append({"label": look.support_email, "url": f"mailto:{look.support_email}"})
    if settings.MAIL_SINK_URL:
        links.append({"label": _("Demo mail"), "url": settings.MAIL_SINK_URL})
    return links


def _user_menu(request: HttpRequest) -> list[dict[str, str]]:
    if not request.user.is_authenticated:
        return []
    own: list[dict[str, str]] = []
    if getattr(request, "membership", None) is not None:
        own = [
            {"label": _("Arrange Home"), "url": reverse("arrange-home"), "icon": "layout-dashboard"},
            {"label": _("Tour"), "url": reverse("tour"), "icon": "map"},
        ]
    items = [
        *own,
        {"label": _("Language and region"), "url": reverse("accounts:language"), "icon": "languages"},
        {"label": _("E-mail addresses"), "url": reverse("account_email"), "icon": "mail"},
        {"label": _("Password"), "url": reverse("account_change_password"), "icon": "key-round"},
        {"label": _("Two-factor sign-in"), "url": reverse("mfa_index"), "icon": "shield-check"},
    ]
    if request.user.is_staff:
        items = [{"label": _("Admin"), "url": reverse("admin:index"), "icon": "settings"}, *items]
        if request.user.has_perm("analytics.view_insights"):
            items.insert(1, {"label": _("Insights"), "url": reverse("analytics:insights"), "icon": "chart-column"})
    return items
