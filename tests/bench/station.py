"""A province, its hub and one node in one process, in a network namespace whose bytes are counted.

`alone(module)` starts a module again under `unshare -rn`, where the loopback device has an MTU of
1500, sends one segment at a time and carries nothing else: /proc/net/dev then counts every byte of
both directions, IP and TCP heads and acknowledgements included.
"""

import asyncio
import contextlib
import datetime
import json
import os
import random
import shutil
import ssl
import sys
import time
from pathlib import Path

from aiohttp import web

from edge import config as configs
from edge.main import Node
from edge.sync_task import SyncTask
from hub.app import create_node_app
from hub.config import Config
from hub.services import open_hub
from hub.serving import Listener
from protocols import canonical, sync_session, wav
from tests.hub.repository_world import World
from tests.hw.http_servers import certificates

UNIT = "03.a"
# Ten minutes of Opus at 24 kbit/s: what a bulletin weighs on its way.
ITEM_BYTES = 1_800_000
_ALONE = "CHIENG_BENCH_ALONE"


def alone(module: str) -> None:
    """Run a module in a network namespace of its own; returns inside it, never outside."""
    if os.environ.get(_ALONE):
        return
    os.environ[_ALONE] = "1"
    link = "ip link set lo mtu 1500 gso_max_segs 1 up"
    # A root of its own where need be; rsync's daemon wants the real one.
    own = ["-n"] if os.getuid() == 0 else ["-rn"]
    start = ["sh", "-c", f'{link} && exec "$0" -um {module}', sys.executable]
    os.execvp("unshare", ["unshare", *own, *start])


