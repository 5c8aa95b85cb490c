"""Licence keys: made once for a line of an order, shown to those who may, and no longer worth anything once revoked."""

import secrets
from datetime import datetime

from accounts import vault
from accounts.audit import AuditAction, note
from commerce.models import LicenceKey, Order, QuoteLine
from tracking.actor import Actor

# Without letters and digits that people take for one another.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
GROUPS, GROUP_LENGTH = 5, 5  # 125 bits.


class KeyRevoked(Exception):
    """Its order was taken back: there is nothing to be shown any more."""


def issue(*, line: QuoteLine, order: Order, now: datetime) -> LicenceKey:
    """The key of a line; the same one, however often it is asked for. Runs with the owner's rights."""
    text = _new_key()
    key, _is_new = LicenceKey.objects.get_or_create(
        account_id=order.account_id,
        line=line,
        defaults={
            "order": order,
            "product_id": line.product_id,
            "quantity": line.quantity,
            "sealed": vault.seal(text),
            "ending": text[-GROUP_LENGTH:],
            "issued_at": now,
        },
    )
    return key


def show(*, key: LicenceKey, actor: Actor, now: datetime) -> str:
    """The key for somebody who may see it; that they did stands in the audit log. Raises `KeyRevoked`."""
    if key.revoked_at is not None:
        raise KeyRevoked
    _note(AuditAction.LICENCE_SHOWN, key, actor, now)
    return key.text


def note_copied(*, key: LicenceKey, actor: Actor, now: datetime) -> None:
    """They took it along."""
    _note(AuditAction.LICENCE_COPIED, key, actor, now)


def revoke_of(*, order: Order, now: datetime) -> None:
    """What was bought was given back. Runs with the owner's rights."""
    LicenceKey.objects.filter(order=order).valid().update(revoked_at=now)


def _new_key() -> str:
    def group() -> str:
        return "".join(secrets.choice(ALPHABET) for _place in range(GROUP_LENGTH))

    return "-".join(group() for _place in range(GROUPS))


def _note(action: AuditAction, key: LicenceKey, actor: Actor, now: datetime) -> None:
    note(
        action=action,
        actor=actor,
        now=now,
        account_id=key.account_id,
        object_type="licence",
        object_id=str(key.public_id),
        object_label=f"{key.product} {key}",
    )
