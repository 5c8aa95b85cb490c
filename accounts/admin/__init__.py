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
from accounts.admin.sso import IdentityProviderAdmin, SsoIdentityAdmin
from accounts.admin.viewing import ViewingAdmin

__all__ = [
    "AccountAdmin",
    "AnnouncementAdmin",
    "AuditEntryAdmin",
    "AuditSealAdmin",
    "BrandAdmin",
    "DomainAdmin",
    "IdentityProviderAdmin",
    "InboundMailAdmin",
    "InvitationAdmin",
    "Kept",
    "MailReportAdmin",
    "OutgoingMailAdmin",
    "ReadOnly",
    "SsoIdentityAdmin",
    "StoredFileAdmin",
    "TierAdmin",
    "Undeletable",
    "UserAdmin",
    "ViewingAdmin",
]
