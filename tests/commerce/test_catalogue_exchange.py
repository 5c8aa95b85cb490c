"""The catalogue as a document: what it holds, for whom, and what becomes of each row that is read back."""

import copy
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.models.audit import AuditNote
from commerce.models import (
    BundleOption,
    ConfigurationRule,
    ContractedPrice,
    DiscountSchedule,
    FeatureGroup,
    Price,
    PriceBook,
    PriceRule,
    Product,
    ProductCost,
)
from tests.factories import make_staff

EXPORT = reverse("admin:commerce_catalogue_export")
IMPORT = reverse("admin:commerce_catalogue_import")
CONFIRM = reverse("admin:commerce_catalogue_confirm")
ID = "0b5d6700-aaaa-4bbb-8ccc-000000000001"
TIERS = [{"from": "1", "to": "11", "percent": "0"}, {"from": "11", "to": None, "percent": "10"}]


@pytest.fixture
def catalogue(products, acme, globex):
    """One row of every kind, and what belongs to companies."""
    schedule = DiscountSchedule.objects.create(name="Seats", tiers=TIERS)
    Price.objects.filter(product__code="team").update(volume_schedule=schedule)
    Product.objects.filter(code="team").update(end_of_sale_date="2030-01-01", successor=products["business"])
    products["team"].steps.create(name=STEP["name"], expected_days=2)
    group = FeatureGroup.objects.create(bundle=products["sso"], name="Logs", max_options=1)
    BundleOption.objects.create(group=group, product=products["audit_log"])
    rule = ConfigurationRule.objects.create(
        order=1, name="Logs for many", kind="alert", message="Think of the audit log.",
        conditions=[{"fact": "seats", "operator": "at_least", "value": "100"}],
    )  # fmt: skip
    rule.texts.create(language="de", message="Denken Sie an das Protokoll.")
    PriceRule.objects.create(order=1, name="Spring", discount_percent=5)
    ProductCost.objects.create(
        product=products["team"], currency="EUR", cost="3.5", floor_price=7, valid_from="2026-01-01"
    )
    own = PriceBook.objects.create(name="Globex's own", account=globex, currency="EUR")
    Price.objects.create(book=own, product=products["team"], unit_price="8.88", valid_from="2026-01-01")
    PriceRule.objects.create(order=9, name="For Acme", account=acme, discount_percent=7)
    ContractedPrice.objects.create(
        account=acme, product=products["team"], currency="EUR", unit_price="7.77", valid_from="2026-01-01"
    )
    return products


@pytest.fixture
def client(manager, signed_in):
    return signed_in(manager)


def exported(client):
    return json.loads(client.get(EXPORT).content)


def look(client, document):
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return client.post(IMPORT, {"file": SimpleUploadedFile("catalogue.json", content)})


def confirm(client, looked):
    return client.post(CONFIRM, {"token": looked.context["token"], "report": looked.context["report"].digest})


def catalogue_of(**sections):
    return {"catalogue": 1} | sections


def refusals(response):
    return [reason for line in response.context["report"].lines for reason in line.reasons]


def counts(response):
    return {name: count for name, count in response.context["report"].counts.items() if count and name != "unchanged"}


PACK = {
    "code": "field_pack", "name": "Field pack", "kind": "addon", "summary": "For crews outside",
    "grants": [{"code": "api_calls", "quantity": "500", "is_per_unit": True}],
}  # fmt: skip
CONDITION = {"fact": "quantity:espresso", "operator": "above", "value": "0"}
RULE = {"public_id": ID, "order": 5, "name": "B", "kind": "alert", "message": "B"}
CIRCLE = {"code": "business", "end_of_sale_date": "2031-01-01", "successor": "team"}
STEP = {
    "position": 1, "name": "Prepare your workspace", "description": "", "expected_days": 2, "action": "reported",
    "is_for_more": False,
}  # fmt: skip


# Writing


