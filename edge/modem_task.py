"""Look at the modem once a minute, tell what it says, and climb the ladder when nothing arrives.

The decisions are `protocols.link_ladder`. Nothing here ever restarts the node: it plays on without
a link, and a restart would not bring one.
"""

from collections import namedtuple

from edge.book import Book
from edge.config import Sim
from edge.faults import Faults
from edge.sim_pin import SimPin
from edge.supervisor import Task
from hw import ports
from hw.modem_port import Modem
from protocols import at
from protocols.errors import Fault, WorldFault
from protocols.link_ladder import Ladder
from protocols.records import HEALTH

LOOK_MS = 60_000
# A modem searches for a minute after a reset, and loses its cell for a moment now and then.
_LOOKS = 5
_CHANGES = ("sim", "registration", "operator", "technology")

Ways = namedtuple("Ways", ("counters", "tell_ms"))
"""How to count what the modem's interface carried (received, sent), and how often to tell."""


class ModemTask(Task):
    """Watch one modem; `counters()` are those of its interface."""

    name = "modem"

    def __init__(
        self,
        modem: Modem,
        clock: ports.Clock,
        storage: ports.Storage,
        faults: Faults,
        book: Book,
        sim: Sim,
        ways: Ways,
    ):
        self._modem = modem
        self._clock = clock
        self._pin = SimPin(storage, sim.pin)
        self._faults = faults
        self._book = book
        self._sim = sim
        self._ways = ways
        self._ladder = Ladder(clock.ticks_ms(), modem.rungs())
        self._received = ways.counters()[0]
        self._heard_ms = clock.ticks_ms()
        # What the modem said when it was looked at last; empty while it says nothing.
        self.seen: dict[str, object] = {}
        self._told: dict[str, object] = {}
        self._tell_ms = 0
        self._wrong: dict[str, int] = {}
        self._is_apn_set = not sim.apn

    async def run(self) -> None:
        """Look and mend until cancelled."""
        while True:
            seen = await self._look()
            self.seen = {} if seen is None else seen
            if seen is not None:
                self._judge(seen)
                self._tell(seen)
            await self._climb()
            await self._clock.sleep_ms(LOOK_MS)

    async def make_safe(self) -> None:
        """Leave the modem powered and its port free."""
        await self._modem.close()

    async def _look(self) -> "dict[str, object] | None":
        """Return what the modem tells, after its PIN and APN where they are wanted."""
        try:
            seen = await self._pin.look(self._modem)
            if seen["sim"] == at.READY:
                if not self._is_apn_set and await self._modem.set_apn(self._sim.apn):
                    await self._modem.mend("reconnect")
                self._is_apn_set = True
        except Fault as fault:
            self._faults.note("modem.device", fault)
            return None
        self._faults.clear("modem.device")
        return seen

    def _judge(self, seen: "dict[str, object]") -> None:
        sim = str(seen["sim"])
        code, text, remedy = _SIM.get(sim, ("", "", ""))
        if code and not (sim == at.PIN and self._sim.pin):
            self._faults.note("modem.sim", WorldFault(code, text, remedy))
        elif code:
            self._faults.note("modem.sim", WorldFault("modem.sim_pin_refused", _REFUSED, _NEW_PIN))
        else:
            self._faults.clear("modem.sim")
        state = seen.get("registration")
        is_off = sim == at.READY and state not in (at.HOME, at.ROAMING)
        text = "the network refuses this SIM" if state == at.DENIED else "no network takes the SIM"
        self._state("modem.network", is_off, text, _NETWORK)
        dbm = seen.get("signal_dbm")
        is_weak = isinstance(dbm, int) and dbm < at.WEAK_DBM
        self._state("modem.weak", is_weak, "the signal is %s dBm" % dbm, _WEAK)

    def _state(self, code: str, is_wrong: bool, text: str, remedy: str) -> None:
        """Raise what lasts, clear what has gone."""
        count = self._wrong.get(code, 0) + 1 if is_wrong else 0
        self._wrong[code] = min(count, _LOOKS)
        if count >= _LOOKS:
            self._faults.note(code, WorldFault(code, text, remedy))
        elif not count:
            self._faults.clear(code)

    def _tell(self, seen: "dict[str, object]") -> None:
        now_ms = self._clock.ticks_ms()
        is_same = all([self._told.get(name) == seen.get(name) for name in _CHANGES])
        if is_same and now_ms < self._tell_ms:
            return
        self._tell_ms = now_ms + self._ways.tell_ms
        self._told = seen
        received, sent = self._ways.counters()
        body: dict[str, object] = {"received_bytes": received, "sent_bytes": sent}
        body.update(seen)
        self._book.write(HEALTH, "modem", body)

    async def _climb(self) -> None:
        """Take the next rung when nothing has arrived for long enough."""
        now_ms = self._clock.ticks_ms()
        received = self._ways.counters()[0]
        before, self._received = self._received, received
        # A modem that was reset counts from nothing again: that is no sign of life.
        if received > before:
            self._heard_ms = now_ms
            if self._ladder.alive(now_ms):
                self._faults.clear("modem.link")
            return
        rung = self._ladder.next_rung(now_ms)
        if not rung:
            return
        silent_ms = now_ms - self._heard_ms
        text = "nothing has arrived for %d minutes" % (silent_ms // 60_000)
        self._faults.note("modem.link", WorldFault("modem.link", text, _LINK))
        self._book.write(HEALTH, "modem-mend", {"rung": rung, "silent_ms": silent_ms})
        try:
            await self._modem.mend(rung)
        except Fault as fault:
            self._faults.note("modem.device", fault)


_NETWORK = "Check the SIM's subscription, the antenna and its plug."
_WEAK = "Point the antenna at the mast, put it higher, or take another operator."
_LINK = "It is mended by itself in steps; if it lasts, check SIM credit, antenna and modem."
_REFUSED = "the SIM refused the PIN that was given; it is not tried again"
_NEW_PIN = "Give the right PIN: two wrong ones more lock the SIM."
_SIM = {
    at.PIN: ("modem.sim_pin", "the SIM asks for a PIN", "Give its PIN, or switch the PIN off."),
    at.PUK: (
        "modem.sim_puk",
        "the SIM is locked and asks for its PUK",
        "Unlock it in a telephone.",
    ),
    at.ABSENT: ("modem.sim_absent", "no SIM is in the modem", "Put the SIM in, contacts down."),
    at.OTHER: ("modem.sim_other", "the SIM is not ready", "Look at it again in a minute."),
}
