"""The audit log, and what the law gives people: their data, their consent, the terms."""

from datetime import date, timedelta

from django.utils import timezone

from accounts.law.terms import hash_of
from accounts.models import Entitlement, Erasure, Feature, Membership, TermsAcceptance, TermsText
from accounts.permissions import Permission
from tests.pages.kinds import Audience, Page, of
from tests.world import Company


def buy_audit_export(company: Company) -> None:
    """The company has the add-on that lets it export its log."""
    Entitlement.objects.create(account=company.account, code=Feature.AUDIT_LOG, start_date=date(2026, 1, 1), source="t")


def take_back_the_acceptance(company: Company) -> None:
    TermsAcceptance.objects.filter(user=company.administrator).delete()


def find_another_administrator(company: Company) -> None:
    """Somebody who stays when the administrator goes."""
    Membership.objects.filter(account=company.account, user=company.people["viewer"]).update(roles=["administrator"])


def ask_to_be_erased(company: Company) -> None:
    Erasure.objects.create(user=company.administrator, due_at=timezone.now() + timedelta(days=14))


LAW = [
    Page(
        "accounts:audit", Permission.VIEW_AUDIT, screen=True, shows=of("contract.number"),
        query=lambda company: {"kind": "commerce.contract"},
    ),
    Page(
        "accounts:audit-export", Permission.VIEW_AUDIT, kwargs=lambda company: {"form": "csv"},
        arrange=buy_audit_export, changes=True,  # That it was taken stands in the log.
    ),
    Page("accounts:terms", audience=Audience.EVERYBODY, screen=True),
    Page("accounts:accept-terms", Permission.VIEW_HOME, screen=True),
    Page(
        "accounts:accept-terms", Permission.VIEW_HOME, method="POST", status=302, arrange=take_back_the_acceptance,
        body=lambda company: {"accepted": "on", "text_hash": hash_of(TermsText.objects.get()), "next": "/cases/"},
    ),
    Page("accounts:privacy", screen=True),
    Page("accounts:consents", method="POST", status=302, body=lambda company: {"marketing": "on"}),
    Page("accounts:request-data", method="POST", status=302),
    Page(
        "accounts:download-data", names_row=True, kwargs=lambda company: {"public_id": company.data_export.public_id},
    ),
    Page("accounts:erase", screen=True),
    Page(
        "accounts:erase", method="POST", status=302, body=lambda company: {"confirmed": "on"},
        arrange=find_another_administrator,
    ),
    Page("accounts:cancel-erasure", method="POST", status=302, arrange=ask_to_be_erased),
]  # fmt: skip