def test_the_document_has_the_catalogue_by_its_codes(client, catalogue):
    document = exported(client)
    team = next(product for product in document["products"] if product["code"] == "team")
    assert (team["successor"], team["end_of_sale_date"]) == ("business", "2030-01-01")
    assert {"code": "seats", "quantity": "1", "is_per_unit": True} in team["grants"]
    assert team["steps"] == [STEP]
    [group] = document["feature_groups"]
    assert (group["bundle"], group["options"][0]["product"]) == ("sso", "audit_log")
    assert document["configuration_rules"][0]["texts"][0]["language"] == "de"
    book = next(book for book in document["price_books"] if book["tier"] == "premier")
    price = next(price for price in book["prices"] if price["product"] == "team")
    assert price["unit_price"] == "11.4"
    assert price["volume_schedule"] == document["discount_schedules"][0]["public_id"]
    assert document["costs"][0]["floor_price"] == "7"


def test_what_belongs_to_one_company_is_not_in_it(client, catalogue):
    text = json.dumps(exported(client))
    for own in ("8.88", "7.77", "Globex", "For Acme"):
        assert own not in text


def test_costs_are_there_for_those_who_see_costs_alone(catalogue, signed_in):
    seller = signed_in(make_staff("sales@vendor.example", "Sol", group="Sales"))
    document = exported(seller)
    assert "costs" not in document
    assert "price_books" in document
    assert "3.5" not in json.dumps(document)


def test_prices_are_there_for_those_who_see_prices_alone(agent, catalogue, signed_in):
    document = exported(signed_in(agent))
    assert {"price_books", "discount_schedules", "price_rules", "costs"}.isdisjoint(document)
    assert document["products"]


def test_an_export_is_written_down(client, manager, catalogue):
    client.get(EXPORT)
    assert AuditNote.objects.get(action="export.taken").actor_id == manager.pk


# Reading back


def test_importing_an_export_changes_nothing(client, catalogue):
    document = exported(client)
    looked = look(client, document)
    assert looked.status_code == 200
    assert counts(looked) == {}
    assert not looked.context["report"].changes_something
    assert exported(client) == document


def test_an_empty_installation_becomes_the_same_catalogue(client, catalogue):
    document = exported(client)
    Price.objects.all().delete()
    for model in (ContractedPrice, PriceBook, PriceRule, ProductCost, ConfigurationRule, BundleOption, FeatureGroup):
        model.objects.all().delete()
    Product.objects.update(successor=None)
    Product.objects.all().delete()
    DiscountSchedule.objects.all().delete()
    looked = look(client, document)
    assert refusals(looked) == []
    assert not Product.objects.exists()  # Nothing yet.
    assert confirm(client, looked).status_code == 302
    assert exported(client) == document


def test_a_look_says_what_would_happen_and_does_nothing(client, catalogue):
    document = exported(client)
    changed = copy.deepcopy(document)
    changed["products"][0]["summary"] = "Another summary"
    changed["products"].append(PACK)
    looked = look(client, changed)
    assert counts(looked) == {"added": 2, "changed": 1}
    page = looked.content.decode()
    for words in ("field_pack", "Another summary", "field_pack · api_calls"):
        assert words in page
    assert exported(client) == document


def test_what_was_looked_at_is_imported_once_it_is_confirmed(client, manager, catalogue):
    looked = look(client, catalogue_of(products=[PACK]))
    assert confirm(client, looked)["Location"] == reverse("admin:commerce_product_changelist")
    made = Product.objects.get(code="field_pack")
    assert (made.billing, made.max_quantity, made.grants.get().quantity) == ("term", 10_000, 500)
    assert AuditNote.objects.get(action="catalogue.imported").details == {"added": 2, "changed": 0}
    assert confirm(client, looked)["Location"] == IMPORT  # It is no longer at hand.
    assert look(client, catalogue_of(products=[PACK])).context["report"].counts["unchanged"] == 2


def test_a_product_comes_with_the_steps_that_set_it_up(client, catalogue):
    licence = STEP | {"position": 2, "name": "Make the key", "action": "licence"}
    looked = look(client, catalogue_of(products=[{"code": "sso", "steps": [STEP, licence]}]))
    assert counts(looked) == {"added": 2}
    confirm(client, looked)
    made = Product.objects.get(code="sso").steps.values_list("position", "name", "expected_days", "action")
    assert list(made) == [(1, "Prepare your workspace", 2, "reported"), (2, "Make the key", 2, "licence")]
    changed = {"code": "sso", "steps": [STEP | {"expected_days": 4}]}
    confirm(client, look(client, catalogue_of(products=[changed])))
    assert list(Product.objects.get(code="sso").steps.values_list("expected_days", flat=True)) == [4, 2]
    refused = {"code": "sso", "steps": [STEP | {"action": "magic"}]}
    assert "Select a valid choice" in refusals(look(client, catalogue_of(products=[refused])))[0]


