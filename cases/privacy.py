"""What cases hold about people."""

from django.utils.translation import gettext_lazy as _

from accounts.law.personal import Fate, PersonalData

_RECORD = _("What was said in a case is the company's record; your name is taken off it.")

PERSONAL = (
    PersonalData(
        "cases.Case", "opened_by", _("Cases you opened"),
        ("serial", "account__name", "subject", "topic", "priority", "status", "created_at", "resolved_at"),
        Fate.KEEP, _RECORD,
    ),
    PersonalData(
        "cases.CaseMessage", "author", _("What you wrote in cases"), ("case__serial", "body", "created_at"), Fate.KEEP,
        _RECORD, file="attachments", only={"is_internal": False},
    ),
    PersonalData(
        "cases.CaseParticipant", "user", _("Cases you were added to"), ("case__serial", "is_active", "created_at"),
        Fate.KEEP, _RECORD,
    ),
)  # fmt: skip
