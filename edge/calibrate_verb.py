"""Learn an amplifier by a test tone: its draw off, silent and sounding, and its warm-up."""

import asyncio

from edge import calibration
from edge.calibration import Calibration
from hw import ports
from protocols import evidence
from protocols.errors import WorldFault
from protocols.limits import WARM_UP_MS_MAX
from protocols.tone import Tone

# The tone sounds long enough for the slowest amplifier, and for a meter that tells once a second.
TONE_MS = 20_000
_SETTLE_MS = 4_000
_LOOKS = 5
_LOOK_MS = 500
_HOLD_MS = 6_000
_GAIN_Q15 = 32767


async def run(
    amplifier: ports.Amplifier,
    audio: ports.AudioOut,
    clock: ports.Clock,
    storage: ports.Storage,
) -> str:
    """Calibrate, keep the result, and return it in words; amplifier and audio are closed after."""
    try:
        found = await calibrate(amplifier, audio, clock)
    finally:
        await amplifier.close()
        await audio.close()
    calibration.store(storage, found)
    return "calibrated: off %d mW, idle %d mW, tone %d mW, warm after %d ms" % found


async def calibrate(
    amplifier: ports.Amplifier, audio: ports.AudioOut, clock: ports.Clock
) -> Calibration:
    """Sound the tone and return what was learned.

    Nothing may play meanwhile. Raises `WorldFault`: `calibration.no_meter`,
    `calibration.not_heard` (the tone draws no power), and the faults of amplifier and audio. The
    amplifier is off afterwards.
    """
    await amplifier.open()
    try:
        await clock.sleep_ms(_SETTLE_MS)
        off = max(await _looks(amplifier, clock, None))
        sounding, warm_up_ms = await _sound(amplifier, audio, clock)
        await clock.sleep_ms(_LOOK_MS)
        await amplifier.renew(_HOLD_MS)
        await clock.sleep_ms(_SETTLE_MS // 2)
        idle = evidence.idle_milliwatts(await _looks(amplifier, clock, _HOLD_MS))
    finally:
        await amplifier.off()
    if sounding <= evidence.threshold_milliwatts(idle):
        text = "%d mW with the tone, %d mW without" % (sounding, idle)
        raise WorldFault("calibration.not_heard", text, "check volume, speaker line and horns")
    return Calibration(off, idle, sounding, warm_up_ms)


async def _sound(
    amplifier: ports.Amplifier, audio: ports.AudioOut, clock: ports.Clock
) -> "tuple[int, int]":
    """Return what the tone draws, and after how long from the relay it drew nine tenths of it."""
    await audio.open()
    tone: ports.Reader = Tone(TONE_MS)  # type: ignore[assignment]
    playing = asyncio.create_task(audio.play(tone, 0, None, _GAIN_Q15))
    await clock.sleep_ms(_LOOK_MS)
    started_ms = clock.ticks_ms()
    seen = []
    try:
        await amplifier.on(_HOLD_MS)
        while clock.ticks_ms() - started_ms < TONE_MS - 2 * _LOOK_MS:
            await clock.sleep_ms(_LOOK_MS)
            milliwatts = await _milliwatts(amplifier)
            seen.append((clock.ticks_ms() - started_ms, milliwatts))
            await amplifier.renew(_HOLD_MS)
    finally:
        await audio.stop(10)
        await playing
    full = seen[-1][1]
    reached = [after_ms for after_ms, milliwatts in seen if milliwatts * 10 >= full * 9]
    return full, min(reached[0], WARM_UP_MS_MAX)


async def _looks(
    amplifier: ports.Amplifier, clock: ports.Clock, hold_ms: int | None
) -> "list[int]":
    found = []
    for _ in range(_LOOKS):
        found.append(await _milliwatts(amplifier))
        if hold_ms is not None:
            await amplifier.renew(hold_ms)
        await clock.sleep_ms(_LOOK_MS)
    return found


async def _milliwatts(amplifier: ports.Amplifier) -> int:
    observed = await amplifier.observe()
    if "milliwatts" not in observed:
        for fault in amplifier.take_faults():
            raise fault
        remedy = "wire a meter and name its unit in the node's file"
        raise WorldFault("calibration.no_meter", "no meter tells the watts", remedy)
    return observed["milliwatts"]
