"""Collections: up to 200 records in one call, each with its own result."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.salesforce import records
from sandbox.salesforce.errors import (
    ApiError,
    exceeded_size,
    malformed_id,
    not_found,
    unreadable_json,
    unsupported_type,
)
from sandbox.salesforce.fields import Field, Record, SObject
from sandbox.salesforce.messages import Request, Response, by_method
from sandbox.salesforce.query import attributes
from sandbox.salesforce.schema import find_field, find_object, object_of_id
from sandbox.salesforce.store import Store
from sandbox.salesforce.values import normal_id

MAX_WRITES = 200
MAX_READS = 2000
ROLLED_BACK = ApiError(
    400,
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)

Row = Mapping[str, object]
# Saves one row: the id of the record, and whether it was created.
Save = Callable[[Row], tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Batch:
    """One collections call."""

    store: Store
    request: Request
    actor: records.Actor
    base: str


class _NotAll(Exception):
    """One row failed and the caller wants all or nothing."""


def route(batch: Batch, rest: list[str]) -> Response:
    """Serves `composite/sobjects` and what lies below it. Raises ApiError."""
    request = batch.request
    if not rest:
        return by_method(
            request,
            {"POST": lambda: _insert(batch), "PATCH": lambda: _update(batch), "DELETE": lambda: _delete(batch)},
        )
    sobject = find_object(rest[0])
    if sobject is None:
        raise not_found()
    if len(rest) == 1:
        return by_method(
            request, {"GET": lambda: _read_by_query(batch, sobject), "POST": lambda: _read_by_body(batch, sobject)}
        )
    if len(rest) == 2:
        key = records.external_key(sobject, rest[1])
        return by_method(request, {"PATCH": lambda: _upsert(batch, sobject, key)})
    raise not_found()


def _rows(batch: Batch) -> tuple[list[Row], bool]:
    body = batch.request.json_object()
    rows = body.get("records")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise unreadable_json("records must be an array of objects")
    if len(rows) > MAX_WRITES:
        raise exceeded_size(MAX_WRITES)
    return rows, body.get("allOrNone") is True


def _type_of(row: Row) -> SObject:
    given = row.get("attributes")
    name = given.get("type") if isinstance(given, Mapping) else None
    if not isinstance(name, str):
        raise ApiError(400, "INVALID_TYPE", "Entity type must be specified in the attributes of each record")
    sobject = find_object(name)
    if sobject is None:
        raise unsupported_type(name)
    return sobject


def _insert(batch: Batch) -> Response:
    rows, all_or_none = _rows(batch)

    def save(row: Row) -> tuple[str, bool]:
        record = records.create(batch.store, _type_of(row), row, batch.actor)
        return str(record["Id"]), True

    return _save_all(batch, rows, save, all_or_none=all_or_none)


def _update(batch: Batch) -> Response:
    rows, all_or_none = _rows(batch)

    def save(row: Row) -> tuple[str, bool]:
        sobject = _type_of(row)
        record_id = next((value for name, value in row.items() if name.lower() == "id"), None)
        if not isinstance(record_id, str):
            raise ApiError(400, "MISSING_ARGUMENT", "Id not specified in an update call")
        payload = {name: value for name, value in row.items() if name.lower() != "id"}
        return str(records.update(batch.store, sobject, record_id, payload, batch.actor)["Id"]), False

    return _save_all(batch, rows, save, all_or_none=all_or_none)


def _upsert(batch: Batch, sobject: SObject, key: Field) -> Response:
    rows, all_or_none = _rows(batch)
    seen = Counter(value for row in rows if (value := _key_value(row, key)) is not None)

    def save(row: Row) -> tuple[str, bool]:
        if _type_of(row) != sobject:
            raise unsupported_type(_type_of(row).name)
        value = _key_value(row, key)
        payload = {name: given for name, given in row.items() if name.lower() != key.name.lower()}
        if value is None and key.type == "id":
            return str(records.create(batch.store, sobject, payload, batch.actor)["Id"]), True
        if value is None:
            raise ApiError(400, "MISSING_ARGUMENT", f"{key.name} not specified", [key.name])
        if seen[value] > 1:
            raise ApiError(400, "DUPLICATE_VALUE", f"Duplicate external id specified: {value}", [key.name])
        record, created = records.upsert(batch.store, sobject, key, value, payload, batch.actor)
        return str(record["Id"]), created

    return _save_all(batch, rows, save, all_or_none=all_or_none, tells_created=True)


def _key_value(row: Row, key: Field) -> str | None:
    value = next((given for name, given in row.items() if name.lower() == key.name.lower()), None)
    return None if value is None or value == "" else str(value)


def _save_all(batch: Batch, rows: list[Row], save: Save, *, all_or_none: bool, tells_created: bool = False) -> Response:
    """Saves each row in its own savepoint, so that one bad row leaves the others alone, unless all or none is asked."""
    try:
        with batch.store.transaction():
            results = [_save_one(batch, row, save, tells_created=tells_created) for row in rows]
            if all_or_none and not all(result["success"] for result in results):
                raise _NotAll
    except _NotAll:
        results = [_rolled_back(result) for result in results]
    return Response(200, results)


def _save_one(batch: Batch, row: Row, save: Save, *, tells_created: bool) -> dict[str, object]:
    try:
        with batch.store.transaction():
            record_id, created = save(row)
    except ApiError as error:
        if error.code == "JSON_PARSER_ERROR":
            # Salesforce reads the whole body before it saves anything: such a value fails the call, not the row.
            raise
        failure: dict[str, object] = {"success": False, "errors": [error.row_error()]}
        return failure | ({"created": False} if tells_created else {})
    result: dict[str, object] = {"id": record_id, "success": True, "errors": []}
    return result | ({"created": created} if tells_created else {})


def _rolled_back(result: dict[str, object]) -> dict[str, object]:
    if not result["success"]:
        return result
    told = {"created": result["created"]} if "created" in result else {}
    return {"success": False, "errors": [ROLLED_BACK.row_error()], **told}


def _delete(batch: Batch) -> Response:
    ids = _listed_ids(batch.request.query.get("ids", ""), MAX_WRITES)
    all_or_none = batch.request.query.get("allOrNone", "").lower() == "true"

    def save(row: Row) -> tuple[str, bool]:
        record_id = str(row["id"])
        sobject = object_of_id(record_id)
        if sobject is None:
            raise malformed_id("id", record_id)
        records.delete(batch.store, sobject, record_id, batch.actor)
        return normal_id(record_id), False

    return _save_all(batch, [{"id": record_id} for record_id in ids], save, all_or_none=all_or_none)


def _listed_ids(text: str, limit: int) -> list[str]:
    ids = [part.strip() for part in text.split(",") if part.strip()]
    if not ids:
        raise ApiError(400, "MISSING_ARGUMENT", "ids not specified", ["ids"])
    if len(ids) > limit:
        raise exceeded_size(limit)
    return ids


def _read_by_query(batch: Batch, sobject: SObject) -> Response:
    query = batch.request.query
    names = [name.strip() for name in query.get("fields", "").split(",") if name.strip()]
    return _read(batch, sobject, _listed_ids(query.get("ids", ""), MAX_READS), names)


def _read_by_body(batch: Batch, sobject: SObject) -> Response:
    body = batch.request.json_object()
    ids, names = body.get("ids"), body.get("fields")
    if not isinstance(ids, list) or not isinstance(names, list):
        raise unreadable_json("ids and fields must be arrays")
    if len(ids) > MAX_READS:
        raise exceeded_size(MAX_READS)
    return _read(batch, sobject, [str(record_id) for record_id in ids], [str(name) for name in names])


def _read(batch: Batch, sobject: SObject, ids: list[str], names: list[str]) -> Response:
    """The records in the order of the ids, null where there is none."""
    fields = [find_field(sobject, name) for name in names]

    def shown(record: Record) -> dict[str, object]:
        head: dict[str, object] = {"attributes": attributes(sobject, str(record["Id"]), base=batch.base)}
        return head | {field.name: record[field.name] for field in fields} | {"Id": record["Id"]}

    found: list[dict[str, object] | None] = []
    for record_id in ids:
        try:
            found.append(shown(records.live_record(batch.store, sobject, record_id)))
        except ApiError as error:
            if error.status != 404:
                raise
            found.append(None)
    return Response(200, found)
