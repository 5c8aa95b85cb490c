"""People with several entries: who they may be, side by side, and joining them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin, messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import duplicates, merging
from accounts.http import StaffRequest, requires_staff, step_up
from accounts.models import Membership, User

WHY_NOT: dict[type[merging.CannotMerge], Any] = {
    merging.SameEntry: gettext_lazy("This is one entry."),
    merging.StaffInvolved: gettext_lazy("Entries of our own staff are never joined."),
    merging.AlreadyMerged: gettext_lazy("One of the two has been joined with another entry in the meantime."),
    merging.SurvivorInactive: gettext_lazy("The entry to keep is deactivated. Keep the other one."),
    merging.ErasureOpen: gettext_lazy("One of the two is about to be erased. That has to end first."),
    merging.BothInDirectory: gettext_lazy(
        "A company's directory has both, and would bring the joined one back. They have to be joined there first."
    ),
}


class MergeForm(forms.Form):
    """Which entry goes on, and why they are one person."""

    survivor = forms.TypedChoiceField(coerce=int)
    reason = forms.CharField(
        label=gettext_lazy("How do you know?"),
        min_length=merging.SHORTEST_REASON,
        max_length=300,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Kept with the merge. The customer's administrators read it in their audit log."),
    )

    def __init__(self, *args: Any, people: Iterable[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(user.pk, str(user)) for user in people]
        self.fields["survivor"] = forms.TypedChoiceField(choices=choices, coerce=int, initial=choices[0][0])
        self.order_fields(["survivor", "reason"])


@dataclass(frozen=True)
class Entry:
    """One side of the comparison."""

    user: User
    places: list[Membership]
    addresses: list[str]
    is_checked: bool


@require_safe
@requires_staff(merging.MAY_MERGE)
def candidates(request: StaffRequest) -> HttpResponse:
    """The likeliest pairs first."""
    found = duplicates.candidates()
    context = {"title": _("Duplicate contacts"), "candidates": found, "is_full": len(found) == duplicates.SHOWN}
    return _page(request, "duplicates", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires_staff(merging.MAY_MERGE)
@step_up
def merge(request: StaffRequest, first: int, second: int) -> HttpResponseBase:
    """Side by side; then what would move; then it is done."""
    people = [_person(first), _person(second)]
    form = MergeForm(request.POST or None, people=people)
    if request.method != "POST" or not form.is_valid():
        return _compare(request, people, form)
    people.sort(key=lambda user: user.pk != form.cleaned_data["survivor"])
    survivor, merged = people
    try:
        if request.POST.get("step") == "confirm":
            merging.merge_people(
                merged=merged, survivor=survivor, by=request.user, reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )  # fmt: skip
            messages.success(
                request, _("%(name)s has one entry now. Both addresses have been told.") % {"name": survivor}
            )
            return redirect("admin:duplicates")
        merging.check(merged=merged, survivor=survivor)
    except merging.CannotMerge as refusal:
        form.add_error(None, WHY_NOT[type(refusal)])
        return _compare(request, people, form)
    context = {
        "title": _("Join two entries of %(name)s") % {"name": survivor},
        "merged": merged,
        "survivor": survivor,
        "reason": form.cleaned_data["reason"],
        "lines": merging.preview(merged=merged, survivor=survivor),
        "path": request.path,
    }
    return _page(request, "merge_preview", context)


@require_POST
@requires_staff(merging.MAY_MERGE)
def tell_apart(request: StaffRequest, first: int, second: int) -> HttpResponseBase:
    """They are two people: not to be suggested again."""
    people = (_person(first), _person(second))
    duplicates.tell_apart(first=people[0], second=people[1], by=request.user)
    messages.success(request, _("%(one)s and %(other)s stay two people.") % {"one": people[0], "other": people[1]})
    return redirect("admin:duplicates")


def _person(pk: int) -> User:
    return get_object_or_404(User, pk=pk, is_staff=False, is_superuser=False, merged_into=None)


def _compare(request: StaffRequest, people: list[User], form: MergeForm) -> HttpResponse:
    people = sorted(people, key=lambda user: user.pk)
    chosen = str(form["survivor"].value())
    likenesses = duplicates.likenesses_of(*people)
    context = {
        "title": _("Are these one person?"),
        "entries": [_entry(user, is_checked=str(user.pk) == chosen) for user in people],
        "likenesses": likenesses,
        "score": duplicates.score(likenesses),
        "form": form,
        "people": people,
    }
    return _page(request, "merge", context, status=422 if form.errors else 200)


def _entry(user: User, *, is_checked: bool) -> Entry:
    places = Membership.objects.filter(user=user).select_related("account").order_by("account__name")
    addresses = EmailAddress.objects.filter(user=user).order_by("-primary", "email")
    return Entry(
        user=user,
        places=list(places),
        addresses=[address.email for address in addresses] or [user.email],
        is_checked=is_checked,
    )


def _page(request: StaffRequest, name: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return render(request, f"admin/staff/{name}.html", admin.site.each_context(request) | context, status=status)
