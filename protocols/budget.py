"""Spend a SIM's bytes: bulk up to a share, ordinary traffic up to the reserve, alerts to the end.

A period (a month of a prepaid SIM) has a number of bytes; a reserve of it is for alerts alone. What
remains is spent evenly: a day may use what the days so far have left over, so that a big bulletin
early in the month does not silence the last week. Counters come from the interface, so that
everything counts, retransmissions included.
"""

from collections import namedtuple

ALERT = "alert"
CONTROL = "control"
BULK = "bulk"
PURPOSES = (ALERT, CONTROL, BULK)

DAY_MS = 86_400_000

Forecast = namedtuple("Forecast", ("spent_bytes", "expected_bytes", "lasts_days"))
"""What a period has used, what it will have used at its end at today's pace, and for how many more
days the bytes last (None while nothing is spent)."""


class Budget(
    namedtuple("Budget", ("period_bytes", "reserve_bytes", "period_days", "ahead_days", "sim"))
):
    """Hold one SIM's plan.

    `period_bytes` per `period_days`, of which `reserve_bytes` only alerts may use; bulk may run
    `ahead_days` days ahead of an even pace, so that a first sync is possible at all.
    `period_bytes` 0 means unlimited. `sim` is any name for the card: changed with the card, so
    that the new one's bytes are counted from nothing.
    """

    def allowed(self, purpose: str, spent_bytes: int, elapsed_ms: int) -> int:
        """Return how many more bytes may be spent for a purpose now (0: wait).

        `spent_bytes` and `elapsed_ms` count from the start of the period.
        """
        if not self.period_bytes:
            return 1 << 40
        ceiling = int(self.period_bytes)
        if purpose != ALERT:
            ceiling -= self.reserve_bytes
        if purpose == BULK:
            days = min(self.period_days, elapsed_ms // DAY_MS + 1 + self.ahead_days)
            ceiling = ceiling * days // self.period_days
        return max(0, ceiling - spent_bytes)

    def forecast(self, spent_bytes: int, elapsed_ms: int) -> Forecast:
        """Project the pace so far (at least one day of it) to the end of the period."""
        elapsed_ms = max(elapsed_ms, DAY_MS)
        expected = spent_bytes * self.period_days * DAY_MS // elapsed_ms
        if not spent_bytes or not self.period_bytes:
            return Forecast(spent_bytes, expected, None)
        left = max(0, self.period_bytes - spent_bytes)
        return Forecast(spent_bytes, expected, left * elapsed_ms // (spent_bytes * DAY_MS))


def _number(saved: "dict[str, object]", name: str) -> int:
    value = saved.get(name, 0)
    return value if isinstance(value, int) else 0


class Meter:
    """Count a period's bytes across reboots and counters that start anew.

    `saved` is what `export` gave before the reboot, or None. `sim` names the card that pays;
    another name than before starts at nothing. `leased_bytes` may be spent without being saved
    first: what a reboot finds leased counts as spent, so that no power cut forgets a byte.
    """

    def __init__(self, saved: "dict[str, object] | None" = None, sim: str = ""):
        if saved is None or saved.get("sim", "") != sim:
            saved = {}
        self.sim = sim
        self.started_ms = _number(saved, "started_ms")
        # Of what the interface counts next so much was charged already, if it counted on.
        self._charged_bytes = _number(saved, "leased_bytes")
        self.leased_bytes = 0
        self.spent_bytes = _number(saved, "spent_bytes") + self._charged_bytes
        self._counter_bytes = _number(saved, "counter_bytes")
        self._life = str(saved.get("life", ""))

    def export(self) -> "dict[str, object]":
        """Return what to persist."""
        return {
            "sim": self.sim,
            "started_ms": self.started_ms,
            "spent_bytes": self.spent_bytes,
            "counter_bytes": self._counter_bytes,
            "leased_bytes": self.leased_bytes,
            "life": self._life,
        }

    def read(self, counter_bytes: int, life: str = "") -> None:
        """Take the interface's counter (received + sent since it came up).

        Of another `life` than the last one ("": not known), or below that, it counts from 0: what
        others sent before this program ran may have carried a new life past the last count.
        """
        is_another = life != "" and self._life not in ("", life)
        if is_another or counter_bytes < self._counter_bytes:
            self._counter_bytes = self._charged_bytes = 0
        self._life = life or self._life
        fresh = counter_bytes - self._counter_bytes
        self.spent_bytes += max(0, fresh - self._charged_bytes)
        self._charged_bytes = 0
        self._counter_bytes = counter_bytes

    def roll_over(self, wall_ms: int, period_days: int) -> bool:
        """Start a new period when the old one is over; tells whether it did."""
        length_ms = period_days * DAY_MS
        if not self.started_ms:
            self.started_ms = wall_ms
            return True
        if wall_ms - self.started_ms < length_ms:
            return False
        self.started_ms += (wall_ms - self.started_ms) // length_ms * length_ms
        self.spent_bytes = 0
        return True
