"""Canonical JSON against securesystemslib, and the two decoders against each other."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from securesystemslib.formats import encode_canonical

from protocols import canonical
from protocols.errors import LocalFault, RemoteFault
from protocols.json_parser import Parser
from protocols.limits import JSON_DEPTH_MAX, JSON_INTEGER_MAX, JSON_STRING_BYTES_MAX

LIMIT = 200_000
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
integers = st.integers(-JSON_INTEGER_MAX, JSON_INTEGER_MAX)
scalars = st.none() | st.booleans() | integers | text
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


def pure(data: bytes, bytes_max: int = LIMIT, step: int = 10**9) -> object:
    at = 0

    def read(count: int) -> bytes:
        nonlocal at
        piece = data[at : at + min(count, step)]
        at += len(piece)
        return piece

    return Parser(read, bytes_max).document()


def verdict(decode, *arguments):
    try:
        return decode(*arguments), None
    except RemoteFault as fault:
        return None, fault.code


def same(data: bytes, step: int = 10**9) -> str | None:
    """Hold both decoders to one verdict; return the code of refusal."""
    native_value, native_code = verdict(canonical.decode, data, LIMIT)
    pure_value, pure_code = verdict(pure, data, LIMIT, step)
    assert (native_code is None) == (pure_code is None), (native_code, pure_code)
    assert native_value == pure_value
    assert repr(native_value) == repr(pure_value)
    return pure_code


@given(values)
def test_encoding_equals_securesystemslib(value):
    expected = encode_canonical(value).encode()
    assert canonical.encode(value) == expected
    assert b"".join(canonical.encode_chunks(value)) == expected
    message = canonical.Message(value)
    assert b"".join(message) == b"".join(message) == expected


def test_chunks_are_small():
    value = [{"key": "v" * 100} for _ in range(100)]
    chunks = list(canonical.encode_chunks(value))
    assert max(map(len, chunks)) < 512 and len(chunks) > 20


@pytest.mark.parametrize("value", [1.5, (1,), b"x", {1: 2}, {"a": {None: 1}}, [object()], {1, 2}])
def test_other_types_are_refused(value):
    for encode in (canonical.encode, lambda value: list(canonical.encode_chunks(value))):
        with pytest.raises(LocalFault) as caught:
            encode(value)
        assert caught.value.code == "json.type"


def test_encoding_bounds_nesting():
    value: object = 1
    for _ in range(JSON_DEPTH_MAX):
        value = [value]
    assert canonical.encode(value) == b"[" * 16 + b"1" + b"]" * 16
    with pytest.raises(LocalFault) as caught:
        canonical.encode([value])
    assert caught.value.code == "json.depth"


@given(values, st.integers(1, 9), st.booleans())
def test_decoders_return_what_was_encoded(value, step, escaped):
    data = json.dumps(value, ensure_ascii=escaped).encode()
    assert same(data, step) is None
    assert canonical.decode(data, LIMIT) == value
    assert same(canonical.encode(value), step) in (None, "json.syntax")


@given(values, st.data())
def test_decoders_agree_on_damage(value, data):
    whole = bytearray(json.dumps(value, indent=data.draw(st.none() | st.just(1))).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole)))
        end = data.draw(st.integers(at, min(len(whole), at + 3)))
        whole[at:end] = data.draw(st.binary(max_size=3) | st.sampled_from(DAMAGE))
    same(bytes(whole))


DAMAGE = [b'"', b"\\", b"\\u", b"\\ud800", b"\\udc00", b"[", b"{", b"}", b"]", b",", b":", b"0"]
DAMAGE += [b"-", b".", b"e1", b"tru", b"\xc3\xa9", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b" ", b"1"]


@given(st.binary(max_size=30))
@settings(max_examples=200)
@example(b"")
@example(b"\xef\xbb\xbf1")
@example(b"1\x00")
@example("1\u00a0".encode())
@example(b'"\x7f"')
@example(b"\xff\xfe1\x00")
def test_decoders_agree_on_noise(data):
    same(data)


REFUSED = {
    b"": "json.syntax",
    b" ": "json.syntax",
    b"1 2": "json.syntax",
    b"01": "json.syntax",
    b"-": "json.syntax",
    b"-01": "json.syntax",
    b"+1": "json.syntax",
    b"1.0": "json.number",
    b"1e3": "json.number",
    b"-1.5": "json.number",
    b"9007199254740992": "json.number",
    b"-9007199254740992": "json.number",
    b"1" * 5000: "json.number",
    b"NaN": "json.syntax",
    b"Infinity": "json.syntax",
    b"-Infinity": "json.syntax",
    b"True": "json.syntax",
    b"nul": "json.syntax",
    b"[1,]": "json.syntax",
    b"[,1]": "json.syntax",
    b"[1 2]": "json.syntax",
    b"[1": "json.syntax",
    b'{"a":1,}': "json.syntax",
    b'{"a" 1}': "json.syntax",
    b"{a:1}": "json.syntax",
    b'{"a":1 "b":2}': "json.syntax",
    b'{"a":1': "json.syntax",
    b'{"a":1,"a":1}': "json.duplicate",
    b'{"a":1,"\\u0061":1}': "json.duplicate",
    b'"a': "json.syntax",
    b'"\n"': "json.syntax",
    b'"\\x41"': "json.syntax",
    b'"\\u12g4"': "json.syntax",
    b'"\\u 123"': "json.syntax",
    b'"\\u+123"': "json.syntax",
    b'"\\ud800"': "json.encoding",
    b'"\\udc00"': "json.encoding",
    b'"\\ud800\\ud800"': "json.encoding",
    b'"\\ud800x"': "json.encoding",
    b'{"\\ud800":1}': "json.encoding",
    b'"\xed\xa0\x80"': "json.encoding",
    b'"\xc0\x80"': "json.encoding",
    b'"\xe0\x80\x80"': "json.encoding",
    b'"\xf0\x80\x80\x80"': "json.encoding",
    b'"\xf4\x90\x80\x80"': "json.encoding",
    b'"\xc3"': "json.encoding",
    b'"\x80"': "json.encoding",
    b"\xef\xbb\xbf1": "json.syntax",
    b"[" * 17 + b"]" * 17: "json.depth",
    b"[" * 17 + b"1" + b"]" * 17: "json.depth",
    b'{"a":' * 17 + b"1" + b"}" * 17: "json.depth",
    b"[" * 90000: "json.depth",
    b'"' + b"x" * (JSON_STRING_BYTES_MAX + 1) + b'"': "json.string",
    b'{"' + b"x" * (JSON_STRING_BYTES_MAX + 1) + b'":1}': "json.string",
}


@pytest.mark.parametrize("data", REFUSED, ids=lambda data: repr(data[:24]))
def test_refusals(data):
    for step in (1, 7, 10**9):
        assert same(data, step) is not None
    assert verdict(pure, data)[1] == REFUSED[data]


ACCEPTED = {
    b" [ 1 , -2,\t0,\r\n-0 ] ": [1, -2, 0, 0],
    b"9007199254740991": JSON_INTEGER_MAX,
    b"-9007199254740991": -JSON_INTEGER_MAX,
    b'"\\ud83d\\ude00\\u0041\\/\\b\\f\\n\\r\\t\\"\\\\"': '\U0001f600A/\b\f\n\r\t"\\',
    b'"\\u0000\\u001F"': "\0\x1f",
    '"b\u1ea3n tin \U0001f600"'.encode(): "b\u1ea3n tin \U0001f600",
    b"[" * 16 + b"]" * 16: None,
    b'"' + b"x" * JSON_STRING_BYTES_MAX + b'"': "x" * JSON_STRING_BYTES_MAX,
    b'{"":{},"b":[],"c":""}': {"": {}, "b": [], "c": ""},
}


@pytest.mark.parametrize("data", ACCEPTED, ids=lambda data: repr(data[:24]))
def test_acceptance(data):
    for step in (1, 7, 10**9):
        assert same(data, step) is None
    if ACCEPTED[data] is not None:
        assert pure(data) == ACCEPTED[data]


def test_lengths_are_bounded():
    data = b'["' + b"x" * 1000 + b'"]'
    for decode in (canonical.decode, pure):
        assert decode(data, len(data)) == ["x" * 1000]
        assert verdict(decode, data, len(data) - 1)[1] == "json.long"


def test_reader_is_pulled_no_further_than_the_limit():
    asked = []

    def endless(count):
        asked.append(count)
        return b" " * min(count, 100)

    assert verdict(canonical.decode_reader, endless, 1000)[1] == "json.long"
    assert len(asked) < 15
    asked.clear()
    with pytest.raises(RemoteFault):
        Parser(endless, 1000).document()
    assert len(asked) < 15


def test_repeated_long_strings_are_kept_once():
    key = "k" * 64
    first, second = pure(json.dumps([key, {"x": key}]).encode())
    assert first is second["x"]
