"""The staff's pages about companies, people, mail and files, and what all staff pages have in common."""

from accounts.admin.announcements import AnnouncementAdmin
from accounts.admin.audit import AuditEntryAdmin, AuditSealAdmin
from accounts.admin.bases import Kept, ReadOnly, Undeletable
from accounts.admin.brands import BrandAdmin
from accounts.admin.companies import AccountAdmin, TierAdmin
from accounts.admin.domains import DomainAdmin
from accounts.admin.files import StoredFileAdmin
from accounts.admin.inbound import InboundMailAdmin, MailReportAdmin
from accounts.admin.invitations import InvitationAdmin
from accounts.admin.mail import OutgoingMailAdmin
from accounts.admin.people import UserAdmin
from accounts.admin.privacy import DataExportAdmin, ErasureAdmin, RetentionRuleAdmin, RetentionRunAdmin
from accounts.admin.sso import IdentityProviderAdmin, SsoIdentityAdmin
from accounts.admin.terms import TermsVersionAdmin
from accounts.admin.viewing import ViewingAdmin

__all__ = [
    "AccountAdmin",
    "AnnouncementAdmin",
    "AuditEntryAdmin",
    "AuditSealAdmin",
    "BrandAdmin",
    "DataExportAdmin",
    "DomainAdmin",
    "ErasureAdmin",
    "IdentityProviderAdmin",
    "InboundMailAdmin",
    "InvitationAdmin",
    "Kept",
    "MailReportAdmin",
    "OutgoingMailAdmin",
    "ReadOnly",
    "RetentionRuleAdmin",
    "RetentionRunAdmin",
    "SsoIdentityAdmin",
    "StoredFileAdmin",
    "TermsVersionAdmin",
    "TierAdmin",
    "Undeletable",
    "UserAdmin",
    "ViewingAdmin",
]
