"""The endpoints of RFC 7644. A directory comes with a bearer token, which says whose it is; there is no session."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from pydantic import ValidationError
from scim2_models import (
    Context,
    Error,
    ForbiddenException,
    Group,
    InvalidFilterException,
    InvalidSyntaxException,
    InvalidValueException,
    ListResponse,
    NotFoundException,
    NotImplementedException,
    PatchOp,
    Resource,
    ResourceType,
    Schema,
    SCIMException,
    SearchRequest,
    UnauthorizedException,
)
from scim2_models.path import CompareOperator, Comparison

from accounts import provisioning
from accounts.models import Account, Entitlements, Feature
from accounts.scim.resources import (
    MOST_RESULTS,
    POLICY,
    PortalUser,
    base_of,
    group_resource,
    provider,
    service_config,
    user_resource,
)
from accounts.scope import system_scope

CONTENT_TYPE = "application/scim+json"
LONGEST_BODY = 1024 * 1024
FARTHEST = 1_000_000  # Rows into a list: more people no company has, and the database counts only so far.
R = TypeVar("R", bound=Resource[Any])
View = Callable[..., HttpResponse]


class ScimRequest(HttpRequest):
    account: Account


def base() -> str:
    return base_of(settings.PORTAL_BASE_URL)


def endpoint(*methods: str, needs_token: bool = True) -> Callable[[View], View]:
    """An address of the protocol: whose request it is, and errors in the protocol's own form. One transaction each."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @login_not_required
        @wraps(view)
        def answer(request: ScimRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                if request.method not in methods:
                    raise SCIMException.from_error(Error(status=405, detail=f"{request.method} is not possible here"))
                with transaction.atomic(), POLICY:
                    if not needs_token:
                        return view(request, *args, **kwargs)
                    request.account = _account_of(request)
                    with system_scope(request.account.pk):
                        return view(request, *args, **kwargs)
            except ValidationError as error:
                return _error(Error.from_validation_errors(error.errors())[0])
            except SCIMException as error:
                return _error(error.to_error())

        return answer

    return decorate


def _account_of(request: HttpRequest) -> Account:
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    now = timezone.now()
    token = provisioning.token_of(secret.strip(), now=now) if scheme.lower() == "bearer" and secret else None
    if token is None:
        raise UnauthorizedException(detail="This needs a valid bearer token")
    if not Entitlements.of(token.account, today=now.date()).allows(Feature.SSO):
        raise ForbiddenException(detail="The company's contract does not include directory sync")
    return token.account


def _error(error: Error) -> HttpResponse:
    response = _answer(error.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE), status=error.status or 400)
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="SCIM"'
    return response


def _answer(payload: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    return HttpResponse(json.dumps(payload), status=status, content_type=CONTENT_TYPE)


def _body(request: HttpRequest) -> Any:
    if int(request.headers.get("Content-Length") or 0) > LONGEST_BODY:
        raise SCIMException.from_error(Error(status=413, detail="The request is larger than 1 MB"))
    try:
        body = json.loads(request.body)
        text = json.dumps(body, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError) as error:  # Half a surrogate pair is no text either.
        raise InvalidSyntaxException(detail="The request is not JSON") from error
    if r"\u0000" in text:  # PostgreSQL keeps none.
        raise InvalidValueException(detail="A text contains a null character")
    return body


# Discovery


@endpoint("GET", needs_token=False)
def config(request: HttpRequest) -> HttpResponse:
    return _answer(service_config(base()).model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))


@endpoint("GET", needs_token=False)
def resource_types(request: HttpRequest, name: str = "") -> HttpResponse:
    return _discovered(request, ResourceType, provider(base()).resource_types, lambda one: str(one.name), name)


@endpoint("GET", needs_token=False)
def schemas(request: HttpRequest, uri: str = "") -> HttpResponse:
    return _discovered(request, Schema, provider(base()).schemas, lambda one: str(one.id), uri)


def _discovered(
    request: HttpRequest, kind: type[R], found: Iterable[R], name_of: Callable[[R], str], wanted: str
) -> HttpResponse:
    if "filter" in request.GET:  # RFC 7644, section 4: refused, so that nobody takes all for what was asked.
        raise ForbiddenException(detail="What this service offers cannot be filtered")
    if not wanted:
        return _list(kind, list(found), SearchRequest[kind](), total=None)  # type: ignore[valid-type]  # Pydantic makes it now.
    one = next((one for one in found if name_of(one) == wanted), None)
    if one is None:
        raise NotFoundException(detail=f"There is no {wanted}")
    return _answer(one.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))


