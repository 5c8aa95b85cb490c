"""Prices of a renewal, and contracts that are made to end on one day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from .money import Choice, PricingError, exact, exact_price, stored
from .proration import TermIsEmpty, add_months, day_after


class ListPriceMissing(PricingError):
    """The product has no price today, so it cannot be renewed at list. It is not sellable; it is not free."""

    code = "list_price_missing"


class SoldPriceMissing(PricingError):
    """The line was never sold at a price that could carry over."""

    code = "sold_price_missing"


class ContractsMissing(PricingError):
    """There is no contract to align."""

    code = "contracts_missing"


class ContractListedTwice(PricingError):
    """The same contract is to be aligned twice."""

    code = "contract_listed_twice"


class MasterUnknown(PricingError):
    """The contract that should set the common end is not among the contracts."""

    code = "master_unknown"


class ContractOutlivesTerm(PricingError):
    """A contract already runs past the common end. Its end date never changes, so it has nothing to renew yet."""

    code = "contract_outlives_term"


class RenewalMethod(Choice):
    SAME = "same"
    LIST = "list"
    UPLIFT = "uplift"


@dataclass(frozen=True, slots=True)
class ContractEnd:
    """A contract and the last day that it covers."""

    id: str
    end_date: date


@dataclass(frozen=True, slots=True)
class CoTermedLine:
    """The renewed line of one contract. `gap_days` without cover lie between the old end and the new start."""

    contract_id: str
    start_date: date
    end_date: date
    gap_days: int


def renewal_price(
    method: RenewalMethod = RenewalMethod.SAME,
    *,
    price: Decimal | None = None,
    list_price: Decimal | None = None,
    uplift_percent: Decimal = Decimal(0),
    uplift_years: Decimal | int = 1,
) -> Decimal:
    """The unit price of a renewed line, with the 12 decimals of a unit price.

    `same` and `uplift` start from the sold `price`, which is net of the discounts it was sold with; `list` clears them.
    The uplift is simple, never compounded. Raises ListPriceMissing,
    SoldPriceMissing, NegativeAmount, NotANumber.
    """
    if method is RenewalMethod.LIST:
        if list_price is None:
            raise ListPriceMissing("there is no list price today")
        return stored(exact_price(list_price))
    if price is None:
        raise SoldPriceMissing("there is no sold price to renew at")
    renewed = exact_price(price)
    if method is RenewalMethod.UPLIFT:
        renewed *= 1 + exact_price(uplift_percent) / 100 * exact_price(uplift_years)
    return stored(renewed)


def uplift_from_index(
    index_percent: Decimal,
    *,
    spread_percent: Decimal = Decimal(0),
    floor_percent: Decimal = Decimal(0),
    cap_percent: Decimal | None = None,
) -> Decimal:
    """An uplift that follows a price index: index + spread, at least the floor, at most the cap. In percent."""
    uplift = max(exact_price(floor_percent), exact(index_percent) + exact(spread_percent))
    return stored(uplift if cap_percent is None else min(uplift, exact_price(cap_percent)))


def co_terminate(
    contracts: Sequence[ContractEnd], *, term_months: int, master: str | None = None
) -> tuple[CoTermedLine, ...]:
    """Renew several contracts so that all end `term_months` after the master does.

    Without a `master` the contract that ends first sets the date, which leaves no gaps. Each line starts the day after
    its own contract ended, or the day after the master's end if it had ended by then.
    Raises ContractsMissing, ContractListedTwice, MasterUnknown, TermIsEmpty, ContractOutlivesTerm.
    """
    if not contracts:
        raise ContractsMissing("there is no contract to align")
    ends = {contract.id: contract.end_date for contract in contracts}
    if len(ends) != len(contracts):
        raise ContractListedTwice("a contract is listed twice")
    if term_months < 1:
        raise TermIsEmpty(f"a contract cannot renew for {term_months} months")
    if master is not None and master not in ends:
        raise MasterUnknown(f"{master} is not among the contracts")
    first_day = day_after(min(ends.values()) if master is None else ends[master])
    end_date = add_months(first_day, term_months) - timedelta(days=1)

    lines = []
    for contract in contracts:
        own_first_day = day_after(contract.end_date)
        start_date = max(own_first_day, first_day)
        if start_date > end_date:
            raise ContractOutlivesTerm(f"{contract.id} ends on {contract.end_date}, the others on {end_date}")
        lines.append(CoTermedLine(contract.id, start_date, end_date, (start_date - own_first_day).days))
    return tuple(lines)
