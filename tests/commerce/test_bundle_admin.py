"""The staff's pages about bundles and rules: what they take, and what they refuse with a reason."""

import json
import re
from decimal import Decimal

import pytest
from django.urls import reverse

from commerce.models import BundleOption, ConfigurationRule, ConfigurationRuleText, FeatureGroup, Product

REQUIRED = {"code": "sso", "is_required": "on"}
RULES = reverse("admin:commerce_configurationrule_add")
GROUPS = "feature_groups"


@pytest.fixture
def client(manager, signed_in):
    return signed_in(manager)


@pytest.fixture
def bundle(products):
    return Product.objects.create(code="box", name="Toolbox", kind="addon", summary="All in one.", max_quantity=1)


def page_of(product):
    return reverse("admin:commerce_product_change", args=[product.pk])


def text_of(response):
    return re.sub(r"\s+", " ", response.content.decode())


def sent(client, product, *groups):
    """The product's page as it is sent back with these groups instead of none: each a dict with its `options`."""
    form = client.get(page_of(product)).context
    data = {}
    for name, value in form["adminform"].form.initial.items():
        data[name] = "" if value is None else value
    for inline in form["inline_admin_formsets"]:
        prefix = inline.formset.prefix
        data |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    data |= {f"{GROUPS}-TOTAL_FORMS": len(groups)}
    for place, group in enumerate(groups):
        options = group.pop("options", [])
        typed = {"name": "Parts", "position": place, "min_options": 0, "max_options": ""} | group
        nested = f"{GROUPS}-{place}-options"
        data |= {f"{GROUPS}-{place}-{name}": value for name, value in typed.items()}
        data |= {f"{nested}-TOTAL_FORMS": len(options), f"{nested}-INITIAL_FORMS": 0}
        for row, option in enumerate(options):
            values = {"min_quantity": "1", "max_quantity": "", "default_quantity": "1", "position": row} | option
            data |= {f"{nested}-{row}-{name}": value for name, value in values.items()}
    return client.post(page_of(product), data)


def option(product, **fields):
    return {"product": product.pk} | fields


def test_a_bundle_is_put_together_on_the_page_of_its_product(client, bundle, products):
    answer = sent(
        client, bundle,
        {"name": "Access", "options": [option(products["sso"], is_required="on", is_included="on", max_quantity="1")]},
        {"name": "Watching", "min_options": 1, "options": [option(products["audit_log"], max_quantity="3")]},
    )  # fmt: skip
    assert answer.status_code == 302
    access, watching = FeatureGroup.objects.filter(bundle=bundle)
    included = access.options.get()
    assert (included.product, included.is_required, included.max_quantity) == (products["sso"], True, 1)
    assert (watching.min_options, watching.options.get().product) == (1, products["audit_log"])


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ([{"min_options": 2, "options": ["sso"]}], "The group has fewer options."),
        ([{"min_options": 2, "max_options": 1, "options": ["sso", "audit_log"]}], "less than the least"),
        ([{"options": ["sso"]}, {"name": "More", "options": ["sso"]}], "in another group of this bundle already"),
        ([{"options": ["team"]}], "A plan is no part of a bundle."),
        ([{"options": ["box"]}], "The bundle would contain itself."),
        ([{"options": ["outer"]}], "The bundle would contain itself."),
        ([{"options": [{"code": "sso", "is_included": "on"}]}], "say at most how many"),
        ([{"options": [{"code": "sso", "min_quantity": "0"}]}], "had at least once"),
        ([{"options": [{"code": "sso", "min_quantity": "2"}]}], "between the least and the most"),
        ([{"options": [{"code": "sso", "max_quantity": "4", "default_quantity": "5"}]}], "between the least and"),
        ([{"max_options": 1, "options": [REQUIRED, REQUIRED | {"code": "audit_log"}]}], "More options than that are"),
        ([{"options": [{"code": "sso", "max_quantity": "lots"}]}], "Enter a number."),
    ],
)  # fmt: skip
def test_what_makes_no_bundle_is_refused_with_the_reason(client, bundle, products, groups, reason):
    outer = Product.objects.create(code="outer", name="Outer", kind="addon", summary="Around.")
    around = FeatureGroup.objects.create(bundle=outer, name="Inner")
    BundleOption.objects.create(group=around, product=bundle)
    known = {**products, "box": bundle, "outer": outer}
    typed = []
    for group in groups:
        options = [{"code": one} if isinstance(one, str) else dict(one) for one in group["options"]]
        typed.append(group | {"options": [option(known[one.pop("code")], **one) for one in options]})
    answer = sent(client, bundle, *typed)
    assert answer.status_code == 200
    assert reason in text_of(answer)
    assert not FeatureGroup.objects.filter(bundle=bundle).exists()


def test_only_an_add_on_is_a_bundle(client, products):
    assert GROUPS not in text_of(client.get(page_of(products["team"])))
    assert GROUPS in text_of(client.get(page_of(products["sso"])))