def carried() -> int:
    """Return the IP bytes that the namespace's loopback has carried so far."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name.strip() == "lo":
            # Bytes sent; the loopback device counts packets without an Ethernet head.
            return int(rest.split()[8])
    raise OSError("no loopback device")


async def settled() -> int:
    """Return `carried` when it has stopped growing: late acknowledgements belong to what was."""
    before = -1
    while before != (now := carried()):
        before = now
        await asyncio.sleep(0.3)
    return now


def say(name: str, value: str, goal: str = "") -> None:
    """Print one line of a bench."""
    print(f"{name:<58}{value:>14}   {goal}", flush=True)


class Programme:
    """A commune's two weeks: one item a day, made of bytes that no packer can shorten."""

    def __init__(self, days: int, item_bytes: int = ITEM_BYTES):
        self.random = random.Random(4)
        self.item_bytes = item_bytes
        self.items: list[tuple[str, bytes]] = []
        self.version = 0
        for day in range(days):
            self.add(f"day-{day + 1:02}")

    def add(self, name: str) -> bytes:
        """Add an item and return its bytes."""
        samples = self.random.randbytes(self.item_bytes // 2 * 2)
        data = wav.head(16000, len(samples), 0) + samples
        self.items.append((name, data))
        return data

    def payload(self) -> int:
        """Return the bytes of all media."""
        return sum(len(data) for _, data in self.items)

    def manifest(self, put: "object") -> bytes:
        """Return the next version of the bundle; `put(data)` stores a medium, giving its hash."""
        self.version += 1
        now_s = int(time.time())
        today = datetime.date.fromtimestamp(now_s)
        items, rules = [], []
        for place, (name, data) in enumerate(self.items):
            day = (today + datetime.timedelta(days=1 + place % 13)).isoformat()
            rendition = {
                "profile": "pcm16",
                "media_type": "audio/wav",
                "sha256": put(data),  # type: ignore[operator]
                "length": len(data),
                "duration_ms": max(1, len(data) // 32),
            }
            fields = {"title": f"Bản tin {name}", "language": "vi-VN", "topic": "nông nghiệp"}
            items.append({"id": name, "class": "normal", "renditions": [rendition], **fields})
            slot = {"times": ["05:30"], "from": day, "until": day}
            rules.append({"id": f"rule-{name}", "items": [name], **slot})
        return canonical.encode(
            {
                **{"format": "chieng-bundle/1", "version": self.version, "unit": UNIT},
                **{"ancestors": ["00.prov"], "issued_s": now_s, "valid_from_s": now_s},
                **{"valid_until_s": now_s + 90 * 86400, "utc_offset_min": 420, "items": items},
                **{"rules": rules, "pages": [], "policy": {}, "fallback": []},
            }
        )


class Station:
    """Found a province under a folder, serve it, and give nodes."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.world = World(folder / "hub", int(time.time()))
        (folder / "hub/keys").mkdir()
        (folder / "hub/keys/online").symlink_to("../online")
        self.services, self._database = open_hub(Config(data=folder / "hub"))
        self._nodes = 0
        self.base = ""
        self.app: web.Application | None = None

    def publish(self, programme: Programme) -> None:
        """Sign and publish the programme with its media."""
        manifest = programme.manifest(lambda data: self.services.blobs.put_bytes(data).sha256)
        signers = self.world.approvers[UNIT][:1]
        outcome = self.services.repository.sign_bundle(UNIT, signers, manifest, int(time.time()))
        assert outcome.published

    @contextlib.asynccontextmanager
    async def serving(self, secure: bool = False):
        """Serve the nodes' endpoints."""
        self.app = create_node_app(self.services)
        listener = Listener(self.app)
        tls = None
        if secure:
            certificates(self.folder)
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        await listener.start("127.0.0.1", 0, tls)
        self.base = f"http{'s' if secure else ''}://localhost:{listener.port}"
        try:
            yield self.base
        finally:
            await listener.close()

    def config(self, base: str = "", **fields: object) -> Path:
        """Write a configuration for a new node and return its path."""
        self._nodes += 1
        folder = self.folder / f"node-{self._nodes}"
        folder.mkdir()
        value = {
            **{"node": f"node-{self._nodes}", "unit": UNIT, "kind": "speaker"},
            **{"hub": [base or self.base], "data": str(folder / "data"), "poll_s": 86400},
            "root": str(self.folder / "hub/repository/metadata/1.root.json"),
            "audio": {"kind": "wav", "path": str(folder / "heard.wav")},
            "events": False,
            **fields,
        }
        if (base or self.base).startswith("https"):
            value["tls_ca"] = str(self.folder / "ca.pem")
        path = folder / "node.json"
        path.write_text(json.dumps(value))
        return path

    def node(self, **fields: object) -> "SyncingNode":
        """Return a new node of which only the sync runs."""
        return SyncingNode(self.config(**fields))

    def close(self) -> None:
        """Close the hub's database and remove everything."""
        self._database.close()
        shutil.rmtree(self.folder)


class SyncingNode:
    """One node's real parts, with the sync task alone."""

    def __init__(self, path: Path):
        self.node = Node(configs.read(path.read_bytes()), False)
        tasks = self.node._tasks()
        self.sync = next(task for task in tasks if isinstance(task, SyncTask))
        self._running: asyncio.Task[None] | None = None

    def start(self) -> "SyncingNode":
        """Start the sync."""
        self.node.parts.manifests.load()
        self._running = asyncio.create_task(self.sync.run())
        return self

    def is_idle(self) -> bool:
        """Tell whether a check has ended and nothing is wanted."""
        session = self.sync._session
        is_due = session._due_ms <= self.node.clock.ticks_ms()
        return session.state == sync_session.IDLE and not is_due and not session.pending()

    async def until_idle(self) -> None:
        """Wait for the end of the cycle under way; raises AssertionError after five minutes."""
        deadline = time.monotonic() + 300
        while not self.is_idle():
            assert time.monotonic() < deadline, self.node.faults.open_faults()
            await asyncio.sleep(0.02)
        assert not self.node.faults.open_faults(), self.node.faults.open_faults()

    async def check(self) -> None:
        """Let the node check once."""
        self.sync.wake()
        await asyncio.sleep(0)
        await self.until_idle()

    async def hang_up(self) -> None:
        """Close the kept connections."""
        await self.node.link._behind.close()

    async def stop(self) -> None:
        """Stop the sync."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self.hang_up()


if __name__ == "__main__":
    print("used by the other benches")
