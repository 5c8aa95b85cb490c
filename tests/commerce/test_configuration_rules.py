"""Rules and bundles, held against what a customer wants: by values, without a database."""

from decimal import Decimal

import pytest

from commerce.catalogue.conditions import Condition, Operator
from commerce.configuring.configuration_rules import (
    Bundle,
    Fix,
    FixAction,
    Group,
    Option,
    Rule,
    RuleKind,
    Wanted,
    evaluate,
    leads_to,
)

ABOUT = {"tier": "premier", "country": "DE", "owned:sso": Decimal(1), "used_seats": 40}
ONE = Decimal(1)


def when(fact, operator, *values):
    return Condition(fact, Operator(operator), values)


AI_NEEDS_BUSINESS = Rule(
    RuleKind.VALIDATION,
    (when("quantity:ai_assist", "above", Decimal(0)), when("plan", "none_of", "business", "enterprise")),
    "AI assist needs Business.",
    Fix("Change to Business", FixAction.SET, "business", is_plan=True),
)
MANY_NEED_SSO = Rule(
    RuleKind.VALIDATION,
    (when("seats", "above", Decimal(200)), when("quantity:sso", "is", Decimal(0))),
    "More than 200 seats need single sign-on.",
    Fix("Add single sign-on", FixAction.ADD, "sso", ONE),
)


def judged(wanted, *rules, bundles=()):
    return evaluate(wanted, rules=rules, bundles=bundles, about=ABOUT)


def test_a_validation_refuses_with_its_sentence_and_its_fix():
    verdict = judged(Wanted("team", 10, {"ai_assist": ONE}), AI_NEEDS_BUSINESS)
    assert [notice.message for notice in verdict.violations] == ["AI assist needs Business."]
    fixed = verdict.violations[0].fix.applied(verdict.wanted)
    assert fixed == Wanted("business", 10, {"ai_assist": ONE})
    assert not judged(fixed, AI_NEEDS_BUSINESS).violations


@pytest.mark.parametrize(("seats", "count"), [(200, 0), (201, 1)])
def test_more_than_200_begins_at_201(seats, count):
    assert len(judged(Wanted("business", seats), MANY_NEED_SSO).violations) == count


@pytest.mark.parametrize(
    ("fix", "expected"),
    [
        (Fix("", FixAction.ADD, "sso", Decimal(2)), Wanted("team", 10, {"sso": Decimal(3)})),
        (Fix("", FixAction.ADD, "sso"), Wanted("team", 10, {"sso": Decimal(2)})),
        (Fix("", FixAction.SET, "sso", Decimal(5)), Wanted("team", 10, {"sso": Decimal(5)})),
        (Fix("", FixAction.REMOVE, "sso"), Wanted("team", 10, {"sso": Decimal(0)})),
        (Fix("", FixAction.SET, quantity=Decimal(50)), Wanted("team", 50, {"sso": ONE})),
        (Fix("", FixAction.SET, "business", Decimal(50), is_plan=True), Wanted("business", 50, {"sso": ONE})),
    ],
)
def test_what_a_fix_does(fix, expected):
    assert fix.applied(Wanted("team", 10, {"sso": ONE})) == expected


def test_an_alert_tells_and_refuses_nothing():
    alert = Rule(RuleKind.ALERT, (when("quantity:sandbox", "above", Decimal(0)),), "A sandbox is emptied weekly.")
    verdict = judged(Wanted("team", 10, {"sandbox": ONE}), alert)
    assert [notice.message for notice in verdict.alerts] == ["A sandbox is emptied weekly."]
    assert not verdict.violations
    assert not judged(Wanted("team", 10), alert).alerts


def test_a_selection_adds_and_what_it_adds_is_seen_by_the_others():
    sso = Rule(RuleKind.SELECTION, (when("seats", "above", Decimal(200)),), product="sso")
    log = Rule(RuleKind.SELECTION, (when("quantity:sso", "at_least", Decimal(1)),), product="audit_log", quantity=ONE)
    verdict = judged(Wanted("business", 300), log, sso, MANY_NEED_SSO)
    assert verdict.added == {"sso": ONE, "audit_log": ONE}
    assert not verdict.violations


def test_a_selection_lowers_nothing():
    sso = Rule(RuleKind.SELECTION, (), product="sso", quantity=Decimal(2))
    assert judged(Wanted("team", 1, {"sso": Decimal(5)}), sso).wanted.quantities == {"sso": Decimal(5)}


def test_selections_that_call_each_other_come_to_an_end():
    pair = [
        Rule(RuleKind.SELECTION, (when("quantity:a", "above", Decimal(0)),), product="b", quantity=ONE),
        Rule(RuleKind.SELECTION, (when("quantity:b", "above", Decimal(0)),), product="a", quantity=Decimal(2)),
    ]
    assert judged(Wanted("team", 1, {"a": ONE}), *pair).wanted.quantities == {"a": Decimal(2), "b": ONE}


def test_a_filter_hides():
    rule = Rule(RuleKind.FILTER, (when("country", "is_not", "CH"),), product="swiss_hosting")
    assert judged(Wanted("team", 1), rule).hidden == {"swiss_hosting": ""}
    assert not evaluate(Wanted("team", 1), rules=[rule], about={"country": "CH"}).hidden


