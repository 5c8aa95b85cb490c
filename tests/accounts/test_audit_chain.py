"""The audit log is whole, and shows when it is not: also to somebody who owns the database and all its triggers."""

import threading
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from accounts.audit import AuditAction, note
from accounts.audit.chain import GENESIS, entry_hash, hash_of, message_of
from accounts.audit.collecting import collect
from accounts.audit.sealing import NoSigningKey, seal_finished_days, signing_key
from accounts.audit.sources import Content, sources
from accounts.models import Account, AuditEntry, AuditNote, AuditSeal, AuditSource, Membership
from accounts.tasks import seal_audit
from tracking.actor import Actor

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=3)


@pytest.fixture
def key(settings, tmp_path):
    """The workers' key, and its public half as everybody has it."""
    made = Ed25519PrivateKey.generate()
    (tmp_path / "signing.pem").write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "public.pem").write_bytes(
        made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    settings.AUDIT_PUBLIC_KEY_FILE = str(tmp_path / "public.pem")
    return made


@pytest.fixture
def log(admin, member, acme):
    """Three days ago people were added, roles changed and somebody signed in: all in the log."""
    then = timezone.now() - LONG_AGO
    member.membership.roles = ["buyer"]
    member.membership.save()
    for _ in range(3):
        note(action=AuditAction.SIGNED_IN, actor=admin.membership.actor(), now=then, ip="203.0.113.9")
    assert collect(now=then) > 5
    return list(AuditEntry.objects.order_by("sequence"))


@pytest.fixture
def sealed(log, key):
    assert len(seal_finished_days(now=timezone.now(), key=key)) == 3
    return log


def verify(**options):
    out = StringIO()
    call_command("audit_verify", stdout=out, **options)
    return out.getvalue()


def past_the_triggers(table, statement, *params):
    """What the database's owner can do and no code of ours does: switch the table's guards off."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, params)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


ENTRIES, SEALS = "accounts_auditentry", "accounts_auditseal"


def rehash():
    """What a forger does next: make every hash again, so that the chain itself holds."""
    previous = GENESIS
    for number, entry in enumerate(AuditEntry.objects.order_by("sequence"), start=1):
        content = Content(**{name: getattr(entry, name) for name in Content.__dataclass_fields__})
        digest = entry_hash(content, sequence=number, recorded_at=entry.recorded_at, previous_hash=previous)
        past_the_triggers(
            ENTRIES, "UPDATE accounts_auditentry SET sequence = %s, previous_hash = %s, hash = %s WHERE sequence = %s",
            number, previous, digest, entry.sequence,
        )  # fmt: skip
        previous = digest


def test_an_untouched_log_is_whole(sealed, key):
    assert verify() == f"The audit log is whole: {len(sealed)} entries, 3 sealed days.\n"


def test_the_chain_begins_at_nothing_and_has_no_gap(log):
    assert [entry.sequence for entry in log] == list(range(1, len(log) + 1))
    assert log[0].previous_hash == GENESIS
    assert all(after.previous_hash == before.hash for before, after in pairwise(log))
    assert all(hash_of(entry) == entry.hash for entry in log)


def test_a_changed_entry_is_found(sealed, key):
    target = sealed[4]
    past_the_triggers(ENTRIES, "UPDATE accounts_auditentry SET actor_id = 999 WHERE sequence = %s", target.sequence)
    with pytest.raises(CommandError, match=rf"changed: entry {target.sequence} .* does not fit its hash"):
        verify()


def test_a_changed_entry_with_every_hash_made_again_is_found(sealed, key):
    past_the_triggers(ENTRIES, "UPDATE accounts_auditentry SET actor_id = 999 WHERE sequence = %s", sealed[4].sequence)
    rehash()
    with pytest.raises(CommandError, match=r"changed: entry 5 .* differ: actor_id"):
        verify()


def test_changed_roles_in_an_entry_are_found_against_the_row_that_tells(log, key):
    target = next(entry for entry in log if entry.action == "membership.changed")
    past_the_triggers(
        ENTRIES,
        """UPDATE accounts_auditentry SET changes = '{"roles": [["viewer"], ["support"]]}' WHERE sequence = %s""",
        target.sequence,
    )
    rehash()
    with pytest.raises(CommandError, match=rf"changed: entry {target.sequence} .* differ: roles"):
        verify()


def test_a_removed_entry_is_found(sealed, key):
    past_the_triggers(ENTRIES, "DELETE FROM accounts_auditentry WHERE sequence = %s", sealed[3].sequence)
    with pytest.raises(CommandError, match=r"removed: entry 4, before 5"):
        verify()


def test_a_removed_entry_with_the_gap_closed_is_found(log, key):
    gone = next(entry for entry in log if entry.source == "accounts_auditnote")
    past_the_triggers(ENTRIES, "DELETE FROM accounts_auditentry WHERE sequence = %s", gone.sequence)
    rehash()
    with pytest.raises(CommandError, match=rf"removed: the entry of accounts_auditnote {gone.source_id}"):
        verify()


def test_an_inserted_entry_is_found(sealed, key):
    last = sealed[-1]
    past_the_triggers(
        ENTRIES, """INSERT INTO accounts_auditentry
           SELECT %s, account_id, is_public, occurred_at, recorded_at, 'membership.changed', actor_kind, actor_id,
                  on_behalf_of, subject_id, object_type, object_id, object_label, changes, source, 987654, hash, 'x'
           FROM accounts_auditentry WHERE sequence = %s""",
        last.sequence + 1, last.sequence,
    )  # fmt: skip
    rehash()
    with pytest.raises(
        CommandError, match=rf"inserted: entry {last.sequence + 1} \(membership.changed\) was read from no row"
    ):
        verify()


def test_a_cut_tail_is_found(sealed, key):
    past_the_triggers(ENTRIES, "DELETE FROM accounts_auditentry WHERE sequence > %s", sealed[-3].sequence)
    with pytest.raises(CommandError, match=r"removed: entry"):
        verify()


def test_a_tail_cut_together_with_the_rows_it_was_read_from_is_found_by_the_seal(sealed, key):
    last = sealed[-1]
    past_the_triggers(ENTRIES, "DELETE FROM accounts_auditentry WHERE sequence = %s", last.sequence)
    past_the_triggers(
        last.source, f"DELETE FROM {last.source} WHERE {sources()[last.source]._meta.pk.column} = %s", last.source_id
    )
    with pytest.raises(CommandError, match=rf"removed: entry {last.sequence}, the last of"):
        verify()


def test_a_forged_day_signed_with_another_key_is_found(sealed, key):
    past_the_triggers(ENTRIES, "UPDATE accounts_auditentry SET actor_id = 999 WHERE sequence = 5")
    rehash()
    forger = Ed25519PrivateKey.generate()
    previous = ""
    for seal in AuditSeal.objects.order_by("day"):
        seal.previous_signature = previous
        seal.head = AuditEntry.objects.get(sequence=seal.last_sequence).hash
        previous = forger.sign(message_of(seal)).hex()
        past_the_triggers(
            SEALS, "UPDATE accounts_auditseal SET head = %s, previous_signature = %s, signature = %s WHERE day = %s",
            seal.head, seal.previous_signature, previous, seal.day,
        )  # fmt: skip
    with pytest.raises(CommandError, match=r"is not signed with this key"):
        verify()


def test_a_missing_seal_is_found(sealed, key):
    past_the_triggers(SEALS, "DELETE FROM accounts_auditseal WHERE day = (SELECT max(day) - 1 FROM accounts_auditseal)")
    with pytest.raises(CommandError, match=r"the seal of .* is missing"):
        verify()


def test_a_log_that_nobody_seals_is_said_so(log, key):
    with pytest.raises(CommandError, match="no day is sealed"):
        verify()


def test_days_can_be_looked_at_alone(sealed, key):
    collect(now=timezone.now())
    today = timezone.now().astimezone(UTC).date()
    assert "0 entries" in verify(from_date=today - timedelta(days=1), to_date=today - timedelta(days=1))


def test_without_the_public_key_nothing_is_claimed(log, settings):
    settings.AUDIT_PUBLIC_KEY_FILE = ""
    with pytest.raises(CommandError, match="name the public key"):
        verify()


def test_a_worker_without_the_key_says_so(settings, tmp_path):
    settings.AUDIT_SIGNING_KEY_FILE = ""
    with pytest.raises(NoSigningKey, match="AUDIT_SIGNING_KEY_FILE"):
        seal_audit()
    (tmp_path / "not-a-key").write_text("hello")
    settings.AUDIT_SIGNING_KEY_FILE = str(tmp_path / "not-a-key")
    with pytest.raises(NoSigningKey):
        signing_key()


@pytest.mark.parametrize("table", ["accounts_auditentry", "accounts_auditseal", "accounts_auditnote"])
def test_no_code_changes_or_deletes_what_was_written(sealed, table):
    for statement in (f"UPDATE {table} SET {'head' if 'seal' in table else 'action'} = 'x'", f"DELETE FROM {table}"):
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_of_a_note_the_address_alone_can_be_taken_out(log, key):
    assert AuditNote.objects.update(ip=None) == 3
    seal_finished_days(now=timezone.now(), key=key)
    assert "is whole" in verify()


def test_a_row_is_read_once(log):
    count = AuditEntry.objects.count()
    assert collect(now=timezone.now()) == 0
    assert AuditEntry.objects.count() == count


@pytest.mark.django_db(transaction=True)
def test_what_commits_late_is_read_all_the_same():
    """A transaction takes a lower key, a second one a higher; the second is read before the first commits."""
    from tests.factories import make_account

    account = make_account("Acme Logistics GmbH")
    held, go_on = threading.Event(), threading.Event()

    def slow():
        with transaction.atomic():
            Account.objects.filter(pk=account.pk).update(phone="slow")
            held.set()
            go_on.wait(30)
        connections.close_all()

    thread = threading.Thread(target=slow)
    thread.start()
    try:
        assert held.wait(30)
        make_account("Globex Retail Ltd")
        for _ in range(5):
            collect(now=timezone.now())
        assert AuditEntry.objects.filter(object_label="Globex Retail Ltd").exists()
        assert not AuditEntry.objects.filter(action="account.changed").exists()
        floor = AuditSource.objects.get(name="accounts_accountevent").floor
    finally:
        go_on.set()
        thread.join()
    for _ in range(4):
        collect(now=timezone.now())
    assert AuditEntry.objects.get(action="account.changed").changes == {"phone": ["", "slow"]}
    last = Account.pgh_event_model.objects.latest("pgh_id").pk
    # It may lag behind: a transaction in any database of the server holds it back.
    assert floor <= AuditSource.objects.get(name="accounts_accountevent").floor <= last
    assert floor < last


def test_a_member_s_change_tells_who_did_it_and_what_was_before(admin, member, acme, as_customer):
    with as_customer(admin.membership):
        pass
    Membership.objects.filter(pk=member.membership.pk).update(roles=["buyer"])
    collect(now=timezone.now())
    entry = AuditEntry.objects.get(action="membership.changed")
    assert entry.changes == {"roles": [["support", "viewer"], ["buyer"]]}
    assert (entry.account_id, entry.subject_id, entry.is_public) == (acme.pk, member.pk, True)


def test_secrets_and_personal_words_are_masked():
    from accounts.audit.sources import is_masked

    assert is_masked("client_secret", "accounts.connection")
    assert is_masked("email", "accounts.invitation")
    assert not is_masked("name", "accounts.account")


def test_a_customer_adds_notes_and_reads_only_their_company_s_log(admin, other_admin, as_customer, acme):
    with as_customer(admin.membership):
        note(action=AuditAction.SIGNED_IN, actor=admin.membership.actor(), now=datetime.now(UTC))
    collect(now=timezone.now())
    with as_customer(other_admin.membership):
        assert not AuditEntry.objects.filter(account_id=acme.pk).exists()
    with as_customer(admin.membership):
        assert AuditEntry.objects.filter(action="sign_in.done").count() == 1


def test_a_customer_writes_no_note_for_another_company(admin, globex, as_customer):
    with as_customer(admin.membership), pytest.raises(DatabaseError), transaction.atomic():
        note(action=AuditAction.SIGNED_IN, actor=Actor(admin.pk, globex.pk, "customer"), now=datetime.now(UTC))
    assert not AuditNote.objects.exists()


def test_a_production_worker_without_the_key_does_not_start(settings):
    from portal.celery import signing_key_is_there

    settings.PRODUCTION, settings.AUDIT_SIGNING_KEY_FILE = True, ""
    with pytest.raises(SystemExit, match=r"The worker cannot start: set AUDIT_SIGNING_KEY_FILE"):
        signing_key_is_there()
