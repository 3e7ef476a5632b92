"""What stands before every page: the hub's own names, no foreign page's request, strict headers."""

from urllib.parse import urlsplit

from aiohttp import web

from hub.answers import Handler
from protocols.errors import RemoteFault

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "media-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_SAFE = ("GET", "HEAD", "OPTIONS")


def check(request: web.Request, public_name: str | None = None) -> None:
    """Refuse names that are not the hub's (DNS rebinding) and writes by foreign pages.

    Raises `RemoteFault("http.host")` or `("http.foreign_page")`.
    """
    name = urlsplit("//" + request.host).hostname
    if name not in _LOCAL_NAMES and name != public_name:
        raise RemoteFault("http.host", f"{name} is not this hub", "Use the hub's own address.")
    if request.method in _SAFE:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        own = site in ("same-origin", "none")
    else:
        origin = request.headers.get("Origin", "")
        own = bool(origin) and urlsplit(origin).netloc == request.host
    if not own:
        raise RemoteFault(
            "http.foreign_page", "the request came from another page", "Use the hub's own page."
        )


@web.middleware
async def strict_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Add the security headers to every answer."""
    response = await handler(request)
    if not response.prepared:
        response.headers.update(HEADERS)
    return response
