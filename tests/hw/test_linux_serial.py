"""The serial port of Linux over a pty: every fault has a code, and the port comes back."""

import asyncio
import os
import signal
import time

import pytest

from hw.linux.serial import open_serial
from protocols.errors import WorldFault
from tools.demo_line import Line


@pytest.fixture
def ends():
    line = Line(115200)
    yield line
    for fd in line._masters + line._slaves:
        os.close(fd)


async def fault_of(action) -> str:
    with pytest.raises(WorldFault) as caught:
        await action
    assert caught.value.remedy
    return caught.value.code


async def test_bytes_cross_both_ways(ends):
    port = open_serial(ends.near, 115200)
    await port.open()
    await port.open()
    await port.write(b"\x00\x11\x13\xff\r\n")
    assert os.read(ends._masters[0], 100) == b"\x00\x11\x13\xff\r\n"
    os.write(ends._masters[0], b"\x03\x04\x1a")
    assert await port.read(2, 100) == b"\x03\x04"
    assert await port.read(9, 0) == b"\x1a"
    await port.close()


async def test_read_waits_no_longer_than_asked(ends):
    port = open_serial(ends.near, 115200)
    await port.open()
    started = time.monotonic()
    assert await port.read(10, 50) == b""
    assert 0.04 < time.monotonic() - started < 0.2
    asyncio.get_running_loop().call_later(0.02, os.write, ends._masters[0], b"ab")
    assert await port.read(10, 1000) == b"ab"
    await port.close()


async def test_missing_and_busy(ends, tmp_path):
    assert await fault_of(open_serial(str(tmp_path / "none"), 9600).open()) == "serial.missing"
    first, second = open_serial(ends.near, 9600), open_serial(ends.near, 9600)
    await first.open()
    assert await fault_of(second.open()) == "serial.busy"
    await first.close()
    await second.open()
    await second.close()


async def test_a_file_that_is_no_port(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert await fault_of(open_serial(str(path), 9600).open()) == "serial.missing"


def test_permission(ends, tmp_path):
    os.chmod(ends.near, 0)
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setuid(65534)
            code = asyncio.run(fault_of(open_serial(ends.near, 9600).open()))
            os._exit(0 if code == "serial.permission" else 1)
        finally:
            os._exit(2)
    # What forks beside threads may hang in a lock that one of them held.
    until = time.monotonic() + 20
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    assert ended == (child, 0)


async def test_unplugged_while_reading_and_while_writing(ends):
    port = open_serial(ends.near, 9600)
    await port.open()
    task = asyncio.create_task(port.read(10, 2000))
    await asyncio.sleep(0.02)
    master = ends._masters.pop(0)
    os.close(master)
    assert await fault_of(task) == "serial.lost"
    assert await fault_of(port.write(b"x")) == "serial.lost"
    await port.close()
    assert await fault_of(port.read(1, 10)) == "serial.lost"


async def test_a_peer_that_takes_nothing_is_lost(ends, monkeypatch):
    monkeypatch.setattr("hw.linux.serial._WRITE_MS_MAX", 50)
    port = open_serial(ends.near, 9600)
    await port.open()
    assert await fault_of(port.write(bytes(200000))) == "serial.lost"
    await port.close()
