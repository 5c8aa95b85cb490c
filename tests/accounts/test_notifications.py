"""Telling people: in the bell, by mail, in a summary, as they chose, and only whom it still concerns."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core import mail as outbox
from django.urls import reverse
from django.utils import timezone

from accounts.models import (
    ByMail,
    DigestEvery,
    MailState,
    MailTimes,
    Membership,
    Notification,
    NotificationChoice,
    OutgoingMail,
    User,
)
from accounts.notifications import notify, send_due
from accounts.notifications.choices import Channels, choices_of, choose
from accounts.notifications.digests import send_digests
from accounts.notifications.own import TYPES
from accounts.notifications.types import UnknownType, type_named
from accounts.paging import PAGE_SIZE
from accounts.permissions import Permission
from cases.models import Case, CaseMessage
from cases.notifications import CaseReply

pytestmark = pytest.mark.django_db

BELL = reverse("accounts:bell")
LIST = reverse("accounts:notifications")
SETTINGS = reverse("accounts:notification-settings")
READ = reverse("accounts:read-notifications")


@pytest.fixture
def case(acme, member):
    return Case.objects.create(account=acme, opened_by=member, subject="The scanner <b>sleeps</b>")


@pytest.fixture
def tell(case, agent):
    """Somebody of the staff answers, and these people hear of it."""
    message = CaseMessage.objects.create(case=case, account=case.account, author=agent, body="Wake it.")

    def told(*people, account=case.account):
        notify(kind=CaseReply, to=people, account=account, context={"case": case, "message": message})

    return told


def want(user, **channels):
    choose(membership=user.memberships.get(), chosen={"case_reply": Channels(**channels)})


def due():
    return timezone.now() + timedelta(seconds=1)


# Being told.


def test_a_member_is_told_in_the_bell_and_by_mail(tell, member, case):
    tell(member)
    notification = Notification.objects.get()
    assert notification.line == f"Sam Rivera answered {case.number}: The scanner <b>sleeps</b>"
    assert notification.link == reverse("cases:detail", args=[case.number])
    letter = OutgoingMail.objects.get()
    assert letter.user == member
    assert send_due(now=due()) == 1
    sent = outbox.outbox[0]
    assert sent.to == ["member@acme.example"]
    html, content_type = sent.alternatives[0]
    assert content_type == "text/html"
    assert "Wake it." in html
    assert "Open the case</a>" in html
    assert "<b>sleeps" not in html


def test_a_kind_may_be_named_by_its_name(case, member):
    notify(kind="case_opened", to=[member], account=case.account, context={"case": case})
    assert OutgoingMail.objects.get().kind == "case_opened"


def test_a_name_that_nobody_declared_is_refused(case, member):
    with pytest.raises(UnknownType):
        notify(kind="case_eaten", to=[member], account=case.account, context={})
    assert not OutgoingMail.objects.exists()


def test_a_customer_s_request_can_tell_a_colleague_as_they_chose(tell, member, admin, as_customer):
    want(admin, in_bell=True, by_mail=ByMail.OFF)
    with as_customer(member.memberships.get()):
        tell(admin)
    assert Notification.objects.get().user == admin
    assert not OutgoingMail.objects.exists()


def test_somebody_without_a_sign_in_yet_gets_the_mail_alone(tell):
    tell(User(email="new@acme.example", name="New Person"))
    assert not Notification.objects.exists()
    assert send_due(now=due()) == 1
    assert "/me/notifications/" not in outbox.outbox[0].body


def test_staff_get_the_mail_alone(tell, agent):
    tell(agent)
    assert not Notification.objects.exists()
    assert send_due(now=due()) == 1


def test_whoever_may_no_longer_sign_in_is_not_told(tell, member):
    member.is_active = False
    tell(member)
    assert not Notification.objects.exists()
    assert not OutgoingMail.objects.exists()


# Asked again when it is sent.


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
        lambda user: Membership.objects.filter(user=user).update(is_active=False),
        lambda user: Membership.objects.filter(user=user).update(roles=["billing"]),
        lambda user: want(user, in_bell=True, by_mail=ByMail.OFF),
        lambda user: User.objects.filter(pk=user.pk).update(
            unreachable_email=user.email.upper(), unreachable_reason="hard"
        ),
    ],
    ids=["signed off", "left", "lost the role", "unsubscribed", "unreachable"],
)
def test_what_waits_is_not_sent_to_whom_it_no_longer_concerns(tell, member, meanwhile):
    tell(member)
    meanwhile(member)
    assert send_due(now=due()) == 0
    letter = OutgoingMail.objects.get()
    assert letter.state == MailState.CANCELLED
    assert letter.last_error
    assert outbox.outbox == []


def test_the_bell_shows_nothing_of_a_role_that_was_lost(tell, member, signed_in):
    tell(member)
    Membership.objects.filter(user=member).update(roles=["billing"])
    client = signed_in(member)
    assert "scanner" not in client.get(LIST).content.decode()
    assert b"bell-count" not in client.get(BELL).content


# Choices.


def test_one_s_own_choice_goes_before_the_company_s_and_that_before_the_default(acme, tell, member, viewer):
    choose(
        membership=member.memberships.get(),
        chosen={"case_reply": Channels(in_bell=True, by_mail=ByMail.OFF)},
        for_company=True,
    )
    want(member, in_bell=False, by_mail=ByMail.NOW)
    tell(member, viewer)
    assert Notification.objects.get().user == viewer
    assert OutgoingMail.objects.get().user == member


def test_a_choice_holds_in_the_company_it_was_made_in(tell, member, globex):
    other = Membership.objects.create(account=globex, user=member, roles=["support"])
    choose(membership=other, chosen={"case_reply": Channels(in_bell=False, by_mail=ByMail.OFF)})
    tell(member)
    assert Notification.objects.count() == OutgoingMail.objects.count() == 1


def test_what_is_not_optional_cannot_be_switched_off(monkeypatch, tell, member):
    monkeypatch.setattr(CaseReply, "is_optional", False)
    NotificationChoice.objects.create(
        account=member.memberships.get().account, user=member, kind="case_reply", in_bell=False, by_mail=ByMail.OFF
    )
    want(member, in_bell=False, by_mail=ByMail.OFF)
    tell(member)
    assert Notification.objects.count() == 1
    assert send_due(now=due()) == 1


def form_of(user, **changes):
    """The settings as their page shows them."""
    fields = {}
    for kind, channels in choices_of(user.memberships.get()):
        if kind.is_optional:
            fields[f"{kind.name}-mail"] = channels.by_mail
            if channels.in_bell:
                fields[f"{kind.name}-bell"] = "on"
    times = {"digest_every": "day", "digest_weekday": "0", "digest_hour": "8", "quiet_from": "", "quiet_until": ""}
    return fields | {f"times-{name}": value for name, value in times.items()} | changes


def test_the_settings_keep_what_was_changed_alone(member, signed_in):
    client = signed_in(member)
    sent = form_of(member, **{"case_reply-mail": "digest", "times-quiet_from": "22:00", "times-quiet_until": "07:00"})
    assert client.post(SETTINGS, sent).status_code == 302
    choice = NotificationChoice.objects.get()
    assert (choice.user, choice.kind, choice.by_mail, choice.in_bell) == (member, "case_reply", "digest", True)
    times = MailTimes.objects.get()
    assert (times.user, times.quiet_hours[0].hour) == (member, 22)
    assert b'value="22:00"' in client.get(SETTINGS).content
    assert client.post(SETTINGS, sent).status_code == 302
    assert NotificationChoice.objects.count() == MailTimes.objects.count() == 1


def test_half_of_the_quiet_hours_is_refused_with_everything_typed(member, signed_in):
    sent = form_of(member, **{"case_reply-mail": "digest", "times-quiet_from": "22:00"})
    response = signed_in(member).post(SETTINGS, sent)
    assert response.status_code == 422
    page = response.content.decode()
    assert "when they end" in page
    assert 'value="22:00"' in page
    assert 'value="digest" selected' in page
    assert not NotificationChoice.objects.exists()
    assert not MailTimes.objects.exists()


def test_the_settings_offer_only_what_one_s_roles_show(member, admin, signed_in):
    assert "payment has arrived" not in signed_in(member).get(SETTINGS).content.decode()
    assert "payment has arrived" in signed_in(admin).get(SETTINGS).content.decode()


def test_an_administrator_suggests_to_everybody_who_has_not_chosen(admin, member, viewer, tell, signed_in):
    want(viewer, in_bell=True, by_mail=ByMail.NOW)
    sent = {
        f"{kind.name}-mail": "off"
        for kind, _channels in choices_of(admin.memberships.get(), for_company=True)
        if kind.is_optional
    }
    assert signed_in(admin).post(reverse("accounts:company-notifications"), sent).status_code == 302
    tell(member, viewer)
    assert OutgoingMail.objects.get().user == viewer
    assert Notification.objects.get().user == viewer


# Quiet hours.


def at_local(user, hour):
    zone = ZoneInfo(user.time_zone)
    return (timezone.now().astimezone(zone) + timedelta(days=1)).replace(hour=hour, minute=0, second=0, microsecond=0)


def test_mail_waits_until_the_quiet_hours_end(tell, member):
    MailTimes.objects.create(user=member, quiet_from="22:00", quiet_until="07:00")
    tell(member)
    assert send_due(now=at_local(member, 23)) == 0
    letter = OutgoingMail.objects.get()
    assert (letter.state, letter.attempts) == (MailState.PENDING, 0)
    assert letter.next_at == at_local(member, 7) + timedelta(days=1)
    assert send_due(now=letter.next_at - timedelta(seconds=1)) == 0
    assert send_due(now=letter.next_at) == 1


def test_what_is_urgent_does_not_wait(monkeypatch, tell, member):
    monkeypatch.setattr(CaseReply, "is_urgent", True)
    MailTimes.objects.create(user=member, quiet_from="22:00", quiet_until="07:00")
    tell(member)
    assert send_due(now=at_local(member, 23)) == 1


# The summary.


@pytest.fixture
def waiting(tell, member):
    """Two things for the summary, told yesterday."""
    want(member, in_bell=True, by_mail=ByMail.DIGEST)
    tell(member)
    tell(member)
    Notification.objects.update(created_at=timezone.now() - timedelta(days=1))
    return Notification.objects.all()


def test_the_summary_is_one_mail_however_often_it_is_written(waiting, member, case):
    assert not OutgoingMail.objects.exists()
    assert send_digests(now=due()) == 1
    assert send_digests(now=due()) == 0
    assert send_due(now=due()) == 1
    (sent,) = outbox.outbox
    assert sent.subject == "Acme Logistics GmbH: 2 things are new"
    assert sent.body.count(case.number) == 4  # Two lines, with a link each.
    assert "List-Unsubscribe" in sent.extra_headers


def test_what_happened_after_the_hour_waits_for_the_next_summary(waiting, member):
    hour = timezone.now().astimezone(ZoneInfo(member.time_zone)).hour
    MailTimes.objects.create(user=member, digest_hour=hour)
    waiting.update(created_at=timezone.now())
    assert send_digests(now=timezone.now()) == 0
    assert send_digests(now=timezone.now() + timedelta(days=1)) == 1


def test_a_day_missed_is_caught_up(waiting):
    assert send_digests(now=due() + timedelta(days=3)) == 1


def test_a_weekly_summary_comes_once_a_week(waiting, member):
    MailTimes.objects.create(user=member, digest_every=DigestEvery.WEEK, digest_weekday=timezone.now().weekday())
    waiting.update(created_at=timezone.now())
    assert sum(send_digests(now=timezone.now() + timedelta(days=days)) for days in range(1, 8)) == 1


def test_the_summary_leaves_out_what_was_read_and_what_one_may_no_longer_see(waiting, member):
    first = waiting.first()
    first.read_at = timezone.now()
    first.save()
    assert send_digests(now=due()) == 1
    assert OutgoingMail.objects.get().subject.endswith("one thing is new")
    OutgoingMail.objects.all().delete()
    Notification.objects.update(waits_for_digest=True, read_at=None)
    Membership.objects.filter(user=member).update(roles=["billing"])
    assert send_digests(now=due()) == 0
    assert not Notification.objects.filter(waits_for_digest=True).exists()


def test_each_company_has_a_summary_of_its_own(waiting, member, globex):
    other = Membership.objects.create(account=globex, user=member, roles=["support"])
    Notification.objects.create(
        account=globex, user=member, kind="case_resolved", params={"number": "CS-1", "subject": "Old"},
        link="/cases/CS-1/", waits_for_digest=True, created_at=timezone.now() - timedelta(days=1),
    )  # fmt: skip
    assert other.is_active
    assert send_digests(now=due()) == 2
    first, second = OutgoingMail.objects.order_by("account_id")
    assert "CS-1 " not in first.text
    assert "CS-1 is resolved" in second.text


# The bell and the list behind it.


def test_the_bell_counts_and_is_silent_while_nothing_changes(tell, member, signed_in):
    client = signed_in(member)
    assert b"bell-count" not in client.get(BELL).content
    assert client.get(BELL, {"shown": "0"}).status_code == 204
    tell(member)
    response = client.get(BELL, {"shown": "0"})
    assert response.status_code == 200
    assert b"(1 unread)" in response.content
    assert b"shown=1" in response.content
    assert client.get(BELL, {"shown": "1"}).status_code == 204


def test_the_bell_costs_one_query_however_much_there_is(tell, member, signed_in, django_assert_num_queries):
    for _number in range(3):
        tell(member)
    client = signed_in(member)
    client.get(BELL)
    with django_assert_num_queries(8) as few:
        client.get(BELL)
    row = Notification.objects.first()
    Notification.objects.bulk_create(
        Notification(account=row.account, user=member, kind=row.kind, params=row.params, link=row.link)
        for _number in range(300)
    )
    with django_assert_num_queries(len(few)):
        response = client.get(BELL)
    assert b"99+" in response.content


def test_opening_marks_as_read_and_leads_to_the_object_in_its_company(tell, member, globex, case, signed_in):
    Membership.objects.create(account=globex, user=member, roles=["viewer"])
    client = signed_in(member)
    client.post(reverse("accounts:switch"), {"account": globex.public_id})
    tell(member)
    notification = Notification.objects.get()
    page = client.get(LIST).content.decode()
    assert "The scanner &lt;b&gt;sleeps" in page
    assert case.account.name in page
    url = reverse("accounts:open-notification", args=[notification.public_id])
    assert url in page
    response = client.get(url, follow=True)
    assert response.status_code == 200
    assert response.request["PATH_INFO"] == notification.link
    assert response.context["current_account"] == case.account
    notification.refresh_from_db()
    assert notification.read_at is not None


def test_one_is_marked_as_read_and_then_all(tell, member, signed_in):
    for _number in range(3):
        tell(member)
    client = signed_in(member)
    one = Notification.objects.first()
    assert client.post(READ, {"notification": one.public_id}).status_code == 302
    assert Notification.objects.unread().count() == 2
    assert client.post(READ).status_code == 302
    assert not Notification.objects.unread().exists()


def test_a_colleague_s_notification_is_not_there(tell, member, admin, signed_in):
    tell(member)
    notification = Notification.objects.get()
    client = signed_in(admin)
    assert "scanner" not in client.get(LIST).content.decode()
    assert client.get(reverse("accounts:open-notification", args=[notification.public_id])).status_code == 404
    assert client.post(READ, {"notification": notification.public_id}).status_code == 404
    client.post(READ)
    notification.refresh_from_db()
    assert notification.read_at is None


def test_the_list_is_read_page_by_page(tell, member, signed_in):
    tell(member)
    row = Notification.objects.get()
    Notification.objects.bulk_create(
        Notification(account=row.account, user=member, kind=row.kind, params=row.params, link=row.link)
        for _number in range(PAGE_SIZE)
    )
    client = signed_in(member)
    page = client.get(LIST)
    assert len(page.context["page"].rows) == PAGE_SIZE
    older = client.get(LIST, {"cursor": page.context["page"].next})
    assert len(older.context["page"].rows) == 1


def test_a_line_whose_words_changed_is_still_shown(tell, member):
    tell(member)
    Notification.objects.update(params={})
    assert Notification.objects.get().line == str(type_named("case_reply").label)


# An address that bounces.


def test_the_person_is_told_that_mail_comes_back_and_says_when_it_works_again(member, signed_in):
    User.objects.filter(pk=member.pk).update(unreachable_email=member.email, unreachable_reason="hard")
    client = signed_in(member)
    assert "Mail to you comes back" in client.get(SETTINGS).content.decode()
    assert client.post(reverse("accounts:mail-works")).status_code == 302
    assert "Mail to you comes back" not in client.get(SETTINGS).content.decode()


def test_another_address_is_a_fresh_start(member, signed_in):
    User.objects.filter(pk=member.pk).update(unreachable_email="old@acme.example", unreachable_reason="hard")
    assert "Mail to you comes back" not in signed_in(member).get(SETTINGS).content.decode()


# Access.


def test_strangers_roles_and_visitors(tell, member, other_admin, viewer, signed_in, client):
    tell(member)
    url = reverse("accounts:open-notification", args=[Notification.objects.get().public_id])
    assert signed_in(other_admin).get(url).status_code == 404
    assert signed_in(viewer).get(reverse("accounts:company-notifications")).status_code == 403
    for page in (LIST, BELL, SETTINGS, url, reverse("accounts:company-notifications")):
        assert client.get(page).headers["Location"].startswith("/accounts/login/")
    assert all(one.permission is None or one.permission in Permission for one in TYPES)


@pytest.mark.parametrize("name", ["zz", "\x00"])
def test_what_names_no_notification_is_not_there(admin, signed_in, name):
    assert signed_in(admin).post("/me/notifications/read/", {"notification": name}).status_code == 404
