"""What must be true of the database before production serves."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.database)
def no_demo_people_in_production(databases: list[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Demo people have a public password: with PORTAL_DEMO off, they may not exist."""
    from django.db import DatabaseError

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
