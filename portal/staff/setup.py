"""Set up: what a new installation needs before customers come, and how far it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from accounts import setting_up
from accounts.http import StaffRequest, requires_staff
from accounts.models import Installation, SetupTick
from accounts.portfolio_forms import DayInput
from accounts.setup_items import Facts, Finding, SetupGroup, SetupItem, SetupState, read_facts
from portal.providers import provided

TONES = {SetupState.DONE: "success", SetupState.ATTENTION: "warning", SetupState.OPEN: "info"}
NOTE_LENGTH = 300


@dataclass(frozen=True)
class Line:
    """A part of the checklist as it stands."""

    item: SetupItem
    finding: Finding
    tick: SetupTick | None = None

    @property
    def is_done(self) -> bool:
        return self.finding.state == SetupState.DONE

    @property
    def is_ticked_by_people(self) -> bool:
        return self.item.check is None

    @property
    def tone(self) -> str:
        return TONES[self.finding.state]

    @property
    def url(self) -> str:
        return self.item.url()


class DecisionsForm(forms.ModelForm[Installation]):
    """When the portal opens, and what it is to achieve."""

    class Meta:
        model = Installation
        fields = ["go_live_date", "target_adoption", "target_deflection", "target_upgrade", "target_renewal"]
        widgets = {"go_live_date": DayInput} | {
            f"target_{name}": UnfoldAdminIntegerFieldWidget for name in ("adoption", "deflection", "upgrade", "renewal")
        }


def items() -> list[SetupItem]:
    """Every app's parts."""
    found: Iterable[SetupItem] = (item for module in provided("setup") for item in module.ITEMS)
    return list(found)


def lines(now: datetime) -> list[Line]:
    """How every part stands. Two queries, and those that checks ask themselves."""
    ticks = {tick.code: tick for tick in SetupTick.objects.select_related("ticked_by")}
    found = items()
    facts = read_facts(found, now)
    return [_line(item, ticks.get(item.code), now, facts) for item in found]


def _line(item: SetupItem, tick: SetupTick | None, now: datetime, facts: Facts) -> Line:
    if item.check is not None:
        return Line(item, item.check(now, facts))
    if tick is None:
        return Line(item, Finding(SetupState.OPEN, str(item.help)))
    return Line(item, Finding(SetupState.DONE, tick.note or str(item.help)), tick)


@require_safe
@requires_staff("accounts.view_installation")
def checklist(request: StaffRequest) -> HttpResponse:
    return _checklist(request, DecisionsForm(instance=Installation.current()))


def _checklist(request: StaffRequest, form: DecisionsForm, *, status: int = 200) -> HttpResponse:
    found = lines(timezone.now())
    done = sum(line.is_done for line in found)
    groups = [(group.label, [line for line in found if line.item.group == group]) for group in SetupGroup]
    context: dict[str, Any] = {
        "title": _("Set up"),
        "groups": [(label, members) for label, members in groups if members],
        "done": done,
        "count": len(found),
        "form": form,
        "may_change": request.user.has_perm("accounts.change_installation"),
        "note_length": NOTE_LENGTH,
    }
    return render(request, "admin/staff/setup.html", admin.site.each_context(request) | context, status=status)


@require_POST
@requires_staff("accounts.change_installation")
def tick(request: StaffRequest, code: str) -> HttpResponseBase:
    """Somebody did what no computer can tell, or takes it back."""
    if code not in {item.code for item in items() if item.check is None}:
        raise Http404
    if "undo" in request.POST:
        setting_up.untick(code=code)
    else:
        note = request.POST.get("note", "").replace("\x00", "").strip()[:NOTE_LENGTH]
        setting_up.tick(code=code, note=note, ticked_by=request.user, now=timezone.now())
    return redirect("admin:setup")


@require_POST
@requires_staff("accounts.change_installation")
def decide(request: StaffRequest) -> HttpResponseBase:
    """Keep the go-live date and the targets."""
    form = DecisionsForm(request.POST, instance=Installation.current())
    if not form.is_valid():
        return _checklist(request, form, status=422)
    form.save()
    messages.success(request, _("The decisions are saved."))
    return redirect("admin:setup")


@require_POST
@requires_staff("accounts.change_installation")
def send_test_mail(request: StaffRequest) -> HttpResponseBase:
    setting_up.send_test_mail(to=request.user)
    messages.success(request, _("A test mail to %(address)s is on its way.") % {"address": request.user.email})
    return redirect("admin:setup")
