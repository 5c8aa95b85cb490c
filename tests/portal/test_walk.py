"""Nobody reaches another company's rows: every address, with every kind of visitor.

Each address is asked first as its owner, who must succeed: without that, a refusal would prove nothing. Then come
another company's administrator, every role that may not, staff, and visitors; ids in bodies and query strings count.
Whoever is refused leaves every table as it was, and reads nothing that only the owner may read.
"""

import re
from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from django.contrib import admin
from django.db import connection
from django.urls import reverse

from accounts.admin.mail import TELLS_AMOUNTS
from accounts.models import OutgoingMail
from accounts.permissions import CUSTOMER_TABLE, STAFF_TABLE, StaffGroup
from accounts.tenancy import TABLES
from tests.pages import ELSEWHERE, INVENTORY, Audience, patterns
from tests.pages.letters import Letter
from tests.world import PEOPLE, client_of, undone

# The API's own description of itself, which reads no rows, answers every method alike.
ANY_METHOD = {"api:api-root", "api:openapi-json"}
pytestmark = pytest.mark.usefixtures("in_the_world")

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SIGN_IN = "/accounts/login/"
# What a refused request may write: its session.
WATCHED = TABLES.keys() - {"django_session"}


@pytest.fixture
def probes(record_property):
    """Counts what is asked; the numbers stand in the summary of the run."""
    counter = Counter()
    yield counter
    record_property("walk", dict(counter))


def writes():
    """How many rows of each table this transaction has inserted, updated or deleted, what was taken back included.

    PostgreSQL counts them anyway. Partitions count for the table that they are part of.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(pg_partition_root(oid), oid)::regclass::text,
                   sum(pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)
                       + pg_stat_get_xact_tuples_deleted(oid))
            FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace GROUP BY 1
            """
        )
        return {name: count for name, count in cursor.fetchall() if name in WATCHED}


def written_since(before):
    after = writes()
    return sorted(name for name in after if before[name] != after[name])


def text_of(response):
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return content.decode(errors="replace")


def leaks(response, owner):
    """What of the owner's the answer holds. Whoever was refused is told the address asked for at most."""
    text = text_of(response)
    inside = [found for found in owner.texts if found in text]  # Few are, and looking for them is quick.
    return [found for found in inside if re.search(rf"(?<![\w-]){re.escape(found)}(?![\w-])", text)]


def is_refusal(response, entry):
    if entry.audience is Audience.API and response.status_code == 401:
        return True
    return response.status_code == 302 and response["Location"].startswith(SIGN_IN)


def names(pages):
    return [entry.id for entry in pages]


# The inventory is complete.


def test_every_address_has_an_entry():
    missing = {name for name, _route in patterns()} - {entry.name for entry in INVENTORY}
    assert not missing, f"addresses without an entry in tests/pages/: {', '.join(sorted(missing))}"


def test_every_entry_has_an_address():
    left = {entry.name for entry in INVENTORY} - {name for name, _route in patterns()}
    assert not left, f"entries of tests/pages/ without an address: {', '.join(sorted(left))}"


def test_what_is_walked_elsewhere_is_still_there():
    from django.urls import get_resolver

    routes = [str(entry.pattern) for entry in get_resolver().url_patterns]
    assert [prefix for prefix in ELSEWHERE if prefix not in routes] == []


def test_no_two_entries_are_the_same():
    assert [entry for entry, count in Counter(names(INVENTORY)).items() if count > 1] == []


BY_NAME = {entry.name: entry for entry in reversed(INVENTORY)}


@pytest.fixture(scope="module")
def entered(world, django_db_blocker):
    """The methods that have an entry, by address: one of the API answers several methods under several names."""
    methods = defaultdict(set)
    with django_db_blocker.unblock():
        for entry in INVENTORY:
            methods[entry.url(world.acme)].add(entry.method)
    return methods


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_an_address_answers_no_method_without_an_entry(world, entered, name):
    """So that a second method of a page is walked as well."""
    entry = BY_NAME[name]
    user = world.superuser if entry.audience is Audience.STAFF else world.acme.administrator
    url = entry.url(world.acme)
    for method in METHODS:
        if method not in entered[url] and name not in ANY_METHOD:
            with undone():
                response = Letter(method, url, {}).send(user)
            assert response.status_code == 405, f"{name} answers {method} with {response.status_code}"


# The walk.


def owners(entry, world):
    """Somebody who must succeed."""
    if entry.audience is Audience.STAFF:
        return world.staff[StaffGroup.REVENUE_MANAGER]
    return world.acme.administrator


@pytest.fixture
def asked(world, probes):
    """Ask, and hold the answer against what must come: `asked(entry, user, status=404)`."""

    def ask_about(entry, user, *, refused=True, expect=None, **options):
        letter = Letter.about(entry, world.acme)
        before = writes()
        with undone():
            response = letter.send(user, **options)
            moved = written_since(before) if refused else []
            found = leaks(response, world.acme) if refused else []
        if response.status_code == 403:  # That it was refused is written in the audit log, and nothing else.
            moved = [name for name in moved if name != "accounts_auditnote"]
        probes["asked"] += 1
        if refused:
            probes["leaked"] += bool(moved or found or not expect(response))
            assert expect(response), f"{entry.id} answers {response.status_code} {response.headers.get('Location', '')}"
            assert not found, f"{entry.id} shows {found}"
            assert not moved, f"{entry.id} was refused and wrote to {moved}"
        return response

    return ask_about


