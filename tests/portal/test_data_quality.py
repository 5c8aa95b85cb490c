"""Data quality: shares counted by hand, and lists of those that lack something."""

from datetime import date

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, Domain
from accounts.permissions import STAFF_TABLE, StaffGroup
from portal.staff.data_quality import measures, score, shares
from tests.factories import make_account, make_catalogue, make_contract, make_member, make_staff

COMPLETE = {
    "billing_street": "Hafenstraße 1", "billing_postal_code": "20457", "billing_city": "Hamburg", "vat_id": "DE1",
    "billing_email": "billing@acme.example",
}  # fmt: skip


@pytest.fixture
def four(db):
    """Four active companies with more or less, and an inactive one that counts nowhere."""
    cleo = make_staff("cleo@vendor.example", "Cleo Marsh", group="Customer success")
    gone = make_staff("gone@vendor.example", "Gone", group="Customer success")
    gone.is_active = False
    gone.save()
    full = make_account("Full", owner=cleo, sales_contact=cleo, **COMPLETE)
    make_member(full, "admin@full.example", "Ada", roles=["administrator"])
    Domain.objects.create(account=full, name="full.example", verified_at=timezone.now(), verified_how="staff")
    make_contract(full, make_catalogue(), start=date(timezone.now().year, 1, 1))
    half = make_account("Half", owner=cleo, **(COMPLETE | {"billing_city": "", "vat_id": ""}))
    make_member(half, "viewer@half.example", "Vera", roles=["viewer"])
    left = make_account("Left", owner=gone, industry="")
    make_member(left, "admin@left.example", "Lee", roles=["administrator"])
    left.memberships.update(is_active=False)
    make_account("Empty", industry="")
    make_account("Inactive", is_active=False, industry="")
    return full


def counts():
    return {share.measure.code: share.count for share in shares(timezone.now().date())}


def test_shares_are_what_one_counts_by_hand(four):
    assert counts() == {
        "tier": 4,
        "industry": 2,
        "owner": 2,
        "sales-contact": 1,
        "address": 1,
        "vat": 1,
        "billing-email": 2,
        "administrator": 1,
        "domain": 1,
        "end-date": 1,
    }


def test_an_address_that_mail_comes_back_from_is_as_good_as_none(four):
    four.unreachable_email, four.unreachable_reason = four.billing_email, "hard"
    four.save()
    assert counts()["billing-email"] == 1
    four.billing_email = "another@acme.example"
    four.save()
    assert counts()["billing-email"] == 2


def test_the_score_is_the_mean_of_all_shares(four):
    found = shares(timezone.now().date())
    assert score(found) == 40  # 16 of 40
    assert [share.percent for share in found] == sorted(share.percent for share in found)
    assert {share.measure.code: share.percent for share in found}["industry"] == 50


def test_without_companies_nothing_is_lacking(db):
    assert score(shares(timezone.now().date())) == 100


def test_all_shares_are_one_query(four, django_assert_num_queries):
    with django_assert_num_queries(1):
        shares(timezone.now().date())


def test_each_number_leads_to_those_that_lack_it(four, signed_in):
    client = signed_in(make_staff("boss@vendor.example", "Boss", group="System administrator"))
    text = client.get(reverse("admin:data_quality")).content.decode()
    assert "Score 40 %" in text
    for share in shares(timezone.now().date()):
        if share.lacking:
            assert share.url.replace("&", "&amp;") in text
        listed = client.get(share.url).context["cl"].queryset
        assert listed.count() == share.lacking, share.measure.code
    vat = next(share for share in shares(timezone.now().date()) if share.measure.code == "vat")
    assert set(client.get(vat.url).context["cl"].queryset.values_list("name", flat=True)) == {"Half", "Left", "Empty"}
    assert Account.objects.filter(is_active=True).count() == 4


def test_codes_are_unique():
    codes = [measure.code for measure in measures()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("group", StaffGroup)
def test_the_page_is_for_the_groups_of_the_table(signed_in, db, group):
    person = make_staff(f"{group.name.lower()}@vendor.example", "Somebody", group=group.value)
    may = group in STAFF_TABLE["accounts.view_data_quality"]
    assert signed_in(person).get(reverse("admin:data_quality")).status_code == (200 if may else 403)


def test_customers_and_visitors_do_not_get_in(client, signed_in, admin):
    for visitor in (client, signed_in(admin)):
        response = visitor.get(reverse("admin:data_quality"))
        assert response.status_code == 302
        assert "/login/" in response["Location"]
