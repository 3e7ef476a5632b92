"""E1.31 packets: the same bytes as PyPI's sacn builds, and its receiver takes a whole board."""

import asyncio
import random

import pytest
import sacn
from hypothesis import given
from hypothesis import strategies as st
from sacn.messages.data_packet import DataPacket
from sacn.messages.sync_packet import SyncPacket

from hw.linux.clock import Clock
from hw.linux.datagrams import Datagrams
from hw.universe_board import UniverseBoard
from protocols import e131, universes
from protocols.errors import LocalFault

CID = bytes(range(16))


@given(
    st.integers(1, 63999),
    st.binary(min_size=1, max_size=512),
    st.integers(0, 200),
    st.integers(0, 63999),
    st.booleans(),
    st.integers(0, 600),
)
def test_the_same_bytes_as_sacn(universe, slots, priority, sync, terminated, count):
    sender = e131.Sender(CID, "Bản tin", priority=priority, sync_universe=sync)
    for _ in range(count % 3):
        sender.data(universe, slots)
    theirs = DataPacket(
        cid=tuple(CID),
        sourceName="Bản tin",
        universe=universe,
        dmxData=tuple(slots),
        priority=priority,
        sequence=count % 3,
        streamTerminated=terminated,
    )
    theirs.syncAddr = sync
    ours = sender.data(universe, slots, terminated)
    # sacn always sends 512 slots: where ours are fewer, only head and slots can be compared.
    if len(slots) == 512:
        assert ours == bytes(theirs.getBytes())
    assert DataPacket.make_data_packet(tuple(ours)).dmxData[: len(slots)] == tuple(slots)
    theirs_bytes = bytes(theirs.getBytes())
    assert ours[18:38] == theirs_bytes[18:38] and ours[40:115] == theirs_bytes[40:115]
    if sync:
        packet = SyncPacket(cid=tuple(CID), syncAddr=sync, sequence=0)
        assert sender.sync() == bytes(packet.getBytes())
    else:
        assert sender.sync() is None


async def test_a_receiver_takes_every_universe_and_the_good_bye():
    size = (192, 64, 1)
    rng = random.Random(5)
    rows = [bytes(rng.randrange(256) for _ in range(192)) for _ in range(64)]
    seen: dict[int, bytes] = {}
    gone: set[int] = set()
    receiver = sacn.sACNreceiver()
    for universe in range(1, 25):

        def keep(packet, universe=universe):
            seen[universe] = bytes(packet.dmxData)

        receiver.register_listener("universe", keep, universe=universe)

    def note(universe, changed):
        if changed == "timeout":
            gone.add(universe)

    receiver.register_listener("availability", note)
    receiver.start()
    sender = e131.Sender(CID, "chieng")
    board = UniverseBoard(sender, Datagrams(), Clock(), size, host="127.0.0.1")
    for _ in range(20):
        await board.show(rows)
        await asyncio.sleep(0.05)
        if len(seen) == 24:
            break
    expected = {i + 1: data for i, data in enumerate(universes.split(rows, 1, 256))}
    assert seen == expected
    await board.close()
    await asyncio.sleep(0.2)
    assert gone == set(range(1, 25))
    receiver.stop()


def test_impossible_settings_are_refused():
    for make in (
        lambda: e131.Sender(b"short", "chieng"),
        lambda: e131.Sender(CID, "x" * 64),
        lambda: e131.Sender(CID, "chieng", priority=201),
        lambda: e131.Sender(CID, "chieng").data(0, b"x"),
        lambda: e131.Sender(CID, "chieng").data(1, bytes(513)),
        lambda: UniverseBoard(
            e131.Sender(CID, "c"), Datagrams(), Clock(), (192, 64, 1), first_universe=63990
        ),
    ):
        with pytest.raises(LocalFault) as caught:
            make()
        assert caught.value.code == "config.board"
