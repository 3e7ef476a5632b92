"""The one encoding of bytes that are signed or hashed, and the strict decoder of JSON from outside.

Encoding is OLPC canonical JSON as TUF uses it: sorted keys, no white space, integers only, strings
in raw UTF-8 with only the quote and the backslash escaped. Where the platform's own parser can be
held to our rules (CPython) it does the work; elsewhere `protocols.json_parser` does. Both give the
same verdict on every input; tests compare them.
"""

import json

from protocols.errors import LocalFault
from protocols.json_parser import Parser, fault
from protocols.limits import JSON_DEPTH_MAX, JSON_INTEGER_MAX, JSON_STRING_BYTES_MAX

_PIECE_BYTES = 256
_INTEGER_DIGITS_MAX = 17
_NATIVE = hasattr(json, "JSONDecoder")


def _text(value: str) -> str:
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    if '"' in value:
        value = value.replace('"', '\\"')
    return '"' + value + '"'


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
        for key in sorted(value):
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
    return "".join(_pieces(value, JSON_DEPTH_MAX)).encode()  # type: ignore[arg-type]


class Message:
    """A value as its canonical bytes, generated anew each time it is iterated."""

    def __init__(self, value: object):
        self._value = value

    def __iter__(self) -> "object":
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
        return _decode_native(data)
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


# The platform's parser, held to the rules.


def _object(pairs: "list[tuple[str, object]]") -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise fault("json.duplicate", "a key stands twice in one object")
    return value


def _integer(digits: str) -> int:
    if len(digits) <= _INTEGER_DIGITS_MAX:
        value = int(digits)
        if -JSON_INTEGER_MAX <= value <= JSON_INTEGER_MAX:
            return value
    raise fault("json.number", "integer out of range: " + digits[:24])


def _no_number(text: str) -> int:
    raise fault("json.number", "not an integer: " + text[:24])


def _check_tree(value: object, strings: bool) -> None:
    # Level by level: a container on level n (from 0) stands at depth n + 1.
    level = [value]
    depth = 0
    while level:
        below: list[object] = []
        for item in level:
            if isinstance(item, (dict, list)):
                if depth == JSON_DEPTH_MAX:
                    raise fault("json.depth", "nests deeper than " + str(JSON_DEPTH_MAX))
                if isinstance(item, list):
                    below.extend(item)
                    continue
                below.extend(item.values())
                if strings:
                    below.extend(item)
            elif strings and isinstance(item, str):
                if len(item.encode()) > JSON_STRING_BYTES_MAX:
                    raise fault("json.string", "a string is too long")
        level = below
        depth += 1


if _NATIVE:
    _decoder = json.JSONDecoder(
        object_pairs_hook=_object,
        parse_int=_integer,
        parse_float=_no_number,
        parse_constant=_no_number,
    )


def _decode_native(data: bytes) -> "object":
    try:
        value = _decoder.decode(data.decode())
        # Only an escape can make half a pair, and only a long document a long string.
        _check_tree(value, b"\\u" in data or len(data) > JSON_STRING_BYTES_MAX)
    except UnicodeError:
        raise fault("json.encoding", "not UTF-8, or half a surrogate pair")
    except RuntimeError:
        raise fault("json.depth", "nests deeper than " + str(JSON_DEPTH_MAX))
    except ValueError as error:
        raise fault("json.syntax", str(error))
    return value
