"""What a neighbour may be asked for over HTTP, read strictly: one bounded head, GET, no body.

Addresses are the hub's: `/v1/units/<unit>/metadata/<file>`, `/v1/targets/<path>`,
`/v1/blobs/<sha256>`.
"""

from collections import namedtuple

from protocols.errors import Fault, RemoteFault
from protocols.http1_head import read_header
from protocols.limits import HTTP_HEADERS_MAX, NEIGHBOUR_TARGET_BYTES_MAX

METADATA = "metadata"
TARGET = "target"
BLOB = "blob"
_VISIBLE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/"
_HEX = "0123456789abcdef"


class Asked(namedtuple("Asked", ("kind", "name", "version", "first", "last"))):
    """One request: `name` of a role, a path or a hash; `version` of a role's file, the hash of a
    target, or ""; `first` and `last` of the bytes wanted, None for all and for up to the end."""


def read_head(head: bytes, unit: str) -> Asked:
    """Return what a request head asks for, of a node of `unit`.

    Raises `RemoteFault`: `neighbour.request` for what is no request of ours (answer 400),
    `neighbour.absent` for what no node hands on (answer 404).
    """
    lines = head.split(b"\r\n")
    words = lines[0].split(b" ")
    if len(words) != 3 or words[0] != b"GET" or words[2] != b"HTTP/1.1":
        raise _bad("not a GET of HTTP/1.1")
    if len(words[1]) > NEIGHBOUR_TARGET_BYTES_MAX or len(lines) > HTTP_HEADERS_MAX:
        raise _bad("too long")
    headers: dict[str, str] = {}
    try:
        target = str(words[1], "ascii")
        for line in lines[1:]:
            name, value = read_header(line)
            if name in headers:
                raise _bad("a header twice")
            headers[name] = value
    except (Fault, UnicodeError, ValueError):
        raise _bad("no header")
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        raise _bad("a body")
    if any([letter not in _VISIBLE for letter in target]) or ".." in target or "//" in target:
        raise _absent(target)
    first, last = _range(headers.get("range", ""))
    return _asked(target, unit, first, last)


def _asked(target: str, unit: str, first: "int | None", last: "int | None") -> Asked:
    start = "/v1/units/" + unit + "/metadata/"
    if target.startswith(start) and target.endswith(".json"):
        name = target[len(start) : -5]
        if name == "timestamp":
            return Asked(METADATA, name, "", first, last)
        version, _, role = name.partition(".")
        if role and "/" not in role and 0 < len(version) < 11 and version.isdigit():
            return Asked(METADATA, role, version, first, last)
    elif target.startswith("/v1/targets/"):
        folder, _, name = target[len("/v1/targets/") :].rpartition("/")
        sha256, _, rest = name.partition(".")
        if folder and rest and _is_hash(sha256):
            return Asked(TARGET, folder + "/" + rest, sha256, first, last)
    elif target.startswith("/v1/blobs/") and _is_hash(target[len("/v1/blobs/") :]):
        return Asked(BLOB, target[len("/v1/blobs/") :], "", first, last)
    raise _absent(target)


def span(asked: Asked, length: int) -> "tuple[int, int] | None":
    """Return (first, end) of what to send of so many bytes, None when nothing is there."""
    first = asked.first or 0
    end = length if asked.last is None else min(length, asked.last + 1)
    return (first, end) if first < end else None


def _range(text: str) -> "tuple[int | None, int | None]":
    if not text:
        return None, None
    first, mark, last = text[len("bytes=") :].partition("-")
    is_good = text.startswith("bytes=") and mark and _is_number(first)
    if not is_good or (last and (not _is_number(last) or int(last) < int(first))):
        raise _bad("a range that is none")
    return int(first), int(last) if last else None


def _is_number(text: str) -> bool:
    return 0 < len(text) < 13 and all(["0" <= digit <= "9" for digit in text])


def _is_hash(text: str) -> bool:
    return len(text) == 64 and all([digit in _HEX for digit in text])


def _bad(why: str) -> RemoteFault:
    return RemoteFault("neighbour.request", why, "Ask as a node asks its hub.")


def _absent(target: str) -> RemoteFault:
    return RemoteFault("neighbour.absent", target[:80], "Ask the hub.")
