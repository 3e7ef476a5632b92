"""Tell the answer of somebody else from the hub's: captive portals, error pages, broken proxies.

A hub serves JSON, media and event streams, never a page and never a redirection at a node's
addresses. What is told here only names the trouble: whatever a stranger answers, nothing counts
without its signature.
"""

from protocols.errors import WorldFault

_REDIRECTS = (301, 302, 303, 307, 308)
# RFC 6585, section 6: what a captive portal should say.
_NETWORK_LOGIN = 511
# A proxy in front of the hub that cannot reach it.
_GATEWAYS = (502, 503, 504)
_SNIFFED_BYTES = 15


def is_page(headers: "dict[str, str]") -> bool:
    """Tell whether the head announces a page for people."""
    return headers.get("content-type", "").lower().startswith(("text/html", "application/xhtml"))


def check_head(status: int, headers: "dict[str, str]", host: str) -> None:
    """Refuse an answer that no hub gives.

    Raises `WorldFault`: `link.portal` (a login page of the network), `link.gateway` (the hub's own
    proxy finds no hub), `link.page` (a page of an unknown server). A page that says 404 or 410 is
    let pass: ordinary web servers say so of a file that is not there.
    """
    if status == _NETWORK_LOGIN or (status == 200 and is_page(headers)):
        raise _portal(host)
    if status in _REDIRECTS:
        there = headers.get("location", "")[:80]
        raise WorldFault(
            "link.portal",
            host + ": sent on to " + (there or "another address"),
            "Write the hub's final address into the configuration, or log the SIM in",
        )
    if is_page(headers) and status in _GATEWAYS:
        text = host + ": its proxy says " + str(status)
        raise WorldFault("link.gateway", text, "Start the hub behind its proxy; it is tried again")
    if is_page(headers) and status not in (404, 410):
        text = host + ": a page with status " + str(status) + " in place of an answer"
        raise WorldFault("link.page", text, "Check the hub's address and what lies between")


def check_body(start: bytes, host: str) -> None:
    """Refuse a body that begins as a page does, whatever its head says; raises `link.portal`."""
    text = start[:64].lstrip()[:_SNIFFED_BYTES].lower()
    if text.startswith((b"<!doctype html", b"<html")):
        raise _portal(host)


def _portal(host: str) -> WorldFault:
    return WorldFault(
        "link.portal",
        host + ": a web page came in place of the hub's answer",
        "Log in to this network or top up the SIM; then check the hub's address",
    )
