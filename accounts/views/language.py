"""The page on which a person chooses their language and time zone."""

from datetime import datetime
from decimal import Decimal

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_http_methods

from accounts import formats
from accounts.http import AccountRequest
from accounts.language_forms import LanguageForm
from accounts.languages import own_name
from accounts.models import Account


@require_http_methods(["GET", "HEAD", "POST"])
def language(request: AccountRequest) -> HttpResponse:
    """Language and region: what the portal and its mails speak, and on which clock their times are."""
    account: Account | None = getattr(request, "account", None)
    before = request.user.time_zone
    form = LanguageForm(request.POST or None, instance=request.user, without_choice=_without_choice(account))
    if request.method == "POST":
        if form.is_valid():
            user = form.save()
            with override(user.preferred_language(account)):
                messages.success(request, _("Your language and time zone are saved."))
            return redirect("accounts:language")
        request.user.time_zone = before  # What was refused is on the form alone: the page needs a clock.
    context = {"form": form, "samples": _samples(timezone.now(), account)}
    return render(request, "accounts/language.html", context, status=422 if form.errors else 200)


def _without_choice(account: Account | None) -> str:
    """What "no choice of my own" means to this person."""
    if account and account.preferred_language:
        return _("As my company: %(language)s") % {"language": own_name(account.preferred_language)}
    return _("As my browser asks")


def _samples(now: datetime, account: Account | None) -> dict[str, object]:
    """What dates, numbers and money look like as things stand."""
    currency = account.currency if account else "EUR"
    return {
        "moment": now,
        "number": formats.number(Decimal("1234.5")),
        "money": formats.money(Decimal("1234.50"), currency),
    }
