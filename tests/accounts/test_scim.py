"""A company's directory keeps its people over SCIM: the RFC's own examples, and what a directory must never do."""

import json

import pytest
from django.test import Client

from accounts.models import Domain, Entitlement, Membership, ScimGroup, ScimToken, ScimUser, User
from accounts.provisioning import issue_token
from tests.factories import make_member

pytestmark = pytest.mark.django_db

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

# RFC 7643, section 8.3, shortened to attributes that say something about a member of a company.
BJENSEN = {
    "schemas": [CORE, ENTERPRISE],
    "externalId": "701984",
    "userName": "bjensen@example.com",
    "name": {
        "formatted": "Ms. Barbara J Jensen, III",
        "familyName": "Jensen",
        "givenName": "Barbara",
        "middleName": "Jane",
        "honorificPrefix": "Ms.",
        "honorificSuffix": "III",
    },
    "displayName": "Babs Jensen",
    "nickName": "Babs",
    "profileUrl": "https://login.example.com/bjensen",
    "emails": [
        {"value": "bjensen@example.com", "type": "work", "primary": True},
        {"value": "babs@jensen.org", "type": "home"},
    ],
    "addresses": [
        {
            "streetAddress": "100 Universal City Plaza",
            "locality": "Hollywood",
            "region": "CA",
            "postalCode": "91608",
            "country": "US",
            "formatted": "100 Universal City Plaza\nHollywood, CA 91608 USA",
            "type": "work",
            "primary": True,
        }
    ],
    "phoneNumbers": [{"value": "tel:+1-555-555-5555", "type": "work"}],
    "userType": "Employee",
    "title": "Tour Guide",
    "preferredLanguage": "en-US",
    "locale": "en-US",
    "timezone": "America/Los_Angeles",
    "active": True,
    "password": "t1meMa$heen",
    ENTERPRISE: {
        "employeeNumber": "701984",
        "costCenter": "4130",
        "organization": "Universal Studios",
        "division": "Theme Park",
        "department": "Tour Operations",
    },
}


def connected(account, domain, now):
    """A company with directory sync, a verified domain, and the client of its directory."""
    Entitlement.objects.create(account=account, code="sso", start_date=now.date(), source="test")
    Domain.objects.create(account=account, name=domain, verified_at=now, verified_how="dns")
    boss = Membership.objects.filter(account=account).first().user
    secret = issue_token(account=account, by=boss, actor=boss.memberships.get().actor(), now=now)
    return Directory(secret)


class Directory:
    def __init__(self, secret):
        self.headers = {"Authorization": f"Bearer {secret}"}
        self.client = Client(headers=self.headers)

    def ask(self, method, path, body=None):
        options = {} if body is None else {"data": body, "content_type": "application/scim+json"}
        return getattr(self.client, method)(f"/scim/v2/{path}", **options)

    def create(self, **changed):
        return self.ask("post", "Users", BJENSEN | changed)

    def patch(self, path, *operations):
        return self.ask("patch", path, {"schemas": [PATCH], "Operations": list(operations)})

    def group(self, name, *members):
        body = {"schemas": [GROUP], "displayName": name, "members": [{"value": one} for one in members]}
        response = self.ask("post", "Groups", body)
        assert response.status_code == 201, response.content
        return response.json()["id"]


@pytest.fixture
def directory(admin, acme, now):
    import time_machine

    with time_machine.travel(now, tick=False):
        yield connected(acme, "example.com", now)


