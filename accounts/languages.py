"""Which language a person reads and which clock they look at.

Their own choice counts first, then their company's, then what the browser asks for, then the vendor's. Whoever is not
signed in has the browser's language, or the one chosen in the footer (a cookie; Django's LocaleMiddleware).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.translation import get_language, get_language_info, override

from accounts.models import Account, User


def offered() -> list[tuple[str, str]]:
    """Code and own name of each language of the portal: ("de", "Deutsch")."""
    return [(code, get_language_info(code)["name_local"].capitalize()) for code, _name in settings.LANGUAGES]


def own_name(code: str) -> str:
    """How a language calls itself."""
    return dict(offered())[code]


@contextmanager
def speaking_to(user: User, account: Account | None) -> Iterator[str]:
    """Texts in the person's language and times on their clock: for what is written to somebody who is not asking."""
    language = user.preferred_language(account) or settings.LANGUAGE_CODE
    with override(language), timezone.override(ZoneInfo(user.time_zone)):
        yield language


def documents_language(account: Account) -> str:
    """The language of a paper that a company gets, whoever of its people has it made."""
    return account.preferred_language or settings.LANGUAGE_CODE


GetResponse = Callable[[HttpRequest], HttpResponseBase]


def in_their_language(get_response: GetResponse) -> GetResponse:
    """Answer somebody who is signed in in their language, and with the times of their clock. Asks the database nothing.

    Stands below `AccountScopeMiddleware`, which has found out who asks and for which company.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not (hasattr(request, "memberships") or hasattr(request, "actor")):
            return get_response(request)
        user = request.user
        if not isinstance(user, User):
            return get_response(request)
        language = user.preferred_language(getattr(request, "account", None)) or get_language()
        with override(language), timezone.override(ZoneInfo(user.time_zone)):
            response = get_response(request)
        response.headers.setdefault("Content-Language", language or settings.LANGUAGE_CODE)
        return response

    return middleware
