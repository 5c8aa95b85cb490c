"""The sidebar of the admin, by what the staff do: pages of our own and the lists of rows, whatever app they come from.

What somebody may not open is not in it; a group without anything to open is not there.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class OwnPage:
    """A page that is no list of a model."""

    url_name: str
    title: str | Promise
    permission: str


@dataclass(frozen=True)
class SidebarGroup:
    """One kind of work: pages of our own, and models ("app.model")."""

    title: str | Promise
    icon: str
    entries: Sequence[OwnPage | str]


GROUPS = [
    SidebarGroup(
        _("Customers"),
        "apartment",
        [
            OwnPage("admin:portfolio", _("My portfolio"), "accounts.change_account"),
            "accounts.account",
            "accounts.invitation",
            "accounts.announcement",
            OwnPage("admin:data_quality", _("Data quality"), "accounts.view_data_quality"),
        ],
    ),
    SidebarGroup(
        _("Cases and help"),
        "support_agent",
        [
            "cases.case",
            "cases.casevisibility",
            "cases.caserule",
            "knowledge.article",
            "knowledge.category",
            "knowledge.articleversion",
            "knowledge.deflection",
        ],
    ),
    SidebarGroup(
        _("Selling"),
        "sell",
        [
            OwnPage("admin:deal_desk", _("Deal desk"), "commerce.view_quoteapproval"),
            "commerce.deal",
            "commerce.quote",
            "commerce.quoterequest",
            "commerce.savedconfiguration",
            "commerce.approvalrule",
            "commerce.selfservicelimit",
            "commerce.delegation",
            "commerce.purchaseapproval",
            "commerce.purchaselimit",
            "commerce.order",
            "commerce.provisioningstep",
            "commerce.licencekey",
            "commerce.contract",
            "commerce.contractpaper",
            "commerce.pendingchange",
            "commerce.retentionanswer",
            "commerce.retentionoffer",
            OwnPage("admin:renewal_board", _("Renewal board"), "commerce.view_renewal"),
            "commerce.renewal",
            "commerce.renewalnotice",
            "commerce.renewalterms",
            "commerce.product",
            OwnPage("admin:commerce_preview", _("Plans as a company sees them"), "commerce.preview_catalogue"),
            "commerce.configurationrule",
            "commerce.pricebook",
            "commerce.contractedprice",
            "commerce.discountschedule",
            "commerce.pricerule",
            "commerce.productcost",
        ],
    ),
    SidebarGroup(
        _("Invoices and payments"),
        "receipt_long",
        [
            "commerce.invoice",
            "commerce.paymentattempt",
            "commerce.refundattempt",
            "commerce.balanceentry",
            OwnPage("admin:commerce_bankstatement_read", _("Read a bank statement in"), "commerce.handle_transfers"),
            "commerce.banktransfer",
            "commerce.daytotal",
            "commerce.dunning",
            "commerce.dunningpolicy",
            "commerce.storedcard",
            "commerce.billingperiod",
            "commerce.usagecharge",
            "commerce.bookscheck",
            "commerce.periodclose",
            "commerce.taxrate",
            "commerce.legalentity",
            "commerce.webhookevent",
        ],
    ),
    SidebarGroup(_("Offers and content"), "campaign", ["recommendations.offer", "recommendations.contentblock"]),
    SidebarGroup(
        _("Insights"),
        "monitoring",
        [
            OwnPage("analytics:insights", _("Key figures"), "analytics.view_insights"),
            OwnPage("analytics:influenced-revenue", _("Influenced revenue"), "analytics.view_insights"),
            OwnPage("analytics:configurator", _("Configurator"), "analytics.view_insights"),
            OwnPage("analytics:engagement", _("Engagement"), "analytics.view_insights"),
        ],
    ),
    SidebarGroup(
        _("People and access"),
        "group",
        [
            "accounts.user",
            OwnPage("admin:duplicates", _("Duplicate contacts"), "accounts.merge_people"),
            "accounts.personmerge",
            "accounts.viewing",
            "accounts.domain",
            "accounts.identityprovider",
            "accounts.ssoidentity",
            OwnPage("admin:permissions", _("Who may what"), "accounts.view_account"),
        ],
    ),
    SidebarGroup(
        _("Mail and files"),
        "mail",
        ["accounts.outgoingmail", "accounts.mailreport", "accounts.inboundmail", "accounts.storedfile"],
    ),
    SidebarGroup(_("Salesforce"), "sync", ["crm.outboxrow", "crm.conflict", "crm.link", "crm.cursor", "crm.pause"]),
    SidebarGroup(
        _("Law and audit"),
        "gavel",
        [
            "accounts.auditentry",
            "accounts.auditseal",
            "accounts.termsversion",
            "accounts.dataexport",
            "accounts.erasure",
            "accounts.retentionrule",
            "accounts.retentionrun",
        ],
    ),
    SidebarGroup(
        _("Set up"),
        "settings",
        [
            OwnPage("admin:setup", _("Checklist"), "accounts.view_installation"),
            "accounts.brand",
            "accounts.tier",
        ],
    ),
]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups as django-unfold shows them, for whoever asks."""
    shown = [(group, list(_items(request, group.entries))) for group in GROUPS]
    _mark_the_open_one(request.path, [item for _group, items in shown for item in items])
    return [{"title": group.title, "icon": group.icon, "items": items} for group, items in shown if items]


def _mark_the_open_one(path: str, items: Sequence[dict[str, Any]]) -> None:
    """The page that is open, or the nearest one above it: a page of our own may lie below a list."""
    nearest = max((item["link"] for item in items if path.startswith(item["link"])), key=len, default="")
    for item in items:
        item["active"] = item["link"] == nearest


def _items(request: HttpRequest, entries: Iterable[OwnPage | str]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        if isinstance(entry, OwnPage):
            if request.user.has_perm(entry.permission):
                yield {"title": entry.title, "link": reverse(entry.url_name)}
            continue
        model = apps.get_model(entry)
        if admin.site.get_model_admin(model).has_view_permission(request):
            link = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            yield {"title": capfirst(str(model._meta.verbose_name_plural)), "link": link}
