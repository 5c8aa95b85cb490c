"""Who the customers are: companies, their people, what they are entitled to, and what was sent to them."""

from accounts.models.announcements import Announcement, AnnouncementLevel, AnnouncementText
from accounts.models.audit import AuditEntry, AuditNote, AuditSeal, AuditSource
from accounts.models.brands import Brand
from accounts.models.companies import Account, Industry, LifecycleStage, Membership, MembershipQuerySet, Tier
from accounts.models.domains import Domain
from accounts.models.entitlements import Entitlement, Entitlements, Feature, Suspension
from accounts.models.files import StoredFile
from accounts.models.homes import HomeLayout
from accounts.models.imports import ImportLine, ImportState, LineOutcome, MemberImport
from accounts.models.inbound import InboundMail, InboundState, MailReport, ReportKind
from accounts.models.installation import Installation, SetupTick
from accounts.models.invitations import Invitation, JoinOrigin, JoinRequest, JoinState
from accounts.models.law import (
    Consent,
    DataExport,
    Erasure,
    Purpose,
    RetentionRule,
    RetentionRun,
    TermsAcceptance,
    TermsText,
    TermsVersion,
)
from accounts.models.menus import MenuEntry, MenuRule
from accounts.models.merging import DistinctPair, PersonMerge
from accounts.models.notifications import (
    ByMail,
    DigestEvery,
    MailTimes,
    Notification,
    NotificationChoice,
    Weekday,
)
from accounts.models.outbox import MailState, OutgoingMail
from accounts.models.people import User
from accounts.models.portfolios import Cover, Handover, HandoverLine, TeamRole
from accounts.models.provisioning import ScimGroup, ScimGroupMember, ScimToken, ScimUser
from accounts.models.security import SecurityPolicy
from accounts.models.sso import IdentityProvider, SsoIdentity, UsedAnswer
from accounts.models.viewing import Viewing

__all__ = [
    "Account",
    "Announcement",
    "AnnouncementLevel",
    "AnnouncementText",
    "AuditEntry",
    "AuditNote",
    "AuditSeal",
    "AuditSource",
    "Brand",
    "ByMail",
    "Consent",
    "Cover",
    "DataExport",
    "DigestEvery",
    "DistinctPair",
    "Domain",
    "Entitlement",
    "Entitlements",
    "Erasure",
    "Feature",
    "Handover",
    "HandoverLine",
    "HomeLayout",
    "IdentityProvider",
    "ImportLine",
    "ImportState",
    "InboundMail",
    "InboundState",
    "Industry",
    "Installation",
    "Invitation",
    "JoinOrigin",
    "JoinRequest",
    "JoinState",
    "LifecycleStage",
    "LineOutcome",
    "MailReport",
    "MailState",
    "MailTimes",
    "MemberImport",
    "Membership",
    "MembershipQuerySet",
    "MenuEntry",
    "MenuRule",
    "Notification",
    "NotificationChoice",
    "OutgoingMail",
    "PersonMerge",
    "Purpose",
    "ReportKind",
    "RetentionRule",
    "RetentionRun",
    "ScimGroup",
    "ScimGroupMember",
    "ScimToken",
    "ScimUser",
    "SecurityPolicy",
    "SetupTick",
    "SsoIdentity",
    "StoredFile",
    "Suspension",
    "TeamRole",
    "TermsAcceptance",
    "TermsText",
    "TermsVersion",
    "Tier",
    "UsedAnswer",
    "User",
    "Viewing",
    "Weekday",
]
