"""The staff's pages about mail that came in and reports about mail that went out."""

from anymail.inbound import AnymailInboundMessage
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from accounts.admin.bases import Kept, ReadOnly
from accounts.jobs import enqueue
from accounts.models import InboundMail, InboundState, MailReport
from accounts.tasks import take_in_mail


@admin.register(InboundMail)
class InboundMailAdmin(Kept, ModelAdmin):
    list_display = ["subject", "sender", "state_label", "note", "source", "received_at"]
    list_filter = ["state", "source"]
    search_fields = ["sender", "subject", "recipients"]
    ordering = ["-received_at"]
    actions = ["process_again", "vouch", "ignore"]
    fields = [
        "subject", "sender", "recipients", "source", "received_at", "state", "note", "is_vouched_for", "settled_at",
        "attempts", "text",
    ]  # fmt: skip
    readonly_fields = fields

    @display(
        description=_("state"),
        label={"received": "info", "done": "success", "ignored": "default", "held": "warning", "failed": "danger"},
    )
    def state_label(self, mail: InboundMail) -> tuple[str, str]:
        return mail.state, mail.get_state_display()

    @display(description=_("text"))
    def text(self, mail: InboundMail) -> str:
        return AnymailInboundMessage.parse_raw_mime_bytes(bytes(mail.mime)).text or "–"

    @action(description=_("Deal with it again"), permissions=["change"])
    def process_again(self, request: HttpRequest, queryset: QuerySet[InboundMail]) -> None:
        self._again(request, queryset)

    @action(description=_("The sender is who we had written to: take it in"), permissions=["change"])
    def vouch(self, request: HttpRequest, queryset: QuerySet[InboundMail]) -> None:
        self._again(request, queryset, is_vouched_for=True)

    @action(description=_("Ignore it"), permissions=["change"])
    def ignore(self, request: HttpRequest, queryset: QuerySet[InboundMail]) -> None:
        count = queryset.filter(state__in=[InboundState.HELD, InboundState.FAILED]).update(
            state=InboundState.IGNORED, settled_at=timezone.now()
        )
        text = ngettext("%d message is ignored.", "%d messages are ignored.", count) % count
        self.message_user(request, text)

    def _again(self, request: HttpRequest, queryset: QuerySet[InboundMail], **changes: object) -> None:
        stuck = queryset.filter(state__in=[InboundState.HELD, InboundState.FAILED, InboundState.IGNORED])
        count = stuck.update(state=InboundState.RECEIVED, attempts=0, next_at=timezone.now(), **changes)
        enqueue(take_in_mail)
        text = ngettext("%d message is looked at again.", "%d messages are looked at again.", count) % count
        self.message_user(request, text)


@admin.register(MailReport)
class MailReportAdmin(ReadOnly, ModelAdmin):
    list_display = ["email", "kind", "detail", "reported_at"]
    list_filter = ["kind"]
    search_fields = ["email"]
    ordering = ["-reported_at"]
