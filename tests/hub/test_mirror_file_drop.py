"""A folder or a stick between hub and province: both ways, cut anywhere, replayed, hostile."""

import json
import random
from hashlib import sha256

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.mirror import file_drop, outbox, pull
from hub.mirror.connector import Letter, Trouble
from hub.mirror.pump import Pump
from tests.hub.conftest import COMMUNE
from tests.hub.mirror_world import NOW_MS, World, peer_row
from tests.hub.test_mirror_supply import Drop


def taken(drop):
    """Read the hub's files as a province does: signed ones alone, each key once."""
    public = Ed25519PublicKey.from_public_bytes(drop.hub.public_key().public_bytes_raw())
    found = {}
    for path in sorted((drop.folder / "out").glob("*.jsonl")):
        data = path.read_bytes()
        said = json.loads(path.with_name(path.name + ".sig").read_text())
        public.verify(bytes.fromhex(said["signature"]), file_drop.signed_message(data))
        for line in data.decode().splitlines():
            one = json.loads(line)
            assert found.setdefault(one["key"], one) == one
    return found


async def test_what_is_told_lies_in_signed_files_whatever_is_killed(tmp_path):
    drop, world = Drop(tmp_path), await World(3).open()
    told = {}
    for _ in range(6):
        await world.play(f"loa-{world.random.randrange(3)}", 40)
        for row in world.ledger.store.find("outbox"):
            told[row["key"]] = row["subject"]
        pump = Pump(world.ledger, "tinh", drop.connector, world.clock.now_ms, lambda: 0.5)
        rows = outbox.due(world.ledger.store, "tinh", 30)
        if world.random.random() < 0.5:
            # Killed between the file and the note of it: the same rows come again.
            letters = [_letter(row) for row in rows]
            await drop.connector.send(letters)
        await pump.step()
    while world.waiting():
        await pump.step()
    found = taken(drop)
    assert set(found) == set(told)
    for subject in set(told.values()):
        numbers = [one["number"] for one in found.values() if one["subject"] == subject]
        assert numbers == sorted(numbers)


def _letter(row):
    body = json.loads(row["body_json"])
    return Letter(row["number"], row["key"], row["kind"], row["subject"], row["at_ms"], body)


async def test_a_file_cut_anywhere_or_changed_in_one_bit_is_not_read(tmp_path):
    drop, chance = Drop(tmp_path), random.Random(5)
    line = json.dumps({"supply": "f1", "kind": "directive", "title": "Trực ban"})
    data = (line + "\n").encode() * 3
    drop.send("001.jsonl", data)
    path = tmp_path / "in" / "001.jsonl"
    flipped = bytearray(data)
    flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    cuts = [data[: chance.randrange(len(data))] for _ in range(20)]
    for broken in (*cuts, bytes(flipped), data + b"\n", b""):
        path.write_bytes(broken)
        with pytest.raises(Trouble) as caught:
            await drop.connector.pull("")
        assert caught.value.code == "mirror.unsigned"
    signature = path.with_name("001.jsonl.sig")
    kept = signature.read_bytes()
    path.write_bytes(data)
    for broken in (b"", b"{", b"[]", b'{"signature": 7}', b'{"signature": "zz"}', b"[" * 9999):
        signature.write_bytes(broken)
        with pytest.raises(Trouble):
            await drop.connector.pull("")
    signature.unlink()
    with pytest.raises(Trouble):
        await drop.connector.pull("")
    signature.write_bytes(kept)
    page = await drop.connector.pull("")
    assert [one.supply for one in page.directives] == ["f1"] * 3
    assert (await drop.connector.pull(page.cursor)).directives == []


