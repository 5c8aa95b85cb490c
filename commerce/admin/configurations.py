"""What customers put together, and the queue of quotes that they ask us for."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin import Kept, ReadOnly
from accounts.models import User
from commerce import amounts
from commerce.admin.bases import AmountsByPermission
from commerce.configuring import configurations
from commerce.configuring.situations import Configuration
from commerce.models import Quote, QuoteRequest, QuoteRequestReason, SavedConfiguration
from commerce.pricing.money import Money
from commerce.quotes import quote_requests
from tracking.actor import Actor


class LeftFilter(admin.SimpleListFilter):
    """Those that wait for somebody to ask."""

    title = _("state")
    parameter_name = "left"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Left without a quote")), ("mine", _("Left, of my companies"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "yes":
            return queryset.abandoned()
        if self.value() == "mine":
            return queryset.abandoned().of_portfolio(request.user)
        return queryset


@admin.register(SavedConfiguration)
class SavedConfigurationAdmin(AmountsByPermission, ReadOnly, ModelAdmin):
    list_display = ["account", "created_by", "name", "wish", "monthly_change", "step", "source", "updated_at", "left"]
    list_filter = [LeftFilter, "source", "step"]
    list_select_related = ["account", "created_by"]
    search_fields = ["account__name", "name"]
    ordering = ["-updated_at", "-pk"]
    fields = ["account", "created_by", "name", "wish", "monthly_change", "source", "step", "quote", "created_at",
              "updated_at", "abandoned_at"]  # fmt: skip
    amounts = frozenset({"monthly_change"})

    @display(description=_("configuration"))
    def wish(self, saved: SavedConfiguration) -> str:
        read = Configuration.from_json(saved.configuration)
        return configurations.in_codes(read)

    @display(description=_("change per month"))
    def monthly_change(self, saved: SavedConfiguration) -> str:
        if saved.monthly_change_minor is None:
            return "–"
        return amounts.money(Money(saved.monthly_change_minor, saved.currency))

    @display(description=_("left"), boolean=True)
    def left(self, saved: SavedConfiguration) -> bool:
        return saved.abandoned_at is not None and saved.quote_id is None


class AnswerForm(ModelForm[QuoteRequest]):
    """Our answer, with a quote of the same company."""

    answer = forms.CharField(label=_("Answer"), max_length=4000, widget=UnfoldAdminTextareaWidget)

    class Meta:
        model = QuoteRequest
        fields = ["answer", "quote"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "quote" in self.fields:
            quotes = Quote.objects.for_account(self.instance.account).open().latest_first()
            self.fields["quote"].queryset = quotes  # type: ignore[attr-defined]  # A ModelChoiceField.
            if self.instance.reason == QuoteRequestReason.CURRENCY:
                self.fields["quote"].help_text = _(
                    "Quotes here change the running contract, in its currency. Another one needs a contract of its "
                    "own: say so in the answer."
                )


@admin.register(QuoteRequest)
class QuoteRequestAdmin(Kept, ModelAdmin):
    """The queue: open ones first, the oldest on top. An answer is sent when it is saved."""

    form = AnswerForm
    list_display = ["summary", "account", "status_label", "reason", "requested_by", "created_at", "answered_by"]
    list_filter = ["status", "reason"]
    list_select_related = ["account", "requested_by", "answered_by"]
    search_fields = ["account__name", "summary"]
    ordering = ["-status", "created_at"]
    fields = ["account", "requested_by", "summary", "reason", "message", "status", "created_at", "answer", "quote",
              "answered_by", "answered_at"]  # fmt: skip
    readonly_fields = ["account", "requested_by", "summary", "reason", "message", "status", "created_at",
                       "answered_by", "answered_at"]  # fmt: skip

    def has_change_permission(self, request: HttpRequest, obj: QuoteRequest | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.is_open)

    def save_model(self, request: HttpRequest, obj: QuoteRequest, form: Any, change: bool) -> None:
        staff = cast("User", request.user)
        try:
            quote_requests.answer(
                asked=obj,
                text=form.cleaned_data["answer"],
                quote=form.cleaned_data["quote"],
                staff=staff,
                actor=Actor.staff(staff.pk, obj.account_id),
                now=timezone.now(),
            )
        except quote_requests.NotOpen as refusal:
            self.message_user(request, str(refusal), messages.ERROR)

    @display(description=_("status"), label={"open": "warning", "answered": "success"})
    def status_label(self, asked: QuoteRequest) -> tuple[str, str]:
        return asked.status, str(asked.status_choice.label)
