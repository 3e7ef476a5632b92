"""A whole node on simulated devices, and a province's real repository that it reads in process.

Time is virtual: nothing moves but by `Node.pass_ms`, in steps of `STEP_MS`.
"""

import asyncio
import hashlib

from edge import config as configs
from edge.amplifier_task import AmplifierTask
from edge.blob_store import BlobStore
from edge.board_task import BoardTask
from edge.book import Book
from edge.content import Parts
from edge.event_log import EventLog
from edge.faults import Faults
from edge.feed import Feed
from edge.firmware_task import Calls, FirmwareTask
from edge.hub_link import HubLink
from edge.hubs import Hubs
from edge.manifests import Manifests
from edge.node_time import NodeTime
from edge.offline_alerts import OfflineAlerts
from edge.order_memory import OrderMemory
from edge.orders_task import Means, OrdersTask
from edge.playout_task import PlayoutTask
from edge.self_test import SelfTest
from edge.sim_budget import SimBudget
from edge.standing import Standing
from edge.status_task import StatusTask
from edge.supervisor import Supervisor
from edge.sync_task import SyncTask
from hw.linux.inflate import Inflate
from hw.linux.verifier import Verifier
from hw.sim.amplifier import Amplifier
from hw.sim.audio import AudioOut
from hw.sim.board import Board as Panel
from hw.sim.clock import Clock
from hw.sim.decoder import Decoder
from hw.sim.link import Link
from hw.sim.storage import Storage
from protocols import canonical, image, wav
from tests.edge.image_world import BOARD, Board, describe, pack
from tests.hub.repository_world import World
from tests.portable import manifests

COMMUNE, NEIGHBOUR, PROVINCE = "03.a", "03.b", "00.prov"
NODE = "node-1"
MIDNIGHT_S = manifests.MIDNIGHT_S
LATER_S = MIDNIGHT_S + 5 * 86400
STEP_MS = 50
_TURNS = 12


