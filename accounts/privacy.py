"""What this app, sign-in and the event stream hold about people."""

from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.law.personal import Fate, PersonalData, entries_of
from accounts.models import MailReport, User
from accounts.models.inbound import REPORTED_BY_MAIL

_CONTRACT = _("Kept for as long as the company's records: it shows who acted for the company under the contract.")
_PROOF = _("Kept as proof of what you agreed to, until claims from it are time-barred.")
_SETTING = "counts until the person changes it"


def _sent_to(user: User, addresses: set[str]) -> Q:
    """Mail to the person, wherever it went then; what names nobody by the address."""
    theirs = Q(user__in=entries_of(user).values("pk"))
    return theirs | Q(user=None, in_lower_case__in=addresses)


def _from_or_about(user: User, addresses: set[str]) -> Q:
    """What they sent, and what mail servers sent of mail to them that came back."""
    reports = MailReport.objects.annotate(address=Lower("email")).filter(address__in=addresses)
    came_as_mail = reports.filter(unique_id__startswith=REPORTED_BY_MAIL).values_list("unique_id", flat=True)
    ids = [unique_id.removeprefix(REPORTED_BY_MAIL) for unique_id in came_as_mail]
    return Q(in_lower_case__in=addresses) | Q(unique_id__in=ids)


