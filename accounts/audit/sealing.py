"""Signing each finished day of the log, with a key that only the workers have."""

import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from django.conf import settings
from django.db import transaction
from django.db.models import Min

from accounts.audit.chain import GENESIS, message_of, seal_message
from accounts.audit.collecting import writes_alone
from accounts.models.audit import AuditEntry, AuditSeal

logger = logging.getLogger(__name__)


class NoSigningKey(Exception):
    """This process can't seal: AUDIT_SIGNING_KEY_FILE names no readable Ed25519 key."""


class NoPublicKey(Exception):
    """The log's seals can't be checked: no public key is named, or it can't be read."""


def signing_key() -> Ed25519PrivateKey:
    """Raises `NoSigningKey`."""
    path = settings.AUDIT_SIGNING_KEY_FILE
    if not path:
        raise NoSigningKey("set AUDIT_SIGNING_KEY_FILE for the workers")
    try:
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise NoSigningKey(f"AUDIT_SIGNING_KEY_FILE: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise NoSigningKey("AUDIT_SIGNING_KEY_FILE holds no Ed25519 key")
    return key


def public_key(path: str = "") -> Ed25519PublicKey:
    """The key that seals are checked with. Raises `NoPublicKey`."""
    path = path or settings.AUDIT_PUBLIC_KEY_FILE
    if not path:
        raise NoPublicKey("name the public key: --public-key, or AUDIT_PUBLIC_KEY_FILE")
    try:
        key = load_pem_public_key(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise NoPublicKey(f"{path}: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise NoPublicKey(f"{path} holds no Ed25519 key")
    return key


def is_signed(seal: AuditSeal, key: Ed25519PublicKey) -> bool:
    try:
        key.verify(bytes.fromhex(seal.signature), message_of(seal))
    except (InvalidSignature, ValueError):
        return False
    return True


def seal_finished_days(*, now: datetime, key: Ed25519PrivateKey) -> list[AuditSeal]:
    """Sign every finished day that has no seal, one after the other; empty days too, so that none can go missing."""
    today = now.astimezone(UTC).date()
    sealed: list[AuditSeal] = []
    while (day := _next_day()) is not None and day < today:
        with transaction.atomic():
            if not writes_alone():
                break
            if _next_day() == day:
                sealed.append(_seal(day, now=now, key=key))
    return sealed


def _next_day() -> date | None:
    """The day after the last seal, or the first day of the log. None: there is no log yet."""
    if last := AuditSeal.objects.order_by("-day").first():
        return last.day + timedelta(days=1)
    first = AuditEntry.objects.aggregate(first=Min("recorded_at"))["first"]
    return first.astimezone(UTC).date() if first else None


def _seal(day: date, *, now: datetime, key: Ed25519PrivateKey) -> AuditSeal:
    before = AuditSeal.objects.order_by("-day").first()
    end = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    last = AuditEntry.objects.filter(recorded_at__lt=end).order_by("-sequence").first()
    sequence, head = (last.sequence, last.hash) if last else (0, GENESIS)
    previous = before.signature if before else ""
    message = seal_message(day=day, last_sequence=sequence, head=head, previous_signature=previous)
    seal = AuditSeal.objects.create(
        day=day,
        last_sequence=sequence,
        head=head,
        previous_signature=previous,
        signature=key.sign(message).hex(),
        sealed_at=now,
    )
    # In the log of the process as well: a copy that the database's owner can't rewrite.
    logger.info("audit day sealed: %s last=%d head=%s signature=%s", day, sequence, head, seal.signature)
    return seal
