"""Staff see the portal as a customer's person does: with a reason, looking only, and never counted as the customer."""

import uuid

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.audit import AuditAction
from accounts.models import Account, Consent, JoinRequest, Membership, TermsAcceptance, User, Viewing
from accounts.models.audit import AuditNote
from cases.models import Case
from tests.accounts.test_terms import make_terms
from tests.factories import make_account, make_member, make_staff
from tracking.models import Event, EventName
from tracking.services import flush_page_views

pytestmark = pytest.mark.django_db

REASON = "Case CS-10482: totals look wrong"


def begin(client, person, **extra):
    address = reverse("admin:view_as", args=[person.memberships.get().public_id])
    return client.post(address, {"reason": REASON} | extra)


@pytest.fixture
def looking(agent, admin, signed_in):
    """The agent's browser, in which the portal is now the administrator's."""
    client = signed_in(agent)
    assert begin(client, admin)["Location"] == "/"
    return client


@pytest.fixture
def acting(agent, admin, signed_in):
    client = signed_in(agent)
    begin(client, admin, is_elevated="on")
    return client


def test_staff_see_what_the_person_sees(looking, agent, admin, acme):
    page = looking.get("/")
    assert page.context["current_account"] == acme
    html = page.content.decode()
    assert "Sam Rivera, you see the portal as Ada Achterberg." in html
    assert "You only look" in html
    assert REASON in html
    visit = Viewing.objects.get()
    assert (visit.staff, visit.person, visit.account, visit.reason) == (agent, admin, acme, REASON)


def test_a_reason_must_be_given(agent, admin, signed_in):
    client = signed_in(agent)
    for reason in ("", "ticket"):
        assert begin(client, admin, reason=reason).status_code == 422
    assert not Viewing.objects.exists()
    assert client.get("/admin/").status_code == 200


def test_nothing_can_be_changed_while_looking(looking, acme, admin):
    case = Case.objects.create(account=acme, opened_by=admin, subject="Scanner")
    for address, body in (
        ("/cases/new/", {"subject": "x", "description": "y", "priority": "normal", "form_key": uuid.uuid4()}),
        (f"{case.get_absolute_url()}close/", {}),
        ("/company/profile/", {"phone": "1", "billing_country": "FR", "time_zone": "Europe/Paris"}),
    ):
        response = looking.post(address, body)
        assert response.status_code == 403, address
        assert "Not while viewing as somebody" in response.content.decode()
    body = {"subject": "x", "description": "y", "priority": "normal", "form_key": str(uuid.uuid4())}
    assert looking.post("/api/v1/cases/", body, content_type="application/json").status_code == 403
    case.refresh_from_db()
    assert case.is_open
    assert Case.objects.count() == 1
    assert Account.objects.get(pk=acme.pk).billing_country == "DE"


@pytest.mark.parametrize(
    "address", ["/accounts/email/", "/accounts/2fa/", "/accounts/password/change/", "/me/notifications/"]
)
def test_what_is_the_persons_own_stays_theirs(looking, acting, address):
    for client in (looking, acting):
        assert client.get(address).status_code == 403


def test_acting_changes_the_company_and_is_staff_on_behalf(acting, agent, admin, acme):
    assert "You may change things" in acting.get("/").content.decode()
    details = {"phone": "+49 40 99", "billing_country": "DE", "time_zone": "Europe/Berlin"}
    assert acting.post("/company/profile/", details).status_code == 302
    assert Account.objects.get(pk=acme.pk).phone == "+49 40 99"
    event = Event.objects.get(name=EventName.PROFILE_CHANGED)
    assert (event.user_id, event.actor_kind, event.on_behalf_of) == (agent.pk, "staff", admin.pk)
    assert not Event.objects.by_customers().filter(name=EventName.PROFILE_CHANGED).exists()
    changed = Account.pgh_event_model.objects.filter(pgh_obj_id=acme.pk).latest("pgh_id")
    context = changed.pgh_context
    assert (context["user_id"], context["on_behalf_of"]) == (agent.pk, admin.pk)