def status_is(*statuses):
    return lambda response: response.status_code in statuses


@pytest.mark.parametrize("entry", INVENTORY, ids=names(INVENTORY))
def test_the_owner_succeeds(world, asked, ready, entry):
    with undone():
        ready(entry)
        letter = Letter.about(entry, world.acme)
        before = writes()
        with undone():
            response = letter.send(owners(entry, world))
            moved, text = written_since(before), text_of(response)
        assert response.status_code == entry.status, f"{response.status_code}: {text[:2000]}"
        if entry.status == 302 and entry.audience is not Audience.EVERYBODY:
            assert not response["Location"].startswith(SIGN_IN)
        for what, value in entry.shows(world.acme).items():
            assert str(value) in text, f"no {what} ({value}) on {entry.id}"
        assert bool(moved) == entry.does_change, f"wrote to: {moved}"


ROWS = [entry for entry in INVENTORY if entry.names_row]


@pytest.mark.parametrize("entry", ROWS, ids=names(ROWS))
def test_another_company_s_administrator_finds_nothing_there(world, asked, ready, entry):
    with undone():
        ready(entry)
        asked(entry, world.globex.administrator, expect=status_is(404))


LISTS = [entry for entry in INVENTORY if not entry.names_row and entry.audience in (Audience.CUSTOMERS, Audience.API)]


@pytest.mark.parametrize("entry", LISTS, ids=names(LISTS))
def test_another_company_s_administrator_sees_and_changes_only_their_own(world, ready, probes, entry):
    with undone():
        ready(entry)
        letter = Letter.about(entry, world.globex)
        before, all_before = own_rows(world.acme), writes()
        with undone():
            response = letter.send(world.globex.administrator)
            found = leaks(response, world.acme)
            moved = moved_of(world.acme, before, written_since(all_before))
    probes["asked"] += 1
    probes["leaked"] += bool(found or moved)
    assert response.status_code == entry.status
    assert not found
    assert not moved


FOREIGN = [(entry, foreign) for entry in INVENTORY for foreign in entry.foreign]


@pytest.mark.parametrize(
    ("entry", "foreign"), FOREIGN, ids=[f"{entry.id}, {foreign.what}" for entry, foreign in FOREIGN]
)
def test_ids_of_another_company_in_bodies_and_queries_lead_nowhere(world, ready, probes, entry, foreign):
    """Globex's administrator, on a page of their own, names rows of Acme."""
    with undone():
        ready(entry)
        letter = Letter.about(entry, world.globex, query=foreign.query(world.acme), body=foreign.body(world.acme))
        before, all_before = own_rows(world.acme), writes()
        with undone():
            response = letter.send(world.globex.administrator)
            moved = written_since(all_before)
            found = leaks(response, replace(world.acme, texts=unsent(world.acme, foreign)))
            touched = moved_of(world.acme, before, moved)
        probes["asked"] += 1
        probes["leaked"] += bool(found or touched)
        assert response.status_code == foreign.status
        assert not found
        assert not touched
        assert foreign.changes or not moved, f"wrote to {moved}"


def unsent(company, foreign):
    """Texts of the company that the request itself did not name: a form may come back as it was sent."""
    sent = " ".join(str(value) for part in (foreign.query, foreign.body) for value in part(company).values())
    return [text for text in company.texts if text not in sent]


OWNED = {name: rule.column for name, rule in sorted(TABLES.items()) if getattr(rule, "column", "")}


