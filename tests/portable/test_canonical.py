"""Canonical JSON and the strict decoder on this interpreter."""

from protocols import canonical
from protocols.errors import RemoteFault
from protocols.json_parser import Parser


def _decode_slowly(data, step):
    at = [0]

    def read(count):
        piece = data[at[0] : at[0] + min(count, step)]
        at[0] += len(piece)
        return piece

    return canonical.decode_reader(read, 100000)


def test_round_trip():
    value = {"b": [1, -2, True, False, None, {}], "": [], "z" * 70: 0}
    value["a"] = 'q"\\\n\u1ea3\U0001f600'
    data = canonical.encode(value)
    expected = '{"":[],"a":"q\\"\\\\\n\u1ea3\U0001f600","b":[1,-2,true,false,null,{}],"'
    assert data == expected.encode() + b"z" * 70 + b'":0}'
    assert b"".join(list(canonical.Message(value))) == data
    text = data.replace(b"\n", b"\\n")
    for step in (1, 3, 1000):
        assert _decode_slowly(text, step) == value


def test_equal_neighbours_share_no_more_than_they_are():
    text = b'[{"a":1},{"a":1},{"a":true},{"a":1},{"b":1},{"a":2},{"a":"1"},{"a":1,"b":1},{}]'
    assert canonical.encode(canonical.decode(text, 1000)) == text
    # On every interpreter, also where another parser does the work.
    pieces = [b"", text]
    value = Parser(lambda count: pieces.pop(), 1000).document()
    assert canonical.encode(value) == text
    assert value[0] is value[1]


def test_surrogate_pairs_are_joined():
    value = canonical.decode(b'"\\ud83d\\udE00 \\u1ea3"', 99)
    assert value == "\U0001f600 \u1ea3"
    assert canonical.encode(value) == b'"\xf0\x9f\x98\x80 \xe1\xba\xa3"'


def test_refusals():
    refused = (
        (b"[1,]", "json.syntax"),
        (b"[1 2]", "json.syntax"),
        (b'{"a":1 "b":2}', "json.syntax"),
        (b"[01]", "json.syntax"),
        (b'["\n"]', "json.syntax"),
        (b"[1] x", "json.syntax"),
        (b'{"a":1,"a":2}', "json.duplicate"),
        (b"[1.5]", "json.number"),
        (b"[9007199254740992]", "json.number"),
        (b'["\\ud83d"]', "json.encoding"),
        (b'["\xc0\x80"]', "json.encoding"),
        (b'["\xed\xa0\x80"]', "json.encoding"),
        (b"[" * 17 + b"]" * 17, "json.depth"),
        (b"[" * 200, "json.depth"),
        (b" " * 200, "json.long"),
    )
    for data, code in refused:
        try:
            canonical.decode(data, 199 if code == "json.long" else 9999)
            raise AssertionError(data)
        except RemoteFault as fault:
            assert fault.code == code or code == "json.depth", (data, fault.code)
