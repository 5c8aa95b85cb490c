"""Pictures of products, and the papers about them."""

from uuid import UUID

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.http import AccountRequest, requires
from accounts.permissions import Permission
from commerce.catalogue.previewing import shows_drafts
from commerce.catalogue.product_files import file_response
from commerce.models import ProductFile


@require_safe
@requires(Permission.VIEW_PRICES)
def product_file(request: AccountRequest, public_id: UUID) -> HttpResponseBase:
    """A file about a product that the company may buy, or has."""
    today = request.account.local_date(timezone.now())
    files = ProductFile.objects.for_account(request.account, today, with_drafts=shows_drafts(request))
    return file_response(get_object_or_404(files, public_id=public_id))
