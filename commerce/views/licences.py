"""What comes with what was bought: licence keys and downloads."""

from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.http import AccountRequest, requires
from accounts.paging import page_of
from accounts.permissions import Permission
from accounts.vault import CannotUnseal
from commerce.catalogue.product_files import file_response
from commerce.models import LicenceKey, ProductFile
from commerce.orders import licences
from tracking.models import EventName
from tracking.services import record


@require_safe
@requires(Permission.VIEW_LICENCES)
def licence_list(request: AccountRequest) -> HttpResponse:
    """The company's keys, newest first, and the downloads of what it has today."""
    today = request.account.local_date(timezone.now())
    keys = LicenceKey.objects.for_account(request.account).valid().select_related("product", "order")
    page = page_of(keys.order_by("-issued_at", "-pk"), cursor=request.GET.get("cursor", ""))
    downloads = ProductFile.objects.owned_by(request.account, today).select_related("product")
    context = {
        "page": page,
        "downloads": downloads.order_by("product__name", "position", "pk"),
        "may_view_orders": request.membership.may(Permission.VIEW_ORDERS),
    }
    return render(request, "commerce/licences.html", context)


@never_cache
@require_POST
@requires(Permission.VIEW_LICENCES)
def show_licence(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """One key, unsealed, as a part of a page; who saw it is written down."""
    key = _key_of(request, public_id)
    context: dict[str, object] = {"key": key}
    try:
        context["text"] = licences.show(key=key, actor=request.actor, now=timezone.now())
    except licences.KeyRevoked:
        context["problem"] = _("This key was revoked.")
    except CannotUnseal:
        context["problem"] = _("We can't read this key. Talk to us, and we make you another one.")
    return render(request, "commerce/_licence_key.html", context)


@require_POST
@requires(Permission.VIEW_LICENCES)
def copied_licence(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """The page says that the key was copied."""
    licences.note_copied(key=_key_of(request, public_id), actor=request.actor, now=timezone.now())
    return HttpResponse(status=204)


@require_safe
@requires(Permission.VIEW_LICENCES)
def product_download(request: AccountRequest, public_id: UUID) -> HttpResponseBase:
    """Something to be installed, for those who have the product today; each download is noted."""
    now = timezone.now()
    files = ProductFile.objects.owned_by(request.account, request.account.local_date(now))
    file = get_object_or_404(files.select_related("product"), public_id=public_id)
    record(
        name=EventName.DOCUMENT_DOWNLOADED,
        actor=request.actor,
        now=now,
        object_type="download",
        object_id=str(file.public_id),
        properties={"product": file.product.code, "title": file.title},
    )
    return file_response(file)


def _key_of(request: AccountRequest, public_id: UUID) -> LicenceKey:
    return get_object_or_404(
        LicenceKey.objects.for_account(request.account).select_related("product"), public_id=public_id
    )