def own_rows(company, tables=OWNED):
    """A digest of what the company has in the tables."""
    digests = " UNION ALL ".join(
        f"SELECT '{name}', md5(coalesce(string_agg(row::text, '|' ORDER BY row::text), '')) "
        f"FROM {name} row WHERE {OWNED[name]} = {company.account.pk}"
        for name in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(digests)
        return dict(cursor.fetchall())


def moved_of(company, before, written):
    """Which of the written tables hold other rows of the company than before."""
    owned = [name for name in written if name in OWNED]
    return [name for name, digest in own_rows(company, owned).items() if digest != before[name]] if owned else []


CUSTOMER_PAGES = [
    entry for entry in INVENTORY if entry.audience in (Audience.CUSTOMERS, Audience.API) and entry.permission
]


@pytest.mark.parametrize("entry", CUSTOMER_PAGES, ids=names(CUSTOMER_PAGES))
def test_only_the_roles_that_grant_it_get_in(world, asked, ready, entry):
    allowed = [who for who, roles in PEOPLE.items() if not CUSTOMER_TABLE[entry.permission].isdisjoint(roles)]
    with undone():
        ready(entry)
        for who, user in world.acme.people.items():
            if who not in allowed:
                asked(entry, user, expect=status_is(403))
            elif not entry.does_change:
                response = asked(entry, user, refused=False)
                assert response.status_code == entry.status, f"{entry.id} answers {response.status_code} to the {who}"


@pytest.mark.parametrize("entry", CUSTOMER_PAGES, ids=names(CUSTOMER_PAGES))
def test_staff_have_no_company_to_act_for(world, asked, ready, entry):
    with undone():
        ready(entry)
        agent = world.staff[StaffGroup.SUPPORT_AGENT]
        if entry.name == "home":
            response = asked(entry, agent, refused=False)
            assert response["Location"] == reverse("admin:index")
        elif entry.name == "knowledge:article":  # Every published article is the staff's to read.
            assert asked(entry, agent, refused=False).status_code == 200
        else:
            asked(entry, agent, expect=status_is(403))


STAFF_PAGES = [entry for entry in INVENTORY if entry.audience is Audience.STAFF]


@pytest.mark.parametrize("entry", STAFF_PAGES, ids=names(STAFF_PAGES))
def test_staff_pages_open_to_their_groups_alone(world, asked, entry):
    for group, user in world.staff.items():
        if group in STAFF_TABLE[entry.permission]:
            assert asked(entry, user, refused=False).status_code == entry.status
        else:
            asked(entry, user, expect=status_is(403))
    for user in world.acme.people.values():
        asked(entry, user, expect=status_is(403))


INSIDE = [entry for entry in INVENTORY if entry.audience is not Audience.EVERYBODY]


@pytest.mark.parametrize("entry", INSIDE, ids=names(INSIDE))
def test_visitors_sign_in_first(world, asked, ready, entry):
    with undone():
        ready(entry)
        asked(entry, None, expect=lambda response: is_refusal(response, entry))


POSTS = [entry for entry in INVENTORY if entry.method == "POST" and entry.is_csrf_checked]


@pytest.mark.parametrize("entry", POSTS, ids=names(POSTS))
def test_a_form_of_another_site_changes_nothing(world, asked, ready, entry):
    """Signed in and permitted, but without the token of our own forms."""
    with undone():
        ready(entry)
        asked(entry, world.acme.administrator, expect=status_is(403), enforce_csrf_checks=True)


# The admin, model by model.

MODELS = sorted(admin.site._registry.items(), key=lambda item: item[0]._meta.label)


def may(group, model, *actions):
    """Whether the table gives the group one of the actions on the model."""
    wanted = [f"{model._meta.app_label}.{action}_{model._meta.model_name}" for action in actions]
    return any(group in STAFF_TABLE.get(permission, ()) for permission in wanted)


def shown_to_all_of(model):
    """A row that every group sees that may see the model: mail about amounts is for those alone who see amounts."""
    rows = model._default_manager
    return rows.exclude(kind__in=TELLS_AMOUNTS).first() if model is OutgoingMail else rows.first()


@pytest.mark.parametrize("model", [model for model, _ in MODELS], ids=lambda model: model._meta.label)
def test_the_admin_shows_a_model_to_the_groups_of_the_table_alone(world, probes, model):
    meta = model._meta
    base = f"admin:{meta.app_label}_{meta.model_name}"
    row = shown_to_all_of(model)
    may_see = [group for group in world.staff if may(group, model, "view", "change")]
    assert row or not may_see, f"give the world a {meta.label}"
    urls = {
        "list": (reverse(f"{base}_changelist"), ("view", "change")),
        "add": (reverse(f"{base}_add"), ("add",)),
    }
    if row:
        urls["change"] = (reverse(f"{base}_change", args=[row.pk]), ("view", "change"))
        urls["history"] = (reverse(f"{base}_history", args=[row.pk]), ("view", "change"))
        urls["delete"] = (reverse(f"{base}_delete", args=[row.pk]), ("delete",))
    for what, (url, actions) in urls.items():
        permitted = [group for group in world.staff if may(group, model, *actions)]
        # Rendering is slow: one of the permitted groups sees the page, every other group is refused.
        for group in [*permitted[:1], *(group for group in world.staff if group not in permitted)]:
            with undone():
                status = client_of(world.staff[group]).get(url).status_code
            probes["asked"] += 1
            wanted = 200 if group in permitted else 403
            probes["leaked"] += status == 200 != wanted
            assert status == wanted, f"the {what} page of {meta.label} answers {status} to {group}"
    for user in (world.acme.administrator, None):
        for what, (url, _actions) in urls.items():
            before = writes()
            with undone():
                response = client_of(user).get(url)
                assert response.status_code == 302, f"the {what} entry of {meta.label} answers {response.status_code}"
                assert "/login/" in response["Location"]
                assert written_since(before) == []
            probes["asked"] += 1


def test_customers_do_not_get_into_the_admin(world, probes):
    for user in (*world.acme.people.values(), None):
        with undone():
            response = client_of(user).get(reverse("admin:index"))
        probes["asked"] += 1
        assert response.status_code == 302
        assert "/login/" in response["Location"]