def test_what_is_not_in_the_document_stays_as_it_is(client, catalogue):
    before = exported(client)
    looked = look(client, catalogue_of(products=[{"code": "sso", "rank": 4}]))
    assert counts(looked) == {"changed": 1}
    confirm(client, looked)
    after = exported(client)
    sso = next(product for product in before["products"] if product["code"] == "sso")
    sso["rank"] = 4
    assert after == before


def test_figures_are_read_as_they_are_written(client, catalogue):
    rows = [{"code": "sso", "grants": [{"code": "api_calls", "quantity": 0.1}]}]
    content = json.dumps(catalogue_of(products=rows)).encode()
    confirm(client, look(client, content))
    assert str(Product.objects.get(code="sso").grants.get(code="api_calls").quantity) == "0.1000"


def price(**fields):
    return {"product": "sso", "valid_from": "2026-12-01", "method": "list", "unit_price": "9"} | fields


REFUSED = {
    "a price below zero": (price(unit_price="-1"), "greater than or equal to 0"),
    "a price that is none": (price(unit_price="cheap"), "Enter a number."),
    "a price that is missing": (price(unit_price=None), "Enter the unit price"),
    "an unknown method": (price(method="magic"), "Select a valid choice"),
    "tiers with a gap": (
        price(method="volume", figures={"tiers": [
            {"from": "1", "to": "10", "unit_price": "9"}, {"from": "11", "to": None, "unit_price": "8"},
        ]}),
        "units of neither",
    ),
    "an end before its beginning": (price(valid_until="2026-11-01"), "It ends after the day"),
    "a product that is not there": (price(product="espresso"), "There is no product “espresso”."),
    "a schedule that is not there": (price(volume_schedule=ID), "There is no volume discount"),
    "a day that is none": (price(valid_from="2026-02-30"), "A day is written as"),
    "a day in other words": (price(valid_from="2026-12-1"), "A day is written as"),
    "a list for a text": (price(method=["list"]), "This is one text or number."),
    "a text for yes or no": (price(is_stackable="yes"), "This is true or false."),
    "a name that means nothing": (price(colour="blue"), "It has no “colour”."),
}  # fmt: skip


