"""What finance holds against Stripe, day by day, and why it differs."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display

from accounts.admin import ReadOnly
from commerce import amounts
from commerce.admin.bases import AmountsByPermission, PossibleActions
from commerce.admin.receivables import ReasonForm, money_page
from commerce.billing import totals
from commerce.models import DayTotal, Finding
from commerce.pricing.money import Money
from tracking.actor import Actor


def _result(total: DayTotal) -> tuple[str, str]:
    if not total.is_different:
        return "same", _("The same")
    return ("open", _("Differs")) if total.is_open else ("explained", _("Explained"))


@admin.register(DayTotal)
class DayTotalAdmin(AmountsByPermission, ReadOnly, PossibleActions):
    amounts = frozenset({"ours", "theirs"})
    list_display = ["day", "kind", "ours", "theirs", "result_label", "explanation"]
    list_filter = ["is_different", "kind", "currency", "day"]
    ordering = ["-day", "kind", "currency"]
    fields = [
        "day", "kind", "ours", "theirs", "result", "what_was_found", "explanation", "explained_by", "explained_at",
        "checked_at",
    ]  # fmt: skip
    readonly_fields = ["ours", "theirs", "result", "what_was_found"]
    actions_detail = ["explain"]

    @display(description=gettext_lazy("with us"))
    def ours(self, total: DayTotal) -> str:
        return amounts.money(Money(total.ours_minor, total.currency))

    @display(description=gettext_lazy("at Stripe"))
    def theirs(self, total: DayTotal) -> str:
        return amounts.money(Money(total.theirs_minor, total.currency))

    @display(description=gettext_lazy("result"), label={"same": "success", "open": "danger", "explained": "info"})
    def result_label(self, total: DayTotal) -> tuple[str, str]:
        return _result(total)

    @display(description=gettext_lazy("result"))
    def result(self, total: DayTotal) -> str:
        return _result(total)[1]

    @display(description=gettext_lazy("what was found"))
    def what_was_found(self, total: DayTotal) -> str:
        found = [(one["id"], Finding(one["finding"]).label) for one in total.findings]
        return format_html_join("", "<div>{}: {}</div>", found) or "–"

    def possible_actions(self, row: DayTotal) -> list[str]:
        return ["explain"] if row.is_open else []

    @action(description=gettext_lazy("Explain"), url_path="explain", permissions=["explain"])
    def explain(self, request: HttpRequest, object_id: int) -> HttpResponse:
        total = get_object_or_404(DayTotal, pk=object_id)
        form = ReasonForm(request.POST or None)

        def act(actor: Actor) -> str:
            totals.explain(total=total, words=form.cleaned_data["reason"], actor=actor, now=timezone.now())
            return _("Noted.")

        return money_page(
            request, total, form, act, permission="commerce.explain_totals", title=_("Why do they differ?")
        )

    def has_explain_permission(self, request: HttpRequest, *args: object) -> bool:
        return request.user.has_perm("commerce.explain_totals")
