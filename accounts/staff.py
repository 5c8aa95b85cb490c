"""The staff groups with their permissions, as the table in `accounts/permissions.py` says."""

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

from accounts.permissions import STAFF_TABLE, StaffGroup


def sync_groups(*, using: str = "default") -> None:
    """Make the groups and give each exactly the permissions of the table.

    Raises `ValueError` when the table names a permission that does not exist.
    """
    wanted = Q()
    for name in STAFF_TABLE:
        app, codename = name.split(".")
        wanted |= Q(content_type__app_label=app, codename=codename)
    known = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.using(using).filter(wanted).select_related("content_type")
    }
    if missing := STAFF_TABLE.keys() - known.keys():
        raise ValueError(f"accounts.permissions.STAFF_TABLE names unknown permissions: {', '.join(sorted(missing))}")
    for name in StaffGroup:
        group, _created = Group.objects.using(using).get_or_create(name=name.value)
        group.permissions.set(known[code] for code, groups in STAFF_TABLE.items() if name in groups)
