"""The audit log, and what the law gives people: their data, their consent, the terms."""

from datetime import date

from accounts.models import Entitlement, Feature
from accounts.permissions import Permission
from tests.pages.kinds import Page, of
from tests.world import Company


def buy_audit_export(company: Company) -> None:
    """The company has the add-on that lets it export its log."""
    Entitlement.objects.create(account=company.account, code=Feature.AUDIT_LOG, start_date=date(2026, 1, 1), source="t")


LAW = [
    Page("accounts:audit", Permission.VIEW_AUDIT, screen=True, shows=of("administrator.name", "case.number")),
    Page(
        "accounts:audit-export", Permission.VIEW_AUDIT, kwargs=lambda company: {"form": "csv"},
        arrange=buy_audit_export, changes=True,  # That it was taken stands in the log.
    ),
]  # fmt: skip
