"""What the portal earns, for the vendor's managers."""

from decimal import Decimal
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.http import StaffRequest, requires_staff
from accounts.spreadsheets import csv_response
from analytics.approvals import approval_times
from analytics.attribution import UnknownModel
from analytics.definitions import DEFINITIONS, touch_kinds
from analytics.earnings import REPORTING_CURRENCY, earnings_of, influenced_deals
from analytics.engagement import FEW_PEOPLE, engagement, months_of_starts
from analytics.influence import CreditModel
from analytics.quarters import NoSuchQuarter, Quarter
from analytics.selling import selling
from analytics.touches import counted_types, model_label, story_of
from commerce.models import ConfiguratorStep, Deal

VIEW_INSIGHTS = "analytics.view_insights"
OFFERED_QUARTERS = 12
HAPPENINGS_PER_PAGE = 100


@require_safe
@requires_staff(VIEW_INSIGHTS)
def insights(request: StaffRequest) -> HttpResponse:
    """The figures of a quarter."""
    now = timezone.now()
    quarter = _quarter(request)
    earnings = earnings_of(quarter, now=now)
    return render(
        request,
        "analytics/insights.html",
        {"earnings": earnings, "quarter": quarter, "quarters": Quarter.of(now).until_this(OFFERED_QUARTERS)[::-1]},
    )


@require_safe
@requires_staff(VIEW_INSIGHTS)
def how_home_is_used(request: StaffRequest) -> HttpResponse:
    """What people do whose Home is their own, beside the others; and how soon companies get value."""
    now = timezone.now()
    context = {
        "comparison": engagement(now=now),
        "few": FEW_PEOPLE,
        "months": months_of_starts(now=now),
        "breadcrumbs": [_insights_crumb(), {"label": _("Engagement")}],
    }
    return render(request, "analytics/engagement.html", context)


@require_safe
@requires_staff(VIEW_INSIGHTS)
def configurator(request: StaffRequest) -> HttpResponse:
    """Where customers leave the configurator, and how soon a quote is paid."""
    found = selling(now=timezone.now())
    labels = dict(ConfiguratorStep.choices) | {"quote": _("Made a quote"), "order": _("Ordered")}
    context = {
        "selling": found,
        "funnels": [
            (title, [(labels[stage.code], stage) for stage in stages])
            for title, stages in ((_("Step by step"), found.guided), (_("Everything on one page"), found.full))
        ],
        "breadcrumbs": [_insights_crumb(), {"label": _("Configurator")}],
    }
    return render(request, "analytics/configurator.html", context)


@require_safe
@requires_staff(VIEW_INSIGHTS)
def approvals(request: StaffRequest) -> HttpResponse:
    """How long our own people take to approve quotes."""
    found = approval_times(now=timezone.now())
    context = {
        "times": found,
        "groups": [(_("By rule"), _("Rule"), found.rules), (_("By whom we ask"), _("Position"), found.steps)],
        "breadcrumbs": [_insights_crumb(), {"label": _("Approvals")}],
    }
    return render(request, "analytics/approvals.html", context)


@require_safe
@requires_staff(VIEW_INSIGHTS)
def approvals_csv(request: StaffRequest) -> HttpResponseBase:
    """The same figures as CSV, in hours."""
    rows = approval_times(now=timezone.now()).rows()
    return csv_response(
        "approvals.csv",
        ("of", "what", "decided", "median hours", "90 % within hours"),
        (
            (kind, label, times.count, _rounded(times.median_hours), _rounded(times.p90_hours))
            for kind, label, times in rows
        ),
    )


def _rounded(hours: Decimal | None) -> str:
    return "" if hours is None else f"{hours:.2f}"


@require_safe
@requires_staff(VIEW_INSIGHTS)
def influenced_revenue(request: StaffRequest) -> HttpResponse:
    """The deals behind the figure of a quarter."""
    quarter = _quarter(request)
    page = influenced_deals(quarter, cursor=request.GET.get("cursor", ""))
    return render(
        request,
        "analytics/influenced_revenue.html",
        {
            "page": page,
            "quarter": quarter,
            "reporting_currency": REPORTING_CURRENCY,
            "breadcrumbs": [_insights_crumb(quarter), {"label": _("Influenced deals")}],
        },
    )


@require_safe
@requires_staff(VIEW_INSIGHTS)
def influenced_deal(request: StaffRequest, public_id: UUID) -> HttpResponse:
    """One deal with its touches in the order of time."""
    deals = Deal.objects.won().filter(type__in=counted_types()).select_related("account")
    deal = get_object_or_404(deals, public_id=public_id)
    try:
        model = CreditModel(request.GET.get("model", CreditModel.LINEAR))
    except UnknownModel as error:
        raise Http404 from error
    story = story_of(deal, model=model)
    quarter = Quarter.of(story.closed_at)
    deals_url = f"{reverse('analytics:influenced-revenue')}?quarter={quarter.code}"
    return render(
        request,
        "analytics/influenced_deal.html",
        {
            "story": story,
            "deal": deal,
            "model": model,
            "model_label": model_label(model),
            "breadcrumbs": [
                _insights_crumb(quarter),
                {"label": _("Influenced deals"), "url": deals_url},
                {"label": _("Deal")},
            ],
            "page": Paginator(story.happenings, HAPPENINGS_PER_PAGE).get_page(request.GET.get("page")),
        },
    )


@require_safe
@requires_staff(VIEW_INSIGHTS)
def definition(request: StaffRequest, metric: str) -> HttpResponse:
    """What a figure means."""
    if metric not in DEFINITIONS:
        raise Http404
    return render(
        request,
        "analytics/definition.html",
        {
            "definition": DEFINITIONS[metric],
            "definitions": DEFINITIONS.values(),
            "touch_kinds": touch_kinds(),
            "breadcrumbs": [_insights_crumb(), {"label": _("Definition")}],
        },
    )


def _insights_crumb(quarter: Quarter | None = None) -> dict[str, str]:
    url = reverse("analytics:insights")
    return {"label": _("Insights"), "url": f"{url}?quarter={quarter.code}" if quarter else url}


def _quarter(request: StaffRequest) -> Quarter:
    """The quarter of the query string, or the running one."""
    now = timezone.now()
    code = request.GET.get("quarter")
    try:
        return Quarter.parse(code, now=now) if code else Quarter.of(now)
    except NoSuchQuarter as error:
        raise Http404 from error
