"""A real hub on a socket, a folder for a stick, and `chieng-tool stick` as a technician runs it."""

import asyncio
import io

from edge.records_task import RecordsTask, Ties
from hub import fleet
from hub.app import create_node_app
from hub.blobs import Blobs
from hub.config import Config
from hub.services import AnswerKeys, Services
from hub.serving import Listener
from hub.store_memory import MemoryLedger
from hw.linux.link import Link
from hw.linux.verifier import Verifier
from hw.sim.entropy import Entropy
from tests.edge.node_world import COMMUNE, NODE, Province
from tests.portable import manifests
from tools.console import Console
from tools.main import run

NOON_S = manifests.at_ms("12:00") // 1000


class StickDesk:
    """Found a province, serve it, and keep one stick."""

    def __init__(self, folder):
        self.province = Province(folder)
        self.usb = folder / "usb"
        self.usb.mkdir()
        self.now_s = manifests.MIDNIGHT_S + 600
        blobs = Blobs(folder / "blobs")
        config = Config(data=folder, now_ms=lambda: self.now_s * 1000)
        repository = self.province.world.repository
        keys = AnswerKeys(repository)
        self.services = Services(
            config, MemoryLedger(), blobs, repository, None, None, None, keys, None
        )
        self.listener = Listener(create_node_app(self.services))

    async def open(self):
        """Serve on a real socket."""
        await self.listener.start("127.0.0.1", 0)
        self.base = f"http://127.0.0.1:{self.listener.port}"
        row = {"unit": COMMUNE, "valid_from": "2025-07-01", "name": "Xã Thử", "kind": "commune"}
        await self.services.ledger.write(
            lambda store: fleet.add_unit(store, {**row, "parent": None}, "test", self.now_s)
        )
        return self

    async def register(self, node):
        """Register a node with the key it made."""
        form = fleet.NodeForm(NODE, COMMUNE, "Cụm 1", "speaker", node.identity.public_key())
        await self.services.ledger.write(lambda s: fleet.add_node(s, form, "test", self.now_s))

    def publish(self, value):
        """Publish a manifest, and let the hub hold its media."""
        for data in self.province.blobs.values():
            self.services.blobs.put_bytes(data)
        self.province.publish(value)

    async def tool(self, *words, language="en"):
        """Run `chieng-tool stick …`; return (code, what it printed)."""
        out = io.StringIO()
        console = Console(language, out, io.StringIO(), out)
        given = ["stick", *[str(word) for word in words], "--out", str(self.usb)]
        code = await asyncio.to_thread(run, given, console, self.now_s)
        return code, out.getvalue()

    async def write(self, *words):
        """Run `stick write` for the commune."""
        return await self.tool("write", "--hub", self.base, "--unit", COMMUNE, *words)

    async def collect(self, *words):
        """Run `stick collect`, at another name of the same hub."""
        base = self.base.replace("127.0.0.1", "localhost")
        return await self.tool("collect", "--hub", base, *words)

    async def stored(self, chain="plays"):
        """Return the sequences that the hub has of a chain."""
        rows = await self.services.ledger.read(lambda s: s.find("records", {"chain": chain}))
        return sorted(row["sequence"] for row in rows)

    async def faults(self):
        """Return [place, code] of the faults that the hub shows."""
        rows = await self.services.ledger.read(lambda s: s.find("faults", {}))
        return sorted([row["place"], row["code"]] for row in rows)

    def uplink(self, node, noted):
        """Return the task by which a node reaches this hub itself."""
        node.wire = Link()
        ties = Ties(
            lambda: (node.clock.wall_ms(), "network", 20),
            lambda *times: None,
            lambda place, error: noted.append(error),
            lambda place: None,
            lambda purpose: 1 << 20,
        )
        return RecordsTask(
            NODE,
            node.parts.hubs,
            node.journal,
            node.records,
            node.storage,
            node.wire,
            node.clock,
            node.identity,
            Verifier(),
            Entropy(b"uplink"),
            ties,
        )
