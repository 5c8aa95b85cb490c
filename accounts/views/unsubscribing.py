"""The page behind the unsubscribe link of a mail."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.notifications.unsubscribing import BadLink, subscription_of, unsubscribe


@csrf_exempt  # Mail programs post without having seen the page; the link itself is the proof.
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe_page(request: HttpRequest, token: str) -> HttpResponse:
    """Looking at it asks; posting to it, by the page's button or by a mail program, unsubscribes."""
    try:
        subscription = subscription_of(token)
    except BadLink as error:
        raise Http404 from error
    if request.method == "POST":
        unsubscribe(subscription)
    context = {"subscription": subscription, "is_done": request.method == "POST"}
    return render(request, "accounts/unsubscribe.html", context)
