"""What should be true of the database before production sends bills."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db import DatabaseError


@checks.register(checks.Tags.database)
def bills_name_their_seller(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """The law wants the seller's address and VAT id on bills. A warning: it is entered in the admin, which must run."""
    from commerce.models import LegalEntity

    if not settings.PRODUCTION or not databases:
        return []
    try:
        seller = LegalEntity.objects.filter(name=settings.LEGAL_ENTITY).first() or LegalEntity()
    except DatabaseError:
        return []  # Not migrated yet; migrate itself runs this check.
    if not seller.missing:
        return []
    return [
        checks.Warning(
            f"Bills of {settings.LEGAL_ENTITY} lack {', '.join(seller.missing)}: no e-invoices are made.",
            hint="Complete the legal entity in the admin.",
            id="commerce.W001",
        )
    ]
