"""The staff's pages about cases."""

from cases.admin.cases import CaseAdmin
from cases.admin.visibility import CaseRuleAdmin, CaseVisibilityAdmin

__all__ = ["CaseAdmin", "CaseRuleAdmin", "CaseVisibilityAdmin"]
