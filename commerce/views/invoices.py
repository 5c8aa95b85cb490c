"""Bills: the list, one of them, and its PDF."""

from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.http import AccountRequest, requires, session_digest
from accounts.paging import page_of
from accounts.permissions import Permission
from commerce import invoicing
from commerce.models import Invoice
from tracking.models import EventName
from tracking.services import buffer_page_view


@require_safe
@requires(Permission.VIEW_INVOICES)
def invoice_list(request: AccountRequest) -> HttpResponse:
    """The latest first."""
    now = timezone.now()
    invoices = Invoice.objects.for_account(request.account)
    return render(
        request,
        "commerce/invoices.html",
        {
            "page": page_of(invoices.select_related("order").latest_first(), cursor=request.GET.get("cursor", "")),
            "payable": invoices.payable().order_by("due_date", "pk").first(),
            "may_pay": request.membership.may(Permission.BUY),
            "today": now.astimezone(ZoneInfo(request.account.time_zone)).date(),
        },
    )


@require_safe
@requires(Permission.VIEW_INVOICES)
def invoice(request: AccountRequest, number: str) -> HttpResponse:
    now = timezone.now()
    found = get_object_or_404(
        Invoice.objects.for_account(request.account).select_related("order").prefetch_related("lines"), number=number
    )
    buffer_page_view(
        name=EventName.INVOICE_VIEWED,
        actor=request.actor,
        now=now,
        object_type="invoice",
        object_id=found.number,
        session_key=session_digest(request),
    )
    today = now.astimezone(ZoneInfo(request.account.time_zone)).date()
    return render(
        request,
        "commerce/invoice.html",
        {
            "invoice": found,
            "crumbs": [{"label": _("Invoices"), "url": reverse("commerce:invoices")}, {"label": found.number}],
            "pending": found.attempts.pending().first(),
            "may_pay": found.is_payable and request.membership.may(Permission.BUY),
            "is_overdue": found.is_overdue(today),
        },
    )


@require_safe
@requires(Permission.VIEW_INVOICES)
def invoice_pdf(request: AccountRequest, number: str) -> HttpResponse:
    found = get_object_or_404(
        Invoice.objects.for_account(request.account).select_related("pdf", "order"), number=number
    )
    stored = invoicing.document(invoice=found, actor=request.actor, now=timezone.now())
    with stored.content.open("rb") as content:
        response = HttpResponse(content.read(), content_type=stored.content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{stored.name}"'
    return response
