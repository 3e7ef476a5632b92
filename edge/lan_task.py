"""Be a neighbour on the LAN: announce this node, hear others, and serve where that is allowed."""

from edge.content import Parts
from edge.neighbour_files import NeighbourFiles
from edge.neighbour_task import NeighbourTask
from edge.supervisor import Task
from hw import ports
from protocols import lan
from protocols.errors import Fault, WorldFault
from protocols.limits import NEIGHBOURS_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hw.announcer_port import Announcer

_AGAIN_MS = 60_000


class LanTask(Task):
    """Announce and listen on one interface; `kit` gives its address and its announcer."""

    name = "lan"

    def __init__(self, parts: Parts, clock: ports.Clock, kit: "object"):
        self._parts = parts
        self._lan = parts.config.lan
        self._unit: str = parts.config.place.unit
        self._clock = clock
        self._kit = kit
        self._announcer: Announcer | None = None

    def neighbours(self) -> "list[str]":
        """Return the base addresses of configured neighbours, then of those heard of."""
        found = list(self._lan.neighbours)
        heard = [] if self._announcer is None else self._announcer.found()
        for one in heard:
            is_one = one.role == lan.NODE and one.unit == self._unit and one.serves
            if is_one and one.base not in found:
                found.append(one.base)
        return found[:NEIGHBOURS_MAX]

    def where(self) -> "tuple[str, int]":
        """Return the address and port to serve on; raises `WorldFault("lan.address")`."""
        address = self._kit.lan_address(self._lan.interface)  # type: ignore[attr-defined]
        return address, self._lan.port

    async def run(self) -> None:
        """Announce for ever, where the configuration wants it."""
        while self._lan.finds:
            try:
                await self._announce()
            except Fault as fault:
                text = "nobody can be heard on the LAN: " + str(fault)
                remedy = "Check the LAN's interface and cable."
                self._parts.faults.note("lan.mdns", WorldFault("lan.mdns", text, remedy))
                await self._clock.sleep_ms(_AGAIN_MS)

    async def _announce(self) -> None:
        """Announce and listen while the address stands: a LAN's router may give another."""
        address = self.where()[0]
        announcer = self._kit.announcer(address)  # type: ignore[attr-defined]
        try:
            port = self._lan.port if self._lan.serves else 0
            words = lan.words(lan.NODE, self._unit, self._lan.serves)
            await announcer.open(self._parts.config.node, port, words)
            self._announcer = announcer
            self._parts.faults.clear("lan.mdns")
            while self.where()[0] == address:
                await self._clock.sleep_ms(_AGAIN_MS)
        finally:
            self._announcer = None
            await announcer.close()

    def tasks(self, storage: ports.Storage) -> "list[Task]":
        """Return this task, and the one that serves where neighbours may ask."""
        if not self._lan.serves:
            return [self]
        files = NeighbourFiles(storage)
        faults = self._parts.faults
        return [self, NeighbourTask(files, self._clock, faults, self._unit, self.where)]
