"""The staff's page about products: all of a product is there to edit, and refused with a reason."""

from datetime import date

import pytest
from django.urls import reverse

from commerce.models import Price, Product, ProductGrant
from tests.factories import make_staff

LIST = reverse("admin:commerce_product_changelist")
ADD = reverse("admin:commerce_product_add")
SENT = {
    "name": "Field pack", "code": "field_pack", "kind": "addon", "billing": "term", "summary": "For crews outside",
    "highlights": "Offline maps\nRoute sheets", "unit_label": "crew", "icon": "package", "rank": "3",
    "min_quantity": "1", "max_quantity": "40", "quantity_places": "0", "meter": "", "lifecycle": "draft",
    "end_of_sale_date": "", "end_of_life_date": "", "successor": "",
}  # fmt: skip


def rows(**inlines):
    """The management forms of all inlines, and what is sent of each."""
    sent = {}
    for prefix in ("grants", "steps", "files", "feature_groups"):
        given = inlines.get(prefix, [])
        sent |= {f"{prefix}-TOTAL_FORMS": len(given), f"{prefix}-INITIAL_FORMS": 0}
        sent |= {f"{prefix}-{at}-{name}": value for at, row in enumerate(given) for name, value in row.items()}
    return sent


@pytest.fixture
def editor(manager, signed_in):
    return signed_in(manager)


def test_a_product_is_written_from_draft_to_what_it_grants(editor, db):
    grants = [{"code": "route_planner"}, {"code": "api_calls", "quantity": "5000", "is_per_unit": "on"}]
    assert editor.post(ADD, SENT | rows(grants=grants)).status_code == 302
    made = Product.objects.get(code="field_pack")
    assert (made.lifecycle, made.max_quantity, made.unit_label, made.rank) == ("draft", 40, "crew", 3)
    assert made.highlights.splitlines() == ["Offline maps", "Route sheets"]
    assert set(made.grants.values_list("code", "quantity", "is_per_unit")) == {
        ("route_planner", None, False),
        ("api_calls", 5000, True),
    }


@pytest.mark.parametrize(
    ("fields", "grants", "reason"),
    [
        ({"max_quantity": "0"}, [], "The most that is sold is not below the least."),
        ({"kind": "usage"}, [], "Metered usage names the meter that it counts."),
        ({"lifecycle": "end_of_life"}, [], "Say since when it runs no more."),
        ({"end_of_sale_date": "2026-05-01", "end_of_life_date": "2026-04-01"}, [], "sold no longer than it runs"),
        ({"code": "field pack"}, [], "letters, numbers, underscores or hyphens"),
        ({}, [{"code": "sso", "quantity": "2"}], "A feature is granted or not: it has no quantity."),
        ({}, [{"code": "espresso"}], "Select a valid choice"),
    ],
)
def test_a_product_that_makes_no_sense_is_refused_with_the_reason(editor, db, fields, grants, reason):
    response = editor.post(ADD, SENT | fields | rows(grants=grants))
    assert response.status_code == 200
    assert reason in response.content.decode()
    assert not Product.objects.exists()
    assert not ProductGrant.objects.exists()


def test_code_and_kind_stay_as_they_are(editor, products):
    url = reverse("admin:commerce_product_change", args=[products["sso"].pk])
    form = editor.get(url).context["adminform"].form
    assert {"code", "kind"}.isdisjoint(form.fields)


@pytest.mark.parametrize(
    ("today", "shown"),
    [
        ("on_sale", {"audit_log", "sso", "team"}),
        ("priced", {"sso", "team"}),
        ("unpriced", {"audit_log"}),
        ("ending", {"team"}),
    ],
)
def test_products_are_found_by_where_they_stand_today(editor, products, today, shown):
    Price.objects.filter(product__code="audit_log").delete()
    Product.objects.filter(code="team").update(end_of_sale_date=date(2999, 1, 1))
    Product.objects.exclude(code__in=["audit_log", "sso", "team"]).update(lifecycle="draft")
    page = editor.get(LIST, {"today": today})
    assert {product.code for product in page.context["cl"].queryset} == shown


def test_who_only_sees_products_changes_none(products, signed_in):
    client = signed_in(make_staff("sales@vendor.example", "Sol", group="Sales"))
    assert client.get(LIST).status_code == 200
    assert client.post(ADD, SENT | rows()).status_code == 403
    assert not Product.objects.filter(code="field_pack").exists()
