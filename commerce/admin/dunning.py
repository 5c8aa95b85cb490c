"""Who owes what for how long: seen by our people, held and let go on with a reason; and the terms for it."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from accounts.admin import ReadOnly, Undeletable
from commerce import amounts
from commerce.admin.bases import AmountsByPermission, PossibleActions
from commerce.admin.receivables import ReasonForm, money_page
from commerce.billing import standing
from commerce.models import Dunning, DunningPolicy, DunningStep, Invoice, StoredCard
from commerce.pricing.money import Money
from tracking.actor import Actor

STATES = {"past_due": "warning", "unpaid": "danger", "suspended": "danger", "cancelled": "danger", "cured": "success"}


class DunningStepInline(ReadOnly, TabularInline):
    model = DunningStep
    hide_title = True  # A step's name tells no more than its kind.
    fields = ["kind", "note", "made_by", "made_at"]
    readonly_fields = fields
    extra = 0


@admin.register(Dunning)
class DunningAdmin(AmountsByPermission, ReadOnly, PossibleActions):
    amounts = frozenset({"owed"})
    list_display = ["account", "state_label", "counted_from", "suspension_date", "cancellation_date", "held_at"]
    list_filter = ["state", "suspension_date", ("closed_at", admin.EmptyFieldListFilter)]
    list_select_related = ["account"]
    search_fields = ["account__name"]
    fields = [
        "account", "state", "owed", "counted_from", "unpaid_date", "suspension_date", "cancellation_date", "opened_at",
        "held_at", "closed_at",
    ]  # fmt: skip
    readonly_fields = ["owed", "counted_from"]
    inlines = [DunningStepInline]
    actions_detail = ["hold", "go_on"]

    @display(description=gettext_lazy("state"), label=STATES)
    def state_label(self, dunning: Dunning) -> tuple[str, str]:
        return dunning.state, str(dunning.get_state_display())

    @display(description=gettext_lazy("counted from"), ordering="anchor_date")
    def counted_from(self, dunning: Dunning) -> str:
        return date_format(dunning.anchor_date)

    @display(description=gettext_lazy("owed"))
    def owed(self, dunning: Dunning) -> str:
        due = Invoice.objects.for_account(dunning.account).payable().order_by("due_date", "pk")
        return ", ".join(f"{one.number}: {amounts.money(Money(one.due_minor, one.currency))}" for one in due) or "–"

    @action(description=gettext_lazy("Hold"), url_path="hold", permissions=["hold"])
    def hold(self, request: HttpRequest, object_id: int) -> HttpResponse:
        dunning = get_object_or_404(Dunning.objects.select_related("account"), pk=object_id)
        form = ReasonForm(request.POST or None)

        def act(actor: Actor) -> str:
            standing.hold(dunning=dunning, reason=form.cleaned_data["reason"], actor=actor, now=timezone.now())
            return _("Nothing follows until it is let go on. The company has its access.")

        return money_page(request, dunning, form, act, permission="commerce.hold_dunning", title=_("Hold the dunning"))

    @action(description=gettext_lazy("Let it go on"), url_path="go-on", permissions=["hold"])
    def go_on(self, request: HttpRequest, object_id: int) -> HttpResponse:
        dunning = get_object_or_404(Dunning.objects.select_related("account"), pk=object_id)
        form = ReasonForm(request.POST or None)

        def act(actor: Actor) -> str:
            standing.go_on(dunning=dunning, reason=form.cleaned_data["reason"], actor=actor, now=timezone.now())
            return _("It goes on, with every date as much later as it was held.")

        return money_page(request, dunning, form, act, permission="commerce.hold_dunning", title=_("Let it go on"))

    def possible_actions(self, row: Dunning) -> list[str]:
        """Hold it, or let it go on; neither once all is paid."""
        if row.closed_at:
            return []
        return ["go_on"] if row.is_held else ["hold"]

    def has_hold_permission(self, request: HttpRequest, *args: object) -> bool:
        return request.user.has_perm("commerce.hold_dunning")


@admin.register(DunningPolicy)
class DunningPolicyAdmin(Undeletable, ModelAdmin):
    list_display = ["__str__", "retry_days", "unpaid_days", "suspend_days", "cancel_days"]


@admin.register(StoredCard)
class StoredCardAdmin(ReadOnly, ModelAdmin):
    list_display = ["account", "__str__", "expiry", "is_default", "added_by", "added_at", "removed_at"]
    list_select_related = ["account", "added_by"]
    list_filter = ["is_default", ("removed_at", admin.EmptyFieldListFilter)]
    search_fields = ["account__name", "last4"]
