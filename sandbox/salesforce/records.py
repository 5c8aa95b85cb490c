"""Creating, changing and deleting records: every check that Salesforce makes, with its error codes."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.salesforce import rules
from sandbox.salesforce.errors import (
    ApiError,
    entity_is_deleted,
    malformed_id,
    missing_fields,
    not_found,
    unreadable_json,
    unsupported_type,
)
from sandbox.salesforce.fields import NUMBER_TYPES, Field, Record, SObject, Value
from sandbox.salesforce.schema import children_of, find_field, find_object, object_of_id
from sandbox.salesforce.store import Store
from sandbox.salesforce.values import MalformedId, datetime_text, normal_id, read_date, read_datetime

EMAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;.]+(?:\.[^\s@<>,;.]+)+")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, and what they asked for beside it."""

    user_id: str
    allow_duplicates: bool = False


def create(store: Store, sobject: SObject, payload: Mapping[str, object], actor: Actor) -> Record:
    """A new record. Raises ApiError."""
    _refuse_readonly_object(sobject)
    values = _clean(store, sobject, payload, creating=True)
    values = {field.name: field.default for field in sobject.fields if not field.readonly} | values
    if sobject.owned and values.get("OwnerId") is None:
        values["OwnerId"] = actor.user_id
    change = rules.Change(store, sobject, before=None, after=_blank(sobject) | values, user_id=actor.user_id)
    rules.complete(change)
    _require(sobject, change.after)
    rules.check(change, allow_duplicates=actor.allow_duplicates)
    with store.transaction():
        record = store.insert(sobject, _assigned(sobject, change.after), user_id=actor.user_id)
        rules.follow_up(rules.Change(store, sobject, before=None, after=record, user_id=actor.user_id))
    return record


def update(store: Store, sobject: SObject, record_id: str, payload: Mapping[str, object], actor: Actor) -> Record:
    """Changes the named fields of a record and leaves the others. Raises ApiError."""
    _refuse_readonly_object(sobject)
    before = live_record(store, sobject, record_id)
    changes = _clean(store, sobject, payload, creating=False)
    change = rules.Change(store, sobject, before=before, after=before | changes, user_id=actor.user_id)
    rules.complete(change)
    _require(sobject, change.after)
    rules.check(change, allow_duplicates=True)
    moved = {name: value for name, value in change.after.items() if value != before[name]}
    with store.transaction():
        record = store.update(sobject, before, moved, user_id=actor.user_id)
        rules.follow_up(rules.Change(store, sobject, before=before, after=record, user_id=actor.user_id))
    return record


def upsert(
    store: Store, sobject: SObject, key: Field, value: str, payload: Mapping[str, object], actor: Actor
) -> tuple[Record, bool]:
    """The record with this external id, created or updated, and whether it was created.

    Raises ApiError, and MultipleMatches where the external id is not unique.
    """
    if any(name.lower() == key.name.lower() for name in payload):
        message = f"The {key.name} field should not be specified in the sobject data."
        raise ApiError(400, "INVALID_FIELD", message, [key.name])
    found = find_by_key(store, sobject, key, value)
    if found is None:
        if key.type == "id":
            raise not_found()
        return create(store, sobject, {**payload, key.name: value}, actor), True
    return update(store, sobject, str(found["Id"]), payload, actor), False


class MultipleMatches(ApiError):
    """An external id that is not unique names several records."""

    def __init__(self, key: Field, matches: list[Record]) -> None:
        message = f"{key.name}: more than one record found for external id field: {[str(m['Id']) for m in matches]}"
        super().__init__(300, "DUPLICATE_EXTERNAL_ID", message, [key.name])
        self.matches = matches


def external_key(sobject: SObject, name: str) -> Field:
    """The field by which records can be addressed. Raises ApiError."""
    field = sobject.by_name.get(name.lower())
    if field is None or not field.id_lookup:
        message = f"Provided external ID field does not exist or is not accessible: {name}"
        raise ApiError(404, "NOT_FOUND", message)
    return field


def find_by_key(store: Store, sobject: SObject, key: Field, value: str) -> Record | None:
    """The live record with this key, or None. Raises MultipleMatches."""
    if key.type == "id":
        return live_record(store, sobject, value)
    matches = store.find(sobject, {key.name: value})
    if len(matches) > 1:
        raise MultipleMatches(key, matches)
    return matches[0] if matches else None


