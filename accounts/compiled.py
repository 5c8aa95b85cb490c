"""Queries that are put together once in each process, planned once in each connection, and asked with other values.

Django writes a query's SQL anew whenever it is asked, and PostgreSQL plans it anew. Where six tables are joined, each
takes longer than the answer: not worth a word, except for what every request asks. Plans that are kept halve what the
database takes for a price of ten lines, from 14 to 7 ms (`bench.pricing`).

    _of_person = Compiled(lambda: Membership.objects.filter(user=Given("user")).select_related("account"))

    memberships = _of_person(user=user.pk)

Nothing but the SQL and its plan is remembered: each call asks the database.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import Expression, Func, Model, QuerySet
from django.db.models.sql import Query
from django.db.models.sql.compiler import SQLCompiler
from psycopg import Cursor

M = TypeVar("M", bound=Model)


class Given(Expression):
    """Stands for the value that each call gives under its name: whatever psycopg writes by itself, and never None."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str, ...]]:
        return "%s", (_Name(self.name),)


class Each(Func):
    """Each id of a given list: `parent__in=Each(Given("parents"))`."""

    template = "SELECT unnest(%(expressions)s::bigint[])"


class _Name(str):
    """The name of a given value, in the place of the value."""

    __slots__ = ()


class Compiled(Generic[M]):
    """A query by what puts it together. Called, it gives the rows as the query itself would; it can't prefetch."""

    def __init__(self, build: Callable[[], QuerySet[M]]) -> None:
        self._build = build

    def __call__(self, **given: object) -> list[M]:
        model, compiler, sql, params = self._written
        values = tuple(given[one] if isinstance(one, _Name) else one for one in params)
        return list(QuerySet(model, query=_Ready(model, _Again(compiler, sql, values))))

    @cached_property
    def _written(self) -> tuple[type[M], SQLCompiler, str, tuple[str | int, ...]]:
        queryset = self._build()
        compiler = queryset.query.get_compiler(DEFAULT_DB_ALIAS)
        return queryset.model, compiler, *compiler.as_sql()


class _Again(SQLCompiler):
    """A compiler that knows what another has worked out, and gives the SQL of that with other values."""

    def __init__(self, written: SQLCompiler, sql: str, values: tuple[object, ...]) -> None:
        vars(self).update(vars(written), connection=connections[DEFAULT_DB_ALIAS])
        self._sql = sql, cast("tuple[str | int, ...]", values)

    def as_sql(self, with_limits: bool = True, with_col_aliases: bool = False) -> tuple[str, tuple[str | int, ...]]:
        return self._sql

    def execute_sql(self, *_args: Any, **_options: Any) -> Any:
        """All rows, in one chunk, whatever is asked for."""
        with _preparing_cursor(self.connection) as cursor:
            cursor.execute(*self._sql)
            return [cursor.fetchall()]


def _preparing_cursor(connection: BaseDatabaseWrapper) -> CursorWrapper:
    """Django's own cursor writes the values into the statement; this one sends them beside it: the plan is kept.

    Where statements are logged it is Django's, for the log has to show the values.
    """
    if connection.queries_logged:
        return connection.cursor()
    connection.ensure_connection()
    return connection.make_cursor(cast("CursorWrapper", Cursor(connection.connection)))


class _Ready(Query):
    """Of a queryset that needs nothing but a compiler."""

    def __init__(self, model: type[Model], compiler: SQLCompiler) -> None:
        super().__init__(model)
        self._compiler = compiler

    def get_compiler(
        self, using: str | None = None, connection: BaseDatabaseWrapper | None = None, elide_empty: bool = True
    ) -> SQLCompiler:
        return self._compiler