def test_an_option_is_taken_out_again(client, bundle, products):
    group = FeatureGroup.objects.create(bundle=bundle, name="Access")
    kept = BundleOption.objects.create(group=group, product=products["sso"])
    gone = BundleOption.objects.create(group=group, product=products["audit_log"], position=1)
    page = client.get(page_of(bundle)).context
    data = {name: "" if value is None else value for name, value in page["adminform"].form.initial.items()}
    for inline in page["inline_admin_formsets"]:
        data |= {f"{inline.formset.prefix}-TOTAL_FORMS": 0, f"{inline.formset.prefix}-INITIAL_FORMS": 0}
    nested = f"{GROUPS}-0-options"
    data |= {
        f"{GROUPS}-TOTAL_FORMS": 1, f"{GROUPS}-INITIAL_FORMS": 1, f"{GROUPS}-0-id": group.pk,
        f"{GROUPS}-0-name": "Access", f"{GROUPS}-0-position": 0, f"{GROUPS}-0-min_options": 0,
        f"{nested}-TOTAL_FORMS": 2, f"{nested}-INITIAL_FORMS": 2, f"{nested}-1-DELETE": "on",
    }  # fmt: skip
    for row, one in enumerate((kept, gone)):
        data |= {
            f"{nested}-{row}-id": one.pk, f"{nested}-{row}-product": one.product_id, f"{nested}-{row}-position": row,
            f"{nested}-{row}-min_quantity": 1, f"{nested}-{row}-default_quantity": 1,
        }  # fmt: skip
    assert client.post(page_of(bundle), data).status_code == 302
    assert list(group.options.all()) == [kept]


# Rules


def rule(**fields):
    given = {
        "order": "10", "name": "A rule", "is_active": "on", "kind": "validation", "product": "", "quantity": "1",
        "message": "No.", "fix_action": "", "fix_product": "", "fix_quantity": "", "fix_label": "",
        "texts-TOTAL_FORMS": "0", "texts-INITIAL_FORMS": "0",
    }  # fmt: skip
    conditions = fields.pop("conditions", [{"fact": "seats", "operator": "above", "value": "50"}])
    return given | {"conditions": json.dumps(conditions)} | fields


def test_a_rule_is_written_with_its_words_in_other_languages(client, products):
    data = rule(
        fix_action="set", fix_quantity="50", fix_label="Take 50",
        **{"texts-TOTAL_FORMS": "1", "texts-0-language": "de", "texts-0-message": "Nein.", "texts-0-fix_label": "50"},
    )  # fmt: skip
    assert client.post(RULES, data).status_code == 302
    made = ConfigurationRule.objects.get()
    assert (made.message, made.fix_quantity) == ("No.", Decimal(50))
    assert made.texts.get().message == "Nein."
    page = text_of(client.get(reverse("admin:commerce_configurationrule_changelist")))
    assert "seats is above 50" in page


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"conditions": [{"fact": "colour", "operator": "is", "value": "red"}]}, "There is no fact “colour”."),
        ({"conditions": [{"fact": "quantity:ssso", "operator": "above", "value": "1"}]}, "no product “ssso”"),
        ({"conditions": [{"fact": "plan", "operator": "one_of", "value": ["team", "tem"]}]}, "no product “tem”"),
        ({"conditions": [{"fact": "seats", "operator": "above", "value": "many"}]}, "compared with a number"),
        ({"conditions": {"fact": "seats"}}, "Conditions are a list."),
        ({"message": " "}, "Say to the customer what is wrong."),
        ({"kind": "selection"}, "Say which product."),
        ({"kind": "selection", "product": "team"}, "A plan is chosen, and not added."),
        ({"product": "sso"}, "Only a selection or a filter has a product."),
        ({"kind": "selection", "product": "sso", "quantity": "0"}, "It is above 0."),
        ({"fix_action": "add", "fix_label": "Add"}, "Say which product."),
        ({"fix_action": "add", "fix_product": "sso"}, "Say what the button does."),
        ({"fix_action": "remove", "fix_product": "team", "fix_label": "No plan"}, "A plan is set."),
        ({"order": "1"}, "Another rule has this order."),
        ({"texts-TOTAL_FORMS": "1", "texts-0-language": "tlh", "texts-0-message": "Qo"}, "Select a valid choice"),
    ],
)
def test_a_rule_that_says_nothing_is_refused_with_the_reason(client, products, make_rule, fields, reason):
    make_rule()
    named = {name: products[fields[name]].pk for name in ("product", "fix_product") if fields.get(name)}
    answer = client.post(RULES, rule(**fields) | named)
    assert answer.status_code == 200
    assert reason in text_of(answer)
    assert ConfigurationRule.objects.count() == 1
    assert not ConfigurationRuleText.objects.exists()


def test_support_agents_look_and_change_nothing(agent, bundle, log_needs_business, signed_in):
    client = signed_in(agent)
    page = reverse("admin:commerce_configurationrule_change", args=[log_needs_business.pk])
    assert "Audit log export needs Business or above." in text_of(client.get(page))
    assert client.post(page, rule()).status_code == 403
    assert client.get(RULES).status_code == 403
    assert client.post(page_of(bundle), {}).status_code == 403
    log_needs_business.refresh_from_db()
    assert log_needs_business.name == "Rule"
