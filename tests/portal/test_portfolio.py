"""Portfolios: who sees which companies, handing them over, and holiday cover."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, connections, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, Cover, Handover, HandoverLine, OutgoingMail, TeamRole, User
from accounts.permissions import STAFF_TABLE, StaffGroup
from accounts.portfolios import (
    CoverRefused,
    Move,
    NothingToHandOver,
    NotYoursToGive,
    TakerUnfit,
    account_team,
    arrange_cover,
    hand_over,
    plan_moves,
)
from crm.models import OutboxRow
from tests.factories import make_account, make_catalogue, make_contract, make_member, make_staff

NOW = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)
TODAY = NOW.date()


@pytest.fixture
def cleo(db):
    return make_staff("cleo@vendor.example", "Cleo Marsh", group="Customer success")


@pytest.fixture
def dora(db):
    return make_staff("dora@vendor.example", "Dora Silva", group="Customer success")


@pytest.fixture
def eli(db):
    return make_staff("eli@vendor.example", "Eli Novak", group="Sales")


@pytest.fixture
def root(db):
    return make_staff("root@vendor.example", "Ruth Boss", group="System administrator")


@pytest.fixture
def owned(acme, globex, cleo, eli):
    """Both companies are Cleo's, and Eli sells to them."""
    Account.objects.update(owner=cleo, sales_contact=eli)
    acme.refresh_from_db()
    globex.refresh_from_db()
    return acme, globex


def moves_of(person, taker):
    accounts = Account.objects.order_by("pk")
    return plan_moves(accounts=accounts, roles=list(TeamRole), taker=taker, giver=person)


def give(moves, taker, made_by, **options):
    return hand_over(moves=moves, taker=taker, made_by=made_by, reason="Cleo leaves", now=NOW, **options)


# Handing over


def test_a_whole_portfolio_goes_to_a_colleague_at_once(owned, cleo, dora, eli):
    OutboxRow.objects.all().delete()
    made = give(moves_of(cleo, dora), dora, cleo)
    for account in Account.objects.all():
        assert account.owner == dora
        assert account.sales_contact == eli
    assert {(line.account_id, line.role, line.giver) for line in made.lines.all()} == {
        (account.pk, "owner", cleo) for account in owned
    }
    assert set(OutboxRow.objects.values_list("object", "external_id")) == {
        ("Account", account.public_id) for account in owned
    }


def test_the_history_says_who_and_why(owned, cleo, dora):
    give(moves_of(cleo, dora), dora, cleo)
    entry = apps.get_model("accounts.AccountEvent").objects.filter(pgh_obj=owned[0]).latest("pgh_id")
    assert entry.owner_id == dora.pk
    assert entry.pgh_context["hand_over_reason"] == "Cleo leaves"
    assert entry.pgh_context["user_id"] == cleo.pk


def test_both_people_are_told_and_customers_only_if_wished(owned, admin, cleo, dora):
    give(moves_of(cleo, dora), dora, cleo)
    assert set(OutgoingMail.objects.values_list("kind", "to")) == {
        ("portfolio_received", dora.email),
        ("portfolio_given", cleo.email),
    }
    OutgoingMail.objects.all().delete()
    make_member(owned[0], "vera@acme.example", "Vera Lindqvist", roles=["viewer"])
    give(moves_of(dora, cleo), cleo, dora, tells_customers=True)
    told = OutgoingMail.objects.filter(kind="account_team_changed")
    assert [mail.to for mail in told] == [admin.email]
    assert "Cleo Marsh" in told.get().text


def test_somebody_else_s_companies_take_the_permission(owned, cleo, dora, eli, root):
    moves = moves_of(cleo, dora)
    for stranger in (dora, eli):
        with pytest.raises(NotYoursToGive):
            give(moves, dora, stranger)
    assert not Handover.objects.exists()
    assert set(Account.objects.values_list("owner", flat=True)) == {cleo.pk}
    give(moves, dora, root)
    assert set(Account.objects.values_list("owner", flat=True)) == {dora.pk}


