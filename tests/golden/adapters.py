"""From a golden case to a call of ours and back: renaming and converting, never calculating."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analytics import attribution, kpis
from commerce.pricing import money, proration, renewal, tiers, waterfall
from tracking import sessions

Case = Mapping[str, Any]


def decimal(value: Any) -> Decimal:
    return money.parse_decimal(str(value))


def whole(value: Any) -> int:
    return money.parse_whole(str(value))


def day(value: str) -> date:
    return date.fromisoformat(value)


def currency(case: Case) -> str:
    return case.get("currency", "USD")


def optional(case: Case, **conversions: Callable[[Any], Any]) -> dict[str, Any]:
    """The named inputs, as far as the case has them, converted."""
    return {name: convert(case[name]) for name, convert in conversions.items() if case.get(name) is not None}


def prorate_multiplier(case: Case) -> dict[str, Any]:
    multiplier = proration.prorate_multiplier(
        proration.Period.through(day(case["start"]), day(case["end"])),
        mode=proration.ProrationMode(case["mode"]),
        **optional(case, default_term_months=whole, anchor_day=whole, partial=proration.PartialRule),
    )
    return {"multiplier": multiplier}


def term_price(case: Case) -> dict[str, Any]:
    amount = proration.term_price(
        decimal(case["price"]),
        term_months=decimal(case["term_months"]),
        currency=currency(case),
        **optional(case, default_term_months=whole),
    )
    return {"amount": amount}


def period_price(case: Case) -> dict[str, Any]:
    amount = proration.period_price(
        decimal(case["price"]),
        proration.Period.through(day(case["start"]), day(case["end"])),
        unit=proration.BillingUnit(case["period"]),
        partial=proration.PartialRule(case.get("partial", "actual")),
        currency=currency(case),
        **optional(case, anchor_day=whole),
    )
    return {"amount": amount}


def stub_price(case: Case) -> dict[str, Any]:
    amount = proration.stub_price(
        decimal(case["price"]),
        stub=proration.Period(day(case["stub_start"]), day(case["stub_until"])),
        full=proration.Period(day(case["period_start"]), day(case["period_until"])),
        currency=currency(case),
    )
    return {"amount": amount}


def tiered(case: Case) -> dict[str, Any]:
    if case["method"] == "package":
        amount = tiers.package_amount(
            decimal(case["quantity"]),
            package_size=whole(case["package_size"]),
            package_price=decimal(case["package_price"]),
            currency=currency(case),
            **optional(case, free_units=whole),
        )
        return {"amount": amount}
    prices = tiers.TieredPrice(
        tiers.TierMethod(case["method"]),
        tuple(
            tiers.Tier(
                start=whole(tier["from"]),
                **optional({**tier, "until": tier.get("to")}, until=whole, unit_price=decimal, flat=decimal),
            )
            for tier in case["tiers"]
        ),
    )
    return {"amount": tiers.tiered_amount(prices, decimal(case["quantity"]), currency=currency(case))}


def discount_schedule(case: Case) -> dict[str, Any]:
    schedule = tiers.DiscountSchedule(
        tiers.DiscountMethod(case["method"]),
        tuple(
            tiers.DiscountTier(
                start=whole(tier["from"]),
                percent=decimal(tier["percent"]),
                **optional({"until": tier.get("to")}, until=whole),
            )
            for tier in case["tiers"]
        ),
    )
    amount = tiers.discounted_amount(
        schedule,
        list_price=decimal(case["list_price"]),
        quantity=decimal(case["quantity"]),
        currency=currency(case),
    )
    return {"amount": amount}


def mid_period_change(case: Case) -> dict[str, Any]:
    if "change_date" in case:
        period = proration.Period(day(case["period_start"]), day(case["period_until"]))
        remaining, length = proration.days_left(period, day(case["change_date"])), period.days
    else:
        remaining, length = whole(case["remaining_days"]), whole(case["period_days"])
    quantity = decimal(case.get("quantity", 1))
    change = proration.mid_period_change(
        old_price=decimal(case["old_price"]),
        new_price=decimal(case["new_price"]),
        remaining_days=remaining,
        period_days=length,
        currency=currency(case),
        old_quantity=quantity,
        new_quantity=quantity,
    )
    return {"credit": change.credit, "charge": change.charge, "net": change.net}


def line(case: Case) -> dict[str, Any]:
    amount = waterfall.line_amount(
        list_price=decimal(case["list_price"]),
        quantity=decimal(case.get("quantity", 1)),
        adjustments=[
            waterfall.Adjustment(waterfall.AdjustmentKind(kind), decimal(value))
            for step in case["steps"]
            for kind, value in step.items()
        ],
        currency=currency(case),
    )
    return {"amount": amount}


def split(case: Case) -> dict[str, Any]:
    amounts = money.split(
        decimal(case["amount"]),
        whole(case["parts"]),
        currency=currency(case),
        **optional(case, remainder=money.Remainder),
    )
    return {"amounts": amounts}


def renewal_price(case: Case) -> dict[str, Any]:
    amount = renewal.renewal_price(
        renewal.RenewalMethod(case["method"]),
        **optional(case, price=decimal, list_price=decimal, uplift_percent=decimal, uplift_years=decimal),
    )
    return {"amount": amount}


def coterm(case: Case) -> dict[str, Any]:
    lines = renewal.co_terminate(
        [renewal.ContractEnd(contract["id"], day(contract["end"])) for contract in case["contracts"]],
        master=case.get("master"),
        term_months=whole(case["term_months"]),
    )
    return {
        line.contract_id: {"start": line.start_date.isoformat(), "end": line.end_date.isoformat()} for line in lines
    }


def rounded(case: Case) -> dict[str, Any]:
    return {"amount": money.round_money(decimal(case["amount"]), currency(case))}


def session_count(case: Case) -> dict[str, Any]:
    return {"sessions": sessions.count_sessions([decimal(gap) for gap in case["gaps_seconds"]])}


def pathdata() -> list[attribution.Path]:
    """The public sample of 10,000 paths, from the folder of public data sets where there is one."""
    folder = os.environ.get("BENCH_DATA")
    if not folder:
        pytest.skip("NOT RUN: BENCH_DATA names no folder of public data sets")
    # The folder of all sets or that of this one.
    found = [
        file for parent in (Path(folder) / "pathdata", Path(folder)) if (file := parent / "pathdata.csv.gz").is_file()
    ]
    if not found:
        pytest.skip(f"NOT RUN: {folder} has no pathdata/pathdata.csv.gz")
    with gzip.open(found[0], "rt", newline="") as rows:
        return [
            attribution.Path(
                tuple(row["path"].split(" > ")),
                conversions=float(row["total_conversions"]),
                value=float(row["total_conversion_value"]),
                nulls=float(row["total_null"]),
            )
            for row in csv.DictReader(rows)
        ]


def paths_of(case: Case) -> list[attribution.Path]:
    if "dataset" in case:
        assert case["dataset"] == "pathdata", f"unknown dataset {case['dataset']}"
        return pathdata()
    totals = {"conversions": float, "value": float, "nulls": float}
    if "touches" in case:
        touches = [(touch["kind"], float(touch["hours_before"])) for touch in case["touches"]]
        return [attribution.Path.of_touches(touches, **optional(case, **totals))]
    return [attribution.Path(tuple(row["path"]), **optional(row, **totals)) for row in case["paths"]]


def attributed(case: Case) -> dict[str, Any]:
    options = optional(case, half_life_hours=float)
    if case.get("weights") is not None:
        options["position_weights"] = [float(weight) for weight in case["weights"]]
    return attribution.attribute(
        paths_of(case),
        model=attribution.Model(case["model"]),
        measure=attribution.Measure(case.get("measure", "conversions")),
        **options,
    )


def scores(value: Mapping[str, int]) -> dict[int, int]:
    return {whole(score): whole(count) for score, count in value.items()}


def _takes(calculation: Callable[..., Any], **conversions: Callable[[Any], Any]) -> Callable[[Case], Any]:
    """A KPI that takes exactly these inputs, converted."""
    return lambda case: calculation(**{name: convert(case[name]) for name, convert in conversions.items()})


def days(values: list[Any]) -> list[Decimal]:
    return [decimal(value) for value in values]


def delta_tcv(case: Case) -> Decimal:
    return kpis.delta_tcv(
        unit_price=decimal(case["unit_price"]),
        quantity=decimal(case["quantity"]),
        period=proration.Period.through(day(case["start"]), day(case["end"])),
    )


METRICS: dict[str, Callable[[Case], Any]] = {
    "roi": _takes(kpis.roi, benefits=decimal, costs=decimal),
    "sales_cycle_mean_days": _takes(kpis.sales_cycle_mean_days, cycles=days),
    "sales_cycle_median_days": _takes(kpis.sales_cycle_median_days, cycles=days),
    "sales_cycle_reduction": _takes(kpis.sales_cycle_reduction, before=decimal, after=decimal),
    "churn_reduction": _takes(kpis.churn_reduction, before=decimal, after=decimal),
    "gross_renewal_rate": _takes(kpis.gross_renewal_rate, due=decimal, renewed=decimal),
    "net_renewal_rate": _takes(kpis.net_renewal_rate, due=decimal, renewed=decimal, expansion=decimal),
    "nrr": _takes(kpis.nrr, start=decimal, expansion=decimal, contraction=decimal, churn=decimal),
    "grr": _takes(kpis.grr, start=decimal, contraction=decimal, churn=decimal),
    "delta_mrr": _takes(kpis.delta_mrr, unit_price=decimal, quantity=decimal, period=kpis.PricePeriod),
    "delta_tcv": delta_tcv,
    "aov": _takes(kpis.aov, revenue=decimal, orders=whole),
    "clv": _takes(kpis.clv, arpa=decimal, gross_margin=decimal, churn_rate=decimal),
    "csat": _takes(kpis.csat, scores=scores),
    "nps": _takes(kpis.nps, scores=scores),
    "cost_per_resolution": _takes(kpis.cost_per_resolution, cost=decimal, resolved=whole),
    "stickiness": _takes(kpis.stickiness, dau=decimal, mau=decimal),
}


def kpi(case: Case) -> dict[str, Any]:
    assert case["metric"] in METRICS, f"unknown metric {case['metric']!r}"
    return {"value": METRICS[case["metric"]](case)}


KINDS: dict[str, Callable[[Case], Mapping[str, Any]]] = {
    "prorate_multiplier": prorate_multiplier,
    "term_price": term_price,
    "period_price": period_price,
    "stub_price": stub_price,
    "tiers": tiered,
    "discount_schedule": discount_schedule,
    "mid_period_change": mid_period_change,
    "line": line,
    "split": split,
    "renewal_price": renewal_price,
    "coterm": coterm,
    "round": rounded,
    "sessions": session_count,
    "attribution": attributed,
    "kpi": kpi,
}
