"""Asking servers whose addresses customers gave us, without becoming their way into our own network.

The name is looked up once, every address it has must be public, and the connection goes to the address that was looked
at: a name server that answers differently the second time gains nothing. No redirects, little time, few bytes.
"""

import ipaddress
import json
import socket
import time
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

import urllib3
from django.conf import settings
from django.utils.translation import gettext as _

SECONDS = 6  # For one answer, from its first byte to its last.
MAX_BYTES = 256 * 1024


class OutboundRefused(Exception):
    """The address is not one that we ask; the message says why."""


class NoAnswer(Exception):
    """The server did not answer as it should; the message says how."""


def check_url(url: str) -> None:
    """Whether people and we may be sent there. Looks nothing up. Raises `OutboundRefused`."""
    parts = _parts_of(url)
    if parts is None or not parts.hostname or parts.username or parts.password:
        raise OutboundRefused(_("“%(url)s” is not a web address.") % {"url": url[:200]})
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_own_machine(parts.hostname)):
        raise OutboundRefused(_("“%(url)s” must begin with https://.") % {"url": url[:200]})
    try:
        literal = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return
    if not _may_be_asked(str(literal)):
        raise OutboundRefused(_("“%(url)s” is in a private network, which we don't ask.") % {"url": url[:200]})


def _parts_of(url: str) -> SplitResult | None:
    """None for what no browser takes: half a pair of brackets, a port that is none, a space in between."""
    if "\\" in url or " " in url or not url.isprintable():
        return None
    try:
        parts = urlsplit(url)
        return None if parts.port == 0 else parts
    except ValueError:
        return None


def fetch(
    url: str, *, data: dict[str, str] | None = None, headers: dict[str, str] | None = None, max_bytes: int = MAX_BYTES
) -> bytes:
    """The body of a 200 answer to GET, or to POST with form `data`. Raises `OutboundRefused` or `NoAnswer`."""
    check_url(url)
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = _public_address(host, port)
    options: dict[str, Any] = {"timeout": urllib3.Timeout(connect=3, read=SECONDS), "retries": False}
    pool: urllib3.HTTPConnectionPool
    if parts.scheme == "https":
        pool = urllib3.HTTPSConnectionPool(address, port, server_hostname=host, assert_hostname=host, **options)
    else:
        pool = urllib3.HTTPConnectionPool(address, port, **options)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = {"Host": parts.netloc, "User-Agent": "portal", "Accept-Encoding": "identity", **(headers or {})}
    body = None
    if data is not None:
        body, sent["Content-Type"] = urlencode(data), "application/x-www-form-urlencoded"
    with pool:
        try:
            answer = pool.urlopen(
                "GET" if data is None else "POST", target, body=body, headers=sent, redirect=False,
                preload_content=False, decode_content=False,
            )  # fmt: skip
            content = _read(answer, max_bytes)
        except urllib3.exceptions.HTTPError as error:
            raise NoAnswer(_("%(host)s could not be reached.") % {"host": host}) from error
    if answer.status != 200:
        raise NoAnswer(_("%(host)s answered with status %(status)d.") % {"host": host, "status": answer.status})
    return content


def fetch_json(
    url: str, *, data: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """As `fetch`, for a JSON object."""
    content = fetch(url, data=data, headers={"Accept": "application/json", **(headers or {})})
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NoAnswer(_("%(host)s did not answer with JSON.") % {"host": urlsplit(url).hostname}) from error
    if not isinstance(parsed, dict):
        raise NoAnswer(_("%(host)s did not answer with JSON.") % {"host": urlsplit(url).hostname})
    return parsed


def _read(answer: urllib3.BaseHTTPResponse, max_bytes: int) -> bytes:
    """The whole body, within the limits: a server that trickles is given up, as one that never ends."""
    until = time.monotonic() + SECONDS
    content = bytearray()
    while chunk := answer.read1(16 * 1024):
        content += chunk
        if len(content) > max_bytes:
            raise NoAnswer(_("The answer is larger than %(limit)d KB.") % {"limit": max_bytes // 1024})
        if time.monotonic() > until:
            raise NoAnswer(_("The answer took too long."))
    return bytes(content)


def _public_address(host: str, port: int) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoAnswer(_("There is no server called %(host)s.") % {"host": host}) from error
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(_may_be_asked(address) for address in addresses):
        raise OutboundRefused(_("%(host)s is in a private network, which we don't ask.") % {"host": host})
    return addresses[0]


def _may_be_asked(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return (parsed.is_global and not parsed.is_multicast) or (settings.OUTBOUND_LOOPBACK and parsed.is_loopback)


def _is_own_machine(host: str) -> bool:
    """Without TLS only this machine is asked, and only where the installation says so: tests and the demo."""
    return bool(settings.OUTBOUND_LOOPBACK) and (
        host == "localhost" or host.endswith(".localhost") or host == "127.0.0.1"
    )
