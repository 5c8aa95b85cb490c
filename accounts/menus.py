"""The customers' menu as the vendor arranged it for each role. What somebody may open is the permissions' to say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from accounts.permissions import Permission, allowed


@dataclass(frozen=True)
class Place:
    """What a rule says of one entry for one role."""

    is_hidden: bool
    position: int | None  # 1 is the first; None is the usual place.


Arrangement = Mapping[tuple[str, str], Place]  # By role and entry.
USUAL = Place(is_hidden=False, position=None)


def arranged(entries: Sequence[tuple[str, Permission]], *, roles: Iterable[str], arrangement: Arrangement) -> list[str]:
    """The entries in the order in which somebody with these roles sees them.

    `entries` are those that they may open. One is left out only if every role that opens it leaves it out: somebody
    with several roles loses nothing. Of several places the first counts.
    """
    if not arrangement:
        return [entry for entry, _permission in entries]
    roles = list(roles)
    shown: list[str] = []
    moved: list[tuple[int, str]] = []
    for entry, permission in entries:
        places = [arrangement.get((role, entry), USUAL) for role in roles if allowed([role], permission)]
        places = [place for place in places if not place.is_hidden]
        positions = [place.position for place in places if place.position]
        if positions:
            moved.append((min(positions), entry))
        elif places:
            shown.append(entry)
    for position, entry in sorted(moved):
        shown.insert(position - 1, entry)
    return shown
