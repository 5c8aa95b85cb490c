"""Support cases: what a customer asked, what was answered, where it stands, and who sees it."""

from cases.models.cases import (
    Case,
    CaseAttachment,
    CaseMessage,
    CaseParticipant,
    CaseQuerySet,
    CaseStatus,
    Priority,
)
from cases.models.visibility import CaseRule, CaseVisibility, Sight

__all__ = [
    "Case",
    "CaseAttachment",
    "CaseMessage",
    "CaseParticipant",
    "CaseQuerySet",
    "CaseRule",
    "CaseStatus",
    "CaseVisibility",
    "Priority",
    "Sight",
]
