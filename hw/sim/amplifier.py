"""An amplifier in virtual time, with the faults that real ones have."""

from hw import ports
from hw.sim.audio import AudioOut
from protocols.errors import Fault, LocalFault, WorldFault

IDLE_MILLIWATTS = 8000
SPEECH_MILLIWATTS = 26000


class Amplifier(ports.Amplifier):
    """Fall off by itself when not renewed; draw power while the audio output sounds.

    Faults to set: `deaf` (the relay answers nothing), `dead` (no power is drawn), `welded` (the
    contact never opens), `metered` False (no meter). `switched` lists (ticks_ms, 0 or 1); a fall by
    the dead-man is added at the next command.
    """

    def __init__(self, clock: ports.Clock, audio: AudioOut | None):
        self._clock = clock
        self._audio = audio
        self._until_ms: int | None = None
        self._accepted = 0
        self.deaf = False
        self.dead = False
        self.welded = False
        self.metered = True
        self.switched: list[tuple[int, int]] = []
        self._source = ("", 0)

    async def open(self) -> None:
        """Switch off."""
        await self.off()

    async def close(self) -> None:
        """Switch off and disconnect."""
        self._source = ("", 0)
        await self.off()

    async def on(self, hold_ms: int) -> None:
        """Switch on until `hold_ms` from now; raises `WorldFault("modbus.silent")` when deaf."""
        self._hear()
        self._note(1)
        self._until_ms = self._clock.ticks_ms() + hold_ms

    async def renew(self, hold_ms: int) -> None:
        """Push the dead-man forward; raises `LocalFault("amplifier.not_on")`."""
        if self._until_ms is None:
            raise LocalFault("amplifier.not_on", "renew while off", "call on first")
        self._hear()
        self._note(1)
        self._until_ms = self._clock.ticks_ms() + hold_ms

    async def off(self) -> None:
        """Switch off; raises `WorldFault("modbus.silent")` when deaf."""
        self._hear()
        self._note(0)
        self._until_ms = None

    async def connect(self, source: str, hold_ms: int) -> None:
        """Let a line input through for a time."""
        self._hear()
        self._source = (source, self._clock.ticks_ms() + hold_ms)

    def source(self) -> str:
        """Return the line input that is let through now."""
        return self._source[0] if self._clock.ticks_ms() < self._source[1] else ""

    async def observe(self) -> dict[str, int]:
        """Return coil and power, as far as relay and meter answer."""
        observed = {"accepted": self._accepted, "idle_milliwatts": IDLE_MILLIWATTS}
        if not self.deaf:
            observed["coil"] = self.coil()
        if self.metered:
            observed["milliwatts"] = self._milliwatts()
        return observed

    def take_faults(self) -> list[Fault]:
        """Return what looks wrong now, as `hw.relay_amplifier` does."""
        faults: list[Fault] = []
        if self.deaf:
            faults.append(WorldFault("modbus.silent", "simulated relay", "check its wiring"))
        if self.welded and not self.coil():
            faults.append(WorldFault("amplifier.welded", "simulated relay", "replace the relay"))
        return faults

    def coil(self) -> int:
        """Return 1 while the relay is held."""
        return 1 if self._until_ms is not None and self._clock.ticks_ms() < self._until_ms else 0

    def _milliwatts(self) -> int:
        if self.dead or not (self.coil() or self.welded):
            return 0
        sounding = self._audio is not None and self._audio.is_sounding()
        sounding = sounding or self.source() != ""
        return SPEECH_MILLIWATTS if sounding else IDLE_MILLIWATTS

    def _hear(self) -> None:
        self._accepted = 0
        if self.deaf:
            raise WorldFault("modbus.silent", "simulated relay", "check its wiring")
        self._accepted = 1

    def _note(self, on: int) -> None:
        if self._until_ms is not None and not self.coil() and self.switched[-1][1]:
            self.switched.append((self._until_ms, 0))
        if not self.switched or self.switched[-1][1] != on:
            self.switched.append((self._clock.ticks_ms(), on))