def wav_file(seconds, seed=1):
    """Return a WAV of so many seconds; another seed gives other bytes."""
    frames = bytes([seed % 256, seed // 256 % 64]) * (16000 * seconds)
    return wav.head(16000, len(frames), 0) + frames


class Province:
    """A founded province and what its hub serves; a test may put other answers in the way.

    `answers` maps the end of an address to bytes, to a status, or to a call of (headers).
    """

    def __init__(self, folder, now_s=MIDNIGHT_S):
        self.world = World(folder, now_s)
        self.root_folder = folder / "repository"
        self.now_s = now_s
        self.blobs = {}
        self.answers = {}
        self.rotten = set()

    @property
    def root(self):
        return (self.root_folder / "metadata/1.root.json").read_bytes()

    def put(self, data):
        """Offer a blob and return its hash."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.blobs[sha256] = data
        return sha256

    def sound(self, seconds, seed=1):
        """Return the rendition of a WAV that the hub has."""
        data = wav_file(seconds, seed)
        return {
            "profile": "pcm16",
            "media_type": "audio/wav",
            "sha256": self.put(data),
            "length": len(data),
            "duration_ms": seconds * 1000,
        }

    def publish(self, value):
        """Sign and publish a bundle or alerts given as a dict, unchecked by our own builders."""
        unit = value["unit"]
        self.publish_bytes(unit, canonical.encode(value), "alerts" in value)

    def publish_bytes(self, unit, data, are_alerts=False):
        repository, signers = self.world.repository, self.world.approvers[unit][:1]
        sign = repository.sign_alerts if are_alerts else repository.sign_bundle
        outcome = sign(unit, signers, data, self.now_s)
        assert outcome.published

    def publish_settings(self, value):
        data = canonical.encode(value)
        self.world.repository.sign_settings(COMMUNE, NODE, data, self.now_s)

    def publish_orders(self, *entries, sequence=1, node=NODE, **fields):
        """Sign orders (id, kind) with the hub's own key; a dict goes as it is."""
        orders = [
            one if isinstance(one, dict) else {"id": one[0], "kind": one[1], "expires_s": LATER_S}
            for one in entries
        ]
        value = {"format": "chieng-orders/1", "node": node, "unit": COMMUNE, "sequence": sequence}
        value.update(fields, orders=orders)
        data = canonical.encode(value)
        self.world.repository.sign_orders(COMMUNE, node, data, self.now_s)

    def publish_mandates(self, *nodes, sequence=1, unit=COMMUNE):
        """Sign mandates with an approver's key."""
        value = {"format": "chieng-mandates/1", "unit": unit, "sequence": sequence}
        data = canonical.encode(dict(value, nodes=list(nodes)))
        repository, signers = self.world.repository, self.world.approvers[unit][:1]
        assert repository.sign_mandates(unit, signers, data, self.now_s).published

    def publish_image(self, version, files):
        """Sign an image with the release key."""
        data = pack(files)
        self.put(data)
        manifest = image.build(describe(data, version, files))
        signers = self.world.founders.firmware
        assert self.world.repository.sign_firmware(BOARD, signers, manifest, self.now_s).published

    def serve(self, method, url, headers, body):
        """Answer as the hub does; see `hw.sim.link.Link`."""
        for ending, answer in self.answers.items():
            if url.endswith(ending):
                if callable(answer):
                    return answer(headers)
                return (answer, {}, b"") if isinstance(answer, int) else (200, {}, answer)
        parts = url.split("/")[4:]
        if parts[0] == "blobs":
            return self._blob(parts[1], headers)
        path = self.root_folder / "/".join(parts)
        if parts[0] == "units" and not path.exists():
            path = self.root_folder / "metadata" / parts[-1]
        return (200, {}, path.read_bytes()) if path.is_file() else (404, {}, b"absent")

    def _blob(self, sha256, headers):
        data = self.blobs.get(sha256)
        if data is None:
            return 404, {}, b"absent"
        if sha256 in self.rotten:
            data = bytes(len(data))
        first, last = (int(number) for number in headers["range"][6:].split("-"))
        span = "bytes %d-%d/%d" % (first, last, len(data))
        return 206, {"content-range": span}, data[first : last + 1]

    def news_bundle(self, version=1, clock="05:30", seconds=20, seed=1):
        """Return a bundle that plays `news` at a time of every day."""
        value = manifests.bundle(COMMUNE, [PROVINCE])
        item = manifests.item("news", 1)
        item["renditions"] = [self.sound(seconds, seed)]
        value.update(
            version=version,
            items=[item],
            rules=[manifests.rule("morning", ["news"], [clock])],
            pages=[],
            fallback=[],
        )
        return value

    def flood(self, name="flood", sent_s=None, seconds=5, seed=900, **fields):
        """Return an alert."""
        value = manifests.alert(name, 1, MIDNIGHT_S if sent_s is None else sent_s)
        value["renditions"] = [self.sound(seconds, seed)]
        value["maximum_age_s"] = 6 * 3600
        value.update(fields)
        return value


class Notes(Book):
    """Keep every fact in a list."""

    def __init__(self):
        self.facts = []

    def write(self, chain, kind, body):
        self.facts.append((chain, kind, body))

    def write_memo(self, chain, number, data):
        """Keep nothing: these are for what stays over a power cut."""

    def memo(self, chain):
        return 0, b""

    def find(self, kind, **fields):
        """Return the bodies of a kind that have these fields."""
        return [
            body
            for _, found, body in self.facts
            if found == kind and all(body.get(name) == value for name, value in fields.items())
        ]


class Node:
    """One node; what survives a power cut is its storage alone."""

    def __init__(self, province, *, storage=None, clock="05:00", kind="speaker", **fields):
        self.province = province
        self.storage = storage or Storage()
        self.clock = Clock(None if clock is None else manifests.at_ms(clock))
        self.link = Link(province.serve)
        self.provisioned = read_config(kind, **fields)
        if self.storage.size("metadata/root.json") is None:
            put(self.storage, "metadata/root.json", province.root)
        self.running = None
        self.slots = Board()
        self.boot()

    def boot(self):
        """Build the node's parts anew over the same storage."""
        self.book = Notes()
        self.log = EventLog(self.storage, self.clock)
        self.faults = Faults(self.book, self.log)
        self.standing = Standing(self.storage)
        self.config = self.standing.over(self.provisioned)
        unit = self.config.place.unit
        self.standing.drop_foreign_papers(unit)
        feed = Feed()
        self.time = NodeTime(self.clock, self.storage, feed, self.book, False)
        self.manifests = Manifests(self.storage, NODE, unit, BOARD)
        self.blobs = BlobStore(self.storage, Decoder())
        self.offline = OfflineAlerts(
            self.storage, Verifier(), self.time, self.faults, self.blobs, self.config.place
        )
        self.parts = Parts(
            self.config,
            self.time,
            feed,
            self.faults,
            self.book,
            self.manifests,
            self.blobs,
            self.offline,
            Hubs(self.config.hubs, self.storage, self.book, self.faults),
        )
        self.budget = SimBudget(self.config.budget, self.link, self.storage, self.time, self.faults)
        for path, fault in self.manifests.load():
            self.faults.note("sync." + path, fault)
        self.audio = AudioOut(self.clock)
        self.amplifier = Amplifier(self.clock, self.audio)
        self.keeper = AmplifierTask(self.amplifier, self.clock, self.faults, self.config.warm_up_ms)
        self.playout = PlayoutTask(self.parts, self.clock, self.storage, self.audio, self.keeper)
        self.panel = Panel(192, 64, 1)
        self.board = BoardTask(self.parts, self.clock, self.panel, Inflate())
        self.sync = SyncTask(
            self.parts, self.clock, self.storage, HubLink(self.link), Verifier(), self.budget
        )
        self.status = StatusTask(self.parts, self.clock, self.storage, self.budget)
        self._boot_errands()

    def _boot_errands(self):
        self.restarts = []
        test = SelfTest(self.parts, self.clock, self.keeper, self.audio, self.panel)
        memory = OrderMemory(self.storage)
        means = Means(self.standing, memory, self.log, test, self.restarts.append, True)
        self.orders = OrdersTask(self.parts, self.clock, means)
        self.passed = []
        calls = Calls(
            self.orders.end,
            self.restarts.append,
            lambda: self.passed.append(1),
            lambda: self.sync.contact_ms is not None,
            test.is_on_air,
            self.sync.look,
        )
        self.images = self.slots.images()
        self.firmware = FirmwareTask(self.parts, self.clock, self.images, memory, calls)

    def start(self, *names):
        """Start the named tasks (`sync`, `playout`, `amplifier`, `board`, `status`, `orders`)."""
        tasks = {
            "sync": self.sync,
            "playout": self.playout,
            "amplifier": self.keeper,
            "board": self.board,
            "status": self.status,
            "orders": self.orders,
            "firmware": self.firmware,
        }
        chosen = [tasks[name] for name in names]
        supervisor = Supervisor(self.clock, self.faults)
        self.running = asyncio.create_task(supervisor.run(chosen))
        return self

    async def stop(self):
        """Stop every task in good order."""
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    async def pass_ms(self, duration_ms, until=None):
        """Let time pass, or less when `until()` becomes true; tells whether it did."""
        for _ in range(duration_ms // STEP_MS):
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            if until is not None and until():
                return True
            self.clock.advance(STEP_MS)
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        return until is not None and bool(until())

    async def pass_to(self, clock):
        """Let time pass until a local time of the test's day."""
        await self.pass_ms(manifests.at_ms(clock) - self.clock.wall_ms())

    def plays(self):
        """Return (item, started, from ms, until ms, outcome) of every recorded play."""
        return [
            (
                play["item"],
                play["started_ms"] and local(play["started_ms"]),
                play["from_ms"],
                play["until_ms"],
                play["outcome"],
            )
            for play in self.book.find("play")
        ]

    def codes(self):
        """Return the codes of every fault that was raised so far."""
        return [body["code"] for body in self.book.find("fault", state="raised")]

    def open_codes(self):
        """Return the codes of what is wrong now."""
        return [code for _, code in self.faults.open_faults()]


def read_config(kind="speaker", **fields):
    """Return a configuration."""
    value = {
        "node": NODE,
        "unit": COMMUNE,
        "hamlet": "h1",
        "kind": kind,
        "hub": ["http://hub.example"],
        "data": "data",
        "root": "root.json",
        "poll_s": 60,
        "audio": {"kind": "wav", "path": "x.wav"},
        "amplifier": {"kind": "modbus", "warm_up_ms": 1000},
    }
    if kind == "board":
        size = {"width_px": 192, "height_px": 64, "channels": 1}
        value["board"] = {"kind": "png", "path": "x.png", **size}
    value.update(fields)
    return configs.read(canonical.encode(value))


def put(storage, name, data):
    """Make a file stand in a store."""
    writer = storage.stage("test")
    writer.write(data)
    writer.commit(name)


def local(wall_ms):
    """Return HH:MM:SS in Viet Nam."""
    second = (wall_ms - manifests.MIDNIGHT_MS) // 1000
    return "%02d:%02d:%02d" % (second // 3600, second // 60 % 60, second % 60)
