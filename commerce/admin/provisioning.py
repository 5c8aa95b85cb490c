"""Setting up what was bought: the steps that wait, moved on by our people, and the keys that came of it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.admin import Kept, ReadOnly
from commerce.admin.bases import staff_of
from commerce.models import LicenceKey, ProductStep, ProvisioningStep
from commerce.orders import provisioning
from tracking.actor import Actor

STATES = {
    "waiting": "info", "running": "primary", "done": "success", "failed": "danger", "retried": "warning",
    "cancelled": "info",
}  # fmt: skip


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("The customer reads it."),
    )


class ProductStepInline(StackedInline):  # A table's column of boxes to delete has no heading to read out.
    model = ProductStep
    fields = ["position", "name", "description", "expected_days", "action", "is_for_more"]
    extra = 0
    verbose_name_plural = gettext_lazy("steps of setting it up, for orders to come")


class ProvisioningStepInline(ReadOnly, TabularInline):
    model = ProvisioningStep
    seen_with = "commerce.view_provisioningstep"
    fields = ["line", "name", "state", "reason", "attempts", "started_at", "finished_at"]
    readonly_fields = fields
    extra = 0
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProvisioningStep]:
        steps: QuerySet[ProvisioningStep] = super().get_queryset(request)
        return steps.select_related("line__product").order_by("line__position", "position")


@admin.register(ProvisioningStep)
class ProvisioningStepAdmin(Kept, ModelAdmin):
    list_display = ["name", "order", "account", "product", "state_label", "attempts", "reason", "started_at"]
    list_filter = ["state", "action", "line__product"]
    list_select_related = ["order", "account", "line__product"]
    search_fields = ["name", "account__name", "order__po_number"]
    readonly_fields = [field.name for field in ProvisioningStep._meta.fields]
    actions = ["begin", "finish", "retry"]
    actions_detail = ["fail"]

    @display(description=gettext_lazy("state"), label=STATES)
    def state_label(self, step: ProvisioningStep) -> tuple[str, str]:
        return step.state, step.get_state_display()

    @display(description=gettext_lazy("product"))
    def product(self, step: ProvisioningStep) -> str:
        return step.line.product.name

    @action(description=gettext_lazy("Somebody works on it"), permissions=["change"])
    def begin(self, request: HttpRequest, queryset: QuerySet[ProvisioningStep]) -> None:
        self._each(request, queryset, provisioning.begin_step, _("“%(step)s” is under way."))

    @action(description=gettext_lazy("It is done"), permissions=["change"])
    def finish(self, request: HttpRequest, queryset: QuerySet[ProvisioningStep]) -> None:
        self._each(request, queryset, provisioning.finish_step, _("“%(step)s” is done."))

    @action(description=gettext_lazy("Try it again"), permissions=["change"])
    def retry(self, request: HttpRequest, queryset: QuerySet[ProvisioningStep]) -> None:
        self._each(request, queryset, provisioning.retry_step, _("“%(step)s” is tried again."))

    @action(description=gettext_lazy("It is held up"), permissions=["change"], url_path="held-up")
    def fail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return fail_page(request, object_id)

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[ProvisioningStep],
        move: Callable[..., ProvisioningStep],
        words: str,
    ) -> None:
        """Move each step on by itself, the first of a line first: one that refuses keeps the others from nothing."""
        now = timezone.now()
        for step in queryset.order_by("order", "line__position", "position"):
            done = words % {"step": step.name}
            try:
                move(step=step, actor=Actor.staff(staff_of(request).pk, step.account_id), now=now)
            except provisioning.StepRefused as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
            else:
                self.log_change(request, step, done)
                self.message_user(request, done)


def fail_page(request: HttpRequest, step_id: int) -> HttpResponse:
    """Say why a step is held up."""
    if not request.user.has_perm("commerce.change_provisioningstep"):
        raise PermissionDenied
    step = get_object_or_404(ProvisioningStep.objects.select_related("account"), pk=step_id)
    form = ReasonForm(request.POST or None)
    back = reverse("admin:commerce_provisioningstep_change", args=[step.pk])
    if request.method == "POST" and form.is_valid():
        actor = Actor.staff(staff_of(request).pk, step.account_id)
        try:
            provisioning.fail_step(
                step=step, reason=form.cleaned_data["reason"], actor=actor, now=timezone.now()
            )  # fmt: skip
        except provisioning.StepRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("“%(step)s” is held up; the customer is told.") % {"step": step.name})
            return HttpResponseRedirect(back)
    context: dict[str, Any] = {**admin.site.each_context(request), "title": _("It is held up")}
    context |= {"form": form, "row": step, "back": back}
    return render(request, "admin/commerce/money_form.html", context, status=422 if form.is_bound else 200)


@admin.register(LicenceKey)
class LicenceKeyAdmin(ReadOnly, ModelAdmin):
    """That there is a key, and whose: the key itself is the customer's."""

    list_display = ["product", "account", "order", "quantity", "ending", "issued_at", "revoked_at"]
    list_filter = ["product", "issued_at", "revoked_at"]
    list_select_related = ["product", "account", "order"]
    search_fields = ["account__name", "ending"]
    fields = ["product", "account", "order", "quantity", "ending", "issued_at", "revoked_at"]