def delete(store: Store, sobject: SObject, record_id: str, actor: Actor) -> None:
    """Puts the record into the recycle bin, with what belongs to it. Raises ApiError."""
    _refuse_readonly_object(sobject)
    if sobject.name == "User":
        message = "Users can't be deleted: deactivate the user instead."
        raise ApiError(400, "INSUFFICIENT_ACCESS_OR_READONLY", message, [])
    record = live_record(store, sobject, record_id)
    with store.transaction():
        store.update(sobject, record, {"IsDeleted": True}, user_id=actor.user_id)
        for child, field in children_of(sobject):
            for row in store.find(child, {field.name: record["Id"]}, limit=100_000):
                if field.cascades:
                    delete(store, child, str(row["Id"]), actor)
                elif not field.readonly:
                    store.update(child, row, {field.name: None}, user_id=actor.user_id)
        rules.after_delete(rules.Change(store, sobject, before=record, after=record, user_id=actor.user_id))


def live_record(store: Store, sobject: SObject, record_id: str) -> Record:
    """The record with this id (15 or 18 characters). Raises ApiError NOT_FOUND, ENTITY_IS_DELETED or MALFORMED_ID."""
    try:
        normal = normal_id(record_id)
    except MalformedId:
        raise malformed_id(f"{sobject.label} ID", record_id) from None
    if normal[:3] != sobject.prefix:
        raise malformed_id(f"{sobject.label} ID", record_id)
    record = store.get(sobject, normal)
    if record is None:
        raise not_found()
    if record["IsDeleted"]:
        raise entity_is_deleted()
    return record


def _refuse_readonly_object(sobject: SObject) -> None:
    if not sobject.writable:
        message = f"entity type {sobject.name} does not support this operation"
        raise ApiError(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, [])


def _blank(sobject: SObject) -> Record:
    return {field.name: field.default for field in sobject.fields}


def _assigned(sobject: SObject, values: Record) -> Record:
    return {field.name: values[field.name] for field in sobject.fields if field.name in values}


def _require(sobject: SObject, values: Record) -> None:
    missing = [field.name for field in sobject.fields if field.required and values.get(field.name) is None]
    if missing:
        raise missing_fields(missing)


def _clean(store: Store, sobject: SObject, payload: Mapping[str, object], *, creating: bool) -> Record:
    """The payload as values of fields. Raises ApiError for the first thing that is wrong with it."""
    values: Record = {}
    for name, given in payload.items():
        if name == "attributes":
            continue
        reference = sobject.by_relationship.get(name.lower())
        if reference is not None:
            field, value = reference, _parent_by_key(store, reference, given)
        else:
            field = find_field(sobject, name)
            value = _clean_value(store, field, given)
        if not (field.createable if creating else field.updateable):
            message = f"Unable to create/update fields: {field.name}. Please check the security settings of this field"
            raise ApiError(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message, [field.name])
        values[field.name] = value
    return values


def _parent_by_key(store: Store, reference: Field, given: object) -> Value:
    """The id of the parent named by `{"Portal_Id__c": "..."}`. Raises ApiError."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise unreadable_json(f"Cannot deserialize {reference.relationship} from a value that is not an object")
    target, key, value = _parent_key(reference, given)
    if key.type == "id":
        return _clean_value(store, reference, value)
    found = store.find(target, {key.name: str(value)}, limit=2)
    if not found:
        message = f"Foreign key external ID: {value} not found for field {key.name} in entity {target.name}"
        raise ApiError(400, "INVALID_FIELD", message, [])
    if len(found) > 1:
        message = f"{key.name}: more than one record found for external id field"
        raise ApiError(400, "DUPLICATE_EXTERNAL_ID", message, [key.name])
    return found[0]["Id"]


def _parent_key(reference: Field, given: Mapping[str, object]) -> tuple[SObject, Field, object]:
    """The parent's object, its key field, and the key."""
    attributes = given.get("attributes")
    named = attributes.get("type") if isinstance(attributes, Mapping) else None
    target = find_object(str(named or reference.reference_to[0]))
    if target is None or target.name not in reference.reference_to:
        raise unsupported_type(str(named))
    keys = [name for name in given if name != "attributes"]
    if len(keys) != 1:
        message = f"{reference.relationship}: name exactly one external id field of the parent"
        raise ApiError(400, "INVALID_FIELD", message, [reference.name])
    key = find_field(target, keys[0])
    if not key.id_lookup:
        message = f"{key.name} is not an External ID or indexed field for {target.name}"
        raise ApiError(400, "INVALID_FIELD", message, [key.name])
    return target, key, given[keys[0]]