PERSONAL = (
    PersonalData(
        "accounts.User", "id", _("You"),
        ("email", "name", "phone", "job_title", "time_zone", "is_measured", "created_at"),
        Fate.KEEP, _("The row stays without your name, addresses and password, so that the company's records hold."),
        where_staff_too=True,
    ),
    PersonalData(
        "accounts.Membership", "user", _("Your companies and roles"),
        ("account__name", "roles", "department", "is_active", "created_at", "last_seen_at"), Fate.KEEP, _CONTRACT,
    ),
    PersonalData(
        "account.EmailAddress", "user", _("E-mail addresses"), ("email", "verified", "primary"), Fate.DELETE,
        where_staff_too=True, lasts=_SETTING,
    ),
    PersonalData(
        "mfa.Authenticator", "user", _("Second factors"), ("type", "created_at", "last_used_at"), Fate.DELETE,
        where_staff_too=True, lasts=_SETTING,
    ),
    PersonalData(
        "accounts.Consent", "user", _("What you allowed or refused"),
        ("purpose", "is_given", "text_version", "source", "created_at"), Fate.KEEP, _PROOF,
    ),
    PersonalData(
        "accounts.TermsAcceptance", "user", _("Terms you accepted"),
        ("terms__version", "language", "text_hash", "accepted_at", "ip"), Fate.KEEP, _PROOF,
    ),
    PersonalData(
        # Not the text: it repeats what others wrote, and names them. The person has the mail itself.
        "accounts.OutgoingMail", "to", _("Mail we sent you"), ("kind", "created_at", "sent_at"), Fate.DELETE,
        where_staff_too=True, whose=_sent_to,
    ),
    PersonalData(
        "accounts.MailReport", "email", _("Mail that did not reach you"), ("kind", "reported_at"), Fate.DELETE,
    ),
    PersonalData(
        # Not the text: what belongs to a case stands there, as its message.
        "accounts.InboundMail", "sender", _("Mail you sent us, and reports of mail that came back from you"),
        ("subject", "received_at"), Fate.DELETE, whose=_from_or_about,
    ),
    PersonalData(
        "accounts.Notification", "user", _("What we told you"), ("kind", "link", "created_at", "read_at"), Fate.DELETE,
    ),
    PersonalData(
        "accounts.NotificationChoice", "user", _("How you want to be told"), ("kind", "in_bell", "by_mail"),
        Fate.DELETE, lasts=_SETTING,
    ),
    PersonalData(
        "accounts.MailTimes", "user", _("When you want to be told"),
        ("digest_every", "digest_hour", "digest_weekday", "quiet_from", "quiet_until"), Fate.DELETE, lasts=_SETTING,
    ),
    PersonalData(
        "accounts.HomeLayout", "membership__user", _("How you arranged Home"),
        ("account__name", "order", "pinned", "hidden", "arranged_at"), Fate.DELETE, lasts=_SETTING,
    ),
    PersonalData(
        "accounts.Invitation", "email", _("Invitations to you"),
        ("account__name", "email", "name", "roles", "created_at", "accepted_at"), Fate.DELETE,
    ),
    PersonalData(
        "accounts.ImportLine", "email", _("Your line in lists of colleagues"),
        ("account__name", "email", "name", "roles", "department"), Fate.DELETE,
    ),
    PersonalData(
        "accounts.MemberImport", "uploaded_by", _("Lists of colleagues you sent"), ("file_name", "state", "created_at"),
        Fate.KEEP, _CONTRACT,
    ),
    PersonalData(
        "accounts.ScimToken", "created_by", _("Keys you made for your directory"), ("hint", "created_at"), Fate.KEEP,
        _CONTRACT,
    ),
    PersonalData(
        "accounts.ScimUser", "membership__user", _("What your company's directory says about you"),
        ("account__name", "user_name", "external_id", "document", "updated_at"), Fate.DELETE,
    ),
    PersonalData(
        "usersessions.UserSession", "user", _("Where you are signed in"),
        ("ip", "user_agent", "created_at", "last_seen_at"), Fate.DELETE, where_staff_too=True,
    ),
    PersonalData(
        "accounts.SsoIdentity", "user", _("Your sign-in through your company"),
        ("account__name", "subject", "created_at", "last_used_at"), Fate.DELETE,
        lasts="the way in, as long as the company's single sign-on lets the person in",
    ),
    PersonalData(
        "accounts.Viewing", "person", _("When we looked at the portal as you"), ("started_at", "ended_at"), Fate.KEEP,
        _CONTRACT,
    ),
    PersonalData(
        "accounts.JoinRequest", "user", _("Companies you asked to join"),
        ("account__name", "email", "name", "state", "created_at"), Fate.DELETE,
    ),
    PersonalData(
        "accounts.StoredFile", "uploaded_by", _("Files you sent"), ("name", "content_type", "size", "created_at"),
        Fate.UNTIE, _("Files in cases and orders are the company's records; all others are deleted."), file="id",
        lasts="the company's, as long as what it was sent with",
    ),
    PersonalData(
        "accounts.AuditNote", "actor_id", _("Sign-ins and other acts in the audit log"),
        ("action", "occurred_at", "ip"),
        Fate.KEEP, _("The audit log is kept for ten years and names you by a number alone."),
    ),
    PersonalData(
        "tracking.Event", "user_id", _("What you looked at and did in the portal"),
        ("name", "object_type", "object_id", "occurred_at"), Fate.UNTIE,
        _("The company's figures keep that it happened, without you."), emptied=("session_key",),
    ),
)  # fmt: skip

_SYSTEM = "names who of the vendor's staff decided, not a customer"
EXEMPT = {
    "accounts.Account": "names the vendor's people who look after a company; its billing address is the company's",
    "accounts.AuditEntry": "read from rows that are given out, and naming people by number alone",
    "accounts.DataExport": "the export itself",
    "accounts.Erasure": "the request to be erased, kept as its receipt",
    "accounts.Brand": "the vendor's own addresses",
    "accounts.TermsVersion": _SYSTEM,
    "accounts.SetupTick": _SYSTEM,
    "accounts.IdentityProvider": "a company's own sign-in; it names whom the company chose for emergencies",
    "accounts.PersonMerge": "says which entries are one person's, and so what an export and an erasure take in",
    "accounts.DistinctPair": "says by number which two people are two",
    "accounts.Handover": _SYSTEM,
    "accounts.HandoverLine": _SYSTEM,
    "accounts.Cover": _SYSTEM,
    "accounts.User_groups": "groups of the vendor's staff",
    "accounts.User_user_permissions": "permissions of the vendor's staff",
    "account.EmailConfirmation": "codes of the last minutes; they go with the address",
    "pghistory.MiddlewareEvents": "a view over the history of all tables",
}
