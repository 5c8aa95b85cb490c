"""Who changed what: written by the database for everything that matters, whatever code made the change."""

import pytest
from django.db import connection

from accounts.models import Account, Membership
from cases.models import Case
from commerce.models import Contract, Price, Quote, Subscription
from knowledge.models import Article
from tests.factories import make_article, make_catalogue, make_contract

pytestmark = pytest.mark.django_db

AUDITED = [Account, Membership, Case, Quote, Contract, Subscription, Price, Article]


@pytest.mark.parametrize("model", AUDITED, ids=lambda model: model.__name__)
def test_triggers_record_every_insert_and_update(model):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal",
            [model._meta.db_table],
        )
        found = dict(cursor.fetchall())
    for kind in ("insert_insert", "update_update"):
        names = [name for name in found if name.startswith(f"pgtrigger_{kind}")]
        assert names, f"{model.__name__} has no {kind} trigger: {sorted(found)}"
        assert all(found[name] == "O" for name in names)


def test_a_bulk_update_leaves_one_entry_per_row(acme, globex):
    Account.objects.update(phone="+49 40 1")
    entries = Account.pgh_event_model.objects.filter(pgh_label="update")
    assert sorted(entries.values_list("pgh_obj_id", "phone")) == sorted((one.pk, "+49 40 1") for one in (acme, globex))


def test_a_visit_is_no_entry(admin, signed_in):
    assert signed_in(admin).get("/company/").status_code == 200
    admin.membership.refresh_from_db()
    assert admin.membership.last_seen_at
    assert not Membership.pgh_event_model.objects.filter(pgh_label="update").exists()


def test_the_entry_before_tells_what_was_there(acme):
    Account.objects.filter(pk=acme.pk).update(phone="1")
    Account.objects.filter(pk=acme.pk).update(phone="2")
    told = Account.pgh_event_model.objects.filter(pgh_obj_id=acme.pk).order_by("pgh_id")
    assert list(told.values_list("pgh_label", "phone")) == [("insert", ""), ("update", "1"), ("update", "2")]


def test_prices_articles_and_contracts_are_recorded_too(acme):
    products = make_catalogue()
    make_contract(acme, products)
    article = make_article()
    Price.objects.filter(product=products["team"]).update(unit_price=99)
    Article.objects.filter(pk=article.pk).update(title="Another title")
    Contract.objects.update(auto_renew=False)
    assert Price.pgh_event_model.objects.filter(pgh_label="update", unit_price=99).count() == 4
    assert Article.pgh_event_model.objects.get(pgh_label="update").title == "Another title"
    assert Contract.pgh_event_model.objects.get(pgh_label="update").auto_renew is False


def test_staff_in_the_admin_are_named(agent, acme, signed_in):
    from django.contrib.auth.models import Group

    agent.groups.add(Group.objects.get(name="Customer success"))
    page = signed_in(agent).get(f"/admin/accounts/account/{acme.pk}/change/")
    form = page.context["adminform"].form
    values = {name: form.initial.get(name) or "" for name in form.fields}
    inlines = {
        f"{formset.formset.prefix}-{name}": formset.formset.management_form.initial.get(name, 0)
        for formset in page.context["inline_admin_formsets"]
        for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")
    }
    response = signed_in(agent).post(
        f"/admin/accounts/account/{acme.pk}/change/", values | inlines | {"phone": "+49 89 7", "is_active": "on"}
    )
    assert response.status_code == 302, response.context["adminform"].form.errors
    entry = Account.pgh_event_model.objects.get(pgh_label="update")
    assert (entry.phone, entry.pgh_context["kind"], entry.pgh_context["user_id"]) == ("+49 89 7", "staff", agent.pk)
