"""Whether what would remain of a contract is enough for what is in use, and what to free if not."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from accounts.models import Account, Entitlements
from commerce import amounts
from commerce.catalogue.catalogue import grants_for, grants_of
from commerce.contracts.contracts import OwnedLine
from commerce.contracts.ledger import Entry
from commerce.models import ProductGrant
from tracking.models import Meter
from tracking.services import usage_to_date


@dataclass(frozen=True)
class TooMuchUsed:
    """More of a meter is in use than would remain."""

    meter: Meter
    used: Decimal
    limit: Decimal

    @property
    def used_text(self) -> str:
        return amounts.number(self.used)

    @property
    def limit_text(self) -> str:
        return amounts.number(self.limit)

    @property
    def to_free_text(self) -> str:
        return amounts.number(self.used - self.limit)


def still_used(
    account: Account, *, before: Iterable[OwnedLine], entries: Iterable[Entry], today: date
) -> list[TooMuchUsed]:
    """What to free before the entries can take effect: seats, storage; not what begins anew every month.

    Three queries.
    """
    limits = Entitlements.of(account, today=today).limits
    used = usage_to_date(account_id=account.pk, today=today)
    before, entries = list(before), list(entries)
    grants = grants_of([line.product for line in before] + [entry.product for entry in entries])
    return beyond(limits, used, before=before, entries=entries, grants=grants)


def beyond(
    limits: Mapping[str, Decimal],
    used: Mapping[Meter, Decimal],
    *,
    before: Iterable[OwnedLine],
    entries: Iterable[Entry],
    grants: Mapping[int, Sequence[ProductGrant]],
) -> list[TooMuchUsed]:
    """As `still_used`, where the limits of today, what is used and what products grant are known. No query."""
    held = {line.product.pk: line.quantity for line in before}
    after: dict[int, Decimal] = defaultdict(Decimal, held)
    for entry in entries:
        after[entry.product.pk] += entry.quantity
    left = dict(limits)
    for product_id, quantity in after.items():
        was = grants_for(grants.get(product_id, ()), held.get(product_id, Decimal(0)))
        becomes = grants_for(grants.get(product_id, ()), quantity)
        for sign, given in ((-1, was), (1, becomes)):
            for one in given:
                left[one.code] = left.get(one.code, Decimal(0)) + sign * (one.quantity or 0)
    levels = (meter for meter in Meter if not meter.is_monthly and meter in used and meter in left)
    return [TooMuchUsed(meter, used[meter], left[meter]) for meter in levels if used[meter] > left[meter]]
