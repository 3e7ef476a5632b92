"""Answers that say what went wrong and what to do, as JSON."""

import json
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from protocols.errors import Fault, LocalFault

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log = logging.getLogger("chieng.hub")

# Status by code; what is not listed follows from whose fault it is.
_STATUS = {
    "http.not_found": 404,
    "http.method": 405,
    "http.too_large": 413,
    "http.stalled": 408,
    "http.foreign_page": 403,
    "http.host": 421,
    "access.denied": 403,
    "access.signed_out": 401,
    "login.wrong": 401,
    "cap.token": 401,
    "cap.unknown": 404,
    "cap.closed": 409,
    "cap.size": 413,
    "login.wait": 429,
    "blob.too_long": 413,
    "records.unknown_node": 401,
    "records.signature": 401,
    "webhook.signature": 401,
    "signature.missing": 401,
    "records.revoked": 403,
    "records.replaced": 403,
    "records.quarantined": 403,
    "records.fork": 409,
}
_STATUS_BY_WHOSE = {"local": 500, "remote": 400, "world": 503}


def status_of(fault: Fault) -> int:
    """Return the HTTP status that a fault is answered with."""
    return _STATUS.get(fault.code, _STATUS_BY_WHOSE[fault.whose])


def fault_body(fault: Fault) -> bytes:
    """Return the JSON body of a fault: `code`, `message`, `remedy`, all text."""
    fields = {"code": fault.code, "message": fault.message, "remedy": fault.remedy}
    return json.dumps(fields, ensure_ascii=False).encode()


def fault_answer(fault: Fault) -> web.Response:
    """Return the JSON answer to a fault."""
    headers = {"Cache-Control": "no-store"}
    if fault.whose == "world":
        headers["Retry-After"] = "30"
    return web.Response(
        status=status_of(fault),
        body=fault_body(fault),
        content_type="application/json",
        charset="utf-8",
        headers=headers,
    )


@web.middleware
async def json_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every fault of the node-facing endpoints as JSON."""
    try:
        return await handler(request)
    except Fault as fault:
        if fault.whose == "local":
            _log.error("%s %s: %s", request.method, request.path, fault)
        return fault_answer(fault)
    except web.HTTPNotFound:
        return fault_answer(not_found())
    except web.HTTPMethodNotAllowed as error:
        answer = fault_answer(
            _Http(
                "http.method",
                f"{error.method} is not served here",
                "Use GET or POST as documented.",
            )
        )
        answer.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return answer
    except web.HTTPException:
        raise
    except Exception:
        return fault_answer(unexpected(request))


def unexpected(request: web.Request) -> Fault:
    """Log what is being raised, and return the fault to answer with."""
    _log.exception("%s %s", request.method, request.path)
    return LocalFault(
        "hub.unexpected", "something the hub did not expect", "Try again; then tell its operator."
    )


class _Http(Fault):
    whose = "remote"


def not_found() -> Fault:
    """Return the fault of a name that nothing stands under."""
    return _Http("http.not_found", "nothing stands under this name", "Check the address.")
