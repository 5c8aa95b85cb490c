"""How many seats would fit what a company uses. Pure."""

from fractions import Fraction

HEAD_ROOM = Fraction(1, 10)  # Of what is used.
STEP = 5  # Nobody thinks in 57 seats.


def seats_that_fit(*, used: int | None, held: int) -> int | None:
    """The seats that leave a tenth of those in use free, in fives. None where those held do so already.

    `used` is None where nothing is measured yet.
    """
    if not used:
        return None
    needed = used + used * HEAD_ROOM
    fitting = -(-needed // STEP) * STEP
    return int(fitting) if needed > held else None
