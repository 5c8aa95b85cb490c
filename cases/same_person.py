"""What cases hold that follows a person whose entries are joined."""

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from accounts.merging import Follows
from accounts.models import User
from cases.models import CaseParticipant

FOLLOWS = (
    Follows("cases.Case", "opened_by", _("Cases opened")),
    Follows("cases.CaseMessage", "author", _("Messages in cases")),
    Follows("cases.CaseParticipant", "user", _("Cases they were added to"), once_per=("account", "case")),
    Follows("cases.CaseParticipant", "added_by", _("People they added to cases")),
    Follows("cases.CaseVisibility", "membership", _("Settings of which cases they see"), once_per=()),
)
STAYS = {"cases.Case.assignee": "names somebody of the vendor's staff, and staff are never joined"}


def unite(merged: User, survivor: User) -> None:
    """Where both were added to a case and one was taken off again, the person sees it still."""
    still = CaseParticipant.objects.active().filter(user=merged, case=OuterRef("case"))
    CaseParticipant.objects.filter(Exists(still), user=survivor, is_active=False).update(is_active=True)
