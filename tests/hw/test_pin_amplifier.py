"""An amplifier whose relay hangs on a pin: the node's own guard is the dead-man."""

import asyncio

import pytest

from hw.linux.clock import Clock
from hw.pin_amplifier import pin_amplifier
from hw.settings import Settings
from hw.sim.pins import InputPin, OutputPin
from protocols import evidence
from protocols.errors import WorldFault


def amplifier(**pins):
    given = Settings("amplifier", {"over_run_ms": 60000})
    made = [pins.get(name) for name in ("relay", "contactor", "line")]
    return pin_amplifier(given, *made, None, Clock())


async def test_on_observe_off_with_line_sense():
    relay, contactor, line = OutputPin(), OutputPin(), InputPin()
    made = amplifier(relay=relay, contactor=contactor, line=line)
    await made.open()
    await made.on(5000)
    assert (relay.level, contactor.level) == (1, 1)
    observed = await made.observe()
    assert observed == {"accepted": 1, "coil": 1, "line": 0}
    assert evidence.grade(observed) == evidence.COIL
    line.level = 1
    assert evidence.grade(await made.observe()) == evidence.SOUND
    await made.close()
    assert relay.level == 0 and made.take_faults() == []


async def test_a_hung_caller_is_cut():
    relay = OutputPin()
    made = amplifier(relay=relay)
    await made.on(100)
    await asyncio.sleep(0.05)
    await made.renew(100)
    await asyncio.sleep(0.07)
    assert relay.level == 1
    await asyncio.sleep(0.1)
    assert relay.level == 0


async def test_a_lost_chip_is_a_fault_and_comes_back():
    relay, line = OutputPin(), InputPin()
    made = amplifier(relay=relay, line=line)
    relay.lost = line.lost = True
    await made.open()
    assert [fault.code for fault in made.take_faults()] == ["gpio.missing"]
    with pytest.raises(WorldFault):
        await made.on(1000)
    relay.lost = False
    await made.on(1000)
    assert "line" not in await made.observe()
    assert [fault.code for fault in made.take_faults()] == ["gpio.missing"]
    await made.off()
    assert relay.level == 0
