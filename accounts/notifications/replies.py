"""The address that a reply goes to: it names what is answered and by whom, and is signed.

    reply+case-10482-57-k3v7…@portal.example.com

Mail servers may change the case of an address, and allow 64 characters before the @.
"""

import base64
import re
from dataclasses import dataclass

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

_TOKEN = re.compile(r"(?P<what>[a-z]{1,12})-(?P<id>[a-z0-9]{1,20})-(?P<user>\d{1,12})-(?P<signature>[a-z2-7]{16})")


@dataclass(frozen=True)
class Answered:
    """What a reply belongs to, and to whom we had written."""

    what: str  # As an app's inbound.py names it.
    object_id: str
    user_id: int


def reply_token(what: str, object_id: str, *, user_id: int) -> str:
    """What stands behind the plus sign."""
    named = f"{what}-{object_id.lower()}-{user_id}"
    return f"{named}-{_signature(named)}"


def reply_address(token: str) -> str:
    """The whole address."""
    local, _at, domain = settings.EMAIL_INBOUND_ADDRESS.partition("@")
    return f"{local}+{token}@{domain}"


def answered_by(addresses: list[str]) -> Answered | None:
    """The first of the addresses that is one of ours, and signed by us."""
    for address in addresses:
        _local, plus, token = address.lower().partition("@")[0].partition("+")
        match = _TOKEN.fullmatch(token) if plus else None
        if match and constant_time_compare(match["signature"], _signature(token.rpartition("-")[0])):
            return Answered(match["what"], match["id"], int(match["user"]))
    return None


def _signature(named: str) -> str:
    """80 bits: whoever guesses also has to send as the person, and sees nothing."""
    digest = salted_hmac("accounts.replies", named, algorithm="sha256").digest()
    return base64.b32encode(digest[:10]).decode().lower()
