"""Look at a modem by AT on its secondary port, and mend it; another program connects it.

Sources as in `protocols.at`. The relay that cuts the modem's power is wired normally closed: a node
without power, hung or dead leaves the modem running.
"""

from hw.modem_port import Modem
from hw.ports import Clock, Serial
from hw.relay import Relay
from protocols import at, link_ladder
from protocols.errors import WorldFault
from protocols.limits import AT_LINE_BYTES_MAX

# The slowest commands that are used here (+CPIN=, +CFUN=) answer within this.
_TIMEOUT_MS = 5_000
_SLOW_MS = 30_000
# After a missed reply the line must be silent for so long before the next word is believed.
_SILENCE_MS = 1_000
_SETTLE_READS_MAX = 20
# Capacitors of a modem board hold it up for a second or two.
POWER_OFF_MS = 8_000

_RESETS = {"sim7600": "AT+CRESET", "ec25": "AT+CFUN=1,1"}
_NETWORKS = {"sim7600": "AT+CPSI?", "ec25": "AT+QNWINFO"}
_SATELLITES = {"sim7600": ("AT+CGPS=1", "AT+CGPSINFO"), "ec25": ("AT+QGPS=1", "AT+QGPSLOC=2")}
KINDS = ("ec25", "sim7600")
_CONTEXT = 1


class AtModem(Modem):
    """Speak to one modem; `kind` is one of `KINDS`, `power` cuts its supply while it is on."""

    def __init__(self, port: Serial, clock: Clock, kind: str, power: "Relay | None" = None):
        self._port = port
        self._clock = clock
        self._kind = kind
        self._power = power
        self._is_open = False
        self._is_settled = False

    def rungs(self) -> "tuple[str, ...]":
        """Return all rungs, the last only with a relay."""
        return link_ladder.RUNGS if self._power is not None else link_ladder.RUNGS[:2]

    async def look(self) -> "dict[str, object]":
        """Return what the modem tells; raises `modem.silent`, `serial.*`, `at.oversize`."""
        await self._ask("AT")
        event = await self._exchange("AT+CPIN?", _TIMEOUT_MS)
        sim = at.sim(event)
        if sim is None:
            assert isinstance(event, at.Failed)
            raise event.fault
        found: dict[str, object] = {"sim": sim}
        if sim != at.READY:
            return found
        dbm = at.signal_dbm(await self._ask("AT+CSQ"))
        if dbm is not None:
            found["signal_dbm"] = dbm
        registration = await self._registration()
        if registration is not None:
            found["registration"] = registration
        operator = at.operator(await self._told("AT+COPS?"))
        if operator:
            found["operator"] = operator
        technology = at.technology(await self._told(_NETWORKS[self._kind]))
        if technology:
            found["technology"] = technology
        return found

    async def unlock(self, pin: str) -> None:
        """Give the SIM its PIN, once; a third wrong one would lock it."""
        await self._ask('AT+CPIN="' + pin + '"', _SLOW_MS)

    async def set_apn(self, apn: str) -> bool:
        """Set the APN of context 1, which is also the one of LTE's attach."""
        if at.context_apn(await self._ask("AT+CGDCONT?"), _CONTEXT) == apn:
            return False
        await self._ask('AT+CGDCONT=%d,"IP","%s"' % (_CONTEXT, apn))
        return True

    async def locate(self) -> "tuple[int, int] | None":
        """Switch the receiver on (refused when it is on) and return what it tells."""
        begin, ask = _SATELLITES[self._kind]
        await self._told(begin)
        return at.position_e6(await self._told(ask))

    async def mend(self, rung: str) -> None:
        """Do one rung of the ladder."""
        if rung == link_ladder.RECONNECT:
            await self._ask("AT+CGATT=0", _SLOW_MS)
            await self._ask("AT+CGATT=1", _SLOW_MS)
        elif rung == link_ladder.RESET:
            await self._ask(_RESETS[self._kind], _SLOW_MS)
            await self._drop()
        elif rung == link_ladder.POWER and self._power is not None:
            try:
                # A board with a timer of its own gives the power back even without us.
                await self._power.on(POWER_OFF_MS)
                await self._clock.sleep_ms(POWER_OFF_MS)
            finally:
                await self._power.off()
            await self._drop()

    async def close(self) -> None:
        """Release line and relay; the modem keeps its power."""
        await self._drop()
        if self._power is not None:
            await self._power.off()
            await self._power.close()

    async def _registration(self) -> "str | None":
        """Return the best of what LTE, packet and circuit services say."""
        found = []
        for name in ("+CEREG", "+CGREG", "+CREG"):
            found.append(at.registration(await self._told("AT" + name + "?"), name))
        for state in (at.HOME, at.ROAMING, at.DENIED, at.SEARCHING, at.NONE):
            if state in found:
                return state
        return None

    async def _told(self, command: str) -> "list[str]":
        """Return the lines of a reply; none when this modem refuses to tell."""
        event = await self._exchange(command, _TIMEOUT_MS)
        if isinstance(event, at.Failed):
            if event.fault.code != "at.error":
                raise event.fault
            return []
        return list(event.lines)

    async def _ask(self, command: str, timeout_ms: int = _TIMEOUT_MS) -> "list[str]":
        event = await self._exchange(command, timeout_ms)
        if isinstance(event, at.Failed):
            raise event.fault
        return list(event.lines)

    async def _exchange(self, command: str, timeout_ms: int) -> "at.Done | at.Failed":
        try:
            if not self._is_open:
                await self._port.open()
                self._is_open, self._is_settled = True, False
            await self._settle()
            self._is_settled = False
            exchange = at.Exchange(command, self._clock.ticks_ms(), timeout_ms)
            await self._port.write(exchange.data_to_send())
            while exchange.next_event() is None:
                left_ms = exchange.deadline_ms() - self._clock.ticks_ms()
                data = await self._port.read(AT_LINE_BYTES_MAX, max(left_ms, 0))
                exchange.receive(data, self._clock.ticks_ms())
            event = exchange.next_event()
            assert event is not None
        except WorldFault:
            await self._drop()
            raise
        self._is_settled = isinstance(event, at.Done) or event.fault.code == "at.error"
        return event

    async def _settle(self) -> None:
        """Throw away what stands in the buffer; after a missed reply wait for silence, too."""
        wait_ms = 0 if self._is_settled else _SILENCE_MS
        for _ in range(_SETTLE_READS_MAX):
            if not await self._port.read(AT_LINE_BYTES_MAX, wait_ms):
                return
        text = "the modem's port never falls silent"
        raise WorldFault("modem.silent", text, "Name the AT port, not the one of the data or GPS.")

    async def _drop(self) -> None:
        self._is_open = False
        await self._port.close()
