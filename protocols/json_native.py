"""CPython's JSON parser and writer, held to our rules, at their own speed."""

import json

from protocols.json_parser import fault
from protocols.limits import JSON_DEPTH_MAX, JSON_INTEGER_MAX, JSON_STRING_BYTES_MAX

_INTEGER_DIGITS_MAX = 17


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
            kind = type(item)
            if kind is dict:
                below += item.values()  # type: ignore[attr-defined]
                if strings:
                    below += item  # type: ignore[arg-type]
            elif kind is list:
                below += item  # type: ignore[arg-type]
            elif strings and kind is str:
                if len(item.encode()) > JSON_STRING_BYTES_MAX:  # type: ignore[attr-defined]
                    raise fault("json.string", "a string is too long")
                continue
            else:
                continue
            if depth == JSON_DEPTH_MAX:
                raise fault("json.depth", "nests deeper than " + str(JSON_DEPTH_MAX))
        level = below
        depth += 1


_decoder = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_no_number,
    parse_constant=_no_number,
)


def parse(data: bytes) -> "object":
    """Return the value of one document; raises as `protocols.canonical.decode_reader` does."""
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


_encoder = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")
)


_SCALARS = (str, int, bool, type(None))


def _is_plain(value: object) -> bool:
    # Level by level, as `_check_tree`: what the writer would take for something else is not plain.
    level = [value]
    for depth in range(JSON_DEPTH_MAX + 1):
        below: list[object] = []
        for item in level:
            kind = type(item)
            if kind in _SCALARS:
                continue
            if depth == JSON_DEPTH_MAX or (kind is not dict and kind is not list):
                return False
            if kind is dict:
                for key in item:  # type: ignore[attr-defined]
                    if type(key) is not str:
                        return False
                below += item.values()  # type: ignore[attr-defined]
            else:
                below += item  # type: ignore[arg-type]
        if not below:
            break
        level = below
    return True


def write_any(value: object) -> bytes | None:
    """Return the canonical encoding of a value, or None to be written, or refused, in Python."""
    return write(value) if _is_plain(value) else None


def write(value: object) -> bytes | None:
    """Return the canonical encoding of a value that `parse` gave, or None to be written in Python.

    The two differ in what they escape: control characters here, none there. Without any escape
    there is no difference.
    """
    text = _encoder.encode(value)
    return None if "\\" in text else text.encode()
