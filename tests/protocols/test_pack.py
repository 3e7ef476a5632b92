"""The decoder of packs: any split gives the same, any damage is a named refusal or a cut."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.stick_pack import StickPack
from protocols import pack, tar
from protocols.errors import Fault, RemoteFault
from tests.edge.stick_world import stick

PAPERS = st.sampled_from(
    ["metadata/1.root.json", "metadata/timestamp.json", "metadata/2.snapshot.json"]
    + ["targets/" + digit * 64 for digit in "ab"]
)
BLOBS = st.sampled_from(["blobs/" + digit * 64 for digit in "cde"])
BODIES = st.binary(max_size=700)


@st.composite
def contents(draw):
    """Return members as a good pack has them."""
    papers = draw(st.lists(PAPERS, unique=True, max_size=4))
    return [(name, draw(BODIES)) for name in papers + draw(st.lists(BLOBS, max_size=3))]


def encode(members):
    body = b"".join(tar.header(n, len(d)) + d + tar.padding(len(d)) for n, d in members)
    return body + tar.END


def decode(data, step):
    """Return (members, the code of the refusal, `cut` or `end`)."""
    intake, found = pack.Intake(), []
    try:
        for at in range(0, len(data), step):
            for event in intake.receive(data[at : at + step]):
                if event[0] in (pack.PAPER, pack.BLOB):
                    found.append((event[1], b""))
                elif event[0] == tar.DATA:
                    found[-1] = (found[-1][0], found[-1][1] + event[1])
    except RemoteFault as fault:
        assert fault.remedy
        return found, fault.code
    return found, "end" if intake.is_complete else "cut"


def decode_stick(data):
    """Return how a stick's reader calls it."""
    try:
        asyncio.run(StickPack(stick(data), "packs/03.a.pack").read())
    except RemoteFault as fault:
        assert fault.remedy
        return fault.code
    return "end"


@settings(max_examples=60, deadline=None)
@given(contents(), st.integers(1, 1500))
def test_what_is_written_is_read_in_any_split(members, step):
    assert decode(encode(members), step) == (members, "end")


@settings(max_examples=60, deadline=None)
@given(contents(), st.integers(0, 1 << 16), st.integers(1, 255), st.integers(0, 1 << 16))
def test_one_changed_byte_and_a_cut_give_one_verdict_to_both_readers(members, at, xor, cut):
    data = bytearray(encode(members))
    data[at % len(data)] ^= xor
    data = bytes(data[: len(data) - cut % 600 if cut % 3 == 0 else len(data)])
    verdict = decode(data, 97)[1]
    assert decode(data, len(data) + 1)[1] == verdict
    on_stick = decode_stick(data)
    if verdict == "cut":
        assert on_stick == "pack.cut"
    else:
        assert on_stick in (verdict, "pack.cut", "end") and (verdict != "end" or on_stick == "end")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=3000))
def test_noise_never_escapes(data):
    verdict = decode(data, 512)[1]
    assert verdict == "cut" or verdict.startswith("pack.")
    assert decode_stick(data).startswith("pack.") or data.startswith(bytes(1024))


@given(st.text(max_size=12))
def test_have_is_two_numbers(text):
    try:
        found = pack.read_have(text)
    except Fault as fault:
        assert fault.code == "pack.have"
    else:
        assert [int(part) for part in text.split(".")] == list(found)


@given(st.integers(0, 2**53 - 1), st.integers(0, 2**53 - 1))
def test_have_is_read_as_written(root, timestamp):
    assert pack.read_have(pack.have(root, timestamp)) == (root, timestamp)


@pytest.mark.parametrize("name", ["blobs/x", "targets/../x", "metadata/x", "x", "metadata/.json/a"])
def test_only_known_places(name):
    with pytest.raises(RemoteFault) as caught:
        pack.Rules().admit(name, 1)
    assert caught.value.code == "pack.name"
