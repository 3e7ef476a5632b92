"""Boards of DMX universes in virtual time: bytes, repetition, brightness, good-bye, faults."""

import asyncio

from hw.sim.clock import Clock
from hw.sim.datagrams import Datagrams
from hw.universe_board import UniverseBoard
from protocols import artnet, e131, universes
from protocols.errors import Fault

CID = bytes(range(16))


async def drive(clock, coroutine):
    task = asyncio.create_task(settle(coroutine))
    while not task.done():
        for _ in range(6):
            await asyncio.sleep(0)
        clock.advance(1)
    return await task


async def settle(coroutine):
    try:
        return await coroutine
    except Fault as fault:
        return fault.code


async def pass_ms(clock, duration_ms):
    for _ in range(duration_ms):
        for _ in range(6):
            await asyncio.sleep(0)
        clock.advance(1)


def test_layout():
    assert universes.slots_for(1) == 512 and universes.slots_for(3) == 510
    assert universes.count(192, 64, 1) == 24 and universes.count(600, 400, 3) == 1412
    rows = [bytes((1, 2, 3, 4)), bytes((5, 6, 7, 255))]
    assert universes.split(rows, 1, 256) == [bytes((1, 2, 3, 4, 5, 6, 7, 255))]
    assert universes.split(rows, 1, 128) == [bytes((0, 1, 1, 2, 2, 3, 3, 127))]
    assert [len(u) for u in universes.split([bytes(600)] * 2, 3, 256)] == [510, 510, 180]


def test_art_dmx_bytes():
    sender = artnet.Sender()
    packet = sender.data(0x123, b"\x07\x08\x09")
    # The specification's table: id, opcode low first, version, sequence, physical, sub-universe,
    # net, length high first; an odd length is padded.
    expected = b"Art-Net\0\x00\x50\x00\x0e\x01\x00\x23\x01\x00\x04\x07\x08\x09\x00"
    assert packet == expected
    for _ in range(254):
        packet = sender.data(0x123, b"\x07\x08")
    assert packet[12] == 255 and sender.data(0x123, b"\x07\x08")[12] == 1
    assert artnet.poll() == b"Art-Net\0\x00\x20\x00\x0e\x00\x00"
    assert artnet.is_poll_reply(b"Art-Net\0\x00\x21" + bytes(229))
    assert not artnet.is_poll_reply(artnet.poll()) and not artnet.is_poll_reply(b"")


def test_frames_are_repeated_until_good_bye():
    async def scene():
        clock = Clock()
        wire = Datagrams(clock)
        sender = e131.Sender(CID, "chieng", sync_universe=9)
        board = UniverseBoard(sender, wire, clock, (512, 2, 1), first_universe=5)
        rows = [bytes([i % 256 for i in range(512)]), bytes([7] * 512)]
        await board.show(rows)
        assert [(host, port) for _, host, port in wire.sent] == [
            ("239.255.0.5", 5568),
            ("239.255.0.6", 5568),
            ("239.255.0.9", 5568),
        ]
        assert wire.sent[0][0][126:] == rows[0] and wire.sent[1][0][126:] == rows[1]
        await board.set_brightness(50)
        await pass_ms(clock, 950)
        assert len(wire.sent) == 6
        assert wire.sent[4][0][126:] == bytes([3] * 512) and wire.sent[4][0][111] == 1
        await board.close()
        await pass_ms(clock, 2000)
        assert len(wire.sent) == 6 + 3 + 9 and not wire.is_open
        assert wire.sent[6][0][126:] == bytes(512)
        assert [p[0][112] for p in wire.sent[9:11]] == [64, 64]
        await board.show(rows)
        assert wire.sent[-3][0][126:] == bytes([i * 128 >> 8 for i in rows[0]])
        await board.close()

    asyncio.run(scene())


def test_a_network_that_comes_back_gets_the_picture():
    async def scene():
        clock = Clock()
        wire = Datagrams(clock)
        board = UniverseBoard(artnet.Sender(), wire, clock, (4, 1, 1), host="10.0.0.9")
        wire.up = False
        assert await settle(board.show([b"abcd"])) == "network.down"
        await pass_ms(clock, 1000)
        assert board.last_fault.code == "network.down"
        wire.up = True
        await pass_ms(clock, 1000)
        assert board.last_fault is None and wire.sent[-1][0][18:] == b"abcd"
        assert wire.sent[-1][1:] == ("10.0.0.9", 6454)
        assert await settle(board.show([b"abc"])) == "board.size"
        await board.close()

    asyncio.run(scene())


def test_presence():
    async def scene():
        clock = Clock()
        wire = Datagrams(clock)
        board = UniverseBoard(artnet.Sender(), wire, clock, (4, 1, 1), host="10.0.0.9")
        assert await drive(clock, board.present()) is False
        assert len(wire.sent) == 3
        wire.feed(b"noise")
        wire.feed(b"Art-Net\0\x00\x21" + bytes(229))
        assert await drive(clock, board.present()) is True
        silent = UniverseBoard(e131.Sender(CID, "c"), wire, clock, (4, 1, 1))
        assert await silent.present() is None and await silent.read_back() is None

    asyncio.run(scene())
