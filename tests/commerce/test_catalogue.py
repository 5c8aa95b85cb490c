"""Products and their lives, bundles and rules: what is refused when it is saved."""

from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError

from commerce.models import BundleOption, ConfigurationRule, FeatureGroup, Lifecycle, Product, ProductGrant

DAY = date(2026, 11, 18)


def product(code, **fields):
    return Product.objects.create(**({"code": code, "name": code, "kind": "addon", "summary": code} | fields))


@pytest.mark.parametrize(
    ("fields", "lifecycle"),
    [
        ({}, Lifecycle.ON_SALE),
        ({"lifecycle": "draft", "end_of_sale_date": DAY}, Lifecycle.DRAFT),
        ({"end_of_sale_date": DAY + timedelta(days=1)}, Lifecycle.ON_SALE),
        ({"end_of_sale_date": DAY}, Lifecycle.END_OF_SALE),
        ({"lifecycle": "end_of_sale", "end_of_life_date": DAY}, Lifecycle.END_OF_LIFE),
        ({"end_of_life_date": DAY}, Lifecycle.END_OF_LIFE),
        ({"lifecycle": "end_of_life"}, Lifecycle.END_OF_LIFE),
    ],
)
def test_a_products_life_follows_what_was_said_and_its_dates(db, fields, lifecycle):
    made = product("one", **fields)
    assert made.lifecycle_on(DAY) == lifecycle
    assert Product.objects.on_sale(DAY).exists() is (lifecycle == Lifecycle.ON_SALE)


def test_successors_do_not_go_in_circles(db):
    third = product("third")
    second = product("second", successor=third)
    first = product("first", successor=second)
    third.successor = first
    with pytest.raises(ValidationError, match="lead back to it"):
        third.full_clean()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "usage"}, "names the meter"),
        ({"kind": "addon", "meter": "api_calls"}, "Only metered usage"),
        ({"kind": "plan", "quantity_places": 2}, "Seats are whole"),
        ({"quantity_places": 5}, "less than or equal to 4"),
        ({"end_of_sale_date": DAY, "end_of_life_date": DAY - timedelta(days=1)}, "sold no longer than it runs"),
        ({"min_quantity": 3, "max_quantity": 2}, "not below the least"),
        ({"lifecycle": "end_of_life"}, "since when it runs no more"),
    ],
)
def test_products_that_make_no_sense_are_refused(db, fields, words):
    with pytest.raises(ValidationError, match=words):
        Product(**({"code": "one", "name": "One", "kind": "addon", "summary": "One"} | fields)).full_clean()


@pytest.mark.parametrize(
    ("ending", "successor", "words"),
    [
        ({"end_of_sale_date": DAY}, {"lifecycle": "end_of_sale"}, "is sold no more itself"),
        ({"end_of_sale_date": DAY}, {"kind": "service"}, "of the same kind"),
        ({}, {}, "Say when its sale ends"),
    ],
)
def test_a_successor_takes_the_place_of_what_ends(db, ending, successor, words):
    made = product("one", **ending)
    made.successor = product("two", **successor)
    with pytest.raises(ValidationError, match=words):
        made.full_clean()


def test_what_was_sold_is_no_draft_any_more(contract, products):
    products["team"].lifecycle = "draft"
    with pytest.raises(ValidationError, match="It was sold already"):
        products["team"].full_clean()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"code": "espresso"}, "neither a feature nor a meter"),
        ({"code": "sso", "quantity": 3}, "it has no quantity"),
        ({"code": "sso", "is_per_unit": True}, "it has no quantity"),
        ({"code": "seats"}, "how much of the meter"),
        ({"code": "seats", "quantity": 0}, "how much of the meter"),
    ],
)
def test_grants_that_nothing_asks_for_are_refused(db, fields, words):
    with pytest.raises(ValidationError, match=words):
        ProductGrant(product=product("one"), **fields).full_clean()


def contain(bundle, inner):
    group, _ = FeatureGroup.objects.get_or_create(bundle=bundle, name="Parts")
    option = BundleOption(group=group, product=inner)
    option.full_clean()
    option.save()


def test_circular_bundles_are_refused_however_long_the_way(db):
    a, b, c = product("a"), product("b"), product("c")
    contain(a, b)
    contain(b, c)
    for bundle, inner in ((a, a), (b, a), (c, a), (c, b)):
        with pytest.raises(ValidationError, match="contain itself"):
            contain(bundle, inner)
    assert BundleOption.objects.count() == 2


def test_a_plan_is_no_option(db):
    with pytest.raises(ValidationError, match="no part of a bundle"):
        contain(product("a"), product("team", kind="plan"))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"conditions": [{"fact": "sets", "operator": "is", "value": "1"}]}, "There is no fact “sets”"),
        ({"message": ""}, "Say to the customer"),
        ({"kind": "filter"}, "Say which product"),
        ({"fix_action": "add"}, "Say what the button does"),
        ({"fix_action": "set", "fix_label": "Set"}, "Say how many"),
    ],
)
def test_rules_that_could_not_work_are_refused(db, fields, words):
    rule = ConfigurationRule(**({"order": 1, "name": "One", "message": "No."} | fields))
    with pytest.raises(ValidationError, match=words):
        rule.full_clean()
