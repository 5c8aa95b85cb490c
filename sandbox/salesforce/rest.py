"""The REST API of one version: from the address of a resource to the function that serves it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from sandbox.salesforce import batches, composite, describe, records
from sandbox.salesforce.errors import ApiError, not_found
from sandbox.salesforce.fields import Field, Record, SObject
from sandbox.salesforce.messages import Request, Response, by_method
from sandbox.salesforce.org import Org
from sandbox.salesforce.query import attributes
from sandbox.salesforce.schema import find_field, find_object
from sandbox.salesforce.values import datetime_text, read_datetime

VERSIONS = range(40, 68)
COLLECTIONS_SINCE = 42
UPSERT_ANSWERS_SINCE = 46
REPLICATION_DAYS = timedelta(days=30)
MAX_REPLICATED_IDS = 600_000


@dataclass(frozen=True, slots=True)
class Call:
    """A request on its way through the API: by whom, for which version."""

    org: Org
    request: Request
    actor: records.Actor
    version: int

    @property
    def base(self) -> str:
        return f"/services/data/v{self.version}.0"

    @property
    def instance(self) -> str:
        return self.request.origin or self.org.instance_url


def answer(org: Org, request: Request, user_id: str) -> Response:
    """Serves one request. Errors become responses here."""
    try:
        return _route(org, request, user_id)
    except records.MultipleMatches as error:
        target = find_object(request.segments[4])
        name = target.name if target else request.segments[4]
        return Response(300, [f"{_base(request)}/sobjects/{name}/{match['Id']}" for match in error.matches])
    except ApiError as error:
        return Response(error.status, error.rest_body())


def _base(request: Request) -> str:
    return "/" + "/".join(request.segments[:3])


def version_of(segment: str) -> int:
    """59 for `v59.0`. Raises ApiError NOT_FOUND for what the org does not speak."""
    match = re.fullmatch(r"v(\d{2})\.0", segment)
    if match is None or int(match[1]) not in VERSIONS:
        raise not_found()
    return int(match[1])


def list_versions() -> Response:
    """`GET /services/data`, which needs no session."""
    return Response(
        200,
        [{"label": f"API {number}.0", "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
         for number in VERSIONS],
    )  # fmt: skip


def _route(org: Org, request: Request, user_id: str) -> Response:
    version = version_of(request.segments[2])
    save_duplicates = "allowsave=true" in request.headers.get("sforce-duplicate-rule-header", "").lower().replace(
        " ", ""
    )
    call = Call(org, request, records.Actor(user_id, allow_duplicates=save_duplicates), version)
    if len(request.segments) == 3:
        return by_method(request, {"GET": lambda: _resources(call)})
    resource, rest = request.segments[3].lower(), request.segments[4:]
    handler = _RESOURCES.get(resource)
    if handler is None:
        raise not_found()
    return handler(call, rest)


def _resources(call: Call) -> Response:
    identity = f"{call.org.instance_url}/id/{call.org.id}/{call.actor.user_id}"
    return Response(200, {name: f"{call.base}/{name}" for name in _RESOURCES} | {"identity": identity})


# Objects and records


def _sobjects(call: Call, rest: list[str]) -> Response:
    request = call.request
    if not rest:
        return by_method(request, {"GET": lambda: Response(200, describe.all_objects(base=call.base))})
    sobject = find_object(rest[0])
    if sobject is None:
        raise not_found()
    if len(rest) == 1:
        return by_method(request, {"GET": lambda: _about(call, sobject), "POST": lambda: _create(call, sobject)})
    if len(rest) == 2:
        special = _OBJECT_PAGES.get(rest[1].lower())
        if special:
            return by_method(request, {"GET": lambda: special(call, sobject)})
        return _one_record(call, sobject, sobject.fields[0], rest[1])
    if len(rest) == 3:
        return _one_record(call, sobject, records.external_key(sobject, rest[1]), rest[2])
    raise not_found()


def _about(call: Call, sobject: SObject) -> Response:
    summary = describe.object_summary(sobject, base=call.base)
    return Response(200, {"objectDescribe": summary, "recentItems": []})


def _create(call: Call, sobject: SObject) -> Response:
    payload = call.request.json_object()
    with call.org.store.transaction():
        record = records.create(call.org.store, sobject, payload, call.actor)
    address = f"{call.base}/sobjects/{sobject.name}/{record['Id']}"
    return Response(201, {"id": record["Id"], "success": True, "errors": []}, {"Location": address})


def _one_record(call: Call, sobject: SObject, key: Field, value: str) -> Response:
    by_id = key.type == "id"
    return by_method(
        call.request,
        {
            "GET": lambda: _read(call, sobject, key, value),
            "PATCH": lambda: _change(call, sobject, value) if by_id else _upsert(call, sobject, key, value),
            "DELETE": lambda: _delete(call, sobject, key, value),
        },
    )


def _existing(call: Call, sobject: SObject, key: Field, value: str) -> Record:
    record = records.find_by_key(call.org.store, sobject, key, value)
    if record is None:
        raise not_found()
    return record


def _read(call: Call, sobject: SObject, key: Field, value: str) -> Response:
    record = _existing(call, sobject, key, value)
    names = [name.strip() for name in call.request.query.get("fields", "").split(",") if name.strip()]
    fields = [find_field(sobject, name) for name in names] or list(sobject.fields)
    body: dict[str, object] = {"attributes": attributes(sobject, str(record["Id"]), base=call.base)}
    body |= {field.name: record[field.name] for field in fields}
    body.setdefault("Id", record["Id"])
    return Response(200, body)


def _change(call: Call, sobject: SObject, record_id: str) -> Response:
    payload = call.request.json_object()
    since = call.request.headers.get("if-unmodified-since")
    with call.org.store.transaction():
        record = records.live_record(call.org.store, sobject, record_id)
        if since and not records.unmodified_since(record, _http_date(since)):
            raise ApiError(412, "PRECONDITION_FAILED", "The record was changed after the given time")
        records.update(call.org.store, sobject, str(record["Id"]), payload, call.actor)
    return Response(204)


def _http_date(text: str) -> datetime:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        raise ApiError(400, "INVALID_HEADER", f"not an HTTP date: {text}") from None


def _upsert(call: Call, sobject: SObject, key: Field, value: str) -> Response:
    payload = call.request.json_object()
    with call.org.store.transaction():
        record, created = records.upsert(call.org.store, sobject, key, value, payload, call.actor)
    body: dict[str, object] = {"id": record["Id"], "success": True, "errors": []}
    if call.version >= UPSERT_ANSWERS_SINCE:
        body["created"] = created
    elif not created:
        return Response(204)
    return Response(201 if created else 200, body)


def _delete(call: Call, sobject: SObject, key: Field, value: str) -> Response:
    with call.org.store.transaction():
        record = _existing(call, sobject, key, value)
        records.delete(call.org.store, sobject, str(record["Id"]), call.actor)
    return Response(204)


def _describe(call: Call, sobject: SObject) -> Response:
    return Response(200, describe.describe_object(sobject, base=call.base))


# What changed in a period


def _period(call: Call) -> tuple[datetime, datetime]:
    """The half-open period asked for, in whole seconds as Salesforce has it, never beyond now."""
    query = call.request.query
    try:
        start, end = read_datetime(query.get("start", "")), read_datetime(query.get("end", ""))
    except ValueError:
        raise ApiError(400, "INVALID_REPLICATION_DATE", "start and end must be datetimes with a zone") from None
    now = read_datetime(call.org.store.stamp())
    if start >= end:
        raise ApiError(400, "INVALID_REPLICATION_DATE", "endDate must be greater than startDate")
    if start < now - REPLICATION_DAYS:
        raise ApiError(400, "INVALID_REPLICATION_DATE", "startDate cannot be more than 30 days ago")
    return start, min(end, now + timedelta(milliseconds=1))


def _changed(call: Call, sobject: SObject, *, deleted: bool) -> tuple[list[tuple[str, str]], datetime]:
    start, end = _period(call)
    found = call.org.store.changed(sobject, datetime_text(start), datetime_text(end), deleted=deleted)
    if len(found) > MAX_REPLICATED_IDS:
        raise ApiError(400, "EXCEEDED_ID_LIMIT", f"more than {MAX_REPLICATED_IDS} records changed: ask for less time")
    return found, end


def _updated(call: Call, sobject: SObject) -> Response:
    found, covered = _changed(call, sobject, deleted=False)
    return Response(200, {"ids": [record_id for record_id, _ in found], "latestDateCovered": datetime_text(covered)})


def _deleted(call: Call, sobject: SObject) -> Response:
    found, covered = _changed(call, sobject, deleted=True)
    return Response(
        200,
        {
            "deletedRecords": [{"id": record_id, "deletedDate": stamp} for record_id, stamp in found],
            "earliestDateAvailable": datetime_text(datetime.now(UTC) - REPLICATION_DAYS),
            "latestDateCovered": datetime_text(covered),
        },
    )


_OBJECT_PAGES: Mapping[str, Callable[[Call, SObject], Response]] = {
    "describe": _describe,
    "updated": _updated,
    "deleted": _deleted,
}


# Queries, limits, composite


def _batch_size(call: Call) -> int:
    match = re.search(r"batchSize\s*=\s*(\d+)", call.request.headers.get("sforce-query-options", ""), re.IGNORECASE)
    return min(2000, max(200, int(match[1]))) if match else 2000


def _query(call: Call, rest: list[str], *, include_deleted: bool) -> Response:
    def run() -> Response:
        if len(rest) == 1:
            return Response(200, call.org.queries.more(rest[0], base=call.base))
        text, explained = call.request.query.get("q"), call.request.query.get("explain")
        if explained is not None and not rest:
            return Response(200, call.org.queries.explain(explained))
        if rest or text is None:
            raise ApiError(400, "MALFORMED_QUERY", "A query string has to be specified")
        body = call.org.queries.run(text, base=call.base, include_deleted=include_deleted, batch_size=_batch_size(call))
        return Response(200, body)

    return by_method(call.request, {"GET": run})


def _query_live(call: Call, rest: list[str]) -> Response:
    return _query(call, rest, include_deleted=False)


def _query_all(call: Call, rest: list[str]) -> Response:
    return _query(call, rest, include_deleted=True)


def _limits(call: Call, rest: list[str]) -> Response:
    if rest:
        raise not_found()
    usage = call.org.usage
    requests = {"Max": usage.allowed, "Remaining": max(0, usage.allowed - usage.used)}
    body = {
        "DailyApiRequests": requests,
        "DailyBulkApiBatches": {"Max": 15000, "Remaining": 15000},
        "DataStorageMB": {"Max": 10240, "Remaining": 10200},
    }
    return by_method(call.request, {"GET": lambda: Response(200, body)})


def _composite(call: Call, rest: list[str]) -> Response:
    request, org, user_id = call.request, call.org, call.actor.user_id
    if rest and rest[0].lower() == "sobjects" and call.version >= COLLECTIONS_SINCE:
        job = batches.Batch(org.store, request, call.actor, call.base)
        return batches.route(job, rest[1:])

    def serve(sub: Request) -> Response:
        return answer(org, sub, user_id)

    if not rest:
        return by_method(request, {"POST": lambda: composite.composite(org.store, request, serve)})
    if [part.lower() for part in rest] == ["graph"]:
        return by_method(request, {"POST": lambda: composite.graphs(org.store, request, serve)})
    raise not_found()


_RESOURCES: Mapping[str, Callable[[Call, list[str]], Response]] = {
    "sobjects": _sobjects,
    "query": _query_live,
    "queryall": _query_all,
    "limits": _limits,
    "composite": _composite,
}