@pytest.mark.parametrize(("row", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_row_that_the_admin_would_refuse_is_refused_and_with_it_all(client, catalogue, row, reason):
    before = exported(client)
    book = {"tier": "premier", "currency": "EUR", "regions": [], "valid_from": None, "prices": [row]}
    looked = look(client, catalogue_of(products=[PACK], price_books=[book]))
    assert looked.status_code == 422
    assert any(reason in told for told in refusals(looked)), refusals(looked)
    assert confirm(client, looked).status_code == 422
    assert exported(client) == before


@pytest.mark.parametrize(
    ("sections", "reason"),
    [
        ({"products": [{"code": "sso", "kind": "service"}]}, "“kind” can't be changed any more."),
        ({"products": [PACK, PACK]}, "It stands in the document twice."),
        ({"products": [PACK | {"grants": [{"code": "espresso"}]}]}, "Select a valid choice"),
        ({"products": [PACK | {"successor": "field_pack"}]}, "There is no successor “field_pack”."),
        ({"products": [CIRCLE]}, "lead back to it"),
        ({"feature_groups": [{"bundle": "audit_log", "name": "In it", "options": [{"product": "sso"}]}]}, "itself"),
        ({"feature_groups": [{"bundle": "audit_log", "name": "None", "min_options": 1}]}, "has fewer options"),
        ({"configuration_rules": [RULE | {"conditions": [CONDITION]}]}, "There is no product “espresso”."),
        ({"configuration_rules": [RULE | {"texts": [{"language": "en", "message": "B"}]}]}, "Select a valid choice"),
        ({"discount_schedules": [{"public_id": ID, "name": "Two", "tiers": TIERS[:1] * 2}]}, "claim the same units"),
        ({"discount_schedules": [{"public_id": "7", "name": "A", "tiers": TIERS}]}, "This is no id"),
        ({"price_rules": [{"public_id": ID, "order": 1, "name": "B", "discount_percent": 1}]}, "chance would decide"),
        ({"configuration_rules": [{"public_id": ID, "order": 5, "name": "B"}]}, "what is wrong"),
        ({"costs": [{"product": "sso", "currency": "XXX", "valid_from": "2026-01-01", "cost": 1}]}, "no currency"),
        ({"price_books": [{"tier": "premier", "currency": "eur", "name": "Twice"}]}, "already exists"),
    ],
)  # fmt: skip
def test_other_rows_are_refused_by_the_same_rules(client, catalogue, sections, reason):
    before = exported(client)
    looked = look(client, catalogue_of(**sections))
    assert any(reason in told for told in refusals(looked)), refusals(looked)
    assert exported(client) == before


def test_a_price_that_was_given_is_ended_and_never_changed(client, catalogue):
    document = exported(client)
    book = next(book for book in document["price_books"] if book["tier"] == "premier")
    given = next(row for row in book["prices"] if row["product"] == "sso")
    looked = look(client, catalogue_of(price_books=[book | {"prices": [given | {"unit_price": "1"}]}]))
    assert refusals(looked) == ["“unit_price” can't be changed any more."]
    ended = book | {"prices": [given | {"valid_until": "2027-01-01"}]}
    confirm(client, look(client, catalogue_of(price_books=[ended])))
    row = Price.objects.get(book__tier__code="premier", product__code="sso")
    assert (str(row.valid_until), row.unit_price) == ("2027-01-01", row.unit_price)


def test_a_schedule_that_prices_have_keeps_its_tiers(client, catalogue):
    [schedule] = exported(client)["discount_schedules"]
    assert refusals(look(client, catalogue_of(discount_schedules=[schedule | {"tiers": TIERS[:1]}]))) == [
        "“tiers” can't be changed any more."
    ]
    assert counts(look(client, catalogue_of(discount_schedules=[schedule | {"name": "By seats"}]))) == {"changed": 1}


def test_a_catalogue_that_changed_since_the_look_is_looked_at_again(client, catalogue):
    looked = look(client, catalogue_of(products=[{"code": "sso", "name": "Sign-on"}]))
    Product.objects.filter(code="sso").update(name="Single sign-on")
    again = confirm(client, looked)
    assert again.status_code == 409
    assert Product.objects.get(code="sso").name == "Single sign-on"
    assert confirm(client, again).status_code == 302
    assert Product.objects.get(code="sso").name == "Sign-on"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"{", "no JSON document"),
        (b"\xff\xfe", "no JSON document"),
        (b"[" * 100_000, "no JSON document"),
        (b'{"catalogue": 1, "price_rules": [{"order": NaN}]}', "no JSON document"),
        (b"[]", "no catalogue"),
        (b'{"products": []}', "no catalogue"),
        (b'{"catalogue": 1, "taxes": []}', "has no section “taxes”"),
        (b'{"catalogue": 1, "products": {}}', "not a list of rows"),
        (b'{"catalogue": 1, "products": [{"grants": [7]}]}', "not a list of rows"),
        (json.dumps({"catalogue": 1, "products": [{}] * 3001}).encode(), "more than 3000 rows"),
        (b" " * (1024 * 1024 + 1), "larger than 1.0\xa0MB"),
    ],
)
def test_a_file_that_is_no_catalogue_is_refused_with_the_reason(client, catalogue, content, reason):
    response = look(client, content)
    assert response.status_code == 422
    assert reason in " ".join(response.context["form"].errors["file"])


def test_many_changes_are_imported_in_parts(client, catalogue, monkeypatch):
    monkeypatch.setattr("commerce.exchange.importing.MOST_CHANGES", 2)
    three = [{"code": code, "rank": 7} for code in ("sso", "audit_log", "onboarding")]
    assert refusals(look(client, catalogue_of(products=three))) == [
        "More than 2 rows would change. Import them in parts."
    ]
    assert counts(look(client, catalogue_of(products=three[:2]))) == {"changed": 2}