def refused(response, status, scim_type=None):
    """An error in the protocol's own form."""
    error = response.json()
    assert response.status_code == status, error
    assert response["Content-Type"] == "application/scim+json"
    assert error["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert error["status"] == str(status)
    assert error.get("scimType") == scim_type
    assert error["detail"]
    return error["detail"]


# People


def test_the_rfcs_user_becomes_a_member(directory, acme):
    response = directory.create()
    assert response.status_code == 201, response.content
    answer = response.json()
    member = Membership.objects.get(public_id=answer["id"])
    assert response["Location"] == answer["meta"]["location"].strip()
    assert answer["meta"]["location"].endswith(f"/scim/v2/Users/{member.public_id}")
    assert (member.account, member.roles, member.is_active) == (acme, ["viewer"], True)
    assert member.department == "Tour Operations"
    person = member.user
    assert (person.email, person.name) == ("bjensen@example.com", "Ms. Barbara J Jensen, III")
    assert (person.job_title, person.phone) == ("Tour Guide", "tel:+1-555-555-5555")
    assert not person.has_usable_password()


def test_what_was_sent_comes_back_but_never_a_password(directory):
    public_id = directory.create().json()["id"]
    answer = directory.ask("get", f"Users/{public_id}").json()
    assert "password" not in answer
    assert "t1meMa" not in str(ScimUser.objects.get().document)
    for name in ("userName", "externalId", "name", "nickName", "addresses", "emails", "locale", "active", ENTERPRISE):
        assert answer[name] == BJENSEN[name], name


def test_a_new_person_can_sign_in_by_a_mailed_code(directory, client):
    directory.create()
    response = client.post("/accounts/login/code/", {"email": "bjensen@example.com"})
    assert response.status_code == 302


def test_the_same_person_twice_is_a_conflict(directory):
    directory.create()
    before = User.objects.count()
    refused(directory.create(), 409, "uniqueness")
    assert User.objects.count() == before


def test_a_user_without_an_address_is_refused_with_what_is_missing(directory):
    """RFC 7644, section 3.3: its example names nobody's address, and the portal reaches people by theirs."""
    body = {"schemas": [CORE], "userName": "bjensen", "externalId": "bjensen", "name": {"formatted": "Ms. B Jensen"}}
    assert "e-mail address" in refused(directory.ask("post", "Users", body), 400, "invalidValue")
    assert not ScimUser.objects.exists()


def test_an_address_outside_the_verified_domains_is_refused(directory):
    emails = [{"value": "bjensen@elsewhere.example", "primary": True}]
    detail = refused(directory.create(userName="bjensen@elsewhere.example", emails=emails), 400, "invalidValue")
    assert "verified" in detail
    assert not User.objects.filter(email__contains="bjensen").exists()


def test_the_vendors_staff_are_never_made_members(directory, agent):
    User.objects.filter(pk=agent.pk).update(email="sam@example.com")
    emails = [{"value": "sam@example.com"}]
    refused(directory.create(userName="sam@example.com", emails=emails), 409, "uniqueness")
    assert not agent.memberships.exists()


def test_a_person_of_another_company_gets_a_second_membership(directory, acme, globex):
    person = make_member(globex, "bjensen@example.com", "Barbara Jensen", roles=["billing"])
    directory.create()
    assert {one.account: one.roles for one in person.memberships.all()} == {acme: ["viewer"], globex: ["billing"]}


def test_a_directory_cannot_take_over_somebody_invited_from_elsewhere(directory, acme, globex):
    """An address of the company's own domain would let its administrator sign in as them, in all their companies."""
    person = make_member(globex, "gus@globex.example", "Gus Okafor", roles=["administrator"])
    guest = Membership.objects.create(account=acme, user=person, roles=["viewer"])
    change = {"op": "replace", "path": "emails", "value": [{"value": "gus@example.com", "primary": True}]}
    assert "only the person" in refused(directory.patch(f"Users/{guest.public_id}", change), 400, "invalidValue")
    taken = BJENSEN | {"userName": "gus@example.com", "emails": [{"value": "gus@example.com", "primary": True}]}
    refused(directory.ask("put", f"Users/{guest.public_id}", taken), 400, "invalidValue")
    without = {"schemas": [CORE], "userName": "gus", "displayName": "Somebody Else", "title": "Nobody"}
    assert directory.ask("put", f"Users/{guest.public_id}", without).status_code == 200
    person.refresh_from_db()
    assert (person.email, person.name, person.job_title) == ("gus@globex.example", "Gus Okafor", "")
    assert not person.emailaddress_set.filter(email="gus@example.com").exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"nickName": "a\x00b"},
        {"displayName": "half a pair \ud800"},
        {"nickName": float("nan")},
        {"externalId": "x" * 255},
        {"userName": "x" * 255},
        {"emails": [{"value": "x" * 255 + "@example.com", "primary": True}]},
        {"emails": [{"value": "not an address<@example.com", "primary": True}]},
    ],
)
def test_what_cannot_be_kept_is_refused(directory, changed):
    body = json.dumps(BJENSEN | changed)
    response = directory.client.post("/scim/v2/Users", body, content_type="application/scim+json")
    assert response.status_code == 400, response.content
    assert not ScimUser.objects.exists()


def test_a_body_of_a_hundred_thousand_brackets_is_refused(directory):
    response = directory.client.post("/scim/v2/Users", "[" * 100_000, content_type="application/scim+json")
    refused(response, 400, "invalidSyntax")


