"""A stick, as a hub writes it for a unit, and a node with a port for it."""

from edge.journal_book import JournalBook
from edge.journal_store import JournalStore
from edge.pack_ingest import PackIngest
from edge.stick_records import Pen, StickRecords
from edge.stick_task import Desk, StickTask
from hub.repository.packing import Packer, stick_wish
from hw.linux.verifier import Verifier
from hw.sim.entropy import Entropy
from hw.sim.identity import Identity
from hw.sim.indicator import Indicator
from hw.sim.storage import Storage
from protocols import stick as layout
from tests.edge.node_world import COMMUNE, NODE, Node, put
from tests.portable.manifests import MIDNIGHT_MS


def pack_of(province, folder, unit=COMMUNE, now_ms=MIDNIGHT_MS):
    """Return the bytes of a stick's pack of a unit."""
    folder.mkdir(exist_ok=True)
    for sha256, data in province.blobs.items():
        (folder / sha256).write_bytes(data)
    packer = Packer(province.world.repository.layout, lambda sha256: folder / sha256)
    return b"".join(packer.choose(unit, 0, 0, stick_wish(now_ms)).pieces())


def members(data):
    """Return (name, offset of the head, offset behind the padding) of every member of a pack."""
    found, at = [], 0
    while data[at : at + 512] != bytes(512):
        length = int(data[at + 124 : at + 135], 8)
        end = at + 512 + length + -length % 512
        found.append((data[at : at + 100].rstrip(b"\0").decode(), at, end))
        at = end
    return found


def stick(pack=None, unit=COMMUNE, marked=True, written_s=1_800_000_000):
    """Return a stick that holds a pack."""
    made = Storage()
    if marked:
        put(made, layout.MARK, layout.build_mark(written_s))
    if pack is not None:
        put(made, layout.pack_name(unit), pack)
    return made


class StickNode(Node):
    """A whole node without any network, and a stick in its port."""

    def __init__(self, province, plugged, **fields):
        self.plugged = plugged
        Node.__init__(self, province, **fields)
        self.link.is_down = True

    def boot(self):
        """Build the parts anew over the same storage; the stick is still there."""
        Node.boot(self)
        self.lamp = Indicator()
        self.journal = JournalStore(self.storage, NODE, Entropy(b"journal").random_bytes)
        self.journal.open()
        self.records = JournalBook(self.journal)
        self.identity = Identity(self.storage, Entropy(b"key"))
        self.carried = []
        pen = Pen(
            NODE,
            self.parts.hubs,
            self.identity,
            Entropy(b"nonce"),
            lambda: (self.clock.wall_ms(), "rtc", 1000),
            lambda *fact: self.carried.append(fact),
        )
        content = self.sync.content
        desk = Desk(
            content,
            PackIngest(self.parts, content, self.storage, Verifier()),
            StickRecords(self.journal, pen),
            self.lamp,
            self.sync.wake,
        )
        self.sticks = StickTask(self.parts, self.clock, [self.plugged], desk)

    def visible(self):
        """Return the names of everything a node may act on."""
        return sorted(
            name
            for name in self.storage.files
            if name.split("/")[0] in ("manifests", "candidates", "blobs", "pcm")
        )
