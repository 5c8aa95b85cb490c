"""How a record stands with Salesforce, on the vendor's pages: `{% crm_sync_status "Case" case.public_id %}`."""

from typing import Any
from uuid import UUID

from django import template
from django.utils import timezone

from crm.status import sync_status

register = template.Library()


@register.inclusion_tag("admin/crm/sync_status.html", takes_context=True)
def crm_sync_status(context: dict[str, Any], crm_object: str, external_id: UUID) -> dict[str, Any]:
    """One line in words, with a button to send the record again for those who may."""
    request = context["request"]
    return {
        "status": sync_status(crm_object, external_id, timezone.now()),
        "crm_object": crm_object,
        "external_id": external_id,
        "may_retry": request.user.has_perm("crm.change_outboxrow"),
        "csrf_token": context.get("csrf_token"),
        "next": request.get_full_path(),
    }
