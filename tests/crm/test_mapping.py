"""How records are spelled for Salesforce, and what a push may write of them."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from crm import mapping
from crm.client import connect
from crm.mapping import EXTERNAL_ID, FIELDS, Owner, parents_of, plan, values_of
from crm.pull import INBOUND

ID, PARENT, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
NOW = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)

ACCOUNT = mapping.Account(
    id=ID, name="Acme", industry="logistics", phone="", website="", street="", postal_code="", city="Kiel",
    country="DE", tier="premier", lifecycle_stage="growing", is_active=True, has_signed_in=True,
)  # fmt: skip
CONTACT = mapping.Contact(
    id=ID, account_id=PARENT, name="Ada Achterberg", email="ada@acme.example", phone="", job_title="", department="",
    roles=("viewer", "support"), is_active=True,
)  # fmt: skip
CASE = mapping.Case(
    id=ID, account_id=PARENT, contact_id=OTHER, number="CS-1", subject="Help", description="", status="new",
    priority="normal",
)  # fmt: skip
MESSAGE = mapping.CaseMessage(
    id=ID, case_id=PARENT, body="Hello", author_name="Ada", author_email="ada@acme.example", is_from_customer=True,
    sent_at=NOW,
)  # fmt: skip
DEAL = mapping.Opportunity(
    id=ID, account_id=PARENT, name="Upgrade", type="expansion", stage="won", source="portal", amount_minor=123_45,
    currency="EUR", close_date=date(2026, 11, 18),
)  # fmt: skip
ORDER = mapping.Order(
    id=ID, account_id=PARENT, deal_id=OTHER, deal_type="cross_sell", number="O-5", status="Paid",
    placed_date=date(2026, 11, 18), currency="EUR", total_minor=146_91, po_number="",
)  # fmt: skip
RECORDS = {
    "Account": ACCOUNT,
    "Contact": CONTACT,
    "Case": CASE,
    "Portal_Case_Message__c": MESSAGE,
    "Opportunity": DEAL,
    "Order": ORDER,
}


@pytest.mark.parametrize("name", RECORDS)
def test_every_value_has_an_owner_and_every_owned_field_a_value(name):
    assert set(values_of(RECORDS[name])) == {field.name for field in FIELDS[name]}


@pytest.mark.parametrize("name", INBOUND)
def test_nothing_of_the_portals_own_is_read_back(name):
    owners = {field.name: field.owner for field in FIELDS[name]}
    assert all(owners[read] is not Owner.PORTAL for read in INBOUND[name].setters)
    shared = {field for field, owner in owners.items() if owner is Owner.BOTH}
    assert shared <= set(INBOUND[name].setters)


@pytest.mark.parametrize("name", RECORDS)
def test_the_org_has_every_field_and_every_word_we_use(org, name):
    with connect() as crm:
        described = {field["name"]: field for field in crm._call(f"sobjects/{name}/describe")["fields"]}
    key = described[EXTERNAL_ID]
    assert key["externalId"]
    assert key["unique"]
    assert key["idLookup"]
    relations = {field["relationshipName"]: field for field in described.values() if field["relationshipName"]}
    for field, value in values_of(RECORDS[name]).items():
        column = (relations if isinstance(value, dict) else described)[field]
        words = [word["value"] for word in column["picklistValues"]]
        if words and value is not None:
            assert value in words


@pytest.mark.parametrize(
    ("field", "words", "object_name"),
    [
        ("Industry", mapping.INDUSTRY_OF, "Account"),
        ("Status", mapping.CASE_STATUS_OF, "Case"),
        ("StageName", mapping.STAGE_OF, "Opportunity"),
    ],
)
def test_the_org_knows_every_word_we_read(org, field, words, object_name):
    with connect() as crm:
        described = {one["name"]: one for one in crm._call(f"sobjects/{object_name}/describe")["fields"]}
    known = {word["value"] for word in described[field]["picklistValues"]}
    assert set(words) <= known
    if field != "Industry":  # Salesforce has more industries than the portal.
        assert set(words) == known


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("Ada Achterberg", "Ada", "Achterberg"), ("Ines de Wit", "Ines de", "Wit"), ("Cher", None, "Cher"),
     ("", None, "ada@acme.example")],
)  # fmt: skip
def test_a_person_always_has_a_last_name(name, first, last):
    values = values_of(replace(CONTACT, name=name))
    assert (values["FirstName"], values["LastName"]) == (first, last)


def test_long_texts_are_cut_to_what_fits():
    values = values_of(replace(CASE, subject="x" * 300, description="y" * 40_000))
    assert (len(values["Subject"]), len(values["Description"])) == (255, 32_000)


def test_amounts_are_spelled_in_the_currencys_own_units():
    assert values_of(DEAL)["Amount"] == 123.45
    assert values_of(replace(DEAL, amount_minor=12_345, currency="JPY"))["Amount"] == 12_345


def test_a_case_opened_by_staff_has_no_contact():
    assert parents_of(replace(CASE, contact_id=None)) == (("Account", PARENT),)
    assert (
        "Contact"
        not in plan("Case", values_of(replace(CASE, contact_id=None)), is_new=True, pushed_hash="", agreed={}).fields
    )


def test_a_new_record_is_written_in_full_but_for_what_is_empty():
    values = values_of(ACCOUNT)
    assert plan("Account", values, is_new=True, pushed_hash="", agreed={}).fields == {
        name: value for name, value in values.items() if value is not None
    }


def in_step(values, name):
    return {field: {"portal": values[field], "crm": values[field]} for field in mapping.shared_fields(name)}


def test_a_known_record_is_written_where_the_portal_has_moved():
    values = values_of(ACCOUNT)
    first = plan("Account", values, is_new=True, pushed_hash="", agreed={})
    agreed = in_step(values, "Account")
    again = plan("Account", values, is_new=False, pushed_hash=first.own_hash, agreed=agreed)
    assert again.fields == {}
    moved = values_of(replace(ACCOUNT, city="Bonn", name="Acme SE", industry="retail"))
    assert plan("Account", moved, is_new=False, pushed_hash=first.own_hash, agreed=agreed).fields == {
        "BillingCity": "Bonn"
    }
    cleared = values_of(replace(ACCOUNT, city=""))
    assert plan("Account", cleared, is_new=False, pushed_hash=first.own_hash, agreed=agreed).fields == {
        "BillingCity": None
    }


def test_what_is_told_once_is_never_told_again():
    values = values_of(CASE)
    later = plan("Case", values, is_new=False, pushed_hash="", agreed=in_step(values, "Case"))
    assert later.fields == {}
    assert plan("Portal_Case_Message__c", values_of(MESSAGE), is_new=False, pushed_hash="", agreed={}).fields == {}
