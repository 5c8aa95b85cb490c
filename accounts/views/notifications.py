"""The bell, the list behind it, and how somebody wants to be told."""

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.http import AccountRequest, LookingOn, NoCompany, requires
from accounts.models import MailTimes, Membership, Notification
from accounts.models.notifications import NotificationQuerySet
from accounts.notification_forms import ChoicesForm, MailTimesForm
from accounts.notifications.choices import choices_of, choose
from accounts.notifications.reports import trust_again
from accounts.paging import page_of
from accounts.permissions import Permission

MOST_COUNTED = 100  # The bell says "99+" from here on.


def _own(request: AccountRequest) -> NotificationQuerySet:
    """What the person was told, in each of the companies they belong to."""
    belongs = [one for one in request.memberships if not one.is_of_parent]
    return Notification.objects.for_person(belongs)


@require_safe
@requires(Permission.VIEW_HOME)
def bell(request: AccountRequest) -> HttpResponse:
    """The bell with the number of unread notifications, asked for once a minute; 204 while it stays the same."""
    count = len(_own(request).unread().values_list("pk")[:MOST_COUNTED])
    if request.GET.get("shown") == str(count):
        return HttpResponse(status=204)
    return render(request, "partials/bell.html", {"unread": count, "most": MOST_COUNTED, "is_counted": True})


@require_safe
@requires(Permission.VIEW_HOME)
def notifications(request: AccountRequest) -> HttpResponse:
    """What one was told, the latest first."""
    own = _own(request)
    page = page_of(own.recent_first(), cursor=request.GET.get("cursor", ""))
    # By what the request knows already: the scope shows no row of another company, and a join would find none.
    companies = {one.account_id: one.account for one in request.memberships}
    context = {
        "page": page,
        "rows": [(row, companies[row.account_id]) for row in page.rows],
        "all_read": not own.unread().exists(),
        "names_company": len(companies) > 1,
    }
    return render(request, "accounts/notifications.html", context)


@require_safe
@requires(Permission.VIEW_HOME)
def open_notification(request: AccountRequest, public_id: str) -> HttpResponseBase:
    """Go to what it is about, in its company; it is read from now on."""
    notification = get_object_or_404(_own(request), public_id=public_id)
    if request.method == "GET" and notification.read_at is None:
        _own(request).unread().filter(pk=notification.pk).update(read_at=timezone.now())
    if not notification.link:
        return redirect("accounts:notifications")
    account = next(one.account for one in request.memberships if one.account_id == notification.account_id)
    return redirect(f"{notification.link}?company={account.public_id}")


@require_POST
@requires(Permission.VIEW_HOME)
def read_notifications(request: AccountRequest) -> HttpResponse:
    """One is read (`notification`), or all are."""
    found = _own(request).unread()
    if one := request.POST.get("notification", ""):
        try:
            notification = get_object_or_404(_own(request), public_id=UUID(one))
        except ValueError as error:
            raise Http404 from error
        found = found.filter(pk=notification.pk)
    count = found.update(read_at=timezone.now())
    text = ngettext("%d notification is marked as read.", "%d notifications are marked as read.", count) % count
    messages.success(request, text)
    return redirect("accounts:notifications")


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.VIEW_HOME)
def notification_settings(request: AccountRequest) -> HttpResponse:
    """What one is told in this company and how, and at which hours mail comes."""
    times = MailTimes.of(request.user)
    shown = choices_of(request.membership)
    sent = request.POST if request.method == "POST" else None
    form, times_form = ChoicesForm(shown, sent), MailTimesForm(sent, instance=times, prefix="times")
    if sent is not None and request.membership.is_of_parent:
        raise LookingOn
    if sent is not None and form.is_valid() and times_form.is_valid():
        choose(membership=request.membership, chosen=form.chosen())
        times_form.save()
        messages.success(request, _("Your choices are saved."))
        return redirect("accounts:notification-settings")
    return render(
        request,
        "accounts/notification_settings.html",
        {"form": form, "times_form": times_form, "time_zone": request.user.time_zone},
        status=422 if sent is not None else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_COMPANY)
def company_notifications(request: AccountRequest) -> HttpResponse:
    """What colleagues are told as long as they have not chosen themselves."""
    shown = choices_of(request.membership, for_company=True)
    sent = request.POST if request.method == "POST" else None
    form = ChoicesForm(shown, sent)
    if sent is not None and form.is_valid():
        choose(membership=request.membership, chosen=form.chosen(), for_company=True)
        messages.success(request, _("The company's suggestions are saved."))
        return redirect("accounts:company-notifications")
    status = 422 if sent is not None else 200
    return render(request, "accounts/company_notifications.html", {"form": form}, status=status)


@require_POST
def mail_works_again(request: HttpRequest) -> HttpResponse:
    """The person says that their address receives mail again."""
    membership: Membership | None = getattr(request, "membership", None)
    if membership is None:
        raise NoCompany
    trust_again(user=cast("AccountRequest", request).user)
    messages.success(request, _("Thank you. We write to this address again."))
    return redirect(reverse("home"))
