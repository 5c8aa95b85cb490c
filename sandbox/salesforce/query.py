"""Answers SOQL from the store: the tree of a query becomes SQL, its rows become records, page by page."""

import itertools
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from sandbox.salesforce import soql
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.fields import NUMBER_TYPES, TEXT_TYPES, Field, FieldType, SObject, Value
from sandbox.salesforce.schema import find_object
from sandbox.salesforce.store import Store, quoted
from sandbox.salesforce.values import MalformedId, datetime_text, make_id, normal_id, read_datetime

MAX_OFFSET = 2000
MAX_DEPTH = 5
KEPT_CURSORS = 50
# How a value of a field is written in a query; every other type is written in quotes.
_LITERAL_OF: dict[FieldType, soql.LiteralKind] = {
    "boolean": "boolean", "int": "number", "double": "number", "currency": "number", "percent": "number",
    "date": "date", "datetime": "datetime",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the answer: the relationships that lead to it, and the field at their end."""

    parents: tuple[str, ...]
    field: Field
    sql: str


@dataclass(slots=True)
class Statement:
    """A query made ready for SQLite."""

    store: Store
    query: soql.Query
    sobject: SObject
    joins: dict[tuple[str, ...], tuple[str, SObject]] = field(default_factory=dict)
    join_sql: list[str] = field(default_factory=list)
    parameters: list[Value] = field(default_factory=list)

    def fail(self, path: soql.FieldPath, code: str, message: str) -> ApiError:
        return soql.located(self.query.text, path.position, code, message)

    def column(self, path: soql.FieldPath) -> Column:
        parts = list(path.parts)
        own_names = {self.sobject.name.lower(), (self.query.alias or self.sobject.name).lower()}
        if len(parts) > 1 and parts[0].lower() in own_names and parts[0].lower() not in self.sobject.by_relationship:
            parts.pop(0)
        table, sobject, parents = "t", self.sobject, tuple[str, ...]()
        for relationship in parts[:-1]:
            table, sobject, parents = self._join(path, table, sobject, parents, relationship)
        found = sobject.by_name.get(parts[-1].lower())
        if found is None:
            message = (
                f"No such column '{parts[-1]}' on entity '{sobject.name}'. If you are attempting to use a custom"
                " field, be sure to append the '__c' after the custom field name."
            )
            raise self.fail(path, "INVALID_FIELD", message)
        return Column(parents, found, f"{table}.{quoted(found.name)}")

    def _join(
        self, path: soql.FieldPath, table: str, sobject: SObject, parents: tuple[str, ...], relationship: str
    ) -> tuple[str, SObject, tuple[str, ...]]:
        reference = sobject.by_relationship.get(relationship.lower())
        target = find_object(reference.reference_to[0]) if reference else None
        if reference is None or target is None or len(reference.reference_to) > 1 or len(parents) >= MAX_DEPTH:
            message = f"Didn't understand relationship '{relationship}' in field path."
            raise self.fail(path, "INVALID_FIELD", message)
        parents = (*parents, str(reference.relationship))
        if parents not in self.joins:
            alias = f"p{len(self.joins)}"
            self.join_sql.append(
                f'LEFT JOIN {quoted(target.name)} {alias} ON {alias}."Id" = {table}.{quoted(reference.name)}'
            )
            self.joins[parents] = (alias, target)
        return (*self.joins[parents], parents)

    # WHERE. Every condition is two-valued as in SOQL: a null field is simply not equal to anything but null.

    def condition(self, node: soql.Condition) -> str:
        if isinstance(node, soql.Junction):
            return "(" + f" {node.word} ".join(self.condition(part) for part in node.parts) + ")"
        if isinstance(node, soql.Negation):
            return f"NOT {self.condition(node.part)}"
        return self.comparison(node)

    def comparison(self, node: soql.Comparison) -> str:
        column = self.column(node.path)
        if not column.field.filterable:
            message = f"field '{column.field.name}' can not be filtered in a query call"
            raise self.fail(node.path, "INVALID_FIELD", message)
        if node.operator == "LIKE":
            return self._like(node, column)
        if node.operator in ("IN", "NOT IN"):
            return self._one_of(node, column)
        operand = node.operands[0]
        if operand.kind == "period":
            return self._period(node, column, operand)
        value = self.value(node.path, column.field, operand)
        if node.operator in ("=", "!="):
            self.parameters.append(value)
            return f"({column.sql} {'IS' if node.operator == '=' else 'IS NOT'} ?)"
        if value is None or column.field.type == "boolean":
            raise self.fail(
                node.path, "INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {column.field.type} field"
            )
        self.parameters.append(value)
        return f"({column.sql} IS NOT NULL AND {column.sql} {node.operator} ?)"

    def _like(self, node: soql.Comparison, column: Column) -> str:
        operand = node.operands[0]
        if operand.kind != "string" or column.field.type not in TEXT_TYPES:
            raise self.fail(
                node.path, "INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {column.field.type} field"
            )
        self.parameters.append(soql.like_pattern(operand.text))
        return f"soql_like(?, {column.sql})"

    def _one_of(self, node: soql.Comparison, column: Column) -> str:
        values = [self.value(node.path, column.field, operand) for operand in node.operands]
        given = [value for value in values if value is not None]
        self.parameters.extend(given)
        inside = f"IFNULL({column.sql} IN ({', '.join('?' for _ in given)}), 0)"
        if len(given) < len(values):
            inside = f"({inside} OR {column.sql} IS NULL)"
        return inside if node.operator == "IN" else f"NOT {inside}"

    def _period(self, node: soql.Comparison, column: Column, operand: soql.Operand) -> str:
        if column.field.type not in ("date", "datetime"):
            raise self._wrong_kind(node.path, column.field)
        start, end = _period_days(operand.text, datetime.now(UTC).date())
        as_text = date.isoformat if column.field.type == "date" else _midnight
        bounds = {
            "=": f"({column.sql} >= ? AND {column.sql} < ?)",
            "!=": f"NOT IFNULL({column.sql} >= ? AND {column.sql} < ?, 0)",
            "<": f"({column.sql} < ?)",
            "<=": f"({column.sql} < ?)",
            ">": f"({column.sql} >= ?)",
            ">=": f"({column.sql} >= ?)",
        }
        used = {"=": (start, end), "!=": (start, end), "<": (start,), "<=": (end,), ">": (end,), ">=": (start,)}
        self.parameters.extend(as_text(day) for day in used[node.operator])
        return f"IFNULL({bounds[node.operator]}, 0)"

    def _wrong_kind(self, path: soql.FieldPath, of: Field) -> ApiError:
        quotes = (
            "should be" if of.type not in ("boolean", "int", "date", "datetime", *NUMBER_TYPES) else "should not be"
        )
        kind = {"datetime": "dateTime"}.get(of.type, of.type)
        message = (
            f"value of filter criterion for field '{of.name}' must be of type {kind} and {quotes} enclosed in quotes"
        )
        return self.fail(path, "INVALID_FIELD", message)

    def value(self, path: soql.FieldPath, of: Field, operand: soql.Operand) -> Value:
        """The operand as the column holds it. Raises ApiError when its kind does not fit the field."""
        kind, text = operand.kind, operand.text
        if kind == "null":
            return None
        if kind != _LITERAL_OF.get(of.type, "string"):
            raise self._wrong_kind(path, of)
        match kind:
            case "boolean":
                return text == "TRUE"
            case "number":
                return float(text)
            case "datetime":
                try:
                    return datetime_text(read_datetime(text))
                except ValueError:
                    raise self.fail(path, "MALFORMED_QUERY", f"unexpected token: '{text}'") from None
            case "string":
                return self._text_value(path, of, soql.unescaped(text))
        return text

    def _text_value(self, path: soql.FieldPath, of: Field, plain: str) -> Value:
        if plain == "" or of.type not in ("id", "reference"):
            return plain or None
        try:
            return normal_id(plain)
        except MalformedId:
            raise self.fail(path, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {plain}") from None

    def source(self, *, include_deleted: bool) -> str:
        """FROM, JOIN and WHERE. Fills the parameters; the joins of selected columns must be known before."""
        conditions = [] if include_deleted else ['t."IsDeleted" = 0']
        if self.query.where is not None:
            conditions.append(self.condition(self.query.where))
        where = " WHERE " + " AND ".join(conditions) if conditions else ""
        return " ".join([f"FROM {quoted(self.sobject.name)} t", *self.join_sql]) + where

    def ordering(self) -> str:
        terms: list[str] = []
        for item in self.query.order:
            column = self.column(item.path)
            if not column.field.filterable:
                raise self.fail(
                    item.path, "INVALID_FIELD", f"field '{column.field.name}' can not be sorted in a query call"
                )
            direction = "DESC" if item.descending else "ASC"
            terms.append(f"{column.sql} {direction} NULLS {'LAST' if item.nulls_last else 'FIRST'}")
        return " ORDER BY " + ", ".join([*terms, 't."Id"'])


def _period_days(text: str, today: date) -> tuple[date, date]:
    word, _, count = text.partition(":")
    one, many = timedelta(days=1), timedelta(days=int(count))
    return {
        "TODAY": (today, today + one),
        "YESTERDAY": (today - one, today),
        "TOMORROW": (today + one, today + 2 * one),
        "LAST_N_DAYS": (today - many, today + one),
        "NEXT_N_DAYS": (today + one, today + one + many),
    }[word]


def _midnight(day: date) -> str:
    return datetime_text(datetime.combine(day, time(), UTC))


@dataclass(slots=True)
class Cursor:
    """The rest of an answer: which records, in which order, and which of their columns."""

    locator: str
    statement: Statement
    columns: tuple[Column, ...]
    ids: list[str]
    batch_size: int


class QueryService:
    """Runs queries and keeps the cursors of those whose answer takes several pages."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._cursors: OrderedDict[str, Cursor] = OrderedDict()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    def run(self, text: str, *, base: str, include_deleted: bool, batch_size: int) -> dict[str, object]:
        """The first page of the answer. Raises ApiError."""
        statement = self._statement(text)
        query = statement.query
        include_deleted = include_deleted or query.all_rows
        if query.counts:
            return {"totalSize": self._count(statement, include_deleted), "done": True, "records": []}
        if query.aggregates:
            return self._aggregate(statement, include_deleted)
        columns = tuple(statement.column(path) for path in query.fields)
        order = statement.ordering()
        source = statement.source(include_deleted=include_deleted)
        ids = self.store.rows(f'SELECT t."Id" {source}{order}{_window(query)}', statement.parameters)
        locator = make_id("01g", next(self._numbers))
        cursor = Cursor(locator, statement, columns, [str(row[0]) for row in ids], batch_size)
        return self._page(cursor, 0, base=base)

    def _statement(self, text: str) -> Statement:
        query = soql.parse(text)
        sobject = find_object(query.sobject)
        if sobject is None:
            message = f"sObject type '{query.sobject}' is not supported."
            raise soql.located(text, query.sobject_position, "INVALID_TYPE", message)
        if query.offset > MAX_OFFSET:
            raise ApiError(400, "NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MAX_OFFSET}")
        return Statement(self.store, query, sobject)

    def explain(self, text: str) -> dict[str, object]:
        """The plan of a query: what it would find, and whether by an index, as SQLite sees it. Raises ApiError."""
        statement = self._statement(text)
        for path in statement.query.fields:
            statement.column(path)
        order = statement.ordering()
        source = statement.source(include_deleted=False)
        found = self._count(self._statement(text), include_deleted=False)
        steps = self.store.rows(f"EXPLAIN QUERY PLAN SELECT 1 {source}{order}", statement.parameters)
        indexed = any("USING" in str(step[3]) and "SEARCH t" in str(step[3]) for step in steps)
        records = self.store.count(statement.sobject)
        plan = {
            "cardinality": found,
            "fields": [],
            "leadingOperationType": "Index" if indexed else "TableScan",
            "notes": [],
            "relativeCost": round(found / records, 3) if records and indexed else 1.0,
            "sobjectCardinality": records,
            "sobjectType": statement.sobject.name,
        }
        return {"plans": [plan], "sourceQuery": text}

    def more(self, locator: str, *, base: str) -> dict[str, object]:
        """A further page. Raises ApiError INVALID_QUERY_LOCATOR."""
        name, _, start = locator.rpartition("-")
        with self._lock:
            cursor = self._cursors.get(name)
        if cursor is None or not start.isdigit() or int(start) >= len(cursor.ids):
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(cursor, int(start), base=base)

    def _count(self, statement: Statement, include_deleted: bool) -> int:
        statement.ordering()
        source = statement.source(include_deleted=include_deleted)
        limit = _window(statement.query)
        return len(self.store.rows(f"SELECT 1 {source}{limit}", statement.parameters)) if limit else int(
            str(self.store.rows(f"SELECT COUNT(*) {source}", statement.parameters)[0][0])
        )  # fmt: skip

    def _aggregate(self, statement: Statement, include_deleted: bool) -> dict[str, object]:
        parts: list[str] = []
        for item in statement.query.aggregates:
            column = statement.column(item.path)
            numeric = column.field.type == "int" or column.field.type in NUMBER_TYPES
            if (item.function in ("SUM", "AVG") and not numeric) or column.field.type == "boolean":
                message = f"field {column.field.name} does not support aggregate operator {item.function}"
                raise statement.fail(item.path, "MALFORMED_QUERY", message)
            inside = f"DISTINCT {column.sql}" if item.function == "COUNT_DISTINCT" else column.sql
            parts.append(f"{item.function.removesuffix('_DISTINCT')}({inside})")
        source = statement.source(include_deleted=include_deleted)
        row = self.store.rows(f"SELECT {', '.join(parts)} {source}", statement.parameters)[0]
        record: dict[str, object] = {"attributes": {"type": "AggregateResult"}}
        record |= {item.alias: value for item, value in zip(statement.query.aggregates, row, strict=True)}
        return {"totalSize": 1, "done": True, "records": [record]}

    def _page(self, cursor: Cursor, start: int, *, base: str) -> dict[str, object]:
        end = start + cursor.batch_size
        body: dict[str, object] = {"totalSize": len(cursor.ids), "done": end >= len(cursor.ids)}
        if end < len(cursor.ids):
            body["nextRecordsUrl"] = f"{base}/query/{cursor.locator}-{end}"
            with self._lock:
                self._cursors[cursor.locator] = cursor
                self._cursors.move_to_end(cursor.locator)
                while len(self._cursors) > KEPT_CURSORS:
                    self._cursors.popitem(last=False)
        body["records"] = self._records(cursor, cursor.ids[start:end], base=base)
        return body

    def _records(self, cursor: Cursor, ids: Sequence[str], *, base: str) -> list[dict[str, object]]:
        statement = cursor.statement
        # Each parent's id comes along, to tell a parent without values from no parent.
        parents = [f'{alias}."Id"' for alias, _ in statement.joins.values()]
        selected = ", ".join(['t."Id"', *parents, *(column.sql for column in cursor.columns)])
        joins = " ".join(statement.join_sql)
        rows = self.store.rows(
            f"SELECT {selected} FROM {quoted(statement.sobject.name)} t {joins}"
            f' WHERE t."Id" IN ({", ".join("?" for _ in ids)})',
            ids,
        )
        by_id = {row[0]: row for row in rows}
        present = (by_id[record_id] for record_id in ids if record_id in by_id)
        return [_nested(cursor, row, base=base) for row in present]


def _window(query: soql.Query) -> str:
    if query.limit is None and not query.offset:
        return ""
    return f" LIMIT {-1 if query.limit is None else query.limit:d} OFFSET {query.offset:d}"


def _nested(cursor: Cursor, row: Sequence[Value], *, base: str) -> dict[str, object]:
    statement = cursor.statement
    record = {"attributes": attributes(statement.sobject, str(row[0]), base=base)}
    nodes: dict[tuple[str, ...], dict[str, object] | None] = {(): record}
    parent_ids = dict(zip(statement.joins, row[1:], strict=False))

    def node(path: tuple[str, ...]) -> dict[str, object] | None:
        if path not in nodes:
            holder, parent_id, target = node(path[:-1]), parent_ids[path], statement.joins[path][1]
            nodes[path] = {"attributes": attributes(target, str(parent_id), base=base)} if parent_id else None
            if holder is not None:
                holder[path[-1]] = nodes[path]
        return nodes[path]

    values = row[1 + len(statement.joins) :]
    for column, value in zip(cursor.columns, values, strict=True):
        holder = node(column.parents)
        if holder is not None:
            holder[column.field.name] = bool(value) if column.field.type == "boolean" else value
    return record


def attributes(sobject: SObject, record_id: str, *, base: str) -> object:
    """What every record of an answer begins with."""
    return {"type": sobject.name, "url": f"{base}/sobjects/{sobject.name}/{record_id}"}
