"""How much somebody may buy, or approve, with one order: `Quote.commitment_minor` is what counts.

The roles that grant the right count, and of those the one with the most: an approver's limit lets nobody buy more
themselves. A role for which nothing is set has no limit, so that a company which never set one buys as before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from accounts.models import Account
from accounts.permissions import CUSTOMER_TABLE, Permission, Role
from commerce.models import PurchaseLimit, SelfServiceLimit
from commerce.models.approvals import SPENDING_ROLES


@dataclass(frozen=True)
class Limits:
    """What a company has set, in minor units of one currency; roles that are not named have no limit."""

    by_role: Mapping[str, int]

    @classmethod
    def of(cls, account: Account, currency: str) -> Self:
        """Read them; one query. A limit in another currency lets nothing through: nobody knows what it is worth."""
        rows = PurchaseLimit.objects.for_account(account).filter(limit_minor__isnull=False)
        return cls({row.role: row.limit_minor or 0 if row.currency == currency else 0 for row in rows})

    def highest(self, roles: Iterable[str], permission: Permission) -> int | None:
        """The most that these roles allow; None: there is no limit. Roles that don't grant the right allow nothing."""
        granting = [role for role in roles if role in CUSTOMER_TABLE[permission]]
        if any(role not in self.by_role for role in granting):
            return None
        return max((self.by_role[role] for role in granting), default=0)

    def allow(self, roles: Iterable[str], permission: Permission, amount_minor: int) -> bool:
        highest = self.highest(roles, permission)
        return highest is None or amount_minor <= highest

    def roles_that_approve(self, amount_minor: int) -> list[Role]:
        """Those whose people may approve so much."""
        approving = CUSTOMER_TABLE[Permission.APPROVE_PURCHASES]
        return [
            role
            for role in Role
            if role in approving and self.allow([role], Permission.APPROVE_PURCHASES, amount_minor)
        ]


def self_service_limit(account: Account, currency: str) -> int | None:
    """The most that a company orders in the portal without our looking at it, in minor units; None: any amount.

    Its own limit goes before its tier's, and that before everybody's. One of its own in another currency lets nothing
    through, as nobody knows what it is worth. One query.
    """
    rows = list(SelfServiceLimit.objects.for_account(account))
    own = [row for row in rows if row.account_id is not None]
    if own:
        return next((row.limit_minor for row in own if row.currency == currency), 0)
    others = (row for row in rows if row.currency == currency)
    nearest = min(others, key=lambda row: row.tier_id is None, default=None)
    return nearest.limit_minor if nearest is not None else None


def set_limits(*, account: Account, limits: Mapping[str, int | None]) -> None:
    """Set what each role may spend with one order, in minor units of the account's currency; None: no limit."""
    for role, limit_minor in limits.items():
        if role not in SPENDING_ROLES:
            raise ValueError(f"{role} spends nothing")
        PurchaseLimit.objects.update_or_create(
            account=account, role=role, defaults={"limit_minor": limit_minor, "currency": account.currency}
        )
