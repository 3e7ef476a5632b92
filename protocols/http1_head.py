"""Text of HTTP/1.1 heads: requests written, answers read, both strictly (RFC 9112, RFC 9110).

Whatever two parties could read in two ways is refused: it is how requests and answers are smuggled.
"""

from protocols.errors import LocalFault, RemoteFault
from protocols.limits import BLOB_BYTES_MAX

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
# RFC 9110, section 9.2.2: sending these twice is the same as once.
IDEMPOTENT = ("GET", "HEAD", "PUT", "DELETE")
OWN_HEADERS = ("host", "connection", "content-length", "transfer-encoding", "expect", "upgrade")

_TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = b"0123456789"
_HEX = b"0123456789abcdefABCDEF"
_LENGTH_DIGITS_MAX = 15


def refused(code: str, message: str) -> RemoteFault:
    """Return the fault of an answer that breaks HTTP/1.1."""
    return RemoteFault("http." + code, message, "check the server, or what stands before it")


def write_request(
    method: str, host: str, target: str, headers: dict[str, str], body: bytes
) -> bytes:
    """Return the head of a request; raises `LocalFault("http.request")`."""
    if method not in METHODS:
        raise _wrong("method " + method)
    if not target.startswith("/") or not _is_visible(target) or not _is_visible(host) or not host:
        raise _wrong("target or host has characters that a URL cannot have")
    lines = [method + " " + target + " HTTP/1.1", "host: " + host]
    for name in sorted(headers):
        value = headers[name]
        if name.lower() in OWN_HEADERS or not name or any(b not in _TOKEN for b in name.encode()):
            raise _wrong("header " + name)
        if any(ord(c) < 32 or ord(c) == 127 or ord(c) > 255 for c in value):
            raise _wrong("value of header " + name)
        lines.append(name + ": " + value)
    if body or method in ("POST", "PUT"):
        lines.append("content-length: " + str(len(body)))
    lines.append("\r\n")
    text = "\r\n".join(lines)
    return bytes([ord(c) for c in text])


def _wrong(what: str) -> LocalFault:
    return LocalFault("http.request", "cannot send: " + what, "mend the caller")


def _is_visible(text: str) -> bool:
    return all(32 < ord(c) < 127 for c in text)


def read_status_line(line: bytes) -> tuple[int, int]:
    """Return the minor version and the status of `HTTP/1.x nnn reason`."""
    minor = line[7:8]
    code = line[9:12]
    good = (
        line[:7] == b"HTTP/1."
        and minor in (b"0", b"1")
        and line[8:9] == b" "
        and len(code) == 3
        and all(digit in _DIGITS for digit in code)
        and line[12:13] in (b" ", b"")
        and not has_controls(line)
    )
    status = int(code) if good else 0
    if not 100 <= status <= 599:
        raise refused("status_line", "not an HTTP/1.1 status line")
    return int(minor), status


def read_header(line: bytes) -> tuple[str, str]:
    """Return the lower-case name and the value of one header line."""
    if line[:1] in (b" ", b"\t"):
        raise refused("header", "a folded header line")
    colon = line.find(b":")
    name = line[:colon]
    if colon < 1 or any(b not in _TOKEN for b in name) or has_controls(line):
        raise refused("header", "not a header line")
    return name.decode().lower(), _text(line[colon + 1 :].strip(b" \t"))


def has_controls(line: bytes) -> bool:
    """Tell whether a line holds control characters other than the tab."""
    return any((b < 32 and b != 9) or b == 127 for b in line)


def _text(value: bytes) -> str:
    """Map bytes to characters one to one, so that an ETag goes back as it came."""
    if all(b < 128 for b in value):
        return value.decode()
    return "".join(chr(b) for b in value)


def read_length(value: str) -> int:
    """Return a Content-Length; raises `http.length` or `http.body_too_long`."""
    if not value or len(value) > _LENGTH_DIGITS_MAX or not _all_digits(value):
        raise refused("length", "not a content length")
    return bounded(int(value))


def bounded(length: int) -> int:
    """Return a body length that is within the limit."""
    if length > BLOB_BYTES_MAX:
        raise refused("body_too_long", "a body above %d bytes" % BLOB_BYTES_MAX)
    return length


def read_chunk_size(line: bytes) -> int:
    """Return the size of a chunk; extensions are ignored."""
    semicolon = line.find(b";")
    digits = line if semicolon < 0 else line[:semicolon]
    if not 1 <= len(digits) <= 8 or any(b not in _HEX for b in digits) or has_controls(line):
        raise refused("chunk", "not a chunk size")
    return int(digits.decode(), 16)


def _all_digits(text: str) -> bool:
    return bool(text) and all("0" <= c <= "9" for c in text)


def list_of(value: str) -> list[str]:
    """Return the lower-case members of a comma-separated value."""
    return [member.strip(" \t").lower() for member in value.split(",")]


def read_range(value: str) -> tuple[int, int | None]:
    """Return first and last (or None) of our own `bytes=first-last`; raises `LocalFault`."""
    first, dash, last = value[6:].partition("-")
    if value[:6] != "bytes=" or not dash or not _all_digits(first):
        raise _wrong("range " + value)
    if last and (not _all_digits(last) or int(last) < int(first)):
        raise _wrong("range " + value)
    return int(first), int(last) if last else None


def check_content_range(value: str, asked: tuple[int, int | None]) -> int:
    """Return the length of a 206 body whose Content-Range answers what was asked."""
    span, _, total = value[6:].partition("/")
    first, dash, last = span.partition("-")
    numbers = (first, last) if total == "*" else (first, last, total)
    if value[:6] != "bytes " or not dash or not all(_all_digits(number) for number in numbers):
        raise refused("range", "not a Content-Range: " + value[:60])
    if max([len(number) for number in numbers]) > _LENGTH_DIGITS_MAX:
        raise refused("range", "a Content-Range beyond measure")
    start, end = int(first), int(last)
    if start != asked[0] or end < start or (asked[1] is not None and end > asked[1]):
        raise refused("range", "a Content-Range that was not asked for: " + value[:60])
    if total != "*" and end >= int(total):
        raise refused("range", "a Content-Range beyond its total: " + value[:60])
    return bounded(end - start + 1)