def test_rules_know_what_is_owned_and_used():
    rule = Rule(RuleKind.ALERT, (when("owned:sso", "is", ONE), when("used_seats", "at_least", Decimal(40))), "x")
    assert judged(Wanted("team", 1), rule).alerts


SUITE = Bundle(
    "suite",
    "Field suite",
    (
        Group("Planning", (Option("routes", "Route planner", is_required=True, is_included=True, most=ONE),)),
        Group(
            "Insight",
            (
                Option("analytics", "Analytics", is_included=True, most=ONE),
                Option("ai", "AI assist", most=Decimal(3)),
                Option("log", "Audit log", least=Decimal(2), default=Decimal(2)),
            ),
            least=1,
            most=2,
        ),
    ),
)


def test_a_bundle_brings_what_it_requires():
    verdict = judged(Wanted("team", 1, {"suite": ONE, "ai": ONE}), bundles=[SUITE])
    assert verdict.added == {"routes": ONE}
    assert verdict.included == {"routes": "Field suite"}
    assert not verdict.violations


def test_a_bundle_that_is_not_wanted_says_nothing():
    verdict = judged(Wanted("team", 1, {"suite": Decimal(0), "log": ONE, "analytics": ONE}), bundles=[SUITE])
    assert not verdict.violations
    assert not verdict.added
    assert not verdict.included


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "Field suite, Insight: choose at least 1 of Analytics, AI assist, Audit log."),
        (
            {"analytics": ONE, "ai": ONE, "log": Decimal(2)},
            "Field suite, Insight: choose at most 2 of Analytics, AI assist, Audit log.",
        ),
        ({"log": ONE}, "Audit log in Field suite: at least 2."),
        ({"ai": Decimal(4)}, "AI assist in Field suite: at most 3."),
    ],
)
def test_the_bounds_of_a_bundle_are_said_in_words(options, words):
    verdict = judged(Wanted("team", 1, {"suite": ONE} | options), bundles=[SUITE])
    assert [notice.message for notice in verdict.violations] == [words]


def test_a_bound_offers_its_fix():
    notice = judged(Wanted("team", 1, {"suite": ONE, "ai": Decimal(4)}), bundles=[SUITE]).violations[0]
    assert notice.fix.label == "Set AI assist to 3"
    assert notice.fix.applied(Wanted("team", 1, {"ai": Decimal(4)})).quantity("ai") == 3


def test_a_choice_with_too_few_or_too_many_offers_a_way_out():
    few = judged(Wanted("team", 1, {"suite": ONE}), bundles=[SUITE])
    assert few.violations[0].fix.label == "Add Analytics"
    assert not judged(few.violations[0].fix.applied(few.wanted), bundles=[SUITE]).violations
    many = judged(Wanted("team", 1, {"suite": ONE, "analytics": ONE, "ai": ONE, "log": Decimal(2)}), bundles=[SUITE])
    assert many.violations[0].fix.label == "Leave out Audit log"
    assert not judged(many.violations[0].fix.applied(many.wanted), bundles=[SUITE]).violations


def owning(wanted, **owned):
    return evaluate(wanted, rules=[], bundles=[SUITE], about={f"owned:{code}": count for code, count in owned.items()})


def test_a_bundle_that_is_kept_stays_as_it_was_bought():
    verdict = owning(Wanted("team", 1, {"suite": ONE, "ai": Decimal(4)}), suite=ONE, ai=Decimal(4))
    assert not verdict.violations
    assert not verdict.added
    more = owning(Wanted("team", 1, {"suite": ONE, "ai": Decimal(5)}), suite=ONE, ai=Decimal(4))
    assert [notice.message for notice in more.violations] == ["AI assist in Field suite: at most 3."]


def test_a_service_is_in_the_price_of_a_bundle_once():
    course = Option("course", "Course", is_included=True, is_once=True, most=ONE)
    school = Bundle("school", "School", (Group("Courses", (course,)),))

    def included(**about):
        wanted = Wanted("team", 1, {"school": ONE, "course": ONE})
        owned = {f"owned:{code}": count for code, count in about.items()}
        return evaluate(wanted, rules=[], bundles=[school], about=owned).included

    assert included(course=ONE) == {"course": "School"}  # Bought by itself before.
    assert included(school=ONE) == {"course": "School"}
    assert not included(school=ONE, course=ONE)


def test_the_order_of_what_is_wanted_changes_nothing():
    one = judged(Wanted("team", 1, {"suite": ONE, "ai": ONE, "log": Decimal(2)}), AI_NEEDS_BUSINESS, bundles=[SUITE])
    other = judged(Wanted("team", 1, {"log": Decimal(2), "ai": ONE, "suite": ONE}), AI_NEEDS_BUSINESS, bundles=[SUITE])
    assert (one.wanted, one.violations, one.added) == (other.wanted, other.violations, other.added)


@pytest.mark.parametrize(
    ("contains", "found"), [({}, False), ({1: [2], 2: [3]}, True), ({1: [2], 2: [1]}, False), ({3: [1]}, False)]
)
def test_circles_are_found_however_long(contains, found):
    assert leads_to(contains, start=1, target=3) is found
