"""Account 360: each group sees its parts of a customer, and the page costs the same however much there is."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import OutgoingMail
from accounts.permissions import STAFF_TABLE, StaffGroup
from cases.models import Case, CaseMessage
from commerce.models import Activity, Deal, Invoice
from portal.staff.account_360 import panels
from tests.factories import make_catalogue, make_contract, make_staff
from tests.world import make_world, sign_in
from tracking.models import Event, EventName

NOW = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)


@pytest.fixture
def products(db):
    return make_catalogue()


@pytest.fixture
def contract(acme, products):
    return make_contract(acme, products, seats=50)


@pytest.fixture
def as_group(signed_in):
    """A client of somebody of a staff group."""

    def sign(group):
        return signed_in(make_staff(f"{group.name.lower()}@vendor.example", "Somebody", group=group.value))

    return sign


def page(client, account):
    return client.get(reverse("admin:account_360", args=[account.pk]))


def part(client, account, name, **headers):
    return client.get(reverse("admin:account_360_panel", args=[account.pk, name]), headers=headers)


def whole(client, account):
    """The page, and every part that it fetches."""
    text = page(client, account).content.decode()
    addresses = re.findall(r'hx-get="([^"]+)"', text)
    assert addresses
    return text + "".join(client.get(one, headers={"HX-Request": "true"}).content.decode() for one in addresses)


def open_deal(account, **fields):
    values = {"name": "Business for Acme", "type": "expansion", "source": "portal", "amount_minor": 123_400}
    return Deal.objects.create(
        account=account, currency="EUR", close_date=NOW.date(), created_at=NOW, **(values | fields)
    )


def ask(account, user, subject="Export fails", body="It says no.", at=NOW):
    case = Case.objects.create(account=account, opened_by=user, subject=subject, created_at=at, updated_at=at)
    CaseMessage.objects.create(account=account, case=case, author=user, body=body, created_at=at)
    return case


def test_every_app_that_knows_something_of_a_customer_has_a_panel():
    assert [panel.name for panel in panels()] == [
        "company", "contracts", "figures", "usage", "goals", "papers", "cases", "deals", "wishes", "offers", "invoices",
        "people", "help", "timeline", "crm",
    ]  # fmt: skip


@pytest.mark.parametrize("group", StaffGroup)
def test_a_group_sees_exactly_the_panels_of_its_permissions(as_group, acme, contract, group):
    response = page(as_group(group), acme)
    assert response.status_code == 200
    for panel in panels():
        shown = f'id="{panel.name}"' in response.content.decode()
        may = group in STAFF_TABLE[panel.permission]
        assert shown is may, panel.name


@pytest.mark.parametrize("group", StaffGroup)
def test_a_part_of_the_page_takes_its_own_permission(as_group, acme, contract, group):
    client = as_group(group)
    for panel in panels():
        expected = 200 if group in STAFF_TABLE[panel.permission] else 403
        for headers in ({}, {"HX-Request": "true"}):
            assert part(client, acme, panel.name, **headers).status_code == expected, panel.name


def test_a_part_is_a_page_of_its_own_without_javascript(as_group, acme, admin):
    client = as_group(StaffGroup.SYSTEM_ADMINISTRATOR)
    first = page(client, acme).content.decode()
    address = reverse("admin:account_360_panel", args=[acme.pk, "invoices"])
    assert f'href="{address}"' in first
    assert "No invoice yet." not in first
    alone = part(client, acme, "invoices").content.decode()
    assert "<h1" in alone
    assert f'href="{reverse("admin:account_360", args=[acme.pk])}"' in alone
    for text in (alone, part(client, acme, "invoices", **{"HX-Request": "true"}).content.decode()):
        assert "No invoice yet." in text
    assert part(client, acme, "nonsense").status_code == 404
    assert client.get(reverse("admin:account_360_panel", args=[999_999, "invoices"])).status_code == 404


@pytest.mark.parametrize("group", StaffGroup)
def test_amounts_are_for_those_who_may_see_them(as_group, acme, contract, group):
    open_deal(acme)
    text = page(as_group(group), acme).content.decode()
    may = group in STAFF_TABLE["commerce.view_amounts"]
    assert ("€570.00" in text) is may  # 50 seats at 12 less 5 %, per month
    assert ("€6,840.00" in text) is may
    assert ("€1,234.00" in text) is may
    assert contract.number in text


def test_support_sees_deals_and_sales_see_cases(as_group, acme, admin, contract):
    open_deal(acme)
    ask(acme, admin)
    of_support = page(as_group(StaffGroup.SUPPORT_AGENT), acme).content.decode()
    of_sales = page(as_group(StaffGroup.SALES), acme).content.decode()
    for text in (of_support, of_sales):
        assert "Business for Acme" in text
        assert "Export fails" in text
        assert "It says no." in text


def test_marketing_sees_nothing_of_cases(as_group, acme, admin):
    ask(acme, admin)
    text = page(as_group(StaffGroup.MARKETING), acme).content.decode()
    assert "Export fails" not in text
    assert "It says no." not in text


def test_a_case_says_who_waits_for_whom_and_keeps_internal_notes(as_group, acme, admin, agent):
    asked = ask(acme, admin, "Export fails", at=NOW - timedelta(hours=3))
    answered = ask(acme, admin, "Scanner is slow", at=NOW - timedelta(hours=2))
    CaseMessage.objects.create(
        account=acme, case=answered, author=agent, body="Restart it.", is_from_staff=True, created_at=NOW
    )
    CaseMessage.objects.create(
        account=acme, case=asked, author=agent, body="He is angry.", is_from_staff=True, is_internal=True,
        created_at=NOW,
    )  # fmt: skip
    text = page(as_group(StaffGroup.SALES), acme).content.decode()
    assert text.count("Waits for us") == 1
    assert text.count("Waits for the customer") == 1
    assert "He is angry." not in text


def test_the_timeline_mixes_events_and_what_sales_did(as_group, acme, admin):
    Event.objects.create(
        name=EventName.PLANS_VIEWED, account_id=acme.pk, user_id=admin.pk, actor_kind="customer", occurred_at=NOW
    )
    Event.objects.create(
        name=EventName.LOGIN, account_id=acme.pk, user_id=admin.pk, actor_kind="customer",
        occurred_at=NOW - timedelta(hours=2),
    )  # fmt: skip
    Activity.objects.create(
        account=acme, kind="call", subject="Spoke about seats", occurred_at=NOW - timedelta(hours=1)
    )
    text = whole(as_group(StaffGroup.EXECUTIVE), acme)
    order = [text.index(words) for words in ("Viewed plans and prices", "Spoke about seats", "Signed in")]
    assert order == sorted(order)
    assert text.count("Ada Achterberg") >= 1


def test_people_say_whether_they_have_a_second_factor(as_group, acme, admin, member):
    from allauth.mfa.models import Authenticator

    Authenticator.objects.create(user=admin, type=Authenticator.Type.TOTP, data={})
    Authenticator.objects.create(user=member, type=Authenticator.Type.RECOVERY_CODES, data={})
    text = page(as_group(StaffGroup.SUPPORT_AGENT), acme).content.decode()
    assert text.count("Second factor on") == 1
    assert "None of these people" not in text
    Authenticator.objects.all().delete()
    text = page(as_group(StaffGroup.SALES), acme).content.decode()
    assert text.count("None of these people signs in with a second factor.") == 1
    assert "Second factor on" not in text


def test_nothing_of_another_company_is_on_the_page(db, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    world = make_world(timezone.now())
    sign_in([world.superuser])
    from tests.world import client_of

    text = whole(client_of(world.superuser), world.acme.account)
    assert world.acme.case.subject in text
    assert world.acme.invoice.number in text
    assert [word for word in world.globex.texts if word in text] == []


def test_a_customer_and_a_visitor_do_not_get_in(client, signed_in, admin, acme):
    for visitor in (signed_in(admin), client):
        for response in (page(visitor, acme), part(visitor, acme, "invoices")):
            assert response.status_code == 302
            assert "/login/" in response["Location"]


def test_an_unknown_company_is_not_there(signed_in, manager):
    assert signed_in(manager).get("/admin/accounts/account/999999/360/").status_code == 404


def test_the_list_and_the_form_lead_to_the_page(signed_in, agent, acme):
    address = reverse("admin:account_360", args=[acme.pk])
    assert address in signed_in(agent).get(reverse("admin:accounts_account_changelist")).content.decode()
    form = signed_in(agent).get(reverse("admin:accounts_account_change", args=[acme.pk])).content.decode()
    shortcut = f"/admin/accounts/account/{acme.pk}/overview"
    assert shortcut in form
    response = signed_in(agent).get(f"{shortcut}/" if f"{shortcut}/" in form else shortcut)
    assert response["Location"] == address


# Amounts elsewhere in the admin


@pytest.fixture
def sold(db, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return make_world(timezone.now())


def test_the_pages_of_orders_contracts_and_deals_hide_amounts_from_support(sold, signed_in):
    from commerce import amounts
    from commerce.pricing.money import Money

    order, contract, deal = sold.acme.order, sold.acme.contract, sold.acme.order.deal
    total = amounts.money(Money(order.total_minor, order.currency))
    annual = amounts.money(Money(deal.amount_minor, deal.currency))
    monthly = amounts.money(Money(contract.subscriptions.get().deltas.earliest("pk").recurring_minor, "EUR"))
    assert Invoice.objects.filter(order=order, total_minor=order.total_minor).exists()
    pages = [
        (reverse("admin:commerce_order_changelist"), total),
        (reverse("admin:commerce_order_change", args=[order.pk]), total),
        (reverse("admin:commerce_contract_change", args=[contract.pk]), monthly),
        (reverse("admin:commerce_deal_changelist"), annual),
        (reverse("admin:commerce_deal_change", args=[deal.pk]), str(deal.amount_minor)),
    ]
    for url, amount in pages:
        for group, may in ((StaffGroup.SUPPORT_AGENT, False), (StaffGroup.SALES, True)):
            response = signed_in(sold.staff[group]).get(url)
            assert response.status_code == 200
            assert (amount in response.content.decode()) is may, f"{url} to {group}"


def test_receipts_are_not_for_support(signed_in, agent, db):
    receipt = OutgoingMail.objects.create(kind="receipt", to="a@acme.example", subject="Receipt", text="€684.00")
    other = OutgoingMail.objects.create(kind="case_reply", to="a@acme.example", subject="An answer", text="Hello")
    client = signed_in(agent)
    listed = client.get(reverse("admin:accounts_outgoingmail_changelist")).content.decode()
    assert "An answer" in listed
    assert "Receipt" not in listed
    assert client.get(reverse("admin:accounts_outgoingmail_change", args=[other.pk])).status_code == 200
    refused = client.get(reverse("admin:accounts_outgoingmail_change", args=[receipt.pk]))
    assert refused.status_code == 302  # Django's way of saying that there is no such row.
    root = signed_in(make_staff("root@vendor.example", "Root", group="System administrator"))
    assert "Receipt" in root.get(reverse("admin:accounts_outgoingmail_changelist")).content.decode()
