"""Which value of a shared field counts. Pure.

A three-way merge: what both sides held when they last agreed tells which of them has moved since. One moved: its value
is taken. Both moved: the later change counts, and Salesforce when that can't be told. The other value is reported, so
that a person can look at it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from crm.mapping import Value

# Two clocks agree no better than this: changes closer together count as made at once, and Salesforce wins.
CLOCK_TOLERANCE = timedelta(seconds=2)


class Side(StrEnum):
    PORTAL = "portal"
    CRM = "crm"


@dataclass(frozen=True)
class Agreed:
    """What each side held when they last agreed, each in its own spelling."""

    portal: Value
    crm: Value


@dataclass(frozen=True)
class Merged:
    """`keep` says whose value the field has from now on; `is_conflict` that the other side's change is lost."""

    keep: Side
    is_conflict: bool = False


def merge(
    agreed: Agreed | None,
    *,
    portal: Value,
    crm: Value,
    portal_at: datetime | None,
    crm_at: datetime,
) -> Merged:
    """Decide one field.

    `portal` and `crm` are the values now, both as Salesforce spells them; `portal_at` is when the portal's record last
    changed, None if that is unknown; `crm_at` when the record in Salesforce did.
    """
    if portal == crm:
        return Merged(Side.CRM)
    # Sides that never agreed have both moved, unless the portal has never had anything to say.
    if agreed is None:
        portal_moved, crm_moved = portal_at is not None, True
    else:
        portal_moved, crm_moved = portal != agreed.portal, crm != agreed.crm
    if not crm_moved:
        return Merged(Side.PORTAL)
    if not portal_moved:
        return Merged(Side.CRM)
    portal_is_later = portal_at is not None and portal_at - crm_at > CLOCK_TOLERANCE
    return Merged(Side.PORTAL if portal_is_later else Side.CRM, is_conflict=True)
