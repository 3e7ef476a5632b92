"""`GET /v1/openapi.json`: the node-facing API described from its route table and its types."""

from importlib.metadata import version
from typing import Any, NamedTuple

from aiohttp import web
from msgspec.json import schema_components

from hub import api_types
from protocols.hub_limits import CAP_BYTES_MAX, PACK_DAYS_MAX, WEBHOOK_BYTES_MAX
from protocols.limits import ID_BYTES_MAX, PAPER_BYTES_MAX, RECORD_BATCH_BYTES_MAX

PREFIX = "/v1/"
PATH = "/v1/openapi.json"
_REF = "#/components/schemas/{name}"

_TEXT = {"type": "string"}
_UNIT = {"type": "string", "pattern": r"^[a-z0-9]{1,8}\.[a-z0-9]{1,16}$"}
_FAULTS = {
    400: "The request is malformed; the code says how",
    401: "The signature is missing, or not by this node's or peer's key",
    403: "The node is revoked, replaced or in quarantine",
    404: "Nothing stands under this name",
    408: "The body stopped coming",
    409: "Another history stands under this epoch",
    413: "The body is too long",
    503: "Wait, as Retry-After says, and try again",
}


class Operation(NamedTuple):
    """Describe one route: `answers` maps a status to (what it means, media type, type)."""

    name: str
    said: str
    answers: dict[int, tuple[str, str, str]]
    faults: tuple[int, ...] = (404,)
    query: tuple[dict[str, Any], ...] = ()
    headers: tuple[str, ...] = ()
    body: tuple[str, int] | None = None


def _query(name: str, schema: dict[str, Any], said: str, needed: bool = False) -> dict[str, Any]:
    entry = {"name": name, "in": "query", "required": needed}
    return {**entry, "description": said, "schema": schema}


_JSON, _CAP = "application/json", "application/cap+xml"
_NOT_CHANGED = ("Not changed", "", "")
OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/v1/units/{unit}/metadata/{file}"): Operation(
        "metadata",
        "A file of the unit's view of the TUF repository.",
        {200: ("The file's exact bytes", _JSON, "Signed"), 304: _NOT_CHANGED},
        headers=("If-None-Match",),
    ),
    ("GET", "/v1/targets/{path}"): Operation(
        "target",
        "A manifest under its consistent-snapshot name.",
        {200: ("The manifest's exact bytes", _JSON, "Signed")},
    ),
    ("GET", "/v1/blobs/{sha256}"): Operation(
        "blob",
        "Media by SHA-256, whole or by range; never changes.",
        {
            200: ("The media", "application/octet-stream", "binary"),
            206: ("The bytes asked for", "application/octet-stream", "binary"),
            304: _NOT_CHANGED,
            416: ("The media is shorter than that", "", ""),
        },
        faults=(400, 404),
        headers=("Range", "If-None-Match"),
    ),
    ("GET", "/v1/units/{unit}/pack"): Operation(
        "pack",
        "All that is newer than `have`, in one tar; with `days` what a stick takes along.",
        {
            200: ("The pack", "application/x-tar", "binary"),
            204: ("Nothing is newer", "", ""),
            206: ("The rest of a pack", "application/x-tar", "binary"),
            304: _NOT_CHANGED,
        },
        faults=(400, 404),
        query=(
            _query("have", {**_TEXT, "pattern": r"^[0-9]{1,16}\.[0-9]{1,16}$"}, "root.timestamp"),
            _query("media", {**_TEXT, "maxLength": ID_BYTES_MAX}, "Profile whose media to add"),
            _query("days", {"type": "integer", "minimum": 0, "maximum": PACK_DAYS_MAX}, "Days"),
        ),
    ),
    ("GET", "/v1/events"): Operation(
        "events",
        "Server-Sent Events: one line per new timestamp of a unit, a comment as heartbeat.",
        {200: ("An endless stream", "text/event-stream", "text")},
        faults=(400, 503),
        query=(_query("unit", _UNIT, "Whose timestamp to wait for", True),),
    ),
    ("POST", "/v1/records"): Operation(
        "records",
        "Take a batch of records signed by the node's key (RFC 9421); answer once it is on disk.",
        {200: ("The position on disk, signed", _JSON, "BatchAnswer")},
        faults=(400, 401, 403, 408, 409, 413, 503),
        headers=("Content-Digest", "Signature", "Signature-Input"),
        body=("Batch", RECORD_BATCH_BYTES_MAX),
    ),
    ("POST", "/v1/enrolments"): Operation(
        "enrolments",
        "Take a node's enrolment; the hub's signed word says whether it joined and why not.",
        {200: ("The hub's word", _JSON, "Paper")},
        faults=(400, 401, 408, 413, 503),
        body=("Paper", PAPER_BYTES_MAX),
    ),
    ("POST", "/v1/cap"): Operation(
        "cap",
        "Take a CAP 1.2 alert from the holder of a source's token; a person decides about it.",
        {200: ("It was here already", _JSON, "Kept"), 201: ("It is kept", _JSON, "Kept")},
        faults=(400, 401, 408, 413, 503),
        headers=("Authorization",),
        body=("", CAP_BYTES_MAX),
    ),
    ("POST", "/v1/peers/{peer}/directives"): Operation(
        "directives",
        "Take what a province sends by itself, signed with its webhook secret (HMAC-SHA256).",
        {202: ("Read; each directive counts once", _JSON, "Pushed")},
        faults=(400, 401, 404, 408, 413, 503),
        headers=("X-Chieng-Signature",),
        body=("Push", WEBHOOK_BYTES_MAX),
    ),
    ("GET", PATH): Operation(
        "openapi", "This description.", {200: ("The description", _JSON, "")}, faults=()
    ),
}


