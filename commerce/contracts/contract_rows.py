"""Contracts side by side: what each covers, and what it costs."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from commerce.contracts.contracts import line_label
from commerce.contracts.ledger import monthly_of
from commerce.models import Contract, PendingChange, ProductKind, Subscription


@dataclass(frozen=True)
class ContractRow:
    """One contract of a list."""

    contract: Contract
    covers: str  # Business, 60 seats; Single sign-on.
    monthly_minor: int | None  # Before tax. None: not for this person.
    is_paused: bool


def rows_of(contracts: Sequence[Contract], priced: frozenset[int], today: date) -> list[ContractRow]:
    """As of today; with prices of the accounts `priced`. Three queries."""
    covers = _covered(contracts, today)
    monthly = monthly_of([one for one in contracts if one.account_id in priced], today)
    paused = paused_of(contracts)
    return [
        ContractRow(
            contract=one,
            covers=covers.get(one.pk, ""),
            monthly_minor=monthly.get(one.pk, 0) if one.account_id in priced else None,
            is_paused=one.pk in paused,
        )
        for one in contracts
    ]


def paused_of(contracts: Iterable[Contract]) -> set[int]:
    """Those that are paused now, by key. One query."""
    resuming = PendingChange.objects.resuming().filter(contract__in=contracts)
    return set(resuming.values_list("contract", flat=True))


def _covered(contracts: Iterable[Contract], today: date) -> dict[int, str]:
    """What each contract covers, in words: as of today, the plan first."""
    lines = Subscription.objects.filter(contract__in=contracts).owned_on(today)
    found: dict[int, list[tuple[bool, str]]] = defaultdict(list)
    for line in lines.select_related("product").order_by("product__name", "pk"):
        quantity: Decimal = vars(line)["quantity"]
        label = line_label(line.product, quantity)
        found[line.contract_id].append((line.product.kind != ProductKind.PLAN, label))
    return {pk: "; ".join(label for _is_addon, label in sorted(labels)) for pk, labels in found.items()}
