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

# Mail that says what was paid, for people who may see that.
TELLS_AMOUNTS = ("receipt",)


@admin.register(OutgoingMail)
class OutgoingMailAdmin(Kept, ModelAdmin):
    list_display = ["subject", "to", "kind", "state_label", "attempts", "created_at", "sent_at"]
    list_filter = ["state", "kind"]
    search_fields = ["to", "subject"]
    actions = ["send_again"]
    readonly_fields = [field.name for field in OutgoingMail._meta.fields]

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutgoingMail]:
        rows: QuerySet[OutgoingMail] = super().get_queryset(request)
        return rows if request.user.has_perm("commerce.view_amounts") else rows.exclude(kind__in=TELLS_AMOUNTS)

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
