"""The one exception of the stand-in, and the errors with which Salesforce answers, by name."""

from collections.abc import Iterable


class ApiError(Exception):
    """A refusal, as a client sees it: HTTP status, error code, message, and the fields at fault."""

    def __init__(self, status: int, code: str, message: str, fields: Iterable[str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.fields = None if fields is None else list(fields)

    def rest_body(self) -> list[dict[str, object]]:
        """The body of a failed REST call. Always an array: clients index it without looking."""
        body: dict[str, object] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            body["fields"] = self.fields
        return [body]

    def row_error(self) -> dict[str, object]:
        """The same error inside one row of a collections answer."""
        return {"statusCode": self.code, "message": self.message, "fields": self.fields or []}


def not_found() -> ApiError:
    return ApiError(404, "NOT_FOUND", "The requested resource does not exist")


def invalid_session() -> ApiError:
    return ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")


def method_not_allowed(method: str, allowed: Iterable[str]) -> ApiError:
    return ApiError(
        405, "METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed. Allowed are {','.join(sorted(allowed))}"
    )


def unsupported_media_type() -> ApiError:
    return ApiError(415, "UNSUPPORTED_MEDIA_TYPE", "The Content-Type of the request is not supported: send JSON")


def unreadable_json(message: str) -> ApiError:
    return ApiError(400, "JSON_PARSER_ERROR", message)


def no_such_column(column: str, sobject: str) -> ApiError:
    return ApiError(400, "INVALID_FIELD", f"No such column '{column}' on sobject of type {sobject}")


def unsupported_type(name: str) -> ApiError:
    return ApiError(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")


def malformed_id(field: str, value: str) -> ApiError:
    return ApiError(400, "MALFORMED_ID", f"{field}: id value of incorrect type: {value}", [field])


def missing_fields(fields: list[str]) -> ApiError:
    return ApiError(400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(fields)}]", fields)


def entity_is_deleted() -> ApiError:
    return ApiError(404, "ENTITY_IS_DELETED", "entity is deleted", [])


def duplicate_value(field: str, record_id: str) -> ApiError:
    message = f"duplicate value found: {field} duplicates value on record with id: {record_id[:15]}"
    return ApiError(400, "DUPLICATE_VALUE", message, [field])


def validation_rule(message: str, fields: Iterable[str] = ()) -> ApiError:
    return ApiError(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", message, fields)


def exceeded_size(limit: int, what: str = "records") -> ApiError:
    return ApiError(400, "EXCEEDED_MAX_SIZE_REQUEST", f"record limit reached. cannot submit more than {limit} {what}")
