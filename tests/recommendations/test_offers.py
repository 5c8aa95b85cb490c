"""Which offers fit, in which order, with which words."""

from decimal import Decimal

import pytest

from recommendations.offers import (
    MalformedText,
    ProductFacts,
    ProductKind,
    Rule,
    Situation,
    UnknownPlaceholder,
    check_text,
    next_quantity,
    rank,
)

TEAM = ProductFacts(code="team", kind=ProductKind.PLAN, rank=1, amounts={"seats": Decimal(1)})
BUSINESS = ProductFacts(
    code="business", kind=ProductKind.PLAN, rank=2, amounts={"seats": Decimal(1), "api_calls": Decimal(100_000)}
)
SSO = ProductFacts(code="sso", kind=ProductKind.ADDON, features=frozenset({"sso"}))
STORAGE = ProductFacts(code="storage_pack", kind=ProductKind.ADDON, amounts={"storage_gb": Decimal(100)})

ACME = Situation(
    industry="logistics",
    industry_name="logistics",
    stage="growing",
    owned={"team": 50},
    plan_rank=1,
    used={"seats": Decimal(46), "storage_gb": Decimal(312), "api_calls": Decimal(1000)},
    limits={"seats": Decimal(50), "storage_gb": Decimal(500), "api_calls": Decimal(50_000)},
)


def rule(product, *, headline="Room for everybody", reason="You could use it.", **fields):
    return Rule(product=product, headline=headline, reason=reason, **fields)


SEATS = rule(TEAM, meter="seats", reason="{used} of {limit} seats used ({percent} %)")


def replaced(situation, **fields):
    names = ("industry", "industry_name", "stage", "owned", "plan_rank", "features", "used", "limits")
    return Situation(**({name: getattr(situation, name) for name in names} | fields))


def test_the_reason_carries_the_figures_and_the_quantity_fits_sixty_seats():
    (offer,) = rank([SEATS], ACME)

    assert offer.product_code == "team"
    assert offer.reason == "46 of 50 seats used (92 %)"
    assert offer.quantity == 60
    assert offer.percent == 92


@pytest.mark.parametrize(("used", "is_offered"), [("42", False), ("42.4", False), ("42.5", True), ("50", True)])
def test_a_meter_is_offered_from_its_threshold_on(used, is_offered):
    situation = replaced(ACME, used={"seats": Decimal(used)})

    assert bool(rank([SEATS], situation)) is is_offered


@pytest.mark.parametrize(
    "fields",
    [{"used": {}}, {"limits": {}}, {"limits": {"seats": Decimal(0)}}],
    ids=["nothing measured", "no limit", "not included"],
)
def test_a_meter_that_cannot_run_out_is_not_offered(fields):
    assert rank([SEATS], replaced(ACME, **fields)) == ()


def test_what_is_owned_is_not_offered_again():
    assert [offer.product_code for offer in rank([rule(SSO)], ACME)] == ["sso"]
    assert rank([rule(SSO)], replaced(ACME, owned={"team": 50, "sso": 1})) == ()


def test_a_feature_that_the_plan_includes_is_not_offered():
    assert rank([rule(SSO)], replaced(ACME, features=frozenset({"sso", "audit_log"}))) == ()


def test_a_pack_is_offered_on_top_of_those_owned_so_that_there_is_room():
    situation = replaced(
        ACME, owned={"team": 50, "storage_pack": 2}, used={"storage_gb": Decimal(690)}, limits={"storage_gb": 700}
    )

    (offer,) = rank([rule(STORAGE, meter="storage_gb", threshold_percent=90)], situation)

    # 690 GB and a fifth more are 828: two more packs of 100 above the 700 there are.
    assert offer.quantity == 4


def test_a_higher_plan_keeps_the_seats_and_a_lower_one_is_never_offered():
    (offer,) = rank([rule(BUSINESS)], ACME)
    assert (offer.product_code, offer.quantity) == ("business", 50)

    on_business = replaced(ACME, owned={"business": 50}, plan_rank=2)
    assert rank([rule(TEAM), SEATS, rule(BUSINESS)], on_business) == ()


