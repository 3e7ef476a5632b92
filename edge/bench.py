"""Try the devices of a node that is being installed, and write down what was read.

Nothing is claimed that was not read: a check without its device is *absent*, not good. What a
person must judge (were three tones heard?) is a reading of its own.
"""

import asyncio
import hashlib

from hw import ports
from protocols.clock_trust import EARLIEST_MS
from protocols.enrolment import ABSENT, BAD, GOOD, Check
from protocols.errors import Fault

NAMES = ("relay", "meter", "tone", "line", "board", "modem", "clock", "place")
# Read-only ones, which a node in service may be asked for: they switch and sound nothing.
READ_ONLY = ("line", "modem", "clock")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hw.modem_port import Modem

_TONE_MS = 1_200
_LOOK_MS = 800
_HOLD_MS = 10_000
# A cold start under an open sky takes about 40 seconds.
_SATELLITE_LOOKS = 30
_SATELLITE_MS = 3_000
_LEVELS = (25, 50, 100)
# Addresses on the RS-485 line that are tried: boards leave the factory with 1.
_UNITS = (1, 2, 3, 4)
# One period of a 1 kHz sine at 16 kHz, a third of full scale (-10 dB).
_SINE = (0, 4180, 7723, 10091, 10922, 10091, 7723, 4180)


