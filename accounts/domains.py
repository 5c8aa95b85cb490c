"""Which e-mail domains are a company's own: added by its administrator, verified by DNS or by the staff."""

from datetime import datetime

import dns.exception
import dns.nameserver
import dns.resolver
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import Account, Domain
from accounts.models.domains import CheckProblem, VerifiedHow, in_ascii
from accounts.scope import staff_scope
from tracking.actor import Actor

DOMAINS_PER_ACCOUNT = 50
DNS_SECONDS = 4  # For one question, all name servers together.

# Whoever has an address there shares the domain with strangers. The large ones: the staff see every domain besides.
PUBLIC_PROVIDERS = frozenset({
    "aol.com", "duck.com", "fastmail.com", "free.fr", "freenet.de", "gmail.com", "gmx.at", "gmx.ch", "gmx.com",
    "gmx.de", "gmx.net", "googlemail.com", "hey.com", "hotmail.com", "hotmail.de", "hotmail.fr", "icloud.com",
    "laposte.net", "libero.it", "live.com", "mac.com", "mail.com", "mail.ru", "mailbox.org", "me.com", "msn.com",
    "naver.com", "orange.fr", "outlook.com", "outlook.de", "pm.me", "posteo.de", "proton.me", "protonmail.com",
    "qq.com", "t-online.de", "tutanota.com", "web.de", "yahoo.com", "yahoo.de", "yahoo.fr", "yandex.com", "yandex.ru",
    "zoho.com", "163.com", "126.com",
})  # fmt: skip


class DomainRefused(Exception):
    """The domain can't be added; the message says why."""


def normalise(name: str) -> str:
    """The domain in lower case and ASCII ("Bücher.example" is xn--bcher-kva.example).

    Takes what people paste: an address or a web address. Raises `DomainRefused` for what is no domain name.
    """
    name = name.strip().lower().partition("://")[2] or name.strip().lower()
    name = name.partition("/")[0].rpartition("@")[2].removeprefix("www.").rstrip(".")
    refused = DomainRefused(_("“%(name)s” is not a domain name. It looks like example.com.") % {"name": name[:60]})
    try:
        text = in_ascii(name)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise refused from error
    labels = text.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or not all(_is_label(label) for label in labels):
        raise refused
    return text


def _is_label(label: str) -> bool:
    return bool(label) and label.replace("-", "").isalnum() and label.isascii() and label.strip("-") == label


def add_domain(*, account: Account, name: str) -> Domain:
    """Note a domain that the company says is its own; it counts once it is verified.

    Raises `DomainRefused`.
    """
    name = normalise(name)
    if name in PUBLIC_PROVIDERS:
        raise DomainRefused(
            _("“%(name)s” is a public mail provider: people of every company have addresses there.") % {"name": name}
        )
    if Domain.objects.for_account(account).count() >= DOMAINS_PER_ACCOUNT:
        raise DomainRefused(
            _("A company has at most %(limit)d domains. Remove one first.") % {"limit": DOMAINS_PER_ACCOUNT}
        )
    try:
        with transaction.atomic():
            return Domain.objects.create(account=account, name=name)
    except IntegrityError as error:
        raise DomainRefused(_("“%(name)s” is in the list already.") % {"name": name}) from error


def check_domain(*, domain: Domain, actor: Actor, now: datetime) -> bool:
    """Ask the DNS for the domain's record, and verify the domain if it is there; whether the domain is verified now.

    Asks with no transaction open. What came of it is written as the owner, as a customer's request verifies nothing.
    """
    problem = _look_for(domain)
    with staff_scope(actor):
        if not problem:
            return verify_domain(domain=domain, how=VerifiedHow.DNS, now=now)
        Domain.objects.filter(pk=domain.pk, verified_at__isnull=True).update(problem=problem, checked_at=now)
    return False


def verify_domain(*, domain: Domain, how: VerifiedHow, now: datetime) -> bool:
    """Make the domain this company's; False where another company's it is already. Runs as the owner."""
    row = Domain.objects.filter(pk=domain.pk, verified_at__isnull=True)
    try:
        with transaction.atomic():
            row.update(verified_at=now, verified_how=how, checked_at=now, problem="")
    except IntegrityError:
        row.update(problem=CheckProblem.TAKEN, checked_at=now)
        return False
    return True


def remove_domain(*, domain: Domain, actor: Actor) -> None:
    """Take the domain off the company's list, as the owner: a customer's request deletes no rows."""
    with staff_scope(actor):
        Domain.objects.filter(pk=domain.pk).delete()


def _look_for(domain: Domain) -> CheckProblem | None:
    """What is wrong with the domain's TXT record; None when it is as it should be."""
    try:
        values = txt_values(domain.record_name)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return CheckProblem.NOT_FOUND
    except dns.exception.DNSException:
        return CheckProblem.NO_ANSWER
    return None if domain.record_value in values else CheckProblem.OTHER_VALUE


def txt_values(name: str) -> set[str]:
    """The texts of a TXT record. Raises `dns.exception.DNSException`."""
    resolver = dns.resolver.Resolver(configure=not settings.DNS_SERVERS)
    if settings.DNS_SERVERS:
        resolver.nameservers = [
            dns.nameserver.Do53Nameserver(host, int(port))
            for host, _colon, port in (server.rpartition(":") for server in settings.DNS_SERVERS)
        ]
    answer = resolver.resolve(name, "TXT", lifetime=DNS_SECONDS, search=False)
    return {b"".join(record.strings).decode("utf-8", "replace").strip() for record in answer}
