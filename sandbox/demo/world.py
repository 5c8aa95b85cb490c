"""The rows of an invented world: unsaved, numbered, and the same for the same seed and day."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from random import Random
from typing import Any, TypeVar
from uuid import UUID

from django.db import models
from django.db.models.fields import NOT_PROVIDED

from commerce.pricing.proration import add_months

Row = TypeVar("Row", bound=models.Model)
Values = tuple[Any, ...]

HISTORY_MONTHS = 24
GO_LIVE_MONTH = 12  # The portal opens this many months into the history.


@dataclass(frozen=True)
class Calendar:
    """The days everything hangs on. Nothing happens at or after `now`, the morning of `today`."""

    today: date

    @property
    def now(self) -> datetime:
        return datetime.combine(self.today, time(6), UTC)

    @property
    def yesterday(self) -> date:
        return self.today - timedelta(days=1)

    @property
    def start_date(self) -> date:
        """The first day of the recorded history."""
        return add_months(self.today.replace(day=1), -HISTORY_MONTHS)

    @property
    def go_live_date(self) -> date:
        """The first day on which customers could sign in to the portal."""
        return add_months(self.start_date, GO_LIVE_MONTH)

    @property
    def quarter_date(self) -> date:
        """The first day of the running quarter."""
        return self.today.replace(month=(self.today.month - 1) // 3 * 3 + 1, day=1)


class World:
    """Rows to be loaded, by model and in the order they were added."""

    def __init__(self, *, seed: int, today: date, first_id: Callable[[type[models.Model]], int] | None = None) -> None:
        """`first_id` says where the numbering of a model goes on in a database that has rows; 1 without it."""
        self.seed = seed
        self.calendar = Calendar(today)
        self._first_id = cache(first_id) if first_id else lambda model: 1
        self._rows: dict[type[models.Model], list[models.Model]] = {}
        self.tables: dict[type[models.Model], tuple[tuple[str, ...], list[Values]]] = {}

    def add(self, row: Row) -> Row:
        """Number a row, and give it ids that follow from the seed instead of chance."""
        rows = self._rows.setdefault(type(row), [])
        number = self._first_id(type(row)) + len(rows)
        if row.pk is None:
            row.pk = number
        for name in _random_ids(type(row)):
            setattr(row, name, self.uuid(row._meta.label, name, number))
        rows.append(row)
        return row

    def table(self, model: type[models.Model], columns: tuple[str, ...]) -> list[Values]:
        """A list for rows of which there are too many to be objects: values in the order of `columns`."""
        return self.tables.setdefault(model, (columns, []))[1]

    def rows(self, model: type[Row]) -> list[Row]:
        return self._rows.get(model, [])  # type: ignore[return-value]  # Filed under their own model by add().

    def models(self) -> Iterator[type[models.Model]]:
        yield from self._rows

    def number_in_order(self, model: type[Row], *, key: Callable[[Row], Any], first: int) -> None:
        """Give the rows their serial numbers in the order of time, as the database's counter would have."""
        for serial, row in enumerate(sorted(self.rows(model), key=lambda row: (key(row), row.pk)), start=first):
            row.serial = serial  # type: ignore[attr-defined]

    def random(self, *name: object) -> Random:
        """A source of chance of its own for each subject: adding a customer changes nothing about the others."""
        return Random(repr((self.seed, *name)))

    def uuid(self, *name: object) -> UUID:
        return UUID(bytes=hashlib.sha256(repr((self.seed, *name)).encode()).digest()[:16], version=4)

    def digest(self) -> str:
        """A name for everything in this world."""
        total = hashlib.sha256()
        for model, rows in self._rows.items():
            names = [field.attname for field in columns_of(model)]
            total.update(model._meta.label.encode())
            for row in rows:
                total.update(repr([getattr(row, name) for name in names]).encode())
        for columns, values in self.tables.values():
            total.update(repr((columns, values)).encode())
        return total.hexdigest()


@cache
def columns_of(model: type[models.Model]) -> tuple[models.Field[Any, Any], ...]:
    """The fields of a model that are written; the database makes the others."""
    return tuple(field for field in model._meta.concrete_fields if not field.generated)


@cache
def _random_ids(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(
        field.attname
        for field in columns_of(model)
        if isinstance(field, models.UUIDField) and field.default is not NOT_PROVIDED
    )


def working_day(day: date) -> date:
    """The day itself, or the Monday after it."""
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


def in_office_hours(chance: Random, day: date) -> datetime:
    """A moment of a day between 07:00 and 15:59 UTC."""
    return datetime.combine(day, time(7), UTC) + timedelta(seconds=chance.randrange(9 * 3600))