def test_a_customer_or_somebody_gone_gets_nothing(owned, cleo, dora, admin):
    dora.is_active = False
    dora.save()
    for unfit in (dora, admin):
        with pytest.raises(TakerUnfit):
            give(moves_of(cleo, unfit), unfit, cleo)
    assert set(Account.objects.values_list("owner", flat=True)) == {cleo.pk}


def test_what_has_changed_hands_since_the_preview_stays_where_it_is(owned, cleo, dora, root):
    planned = moves_of(cleo, dora)
    Account.objects.filter(pk=owned[0].pk).update(owner=root)
    made = give(planned, dora, root)
    assert [line.account for line in made.lines.all()] == [owned[1]]
    owned[0].refresh_from_db()
    assert owned[0].owner == root
    with pytest.raises(NothingToHandOver):
        give(planned, dora, root)


@pytest.mark.django_db(transaction=True)
def test_of_two_hand_overs_at_once_one_happens():
    from accounts.staff import sync_groups

    sync_groups()
    cleo = make_staff("cleo@vendor.example", "Cleo Marsh", group="Customer success")
    takers = [make_staff(f"{name}@vendor.example", name, group="Customer success") for name in ("dora", "eve")]
    accounts = [make_account(f"Company {number}", owner=cleo) for number in range(6)]
    plans = [
        plan_moves(accounts=ordered, roles=[TeamRole.OWNER], taker=taker, giver=cleo)
        for taker, ordered in zip(takers, (accounts, accounts[::-1]), strict=True)
    ]

    def run(taker, moves):
        try:
            return give(moves, taker, cleo)
        except NothingToHandOver:
            return None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(run, takers, plans))
    assert sorted(one is None for one in made) == [False, True]
    winner = next(one for one in made if one is not None)
    assert set(Account.objects.values_list("owner", flat=True)) == {winner.taker_id}
    assert HandoverLine.objects.count() == 6


def test_unassigned_companies_are_given_by_administrators_alone(acme, cleo, root):
    moves = [Move(acme.pk, TeamRole.OWNER, None)]
    with pytest.raises(NotYoursToGive):
        give(moves, cleo, cleo)
    give(moves, cleo, root)
    acme.refresh_from_db()
    assert acme.owner == cleo
    assert HandoverLine.objects.get().giver is None


# Holiday cover


def arrange(absentee, stand_in, first, last, made_by=None):
    return arrange_cover(
        absentee=absentee, stand_in=stand_in, first_date=first, last_date=last, made_by=made_by or absentee, now=NOW
    )


def test_cover_runs_from_its_first_day_to_its_last_and_ends_by_itself(owned, cleo, dora):
    first, last = TODAY + timedelta(days=3), TODAY + timedelta(days=9)
    arrange(cleo, dora, first, last)

    def present(day):
        return next(member.present for member in account_team(owned[0], day))

    assert present(first - timedelta(days=1)) == cleo
    assert present(first) == dora
    assert present(last) == dora
    assert present(last + timedelta(days=1)) == cleo


def test_overlapping_covers_are_refused(cleo, dora, eli):
    arrange(cleo, dora, date(2026, 12, 1), date(2026, 12, 14))
    for first, last in (((1), (1)), ((14), (20))):
        with pytest.raises(CoverRefused):
            arrange(cleo, eli, date(2026, 12, first), date(2026, 12, last))
    assert Cover.objects.count() == 1
    arrange(cleo, eli, date(2026, 12, 15), date(2026, 12, 20))
    assert Cover.objects.count() == 2


def test_the_database_itself_refuses_overlaps(cleo, dora, eli):
    values = {"absentee": cleo, "made_by": cleo, "start_date": TODAY, "end_date": TODAY + timedelta(days=5)}
    Cover.objects.create(stand_in=dora, **values)
    with pytest.raises(IntegrityError, match="cover_one_at_a_time"), transaction.atomic():
        Cover.objects.create(stand_in=eli, **values)
    Cover.objects.create(stand_in=dora, **(values | {"absentee": eli}))