async def test_a_hubs_own_file_is_no_directive_of_the_province(tmp_path):
    drop = Drop(tmp_path)
    data = json.dumps({"supply": "f1", "kind": "directive", "title": "x"}).encode()
    await drop.connector.send([_letter(_row("k1"))])
    (path,) = (tmp_path / "out").glob("*.jsonl")
    for name in (path.name, path.name + ".sig"):
        (tmp_path / "in" / name).write_bytes((tmp_path / "out" / name).read_bytes())
    with pytest.raises(Trouble):
        await drop.connector.pull("")
    drop.send("zzz.jsonl", data, key=drop.hub)
    with pytest.raises(Trouble):
        await drop.connector.pull(path.name)


def _row(key):
    body = json.dumps({"node": "loa-1", "title": "t"})
    return {"number": 1, "key": key, "kind": "play", "subject": "play/loa-1", "at_ms": NOW_MS,
            "body_json": body}  # fmt: skip


async def test_media_on_a_stick_go_on_where_they_were_cut_and_a_replay_counts_once(
    tmp_path, services
):
    drop = Drop(tmp_path / "stick")
    sound = random.Random(1).randbytes(3 * pull.SLICE + 7)
    draft = services.config.work
    name = sha256(sound).hexdigest()
    media = {"url": "in/media/" + name, "sha256": name, "length": len(sound)}
    one = {"supply": "f1", "kind": "bulletin", "class": "normal", "title": "Từ USB",
           "areas": [{"code": COMMUNE}], "media": media}  # fmt: skip
    drop.send("001.jsonl", json.dumps(one).encode())
    drop.send("002.jsonl", json.dumps({**one, "title": "Lần hai"}).encode())
    file = tmp_path / "stick" / "in" / "media" / name
    file.write_bytes(sound[: pull.SLICE + 3])
    await services.ledger.write(lambda s: s.add("peers", peer_row(connector="file-drop")))
    puller = pull.Puller(services, "tinh", drop.connector, lambda: 0.5)
    lacking = await puller.step()
    assert lacking.code == "mirror.media", "the stick was pulled out while it was written"
    assert (draft / f"media-{name}").stat().st_size == pull.SLICE + 3
    file.write_bytes(sound)
    await puller.step()
    assert services.blobs.path(name).read_bytes() == sound
    rows = await services.ledger.read(lambda s: s.find("supplies"))
    assert [(row["title"], row["state"]) for row in rows] == [("Từ USB", "offered")]


LINE = st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["supply", "kind", "title", "areas", "media", "command", "x"]), inner
        )
    ),
    max_leaves=8,
).map(lambda one: json.dumps(one).encode())


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(LINE, max_size=6))
async def test_no_signed_line_breaks_the_reader(lines, tmp_path_factory):
    drop = Drop(tmp_path_factory.mktemp("drop"))
    data = b"\n".join(lines)
    drop.send("001.jsonl", data)
    page = await drop.connector.pull("")
    assert page.cursor == "001.jsonl" and len(page.directives) <= data.count(b"\n") + 9
    for one in page.directives:
        assert isinstance(one.supply, str) and isinstance(one.kind, str)
        json.dumps(one.body).encode()


async def test_a_huge_line_and_a_huge_file_are_bounded(tmp_path, monkeypatch):
    drop = Drop(tmp_path)
    long_line = json.dumps({"supply": "big", "kind": "directive", "title": "x" * 1_000_000})
    good = json.dumps({"supply": "good", "kind": "directive", "title": "x"})
    drop.send("001.jsonl", f"{long_line}\n{'9' * 100_000}\n{good}\n".encode())
    page = await drop.connector.pull("")
    assert [(one.supply, one.body["title"]) for one in page.directives] == [
        ("big", None),
        ("good", "x"),
    ]
    monkeypatch.setattr(file_drop, "PEER_ANSWER_BYTES_MAX", 1000)
    with pytest.raises(Trouble) as caught:
        await drop.connector.pull("")
    assert caught.value.code == "mirror.unsigned"
    with pytest.raises(InvalidSignature):
        drop.hub.public_key().verify(b"\0" * 64, b"")
