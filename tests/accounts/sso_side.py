"""A browser between the portal and real identity providers, and a company that is connected to one."""

import re
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit

from django.conf import settings
from django.http import HttpResponse
from django.test import Client

# The identity provider knows the company's addresses before the company is made.
ACME = uuid.UUID("5f0c1c7e-6a53-4a8e-9c8f-0d8d1f6f7a01")
CALLBACK = f"http://portal.localhost:8000/sso/{ACME}/callback/"
SECRET = "the-portal-and-the-provider-know-it"
CLIENTS = [{"client_id": "portal", "client_secret": SECRET, "redirect_uris": [CALLBACK]}]


def person(email="nina@acme.example", name="Nina Nowak", groups=("Support team",), **claims):
    return {"id": f"id-of-{email}", "email": email, "name": name, "groups": list(groups), **claims}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args, **kwargs):
        return None


@dataclass
class Browser:
    """Follows redirects and forms that send themselves, with cookies for each side."""

    client: Client = field(default_factory=Client)
    on_post: Callable[[dict[str, str]], dict[str, str]] = lambda fields: fields  # Changes what is posted back.
    on_way: Callable[[str], str] = lambda url: url  # Changes an address on the way to the identity provider.
    posted: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        jar = urllib.request.HTTPCookieProcessor(CookieJar())
        self._outside = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar, _NoRedirects())

    def open(self, url: str, data: dict[str, str] | None = None) -> HttpResponse:
        """The page of the portal where it ends."""
        for _step in range(20):
            if url.startswith(("/", settings.PORTAL_BASE_URL)):
                response = self._portal(url, data)
                if response.status_code not in (301, 302, 303):
                    return response
                url, data = response.url, None
                if not url.startswith("/"):
                    url = self.on_way(url)
            else:
                url, data = self._elsewhere(url)
        raise AssertionError("it goes round in circles")

    def _portal(self, url: str, data: dict[str, str] | None) -> HttpResponse:
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return self.client.get(path) if data is None else self.client.post(path, data)

    def _elsewhere(self, url: str) -> tuple[str, dict[str, str] | None]:
        try:
            with self._outside.open(url, timeout=10) as answer:
                page = answer.read().decode()
        except HTTPError as error:
            if location := error.headers.get("Location"):
                return urljoin(url, location), None
            raise AssertionError(f"{url}: {error.status} {error.read().decode()[:2000]}") from error
        action = re.search(r'<form[^>]*action="([^"]+)"', page)
        assert action, page[:2000]
        pairs = re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page)
        fields = self.on_post({name: unescape(value) for name, value in pairs})
        self.posted.append((unescape(action[1]), fields))
        return self.posted[-1]

    def is_signed_in(self) -> bool:
        return "_auth_user_id" in self.client.session


def with_query(url: str, **changes: str) -> str:
    """The address with other values in its query."""
    from urllib.parse import parse_qsl

    parts = urlsplit(url)
    return parts._replace(query=urlencode(dict(parse_qsl(parts.query)) | changes)).geturl()
