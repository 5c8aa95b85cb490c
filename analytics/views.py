"""What the portal earns, for the vendor's managers."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.http import StaffRequest, requires_staff

VIEW_INSIGHTS = "analytics.view_insights"


@require_safe
@requires_staff(VIEW_INSIGHTS)
def insights(request: StaffRequest) -> HttpResponse:
    return render(request, "analytics/insights.html")


@require_safe
@requires_staff(VIEW_INSIGHTS)
def influenced_revenue(request: StaffRequest) -> HttpResponse:
    return render(request, "analytics/influenced_revenue.html")


@require_safe
@requires_staff(VIEW_INSIGHTS)
def influenced_deal(request: StaffRequest, public_id: UUID) -> HttpResponse:
    return render(request, "analytics/influenced_deal.html")


@require_safe
@requires_staff(VIEW_INSIGHTS)
def definition(request: StaffRequest, metric: str) -> HttpResponse:
    return render(request, "analytics/definition.html")
