"""A strict JSON parser that pulls its text in blocks and never holds the whole of it.

For platforms whose own parser accepts what JSON forbids. Stricter than RFC 8259 where a signature
depends on it: integers only, within 2^53-1; no duplicate keys; surrogate pairs joined, halves
refused; nesting, string and document lengths bounded.
"""

from protocols.errors import RemoteFault
from protocols.limits import JSON_DEPTH_MAX, JSON_INTEGER_MAX, JSON_STRING_BYTES_MAX

_BLOCK_BYTES = 256
_INTEGER_DIGITS_MAX = 17
# Strings of this length and more (key ids, hashes) are kept once per document.
_SHARED_LENGTH_MIN = 32
_SPACE = b" \t\n\r"
_ESCAPES = {34: 34, 92: 92, 47: 47, 98: 8, 102: 12, 110: 10, 114: 13, 116: 9}
_WORDS = {116: (b"rue", True), 102: (b"alse", False), 110: (b"ull", None)}


def fault(code: str, message: str) -> RemoteFault:
    """Return the error of a document that breaks a rule."""
    return RemoteFault(code, message, "fetch it again; if it stays so, tell who serves it")


class Parser:
    """Parse one document pulled with `read(count)`; errors as in `protocols.canonical`."""

    def __init__(self, read: "object", bytes_max: int):
        self._read = read
        self._left = bytes_max
        self._block = b""
        self._at = 0
        self._shared: dict[str, str] = {}
        self._number: dict[str, object] = {}

    def document(self) -> "object":
        """Return the value of the whole document."""
        value = self._value(self._token(), 0)
        if self._token() >= 0:
            raise fault("json.syntax", "something follows the document")
        return value

    def _fill(self) -> bool:
        block = self._read(_BLOCK_BYTES)  # type: ignore[operator]
        self._left -= len(block)
        if self._left < 0:
            raise fault("json.long", "over the limit of bytes")
        self._block = block
        self._at = 0
        return len(block) > 0

    def _byte(self) -> int:
        # The next byte, or -1 at the end.
        if self._at == len(self._block) and not self._fill():
            return -1
        byte = self._block[self._at]
        self._at += 1
        return byte

    def _token(self) -> int:
        # The next byte that is not white space, or -1 at the end.
        byte = self._byte()
        while byte >= 0 and byte in _SPACE:
            byte = self._byte()
        return byte

    def _value(self, byte: int, depth: int) -> "object":
        if byte == 34:
            return self._string()
        if byte in (123, 91):
            if depth == JSON_DEPTH_MAX:
                raise fault("json.depth", "nests deeper than " + str(JSON_DEPTH_MAX))
            return self._object(depth + 1) if byte == 123 else self._list(depth + 1)
        if byte == 45 or 48 <= byte <= 57:
            return self._integer(byte)
        if byte in _WORDS:
            rest, value = _WORDS[byte]
            for wanted in rest:
                if self._byte() != wanted:
                    break
            else:
                return value
        raise fault("json.syntax", "a value is missing or unknown")

    def _object(self, depth: int) -> dict[str, object]:
        value: dict[str, object] = {}
        byte = self._token()
        if byte == 125:
            return value
        while byte == 34:
            key = self._string()
            if key in value:
                raise fault("json.duplicate", "a key stands twice in one object")
            if self._token() != 58:
                break
            value[key] = self._value(self._token(), depth)
            byte = self._token()
            if byte == 125:
                return self._alike(value, key)
            if byte != 44:
                break
            byte = self._token()
        raise fault("json.syntax", "an object is broken")

    def _alike(self, value: dict[str, object], key: str) -> dict[str, object]:
        # A snapshot lists hundreds of {"version": 1}: equal neighbours are one object. By type, as
        # true equals 1.
        if len(value) > 1 or type(value[key]) is not int:
            return value
        if value != self._number:
            self._number = value
        return self._number

    def _list(self, depth: int) -> list[object]:
        value: list[object] = []
        byte = self._token()
        if byte == 93:
            return value
        while True:
            value.append(self._value(byte, depth))
            byte = self._token()
            if byte == 93:
                return value
            if byte != 44:
                raise fault("json.syntax", "a list is broken")
            byte = self._token()

    def _integer(self, byte: int) -> int:
        digits = bytearray()
        first = byte
        if byte == 45:
            digits.append(byte)
            first = byte = self._byte()
        while 48 <= byte <= 57:
            digits.append(byte)
            if len(digits) > _INTEGER_DIGITS_MAX:
                raise fault("json.number", "integer out of range")
            byte = self._byte()
        if byte >= 0:
            self._at -= 1
        count = len(digits) - (digits[:1] == b"-")
        if count == 0 or (first == 48 and count > 1):
            raise fault("json.syntax", "a number is broken")
        value = int(bytes(digits))
        if byte in (46, 69, 101) or not -JSON_INTEGER_MAX <= value <= JSON_INTEGER_MAX:
            raise fault("json.number", "not an integer within 2^53-1")
        return value

    def _string(self) -> str:
        # Most strings stand whole in the block and are plain ASCII: cut them out at once.
        end = self._block.find(b'"', self._at)
        if end >= 0:
            piece = self._block[self._at : end]
            if not piece:
                self._at = end + 1
                return ""
            if b"\\" not in piece and min(piece) >= 32 and max(piece) < 128:
                self._at = end + 1
                return self._keep(str(piece, "utf-8"))
        return self._keep(str(self._long_string(), "utf-8"))

    def _keep(self, text: str) -> str:
        if len(text) < _SHARED_LENGTH_MIN:
            return text
        kept = self._shared.get(text)
        if kept is None:
            self._shared[text] = kept = text
        return kept

    def _long_string(self) -> bytearray:
        text = bytearray()
        while True:
            byte = self._byte()
            if byte == 34:
                return text
            if byte < 32:
                raise fault("json.syntax", "a string holds a control character or has no end")
            if byte == 92:
                byte = self._byte()
                if byte == 117:
                    _append(text, self._surrogates(self._hex4()))
                elif byte in _ESCAPES:
                    text.append(_ESCAPES[byte])
                else:
                    raise fault("json.syntax", "an escape is unknown")
            elif byte < 128:
                text.append(byte)
            else:
                self._sequence(text, byte)
            if len(text) > JSON_STRING_BYTES_MAX:
                raise fault("json.string", "a string is too long")

    def _hex4(self) -> int:
        code = 0
        for _ in range(4):
            byte = self._byte()
            if 48 <= byte <= 57:
                code = code * 16 + byte - 48
            elif 97 <= byte <= 102 or 65 <= byte <= 70:
                code = code * 16 + (byte & 15) + 9
            else:
                raise fault("json.syntax", "an escape is broken")
        return code

    def _surrogates(self, code: int) -> int:
        # Join the two halves that JSON writes for a character beyond 16 bits.
        if not 0xD800 <= code <= 0xDFFF:
            return code
        if code <= 0xDBFF and self._byte() == 92 and self._byte() == 117:
            low = self._hex4()
            if 0xDC00 <= low <= 0xDFFF:
                return 0x10000 + ((code - 0xD800) << 10) + low - 0xDC00
        raise fault("json.encoding", "half a surrogate pair")

    def _sequence(self, text: bytearray, first: int) -> None:
        # RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF.
        if 0xC2 <= first <= 0xDF:
            low, high, more = 0x80, 0xBF, 0
        elif 0xE0 <= first <= 0xEF:
            low = 0xA0 if first == 0xE0 else 0x80
            high = 0x9F if first == 0xED else 0xBF
            more = 1
        elif 0xF0 <= first <= 0xF4:
            low = 0x90 if first == 0xF0 else 0x80
            high = 0x8F if first == 0xF4 else 0xBF
            more = 2
        else:
            raise fault("json.encoding", "not UTF-8")
        text.append(first)
        for _ in range(more + 1):
            byte = self._byte()
            if not low <= byte <= high:
                raise fault("json.encoding", "not UTF-8")
            text.append(byte)
            low, high = 0x80, 0xBF


def _append(text: bytearray, code: int) -> None:
    if code < 0x80:
        text.append(code)
        return
    if code < 0x800:
        text.append(0xC0 | code >> 6)
    else:
        if code < 0x10000:
            text.append(0xE0 | code >> 12)
        else:
            text.append(0xF0 | code >> 18)
            text.append(0x80 | code >> 12 & 63)
        text.append(0x80 | code >> 6 & 63)
    text.append(0x80 | code & 63)