@pytest.mark.parametrize(
    ("first", "last"), [(date(2026, 12, 9), date(2026, 12, 1)), (date(2026, 11, 1), date(2026, 11, 10))]
)
def test_days_that_make_no_sense_are_refused(cleo, dora, first, last):
    with pytest.raises(CoverRefused):
        arrange(cleo, dora, first, last)
    assert not Cover.objects.exists()


def test_a_stand_in_must_be_there_themselves(cleo, dora, eli, admin):
    arrange(dora, eli, date(2026, 12, 1), date(2026, 12, 5))
    for stand_in in (dora, cleo, admin):
        with pytest.raises(CoverRefused):
            arrange(cleo, stand_in, date(2026, 12, 3), date(2026, 12, 8))
    assert Cover.objects.count() == 1


def test_cover_of_others_takes_the_permission(cleo, dora, eli, root):
    with pytest.raises(NotYoursToGive):
        arrange(cleo, dora, date(2026, 12, 1), date(2026, 12, 5), made_by=eli)
    assert not Cover.objects.exists()
    arrange(cleo, dora, date(2026, 12, 1), date(2026, 12, 5), made_by=root)
    assert set(OutgoingMail.objects.values_list("to", flat=True)) == {cleo.email, dora.email}


def test_customers_see_who_stands_in(signed_in, owned, admin, cleo, dora):
    today = timezone.now().date()
    for day in ("today", "tomorrow"):
        text = signed_in(admin).get(reverse("accounts:company")).content.decode()
        assert "Cleo Marsh" in text
        assert ("Stands in for Cleo Marsh" in text) is (day == "tomorrow")
        assert (dora.email in text) is (day == "tomorrow")
        Cover.objects.get_or_create(
            absentee=cleo, stand_in=dora, made_by=cleo,
            defaults={"start_date": today - timedelta(days=1), "end_date": today + timedelta(days=4)},
        )  # fmt: skip
    assert "Stands in for Cleo Marsh" in signed_in(admin).get(reverse("home")).content.decode()


# The pages


@pytest.mark.parametrize("group", StaffGroup)
def test_the_portfolio_is_for_those_who_may_change_companies(signed_in, db, group):
    person = make_staff(f"{group.name.lower()}@vendor.example", "Somebody", group=group.value)
    may = group in STAFF_TABLE["accounts.change_account"]
    for name in ("portfolio", "hand_over"):
        status = signed_in(person).get(reverse(f"admin:{name}")).status_code
        assert status == ((200 if name == "portfolio" else 302) if may else 403)


def test_customers_and_visitors_do_not_get_in(client, signed_in, admin):
    for visitor in (client, signed_in(admin)):
        response = visitor.get(reverse("admin:portfolio"))
        assert response.status_code == 302
        assert "/login/" in response["Location"]


def test_my_companies_come_with_renewal_and_open_cases(signed_in, owned, admin, cleo, eli):
    from cases.models import Case

    Account.objects.filter(pk=owned[1].pk).update(owner=None, sales_contact=None)
    make_contract(owned[0], make_catalogue(), start=date(timezone.now().year, 2, 1))
    Case.objects.create(account=owned[0], opened_by=admin, subject="One")
    Case.objects.create(account=owned[0], opened_by=admin, subject="Two", status="closed")
    text = signed_in(cleo).get(reverse("admin:portfolio")).content.decode()
    assert "Acme Logistics GmbH" in text
    assert "Globex Retail Ltd" not in text
    assert "1 open case" in text
    assert f"Renewal 1 Feb {timezone.now().year + 1}" in text


