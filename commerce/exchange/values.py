"""Values of rows as the document writes them: numbers as text, days as 2026-02-01, other rows by their code."""

import json
import uuid
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext as _

Field = models.Field[Any, Any]
Find = Callable[[type[models.Model], str], models.Model | None]


class ValueRefused(ValueError):
    """A value that the document can't have there; the message says why."""


def code_field(model: type[models.Model]) -> str:
    """What names a row of the model outside of this database."""
    return "code" if any(field.name == "code" for field in model._meta.fields) else "public_id"


def told(value: object) -> Any:
    """A value of a row, as JSON has it."""
    if isinstance(value, models.Model):
        return told(getattr(value, code_field(type(value))))
    if isinstance(value, Decimal):
        return _plain(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def _plain(number: Decimal) -> str:
    written = f"{number:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def same(field: Field, one: object, other: object) -> bool:
    """Whether two values of the document are the same to the field: "12.50" and "12.5", nothing and no text."""
    return _canonical(field, one) == _canonical(field, other)


def _canonical(field: Field, value: object) -> object:
    if isinstance(field, models.DecimalField | models.IntegerField) and isinstance(value, str | int):
        try:
            return _plain(Decimal(value))
        except InvalidOperation:
            return value  # A number it is not; the form says so.
    return "" if value is None else value


def typed(field: Field, value: object, find: Find) -> object:
    """A value of the document as a form is sent it. Raises `ValueRefused`."""
    if isinstance(field, models.JSONField):
        return json.dumps(value)
    if value is None:
        return ""
    if isinstance(field, models.ForeignKey):
        return _found(field, value, find).pk
    if isinstance(field, ArrayField):
        return _joined(value)
    if isinstance(field, models.BooleanField):
        if not isinstance(value, bool):
            raise ValueRefused(_("This is true or false."))
        return value
    return _text(field, value)


def _text(field: Field, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueRefused(_("This is one text or number."))
    if isinstance(field, models.DateField) and not _is_written(value, date.fromisoformat):
        raise ValueRefused(_("A day is written as 2026-02-01."))
    if isinstance(field, models.UUIDField) and not _is_written(value, uuid.UUID):
        raise ValueRefused(_("This is no id, as 0b5d6700-aaaa-4bbb-8ccc-000000000001."))
    return str(value)


def _is_written(value: str | int, read: Callable[[str], date | uuid.UUID]) -> bool:
    """Whether a value is written as we write it ourselves: keys are compared as text."""
    try:
        return bool(str(read(str(value))) == value)
    except ValueError:
        return False


def _joined(value: object) -> str:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueRefused(_("This is a list of texts."))
    return ",".join(value)


def _found(field: models.ForeignKey[Any, Any], value: object, find: Find) -> models.Model:
    model = field.related_model
    row = find(model, value) if isinstance(value, str) else None
    if row is None:
        raise ValueRefused(_("There is no %(what)s “%(code)s”.") % {"what": field.verbose_name, "code": value})
    return row
