"""What each line of a contract entitles to, how much of it is used, and where that is going."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from accounts.models import Account
from commerce import amounts
from commerce.catalogue.catalogue import grants_for
from commerce.contracts.contracts import OwnedLine
from commerce.contracts.usage import UsagePoint, by_month
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
    account: Account, lines: Sequence[OwnedLine], today: date, *, used: Mapping[Meter, Decimal | None]
) -> list[LineUse]:
    """The lines with their meters, of which so much is `used`. Two queries, however many lines there are."""
    grants: dict[int, list[ProductGrant]] = defaultdict(list)
    for grant in ProductGrant.objects.filter(product__in=[line.product.pk for line in lines], code__in=Meter.values):
        grants[grant.product_id].append(grant)
    history = by_month(account, today)
    return [LineUse(line, tuple(_meters(line, grants[line.product.pk], used, history))) for line in lines]


def _meters(
    line: OwnedLine,
    grants: Iterable[ProductGrant],
    used: Mapping[Meter, Decimal | None],
    history: Mapping[Meter, Sequence[UsagePoint]],
) -> Iterable[LineMeter]:
    for grant in grants_for(grants, line.quantity):
        if grant.quantity:
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
        return _("As much as three months before")
    template = _("%(percent)s %% more than three months before") if percent > 0 else _(
        "%(percent)s %% less than three months before"
    )  # fmt: skip
    return template % {"percent": amounts.number(abs(percent))}
