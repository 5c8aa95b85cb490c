"""What becomes of a mail when the mail server, or the worker, dies in the middle of it."""

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from email import message_from_bytes

import pytest
from aiosmtpd.controller import Controller
from django.conf import settings as django_settings
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.law.consent import choose
from accounts.merging import merge_people
from accounts.models import MailState, MailTimes, Membership, NotificationChoice, OutgoingMail, Purpose
from accounts.notifications import send_due
from accounts.notifications.outbox import MAIL_ATTEMPTS, MAIL_LEASE
from accounts.notifications.own import Digest
from accounts.notifications.types import Category, NotificationType, types
from accounts.notifications.unsubscribing import unsubscribe_path
from sandbox.processes import LOOPBACK, free_port
from tests.factories import make_member, make_staff

pytestmark = pytest.mark.django_db


class News(NotificationType):
    """What may be sent once at most."""

    name = "news"
    label = "News"
    category = Category.PRODUCT
    line = "News"
    is_marketing = True


class Server:
    """A real mail server that keeps what it is given, and can misbehave."""

    def __init__(self):
        self.accepted = []
        self.answer = "250 OK"
        self.rcpt_answer = "250 OK"
        self.dies = False
        self.arrived = threading.Event()

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        envelope.rcpt_tos.append(address)
        return self.rcpt_answer

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.accepted.append(message_from_bytes(envelope.content))
        self.arrived.set()
        if self.dies:  # It has taken the message, and its answer never arrives.
            server.transport.abort()
        return self.answer

    @property
    def ids(self):
        return [message["Message-ID"] for message in self.accepted]


