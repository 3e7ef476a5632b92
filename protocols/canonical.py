"""The one encoding of bytes that are signed or hashed, and the strict decoder of JSON from outside.

Encoding is OLPC canonical JSON as TUF uses it: sorted keys, no white space, integers only, strings
in raw UTF-8 with only the quote and the backslash escaped. Where the platform's own parser can be
held to our rules (`protocols.json_native`) it does the work; elsewhere `protocols.json_parser`
does. Both give the same verdict on every input; tests compare them.
"""

import json

from protocols.errors import LocalFault
from protocols.json_parser import Parser, fault
from protocols.limits import JSON_DEPTH_MAX

_PIECE_BYTES = 256
_NATIVE = hasattr(json, "JSONDecoder")
if _NATIVE:
    from protocols.json_native import parse, write, write_any


def _text(value: str) -> str:
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    if '"' in value:
        value = value.replace('"', '\\"')
    return '"' + value + '"'


def _ordered(value: dict[str, object]) -> list[str]:
    # In one block of the exact size: `sorted` grows a list through ever larger ones, and the last,
    # twice as large as need be, may be the one that a broken-up heap cannot give.
    names = [""] * len(value)
    at = 0
    for name in value:
        names[at] = name
        at += 1
    names.sort()
    return names


def _pieces(value: object, depth: int) -> "object":
    # A generator of text; the order of tests puts the common types first.
    if isinstance(value, str):
        yield _text(value)
    elif value is True:
        yield "true"
    elif value is False:
        yield "false"
    elif value is None:
        yield "null"
    elif isinstance(value, int):
        yield str(value)
    elif depth <= 0:
        raise LocalFault("json.depth", "value nests too deep", "flatten it")
    elif isinstance(value, dict):
        mark = "{"
        for key in _ordered(value):
            if not isinstance(key, str):
                raise LocalFault("json.type", "key is not text: " + repr(key), "use text keys")
            yield mark + _text(key) + ":"
            yield from _pieces(value[key], depth - 1)  # type: ignore[misc]
            mark = ","
        yield "{}" if mark == "{" else "}"
    elif isinstance(value, list):
        mark = "["
        for item in value:
            yield mark
            yield from _pieces(item, depth - 1)  # type: ignore[misc]
            mark = ","
        yield "[]" if mark == "[" else "]"
    else:
        raise LocalFault("json.type", "no such type in JSON: " + repr(value), "use plain types")


def encode_chunks(value: object) -> "object":
    """Generate the canonical encoding in pieces of about 256 bytes.

    Takes str, int, bool, None, list and dict with str keys; anything else, and nesting deeper than
    `JSON_DEPTH_MAX`, raises `LocalFault("json.type" | "json.depth")`.
    """
    held = []
    size = 0
    for piece in _pieces(value, JSON_DEPTH_MAX):  # type: ignore[attr-defined]
        held.append(piece)
        size += len(piece)
        if size >= _PIECE_BYTES:
            yield "".join(held).encode()
            held = []
            size = 0
    if held:
        yield "".join(held).encode()


def encode(value: object) -> bytes:
    """Return the canonical encoding; raises as `encode_chunks` does."""
    if _NATIVE:
        data = write_any(value)
        if data is not None:
            return data
    return "".join(_pieces(value, JSON_DEPTH_MAX)).encode()  # type: ignore[arg-type]


class Message:
    """A decoded value as its canonical bytes, generated anew each time it is iterated.

    Only for values that `decode` gave: where the platform writes JSON itself, types are not looked
    at again.
    """

    def __init__(self, value: object):
        self._value = value

    def __iter__(self) -> "object":
        if _NATIVE:
            data = write(self._value)
            if data is not None:
                return iter((data,))
        return encode_chunks(self._value)


def decode_reader(read: "object", bytes_max: int) -> "object":
    """Parse one JSON document pulled with `read(count) -> bytes` (empty at the end).

    Raises `RemoteFault`: `json.long` (over `bytes_max`), `json.encoding` (not UTF-8, or half a
    surrogate pair), `json.syntax`, `json.duplicate`, `json.number` (a fraction, an exponent, or
    over 2^53-1), `json.depth`, `json.string` (over `JSON_STRING_BYTES_MAX`).
    """
    if not _NATIVE:
        return Parser(read, bytes_max).document()
    pieces = []
    size = 0
    while size <= bytes_max:
        piece = read(bytes_max + 1 - size)  # type: ignore[operator]
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    return decode(b"".join(pieces), bytes_max)


def decode(data: bytes, bytes_max: int) -> "object":
    """Parse one JSON document held in memory; raises as `decode_reader` does."""
    if len(data) > bytes_max:
        raise fault("json.long", "over " + str(bytes_max) + " bytes")
    if _NATIVE:
        return parse(data)
    return Parser(_Bytes(data).read, bytes_max).document()


class _Bytes:
    """Read from bytes in memory."""

    def __init__(self, data: bytes):
        self._data = data
        self._position = 0

    def read(self, count: int) -> bytes:
        data = self._data[self._position : self._position + count]
        self._position += count
        return data
