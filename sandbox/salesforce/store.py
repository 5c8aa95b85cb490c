"""Where the org keeps its records: one SQLite table per object, in one file that survives a restart."""

import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from sandbox.salesforce.errors import duplicate_value
from sandbox.salesforce.fields import NUMBER_TYPES, TEXT_TYPES, Field, Record, SObject, Value
from sandbox.salesforce.schema import OBJECTS, find_object
from sandbox.salesforce.values import datetime_text, make_id


def quoted(name: str) -> str:
    return f'"{name}"'


def _column(field: Field) -> str:
    if field.type in NUMBER_TYPES:
        kind = "REAL"
    elif field.type in ("boolean", "int"):
        kind = "INTEGER"
    else:
        kind = "TEXT"
    # Salesforce compares words without regard to case, but ids and our unique keys with it.
    folded = field.type in TEXT_TYPES and not (field.external_id and field.unique)
    return f"{quoted(field.name)} {kind}" + (" COLLATE soql" if folded else "")


def _compare(left: str, right: str) -> int:
    a, b = left.casefold(), right.casefold()
    return (a > b) - (a < b)


@lru_cache(maxsize=256)
def _like_pattern(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    escaped = False
    for char in pattern:
        if escaped:
            parts.append(re.escape(char))
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            parts.append({"%": ".*", "_": "."}.get(char) or re.escape(char))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _like(pattern: str, value: str | None) -> bool:
    return value is not None and _like_pattern(pattern).fullmatch(value) is not None


class Store:
    """The records of the org. One connection, used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.create_collation("soql", _compare)
        self._db.create_function("soql_like", 2, _like, deterministic=True)
        self._prepare()
        self._clock = self._latest_stamp()

    def close(self) -> None:
        with self.lock:
            self._db.close()

    def _prepare(self) -> None:
        self._db.execute("CREATE TABLE IF NOT EXISTS _sequence (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS _session (token TEXT PRIMARY KEY, kind TEXT NOT NULL, user_id TEXT NOT NULL,"
            " client_id TEXT NOT NULL, expires_at REAL NOT NULL)"
        )
        for sobject in OBJECTS:
            table = quoted(sobject.name)
            columns = [_column(field) for field in sobject.fields[1:]]
            self._db.execute(f'CREATE TABLE IF NOT EXISTS {table} ("Id" TEXT PRIMARY KEY, {", ".join(columns)})')
            present = {row[1] for row in self._db.execute(f"PRAGMA table_info({table})")}
            for field in sobject.fields:
                if field.name not in present:
                    self._db.execute(f"ALTER TABLE {table} ADD COLUMN {_column(field)}")
                if field.unique or field.external_id or field.type == "reference":
                    self._add_index(sobject, (field.name,), unique=field.unique)
            self._add_index(sobject, ("SystemModstamp", "Id"), unique=False)
            if sobject.unique_together:
                self._add_index(sobject, sobject.unique_together, unique=True)

    def _add_index(self, sobject: SObject, columns: Sequence[str], *, unique: bool) -> None:
        name = quoted(f"{sobject.name}_{'_'.join(columns)}")
        what = ", ".join(quoted(column) for column in columns)
        kind = "UNIQUE INDEX" if unique else "INDEX"
        # A record in the recycle bin does not occupy its unique key.
        where = ' WHERE "IsDeleted" = 0' if unique else ""
        self._db.execute(f"CREATE {kind} IF NOT EXISTS {name} ON {quoted(sobject.name)} ({what}){where}")

    # Time and numbers

    def _latest_stamp(self) -> str:
        stamps = (
            self._db.execute(f'SELECT MAX("SystemModstamp") FROM {quoted(sobject.name)}').fetchone()[0]
            for sobject in OBJECTS
        )
        return max((stamp for stamp in stamps if stamp), default="")

    def stamp(self) -> str:
        """The org's time now, never before a time it gave out earlier, even if the machine's clock went back."""
        with self.lock:
            self._clock = max(self._clock, datetime_text(datetime.now(UTC)))
            return self._clock

    def next_number(self, name: str) -> int:
        """Counts from 1, never giving a number twice."""
        row = self._db.execute(
            "INSERT INTO _sequence (name, value) VALUES (?, 1)"
            " ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            (name,),
        ).fetchone()
        return int(row[0])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing of it. May be nested: an inner block can fail alone."""
        with self.lock:
            self._depth += 1
            name = f"level_{self._depth}"
            self._db.execute("BEGIN IMMEDIATE" if self._depth == 1 else f"SAVEPOINT {name}")
            try:
                yield
            except BaseException:
                if self._depth == 1:
                    self._db.execute("ROLLBACK")
                else:
                    self._db.execute(f"ROLLBACK TO {name}")
                    self._db.execute(f"RELEASE {name}")
                raise
            else:
                self._db.execute("COMMIT" if self._depth == 1 else f"RELEASE {name}")
            finally:
                self._depth -= 1

    def rows(self, sql: str, parameters: Sequence[Value] = ()) -> list[tuple[Value, ...]]:
        """The rows of a statement of our own making; values only ever arrive as parameters."""
        with self.lock:
            return self._db.execute(sql, parameters).fetchall()

    # Records

    def insert(self, sobject: SObject, values: Record, *, user_id: str) -> Record:
        """Gives the record its id, numbers and stamps, and keeps it. Raises ApiError DUPLICATE_VALUE."""
        now = self.stamp()
        record: Record = {field.name: field.default for field in sobject.fields} | values
        record["Id"] = make_id(sobject.prefix, self.next_number(sobject.name))
        record |= {"IsDeleted": False, "CreatedDate": now, "CreatedById": user_id}
        record |= {"LastModifiedDate": now, "LastModifiedById": user_id, "SystemModstamp": now}
        for field in sobject.fields:
            if field.autonumber and record[field.name] is None:
                record[field.name] = field.autonumber.format(self.next_number(f"{sobject.name}.{field.name}"))
        columns = ", ".join(quoted(name) for name in record)
        marks = ", ".join("?" for _ in record)
        with self._unique_key(sobject, record):
            self._db.execute(f"INSERT INTO {quoted(sobject.name)} ({columns}) VALUES ({marks})", list(record.values()))
        return record

    def update(self, sobject: SObject, record: Record, changes: Record, *, user_id: str) -> Record:
        """Writes the changes and moves the stamps. Raises ApiError DUPLICATE_VALUE."""
        now = self.stamp()
        stamps: Record = {"LastModifiedDate": now, "LastModifiedById": user_id, "SystemModstamp": now}
        changes = changes | stamps
        record = record | changes
        sets = ", ".join(f"{quoted(name)} = ?" for name in changes)
        with self._unique_key(sobject, record):
            self._db.execute(
                f'UPDATE {quoted(sobject.name)} SET {sets} WHERE "Id" = ?', [*changes.values(), record["Id"]]
            )
        return record

    @contextmanager
    def _unique_key(self, sobject: SObject, record: Record) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            groups: list[tuple[str, ...]] = [(field.name,) for field in sobject.fields if field.unique]
            if sobject.unique_together:
                groups.append(sobject.unique_together)
            for group in groups:
                others = self.find(sobject, {name: record[name] for name in group})
                for other in others:
                    if other["Id"] != record["Id"]:
                        raise duplicate_value(group[0], str(other["Id"])) from None
            raise

    def get(self, sobject: SObject, record_id: str) -> Record | None:
        """The record with this 18 character id, deleted or not."""
        found = self._select(sobject, '"Id" = ?', (record_id,))
        return found[0] if found else None

    def find(self, sobject: SObject, match: Record, *, limit: int = 1000) -> list[Record]:
        """The live records whose fields have these values, oldest first."""
        where = " AND ".join(['"IsDeleted" = 0', *(f"{quoted(name)} IS ?" for name in match)])
        return self._select(sobject, f'{where} ORDER BY "Id" LIMIT {limit:d}', tuple(match.values()))

    def all(self, sobject: SObject, *, limit: int = -1, offset: int = 0) -> list[Record]:
        """Every record, the recycle bin included, latest change first."""
        return self._select(sobject, f'1 ORDER BY "SystemModstamp" DESC, "Id" DESC LIMIT {limit:d} OFFSET {offset:d}')

    def count(self, sobject: SObject) -> int:
        """How many live records there are."""
        rows = self.rows(f'SELECT COUNT(*) FROM {quoted(sobject.name)} WHERE "IsDeleted" = 0')
        return int(str(rows[0][0]))

    def _select(self, sobject: SObject, where: str, parameters: Sequence[Value] = ()) -> list[Record]:
        columns = ", ".join(quoted(field.name) for field in sobject.fields)
        rows = self.rows(f"SELECT {columns} FROM {quoted(sobject.name)} WHERE {where}", parameters)
        return [self.record(sobject.fields, row) for row in rows]

    @staticmethod
    def record(fields: Iterable[Field], row: Sequence[Value]) -> Record:
        """A row of SQLite as a record: its 0 and 1 become false and true."""
        return {
            field.name: bool(value) if field.type == "boolean" else value
            for field, value in zip(fields, row, strict=True)
        }

    def changed(self, sobject: SObject, start: str, end: str, *, deleted: bool) -> list[tuple[str, str]]:
        """(id, stamp) of the records whose last change lies in the half-open period, by time."""
        rows = self.rows(
            f'SELECT "Id", "SystemModstamp" FROM {quoted(sobject.name)} WHERE "IsDeleted" = ?'
            ' AND "SystemModstamp" >= ? AND "SystemModstamp" < ? ORDER BY "SystemModstamp", "Id"',
            (deleted, start, end),
        )
        return [(str(record_id), str(stamp)) for record_id, stamp in rows]

    def erase(self, sobject: SObject, *, keep: Sequence[str]) -> None:
        """Removes the records for good, all but those named."""
        marks = ", ".join("?" for _ in keep)
        with self.transaction():
            self._db.execute(f'DELETE FROM {quoted(sobject.name)} WHERE "Id" NOT IN ({marks})', list(keep))

    # Sessions

    def save_session(self, token: str, *, kind: str, user_id: str, client_id: str, expires_at: float) -> None:
        with self.transaction():
            self._db.execute(
                "INSERT INTO _session (token, kind, user_id, client_id, expires_at) VALUES (?, ?, ?, ?, ?)",
                (token, kind, user_id, client_id, expires_at),
            )

    def session_user(self, token: str, *, kind: str, now: float) -> str | None:
        """The id of the user whose access or refresh token this is, while it is valid."""
        rows = self.rows(
            "SELECT user_id FROM _session WHERE token = ? AND kind = ? AND expires_at > ?", (token, kind, now)
        )
        return str(rows[0][0]) if rows else None

    def end_session(self, token: str) -> bool:
        """Revokes the token. Says whether there was one."""
        with self.transaction():
            return self._db.execute("DELETE FROM _session WHERE token = ?", (token,)).rowcount > 0

    def end_all_sessions(self) -> None:
        with self.transaction():
            self._db.execute("DELETE FROM _session WHERE kind = 'access'")


def sobject_named(name: str) -> SObject:
    """The object of a name that is known to exist."""
    sobject = find_object(name)
    if sobject is None:
        raise KeyError(name)
    return sobject