def _unreadable(field: Field, given: object) -> ApiError:
    return unreadable_json(f"Cannot deserialize instance of {field.type} from the value {given!r} of {field.name}")


def _clean_value(store: Store, field: Field, given: object) -> Value:
    if given is None:
        return False if field.type == "boolean" else None
    if field.type == "boolean":
        if not isinstance(given, bool):
            raise _unreadable(field, given)
        return given
    if field.type == "int" or field.type in NUMBER_TYPES:
        return _clean_number(field, given)
    if not isinstance(given, str):
        raise _unreadable(field, given)
    if given.strip() == "":
        return None
    if field.type in ("date", "datetime"):
        return _clean_time(field, given)
    if field.type in ("reference", "id"):
        return _clean_reference(store, field, given)
    return _clean_text(field, given)


def _clean_time(field: Field, given: str) -> Value:
    try:
        if field.type == "date" and len(given) == 10:
            return read_date(given).isoformat()
        moment = read_datetime(given)
    except ValueError:
        raise _unreadable(field, given) from None
    # A datetime is accepted for a date and loses its time.
    return moment.date().isoformat() if field.type == "date" else datetime_text(moment)


def _clean_number(field: Field, given: object) -> Value:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise _unreadable(field, given)
    try:
        number = float(given)
    except ValueError:
        raise _unreadable(field, given) from None
    if not math.isfinite(number) or abs(number) >= 10 ** (field.precision - field.scale):
        message = f"{field.label}: value outside of valid range on numeric field: {given}"
        raise ApiError(400, "NUMBER_OUTSIDE_VALID_RANGE", message, [field.name])
    if field.type == "int":
        if not number.is_integer():
            raise _unreadable(field, given)
        return int(number)
    return round(number, field.scale)


def _clean_reference(store: Store, field: Field, given: str) -> Value:
    try:
        record_id = normal_id(given)
    except MalformedId:
        raise malformed_id(field.label, given) from None
    target = object_of_id(record_id)
    if target is None or (field.reference_to and target.name not in field.reference_to):
        message = f"{field.label}: id value of incorrect type: {given}"
        raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message, [field.name])
    record = store.get(target, record_id)
    if record is None:
        raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [field.name])
    if record["IsDeleted"]:
        raise ApiError(400, "ENTITY_IS_DELETED", "entity is deleted", [field.name])
    if field.name == "OwnerId" and not record["IsActive"]:
        message = "operation performed with inactive user [" + record_id + "] as owner"
        raise ApiError(400, "INACTIVE_OWNER_OR_USER", message, [field.name])
    return record_id


def _clean_text(field: Field, given: str) -> Value:
    value = given if field.type == "textarea" else given.strip()
    if len(value) > field.length:
        message = f"{field.label}: data value too large: {value[:80]} (max length={field.length})"
        raise ApiError(400, "STRING_TOO_LONG", message, [field.name])
    if field.type == "email" and not EMAIL.fullmatch(value):
        message = f"{field.label}: invalid email address: {value}"
        raise ApiError(400, "INVALID_EMAIL_ADDRESS", message, [field.name])
    if field.type == "picklist":
        for choice in field.choices:
            if choice.value.lower() == value.lower():
                return choice.value
        if field.restricted:
            message = f"{field.label}: bad value for restricted picklist field: {value}"
            raise ApiError(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [field.name])
    return value


def unmodified_since(record: Record, moment: datetime) -> bool:
    """Whether the record is still as it was at this time, to the second."""
    changed = read_datetime(str(record["LastModifiedDate"])).replace(microsecond=0)
    return changed <= moment.astimezone(UTC)
