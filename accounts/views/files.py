"""Downloads of a company's files."""

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import downloads
from accounts.http import AccountRequest, requires
from accounts.models import StoredFile
from accounts.permissions import Permission
from tracking.models import EventName
from tracking.services import record


@require_safe
@requires(Permission.VIEW_HOME)
def download(request: AccountRequest, public_id: str) -> HttpResponseBase:
    """A file of the company, for those who may see what it belongs to. Never shown inside our pages."""
    stored = get_object_or_404(StoredFile.objects.for_account(request.account), public_id=public_id)
    if not request.membership.may(Permission(stored.permission)):
        raise PermissionDenied
    if not downloads.is_visible(request.membership, stored):
        raise Http404
    if request.method == "GET":  # HEAD asks about the file, and takes nothing.
        record(
            name=EventName.DOCUMENT_DOWNLOADED,
            actor=request.actor,
            now=timezone.now(),
            object_type="file",
            object_id=str(stored.public_id),
            properties={"name": stored.name},
        )
    response = FileResponse(
        stored.content.open("rb"), as_attachment=True, filename=stored.name, content_type=stored.content_type
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
