"""What must be true of the database before production serves."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError


@register(Tags.database)
def no_demo_people_in_production(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Demo people have a public password: with PORTAL_DEMO off, they may not exist."""
    from accounts.models import User

    if settings.PORTAL_DEMO or not databases:
        return []
    try:
        exist = User.objects.filter(is_demo=True).exists()
    except DatabaseError:
        return []  # Not migrated yet; migrate itself runs this check.
    if exist:
        return [
            Error(
                "Demo people can sign in with a public password.",
                hint="Run manage.py remove_demo_people, or set PORTAL_DEMO=1 on a machine of your own.",
                id="accounts.E001",
            )
        ]
    return []
