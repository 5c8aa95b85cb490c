"""The tables of `accounts.permissions` as people read them: one row for each permission, one cell for each role."""

from dataclasses import dataclass

from django.apps import apps
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.permissions import CUSTOMER_TABLE, STAFF_TABLE, Permission, Role, StaffGroup


@dataclass(frozen=True)
class Row:
    """What may be done, and for each role or group whether it may."""

    label: str
    cells: tuple[tuple[str, bool], ...]  # (name of the role or group, whether it may), in the order of the heads.


def customer_rows() -> list[Row]:
    return [
        Row(str(permission.label), tuple((str(role.label), role in CUSTOMER_TABLE[permission]) for role in Role))
        for permission in Permission
    ]


def staff_rows() -> list[Row]:
    return [
        Row(_staff_label(name), tuple((str(group.label), group in groups) for group in StaffGroup))
        for name, groups in STAFF_TABLE.items()
    ]


def permission_label(name: str) -> str:
    """What a permission is called, a customer's or one of the staff; one that is no longer known by its code."""
    if name in Permission.values:
        return str(Permission(name).label)
    return _staff_label(name) if name in STAFF_TABLE else name


def _staff_label(name: str) -> str:
    """ "accounts.view_account" as "Accounts: see companies"; a permission of its own has its own name."""
    app, codename = name.split(".")
    words = {"view": _("see"), "add": _("add"), "change": _("change"), "delete": _("delete")}
    action, _sep, model_name = codename.partition("_")
    models = {model._meta.model_name: model._meta for model in apps.get_app_config(app).get_models()}
    area = str(apps.get_app_config(app).verbose_name)
    if action in words and model_name in models:
        return f"{area}: {words[action]} {models[model_name].verbose_name_plural}"
    own = {code: label for meta in models.values() for code, label in meta.permissions}
    return f"{area}: {capfirst(str(own.get(codename, codename)))}"
