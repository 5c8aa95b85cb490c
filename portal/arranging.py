"""The form on which a person arranges Home: the widgets in their order, and for each whether it is pinned or hidden."""

from collections.abc import Sequence
from enum import StrEnum

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.homes import Arrangement, UnknownWidget
from portal.widgets import Widget


class State(StrEnum):
    SHOWN = "shown"
    PINNED = "pinned"
    HIDDEN = "hidden"


STATES = ((State.SHOWN, _("Show")), (State.PINNED, _("Pin to the top")), (State.HIDDEN, _("Hide")))


def state_of(name: str, arrangement: Arrangement) -> State:
    if name in arrangement.hidden:
        return State.HIDDEN
    return State.PINNED if name in arrangement.pinned else State.SHOWN


def read_arrangement(sent: QueryDict, available: Sequence[Widget]) -> Arrangement:
    """What the form says, with the move of the button that sent it.

    Raises `UnknownWidget` when it does not name exactly the widgets that the person may see, or a state there is not.
    """
    order = sent.getlist("widget")
    states = {name: sent.get(f"state-{name}", "") for name in order}
    if sorted(order) != sorted(widget.name for widget in available) or not set(states.values()) <= set(State):
        raise UnknownWidget
    return Arrangement(
        order=tuple(moved(order, sent.get("move", ""))),
        pinned=frozenset(name for name, state in states.items() if state == State.PINNED),
        hidden=frozenset(name for name, state in states.items() if state == State.HIDDEN),
    )


def moved(order: Sequence[str], move: str) -> list[str]:
    """The order after a move such as "up cases". What cannot move further, or makes no sense, stays where it is."""
    direction, _space, name = move.partition(" ")
    step = {"up": -1, "down": 1}.get(direction)
    result = list(order)
    if step is None or name not in result:
        return result
    place = result.index(name)
    target = place + step
    if 0 <= target < len(result):
        result[place], result[target] = result[target], result[place]
    return result