class Tone(ports.Reader):
    """A sine of 16 samples a period, so many samples long."""

    def __init__(self, samples: int):
        wave = b""
        for value in _SINE + tuple([-one for one in _SINE]):
            wave += bytes((value & 255, value >> 8 & 255))
        self._wave = wave
        self._end = samples * 2
        self._at = 0

    def read(self, count: int) -> bytes:
        """Return up to `count` bytes; empty at the end."""
        count = min(count, self._end - self._at)
        first = self._at % len(self._wave)
        data = (self._wave * (2 + (first + count) // len(self._wave)))[first : first + count]
        self._at += count
        return data

    def seek(self, position: int) -> None:
        """Continue at an absolute position."""
        self._at = min(position, self._end)

    def close(self) -> None:
        """Release nothing."""


class Bench:
    """Try the devices that `devices` describes (`audio`, `amplifier`, `board`), made by `kit`.

    `modem` are the settings of the box's own modem, or None; `pin` opens its SIM.
    """

    def __init__(
        self,
        kit: object,
        clock: ports.Clock,
        devices: "dict[str, object]",
        modem: object = None,
        pin: object = None,
    ):
        self._kit = kit
        self._clock = clock
        self._devices = devices
        self._modem_settings = modem
        self._pin = pin

    async def run(self, name: str) -> Check:
        """Try one thing of `NAMES`; a device that fails gives a bad check, never an error."""
        tries = {
            "relay": self._relay,
            "meter": self._meter,
            "tone": self._tone,
            "line": self._line,
            "board": self._board,
            "modem": self._modem,
            "place": self._place,
            "clock": self._time,
        }
        if name not in tries:
            return Check(name, ABSENT, {})
        try:
            return await tries[name]()
        except Fault:
            return Check(name, BAD, {})

    async def _relay(self) -> Check:
        if not self._devices.get("amplifier"):
            return Check("relay", ABSENT, {})
        amplifier = self._amplifier()
        readings = {}
        await amplifier.open()
        try:
            for name, wanted in (("coil_on", 1), ("coil_off", 0)):
                if wanted:
                    await amplifier.on(_HOLD_MS)
                else:
                    await amplifier.off()
                await self._clock.sleep_ms(_LOOK_MS)
                observed = await amplifier.observe()
                if "coil" in observed:
                    readings[name] = observed["coil"]
        finally:
            await amplifier.close()
        good = readings == {"coil_on": 1, "coil_off": 0}
        return Check("relay", GOOD if good else BAD, readings)

    async def _meter(self) -> Check:
        """Read what the amplifier draws off, and on in silence: the baseline of every later day."""
        if not self._devices.get("amplifier"):
            return Check("meter", ABSENT, {})
        amplifier = self._amplifier()
        readings: dict[str, int] = {}
        await amplifier.open()
        try:
            await self._clock.sleep_ms(_LOOK_MS)
            _keep(readings, "off_milliwatts", await amplifier.observe())
            await amplifier.on(_HOLD_MS)
            await self._clock.sleep_ms(4 * _LOOK_MS)
            _keep(readings, "idle_milliwatts", await amplifier.observe())
        finally:
            await amplifier.close()
        if not readings:
            return Check("meter", ABSENT, {})
        off, idle = readings.get("off_milliwatts", 0), readings.get("idle_milliwatts", 0)
        return Check("meter", GOOD if idle > off else BAD, readings)

    async def _tone(self) -> Check:
        if not self._devices.get("audio"):
            return Check("tone", ABSENT, {})
        audio = self._kit.audio(self._devices["audio"], self._clock)  # type: ignore[attr-defined]
        amplifier = self._amplifier() if self._devices.get("amplifier") else None
        readings: dict[str, int] = {}
        await audio.open()
        try:
            if amplifier is not None:
                await amplifier.open()
                await amplifier.on(_HOLD_MS * 3)
                await self._clock.sleep_ms(2 * _LOOK_MS)
            for percent in _LEVELS:
                await self._sound(audio, amplifier, percent, readings)
        finally:
            if amplifier is not None:
                await amplifier.close()
            await audio.close()
        return Check("tone", GOOD, readings)

    async def _sound(
        self,
        audio: ports.AudioOut,
        amplifier: "ports.Amplifier | None",
        percent: int,
        readings: "dict[str, int]",
    ) -> None:
        samples = audio.rate_hz * _TONE_MS // 1000
        playing = asyncio.create_task(audio.play(Tone(samples), 0, None, 32767 * percent // 100))
        await self._clock.sleep_ms(_LOOK_MS)
        if amplifier is not None:
            _keep(readings, "milliwatts_%d" % percent, await amplifier.observe())
        readings["samples_%d" % percent] = await playing

    async def _line(self) -> Check:
        if not self._devices.get("amplifier"):
            return Check("line", ABSENT, {})
        amplifier = self._amplifier()
        try:
            observed = await amplifier.observe()
        finally:
            await amplifier.close()
        if "line" not in observed:
            return Check("line", ABSENT, {})
        return Check("line", GOOD if observed["line"] else BAD, {"line": observed["line"]})

    async def _board(self) -> Check:
        if not self._devices.get("board"):
            return Check("board", ABSENT, {})
        board = self._kit.board(self._devices["board"], self._clock)  # type: ignore[attr-defined]
        width = board.width_px * board.channels
        rows = []
        for y in range(board.height_px):
            bright = 255 if y % 8 < 4 else 60
            rows.append(
                bytes([bright if (x // board.channels + y) % 16 < 8 else 0 for x in range(width)])
            )
        try:
            await board.show(rows)
            await self._clock.sleep_ms(_LOOK_MS)
            shown, present = await board.read_back(), await board.present()
        finally:
            await board.close()
        digest = hashlib.sha256()
        for row in rows:
            digest.update(row)
        if shown is None and present is None:
            return Check("board", GOOD, {"accepted": 1})
        good = present is not False and shown in (None, digest.digest())
        return Check("board", GOOD if good else BAD, {"read_back": 1 if shown is not None else 0})

    async def _modem(self) -> Check:
        modem = self._open_modem()
        if modem is None:
            return Check("modem", ABSENT, {})
        try:
            return modem_check(await self._pin.look(modem))  # type: ignore[attr-defined]
        finally:
            await modem.close()

    async def _place(self) -> Check:
        """Ask the modem's satellite receiver where this is, for as long as a cold start takes."""
        modem = self._open_modem()
        if modem is None:
            return Check("place", ABSENT, {})
        try:
            for _ in range(_SATELLITE_LOOKS):
                found = await modem.locate()
                if found is not None:
                    return Check("place", GOOD, {"latitude_e6": found[0], "longitude_e6": found[1]})
                await self._clock.sleep_ms(_SATELLITE_MS)
        finally:
            await modem.close()
        return Check("place", BAD, {})

    def _open_modem(self) -> "Modem | None":
        """Return the box's modem without the relay that cuts its power, or None."""
        given = self._modem_settings
        if not isinstance(given, dict):
            return None
        settings = {name: given[name] for name in given if not name.startswith("power_")}
        made: Modem = self._kit.modem(settings, self._clock, None)  # type: ignore[attr-defined]
        return made

    async def _time(self) -> Check:
        wall_ms = self._clock.wall_ms()
        if wall_ms is None or wall_ms < EARLIEST_MS:
            return Check("clock", BAD, {})
        return Check("clock", GOOD, {"wall_s": wall_ms // 1000})

    def _amplifier(self) -> ports.Amplifier:
        settings = self._devices["amplifier"]
        make = self._kit.amplifier  # type: ignore[attr-defined]
        made: ports.Amplifier = make(settings, self._clock)
        return made

    async def probe(self, candidates: "dict[str, object]") -> "dict[str, object]":
        """Return devices that answer, out of what this make of box may have.

        `candidates` holds lists of settings under `audio`, `amplifier` and `board`.
        """
        found: dict[str, object] = {}
        for settings in _listed(candidates, "amplifier"):
            answering = await self._find_amplifier(settings)
            if answering is not None:
                found["amplifier"] = answering
                break
        for kind in ("audio", "board"):
            for settings in _listed(candidates, kind):
                if await self._answers(kind, settings):
                    found[kind] = settings
                    break
        return found

    async def _find_amplifier(self, settings: "dict[str, object]") -> "dict[str, object] | None":
        """Return the settings with the units that answer as relay board and as meter."""
        relay = None
        for unit in _UNITS:
            tried = dict(settings)
            tried["relay_unit"] = unit
            if relay is None and "coil" in await self._observed(tried):
                relay = tried
        if relay is None:
            return None
        for unit in _UNITS:
            tried = dict(relay)
            tried["meter_unit"] = unit
            if unit != relay["relay_unit"] and "milliwatts" in await self._observed(tried):
                return tried
        return relay

    async def _observed(self, settings: "dict[str, object]") -> "dict[str, int]":
        amplifier = self._kit.amplifier(settings, self._clock)  # type: ignore[attr-defined]
        try:
            await amplifier.open()
            return await amplifier.observe()  # type: ignore[no-any-return]
        except Fault:
            return {}
        finally:
            await amplifier.close()

    async def _answers(self, kind: str, settings: "dict[str, object]") -> bool:
        try:
            if kind == "audio":
                audio = self._kit.audio(settings, self._clock)  # type: ignore[attr-defined]
                await audio.open()
                await audio.close()
                return True
            board = self._kit.board(settings, self._clock)  # type: ignore[attr-defined]
            present = await board.present()
            await board.close()
        except Fault:
            return False
        return present is not False


def modem_check(seen: "dict[str, object]") -> Check:
    """Return the check of what a modem told (`Modem.look`); nothing told is bad."""
    from protocols import at  # noqa: PLC0415 - few boards have a modem

    dbm, where = seen.get("signal_dbm"), seen.get("registration")
    readings = {"sim_ready": 1 if seen.get("sim") == at.READY else 0}
    readings["registered"] = 1 if where in (at.HOME, at.ROAMING) else 0
    if isinstance(dbm, int):
        readings["signal_dbm"] = dbm
    good = readings["registered"] == 1 and readings.get("signal_dbm", 0) >= at.WEAK_DBM
    return Check("modem", GOOD if good else BAD, readings)


def modem_in_service(node: "object") -> Check:
    """Return what an agent, which holds the modem's port, saw when it looked last."""
    watched = node.modem  # type: ignore[attr-defined]
    return Check("modem", ABSENT, {}) if watched is None else modem_check(watched.seen)


def _keep(readings: "dict[str, int]", name: str, observed: "dict[str, int]") -> None:
    if "milliwatts" in observed:
        readings[name] = observed["milliwatts"]


def _listed(candidates: "dict[str, object]", kind: str) -> "list[dict[str, object]]":
    found = candidates.get(kind)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
