"""The staff's pages about companies and people."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from accounts.jobs import enqueue
from accounts.models import Account, Entitlement, MailState, Membership, OutgoingMail, StoredFile, Tier, User
from accounts.tasks import send_due_mail


class Undeletable:
    """What other rows refer to: it ends, and is never deleted."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Kept(Undeletable):
    """History, and what other parts of the portal write. Nothing is added by hand; actions stay with who may change."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnly(Kept):
    """To be seen, not edited."""

    seen_with: ClassVar[str] = ""  # For an inline: the permission that shows it, instead of one for its own model.

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if self.seen_with:
            return request.user.has_perm(self.seen_with)
        return bool(super().has_view_permission(request, obj))  # type: ignore[misc]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class MembershipInline(ReadOnly, TabularInline):
    model = Membership
    fields = ["user", "role_names", "department", "is_active", "last_seen_at"]
    readonly_fields = fields
    extra = 0
    tab = True

    @display(description=_("roles"))
    def role_names(self, membership: Membership) -> str:
        return ", ".join(membership.role_labels)


class EntitlementInline(ReadOnly, TabularInline):
    model = Entitlement
    fields = ["code", "quantity", "start_date", "end_date", "source"]
    readonly_fields = fields
    extra = 0
    tab = True


@admin.register(Account)
class AccountAdmin(Undeletable, ModelAdmin):
    list_display = ["name", "tier", "industry", "stage_label", "owner", "billing_country", "first_login_at"]
    list_filter = ["tier", "industry", "lifecycle_stage", "is_active"]
    list_select_related = ["tier", "owner"]
    search_fields = ["name", "billing_email", "vat_id"]
    autocomplete_fields = ["parent", "owner", "sales_contact"]
    readonly_fields = ["public_id", "first_login_at", "created_at"]
    inlines = [MembershipInline, EntitlementInline]
    fieldsets = [
        (None, {"fields": ["name", "tier", "industry", "lifecycle_stage", "is_active"]}),
        (_("People"), {"fields": ["owner", "sales_contact", "parent"]}),
        (
            _("Contact and billing"),
            {
                "fields": [
                    "phone",
                    "website",
                    "billing_email",
                    "billing_street",
                    "billing_postal_code",
                    "billing_city",
                    "billing_country",
                    "vat_id",
                    "currency",
                    "time_zone",
                ]
            },
        ),
        (_("Dates"), {"fields": ["public_id", "created_at", "first_login_at"]}),
    ]

    @display(
        description=_("stage"),
        label={
            "onboarding": "info",
            "adopting": "info",
            "growing": "success",
            "renewing": "warning",
            "at_risk": "danger",
        },
    )
    def stage_label(self, account: Account) -> tuple[str, str]:
        return account.lifecycle_stage, account.get_lifecycle_stage_display()


@admin.register(Tier)
class TierAdmin(ReadOnly, ModelAdmin):
    list_display = ["name", "code", "rank"]


@admin.register(User)
class UserAdmin(ReadOnly, ModelAdmin):
    list_display = ["name", "email", "is_staff", "is_active", "created_at"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["name", "email"]
    exclude = ["password"]


@admin.register(OutgoingMail)
class OutgoingMailAdmin(Kept, ModelAdmin):
    list_display = ["subject", "to", "kind", "state_label", "attempts", "created_at", "sent_at"]
    list_filter = ["state", "kind"]
    search_fields = ["to", "subject"]
    actions = ["send_again"]
    readonly_fields = [field.name for field in OutgoingMail._meta.fields]

    @display(
        description=_("state"),
        label={"pending": "info", "sending": "info", "sent": "success", "failed": "danger"},
    )
    def state_label(self, mail: OutgoingMail) -> tuple[str, str]:
        return mail.state, mail.get_state_display()

    @action(description=_("Try again now"), permissions=["change"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> None:
        count = queryset.filter(state=MailState.FAILED).update(
            state=MailState.PENDING, attempts=0, next_at=timezone.now()
        )
        enqueue(send_due_mail)
        self.message_user(request, _("%d messages are tried again.") % count)


@admin.register(StoredFile)
class StoredFileAdmin(ReadOnly, ModelAdmin):
    list_display = ["name", "account", "content_type", "size", "created_at"]
    list_select_related = ["account"]
    search_fields = ["name", "account__name"]