def test_a_page_beyond_all_numbers_is_empty(directory):
    assert directory.ask("get", "Users?startIndex=99999999999999999999").json().get("Resources", []) == []


def test_a_group_with_an_endless_name_is_refused(directory):
    refused(directory.ask("post", "Groups", {"schemas": [GROUP], "displayName": "x" * 255}), 400, "invalidValue")


def test_replacing_changes_what_differs(directory):
    public_id = directory.create().json()["id"]
    wanted = BJENSEN | {"title": "Head of tours", "emails": [{"value": "barbara@example.com", "primary": True}]}
    answer = directory.ask("put", f"Users/{public_id}", wanted | {"id": public_id}).json()
    assert answer["title"] == "Head of tours"
    person = User.objects.get(email="barbara@example.com")
    assert person.emailaddress_set.get(primary=True).email == "barbara@example.com"


@pytest.mark.parametrize("value", [False, "False"])
def test_a_patch_deactivates_and_reactivates(directory, value):
    """Entra sends the word."""
    public_id = directory.create().json()["id"]
    answer = directory.patch(f"Users/{public_id}", {"op": "Replace", "path": "active", "value": value})
    assert answer.status_code == 200, answer.content
    assert answer.json()["active"] is False
    assert not Membership.objects.get(public_id=public_id).is_active
    directory.patch(f"Users/{public_id}", {"op": "replace", "value": {"active": True}})
    assert Membership.objects.get(public_id=public_id).is_active


def test_the_rfcs_patch_adds_an_address_and_a_nickname(directory):
    """RFC 7644, section 3.5.2.1."""
    public_id = directory.create().json()["id"]
    value = {"emails": [{"value": "babs@example.com", "type": "home"}], "nickname": "Babsy"}
    answer = directory.patch(f"Users/{public_id}", {"op": "add", "value": value}).json()
    assert answer["nickName"] == "Babsy"
    assert "babs@example.com" in [email["value"] for email in answer["emails"]]
    assert User.objects.filter(email="bjensen@example.com").exists()  # The primary address stays the one to sign in.


def test_the_rfcs_patch_replaces_a_street(directory):
    """RFC 7644, section 3.5.2.3."""
    public_id = directory.create().json()["id"]
    path = 'addresses[type eq "work"].streetAddress'
    answer = directory.patch(f"Users/{public_id}", {"op": "replace", "path": path, "value": "1010 Broadway Ave"}).json()
    assert answer["addresses"][0]["streetAddress"] == "1010 Broadway Ave"


def test_a_patch_of_what_cannot_be_changed_is_refused(directory):
    public_id = directory.create().json()["id"]
    operation = {"op": "replace", "path": "id", "value": "another"}
    refused(directory.patch(f"Users/{public_id}", operation), 400, "mutability")


def test_the_deleted_are_gone_for_the_directory_and_kept_for_the_company(directory):
    public_id = directory.create().json()["id"]
    assert directory.ask("delete", f"Users/{public_id}").status_code == 204
    refused(directory.ask("get", f"Users/{public_id}"), 404)
    assert directory.ask("get", 'Users?filter=userName eq "bjensen@example.com"').json()["totalResults"] == 0
    member = Membership.objects.get(public_id=public_id)
    assert not member.is_active
    again = directory.create()
    assert (again.status_code, again.json()["id"]) == (201, public_id)
    member.refresh_from_db()
    assert member.is_active


def test_the_name_of_somebody_deleted_is_free_again(directory):
    """RFC 7644, 3.6: what is gone is in nobody's way."""
    public_id = directory.create().json()["id"]
    directory.ask("delete", f"Users/{public_id}")
    address = {"value": "barbara.jensen@example.com", "type": "work", "primary": True}
    answer = directory.create(emails=[address])
    assert (answer.status_code, answer.json()["userName"]) == (201, "bjensen@example.com")
    assert answer.json()["id"] != public_id


def test_somebody_whose_address_is_another_ones_name_can_be_deleted(directory, acme):
    make_member(acme, "bjensen@example.com", "Barbara", roles=["viewer"])
    directory.create(emails=[{"value": "other@example.com", "type": "work", "primary": True}])
    barbara = Membership.objects.get(user__email="bjensen@example.com")
    assert directory.ask("delete", f"Users/{barbara.public_id}").status_code == 204
    barbara.refresh_from_db()
    assert not barbara.is_active