def test_the_persons_words_money_and_security_stay_theirs_even_then(acting, acme, admin):
    body = {"subject": "x", "description": "y", "priority": "normal", "form_key": uuid.uuid4()}
    assert acting.post("/cases/new/", body).status_code == 403
    assert acting.get("/company/domains/").status_code == 403
    assert acting.get("/plans/configure/").status_code in {403, 404}
    assert not Case.objects.exists()


def test_consent_purchase_limits_and_leaving_stay_theirs_even_then(acting, acme, admin, manager):
    make_member(acme, "second@acme.example", "Sabine", roles=["administrator"])
    make_terms(by=manager)
    page = acting.get("/terms/accept/")
    body = {"text_hash": page.context["text_hash"], "accepted": "on"}
    assert acting.post("/terms/accept/", body).status_code == 403
    assert not TermsAcceptance.objects.exists()
    assert acting.post("/company/purchase-limits/", {"buyer": "5"}).status_code == 403
    assert acting.post("/company/people/leave/").status_code == 403
    assert admin.memberships.get().is_active


def test_staff_ask_for_no_other_company_in_the_persons_name(acting, other_admin):
    assert acting.post("/join/", {"email": other_admin.email}).status_code == 403
    assert not JoinRequest.objects.exists()


def test_a_visit_ends_when_the_person_is_kept_out(acting, admin):
    Membership.objects.filter(user=admin).update(is_active=False)
    response = acting.post("/me/privacy/consents/", {"analytics": "on"})
    assert response["Location"].startswith("/accounts/login/")
    assert not Consent.objects.exists()
    assert acting.get("/me/privacy/")["Location"].startswith("/accounts/login/")


def test_looking_counts_as_nobodys_visit(looking, agent, admin, acme):
    Event.objects.all().delete()
    looking.get("/")
    looking.get("/help/")
    flush_page_views()
    assert Membership.objects.get(user=admin).last_seen_at is None
    assert Account.objects.get(pk=acme.pk).first_login_at is None
    seen = Event.objects.for_account(acme.pk)
    assert {(one.user_id, one.actor_kind, one.on_behalf_of) for one in seen} == {(agent.pk, "staff", admin.pk)}
    assert not seen.by_customers().exists()


def test_stopping_leads_back_to_the_admin(looking, agent, acme):
    response = looking.post("/view-as/end/")
    assert response["Location"] == reverse("admin:account_360", args=[acme.pk])
    assert looking.get("/admin/").status_code == 200
    assert looking.get("/admin/").wsgi_request.user == agent
    assert Viewing.objects.get().ended_at
    assert looking.post("/view-as/end/")["Location"] == "/"


def test_begin_and_end_stand_in_the_audit_log(looking, agent, admin, acme):
    looking.post("/view-as/end/")
    notes = AuditNote.objects.filter(account_id=acme.pk, action__startswith="view_as").order_by("pk")
    assert [one.action for one in notes] == [AuditAction.VIEW_AS_BEGUN, AuditAction.VIEW_AS_ENDED]
    assert {(one.actor_id, one.on_behalf_of, one.subject_id) for one in notes} == {(agent.pk, admin.pk, admin.pk)}
    assert notes[0].details["reason"] == REASON


def test_a_visit_ends_when_its_time_is_up(looking, now):
    Viewing.objects.update(expires_at=now)
    response = looking.get("/cases/")
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")
    assert looking.get("/cases/").status_code == 302


def test_a_visit_ends_with_the_permission(looking, agent):
    agent.groups.clear()
    assert looking.get("/cases/")["Location"].startswith("/accounts/login/")


