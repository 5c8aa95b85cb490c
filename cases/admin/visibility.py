"""The staff's pages about who sees which cases of a company."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminEmailInputWidget

from accounts.admin import Undeletable
from accounts.models import Membership
from cases.models import CaseRule, CaseVisibility


class CaseVisibilityForm(forms.ModelForm[CaseVisibility]):
    """A company's setting, or with an address the setting of one of its people."""

    person = forms.EmailField(
        label=_("Person"),
        required=False,
        help_text=_("E-mail address. Leave it empty for the company's own setting."),
        widget=UnfoldAdminEmailInputWidget,
    )

    class Meta:
        model = CaseVisibility
        fields = ["account", "sight"]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        account = data.get("account")
        if account is None:  # A row that is there keeps its company and its person.
            return data
        if email := data.get("person"):
            self.instance.membership = Membership.objects.for_account(account).filter(user__email__iexact=email).first()
            if self.instance.membership is None:
                self.add_error("person", gettext("Nobody of this company has this address."))
                return data
        elif not data.get("sight"):
            self.add_error("sight", gettext("Choose what people of the company see."))
        same = CaseVisibility.objects.for_account(account).filter(membership=self.instance.membership)
        if same.exists():
            self.add_error(None, gettext("There is a setting already. Change that one."))
        return data


@admin.register(CaseVisibility)
class CaseVisibilityAdmin(Undeletable, ModelAdmin):
    """Companies that are not listed show everybody all of their cases."""

    form = CaseVisibilityForm
    list_display = ["account", "whose", "sight_shown"]
    list_filter = ["sight"]
    list_select_related = ["account", "membership__user"]
    search_fields = ["account__name", "membership__user__email"]
    autocomplete_fields = ["account"]
    ordering = ["account__name", "pk"]

    def get_fields(self, request: HttpRequest, obj: CaseVisibility | None = None) -> list[str]:
        return ["account", "whose", "sight"] if obj else ["account", "person", "sight"]

    def get_readonly_fields(self, request: HttpRequest, obj: CaseVisibility | None = None) -> list[str]:
        return ["account", "whose"] if obj else []

    @display(description=_("for"))
    def whose(self, setting: CaseVisibility) -> str:
        return str(setting.membership.user) if setting.membership else gettext("Everybody")

    @display(description=_("sees"), ordering="sight")
    def sight_shown(self, setting: CaseVisibility) -> str:
        return str(setting.get_sight_display()) if setting.sight else gettext("As the company's setting says")


@admin.register(CaseRule)
class CaseRuleAdmin(Undeletable, ModelAdmin):
    list_display = ["account", "sentence", "is_active"]
    list_filter = ["is_active"]
    list_select_related = ["account"]
    search_fields = ["account__name", "department", "of_department"]
    autocomplete_fields = ["account"]
    fields = ["account", "role", "department", "of_department", "is_active"]
    ordering = ["account__name", "pk"]

    def get_readonly_fields(self, request: HttpRequest, obj: CaseRule | None = None) -> list[str]:
        return ["account", "role", "department", "of_department"] if obj else []
