"""What this app and sign-in hold that follows a person whose entries are joined."""

from django.utils.translation import gettext_lazy as _

from accounts.merging import Follows

FOLLOWS = (
    # Of a company where both have a place: what hangs on the place. Before the places themselves.
    Follows("accounts.ScimUser", "membership", _("Entries in directories"), once_per=()),
    Follows("accounts.ScimGroupMember", "membership", _("Places in directory groups"), once_per=("group",)),
    Follows("accounts.HomeLayout", "membership", _("Arrangements of Home"), once_per=()),
    Follows("accounts.Membership", "user", _("Companies"), once_per=("account",)),
    Follows("accounts.SsoIdentity", "user", _("Sign-ins through a company")),
    Follows("accounts.IdentityProvider", "emergency_administrator", _("Emergency administrator of")),
    Follows("accounts.StoredFile", "uploaded_by", _("Files sent")),
    Follows("accounts.MemberImport", "uploaded_by", _("Lists of colleagues sent")),
    Follows("accounts.Invitation", "invited_by", _("Invitations made")),
    Follows("accounts.JoinRequest", "user", _("Requests to join")),
    Follows("accounts.JoinRequest", "decided_by", _("Requests to join decided")),
    Follows("accounts.ScimToken", "created_by", _("Directory tokens made")),
    Follows("accounts.Notification", "user", _("Notifications")),
    Follows("accounts.NotificationChoice", "user", _("Notification choices"), once_per=("account", "kind")),
    Follows("accounts.MailTimes", "user", _("Mail times"), once_per=()),
    Follows("accounts.OutgoingMail", "user", _("Mails")),
    Follows("accounts.TermsAcceptance", "user", _("Terms accepted"), once_per=("terms",)),
)

_STAFF = "names somebody of the vendor's staff, and staff are never joined"
_HANDLED = "moved by accounts.merging itself, which asks more than who it belongs to"
STAYS = {
    "admin.LogEntry.user": _STAFF,
    "account.EmailAddress.user": _HANDLED,
    "mfa.Authenticator.user": _HANDLED,
    "pghistory.MiddlewareEvents.user": "a view over the history of all tables",
    "accounts.User_groups.user": _STAFF,
    "accounts.User_user_permissions.user": _STAFF,
    "accounts.User.merged_into": _HANDLED,
    "accounts.PersonMerge.merged": "says what happened",
    "accounts.PersonMerge.survivor": "says what happened; entries joined earlier follow by User.merged_into",
    "accounts.PersonMerge.made_by": _STAFF,
    "accounts.DistinctPair.first": "said about this entry; the pair is over with it",
    "accounts.DistinctPair.second": "said about this entry; the pair is over with it",
    "accounts.DistinctPair.decided_by": _STAFF,
    "accounts.Account.owner": _STAFF,
    "accounts.Account.sales_contact": _STAFF,
    "accounts.SetupTick.ticked_by": _STAFF,
    "accounts.Handover.taker": _STAFF,
    "accounts.Handover.made_by": _STAFF,
    "accounts.HandoverLine.giver": _STAFF,
    "accounts.Cover.absentee": _STAFF,
    "accounts.Cover.stand_in": _STAFF,
    "accounts.Cover.made_by": _STAFF,
    "accounts.Viewing.staff": _STAFF,
    "accounts.Viewing.person": "staff looked at the portal as this entry; it says so to the company's administrators",
    "accounts.Consent.user": "the latest choice counts, and the choices of an entry that is kept are never overruled",
    "accounts.TermsVersion.published_by": _STAFF,
    "usersessions.UserSession.user": "accounts.merging ends the sessions of the entry that is joined",
    "accounts.DataExport.user": "a copy of what this entry had, deleted after some days",
    "accounts.DataExport.requested_by": _STAFF,
    "accounts.Erasure.user": "who is about to be erased is not joined; what is over stays as it was",
    "accounts.Erasure.requested_by": _STAFF,
}
