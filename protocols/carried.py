"""A batch of records that travels by hand: the very request that would have gone over the link.

The file is an HTTP/1.1 request as it stands on the wire (media type `message/http`, RFC 9112
section 10.1): `POST`, the headers of `protocols/http_signature.py`, the body. Whoever brings it to
the hub sends it as it is; the signature covers the authority that the node knows its hub by.
"""

from collections import namedtuple

from protocols.errors import RemoteFault
from protocols.fields import is_id
from protocols.limits import (
    CARRIED_HEAD_BYTES_MAX,
    ID_BYTES_MAX,
    JSON_INTEGER_MAX,
    RECORD_BATCH_BYTES_MAX,
)

FOLDER = "records/"
SUFFIX = ".http"
# Says to the hub that a person brought this: the node itself was not in contact.
CARRIER = "x-chieng-carrier"
HEADERS = ("content-digest", "content-type", "signature", "signature-input")

_REMEDY = "Leave the files of a stick as the node wrote them; the node still has its records."
_END = b"\r\n\r\n"

Request = namedtuple("Request", ("host", "path", "headers", "body"))
"""One carried request; `headers` are those of `HEADERS`."""

Name = namedtuple("Name", ("node", "chain", "epoch", "first", "last"))
"""What the name of a batch's file says; only the file itself is proof."""


def build(host: str, path: str, headers: "dict[str, str]", body: bytes) -> bytes:
    """Return the bytes of a file."""
    lines = ["POST " + path + " HTTP/1.1", "host: " + host, "content-length: " + str(len(body))]
    lines.extend([name + ": " + headers[name] for name in HEADERS])
    return "\r\n".join(lines).encode() + _END + body


def read(data: bytes) -> Request:
    """Return the request in a file; raises `RemoteFault("carried.format" | "carried.cut")`.

    A sum of it is the hub's to check: `content-digest` and the signature.
    """
    end = data[:CARRIED_HEAD_BYTES_MAX].find(_END)
    if end < 0:
        raise _refuse("carried.format", "a batch has no head")
    try:
        lines = str(data[:end], "ascii").split("\r\n")
    except UnicodeError:
        raise _refuse("carried.format", "a head is not plain text")
    words = lines[0].split(" ")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, mark, value = line.partition(": ")
        if not mark or name in headers or name not in HEADERS + ("host", "content-length"):
            raise _refuse("carried.format", "a line of the head is none of ours")
        headers[name] = value
    whole = len(words) == 3 and words[0] == "POST" and words[1].startswith("/")
    if not whole or words[2] != "HTTP/1.1" or len(headers) != len(HEADERS) + 2:
        raise _refuse("carried.format", "the head is not that of a batch")
    body = data[end + len(_END) :]
    host, length = headers.pop("host"), headers.pop("content-length")
    if not 1 <= len(length) <= 7 or not _is_number(length):
        raise _refuse("carried.format", "the length is no number")
    if len(body) != int(length) or len(body) > RECORD_BATCH_BYTES_MAX:
        raise _refuse("carried.cut", "a batch is not as long as it says")
    return Request(host, words[1], headers, body)


def file_name(name: Name) -> str:
    """Return the name of a batch's file, without its folder."""
    span = str(name.first) + "-" + str(name.last)
    return "~".join((name.node, name.chain, name.epoch, span)) + SUFFIX


def read_name(text: str) -> Name | None:
    """Return what a file's name says, or None for a file that is no batch."""
    parts = text[: -len(SUFFIX)].split("~") if text.endswith(SUFFIX) else []
    if len(parts) != 4:
        return None
    for part in parts[:3]:
        if not is_id(part, ID_BYTES_MAX):
            return None
    numbers = parts[3].split("-")
    if len(numbers) != 2:
        return None
    for number in numbers:
        if not 1 <= len(number) <= 16 or not _is_number(number):
            return None
    first, last = int(numbers[0]), int(numbers[1])
    if not 1 <= first <= last <= JSON_INTEGER_MAX:
        return None
    return Name(parts[0], parts[1], parts[2], first, last)


def _is_number(text: str) -> bool:
    for letter in text:
        if not "0" <= letter <= "9":
            return False
    return True


def _refuse(code: str, complaint: str) -> RemoteFault:
    return RemoteFault(code, complaint, _REMEDY)
