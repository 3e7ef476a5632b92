"""Every amplifier is off at first, at the end, and whenever nobody renews."""

import asyncio
import contextlib

import pytest

from hw.linux.clock import Clock
from hw.relay_amplifier import RelayAmplifier, amplifier_settings
from hw.sim.amplifier import Amplifier as SimAmplifier
from protocols.errors import LocalFault
from tests.hw.modbus_rig import rig


@contextlib.asynccontextmanager
async def relay():
    async with rig() as r:
        numbers = amplifier_settings(idle_milliwatts=8000)
        yield RelayAmplifier(r.relay, r.meter, r.clock, numbers)


@contextlib.asynccontextmanager
async def sim():
    yield SimAmplifier(Clock(), None)


both = pytest.mark.parametrize("make", [relay, sim])


@both
async def test_off_on_off(make):
    async with make() as amplifier:
        await amplifier.open()
        assert (await amplifier.observe())["coil"] == 0
        await amplifier.on(5000)
        observed = await amplifier.observe()
        assert (observed["accepted"], observed["coil"], observed["milliwatts"]) == (1, 1, 8000)
        assert observed["idle_milliwatts"] == 8000 and "line" not in observed
        await amplifier.off()
        assert (await amplifier.observe())["milliwatts"] == 0
        await amplifier.on(5000)
        await amplifier.close()
        assert (await amplifier.observe())["coil"] == 0


@both
async def test_renewal_holds_and_its_end_lets_go(make):
    async with make() as amplifier:
        await amplifier.open()
        with pytest.raises(LocalFault) as caught:
            await amplifier.renew(1000)
        assert caught.value.code == "amplifier.not_on"
        await amplifier.on(500)
        for _ in range(6):
            await asyncio.sleep(0.1)
            await amplifier.renew(500)
            assert (await amplifier.observe())["coil"] == 1
        await asyncio.sleep(0.8)
        assert (await amplifier.observe())["coil"] == 0
