"""What each line of a contract entitles to, how much of it is used, and where that is going."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from commerce import amounts
from commerce.catalogue.catalogue import grants_for
from commerce.contracts.contracts import OwnedLine
from commerce.contracts.usage import UsagePoint
from commerce.models import ProductGrant
from tracking.models import Meter

TREND_MONTHS = 3


@dataclass(frozen=True)
class LineMeter:
    """One meter that a line grants: how much of it, how much the company uses in all, and its trend in words."""

    meter: Meter
    entitled: Decimal
    used: Decimal | None  # Empty where nothing was reported.
    trend: str

    @property
    def entitled_text(self) -> str:
        return amounts.number(self.entitled)

    @property
    def used_text(self) -> str:
        return "" if self.used is None else amounts.number(self.used)


@dataclass(frozen=True)
class LineUse:
    """A line of a contract with what it grants."""

    line: OwnedLine
    meters: tuple[LineMeter, ...]


def use_of_lines(
    lines: Iterable[OwnedLine],
    *,
    grants: Mapping[int, Sequence[ProductGrant]],
    used: Mapping[Meter, Decimal],
    history: Mapping[Meter, Sequence[UsagePoint]],
) -> list[LineUse]:
    """The lines with their meters by what their products grant (`grants_of`), of which so much is `used`. No query."""
    return [LineUse(line, tuple(_meters(line, grants.get(line.product.pk, ()), used, history))) for line in lines]


def _meters(
    line: OwnedLine,
    grants: Iterable[ProductGrant],
    used: Mapping[Meter, Decimal],
    history: Mapping[Meter, Sequence[UsagePoint]],
) -> Iterable[LineMeter]:
    for grant in grants_for(grants, line.quantity):
        if grant.quantity and grant.code in Meter.values:
            meter = Meter(grant.code)
            yield LineMeter(meter, grant.quantity, used.get(meter), trend_words(meter, history.get(meter, ())))


def trend_words(meter: Meter, points: Sequence[UsagePoint]) -> str:
    """How use has gone in three months: "12 % more than in August"; empty where there is nothing to compare.

    A monthly meter is compared by months that are over, as this one is not.
    """
    last = -2 if meter.is_monthly else -1
    if len(points) < TREND_MONTHS + 2:
        return ""
    now, before = points[last], points[last - TREND_MONTHS]
    if now.quantity is None or not before.quantity:
        return ""
    percent = round((now.quantity - before.quantity) / before.quantity * 100)
    if percent == 0:
        return _("as much as three months before")
    template = _("%(percent)s %% more than three months before") if percent > 0 else _(
        "%(percent)s %% less than three months before"
    )  # fmt: skip
    return template % {"percent": amounts.number(abs(percent))}