def test_a_plan_can_be_offered_for_the_sake_of_another_meter():
    situation = replaced(ACME, used={"api_calls": Decimal(49_000)})

    (offer,) = rank([rule(BUSINESS, meter="api_calls", reason="{used} of {limit} calls")], situation)

    assert (offer.quantity, offer.reason) == (50, "49,000 of 50,000 calls")


def test_no_more_is_offered_than_is_sold():
    few = ProductFacts(code="team", kind=ProductKind.PLAN, rank=1, amounts={"seats": Decimal(1)}, max_quantity=55)
    assert rank([rule(few, meter="seats")], ACME)[0].quantity == 55

    none_left = ProductFacts(code="team", kind=ProductKind.PLAN, rank=1, max_quantity=50)
    assert rank([rule(none_left, meter="seats")], ACME) == ()


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({"industries": frozenset({"logistics", "retail"})}, True),
        ({"industries": frozenset({"retail"})}, False),
        ({"stages": frozenset({"growing"})}, True),
        ({"stages": frozenset({"onboarding"})}, False),
        ({"industries": frozenset({"logistics"}), "stages": frozenset({"renewing"})}, False),
    ],
)
def test_industry_and_stage_must_both_fit(fields, fits):
    assert bool(rank([rule(SSO, **fields)], ACME)) is fits


def test_a_text_about_the_industry_needs_one():
    about = rule(SSO, reason="Usual among {industry} companies.")

    assert rank([about], ACME)[0].reason == "Usual among logistics companies."
    assert rank([about], replaced(ACME, industry="", industry_name="")) == ()


def test_the_fullest_meter_comes_first_then_weight_then_name():
    rules = [
        rule(SSO, weight=20),
        rule(ProductFacts(code="ai_assist", kind=ProductKind.ADDON), weight=20),
        rule(ProductFacts(code="analytics", kind=ProductKind.ADDON), weight=30),
        rule(STORAGE, meter="storage_gb", threshold_percent=60),
        SEATS,
    ]

    expected = ["team", "storage_pack", "analytics", "ai_assist", "sso"]
    assert [offer.product_code for offer in rank(rules, ACME)] == expected
    assert [offer.product_code for offer in rank(rules[::-1], ACME)] == expected


def test_a_product_with_two_reasons_is_offered_once_with_the_better():
    offers = rank([rule(BUSINESS, reason="More to do."), rule(BUSINESS, meter="seats", reason="{used} used")], ACME)

    assert [offer.reason for offer in offers] == ["46 used"]


@pytest.mark.parametrize(
    ("needed", "offered"), [(1, 10), (8, 10), (9, 20), (50, 60), (160, 200), (170, 250), (900, 1100), (5000, 6000)]
)
def test_quantities_are_numbers_people_would_choose(needed, offered):
    assert next_quantity(Decimal(needed), at_most=10_000) == offered


@pytest.mark.parametrize("text", ["{used} of {limit}", "{percent} % for {industry}", "No figure", "{{braces}}"])
def test_texts_with_known_figures_are_taken(text):
    check_text(text, meter="seats")


@pytest.mark.parametrize(
    ("text", "meter", "names"),
    [
        ("{seats} used", "seats", ["seats"]),
        ("{used} of {limit}", "", ["limit", "used"]),
        ("{}", "seats", [""]),
        ("{used.__class__}", "seats", ["used.__class__"]),
        ("{limit[0]}", "seats", ["limit[0]"]),
    ],
)
def test_texts_with_unknown_figures_are_refused(text, meter, names):
    with pytest.raises(UnknownPlaceholder) as refused:
        check_text(text, meter=meter)
    assert refused.value.names == names


@pytest.mark.parametrize("text", ["{used", "used}", "{used!r}", "{used:>99999999}"])
def test_texts_with_broken_braces_are_refused(text):
    with pytest.raises(MalformedText):
        check_text(text, meter="seats")