def test_the_last_administrator_stays(directory, admin):
    member = admin.memberships.get()
    detail = refused(directory.ask("delete", f"Users/{member.public_id}"), 409)
    assert "last administrator" in detail
    operation = {"op": "replace", "path": "active", "value": False}
    Domain.objects.create(
        account=member.account, name="acme.example", verified_at=member.created_at, verified_how="dns"
    )
    refused(directory.patch(f"Users/{member.public_id}", operation), 409)
    member.refresh_from_db()
    assert member.is_active
    assert member.may_come_in


# Finding


def test_people_are_found_by_what_directories_ask(directory, admin):
    public_id = directory.create().json()["id"]
    for wanted in (
        'userName eq "BJENSEN@example.com"',
        'externalId eq "701984"',
        'emails.value eq "bjensen@example.com"',
        'emails[type eq "work" and value co "bjensen"]',
        'name.familyName sw "Jen" and active eq true',
        f'{ENTERPRISE}:department eq "Tour Operations"',
        'title pr and not (userName eq "admin@acme.example")',
    ):
        answer = directory.ask("get", f"Users?filter={wanted.replace(' ', '%20')}").json()
        assert [one["id"] for one in answer["Resources"]] == [public_id], wanted
    everybody = directory.ask("get", "Users").json()
    assert everybody["totalResults"] == 2
    assert admin.email in [one["userName"] for one in everybody["Resources"]]


def test_a_search_may_come_as_a_post(directory):
    directory.create()
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": 'userName eq "bjensen@example.com"',
        "attributes": ["userName"],
    }
    found = directory.ask("post", "Users/.search", body).json()["Resources"]
    assert [set(one) for one in found] == [{"schemas", "id", "userName"}]


def test_pages_are_cut_by_start_and_count(directory, acme):
    for number in range(5):
        make_member(acme, f"person{number}@example.com", f"Person {number}", roles=["viewer"])
    answer = directory.ask("get", "Users?startIndex=3&count=2&sortBy=userName&sortOrder=descending").json()
    assert (answer["totalResults"], answer["itemsPerPage"], answer["startIndex"]) == (6, 2, 3)
    assert [one["userName"] for one in answer["Resources"]] == ["person2@example.com", "person1@example.com"]
    plain = directory.ask("get", "Users?startIndex=6&count=2").json()
    assert len(plain["Resources"]) == 1


@pytest.mark.parametrize("wanted", ["userName eq", 'nothing eq "x"', "userName eq eq", "(" * 300])
def test_a_filter_that_says_nothing_is_refused(directory, wanted):
    refused(directory.client.get("/scim/v2/Users", {"filter": wanted}), 400, "invalidFilter")


@pytest.mark.parametrize("text", [r"a\u0000b", r"\ud800"])
@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_a_filter_for_what_is_no_text_is_refused(directory, kind, text):
    for attribute in ("externalId", "userName" if kind == "Users" else "displayName"):
        answer = directory.client.get(f"/scim/v2/{kind}", {"filter": f'{attribute} eq "{text}"'})
        refused(answer, 400, "invalidFilter")


def test_asking_for_many_people_costs_few_queries(directory, acme, django_assert_max_num_queries):
    for number in range(40):
        make_member(acme, f"person{number}@example.com", f"Person {number}", roles=["viewer"])
    with django_assert_max_num_queries(12):
        assert directory.ask("get", "Users").json()["totalResults"] == 41


# Groups


def test_a_groups_roles_come_and_go_with_it(directory, admin, acme, signed_in):
    public_id = directory.create().json()["id"]
    group_id = directory.group("Buyers", public_id)
    group = ScimGroup.objects.get(public_id=group_id)
    assert Membership.objects.get(public_id=public_id).roles == ["viewer"]
    address = f"/company/provisioning/groups/{group_id}/"
    assert signed_in(admin).post(address, {"roles": ["buyer", "billing"]}).status_code == 302
    assert Membership.objects.get(public_id=public_id).roles == ["buyer", "billing"]
    other = directory.create(userName="x@example.com", emails=[{"value": "x@example.com"}]).json()["id"]
    directory.patch(f"Groups/{group_id}", {"op": "add", "path": "members", "value": [{"value": other}]})
    assert Membership.objects.get(public_id=other).roles == ["buyer", "billing"]
    directory.patch(f"Groups/{group_id}", {"op": "remove", "path": f'members[value eq "{public_id}"]'})
    assert Membership.objects.get(public_id=public_id).roles == ["viewer"]
    assert [one.public_id.hex for one in group.members.all()] == [other.replace("-", "")]
    assert directory.ask("delete", f"Groups/{group_id}").status_code == 204
    assert Membership.objects.get(public_id=other).roles == ["viewer"]


