"""Data quality: how many companies have what every company should have, and which ones lack it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.http import StaffRequest, requires_staff
from accounts.measures import Measure
from accounts.models import Account
from portal.providers import provided


@dataclass(frozen=True)
class Share:
    """How many of the active companies have one thing."""

    measure: Measure
    count: int
    total: int

    @property
    def lacking(self) -> int:
        return self.total - self.count

    @property
    def percent(self) -> int:
        """Rounded down: 100 only where none lacks it."""
        return self.count * 100 // self.total if self.total else 100

    @property
    def tone(self) -> str:
        return "info" if self.percent >= 95 else "warning" if self.percent >= 75 else "danger"

    @property
    def url(self) -> str:
        """The list of those that lack it."""
        query = urlencode({"is_active__exact": 1, "lacking": self.measure.code})
        return f"{reverse('admin:accounts_account_changelist')}?{query}"


def measures() -> list[Measure]:
    """Every app's."""
    return [measure for module in provided("data_quality") for measure in module.MEASURES]


def shares(today: date) -> list[Share]:
    """Of all active companies, the worst first. One query."""
    asked = measures()
    counts = Account.objects.filter(is_active=True).aggregate(
        total=Count("pk"), **{f"has_{at}": Count("pk", filter=one.has(today)) for at, one in enumerate(asked)}
    )
    found = [Share(one, counts[f"has_{at}"], counts["total"]) for at, one in enumerate(asked)]
    return sorted(found, key=lambda share: share.count)


def score(found: Sequence[Share]) -> int:
    """The mean of all shares, in percent, rounded down; 100 while there are no companies."""
    possible = sum(share.total for share in found)
    return sum(share.count for share in found) * 100 // possible if possible else 100


@require_safe
@requires_staff("accounts.view_data_quality")
def data_quality(request: StaffRequest) -> HttpResponse:
    found = shares(timezone.now().date())
    context = admin.site.each_context(request) | {
        "title": _("Data quality"),
        "shares": found,
        "score": score(found),
        "total": found[0].total if found else 0,
    }
    return render(request, "admin/staff/data_quality.html", context)


class LackingFilter(admin.SimpleListFilter):
    """In the list of accounts: those that lack something."""

    title = gettext_lazy("what they lack")
    parameter_name = "lacking"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        return [(measure.code, str(measure.title)) for measure in measures()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = next((measure for measure in measures() if measure.code == self.value()), None)
        if wanted is None:
            return queryset
        complete = Account.objects.filter(wanted.has(timezone.now().date()))
        return queryset.exclude(pk__in=complete.values("pk"))
