"""Who the customers are: companies, their people, what they are entitled to, and what was sent to them."""

from accounts.models.audit import AuditEntry, AuditNote, AuditSeal, AuditSource
from accounts.models.companies import Account, Industry, LifecycleStage, Membership, MembershipQuerySet, Tier
from accounts.models.domains import Domain
from accounts.models.entitlements import Entitlement, Entitlements, Feature
from accounts.models.files import StoredFile
from accounts.models.outbox import MailState, OutgoingMail
from accounts.models.people import User

__all__ = [
    "Account",
    "AuditEntry",
    "AuditNote",
    "AuditSeal",
    "AuditSource",
    "Domain",
    "Entitlement",
    "Entitlements",
    "Feature",
    "Industry",
    "LifecycleStage",
    "MailState",
    "Membership",
    "MembershipQuerySet",
    "OutgoingMail",
    "StoredFile",
    "Tier",
    "User",
]
