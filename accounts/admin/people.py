"""The staff's pages about people."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action

from accounts.admin.bases import ReadOnly
from accounts.law import erasing, exporting
from accounts.law.erasing import request_erasure
from accounts.law.exporting import request_export
from accounts.models import PersonMerge, User


@admin.register(User)
class UserAdmin(ReadOnly, ModelAdmin):
    list_display = ["name", "email", "is_staff", "is_active", "unreachable_reason", "created_at"]
    list_filter = ["is_staff", "is_active", "unreachable_reason"]
    search_fields = ["name", "email"]
    exclude = ["password"]
    actions = ["copy_data", "erase"]

    def has_start_erasure_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.start_erasure")

    @action(description=_("Send them a copy of their data (request by letter)"), permissions=["start_erasure"])
    def copy_data(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            try:
                request_export(user=user, now=timezone.now(), by=_staff(request))
            except exporting.AlreadyAsked:
                self.message_user(request, _("A copy for %s is being made already.") % user, level="warning")
            else:
                self.message_user(request, _("%s gets a mail when the copy is ready.") % user)

    @action(description=_("Erase after the wait (request by letter)"), permissions=["start_erasure"])
    def erase(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            try:
                erasure = request_erasure(user=user, now=timezone.now(), by=_staff(request))
            except erasing.AlreadyAsked:
                self.message_user(request, _("%s is to be erased already.") % user, level="warning")
            except erasing.WorksForVendor:
                self.message_user(request, _("%s works for us.") % user, level="error")
            except erasing.EmergencyAdministratorOf as error:
                told = {"person": user, "companies": str(error)}
                advice = _(
                    "%(person)s is the emergency administrator of %(companies)s: they name another one, or stop "
                    "requiring single sign-on, first."
                )
                self.message_user(request, advice % told, level="error")
            except erasing.NeedsHandOver as error:
                told = {"person": user, "companies": str(error)}
                text = _("%(person)s is the last administrator of %(companies)s: hand over first.") % told
                self.message_user(request, text, level="error")
            else:
                told = {"person": user, "date": date_format(erasure.due_at)}
                self.message_user(request, _("%(person)s is erased after %(date)s.") % told)


def _staff(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


@admin.register(PersonMerge)
class PersonMergeAdmin(ReadOnly, ModelAdmin):
    list_display = ["survivor", "address", "made_by", "reason", "made_at"]
    list_select_related = ["survivor", "made_by"]
    search_fields = ["survivor__name", "survivor__email", "address", "reason"]
    ordering = ["-made_at", "-pk"]