def test_a_group_that_gives_no_roles_takes_none(directory, admin):
    member = admin.memberships.get()
    directory.group("Everybody", str(member.public_id))
    member.refresh_from_db()
    assert member.roles == ["administrator"]


def test_roles_that_would_leave_no_administrator_are_refused(directory, admin, signed_in):
    member = admin.memberships.get()
    group_id = directory.group("Everybody", str(member.public_id))
    response = signed_in(admin).post(f"/company/provisioning/groups/{group_id}/", {"roles": ["viewer"]})
    assert response.status_code == 409
    member.refresh_from_db()
    assert member.roles == ["administrator"]
    assert ScimGroup.objects.get().roles == []


def test_the_rfcs_group_patches(directory):
    """RFC 7644, sections 3.5.2.1 to 3.5.2.3: add a member, remove one, remove all, replace all."""
    babs = directory.create().json()["id"]
    james = directory.create(userName="james@example.com", emails=[{"value": "james@example.com"}]).json()["id"]
    group_id = directory.group("Tour Guides", babs)

    def members():
        return {one["value"] for one in directory.ask("get", f"Groups/{group_id}").json().get("members", [])}

    directory.patch(
        f"Groups/{group_id}", {"op": "add", "path": "members", "value": [{"display": "James", "value": james}]}
    )
    assert members() == {babs, james}
    directory.patch(f"Groups/{group_id}", {"op": "remove", "path": f'members[value eq "{babs}"]'})
    assert members() == {james}
    directory.patch(f"Groups/{group_id}", {"op": "replace", "path": "members", "value": [{"value": babs}]})
    assert members() == {babs}
    directory.patch(f"Groups/{group_id}", {"op": "remove", "path": "members"})
    assert members() == set()


def test_a_group_of_strangers_is_refused(directory, other_admin):
    stranger = str(other_admin.memberships.get().public_id)
    body = {"schemas": [GROUP], "displayName": "Strangers", "members": [{"value": stranger}]}
    refused(directory.ask("post", "Groups", body), 400, "invalidValue")
    assert not ScimGroup.objects.exists()


def test_two_groups_of_one_name_are_a_conflict(directory):
    directory.group("Tour Guides")
    refused(directory.ask("post", "Groups", {"schemas": [GROUP], "displayName": "tour guides"}), 409, "uniqueness")


# Discovery


def test_a_service_says_what_it_can(client):
    config = client.get("/scim/v2/ServiceProviderConfig").json()
    assert (config["patch"]["supported"], config["bulk"]["supported"]) == (True, False)
    types = client.get("/scim/v2/ResourceTypes").json()["Resources"]
    assert {one["endpoint"] for one in types} == {"/Users", "/Groups"}
    assert client.get(f"/scim/v2/Schemas/{ENTERPRISE}").json()["id"] == ENTERPRISE
    refused(client.get("/scim/v2/Schemas/urn:none"), 404)
    refused(client.get('/scim/v2/Schemas?filter=id eq "x"'), 403)


# What the portal knows better than a directory: whether somebody may come in is never unsaid, and a group's members
# are shown under their own names.
OURS = (
    "check_remove_attribute: PATCH modify() did not remove attribute 'active'",
    "check_add_attribute: PATCH modify() returned unexpected value for 'members'",
    "check_replace_attribute: PATCH modify() returned unexpected value for 'members'",
)


@pytest.fixture
def wsgi():
    """The application without what ends a request's connection: it is the test's own, as in Django's client."""
    from django.core.signals import request_finished, request_started
    from django.core.wsgi import get_wsgi_application
    from django.db import close_old_connections

    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield get_wsgi_application()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def test_an_independent_checker_finds_nothing(directory, wsgi, monkeypatch):
    """scim2-tester, which we did not write, goes through every attribute and operation of what discovery promises."""
    from scim2_client.engines.wsgi import WSGISCIMClient
    from scim2_tester import Status, check_server, filling

    made = filling.generate_random_value

    def of_our_domain(context, path, *args, **kwargs):
        """People here have an address of a verified domain: what a schema cannot say."""
        value = made(context, path, *args, **kwargs)
        if isinstance(value, str) and (str(path).lower().endswith("username") or "@" in value):
            return f"{value.partition('@')[0]}@example.com"
        return value

    monkeypatch.setattr(filling, "generate_random_value", of_our_domain)
    client = WSGISCIMClient(wsgi, base_url="http://portal.localhost:8000/scim/v2", headers=directory.headers)
    results = check_server(client)
    assert len(results) > 40
    failed = [f"{one.title}: {one.reason}" for one in results if one.status not in {Status.SUCCESS, Status.SKIPPED}]
    assert [line for line in failed if not line.startswith(OURS)] == []