def test_who_may_act_no_longer_only_looks_from_the_next_request_on(acting, agent, acme):
    agent.groups.set([Group.objects.get(name="Sales")])
    details = {"phone": "+49 40 99", "billing_country": "DE", "time_zone": "Europe/Berlin"}
    response = acting.post("/company/profile/", details)
    assert response.status_code == 403
    assert "Not while viewing as somebody" in response.content.decode()
    assert Account.objects.get(pk=acme.pk).phone != "+49 40 99"
    assert "You only look" in acting.get("/").content.decode()
    assert Viewing.objects.get().is_elevated is False
    agent.groups.add(Group.objects.get(name="Support agent"))  # For that it is begun anew.
    assert acting.post("/company/profile/", details).status_code == 403
    agent.groups.clear()
    assert acting.get("/")["Location"].startswith("/accounts/login/")


def test_only_the_company_of_the_visit_is_seen(agent, admin, signed_in):
    other = make_account("Acme Freight Sp. z o.o.")
    second = Membership.objects.create(account=other, user=admin, roles=["administrator"])
    client = signed_in(agent)
    client.post(reverse("admin:view_as", args=[second.public_id]), {"reason": REASON})
    page = client.get("/")
    assert page.context["current_account"] == other
    assert client.post("/company/switch/", {"account": admin.membership.account.public_id}).status_code in {403, 404}
    assert client.get("/", {"company": admin.membership.account.public_id}).status_code == 404


def test_staff_are_never_viewed(agent, manager, acme, signed_in):
    member = Membership.objects.create(account=acme, user=manager, roles=["viewer"])
    client = signed_in(agent)
    response = client.post(reverse("admin:view_as", args=[member.public_id]), {"reason": REASON})
    assert response.status_code == 404
    User.objects.filter(pk=manager.pk).update(is_staff=False, is_superuser=True)
    assert client.post(reverse("admin:view_as", args=[member.public_id]), {"reason": REASON}).status_code == 404
    assert not Viewing.objects.exists()


def test_somebody_who_cannot_come_in_is_not_viewed(agent, admin, signed_in):
    member = admin.memberships.get()
    Membership.objects.update(is_active=False)
    response = signed_in(agent).post(reverse("admin:view_as", args=[member.public_id]), {"reason": REASON})
    assert response.status_code == 404


def test_who_may_look_may_not_always_act(admin, signed_in):
    client = signed_in(make_staff("sales@vendor.example", "Sol Sales", group="Sales"))
    begin(client, admin, is_elevated="on")
    assert Viewing.objects.get().is_elevated is False


def test_it_needs_a_fresh_proof_of_who_asks(agent, admin, signed_in):
    client = signed_in(agent, confirmed=False)
    response = begin(client, admin)
    assert response.status_code == 302
    assert "reauthenticate" in response["Location"]
    assert not Viewing.objects.exists()


def test_in_production_it_needs_the_staffs_second_factor(agent, admin, signed_in, settings):
    settings.PRODUCTION = True
    response = begin(signed_in(agent), admin)
    assert response.status_code == 403
    assert "second factor" in response.content.decode()
    assert not Viewing.objects.exists()


@pytest.mark.parametrize("group", ["Finance", "Marketing", "Executive"])
def test_other_groups_may_not(group, admin, signed_in):
    client = signed_in(make_staff("other@vendor.example", "Oda Other", group=group))
    assert begin(client, admin).status_code == 403
    assert not Viewing.objects.exists()


def test_customers_and_visitors_may_not(admin, member, client, signed_in):
    for browser in (signed_in(admin), client):
        assert begin(browser, member)["Location"].startswith(("/admin/login/", "/accounts/login/"))
    assert not Viewing.objects.exists()


def test_a_session_of_ones_own_has_no_banner(admin, signed_in):
    assert "you see the portal as" not in signed_in(admin).get("/").content.decode()


def test_a_colleague_of_another_company_is_as_little_seen_as_by_the_person(looking, globex):
    stranger = make_member(globex, "x@globex.example", "Xenia", roles=["administrator"])
    case = Case.objects.create(account=globex, opened_by=stranger, subject="Hidden")
    assert looking.get(case.get_absolute_url()).status_code == 404
