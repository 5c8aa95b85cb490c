"""Composite requests and graphs: several calls in one, later ones using what earlier ones returned."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sandbox.salesforce.errors import ApiError, exceeded_size, unreadable_json
from sandbox.salesforce.messages import Request, Response
from sandbox.salesforce.store import Store

MAX_SUBREQUESTS = 25
MAX_GRAPHS = 75
MAX_NODES = 500
MAX_DEPTH = 15
FAILED_GRAPHS_BEFORE_HALT = 14
_REFERENCE = re.compile(r"@\{([^}]+)\}")

Serve = Callable[[Request], Response]


class _Undo(Exception):
    """Something failed and nothing of the transaction may stay."""


class _UnknownReference(Exception):
    """`@{ref.id}` names a result that is not there."""


@dataclass(slots=True)
class _Run:
    """A sequence of subrequests and what they returned so far."""

    serve: Serve
    headers: Mapping[str, str]
    origin: str
    results: dict[str, object] = field(default_factory=dict)
    answers: list[dict[str, object]] = field(default_factory=list)
    failed: bool = False

    def step(self, given: Mapping[str, object]) -> None:
        reference = str(given.get("referenceId", ""))
        try:
            request = self._request(given)
        except _UnknownReference as error:
            self._note(reference, _halted(f"Invalid reference specified. No value for {error} found."))
            return
        response = self.serve(request)
        if response.status < 300:
            self.results[reference] = response.body
        self._note(reference, response)

    def _note(self, reference: str, response: Response) -> None:
        self.failed = self.failed or response.status >= 300
        self.answers.append(
            {
                "body": response.body,
                "httpHeaders": dict(response.headers),
                "httpStatusCode": response.status,
                "referenceId": reference,
            }
        )

    def _request(self, given: Mapping[str, object]) -> Request:
        url = self._filled(given.get("url"))
        body = self._filled(given.get("body"))
        extra = given.get("httpHeaders")
        headers = {**self.headers, "content-type": "application/json"}
        if isinstance(extra, Mapping):
            headers |= {str(name).lower(): str(value) for name, value in extra.items()}
        content = b"" if body is None else json.dumps(body).encode()
        return Request(str(given.get("method", "GET")).upper(), str(url), headers, content, self.origin)

    def _filled(self, value: object) -> object:
        if isinstance(value, str):
            whole = _REFERENCE.fullmatch(value)
            if whole:
                return self._looked_up(whole[1])
            return _REFERENCE.sub(lambda match: str(self._looked_up(match[1])), value)
        if isinstance(value, Mapping):
            return {name: self._filled(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._filled(inner) for inner in value]
        return value

    def _looked_up(self, expression: str) -> object:
        """`ref.id`, `ref.records[0].Id`."""
        name, *path = re.split(r"[.\[]", expression.replace("]", ""))
        node = self.results.get(name)
        for part in path:
            if isinstance(node, Mapping):
                node = node.get(part)
            elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
                node = node[int(part)]
            else:
                node = None
        if node is None:
            raise _UnknownReference(expression)
        return node

    def halt_all(self) -> None:
        """Replaces the answers that had succeeded: their work was undone with that of the failed one."""
        message = "The transaction was rolled back since another operation in the same transaction failed."
        for place, answer in enumerate(self.answers):
            if answer["httpStatusCode"] in (200, 201, 204):
                halted = _halted(message)
                self.answers[place] = answer | {
                    "body": halted.body, "httpHeaders": {}, "httpStatusCode": halted.status,
                }  # fmt: skip


def _halted(message: str) -> Response:
    error = ApiError(400, "PROCESSING_HALTED", message)
    return Response(error.status, error.rest_body())


def _subrequests(given: object) -> list[Mapping[str, object]]:
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise unreadable_json("compositeRequest must be an array of objects")
    references = [item.get("referenceId") for item in given]
    for item in given:
        url = item.get("url")
        if not isinstance(url, str) or not re.match(r"/services/data/v\d{2}\.0/", url):
            raise unreadable_json("each subrequest needs a url that begins with /services/data/vNN.0/")
        if re.match(r"/services/data/v\d{2}\.0/composite(?!/sobjects)", url):
            raise ApiError(400, "INVALID_BATCH_REQUEST", "a composite request can't hold another")
    if len(set(references)) != len(references) or not all(isinstance(name, str) and name for name in references):
        raise ApiError(400, "INVALID_BATCH_REQUEST", "each subrequest needs a referenceId of its own")
    return given


def _outer_headers(request: Request) -> dict[str, str]:
    passed = ("sforce-call-options", "sforce-duplicate-rule-header", "sforce-query-options")
    return {name: value for name, value in request.headers.items() if name in passed}


def _execute(store: Store, run: _Run, steps: list[Mapping[str, object]], *, all_or_none: bool) -> None:
    try:
        with store.transaction():
            for step in steps:
                run.step(step)
                if run.failed and all_or_none:
                    raise _Undo
    except _Undo:
        run.halt_all()
        for step in steps[len(run.answers) :]:
            run.answers.append(
                {
                    "body": _halted("A previous operation of the same transaction failed.").body,
                    "httpHeaders": {},
                    "httpStatusCode": 400,
                    "referenceId": step["referenceId"],
                }
            )


def composite(store: Store, request: Request, serve: Serve) -> Response:
    """`POST composite`: up to 25 subrequests in order. Raises ApiError."""
    body = request.json_object()
    steps = _subrequests(body.get("compositeRequest"))
    if len(steps) > MAX_SUBREQUESTS:
        raise exceeded_size(MAX_SUBREQUESTS, "subrequests")
    run = _Run(serve, _outer_headers(request), request.origin)
    _execute(store, run, steps, all_or_none=body.get("allOrNone") is True)
    return Response(200, {"compositeResponse": run.answers})


def _depth(steps: list[Mapping[str, object]]) -> int:
    """The longest chain of subrequests that each need the one before."""
    depths: dict[str, int] = {}
    for step in steps:
        used = (re.split(r"[.\[]", text)[0] for text in _REFERENCE.findall(json.dumps(step)))
        depths[str(step["referenceId"])] = 1 + max((depths.get(name, 0) for name in used), default=0)
    return max(depths.values(), default=0)


def graphs(store: Store, request: Request, serve: Serve) -> Response:
    """`POST composite/graph`: each graph is saved whole or not at all. Raises ApiError."""
    given = request.json_object().get("graphs")
    if not isinstance(given, list) or not all(isinstance(graph, dict) for graph in given):
        raise unreadable_json("graphs must be an array of objects")
    parsed = [(str(graph.get("graphId", "")), _subrequests(graph.get("compositeRequest"))) for graph in given]
    if len(parsed) > MAX_GRAPHS:
        raise exceeded_size(MAX_GRAPHS, "graphs")
    if sum(len(steps) for _, steps in parsed) > MAX_NODES:
        raise exceeded_size(MAX_NODES, "nodes")
    if any(_depth(steps) > MAX_DEPTH for _, steps in parsed):
        raise exceeded_size(MAX_DEPTH, "levels of depth")
    answered: list[dict[str, object]] = []
    failures = 0
    for graph_id, steps in parsed:
        run = _Run(serve, _outer_headers(request), request.origin)
        if failures < FAILED_GRAPHS_BEFORE_HALT:
            _execute(store, run, steps, all_or_none=True)
        else:
            run.failed = True
            for step in steps:
                run._note(str(step["referenceId"]), _halted("Too many graphs failed: this one was not tried."))
        failures += run.failed
        answered.append(
            {
                "graphId": graph_id,
                "graphResponse": {"compositeResponse": run.answers},
                "isSuccessful": not run.failed,
            }
        )
    return Response(200, {"graphs": answered})