@endpoint("GET", "POST", "PUT", "PATCH", "DELETE")
def me(request: HttpRequest) -> HttpResponse:
    """A token stands for a company, not for a person."""
    raise NotImplementedException(detail="/Me is not offered: a token stands for a company")


@endpoint("GET", "POST", "PUT", "PATCH", "DELETE")
def unknown(request: HttpRequest, rest: str) -> HttpResponse:
    raise NotFoundException(detail=f"There is no {rest}")


# People


@endpoint("GET", "POST")
def users(request: ScimRequest) -> HttpResponse:
    if request.method == "GET":
        return _find_users(request, SearchRequest[PortalUser].model_validate(request.GET.dict()))
    resource = PortalUser.model_validate(_body(request), scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    member = provisioning.create_person(account=request.account, resource=resource, now=timezone.now())
    return _shown(request, user_resource(member, base()), Context.RESOURCE_CREATION_RESPONSE, status=201)


@endpoint("POST")
def search_users(request: ScimRequest) -> HttpResponse:
    body = _body(request)
    return _find_users(request, SearchRequest[PortalUser].model_validate(body, scim_ctx=Context.SEARCH_REQUEST))


@endpoint("GET", "PUT", "PATCH", "DELETE")
def user(request: ScimRequest, public_id: str) -> HttpResponse:
    member = provisioning.person(request.account, public_id)
    now = timezone.now()
    match request.method:
        case "DELETE":
            provisioning.remove_person(member=member, now=now)
            return HttpResponse(status=204)
        case "PUT":
            wanted = _replaced(request, PortalUser, user_resource(member, base()))
            member = provisioning.replace_person(member=member, resource=wanted, now=now)
        case "PATCH":
            wanted = _patched(request, PortalUser, user_resource(member, base()))
            member = provisioning.replace_person(member=member, resource=wanted, now=now)
    return _shown(request, user_resource(member, base()), _context(request))


def _find_users(request: ScimRequest, wanted: SearchRequest[Any]) -> HttpResponse:
    rows = provisioning.people(request.account)
    match _looks_for(wanted):
        case ("username" | "emails" | "emails.value", str(value)):
            rows = rows.filter(scim_user__user_name__iexact=value) | rows.filter(user__email__iexact=value)
        case ("externalid", str(value)):
            rows = rows.filter(scim_user__external_id=value)
    return _found(PortalUser, rows, wanted, lambda member: user_resource(member, base()))


# Groups


@endpoint("GET", "POST")
def groups(request: ScimRequest) -> HttpResponse:
    if request.method == "GET":
        return _find_groups(request, SearchRequest[Group].model_validate(request.GET.dict()))
    resource = Group.model_validate(_body(request), scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    group = provisioning.create_group(account=request.account, resource=resource, now=timezone.now())
    return _shown(request, group_resource(group, base()), Context.RESOURCE_CREATION_RESPONSE, status=201)


@endpoint("POST")
def search_groups(request: ScimRequest) -> HttpResponse:
    body = _body(request)
    return _find_groups(request, SearchRequest[Group].model_validate(body, scim_ctx=Context.SEARCH_REQUEST))


@endpoint("GET", "PUT", "PATCH", "DELETE")
def group(request: ScimRequest, public_id: str) -> HttpResponse:
    found = provisioning.group_of(request.account, public_id)
    now = timezone.now()
    match request.method:
        case "DELETE":
            provisioning.remove_group(group=found, now=now)
            return HttpResponse(status=204)
        case "PUT":
            wanted = _replaced(request, Group, group_resource(found, base()))
            found = provisioning.replace_group(group=found, resource=wanted, now=now)
        case "PATCH":
            wanted = _patched(request, Group, group_resource(found, base()))
            found = provisioning.replace_group(group=found, resource=wanted, now=now)
    return _shown(request, group_resource(found, base()), _context(request))


def _find_groups(request: ScimRequest, wanted: SearchRequest[Any]) -> HttpResponse:
    rows = provisioning.groups(request.account)
    match _looks_for(wanted):
        case ("displayname", str(value)):
            rows = rows.filter(display_name__iexact=value)
        case ("externalid", str(value)):
            rows = rows.filter(external_id=value)
    return _found(Group, rows, wanted, lambda one: group_resource(one, base()))


@endpoint("POST")
def search_all(request: ScimRequest) -> HttpResponse:
    """People and groups in one answer."""
    wanted = SearchRequest[PortalUser | Group].model_validate(_body(request), scim_ctx=Context.SEARCH_REQUEST)
    found: list[Resource[Any]] = [
        *(user_resource(member, base()) for member in provisioning.people(request.account)),
        *(group_resource(one, base()) for one in provisioning.groups(request.account)),
    ]
    return _matching(PortalUser | Group, found, wanted)


# What both have in common


def _context(request: HttpRequest) -> Context:
    return {
        "PUT": Context.RESOURCE_REPLACEMENT_RESPONSE,
        "PATCH": Context.RESOURCE_PATCH_RESPONSE,
    }.get(request.method or "", Context.RESOURCE_QUERY_RESPONSE)


def _replaced(request: HttpRequest, kind: type[R], now: R) -> R:
    wanted = kind.model_validate(_body(request), scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
    wanted.replace(now)
    return wanted


def _patched(request: HttpRequest, kind: type[R], now: R) -> R:
    operations = PatchOp[kind].model_validate(_body(request), scim_ctx=Context.RESOURCE_PATCH_REQUEST)  # type: ignore[valid-type]  # Pydantic makes it now.
    operations.patch(now)
    return now


def _shown(request: HttpRequest, resource: Resource[Any], context: Context, *, status: int = 200) -> HttpResponse:
    wanted = SearchRequest[type(resource)].model_validate(  # type: ignore[misc]  # Pydantic makes it now.
        {name: request.GET[name] for name in ("attributes", "excludedAttributes") if name in request.GET}
    )
    response = _answer(
        resource.model_dump(scim_ctx=context, response_parameters=wanted),
        status=status,
    )
    response.headers["Location"] = str(resource.meta.location) if resource.meta else ""
    return response


def _looks_for(wanted: SearchRequest[Any]) -> tuple[str, Any]:
    """What directories nearly always ask, somebody by name or by their own id, so that the index can answer."""
    node = wanted.filter.ast if wanted.filter else None
    if isinstance(node, Comparison) and node.op is CompareOperator.eq:
        _check_text(node.value)
        return ".".join(filter(None, [node.attr_path.attr, node.attr_path.sub_attr])).lower(), node.value
    return "", None


def _check_text(value: Any) -> None:
    """Of what can be written with escapes, PostgreSQL takes no null character and no half of a surrogate pair.

    Raises `InvalidFilterException`.
    """
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in str(value)):
        raise InvalidFilterException(detail="The filter looks for what is no text")


def _found(kind: type[R], rows: Any, wanted: SearchRequest[Any], resource_of: Callable[[Any], R]) -> HttpResponse:
    """The page asked for. Without a filter or an order, the database cuts it out; otherwise all rows are looked at."""
    if wanted.filter is None and wanted.sort_by is None:
        start, most = _window(wanted)
        return _list(kind, [resource_of(row) for row in rows[start : start + most]], wanted, total=rows.count())
    return _matching(kind, map(resource_of, rows), wanted)


def _matching(kind: Any, resources: Iterable[Resource[Any]], wanted: SearchRequest[Any]) -> HttpResponse:
    start, most = _window(wanted)
    ordered = wanted.sort(one for one in resources if wanted.filter is None or wanted.filter.match(one))
    return _list(kind, ordered[start : start + most], wanted, total=len(ordered))


def _window(wanted: SearchRequest[Any]) -> tuple[int, int]:
    """Where to begin, and how many."""
    most = MOST_RESULTS if wanted.count is None else min(wanted.count, MOST_RESULTS)
    return min(wanted.start_index_0 or 0, FARTHEST), most


def _list(kind: Any, found: list[Any], wanted: SearchRequest[Any], *, total: int | None) -> HttpResponse:
    answer = ListResponse[kind](
        total_results=len(found) if total is None else total,
        items_per_page=len(found),
        start_index=wanted.start_index or 1,
        resources=found or None,
    )
    return _answer(answer.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=wanted))
