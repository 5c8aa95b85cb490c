"""Following an offer."""

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.http import AccountRequest, requires
from accounts.permissions import Permission
from recommendations.services import OfferUnknown, follow_offer


@require_POST
@requires(Permission.BUY)
def open_offer(request: AccountRequest, code: str) -> HttpResponse:
    """Note that the offer was followed, and open the configurator as it proposes."""
    try:
        url = follow_offer(account=request.account, code=code, actor=request.actor, now=timezone.now())
    except OfferUnknown as error:
        raise Http404 from error
    return redirect(url)