def routes(app: web.Application) -> set[tuple[str, str]]:
    """Return the node-facing routes that an application serves; HEAD goes with GET."""
    found = set()
    for route in app.router.routes():
        path = route.resource.canonical if route.resource else ""
        if path.startswith(PREFIX) and route.method != "HEAD":
            found.add((route.method, path))
    return found


def describe(app: web.Application) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of what an application serves."""
    paths: dict[str, Any] = {}
    for method, path in sorted(routes(app)):
        operation = OPERATIONS.get((method, path))
        if operation is not None:
            paths.setdefault(path, {})[method.lower()] = _operation(operation, path)
    _, components = schema_components(api_types.TYPES, ref_template=_REF)
    info = {"title": "Chiêng hub: what nodes ask", "version": version("chieng")}
    return {
        "openapi": "3.1.0",
        "info": info,
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(operation: Operation, path: str) -> dict[str, Any]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _UNIT if name == "unit" else {**_TEXT, "minLength": 1},
        }
        for name in names
    ]
    parameters += operation.query
    parameters += [{"name": one, "in": "header", "schema": _TEXT} for one in operation.headers]
    answers = {str(status): _answer(*told) for status, told in operation.answers.items()}
    for status in operation.faults:
        answers[str(status)] = _answer(_FAULTS[status], _JSON, "Fault")
    found = {
        "operationId": operation.name,
        "summary": operation.said,
        "parameters": parameters,
        "responses": answers,
    }
    if operation.body is not None:
        name, bytes_max = operation.body
        said = f"{'Canonical JSON' if name else 'CAP 1.2'} of at most {bytes_max} bytes"
        content = {_CAP: {"schema": _TEXT}}
        if name:
            content = {_JSON: {"schema": {"$ref": _REF.format(name=name)}}}
        found["requestBody"] = {"description": said, "required": True, "content": content}
    return found


def _answer(said: str, media_type: str, kind: str) -> dict[str, Any]:
    if not media_type:
        return {"description": said}
    schema: dict[str, Any] = {}
    if kind == "text":
        schema = _TEXT
    elif kind and kind != "binary":
        schema = {"$ref": _REF.format(name=kind)}
    return {"description": said, "content": {media_type: {"schema": schema}}}


async def get(request: web.Request) -> web.Response:
    """Serve the description."""
    answer = web.json_response(describe(request.app))
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


def install(app: web.Application) -> None:
    """Add the endpoint."""
    app.add_routes([web.get(PATH, get)])
