"""The deal desk's rules and limits, and who decides for whom. Its queue is a page of its own."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from commerce import amounts
from commerce.catalogue.price_forms import read
from commerce.catalogue.row_fields import ConditionsField
from commerce.deal_desk.deal_desk import LABELS, why_of
from commerce.models import ApprovalRule, ApprovalStep, Delegation, SelfServiceLimit
from commerce.models.deal_desk import APPROVAL_FACTS
from commerce.pricing.money import Money, exponent_of, from_minor, to_minor
from commerce.quotes.approval_forms import LARGEST

OTHERS = "commerce.delegate_for_others"


class ApprovalStepInline(TabularInline):
    model = ApprovalStep
    extra = 0
    min_num = 1
    validate_min = True
    fields = ["position", "group", "approver", "escalate_after_days", "escalate_to_group", "escalate_to"]
    verbose_name_plural = _("who is asked: the same position at once, the next one after all of them")


class ApprovalRuleForm(forms.ModelForm[ApprovalRule]):
    conditions = ConditionsField(
        facts=APPROVAL_FACTS,
        labels=LABELS,
        label=_("Conditions"),
        help_text=_(
            "All of them must hold; either-or is two rules. Several values: with commas. Saving gives more rows. "
            "Waiting approvals stay as they were asked."
        ),
    )

    class Meta:
        model = ApprovalRule
        fields = ["name", "conditions", "is_active"]


@admin.register(ApprovalRule)
class ApprovalRuleAdmin(ModelAdmin):
    form = ApprovalRuleForm
    list_display = ["name", "conditions_in_words", "asks", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name"]
    inlines = [ApprovalStepInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApprovalRule]:
        rows: QuerySet[ApprovalRule] = super().get_queryset(request)
        return rows.prefetch_related("steps__approver")

    @display(description=_("conditions"))
    def conditions_in_words(self, rule: ApprovalRule) -> str:
        return why_of(rule)

    @display(description=_("asks"))
    def asks(self, rule: ApprovalRule) -> str:
        return ", ".join(str(step) for step in rule.steps.all())


class SelfServiceLimitForm(forms.ModelForm[SelfServiceLimit]):
    """The limit in whole units of its currency."""

    limit = forms.DecimalField(
        label=_("Limit"), required=False, min_value=0, max_value=LARGEST, widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("With tax, until the contract ends. As much as this is ordered at once. Blank: any amount."),
    )  # fmt: skip

    class Meta:
        model = SelfServiceLimit
        fields = ["account", "tier", "currency"]
        help_texts = {"tier": _("Neither a company nor a tier: for everybody who has no nearer limit.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.limit_minor is not None:
            self.initial["limit"] = from_minor(self.instance.limit_minor, self.instance.currency)

    def clean_currency(self) -> str:
        currency: str = self.cleaned_data["currency"].upper()
        read(lambda: exponent_of(currency))
        return currency

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        limit, currency = cleaned.get("limit"), cleaned.get("currency")
        if limit is not None and currency and from_minor(to_minor(limit, currency), currency) != limit:
            self.add_error("limit", _("%(currency)s has no such small units.") % {"currency": currency})
        elif currency and "limit" in cleaned:
            self.instance.limit_minor = None if limit is None else to_minor(limit, currency)
        return cleaned


@admin.register(SelfServiceLimit)
class SelfServiceLimitAdmin(ModelAdmin):
    """Who sets them says so in the audit log; a quote keeps what was asked of it."""

    form = SelfServiceLimitForm
    fields = ["account", "tier", "limit", "currency"]
    list_display = ["__str__", "limit_shown"]
    list_select_related = ["account", "tier"]
    list_filter = ["tier", "currency"]
    search_fields = ["account__name"]
    autocomplete_fields = ["account"]
    ordering = ["account__name", "tier__rank", "pk"]

    @display(description=_("limit"))
    def limit_shown(self, limit: SelfServiceLimit) -> str:
        if limit.limit_minor is None:
            return str(_("Any amount"))
        return amounts.money(Money(limit.limit_minor, limit.currency))


@admin.register(Delegation)
class DelegationAdmin(ModelAdmin):
    """Everybody reads who decides for whom. One writes one's own; an administrator also says it for others."""

    list_display = ["absentee", "stand_in", "start_date", "end_date"]
    list_select_related = ["absentee", "stand_in"]
    fields = ["absentee", "stand_in", "start_date", "end_date"]
    ordering = ["-start_date", "-pk"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.fields if obj is not None or request.user.has_perm(OTHERS) else self.fields[1:]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [] if obj is None or request.user.has_perm(OTHERS) else ["absentee"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._is_theirs(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._is_theirs(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Whoever is away is known before the row is checked: nobody stands in for themselves."""
        form = super().get_form(request, obj, change, **kwargs)
        if obj is not None or request.user.has_perm(OTHERS):
            return form

        class OwnForm(form):  # type: ignore[valid-type, misc]  # The admin makes the class as it goes.
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.instance.absentee = request.user

            def _get_validation_exclusions(self) -> set[str]:
                checked: set[str] = super()._get_validation_exclusions() - {"absentee"}
                return checked

        return OwnForm

    def _is_theirs(self, request: HttpRequest, delegation: Delegation | None) -> bool:
        return delegation is None or delegation.absentee_id == request.user.pk or request.user.has_perm(OTHERS)
