"""The staff's page about mail on its way."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from accounts.admin.bases import Kept
from accounts.jobs import enqueue
from accounts.models import MailState, OutgoingMail
from accounts.tasks import send_due_mail

# Mail that says what is owed or was paid, for people who may see that.
TELLS_AMOUNTS = (
    "receipt", "invoice_issued", "invoice_reminder", "credit_note", "refund", "card_not_charged", "card_expires",
)  # fmt: skip

PERSONAL_LINKS = frozenset({"invitation", "claim_link"})  # Kinds of mail that let in whoever has the link.


@admin.register(OutgoingMail)
class OutgoingMailAdmin(Kept, ModelAdmin):
    list_display = ["subject", "to", "kind", "state_label", "attempts", "created_at", "sent_at"]
    list_filter = ["state", "kind"]
    search_fields = ["to", "subject", "document"]
    actions = ["send_again"]
    readonly_fields = [*(field.name for field in OutgoingMail._meta.fields), "text_without_link"]

    def get_fields(self, request: HttpRequest, obj: OutgoingMail | None = None) -> list[str]:
        """Everything; of mail whose link lets its reader in, the text without the link."""
        hidden = ("text", "html") if obj is not None and obj.kind in PERSONAL_LINKS else ("text_without_link",)
        return [name for name in self.readonly_fields if name not in hidden]

    @display(description=_("text"))
    def text_without_link(self, mail: OutgoingMail) -> str:
        return "\n".join("…" if "://" in line else line for line in mail.text.splitlines())

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutgoingMail]:
        rows: QuerySet[OutgoingMail] = super().get_queryset(request)
        return rows if request.user.has_perm("commerce.view_amounts") else rows.exclude(kind__in=TELLS_AMOUNTS)

    @display(
        description=_("state"),
        label={
            "pending": "info",
            "sending": "info",
            "sent": "success",
            "failed": "danger",
            "unknown": "warning",
            "cancelled": "default",
        },
    )
    def state_label(self, mail: OutgoingMail) -> tuple[str, str]:
        return mail.state, mail.get_state_display()

    @action(description=_("Try again now"), permissions=["change"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> None:
        count = queryset.filter(state__in=[MailState.FAILED, MailState.UNKNOWN]).update(
            state=MailState.PENDING, attempts=0, next_at=timezone.now()
        )
        enqueue(send_due_mail)
        self.message_user(request, _("%d messages are tried again.") % count)
