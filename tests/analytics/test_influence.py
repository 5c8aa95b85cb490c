from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.attribution import HalfLifeOutOfRange, NegativeCount, UnknownModel
from analytics.influence import (
    TOUCH_WEIGHTS,
    CreditModel,
    Deal,
    DealType,
    InfluenceRule,
    Touch,
    competing_touches,
    influence_of,
    influence_rate,
    qualifying_touches,
    renewal_and_expansion,
)

CLOSED = datetime(2026, 11, 18, 10, tzinfo=UTC)
RULE = InfluenceRule()
DEAL = Deal(
    id="d1",
    type=DealType.EXPANSION,
    closed_at=CLOSED,
    amount_minor=100_000,
    account_ids=frozenset({"acme"}),
    first_login_at=CLOSED - timedelta(days=400),
)


def touch(days: float, kind: str = "pricing_page", **changes) -> Touch:
    return Touch(
        **{"id": f"{kind}-{days}", "kind": kind, "occurred_at": CLOSED - timedelta(days=days), "account_id": "acme"}
        | changes
    )


def visit(days: float, **changes) -> Touch:
    """An activity of the vendor's people, recorded in the CRM."""
    return touch(days, "meeting", is_portal=False, is_staff=True, **changes)


@pytest.mark.parametrize(
    ("touched", "counts"),
    [
        (touch(1), True),
        (touch(90), True),
        (touch(90.0001), False),
        (touch(0), False),
        (touch(-1), False),
        (touch(1, "login"), False),
        (touch(1, "mail_opened"), False),
        (touch(1, is_staff=True), False),
        (touch(1, is_portal=False), False),
        (touch(1, account_id="globex"), False),
    ],
)
def test_which_touches_count(touched, counts):
    assert qualifying_touches([touched], deal=DEAL, rule=RULE) == ((touched,) if counts else ())


@pytest.mark.parametrize("kind", sorted(TOUCH_WEIGHTS))
def test_every_kind_of_the_table_counts(kind):
    assert len(qualifying_touches([touch(1, kind)], deal=DEAL, rule=RULE)) == 1


def test_only_what_comes_after_the_first_sign_in_counts():
    late = replace(DEAL, first_login_at=CLOSED - timedelta(days=10))
    touches = [touch(10.5), touch(10), touch(9)]
    assert qualifying_touches(touches, deal=late, rule=RULE) == (touch(9),)
    assert qualifying_touches(touches, deal=replace(DEAL, first_login_at=None), rule=RULE) == ()


def test_new_customers_count_only_where_the_rule_says_so():
    new_logo = replace(DEAL, type=DealType.NEW_LOGO)
    assert not influence_of(new_logo, [touch(1)], rule=RULE).is_influenced
    wide = replace(RULE, deal_types=frozenset(DealType))
    assert influence_of(new_logo, [touch(1)], rule=wide).is_influenced


def test_an_account_tree_counts_as_one():
    tree = replace(DEAL, account_ids=frozenset({"acme", "acme-north"}))
    assert influence_of(tree, [touch(1, account_id="acme-north")], rule=RULE).is_influenced


def test_a_shorter_lookback_sees_less():
    assert qualifying_touches([touch(31)], deal=DEAL, rule=replace(RULE, lookback_days=30)) == ()


def test_a_renewal_nobody_touched_is_not_influenced_even_if_it_counts_as_sourced():
    renewal = replace(DEAL, type=DealType.RENEWAL, is_sourced=True)
    nothing = influence_of(renewal, [visit(1)], rule=RULE)
    assert not nothing.is_influenced
    assert (nothing.influenced_minor, nothing.sourced_minor, nothing.attributed_minor) == (0, 0, 0)
    assert nothing.has_competition


@pytest.mark.parametrize(
    ("model", "attributed"),
    [
        ("any_touch", 100_000),
        ("first", 0),
        ("last", 100_000),
        ("linear", 66_667),
        ("position", 60_000),
        ("time_decay", 85_714),
        # quote_viewed 3 and kb_article 1 beside a meeting of 1.
        ("weighted", 80_000),
    ],
)
def test_the_portal_competes_with_recorded_activities(model, attributed):
    touches = [touch(0.000001, "quote_viewed"), touch(14, "kb_article"), visit(28)]
    influence = influence_of(DEAL, touches, rule=replace(RULE, model=CreditModel(model)))
    assert influence.influenced_minor == 100_000
    assert influence.attributed_minor == pytest.approx(attributed, abs=1)
    assert influence.has_competition


def test_without_recorded_activities_the_portal_gets_all_and_the_page_can_say_why():
    influence = influence_of(DEAL, [touch(3), touch(2)], rule=RULE)
    assert influence.attributed_minor == 100_000
    assert not influence.has_competition


def test_touches_are_shown_in_time_order_with_credit_to_the_cent():
    influence = influence_of(DEAL, [touch(1), touch(3), touch(2)], rule=RULE)
    assert [each.touch for each in influence.credited] == [touch(3), touch(2), touch(1)]
    assert [each.credit_minor for each in influence.credited] == [33_334, 33_333, 33_333]


def test_activities_of_another_account_do_not_compete():
    assert competing_touches([visit(1, account_id="globex"), visit(91), visit(0)], deal=DEAL, rule=RULE) == ()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"lookback_days": 45}, UnknownModel),
        ({"half_life_days": 0}, HalfLifeOutOfRange),
        ({"weights": {"login": 0}}, NegativeCount),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(options, error):
    with pytest.raises(error):
        InfluenceRule(**options)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.001, 200), st.sampled_from([*TOUCH_WEIGHTS, "login"]), st.booleans()), max_size=12),
    st.integers(min_value=-(10**9), max_value=10**9),
    st.sampled_from(CreditModel),
    st.booleans(),
)
def test_amounts_are_nested_and_credit_adds_up(touches, amount, model, is_sourced):
    deal = replace(DEAL, amount_minor=amount, is_sourced=is_sourced)
    made = [touch(days, kind, id=str(n), is_portal=portal) for n, (days, kind, portal) in enumerate(touches)]
    influence = influence_of(deal, made, rule=replace(RULE, model=model))
    assert abs(influence.sourced_minor) <= abs(influence.influenced_minor)
    assert abs(influence.attributed_minor) <= abs(influence.influenced_minor)
    assert sum(each.credit_minor for each in influence.credited) == influence.influenced_minor
    if influence.credited:
        assert sum(each.share for each in influence.credited) == pytest.approx(1)
    assert influence_of(deal, made[::-1], rule=replace(RULE, model=model)) == influence


def test_the_rate_is_not_defined_where_nothing_was_won():
    assert influence_rate(influenced_minor=25, won_minor=100) == 0.25
    assert influence_rate(influenced_minor=0, won_minor=0) is None


@pytest.mark.parametrize(("renewed", "parts"), [(100, (100, 0)), (130, (100, 30)), (80, (80, 0))])
def test_what_renews_above_the_prior_value_is_expansion(renewed, parts):
    assert renewal_and_expansion(prior_acv_minor=100, renewed_acv_minor=renewed) == parts
