"""Who announces himself on a LAN is listed, and nonsense is not; on loopback, by real mDNS."""

import asyncio
import io
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from hub.announce import announced
from hw.linux.announcer import Announcer
from hw.sim import announcer as sim
from protocols import lan
from protocols.errors import Fault, RemoteFault
from protocols.limits import LAN_FOUND_MAX
from tools.console import Console
from tools.main import run

HERE = "127.0.0.1"


async def lie(zeroconf):
    """Announce what is none of ours under our service's name."""
    info = AsyncServiceInfo(
        lan.SERVICE,
        f"n-liar.{lan.SERVICE}",
        addresses=[b"\x7f\0\0\1"],
        port=80,
        properties={"role": "minister", "unit": "../../etc"},
        server="n-liar.local.",
    )
    await (await zeroconf.async_register_service(info))


async def seen(announcer):
    async with asyncio.timeout(20):
        while not announcer.found():
            await asyncio.sleep(0.05)
    return announcer.found()


def test_hub_and_node_are_listed_and_a_liar_is_not():
    async def scene():
        first, liar = Announcer(HERE), AsyncZeroconf(interfaces=[HERE])
        async with announced(HERE, 8080):
            await first.open("n-1", 8473, lan.words(lan.NODE, "03.k7f2", True))
            await lie(liar)
            (hub,) = await seen(first)
            out = io.StringIO()
            words = ["lan", "list", "--json", "--address", HERE, "--seconds", "1.5"]
            await asyncio.to_thread(run, words, Console("vi", out))
            await first.close()
            await liar.async_close()
        return hub, [json.loads(line) for line in out.getvalue().splitlines()]

    hub, listed = asyncio.run(scene())
    assert (hub.role, hub.base) == ("hub", "http://127.0.0.1:8080")
    assert [one["name"] for one in listed] == [hub.name, "n-1"]
    assert listed[1]["base"] == "http://127.0.0.1:8473" and listed[1]["serves"] is True


def test_an_address_that_is_not_here_is_a_fault():
    async def scene():
        await Announcer("192.0.2.9").open("n-1", 1, {})

    with pytest.raises(Fault) as caught:
        asyncio.run(scene())
    assert caught.value.code == "lan.mdns"


def test_the_simulators_air_is_bounded():
    async def scene():
        air = sim.Air()
        for number in range(2 * LAN_FOUND_MAX):
            await sim.Announcer(air, HERE).open(f"n-{number}", 1, lan.words(lan.NODE))
        listener = sim.Announcer(air, HERE)
        await listener.open("n-0", 0, {})
        return listener.found()

    found = asyncio.run(scene())
    assert len(found) == LAN_FOUND_MAX and "n-0" not in [one.name for one in found]


@given(
    st.text(max_size=80),
    st.dictionaries(st.binary(max_size=20), st.none() | st.binary(max_size=300), max_size=5),
    st.sampled_from([[], [HERE]]),
    st.none() | st.integers(-1, 70000),
)
def test_whatever_is_announced_is_bounded_or_refused(name, said, addresses, port):
    said[b"role"] = b"node"
    try:
        found = lan.read(name, said, addresses, port)
    except RemoteFault as fault:
        assert fault.code == "neighbour.words"
        return
    assert set(found.name) <= set(string.ascii_lowercase + string.digits + "-.")
    assert found.base == f"http://{HERE}:{port}"
