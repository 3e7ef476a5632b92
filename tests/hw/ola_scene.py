"""Show pictures to OLA on another host; print what it received as JSON. Run by test_ola."""

import asyncio
import contextlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from hw.linux.clock import Clock
from hw.linux.datagrams import Datagrams
from hw.universe_board import UniverseBoard
from protocols import artnet, e131, universes
from tests.hw.two_hosts import far_host

SIZE = (192, 64, 1)
WEB = "http://10.7.0.2:9090/"
PLUGINS = (
    "artnet dmx4linux dummy e131 espnet ftdidmx gpio karate kinet milinst nanoleaf opendmx "
    "openpixelcontrol osc pathport renard sandnet shownet spi spidmx stageprofi uartdmx usbdmx "
    "usbserial"
).split()


@contextlib.contextmanager
def ola(prefix: list[str], plugin: str, lines: str) -> Iterator[None]:
    """Run olad, which refuses root, on host B with one plug-in."""
    folder = Path(tempfile.mkdtemp(prefix="ola-"))
    for name in PLUGINS:
        text = "enabled = true\n" + lines if name == plugin else "enabled = false\n"
        (folder / ("ola-%s.conf" % name)).write_text(text)
    shutil.chown(folder, "olad")
    for path in folder.iterdir():
        shutil.chown(path, "olad")
    command = ["setpriv", "--reuid=olad", "--regid=nogroup", "--clear-groups", "olad"]
    command += ["-c", str(folder), "-l", "0", "--no-register-with-dns-sd", "-i", "cable1"]
    process = subprocess.Popen([*prefix, *command], stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(WEB + "json/server_stats", timeout=1).close()
                break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def post(page: str, **fields: object) -> None:
    data = urllib.parse.urlencode(fields).encode()
    with urllib.request.urlopen(WEB + page, data, timeout=5) as answer:
        assert answer.status == 200


def received(universe: int) -> bytes:
    with urllib.request.urlopen(WEB + "get_dmx?u=%d" % universe, timeout=5) as answer:
        return bytes(json.load(answer)["dmx"])


def picture() -> list[bytes]:
    rng = random.Random(131)
    return [bytes(rng.randrange(256) for _ in range(SIZE[0])) for _ in range(SIZE[1])]


async def equal(expected: dict[int, bytes]) -> int:
    """Count universes that OLA holds byte for byte, waiting for the board's repetitions."""
    for _ in range(40):
        held = await asyncio.to_thread(lambda: {u: received(u) for u in expected})
        good = sum(held[u] == data for u, data in expected.items())
        if good == len(expected):
            return good
        await asyncio.sleep(0.05)
    return good


async def show_e131(prefix: list[str], host: str | None) -> int:
    rows = picture()
    sent = universes.split(rows, 1, 256)
    with ola(prefix, "e131", "input_ports = 80\n"):
        for i in range(len(sent)):
            post("new_universe", id=i + 1, name="u", add_ports="1-I-%d" % i)
        sender = e131.Sender(bytes(range(16)), "chieng")
        board = UniverseBoard(sender, Datagrams("10.7.0.1"), Clock(), SIZE, host=host)
        await board.show(rows)
        good = await equal({i + 1: data for i, data in enumerate(sent)})
        await board.close()
    return good


async def show_artnet(prefix: list[str]) -> tuple[int, list[bool | None]]:
    """Show all universes; OLA takes four of one sub-net at a time."""
    rows = picture()
    sent = universes.split(rows, 1, 256)
    sender = artnet.Sender(synchronised=True)
    board = UniverseBoard(
        sender, Datagrams("", artnet.PORT), Clock(), SIZE, first_universe=0, host="10.7.0.2"
    )
    present = []
    good = 0
    for subnet in (0, 1):
        with ola(prefix, "artnet", "subnet = %d\n" % subnet):
            present.append(await board.present())
            for first in range(subnet * 16, min(subnet * 16 + 16, len(sent)), 4):
                for port in range(4):
                    post("new_universe", id=first + port, name="u", add_ports="1-I-%d" % port)
                await board.show(rows)
                good += await equal({u: sent[u] for u in range(first, first + 4)})
                for port in range(4):
                    fields = {"name": "u", "merge_mode": "LTP", "remove_ports": "1-I-%d" % port}
                    post("modify_universe", id=first + port, **fields)
    await board.close()
    return good, present


async def main() -> None:
    with far_host() as prefix:
        # OLA joins a universe's group even for unicast, and drops it when Linux refuses the 21st.
        raise_limit = "echo 40 > /proc/sys/net/ipv4/igmp_max_memberships"
        subprocess.run([*prefix, "sh", "-c", raise_limit], check=True)
        result: dict[str, object] = {}
        if sys.argv[1] == "e131":
            result["unicast"] = await show_e131(prefix, "10.7.0.2")
            result["multicast"] = await show_e131(prefix, None)
        else:
            result["unicast"], result["present"] = await show_artnet(prefix)
        print(json.dumps(result))


if __name__ == "__main__":
    asyncio.run(main())
