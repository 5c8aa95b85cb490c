"""Home, where everything of a company comes together, and the style guide."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import homes
from accounts.forms import CompanyForm
from accounts.homes import Arrangement, UnknownWidget, arrange, arrangement_of, reset
from accounts.http import AccountRequest, LookingOn, requires, session_digest
from accounts.models import Membership
from accounts.permissions import Permission
from portal.arranging import STATES, read_arrangement, state_of
from portal.first_steps import checklist_for, meets_first_steps, tour_at, tour_on_home
from portal.home import Facts
from portal.widgets import NAMES, available_to, place
from recommendations.services import note_shown
from tracking.models import EventName
from tracking.services import buffer_page_view

NOON, EVENING = 12, 18


@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    """A customer's Home; staff who come here are led to the admin."""
    if request.user.is_staff:
        return redirect("admin:index")
    return customer_home(request)


@requires(Permission.VIEW_HOME)
def customer_home(request: AccountRequest) -> HttpResponse:
    """The person's widgets where they have put them; above them, for somebody new, the tour and the first steps."""
    now = timezone.now()
    facts = Facts(request, now)
    areas, context = place(facts, arrangement_of(request.membership))
    is_own = _is_own(request)
    context |= {
        "areas": areas,
        "account": request.account,
        "greeting": _greeting(request.user.first_name, facts.local_now.hour),
        "primary": _primary_action(request.membership),
        "is_own": is_own,
        "tour": tour_on_home(request.membership, now) if is_own else None,
        "meets_first_steps": is_own and meets_first_steps(request.membership, now),
    }
    session_key = session_digest(request)
    buffer_page_view(name=EventName.HOME_VIEWED, actor=request.actor, now=now, session_key=session_key)
    shown = context.get("recommendations", [])
    note_shown(recommendations=shown, actor=request.actor, now=now, session_key=session_key)
    return render(request, "portal/home.html", context)


def _is_own(request: AccountRequest) -> bool:
    """Whether this is the person's own Home: not for staff in their place, nor for the parent company's people."""
    return not request.membership.is_of_parent and getattr(request, "viewing", None) is None


def _own_membership(request: AccountRequest) -> Membership:
    """Raises `LookingOn`: who looks at a subsidiary has no Home of their own there."""
    if request.membership.is_of_parent:
        raise LookingOn
    return request.membership


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.VIEW_HOME)
def arrange_home(request: AccountRequest) -> HttpResponse:
    """Where each widget stands. Every button sends the whole form: moving one up or down keeps what else was chosen."""
    arrangement = arrangement_of(request.membership)
    status = 200
    if request.method == "POST":
        membership = _own_membership(request)
        try:
            arrangement = read_arrangement(request.POST, available_to(membership, arrangement))
        except UnknownWidget:
            messages.error(request, _("Home has changed in the meantime. Please arrange it once more."))
            status = 422
        else:
            if "move" not in request.POST:
                arrange(membership=membership, arrangement=arrangement, known=NAMES, now=timezone.now())
                messages.success(request, _("Your Home is arranged."))
                return redirect("home")
    places = [
        {"widget": widget, "state": state_of(widget.name, arrangement)}
        for widget in available_to(request.membership, arrangement)
    ]
    context = {"places": places, "states": STATES, "is_arranged": arrangement_of(request.membership) != Arrangement()}
    template = "portal/_arrange_form.html" if request.htmx else "portal/arrange.html"
    return render(request, template, context, status=status)


@require_POST
@requires(Permission.VIEW_HOME)
def reset_home(request: AccountRequest) -> HttpResponse:
    """Home as it comes."""
    reset(membership=_own_membership(request), now=timezone.now())
    messages.success(request, _("Your Home is as it comes again."))
    return redirect("home")


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.VIEW_HOME)
def first_steps(request: AccountRequest) -> HttpResponse:
    """The checklist, as a page and as the card that Home fetches. Sent when it is put away."""
    membership = _own_membership(request)
    if request.method == "POST":
        homes.put_first_steps_away(membership=membership, now=timezone.now())
        return redirect("home")
    context = {"checklist": checklist_for(membership)}
    return render(request, "portal/_checklist_card.html" if request.htmx else "portal/first_steps.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.VIEW_HOME)
def tour(request: AccountRequest) -> HttpResponse:
    """The tour, one stop after the other; on Home the same as a card. Sent when it is finished or declined."""
    if request.method == "POST":
        homes.end_tour(membership=_own_membership(request), now=timezone.now())
        return redirect("home")
    number = request.GET.get("stop", "1")
    found = tour_at(request.membership, int(number)) if number.isascii() and number.isdigit() else None
    if found is None:
        raise Http404
    context = {"tour": found, "is_own": _is_own(request)}
    return render(request, "portal/_tour_card.html" if request.htmx else "portal/tour.html", context)


def _primary_action(membership: Membership) -> dict[str, str]:
    """The one thing each role comes here for."""
    if membership.may(Permission.OPEN_CASES):
        return {"label": _("Open a case"), "url": reverse("cases:new"), "icon": "message-square"}
    if membership.may(Permission.BUY):
        return {"label": _("See plans and add-ons"), "url": reverse("commerce:plans"), "icon": "layers"}
    if membership.may(Permission.VIEW_INVOICES):
        return {"label": _("See invoices"), "url": reverse("commerce:invoices"), "icon": "receipt"}
    return {"label": _("Find help"), "url": reverse("knowledge:help"), "icon": "life-buoy"}


def _greeting(name: str, hour: int) -> str:
    if hour < NOON:
        return _("Good morning, %(name)s") % {"name": name}
    if hour < EVENING:
        return _("Good afternoon, %(name)s") % {"name": name}
    return _("Good evening, %(name)s") % {"name": name}


@login_not_required
@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every component in its states; not there in production."""
    return render(request, "styleguide.html", {"form": CompanyForm({"phone": "<", "time_zone": "Mars"})})
