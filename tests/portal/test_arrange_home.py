"""Each person arranges Home for themselves: what is pinned, hidden and first, and what a role never shows anyway."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.homes import Arrangement, UnknownWidget, arrange, arrangement_of
from accounts.models import HomeLayout, Membership
from portal.arranging import moved
from portal.widgets import NAMES
from tests.factories import make_member
from tracking.models import Event, EventName

pytestmark = pytest.mark.django_db
URL = "/me/home/"


def order_on(client):
    """The headings of Home's widgets, in the order of the page."""
    html = client.get("/").content.decode()
    titles = {
        "contract": "No running contract", "cases": "No open cases", "team": "Your team at", "usage": ">Usage<",
    }  # fmt: skip
    places = {name: html.find(title, html.find('id="main"')) for name, title in titles.items()}
    return sorted((name for name, place in places.items() if place >= 0), key=places.__getitem__)


def form(order=NAMES, **states):
    return {"widget": list(order), **{f"state-{name}": states.get(name, "shown") for name in order}}


def asked(client):
    client.get("/")  # What a process or a session does once.
    with CaptureQueriesContext(connection) as captured:
        client.get("/")
    return captured.captured_queries


def test_a_person_orders_pins_and_hides(admin, signed_in):
    client = signed_in(admin)
    assert order_on(client) == ["contract", "cases", "team"]

    answer = client.post(URL, form(["team", "cases", *[n for n in NAMES if n not in ("team", "cases")]], team="pinned"))

    assert answer["Location"] == "/"
    assert order_on(client) == ["team", "cases", "contract"]
    client.post(URL, form(contract="hidden"))
    assert order_on(client) == ["cases", "team"]


def test_the_layout_is_the_persons_alone(admin, acme, signed_in):
    signed_in(admin).post(URL, form(contract="hidden"))
    colleague = make_member(acme, "second@acme.example", "Sina", roles=["administrator"])

    assert "contract" in order_on(signed_in(colleague))


def test_a_hidden_widget_costs_no_query_and_the_layout_costs_none(admin, signed_in):
    client = signed_in(admin)
    before = asked(client)
    assert any('FROM "cases_case"' in one["sql"] for one in before)
    client.post(URL, form(cases="hidden"))

    after = asked(client)

    assert len(after) == len(before) - 1
    assert not any('FROM "cases_case"' in one["sql"] for one in after)


def test_what_a_role_may_not_see_stays_away_whatever_the_layout_says(acme, now, signed_in):
    person = make_member(acme, "help@acme.example", "Hella", roles=["support"])
    membership = Membership.objects.get(user=person)
    HomeLayout.objects.create(
        account=acme, membership=membership, order=["contract", "cases"], pinned=["contract"], arranged_at=now
    )
    client = signed_in(person)

    assert "contract" not in order_on(client)
    assert 'value="contract"' not in client.get(URL).content.decode()
    assert client.post(URL, form()).status_code == 422  # The form of somebody who sees more.
    assert HomeLayout.objects.get().order == ["contract", "cases"]


def test_names_of_other_releases_are_left_alone_and_new_widgets_appear(admin, acme, now, signed_in):
    HomeLayout.objects.create(
        account=acme, membership=admin.membership, order=["horoscope", "cases"], pinned=["horoscope"], arranged_at=now
    )

    assert order_on(signed_in(admin)) == ["cases", "contract", "team"]


@pytest.mark.parametrize(
    "sent",
    [
        form(["contract", "contract"]),
        form(["contract"]),
        form([*NAMES, "horoscope"]),
        form(cases="vanished"),
        {},
    ],
    ids=["twice", "too few", "unknown", "no such state", "nothing"],
)
def test_a_form_that_makes_no_sense_changes_nothing(admin, signed_in, sent):
    answer = signed_in(admin).post(URL, sent)

    assert answer.status_code == 422
    assert not HomeLayout.objects.exists()
    assert not Event.objects.filter(name=EventName.HOME_ARRANGED).exists()


def test_moving_up_shows_the_new_order_keeps_what_was_chosen_and_saves_nothing(admin, signed_in):
    answer = signed_in(admin).post(URL, form(team="pinned") | {"move": "up contract"})

    html = answer.content.decode()
    assert answer.status_code == 200
    assert html.index('value="contract"') < html.index('value="approvals"')
    assert '<option value="pinned" selected>' in html
    assert not HomeLayout.objects.exists()


@pytest.mark.parametrize(
    ("move", "after"),
    [
        ("up b", "bac"),
        ("down b", "acb"),
        ("up a", "abc"),
        ("down c", "abc"),
        ("up x", "abc"),
        ("left b", "abc"),
        ("", "abc"),
    ],
)
def test_moves(move, after):
    assert "".join(moved("abc", move)) == after


def test_arranging_is_recorded_and_home_as_it_comes_is_not_called_arranged(admin, now):
    membership = admin.membership
    arrange(membership=membership, arrangement=Arrangement(NAMES, hidden=frozenset({"news"})), known=NAMES, now=now)
    membership = Membership.objects.get(pk=membership.pk)
    assert arrangement_of(membership).hidden == {"news"}

    arrange(membership=membership, arrangement=Arrangement(NAMES), known=NAMES, now=now + timedelta(hours=1))

    assert arrangement_of(Membership.objects.get(pk=membership.pk)) == Arrangement()
    events = Event.objects.filter(name=EventName.HOME_ARRANGED).order_by("occurred_at")
    assert [one.properties["is_own"] for one in events] == [True, False]
    assert events[0].properties["hidden"] == ["news"]


def test_a_name_that_is_no_widget_is_refused(admin, now):
    with pytest.raises(UnknownWidget):
        arrange(
            membership=admin.membership, arrangement=Arrangement(hidden=frozenset({"x"})), known=NAMES, now=now
        )  # fmt: skip
    assert not HomeLayout.objects.exists()


def test_a_person_goes_back_to_home_as_it_comes(admin, signed_in):
    client = signed_in(admin)
    client.post(URL, form(contract="hidden"))

    client.post("/me/home/reset/")

    assert order_on(client) == ["contract", "cases", "team"]
    assert HomeLayout.objects.get().arranged_at is None


def test_everything_hidden_is_said(admin, signed_in):
    client = signed_in(admin)
    client.post(URL, form(**dict.fromkeys(NAMES, "hidden")))

    assert "Everything is hidden" in client.get("/").content.decode()


def test_staff_have_no_home_to_arrange(agent, signed_in):
    assert signed_in(agent).get(URL).status_code == 403


def test_anonymous_visitors_sign_in_first(client):
    assert client.get(URL)["Location"] == f"/accounts/login/?next={URL}"
