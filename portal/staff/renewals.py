"""The renewal board: whose terms end when, what is likely to come of it, and whether telling people early helps."""

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminSelectWidget

from accounts.http import StaffRequest, requires_staff
from commerce import amounts
from commerce.models import Renewal, RenewalState
from commerce.pricing.money import Money
from commerce.pricing.proration import add_months
from commerce.renewals.reading import Board, Figures, board, earliness
from commerce.renewals.risk import RiskBand, band_of

PAGE_SIZE = 50
BEFORE_MONTHS, AHEAD_MONTHS = 1, 5  # What is shown if nobody asks for other days: the last month and the next four.


class BoardForm(forms.Form):
    """Which terms are shown."""

    first = forms.DateField(label=gettext_lazy("Term ends from"), required=False, widget=UnfoldAdminDateWidget)
    until = forms.DateField(label=gettext_lazy("and before"), required=False, widget=UnfoldAdminDateWidget)
    state = forms.ChoiceField(
        label=gettext_lazy("State"),
        required=False,
        choices=[("", gettext_lazy("All")), *RenewalState.choices],
        widget=UnfoldAdminSelectWidget,
    )
    risk = forms.ChoiceField(
        label=gettext_lazy("Risk"),
        required=False,
        choices=[("", gettext_lazy("All")), *RiskBand.choices],
        widget=UnfoldAdminSelectWidget,
    )

    def clean(self) -> dict[str, object]:
        data = self.cleaned_data
        if data.get("first") and data.get("until") and data["first"] >= data["until"]:
            self.add_error("until", _("The period ends before it begins."))
        return data


@dataclass(frozen=True)
class Row:
    """One renewal on the board."""

    renewal: Renewal
    risk: RiskBand
    risk_tone: str
    state_tone: str
    now: str
    afterwards: str


@dataclass(frozen=True)
class Sum:
    """What the shown terms are worth in one currency, in words."""

    figures: Figures
    due: str
    renewed: str
    forecast: str


@require_safe
@requires_staff("commerce.view_renewal")
def renewal_board(request: StaffRequest) -> HttpResponse:
    """Due terms with their risk, what is forecast of them, retention of the decided ones, and what notices did."""
    today = timezone.now().date()
    usual = {"first": add_months(today, -BEFORE_MONTHS), "until": add_months(today, AHEAD_MONTHS - BEFORE_MONTHS)}
    form = BoardForm({**usual, **request.GET.dict()})
    is_valid = form.is_valid()
    shown = _shown(form, usual) if is_valid else board(usual["first"], usual["until"])
    page = Paginator(shown.rows, PAGE_SIZE).get_page(request.GET.get("page"))
    notified, others = earliness(shown.rows)
    context = admin.site.each_context(request) | {
        "title": _("Renewals"),
        "form": form,
        "page": page,
        "rows": [_row(renewal) for renewal in page],
        "sums": [_sum(one) for one in shown.figures],
        "notified": notified,
        "others": others,
        "query": urlencode({name: value for name, value in request.GET.items() if name != "page"}),
    }
    return render(request, "admin/staff/renewals.html", context, status=200 if is_valid else 422)


def _shown(form: BoardForm, usual: dict[str, date]) -> Board:
    data = form.cleaned_data
    wanted = {"state": data["state"], "risk_band": data["risk"]}
    wanted = {name: value for name, value in wanted.items() if value}
    return board(data["first"] or usual["first"], data["until"] or usual["until"], **wanted)


def _row(renewal: Renewal) -> Row:
    def money(minor: int) -> str:
        return amounts.money(Money(minor, renewal.currency))

    risk = band_of(renewal.contract.risk_score)
    return Row(
        renewal=renewal,
        risk=risk,
        risk_tone=_label_type(risk.tone),
        state_tone=_label_type(renewal.state_choice.tone),
        now=money(renewal.monthly_before_minor),
        afterwards=money(renewal.monthly_after_minor),
    )


def _label_type(tone: str) -> str:
    """Unfold's name for a tone of ours."""
    return "danger" if tone == "error" else tone


def _sum(figures: Figures) -> Sum:
    def money(minor: int) -> str:
        return amounts.money(Money(minor, figures.currency))

    return Sum(figures, money(figures.due_minor), money(figures.renewed_minor), money(figures.forecast_minor))
