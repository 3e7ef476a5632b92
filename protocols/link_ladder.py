"""Decide what to do about a modem that carries nothing: gently first, and never reboot the node.

Theory of operation. The way is *alive* while anything arrives over it: the hub's answer, or any
byte that the modem's interface counts. A hub that is away leaves a live way (its network refuses,
name servers answer), so nothing is done to the modem. A dead way is mended in rungs: attach anew,
reset the modem, cut the modem's power. After the last rung the ladder begins again, each time with
twice the pause, as a mast without power is not mended by a relay that clicks all night.
"""

from protocols.limits import LADDER_PAUSE_MS_MAX

RECONNECT = "reconnect"
RESET = "reset"
POWER = "power"
RUNGS = (RECONNECT, RESET, POWER)

# Masts hand over, operators clear sessions at night: most outages end by themselves in this time.
_FIRST_MS = 300_000
# A modem needs two minutes from reset to registration; the operator may bar fast re-attachers.
_BETWEEN_MS = 600_000


class Ladder:
    """Hold how far a dead way has been climbed; `rungs` are those that this node can do."""

    def __init__(self, now_ms: int, rungs: "tuple[str, ...]" = RUNGS):
        self._rungs = rungs
        self._next = 0
        self._rounds = 0
        self._due_ms = now_ms + _FIRST_MS

    @property
    def is_climbing(self) -> bool:
        """Tell whether something was done since the way was last alive."""
        return self._next > 0 or self._rounds > 0

    def alive(self, now_ms: int) -> bool:
        """Note that something arrived; tells whether the ladder was being climbed."""
        was_climbing = self.is_climbing
        self._next = self._rounds = 0
        self._due_ms = now_ms + _FIRST_MS
        return was_climbing

    def next_rung(self, now_ms: int) -> str:
        """Return what to do now, or ""; asked again, the next rung comes after its pause."""
        if now_ms < self._due_ms or not self._rungs:
            return ""
        rung = self._rungs[self._next]
        self._next += 1
        if self._next < len(self._rungs):
            self._due_ms = now_ms + _BETWEEN_MS
            return rung
        self._next = 0
        self._rounds = min(self._rounds + 1, 16)
        self._due_ms = now_ms + min(_BETWEEN_MS << self._rounds, LADDER_PAUSE_MS_MAX)
        return rung

    def deadline_ms(self) -> int:
        """Return when the next rung is due unless something arrives."""
        return self._due_ms