# Whose directory it is


def test_without_a_valid_token_nothing_is_said(directory, admin, acme, client):
    before = ScimToken.objects.get()
    for headers in ({}, {"Authorization": "Bearer scim_wrong"}, {"Authorization": "Basic YTpi"}):
        response = client.get("/scim/v2/Users", headers=headers)
        refused(response, 401)
        assert response["WWW-Authenticate"].startswith("Bearer")
    ScimToken.objects.filter(pk=before.pk).update(revoked_at=before.created_at)
    refused(directory.create(), 401)
    assert not ScimUser.objects.exists()


def test_a_signed_in_administrator_is_no_directory(admin, signed_in):
    refused(signed_in(admin).get("/scim/v2/Users"), 401)


def test_another_companys_directory_finds_nothing(directory, globex, other_admin, now):
    other = connected(globex, "globex.example", now)
    public_id = directory.create().json()["id"]
    group_id = directory.group("Tour Guides", public_id)
    for path in (f"Users/{public_id}", f"Groups/{group_id}"):
        refused(other.ask("get", path), 404)
        refused(other.ask("delete", path), 404)
        refused(other.patch(path, {"op": "replace", "path": "displayName", "value": "x"}), 404)
    assert other.ask("get", "Users").json()["totalResults"] == 1
    assert other.ask("get", "Groups").json()["totalResults"] == 0
    assert directory.ask("get", f"Users/{public_id}").status_code == 200


def test_a_contract_without_it_ends_it(directory, acme):
    Entitlement.objects.filter(account=acme).delete()
    refused(directory.create(), 403)


@pytest.mark.parametrize("body", ["{", "[]", '"x"', "null", '{"schemas": []}', '{"userName": 5}'])
def test_a_body_that_is_no_user_is_refused(directory, body):
    response = directory.client.post("/scim/v2/Users", body, content_type="application/scim+json")
    assert response.status_code == 400
    refused(response, 400, response.json().get("scimType"))


def test_what_is_not_offered_says_so(directory):
    refused(directory.ask("get", "Me"), 501)
    refused(directory.ask("put", "Users", {}), 405)
    refused(directory.ask("get", "Users/not-an-id"), 404)


# The page


def test_a_token_is_shown_once(admin, acme, now, signed_in):
    Entitlement.objects.create(account=acme, code="sso", start_date=now.date(), source="test")
    client = signed_in(admin)
    page = client.post("/company/provisioning/tokens/")
    token = ScimToken.objects.get()
    assert f"{token.hint}</code>" in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert "scim_" not in client.get("/company/provisioning/").content.decode()
    client.post("/company/provisioning/tokens/")
    client.post("/company/provisioning/tokens/")
    assert ScimToken.objects.count() == 2
    client.post(f"/company/provisioning/tokens/{token.public_id}/revoke/")
    token.refresh_from_db()
    assert token.revoked_at


def test_a_company_without_it_is_told_where_to_get_it(admin, signed_in):
    client = signed_in(admin)
    assert "add-on" in client.get("/company/provisioning/").content.decode()
    assert client.post("/company/provisioning/tokens/").status_code == 403
    assert not ScimToken.objects.exists()


def test_another_companys_token_and_group_are_not_there(directory, other_admin, signed_in):
    group_id = directory.group("Tour Guides")
    client = signed_in(other_admin)
    token = ScimToken.objects.get()
    assert client.post(f"/company/provisioning/tokens/{token.public_id}/revoke/").status_code == 404
    assert client.post(f"/company/provisioning/groups/{group_id}/", {"roles": ["buyer"]}).status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None
    assert ScimGroup.objects.get().roles == []


def test_a_viewer_may_not(viewer, signed_in):
    client = signed_in(viewer)
    assert client.get("/company/provisioning/").status_code == 403
    assert client.post("/company/provisioning/tokens/").status_code == 403


def test_visitors_sign_in_first(client, db):
    assert client.get("/company/provisioning/")["Location"].startswith("/accounts/login/")
