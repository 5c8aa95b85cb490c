"""Which brand a page, a mail or a paper wears: the company's, the one of the address asked for, or the default.

Brands are few and hardly change, and every page needs one: all of them are kept in the cache, without their pictures.
A fresh installation has none; then the settings say who the vendor is.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import formataddr

import dns.exception
import dns.resolver
from csp.utils import build_policy
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import DisallowedHost
from django.core.handlers.exception import response_for_exception
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.http.request import split_domain_port, validate_host

from accounts import contrast
from accounts.domains import txt_values
from accounts.menus import Arrangement, Place
from accounts.models import Account, Brand
from accounts.models.brands import PRIMARY

CACHE_KEY = "brands"
CACHE_SECONDS = 300


@dataclass(frozen=True)
class Look:
    """A brand as pages, mails and papers need it."""

    id: int | None
    name: str
    legal_name: str
    base_url: str  # Where its portal is, without a slash at the end.
    sender: str
    support_email: str = ""
    token: str = ""  # Names this state of the brand in addresses; empty: the portal's own look.
    has_logo_light: bool = False
    has_logo_dark: bool = False
    host: str = ""
    is_default: bool = False
    primary: str = PRIMARY  # On light pages, in mails and on papers.
    links: list[tuple[str, str]] = field(default_factory=list)
    menu: Arrangement = field(default_factory=dict)


def of_settings() -> Look:
    """What a fresh installation looks like."""
    return Look(
        id=None,
        name=settings.VENDOR_NAME,
        legal_name=settings.LEGAL_ENTITY,
        base_url=settings.PORTAL_BASE_URL,
        sender=settings.DEFAULT_FROM_EMAIL,
    )


def _look_of(brand: Brand) -> Look:
    verified = brand.custom_domain if brand.custom_domain and brand.domain_verified_at else ""
    scheme = settings.PORTAL_BASE_URL.split("://")[0]
    return Look(
        id=brand.pk,
        name=brand.name,
        legal_name=brand.legal_name,
        base_url=f"{scheme}://{verified}" if verified else settings.PORTAL_BASE_URL,
        sender=formataddr((brand.sender_name or brand.name, brand.sender_email))
        if brand.sender_email
        else settings.DEFAULT_FROM_EMAIL,
        support_email=brand.support_email,
        token=brand.token,
        has_logo_light=bool(brand.logo_light),
        has_logo_dark=bool(brand.logo_dark),
        host=verified,
        is_default=brand.is_default,
        primary=brand.primary_light,
        links=brand.links,
        menu={(rule.role, rule.entry): Place(rule.is_hidden, rule.position) for rule in brand.menu_rules.all()},
    )


def looks() -> list[Look]:
    """All brands."""
    known: list[Look] | None = cache.get(CACHE_KEY)
    if known is None:
        known = [_look_of(brand) for brand in Brand.objects.order_by("pk").prefetch_related("menu_rules")]
        cache.set(CACHE_KEY, known, CACHE_SECONDS)
    return known


def default() -> Look:
    return next((look for look in looks() if look.is_default), None) or of_settings()


def of(account: Account | None) -> Look:
    """The brand of a company; the default without one."""
    chosen = account.brand_id if account else None
    return next((look for look in looks() if chosen and look.id == chosen), None) or default()


def of_host(host: str) -> Look | None:
    """The brand whose verified domain it is."""
    return next((look for look in looks() if look.host and look.host == host), None)


def save_brand(brand: Brand, *, now: datetime) -> None:
    """Save it under new addresses, so that browsers fetch the new colours and logos."""
    if brand.pk:
        brand.version += 1
        before = Brand.objects.get(pk=brand.pk)
        if before.custom_domain != brand.custom_domain:
            brand.domain_verified_at = None
    brand.updated_at = now
    if brand.is_default:
        Brand.objects.filter(is_default=True).exclude(pk=brand.pk).update(is_default=False)
    brand.save()
    forget()


def forget() -> None:
    """Let the next page read the brands anew: at once, and once others see the change, who may have kept them since."""
    cache.delete(CACHE_KEY)
    transaction.on_commit(lambda: cache.delete(CACHE_KEY))


def check_domain(brand: Brand, *, now: datetime) -> bool:
    """Ask the DNS whether the domain is the vendor's, and answer there as long as it is; whether it was found to be.

    Where no name server answers, all stays as it was.
    """
    name, value = brand.domain_record
    try:
        found = value in txt_values(name)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        found = False
    except dns.exception.DNSException:
        return False
    # Of the domain that was asked about: it may be another one by now.
    asked = Brand.objects.filter(pk=brand.pk, custom_domain=brand.custom_domain)
    is_current = asked.update(domain_verified_at=now if found else None) > 0
    forget()
    return found and is_current


def stylesheet(brand: Brand) -> str:
    """The brand's colours as the custom properties that assets/brand.css has for them."""
    colours = {"primary": (brand.primary_light, brand.primary_dark), "accent": (brand.accent_light, brand.accent_dark)}
    lines = []
    for name, (light, dark) in colours.items():
        lines.append(f"  --color-{name}: light-dark({light}, {dark});")
        lines.append(f"  --color-{name}-content: light-dark({contrast.text_on(light)}, {contrast.text_on(dark)});")
    return ":root {\n" + "\n".join(lines) + "\n}\n"


# What the page at hand wears. Error pages read it too, and ask neither a request nor the database.
_current: ContextVar[Look | None] = ContextVar("brand", default=None)


def current() -> Look:
    """The brand of the page at hand; where none is known yet, the default as far as the cache knows it."""
    return (
        _current.get() or next((look for look in cache.get(CACHE_KEY) or [] if look.is_default), None) or of_settings()
    )


def is_at_brands_domain(request: HttpRequest) -> bool:
    """Whether the page is asked for at a brand's domain, and not at the portal's own address."""
    host, _port = split_domain_port(request.get_host())
    return not validate_host(host, settings.ALLOWED_HOSTS)


GetResponse = Callable[[HttpRequest], HttpResponseBase]


def brand_of_the_host(get_response: GetResponse) -> GetResponse:
    """Let the portal answer at the verified domains of brands as well. Other hosts are refused as before.

    Stands before all that asks for the request's host. At the portal's own address nothing is looked up here.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        asked = request.headers.get("host", "")
        host, _port = split_domain_port(asked)
        look = None
        if host and not validate_host(host, settings.ALLOWED_HOSTS):
            look = of_host(host)
            if look is None:
                return _refused(request)
            # Django knows hosts from the settings alone, and asks them again each time it is asked for the host.
            request.get_host = lambda: asked  # type: ignore[method-assign]  # On this request alone.
        token = _current.set(look)
        try:
            return get_response(request)
        finally:
            _current.reset(token)

    return middleware


def _refused(request: HttpRequest) -> HttpResponseBase:
    """The page for a bad request, as here no other middleware has a say, with the policy that all pages have."""
    page = response_for_exception(request, DisallowedHost("Neither the portal's address nor a brand's."))
    page.headers["Content-Security-Policy"] = build_policy()
    page.headers["X-Content-Type-Options"] = "nosniff"
    return page


def wear(request: HttpRequest) -> Look:
    """The brand of the page at hand: of the company worked for, else of the address asked for, else the default."""
    account: Account | None = getattr(request, "account", None)
    look = of(account) if account is not None and account.brand_id else _current.get() or default()
    _current.set(look)
    return look
