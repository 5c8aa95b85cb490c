"""The staff's pages about companies."""

from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from accounts.admin.bases import ReadOnly, Undeletable
from accounts.admin.invitations import claim_link_page
from accounts.models import Account, Entitlement, Membership, Tier
from accounts.notifications import held_back, trust_billing_address
from accounts.portfolios import REASSIGN
from tracking.actor import Actor


class MembershipInline(ReadOnly, TabularInline):
    model = Membership
    fields = ["user", "role_names", "department", "is_active", "last_seen_at"]
    readonly_fields = fields
    extra = 0
    tab = True
    per_page = 20
    ordering = ["pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        rows: QuerySet[Membership] = super().get_queryset(request)
        return rows.select_related("user", "account")

    @display(description=_("roles"))
    def role_names(self, membership: Membership) -> str:
        return ", ".join(membership.role_labels)


class EntitlementInline(ReadOnly, TabularInline):
    model = Entitlement
    fields = ["code", "quantity", "start_date", "end_date", "source"]
    readonly_fields = fields
    extra = 0
    tab = True
    per_page = 20
    ordering = ["pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entitlement]:
        rows: QuerySet[Entitlement] = super().get_queryset(request)
        return rows.select_related("account")


@admin.register(Account)
class AccountAdmin(Undeletable, ModelAdmin):
    list_display = ["name", "overview", "tier", "industry", "stage_label", "owner", "billing_country", "first_login_at"]
    actions = ["reassign"]
    actions_detail = ["open_overview", "send_claim_link"]
    list_filter = ["tier", "industry", "lifecycle_stage", "is_active"]
    list_select_related = ["tier", "owner"]
    search_fields = ["name", "billing_email", "vat_id"]
    autocomplete_fields = ["parent", "owner", "sales_contact"]
    readonly_fields = ["public_id", "first_login_at", "created_at", "billing_mail"]
    inlines = [MembershipInline, EntitlementInline]
    fieldsets = [
        (None, {"fields": ["name", "tier", "industry", "lifecycle_stage", "is_active"]}),
        (_("People"), {"fields": ["owner", "sales_contact", "parent", "is_open_to_parent"]}),
        (
            _("Contact and billing"),
            {
                "fields": [
                    "phone",
                    "website",
                    "billing_email",
                    "billing_mail",
                    "billing_street",
                    "billing_postal_code",
                    "billing_city",
                    "billing_country",
                    "vat_id",
                    "billing_po_number",
                    "billing_reference",
                    "currency",
                    "time_zone",
                    "language",
                    "brand",
                ]
            },
        ),
        (_("Dates"), {"fields": ["public_id", "created_at", "first_login_at"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> list[str]:
        """Who looks after a company changes by a hand-over, which says why and tells everybody."""
        people = [] if obj is None or request.user.has_perm(REASSIGN) else ["owner", "sales_contact"]
        return [*super().get_readonly_fields(request, obj), *people]

    def save_model(self, request: HttpRequest, obj: Account, form: ModelForm[Account], change: bool) -> None:
        """Mail that was held back goes to the new address for invoices."""
        super().save_model(request, obj, form, change)
        if "billing_email" in form.changed_data:
            actor = Actor.staff(int(str(request.user.pk)), obj.pk)
            if sent := trust_billing_address(account=obj, actor=actor, now=timezone.now()):
                messages.info(request, held_back.words(sent))

    @action(description=_("Hand over to a colleague"), permissions=["change"])
    def reassign(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse:
        """The confirmation page asks to whom and why, and shows what will change."""
        ids = queryset.order_by("pk").values_list("pk", flat=True)[: self.list_per_page]
        return redirect(f"{reverse('admin:hand_over')}?{urlencode([('account', pk) for pk in ids])}")

    @display(description=_("overview"))
    def overview(self, account: Account) -> SafeString:
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}" aria-label="{}">360</a>',
            reverse("admin:account_360", args=[account.pk]),
            gettext("Account 360 of %(name)s") % {"name": account.name},
        )

    @display(description=_("mail to it"))
    def billing_mail(self, account: Account) -> str:
        """Whether invoices arrive there, as far as anybody has said."""
        problem = account.billing_mail_problem
        if problem is None:
            return "–"
        return gettext("Comes back: %(why)s") % {"why": problem.label}

    @action(description=_("Send a claim link"), url_path="claim-link", permissions=["claim"])
    def send_claim_link(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return claim_link_page(request, object_id)

    def has_claim_permission(self, request: HttpRequest, object_id: int | None = None) -> bool:
        return request.user.has_perm("accounts.send_claim_link")

    @action(description=_("Account 360"), url_path="overview", permissions=["view"])
    def open_overview(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:account_360", object_id)

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
