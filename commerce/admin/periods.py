"""What of contracts has been billed, what use came to, and whether the books add up: to be seen."""

from datetime import timedelta

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from accounts.admin import ReadOnly
from commerce import amounts
from commerce.admin.bases import AmountsByPermission
from commerce.admin.usage_import import MAY_IMPORT, confirm_usage, look_at_usage
from commerce.models import BillingPeriod, BooksCheck, UsageCharge
from commerce.pricing.money import Money
from tracking.models import Meter


@admin.register(BillingPeriod)
class BillingPeriodAdmin(ReadOnly, ModelAdmin):
    list_display = ["contract", "account", "kind", "start_date", "last_date", "outcome_label", "invoice"]
    list_filter = ["kind", "outcome", "start_date"]
    list_select_related = ["account", "contract", "invoice"]
    search_fields = ["account__name", "contract__serial", "invoice__number"]
    ordering = ["-start_date", "-pk"]
    fields = ["account", "contract", "kind", "start_date", "last_date", "outcome", "invoice", "billed_at"]
    readonly_fields = ["last_date"]

    @display(description=_("last day"))
    def last_date(self, period: BillingPeriod) -> str:
        return date_format(period.last_date)

    @display(description=_("outcome"), label={"billed": "success", "ordered": "success", "elsewhere": "info"})
    def outcome_label(self, period: BillingPeriod) -> tuple[str, str]:
        return period.outcome, period.get_outcome_display()


@admin.register(UsageCharge)
class UsageChargeAdmin(AmountsByPermission, ReadOnly, ModelAdmin):
    amounts = frozenset({"amount", "spent"})
    list_display = ["account", "what", "start_date", "used_units", "included", "amount"]
    list_filter = ["meter", "start_date"]
    list_select_related = ["account", "period__contract"]
    search_fields = ["account__name"]
    ordering = ["-start_date", "-pk"]
    fields = [
        "account", "period", "subscription", "what", "start_date", "last_date", "used_units", "included", "spent",
        "amount",
    ]  # fmt: skip
    readonly_fields = ["what", "last_date", "used_units", "included", "spent", "amount"]
    actions_list = ["read_usage"]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("import/", wrap(look_at_usage), name="commerce_usage_import"),
            path("import/confirm/", wrap(confirm_usage), name="commerce_usage_confirm"),
            *super().get_urls(),
        ]

    @action(description=_("Import use"), permissions=["import_usage"], url_path="from-file")
    def read_usage(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:commerce_usage_import")

    def has_import_usage_permission(self, request: HttpRequest, *args: object) -> bool:
        return request.user.has_perm(MAY_IMPORT)

    @display(description=_("meter"), ordering="meter")
    def what(self, charge: UsageCharge) -> str:
        return str(Meter(charge.meter).name_over_time)

    @display(description=_("last day"))
    def last_date(self, charge: UsageCharge) -> str:
        return date_format(charge.end_date - timedelta(days=1))

    @display(description=_("used"), ordering="used")
    def used_units(self, charge: UsageCharge) -> str:
        return amounts.number(charge.used)

    @display(description=_("entitled"), ordering="entitled")
    def included(self, charge: UsageCharge) -> str:
        return amounts.number(charge.entitled)

    @display(description=_("above what is included"))
    def spent(self, charge: UsageCharge) -> str:
        return amounts.money(Money(charge.spent_minor, charge.period.contract.currency))

    @display(description=_("amount"))
    def amount(self, charge: UsageCharge) -> str:
        return amounts.money(Money(charge.amount_minor, charge.period.contract.currency))


@admin.register(BooksCheck)
class BooksCheckAdmin(AmountsByPermission, ReadOnly, ModelAdmin):
    amounts = frozenset({"billed", "credited", "paid", "due", "written_off", "balance", "paid_back", "differences"})
    list_display = ["checked_at", "currency", "verdict", "accounts", "billed", "credited", "paid", "due"]
    list_filter = ["currency", "checked_at"]
    ordering = ["-checked_at", "currency"]
    fields = [
        "checked_at", "currency", "differences", "accounts", "billed", "credited", "paid", "due",
        "written_off", "balance", "paid_back",
    ]  # fmt: skip
    readonly_fields = [
        "differences", "billed", "credited", "paid", "due", "written_off", "balance", "paid_back",
    ]  # fmt: skip

    @display(description=_("adds up"), label={"yes": "success", "no": "danger"})
    def verdict(self, check: BooksCheck) -> tuple[str, str]:
        return ("yes", str(_("Yes"))) if check.adds_up else ("no", str(_("No: look at the companies")))

    @display(description=_("billed"))
    def billed(self, check: BooksCheck) -> str:
        return self._money(check, check.billed_minor)

    @display(description=_("credited"))
    def credited(self, check: BooksCheck) -> str:
        return self._money(check, check.credited_minor)

    @display(description=_("paid"))
    def paid(self, check: BooksCheck) -> str:
        return self._money(check, check.paid_minor)

    @display(description=_("due"))
    def due(self, check: BooksCheck) -> str:
        return self._money(check, check.due_minor)

    @display(description=_("written off"))
    def written_off(self, check: BooksCheck) -> str:
        return self._money(check, check.written_off_minor)

    @display(description=_("balance"))
    def balance(self, check: BooksCheck) -> str:
        return self._money(check, check.balance_minor)

    @display(description=_("paid back"))
    def paid_back(self, check: BooksCheck) -> str:
        return self._money(check, check.paid_back_minor)

    @display(description=_("differences"))
    def differences(self, check: BooksCheck) -> str:
        found = ", ".join(f"{company}: {self._money(check, minor)}" for company, minor in check.mismatches)
        return found or str(_("None"))

    def _money(self, check: BooksCheck, minor: int) -> str:
        return amounts.money(Money(minor, check.currency))
