"""Which value of a shared field counts, whatever happens in which order."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.merging import CLOCK_TOLERANCE, Agreed, Merged, Side, merge

START = datetime(2026, 11, 18, 10, 0, tzinfo=UTC)
LATER = START + timedelta(minutes=1)
VALUES = st.sampled_from(["a", "b", "c", None])
TIMES = st.integers(0, 600).map(lambda seconds: START + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("agreed", "portal", "crm", "portal_at", "expected"),
    [
        (Agreed("a", "a"), "a", "a", LATER, Merged(Side.CRM)),
        (Agreed("a", "a"), "a", "b", LATER, Merged(Side.CRM)),
        (Agreed("a", "a"), "b", "a", None, Merged(Side.PORTAL)),
        (Agreed("a", "a"), "b", "c", LATER, Merged(Side.PORTAL, is_conflict=True)),
        (Agreed("a", "a"), "b", "c", START, Merged(Side.CRM, is_conflict=True)),
        (Agreed("a", "a"), "b", "c", START + CLOCK_TOLERANCE, Merged(Side.CRM, is_conflict=True)),
        (Agreed("a", "a"), "b", "c", None, Merged(Side.CRM, is_conflict=True)),
        # One side spells the other's value differently: neither has moved.
        (Agreed("DE", "Germany"), "DE", "Germany", LATER, Merged(Side.PORTAL)),
        (None, "a", "b", None, Merged(Side.CRM)),
        (None, "a", "b", LATER, Merged(Side.PORTAL, is_conflict=True)),
    ],
)
def test_the_side_that_moved_counts_and_of_two_the_later(agreed, portal, crm, portal_at, expected):
    assert merge(agreed, portal=portal, crm=crm, portal_at=portal_at, crm_at=START) == expected


@given(VALUES, VALUES, VALUES, TIMES, TIMES)
def test_no_move_is_lost_without_being_called_a_conflict(base, portal, crm, portal_at, crm_at):
    merged = merge(Agreed(base, base), portal=portal, crm=crm, portal_at=portal_at, crm_at=crm_at)
    lost = portal if merged.keep is Side.CRM else crm
    kept = crm if merged.keep is Side.CRM else portal
    assert merged.is_conflict == (lost not in (base, kept))


@dataclass
class World:
    """Two sides, each with a value and the time of its last change, and what they last agreed on."""

    portal: str | None = "a"
    crm: str | None = "a"
    portal_at: datetime = START
    crm_at: datetime = START
    agreed: Agreed = field(default_factory=lambda: Agreed("a", "a"))

    def sync(self) -> None:
        """Read, then write: what a push of a record with a shared field does."""
        merged = merge(self.agreed, portal=self.portal, crm=self.crm, portal_at=self.portal_at, crm_at=self.crm_at)
        if merged.keep is Side.CRM:
            self.portal = self.crm
        else:
            self.crm = self.portal
        self.agreed = Agreed(self.portal, self.crm)


EDITS = st.lists(
    st.tuples(st.sampled_from(["portal", "crm", "sync"]), st.sampled_from(["a", "b", "c"]), st.integers(3, 60)),
    max_size=30,
)


@given(EDITS)
def test_both_sides_end_with_the_value_that_was_set_last(edits):
    world = World()
    now = START
    last = "a"  # Values that are set again to what they are do not count as changes.
    for kind, value, seconds in edits:
        now += timedelta(seconds=seconds)
        if kind == "sync":
            world.sync()
        elif getattr(world, kind) != value:
            setattr(world, kind, value)
            setattr(world, f"{kind}_at", now)
            # A change back to what both agreed on is no change to the merge; the other side's then stands.
            other = world.crm if kind == "portal" else world.portal
            last = value if value != world.agreed.portal else other
    world.sync()
    assert world.portal == world.crm == last
