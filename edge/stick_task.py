"""Look after sticks: alerts and packs come in, the node's records go out, a lamp tells.

A stick is there when its mount point holds anything. What was done with it is remembered until it
is pulled; after a power cut all is looked at again, and only what is missing is done.
"""

from collections import namedtuple

from edge import state_file
from edge.content import Content, Parts
from edge.pack_ingest import PackIngest
from edge.stick_alerts import StickAlerts
from edge.stick_pack import StickPack
from edge.stick_records import StickRecords
from edge.supervisor import Task
from hw import ports
from protocols import stick as layout
from protocols.backoff import Backoff
from protocols.errors import Fault, RemoteFault, WorldFault
from protocols.limits import STICK_MARK_BYTES_MAX
from protocols.records import HEALTH

LOOK_MS = 3_000
# A stick that stays in its port gets what is new this often: flash on a stick wears, too.
RECORDS_MS = 600_000
_AGAIN_MS_MIN = 15_000
_AGAIN_MS_MAX = 300_000

Desk = namedtuple("Desk", ("content", "ingest", "records", "indicator", "wake"))
"""What works on sticks: `Content`, `PackIngest`, `StickRecords`, the lamp or None, and `wake()`,
called when a pack may have left something for the link to fetch."""


class _Visit:
    """What was done with the stick in one port since it was plugged in."""

    def __init__(self, stick: ports.Storage):
        self.stick = stick
        self.again = Backoff(0, _AGAIN_MS_MIN, _AGAIN_MS_MAX)
        self.pull()

    def pull(self) -> None:
        """Forget: the port is empty."""
        self.is_there = False
        self.pack: tuple[int, bytes] | None = None
        self.pack_ms = 0
        self.records: object = None
        self.records_ms = 0
        self.trouble: list[str] = []
        self.again.reset()


class StickTask(Task):
    """Serve every mount point of one node."""

    name = "stick"

    def __init__(self, parts: Parts, clock: ports.Clock, sticks: "list[ports.Storage]", desk: Desk):
        self._parts = parts
        self._clock = clock
        self._visits = [_Visit(stick) for stick in sticks]
        self._alerts = StickAlerts(parts)
        self._content: Content = desk.content
        self._ingest: PackIngest = desk.ingest
        self._records: StickRecords = desk.records
        self._indicator: ports.Indicator | None = desk.indicator
        self._wake = desk.wake
        self._unit: str = parts.config.place.unit

    async def run(self) -> None:
        """Look at every stick for ever."""
        while True:
            await self.look()
            await self._clock.sleep_ms(LOOK_MS)

    async def look(self) -> None:
        """Do what there is to do with every stick."""
        for visit in self._visits:
            try:
                names = visit.stick.names("")
                held = names + visit.stick.names(layout.PACKS[:-1])
            except Fault as fault:
                self._parts.faults.note("stick", fault)
                continue
            if held:
                visit.is_there = True
                await self._serve(visit, names)
            elif visit.is_there:
                visit.pull()
                self._parts.faults.keep_only("stick", [])
                self._show("off", 0)

    async def _serve(self, visit: _Visit, names: "list[str]") -> None:
        await self._alerts.look(visit.stick, names)
        mark = self._mark(visit, names)
        worked = False
        for name in [name for name in names if layout.is_handed(name)]:
            worked = await self._take_pack(visit, name, b"") or worked
        worked = await self._take_pack(visit, layout.pack_name(self._unit), mark or b"") or worked
        if mark is not None:
            worked = await self._write_records(visit) or worked
        if worked:
            self._show("trouble" if visit.trouble else "done", 100)

    def _mark(self, visit: _Visit, names: "list[str]") -> bytes | None:
        """Return the bytes that mark a stick as ours, or None."""
        if layout.MARK not in names:
            return None
        try:
            data = state_file.read(visit.stick, layout.MARK, STICK_MARK_BYTES_MAX)
            layout.read_mark(data or b"")
        except Fault as fault:
            self._parts.faults.note("stick", fault)
            return None
        return data

    async def _take_pack(self, visit: _Visit, name: str, mark: bytes) -> bool:
        """Take a pack as far as it is new; tells whether there was work."""
        try:
            size = visit.stick.size(name)
        except Fault as fault:
            self._parts.faults.note("stick", fault)
            return False
        if size is None or visit.pack == (size, mark):
            return False
        if self._clock.ticks_ms() < visit.pack_ms:
            return False
        self._show("working", 0)
        carrier = "cable" if layout.is_handed(name) else "stick"
        body: dict[str, object] = {"carrier": carrier, "unit": self._unit}
        try:
            async with self._content.turn:
                found = await self._ingest.ingest(StickPack(visit.stick, name), self._progress)
        except WorldFault as fault:
            # Pulled, or no room: it is taken up again where it stopped.
            visit.pack_ms = self._clock.ticks_ms() + visit.again.next_ms()
            self._note(visit, "stick.pack", fault)
            return True
        except RemoteFault as fault:
            self._note(visit, "stick.pack", fault)
            body.update(file=name, code=fault.code, message=fault.message[:200])
            self._parts.book.write(HEALTH, "refused", body)
        else:
            self._well(visit, "stick.pack")
            body.update(version=found.version, media=found.media, missing=found.missing)
            self._parts.book.write(HEALTH, "pack", body)
        if layout.is_handed(name):
            visit.stick.remove(name)
        else:
            visit.pack = (size, mark)
        self._wake()
        return True

    async def _write_records(self, visit: _Visit) -> bool:
        """Write what is not acknowledged; tells whether there was anything to write."""
        newest = self._records.newest()
        if newest == visit.records or self._clock.ticks_ms() < visit.records_ms:
            return False
        visit.records_ms = self._clock.ticks_ms() + RECORDS_MS
        self._show("working", 100)
        try:
            await self._records.write(visit.stick)
        except Fault as fault:
            self._note(visit, "stick.records", fault)
            return True
        visit.records = newest
        self._well(visit, "stick.records")
        return True

    def _progress(self, done_bytes: int, all_bytes: int) -> None:
        self._show("working", done_bytes * 100 // all_bytes if all_bytes else 100)

    def _note(self, visit: _Visit, place: str, fault: Fault) -> None:
        if place not in visit.trouble:
            visit.trouble.append(place)
        self._parts.faults.note(place, fault)

    def _well(self, visit: _Visit, place: str) -> None:
        if place in visit.trouble:
            visit.trouble.remove(place)
        self._parts.faults.clear(place)

    def _show(self, state: str, percent: int) -> None:
        if self._indicator is None:
            return
        try:
            self._indicator.show(state, percent)
            self._parts.faults.clear("indicator")
        except WorldFault as fault:
            self._parts.faults.note("indicator", fault)