def test_costs_are_changed_by_those_who_keep_them_alone(catalogue, signed_in, manager):
    from django.contrib.auth.models import Permission

    person = make_staff("catalogue@vendor.example", "Cat", group="Sales")
    person.user_permissions.add(Permission.objects.get(codename="change_product"))
    cost = {"product": "sso", "currency": "EUR", "valid_from": "2026-01-01", "cost": "1"}
    looked = look(signed_in(person), catalogue_of(costs=[cost]))
    assert refusals(looked) == ["You may not change these."]
    assert not ProductCost.objects.filter(product__code="sso").exists()


# Prices as a list

PRICES = reverse("admin:commerce_prices_export")
HEAD = "book,product,method,currency,unit_price,price_months,valid_from,valid_until\n"


def prices_of(client):
    return b"".join(client.get(PRICES).streaming_content).decode("utf-8-sig")


def look_at_prices(client, text):
    return client.post(IMPORT, {"file": SimpleUploadedFile("prices.csv", text.encode("utf-8-sig"))})


def test_prices_are_a_list_for_spreadsheets(client, catalogue):
    text = prices_of(client)
    assert text.splitlines()[0] + "\n" == HEAD
    assert "Premier,team,list,EUR,11.4,1,2024-01-01," in text
    assert "8.88" not in text  # Of one company.
    assert counts(look_at_prices(client, text)) == {}


def test_prices_are_ended_and_added_by_a_list(client, catalogue):
    text = "Premier,sso,list,EUR,{},1,{},{}\n"
    old = Price.objects.get(book__tier__code="premier", product__code="sso")
    ended = text.format(old.unit_price, old.valid_from, "2027-01-01")
    looked = look_at_prices(client, HEAD + ended + text.format("9.50", "2027-01-01", ""))
    assert counts(looked) == {"added": 1, "changed": 1}
    confirm(client, looked)
    rows = Price.objects.filter(book__tier__code="premier", product__code="sso").order_by("valid_from")
    assert [(str(row.valid_from), str(row.valid_until)) for row in rows] == [
        ("2024-01-01", "2027-01-01"),
        ("2027-01-01", "None"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("name,price\n", "lacks: book, product, currency, valid_from"),
        ("name,price\na,1\n", "lacks: book"),
        (HEAD + "Nobody's,sso,list,EUR,9,1,2027-01-01,\n", "Line 2: there is no book “Nobody's” in EUR."),
        (HEAD + '"Premier', "Line 2 cannot be read as CSV"),
    ],
)
def test_a_list_that_is_none_is_refused_with_the_reason(client, catalogue, text, reason):
    response = look_at_prices(client, text) if text else look(client, b"")
    assert response.status_code == 422
    assert reason in " ".join(response.context["form"].errors["file"])


def test_a_list_with_a_wrong_price_is_refused_line_by_line(client, catalogue):
    looked = look_at_prices(client, HEAD + "Premier,sso,list,EUR,cheap,1,2027-01-01,\n")
    assert refusals(looked) == ["unit_price: Enter a number."]
    assert looked.context["report"].lines[-1].key.endswith("sso · 2027-01-01")


# Who gets in


def test_who_may_not_change_products_is_refused(agent, catalogue, signed_in):
    client = signed_in(agent)
    assert client.get(IMPORT).status_code == 403
    assert client.get(PRICES).status_code == 403
    assert look(client, catalogue_of(products=[PACK])).status_code == 403
    assert client.post(CONFIRM, {"token": "a", "report": "b"}).status_code == 403
    assert not Product.objects.filter(code="field_pack").exists()


def test_a_document_is_confirmed_by_whoever_looked_at_it(client, catalogue, signed_in):
    looked = look(client, catalogue_of(products=[PACK]))
    other = signed_in(make_staff("root@vendor.example", "Ro", group="System administrator"))
    assert confirm(other, looked)["Location"] == IMPORT
    assert not Product.objects.filter(code="field_pack").exists()


def test_customers_and_visitors_do_not_get_in(admin, catalogue, signed_in, client):
    from django.test import Client

    for browser in (signed_in(admin), Client()):
        for address in (EXPORT, PRICES, IMPORT):
            response = browser.get(address)
            assert response.status_code == 302
            assert "/login/" in response["Location"]
