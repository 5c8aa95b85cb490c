"""The setup checklist: how each part is worked out, what people tick, and who may see it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import Installation, MailState, OutgoingMail, SetupTick
from accounts.notifications import send_due
from accounts.permissions import STAFF_TABLE, StaffGroup
from commerce.models import Price, TaxRate, WebhookEvent
from crm.models import Cursor, OutboxRow, Pause
from portal.staff.setup import items, lines
from tests.factories import make_account, make_article, make_catalogue, make_staff

NOW = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def state(code, now=NOW):
    (line,) = [line for line in lines(now) if line.item.code == code]
    return line.finding.state.value


def why(code, now=NOW):
    (line,) = [line for line in lines(now) if line.item.code == code]
    return line.finding.why


@pytest.fixture
def boss(db):
    return make_staff("boss@vendor.example", "Ruth Boss", group="System administrator")


def test_codes_are_unique_and_every_link_leads_somewhere(signed_in, boss):
    codes = [item.code for item in items()]
    assert len(codes) == len(set(codes))
    client = signed_in(boss)
    for item in items():
        if item.url():
            assert client.get(item.url(), follow=True).status_code == 200, item.code


def test_an_empty_installation_has_everything_to_do(settings):
    settings.SALESFORCE_INSTANCE_URL = settings.STRIPE_SECRET_KEY = ""
    for code in ("products", "prices", "taxes", "articles", "offers", "mail", "crm", "stripe", "webhook", "go-live"):
        assert state(code) == "open", code


def test_prices_must_be_complete(acme):
    products = make_catalogue()
    assert state("products") == "done"
    assert state("prices") == "done"
    Price.objects.filter(product=products["sso"], book__tier__code="growth").update(valid_until=date(2026, 11, 18))
    assert state("prices") == "attention"
    assert why("prices") == "No price today for Single sign-on & directory sync (Growth)."


def test_taxes_must_cover_the_countries_of_customers(acme):
    make_catalogue()
    assert state("taxes") == "done"
    make_account("Ferro S.r.l.", billing_country="IT")
    assert why("taxes") == "No rate for IT."
    TaxRate.objects.create(country="IT", name="IVA", rate=Decimal("0.22"), valid_from=date(2026, 11, 18))
    assert state("taxes") == "done"


def test_stripe_must_be_stripe_itself_with_a_live_key(settings):
    settings.STRIPE_WEBHOOK_SECRETS, settings.STRIPE_API_BASE = ["whsec"], ""
    settings.STRIPE_SECRET_KEY = "sk_test_1"
    assert state("stripe") == "attention"
    settings.STRIPE_SECRET_KEY = "sk_live_1"
    assert state("stripe") == "done"
    settings.STRIPE_API_BASE = "http://127.0.0.1:8420"
    assert state("stripe") == "attention"


def test_stripe_must_have_called():
    WebhookEvent.objects.create(event_id="evt_1", type="x", payload={}, received_at=NOW, state="processed")
    assert state("webhook") == "done"
    WebhookEvent.objects.create(event_id="evt_2", type="x", payload={}, received_at=NOW, state="parked")
    assert state("webhook") == "attention"


def test_salesforce_must_have_been_read_lately(settings):
    settings.SALESFORCE_INSTANCE_URL = "https://org.example"
    assert state("crm") == "open"
    Cursor.objects.create(object="Account", read_until=NOW, updated_at=NOW - timedelta(minutes=5))
    assert state("crm") == "done"
    assert why("crm") == "Last read 5 min ago."
    assert state("crm", NOW + timedelta(hours=2)) == "attention"
    Pause.objects.create(until=NOW + timedelta(hours=1), since=NOW, code="UNREACHABLE")
    assert why("crm") == "Salesforce cannot be reached."
    assert state("crm") == "attention"


def test_a_change_that_failed_wants_attention(acme):
    assert state("crm-failures") == "done"
    OutboxRow.objects.update(state="dead")
    assert state("crm-failures") == "attention"


def test_mail_works_when_a_test_mail_has_left(signed_in, boss, mailoutbox):
    assert state("mail") == "open"
    signed_in(boss).post(reverse("admin:test_mail"))
    now = OutgoingMail.objects.get().next_at + timedelta(seconds=1)
    assert send_due(now=now) == 1
    assert [message.to for message in mailoutbox] == [[boss.email]]
    assert state("mail", now) == "done"
    assert state("mail", now + timedelta(days=40)) == "attention"
    OutgoingMail.objects.create(
        kind="x", to="a@b.example", subject="x", text="x", state=MailState.FAILED, last_error="no route"
    )
    assert why("mail", now) == "The last mail was given up: no route"


def test_everybody_on_the_staff_needs_a_second_factor(boss, agent):
    from allauth.mfa.models import Authenticator

    Authenticator.objects.create(user=boss, type=Authenticator.Type.TOTP, data={})
    assert state("second-factors") == "attention"
    assert why("second-factors") == "1 of 2 people on the staff sign in without one."
    Authenticator.objects.create(user=agent, type=Authenticator.Type.WEBAUTHN, data={})
    assert state("second-factors") == "done"


def test_the_groups_that_run_the_portal_need_people(boss, agent):
    assert why("staff-groups") == "Nobody is in: Customer success."
    make_staff("cleo@vendor.example", "Cleo", group="Customer success")
    assert state("staff-groups") == "done"


def test_demo_people_and_a_bare_address_want_attention(settings):
    settings.PORTAL_DEMO, settings.PORTAL_BASE_URL = True, "http://portal.localhost:8000"
    assert (state("demo"), state("address")) == ("attention", "attention")
    settings.PORTAL_DEMO, settings.PORTAL_BASE_URL = False, "https://portal.example"
    assert (state("demo"), state("address")) == ("done", "done")


def test_enough_articles_make_a_help_centre():
    for number in range(9):
        make_article(f"Article {number}")
    assert state("articles") == "open"
    make_article("One more")
    assert state("articles") == "done"


def test_decisions_are_saved_and_counted(signed_in, boss):
    client = signed_in(boss)
    sent = {"go_live_date": "2027-01-11", "target_adoption": "60", "target_deflection": "30"}
    assert client.post(reverse("admin:decide_setup"), sent).status_code == 302
    assert Installation.current().go_live_date == date(2027, 1, 11)
    assert state("go-live") == "done"
    assert why("targets") == "2 of 4 targets are decided."
    refused = client.post(reverse("admin:decide_setup"), sent | {"target_upgrade": "130"})
    assert refused.status_code == 422
    assert 'value="130"' in refused.content.decode()
    assert Installation.current().target_upgrade is None
    client.post(reverse("admin:decide_setup"), sent | {"target_upgrade": "12", "target_renewal": "95"})
    assert state("targets") == "done"
    assert Installation.objects.count() == 1


def test_people_tick_what_no_computer_can_tell(signed_in, boss):
    client, address = signed_in(boss), reverse("admin:tick_setup", args=["brand"])
    assert state("brand") == "open"
    client.post(address, {"note": "Looked at it with Mina"})
    assert (state("brand"), why("brand")) == ("done", "Looked at it with Mina")
    assert SetupTick.objects.get().ticked_by == boss
    assert "Ruth Boss" in client.get(reverse("admin:setup")).content.decode()
    client.post(address, {"undo": "1"})
    assert state("brand") == "open"


def test_what_is_worked_out_cannot_be_ticked(signed_in, boss):
    text = signed_in(boss).get(reverse("admin:setup")).content.decode()
    assert text.count('name="note"') == len([item for item in items() if item.check is None])
    for code in ("stripe", "nonsense"):
        assert signed_in(boss).post(reverse("admin:tick_setup", args=[code])).status_code == 404
    assert not SetupTick.objects.exists()


def test_progress_counts_what_is_done(signed_in, boss):
    done, count = sum(line.is_done for line in lines(NOW)), len(items())
    text = signed_in(boss).get(reverse("admin:setup")).content.decode()
    assert f'max="{count}"' in text
    assert 0 < done < count


@pytest.mark.parametrize("group", StaffGroup)
def test_the_checklist_is_for_administrators_and_revenue_managers(signed_in, group):
    person = make_staff(f"{group.name.lower()}@vendor.example", "Somebody", group=group.value)
    client = signed_in(person)
    may = group in STAFF_TABLE["accounts.view_installation"]
    assert client.get(reverse("admin:setup")).status_code == (200 if may else 403)
    for name, args in (("tick_setup", ["brand"]), ("decide_setup", []), ("test_mail", [])):
        assert client.post(reverse(f"admin:{name}", args=args)).status_code == (302 if may else 403)
        assert client.get(reverse(f"admin:{name}", args=args)).status_code == 405
    assert SetupTick.objects.exists() is may
    assert Installation.objects.exists() is may


def test_customers_and_visitors_do_not_get_in(client, signed_in, admin):
    for visitor in (client, signed_in(admin)):
        for response in (visitor.get(reverse("admin:setup")), visitor.post(reverse("admin:test_mail"))):
            assert response.status_code == 302
            assert "/login/" in response["Location"]
    assert not OutgoingMail.objects.exists()