def test_while_i_stand_in_i_see_my_colleague_s_companies(signed_in, owned, cleo, dora):
    address = reverse("admin:portfolio")
    assert "Acme" not in signed_in(dora).get(address).content.decode()
    today = timezone.now().date()
    Cover.objects.create(
        absentee=cleo, stand_in=dora, made_by=cleo, start_date=today, end_date=today + timedelta(days=1)
    )
    text = signed_in(dora).get(address).content.decode()
    assert "Acme Logistics GmbH" in text
    assert "for Cleo Marsh" in text
    Cover.objects.update(start_date=today - timedelta(days=5), end_date=today)
    assert "Acme" not in signed_in(dora).get(address).content.decode()


def test_another_s_portfolio_is_for_administrators(signed_in, owned, cleo, dora, root):
    address = f"{reverse('admin:portfolio')}?person={cleo.pk}"
    assert signed_in(dora).get(address).status_code == 403
    assert "Acme Logistics GmbH" in signed_in(root).get(address).content.decode()
    assert signed_in(root).get(f"{reverse('admin:portfolio')}?person=9999999").status_code == 404


def test_handing_over_is_previewed_and_then_done(signed_in, owned, cleo, dora):
    client, address = signed_in(cleo), reverse("admin:hand_over")
    chosen = client.get(address, {"giver": cleo.pk, "account": owned[0].pk})
    assert "Acme Logistics GmbH" in chosen.content.decode()
    assert "Globex" not in chosen.content.decode()
    sent = {
        "step": "preview", "giver": cleo.pk, "account": owned[0].pk, "taker": dora.pk, "reason": "Parental leave",
        "roles": ["owner", "sales_contact"],
    }  # fmt: skip
    preview = client.post(address, sent).content.decode()
    assert f'value="{owned[0].pk}:owner:{cleo.pk}"' in preview
    assert "sales_contact:" not in preview  # That is Eli's.
    owned[0].refresh_from_db()
    assert owned[0].owner == cleo
    done = client.post(address, sent | {"step": "confirm", "move": [f"{owned[0].pk}:owner:{cleo.pk}"]}, follow=True)
    assert "1 company was handed over to Dora Silva." in done.content.decode()
    owned[0].refresh_from_db()
    assert owned[0].owner == dora
    assert "Parental leave" in LogEntry.objects.get(object_id=str(owned[0].pk)).change_message
    owned[1].refresh_from_db()
    assert owned[1].owner == cleo


def test_all_of_it_can_be_handed_over(signed_in, owned, cleo, dora):
    page = signed_in(cleo).get(reverse("admin:hand_over"), {"giver": cleo.pk, "all": "1"}).content.decode()
    assert "2 companies" in page


def test_a_hand_over_without_a_reason_comes_back_with_what_was_typed(signed_in, owned, cleo, dora):
    response = signed_in(cleo).post(
        reverse("admin:hand_over"),
        {"step": "preview", "giver": cleo.pk, "account": owned[0].pk, "taker": dora.pk, "roles": ["owner"]},
    )
    assert response.status_code == 422
    assert f'<option value="{dora.pk}" selected>' in response.content.decode()
    assert not Handover.objects.exists()


def test_a_double_click_hands_over_once(signed_in, owned, cleo, dora):
    client, address = signed_in(cleo), reverse("admin:hand_over")
    sent = {"step": "confirm", "giver": cleo.pk, "taker": dora.pk, "reason": "Leave", "roles": ["owner"]}
    moves = {"move": [f"{account.pk}:owner:{cleo.pk}" for account in owned]}
    assert "2 companies were handed over" in client.post(address, sent | moves, follow=True).content.decode()
    again = client.post(address, sent | moves, follow=True)
    assert again.status_code == 200
    assert "were handed over to" not in again.content.decode()
    assert Handover.objects.count() == 1


