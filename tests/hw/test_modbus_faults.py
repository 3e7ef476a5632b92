"""Ten thousand exchanges with pymodbus on a faulty line, in virtual time: none wrongly right."""

import random

import pytest

from tests.hw.test_modbus_bus import one_exchange
from tests.hw.virtual_line import VirtualRig

EXCHANGES = 10000


def spoiler(rng: random.Random, tally: dict[str, int]):
    """Return what corrupts, drops or delays 5 % of the frames of each direction."""

    def spoil(sending: bool, data: bytes) -> tuple[bytes, int]:
        if rng.random() >= 0.05:
            return data, 0
        kind = rng.choice(("corrupted", "dropped", "delayed"))
        tally[kind] += 1
        if kind == "dropped":
            return b"", 0
        if kind == "delayed":
            return data, rng.randrange(380 if sending else 100)
        changed = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            changed[rng.randrange(len(data))] ^= rng.randrange(1, 256)
        return bytes(changed), 0

    return spoil


async def run_faults(count: int, seed: int, **settings: int) -> tuple[dict[str, int], VirtualRig]:
    """Run exchanges, each judged against what the device really holds."""
    rng = random.Random(seed)
    names = ("right", "failed", "wrong", "corrupted", "dropped", "delayed")
    tally = dict.fromkeys(names, 0)
    r = VirtualRig(fails_max=1000000, **settings)
    # Question and answer may both be late; together they stay within the bus's `late_ms` of 500.
    r.line.spoil = spoiler(rng, tally)
    for _ in range(count):
        tally[await one_exchange(r, rng)] += 1
    for timer in r.devices.board._timers.values():
        timer.cancel()
    return tally, r


async def test_ten_thousand_exchanges_report_no_wrong_state_as_right():
    tally, _ = await run_faults(EXCHANGES, 20250711)
    assert tally["wrong"] == 0
    assert tally["right"] + tally["failed"] == EXCHANGES
    assert tally["right"] > EXCHANGES * 0.95
    assert min(tally["corrupted"], tally["dropped"], tally["delayed"]) > 200


async def test_without_settling_the_same_line_would_lie():
    """The check can fail: a bus that never waits takes late answers for those to new questions."""
    tally, _ = await run_faults(3000, 20250711, late_ms=1)
    assert tally["wrong"] > 0


@pytest.mark.parametrize("baud", [1200, 19200])
async def test_other_speeds(baud):
    tally, _ = await run_faults(300, 5, baud=baud)
    assert tally["wrong"] == 0 and tally["right"] > 250