@pytest.fixture
def server(settings, monkeypatch):
    monkeypatch.setitem(types(), "news", News)
    port = free_port()
    server = Server()
    controller = Controller(server, hostname=LOOPBACK, port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = LOOPBACK, port
    yield server
    controller.stop()


@pytest.fixture(autouse=True)
def news_are_wanted(member):
    choose(user=member, choices={Purpose.MARKETING: True}, source="portal", now=timezone.now())


def waiting(user, kind="case_reply"):
    account_id = user.memberships.get().account_id
    return OutgoingMail.objects.create(
        account_id=account_id, user=user, kind=kind, to=user.email, subject="Hello", text="Hello.\n"
    )


def again(letter):
    letter.refresh_from_db()
    return letter.next_at + timedelta(seconds=1)


def due():
    return timezone.now() + timedelta(seconds=1)


def test_necessary_mail_goes_out_again_under_the_same_id_when_nobody_knows_whether_it_arrived(server, member):
    letter = waiting(member)
    server.dies = True
    assert send_due(now=due()) == 0
    letter.refresh_from_db()
    assert (letter.state, letter.attempts) == (MailState.PENDING, 1)
    server.dies = False
    assert send_due(now=again(letter)) == 1
    assert server.ids == [f"<{letter.message_id}@vendor.example>"] * 2


def test_marketing_mail_goes_to_those_alone_who_asked_for_it(server, member, admin):
    unasked, asked = waiting(admin, "news"), waiting(member, "news")
    assert send_due(now=due()) == 1
    unasked.refresh_from_db()
    asked.refresh_from_db()
    assert (unasked.state, asked.state) == (MailState.CANCELLED, MailState.SENT)


def test_marketing_mail_does_not_and_waits_for_the_staff(server, member, agent, signed_in):
    letter = waiting(member, "news")
    server.dies = True
    send_due(now=due())
    letter.refresh_from_db()
    assert letter.state == MailState.UNKNOWN
    assert send_due(now=again(letter) + timedelta(days=1)) == 0
    assert len(server.accepted) == 1
    server.dies = False
    url = reverse("admin:accounts_outgoingmail_changelist")
    assert "Perhaps sent" in signed_in(agent).get(url).content.decode()
    signed_in(agent).post(url, {"action": "send_again", "_selected_action": [letter.pk]})
    assert send_due(now=due()) == 1
    assert server.ids == [f"<{letter.message_id}@vendor.example>"] * 2


@pytest.mark.parametrize(("kind", "state"), [("case_reply", MailState.SENT), ("news", MailState.UNKNOWN)])
def test_what_a_dead_worker_left_is_looked_at_after_its_lease(server, member, kind, state):
    letter = waiting(member, kind)
    begun = timezone.now()
    OutgoingMail.objects.update(state=MailState.SENDING, attempts=1, next_at=begun + MAIL_LEASE)
    assert send_due(now=begun + MAIL_LEASE / 2) == 0
    send_due(now=begun + MAIL_LEASE)
    letter.refresh_from_db()
    assert letter.state == state


@pytest.mark.parametrize("kind", ["case_reply", "news"])
def test_a_server_that_refuses_for_now_is_asked_again_whatever_the_mail(server, member, kind):
    letter = waiting(member, kind)
    server.answer = "451 Later, please"
    send_due(now=due())
    letter.refresh_from_db()
    assert letter.state == MailState.PENDING
    assert "Later, please" in letter.last_error
    server.answer = "250 OK"
    assert send_due(now=again(letter)) == 1


@pytest.mark.parametrize("kind", ["case_reply", "news"])
def test_a_server_that_is_away_is_asked_again_until_it_is_given_up(settings, server, member, kind):
    settings.EMAIL_PORT = free_port()
    letter = waiting(member, kind)
    for _attempt in range(MAIL_ATTEMPTS):
        assert letter.state == MailState.PENDING
        send_due(now=again(letter))
        letter.refresh_from_db()
    assert letter.state == MailState.FAILED


def test_an_address_that_the_server_does_not_know_is_marked(server, member):
    letter = waiting(member)
    server.rcpt_answer = "550 5.1.1 No such user"
    send_due(now=due())
    letter.refresh_from_db()
    member.refresh_from_db()
    assert letter.state == MailState.FAILED
    assert member.mail_problem == "hard"


def test_two_workers_send_a_mail_once(server, member):
    waiting(member)
    seen = list(OutgoingMail.objects.due(due()).select_related("user__mail_times"))
    assert send_due(now=due()) == 1
    from accounts.notifications import outbox

    assert not outbox._move(seen[0], state=MailState.SENDING)
    assert send_due(now=due()) == 0
    assert len(server.accepted) == 1


WORKER = """
import django; django.setup()
from django.utils import timezone
from accounts.notifications import send_due
send_due(now=timezone.now())
"""


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_the_server_has_the_message_sends_it_again_under_the_same_id(server, member):
    """A worker of its own, killed between the message and the server's answer."""
    held = threading.Event()
    answer = server.handle_DATA

    async def keep_waiting(smtp, session, envelope):
        await answer(smtp, session, envelope)
        import asyncio

        while not held.is_set():
            await asyncio.sleep(0.01)
        return "250 OK"

    server.handle_DATA = keep_waiting
    letter = waiting(member)
    database = connection.settings_dict
    url = (
        f"postgres://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    )
    email = f"smtp://{django_settings.EMAIL_HOST}:{django_settings.EMAIL_PORT}"
    environment = os.environ | {"DATABASE_URL": url, "EMAIL_URL": email}
    worker = subprocess.Popen([sys.executable, "-c", WORKER], env=environment, cwd=django_settings.BASE_DIR)
    try:
        assert server.arrived.wait(60)
        letter.refresh_from_db()
        assert letter.state == MailState.SENDING
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        held.set()
    server.handle_DATA = answer
    assert send_due(now=again(letter)) == 1
    assert server.ids == [f"<{letter.message_id}@vendor.example>"] * 2


# One click.


@pytest.fixture
def link(server, member):
    account_id = member.memberships.get().account_id
    return unsubscribe_path(user_id=member.pk, account_id=account_id, kind="case_reply")


def test_marketing_mail_and_summaries_stop_with_one_click_and_no_other_mail_offers_it(server, member, client):
    for kind in ("news", Digest.name, "case_reply"):
        waiting(member, kind)
    assert send_due(now=due()) == 3
    news, digest, reply = server.accepted
    assert "List-Unsubscribe" not in reply
    for message in (news, digest):
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        url = message["List-Unsubscribe"].strip().strip("<>").removeprefix(django_settings.PORTAL_BASE_URL)
        answer = client.post(url, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 200
    assert NotificationChoice.objects.get(kind="news").by_mail == "off"
    member.refresh_from_db()
    assert member.mail_times.digest_every == "never"
    waiting(member, "news")
    assert send_due(now=due()) == 0


def test_looking_at_the_link_asks_and_changes_nothing(client, link):
    page = client.get(link)
    assert page.status_code == 200
    assert "no more mail" in page.content.decode()
    assert not NotificationChoice.objects.exists()
    for _time in range(2):
        assert "You are unsubscribed" in client.post(link).content.decode()
    choice = NotificationChoice.objects.get()
    assert (choice.by_mail, choice.in_bell) == ("off", True)


def test_the_link_in_mail_to_an_entry_that_was_joined_stops_the_mail_of_the_one_that_stays(acme, member, client):
    twin = make_member(acme, "milo@acme-logistics.example", "Milo Brandt", roles=["viewer"])
    link = unsubscribe_path(user_id=twin.pk, account_id=acme.pk, kind=Digest.name)
    cleo = make_staff("cleo@vendor.example", "Cleo Marsh", group="Customer success")
    merge_people(merged=twin, survivor=member, by=cleo, reason="The same Milo.", now=due())
    assert client.post(link).status_code == 200
    assert MailTimes.objects.get().user == member
    assert MailTimes.objects.get().digest_every == "never"


def test_a_link_that_was_changed_leads_nowhere(client, link):
    for url in (link[:-3] + "xx/", "/mail/unsubscribe/W10:xx/"):
        assert client.post(url).status_code == 404
    assert not NotificationChoice.objects.exists()


def test_the_link_works_for_somebody_signed_in_as_somebody_else(other_admin, link, signed_in, member):
    assert signed_in(other_admin).post(link).status_code == 200
    assert NotificationChoice.objects.get().user == member
    assert Membership.objects.filter(user=member).exists()