@pytest.mark.parametrize("unfit", ["gone", "oneself", "customer"])
def test_a_hand_over_to_nobody_who_could_take_it_says_so(signed_in, owned, admin, cleo, dora, unfit):
    """Somebody may leave between the preview and the confirmation."""
    User.objects.filter(pk=dora.pk).update(is_active=unfit != "gone")
    taker = {"gone": dora, "oneself": cleo, "customer": admin}[unfit]
    sent = {
        "step": "confirm", "giver": cleo.pk, "taker": taker.pk, "reason": "Leave", "roles": ["owner"],
        "move": [f"{owned[0].pk}:owner:{cleo.pk}"],
    }  # fmt: skip
    client, address = signed_in(cleo), reverse("admin:hand_over")
    refused = client.post(address, sent, follow=True)
    assert refused.status_code == 200
    assert "this colleague cannot take companies now" in refused.content.decode()
    assert client.post(address, sent | {"step": "preview", "account": owned[0].pk}).status_code == 422
    assert not Handover.objects.exists()
    assert set(Account.objects.values_list("owner", flat=True)) == {cleo.pk}


def test_an_empty_selection_says_what_to_do(signed_in, owned, cleo):
    page = signed_in(cleo).get(reverse("admin:hand_over"), {"giver": cleo.pk}, follow=True)
    assert page.redirect_chain
    assert "Choose the companies first." in page.content.decode()


def test_cover_that_has_ended_ends_once(signed_in, owned, cleo, dora):
    today = timezone.now().date()
    client = signed_in(cleo)
    client.post(reverse("admin:add_cover"), {"stand_in": dora.pk, "first_date": today, "last_date": today})
    stop = reverse("admin:stop_cover", args=[Cover.objects.get().pk])
    assert [client.post(stop).status_code for _click in range(2)] == [302, 302]
    assert not Cover.objects.get().is_running(today)


def test_a_forged_move_is_refused(signed_in, owned, cleo, dora, eli):
    client, sent = signed_in(cleo), {"step": "confirm", "taker": dora.pk, "reason": "Mine", "roles": ["owner"]}
    address = reverse("admin:hand_over")
    assert client.post(address, sent | {"move": [f"{owned[0].pk}:sales_contact:{eli.pk}"]}).status_code == 403
    for nonsense in (["1:tier:2"], ["x"], []):
        assert client.post(address, sent | {"move": nonsense}).status_code == 400
    assert client.get(address, {"giver": cleo.pk, "account": "1 OR 1"}).status_code == 400
    assert not Handover.objects.exists()


def test_the_list_of_accounts_hands_over_in_bulk(signed_in, owned, root, dora):
    response = signed_in(root).post(
        reverse("admin:accounts_account_changelist"),
        {"action": "reassign", "_selected_action": [account.pk for account in owned]},
    )
    assert response.status_code == 302
    page = signed_in(root).get(response["Location"]).content.decode()
    assert "2 companies" in page
    assert not Handover.objects.exists()


def test_the_form_of_a_company_leaves_its_people_to_hand_overs(signed_in, owned, cleo, root):
    address = reverse("admin:accounts_account_change", args=[owned[0].pk])
    assert 'name="owner"' not in signed_in(cleo).get(address).content.decode()
    assert 'name="owner"' in signed_in(root).get(address).content.decode()


def test_cover_is_arranged_and_ended_on_the_page(signed_in, owned, cleo, dora, eli):
    today = timezone.now().date()
    sent = {"stand_in": dora.pk, "first_date": today, "last_date": today + timedelta(days=6)}
    client = signed_in(cleo)
    assert client.post(reverse("admin:add_cover"), sent).status_code == 302
    cover = Cover.objects.get()
    assert cover.is_running(today)
    again = client.post(reverse("admin:add_cover"), sent)
    assert again.status_code == 422
    assert "already" in again.content.decode()
    stop = reverse("admin:stop_cover", args=[cover.pk])
    assert signed_in(eli).post(stop).status_code == 403
    assert client.get(stop).status_code == 405
    assert client.post(stop).status_code == 302
    cover.refresh_from_db()
    assert not cover.is_running(today)
