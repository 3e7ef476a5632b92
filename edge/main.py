"""The node agent: `chieng-node run|identity|calibrate --config FILE`.

`calibrate` learns the amplifier by a test tone, with `run` stopped. This is the one place where the
parts of a node are put together. With `--log` every record is also printed, one line of JSON each,
for the eyes of a technician or another program.
"""

import asyncio
import binascii
import sys

from edge import calibration, given_files, small_heap
from edge import config as configs
from edge.amplifier_task import AmplifierTask
from edge.blob_store import BlobStore
from edge.config import Config
from edge.content import Parts
from edge.ending import RESTART_CODE, Ending
from edge.event_log import EventLog
from edge.faults import Faults
from edge.feed import Feed
from edge.hub_link import HubLink
from edge.hubs import Hubs
from edge.journal_book import JournalBook
from edge.journal_store import JournalStore
from edge.loud_book import LoudBook
from edge.manifests import Manifests
from edge.node_time import NodeTime
from edge.offline_alerts import OfflineAlerts
from edge.order_memory import OrderMemory
from edge.orders_task import Means, OrdersTask
from edge.playout_task import PlayoutTask
from edge.records_task import RecordsTask, Ties
from edge.self_test import SelfTest
from edge.sim_budget import SimBudget
from edge.standing import DUMB, WIPED, Standing
from edge.status_task import StatusTask
from edge.supervisor import Supervisor, Task
from edge.suppliers import Suppliers
from edge.sync_task import SyncTask
from hw import platform, ports
from protocols.errors import Fault, LocalFault
from protocols.limits import CONFIG_BYTES_MAX
from protocols.records import HEALTH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge.senses_task import SensesTask
    from hw.watchdog_port import Watchdog

_USAGE = "usage: chieng-node run|identity|calibrate --config FILE [--log]"
_VERBS = ("run", "identity", "calibrate")


class Node:
    """Hold the parts of one node; `loud` prints its records.

    `kit` makes the ports: `hw.platform`, or a simulator's with the same names.
    """

    def __init__(self, config: Config, loud: bool, kit: "object" = platform):
        if TYPE_CHECKING:
            kit = platform
        self._kit = kit
        # Where packs handed over by cable are kept, on a box with a service cable.
        self.handed: ports.Storage | None = None
        # Told of records that a person takes along: (chain, epoch, last sequence).
        self.carried: object = None
        self.modem: Task | None = None
        self._watchdog: Watchdog | None = None
        self.clock: ports.Clock = kit.Clock()
        if config.rtc is not None:
            self.clock = kit.chip_clock(config.rtc, self.clock, config.sets_clock)
        self.storage: ports.Storage = kit.storage(config.data, config.storage)
        self.standing = Standing(self.storage)
        if self.standing.state in (DUMB, WIPED):
            self._refuse(config)
        config = self.config = self.standing.over(config)
        self.ending = Ending()
        self.link: ports.Link = HubLink(kit.link(config.tls_ca, config.interface))
        self.verifier: ports.Verifier = kit.Verifier()
        self.entropy: ports.Entropy = kit.Entropy()
        self.identity: ports.Identity = kit.identity(config.data, self.entropy)
        given_files.install_root(platform.Storage, self.storage, config.root)
        self.journal = JournalStore(self.storage, config.node, self.entropy.random_bytes)
        self.journal.open()
        self.book = LoudBook(self.journal) if loud else JournalBook(self.journal)
        self.log = EventLog(self.storage, self.clock)
        self.faults = Faults(self.book, self.log)
        feed = Feed()
        sets = config.sets_clock or config.rtc is not None
        self.time = NodeTime(self.clock, self.storage, feed, self.book, sets)
        self.book.follow(self.time.now)
        self.standing.drop_foreign_papers(config.place.unit)
        manifests = Manifests(
            self.storage,
            config.node,
            config.place.unit,
            config.firmware[1] if config.firmware else "",
            self.time,
        )
        blobs = BlobStore(self.storage, kit.decoder() if config.audio is not None else None)
        offline = OfflineAlerts(
            self.storage, self.verifier, self.time, self.faults, blobs, config.place
        )
        hubs = Hubs(config.hubs, self.storage, self.book, self.faults)
        self.parts = Parts(
            config, self.time, feed, self.faults, self.book, manifests, blobs, offline, hubs
        )
        self.budget = SimBudget(config.budget, self.link, self.storage, self.time, self.faults)

    def _refuse(self, config: Config) -> None:
        """Clear what is left of a node that is none any more, and say so."""
        from edge.wipe_task import clear  # noqa: PLC0415

        self._kit.Storage(config.data).remove("identity.key")
        clear(self.storage, self.standing)
        text = "approvers decommissioned this node; nothing is left on it"
        raise LocalFault("node.decommissioned", text, "Empty its data folder and enrol it anew")

    async def run(self) -> None:
        """Run every task until cancelled or until an order asks for a restart."""
        small_heap.settle()
        self.book.write(HEALTH, "boot", {"agent": "chieng", "config": self.config.node})
        self.log.add("boot")
        for path, fault in self.parts.manifests.load():
            self.faults.note("sync." + path, fault)
        tasks = self._last_tasks() if self.standing.state else self._tasks()
        try:
            await self.ending.run(Supervisor(self.clock, self.faults).run(tasks))
        except asyncio.CancelledError:
            self._disarm()
            raise
        self._disarm()
        if self.standing.state != WIPED:
            self.log.keep(True)

    def _disarm(self) -> None:
        """Let the watchdog go at an end in good order; a crash leaves it armed."""
        if self._watchdog is not None:
            self._watchdog.close()

    def _last_tasks(self) -> list[Task]:
        """Return what a decommissioned node still does: report, and empty itself."""
        from edge.wipe_task import Untold, WipeTask  # noqa: PLC0415

        uplink = self._records_task()
        untold = Untold(self.journal, self.book, uplink)
        parts = (self.clock, self.storage, self.identity, self.standing, self.book)
        return [uplink, WipeTask(*parts, untold, self.ending.restart)]

    def _tasks(self) -> list[Task]:
        """Make the tasks; what a configuration may leave out is loaded only where it is wanted,
        as a small heap has no room for all."""
        config = self.config
        tasks: list[Task] = []
        keeper = audio = board = self.amplifier = None
        if config.audio is not None:
            keeper, audio, tasks = self._sound(config.audio)
        if config.board is not None:
            from edge.board_task import BoardTask  # noqa: PLC0415

            board = self._kit.board(config.board, self.clock)
            tasks.append(BoardTask(self.parts, self.clock, board, self._kit.Inflate()))
        sync = self._sync_task(tasks)
        test = SelfTest(self.parts, self.clock, keeper, audio, board)
        tasks.extend(self._order_tasks(test, sync))
        if config.events:
            from edge.events_task import EventsTask  # noqa: PLC0415

            tasks.append(EventsTask(self.parts, self.clock, self.link, sync, self.budget.allowed))
        if config.time_servers:
            tasks.append(self._time_task())
        if config.modem is not None:
            tasks.append(self._modem_task(config.modem))
        uplink = self._records_task()
        self.carried = uplink.carried
        tasks.append(uplink)
        if config.sticks:
            tasks.append(self._stick_task(sync, uplink))
        tasks.append(StatusTask(self.parts, self.clock, self.storage, self.budget))
        if config.watchdog is not None:
            tasks.append(self._watchdog_task(config.watchdog, tasks))
        return tasks

    def _watchdog_task(self, settings: "dict[str, object]", tasks: "list[Task]") -> Task:
        from edge.watchdog_task import WatchdogTask  # noqa: PLC0415 - off unless asked for

        watchdog = self._watchdog = self._kit.watchdog(settings)
        return WatchdogTask(watchdog, self.clock, self.faults, tasks)

    def _sync_task(self, tasks: list[Task]) -> SyncTask:
        """Return the sync, asking neighbours too where the node is one; adds it and the LAN's."""
        neighbours = None
        if self.config.lan is not None:
            from edge.lan_task import LanTask  # noqa: PLC0415 - few nodes stand on a LAN

            lan = LanTask(self.parts, self.clock, self._kit)
            tasks.extend(lan.tasks(self.storage))
            neighbours = lan.neighbours
        suppliers = Suppliers(self.parts.hubs, neighbours)
        sync = SyncTask(
            self.parts, self.clock, self.storage, self.link, self.verifier, self.budget, suppliers
        )
        tasks.append(sync)
        return sync

    def _sound(
        self, settings: "dict[str, object]"
    ) -> "tuple[AmplifierTask, ports.AudioOut, list[Task]]":
        """Return the amplifier's task, the output, and all tasks of a node that sounds."""
        config = self.config
        amplifier = None
        warm_up_ms = config.warm_up_ms
        if config.amplifier is not None:
            given = calibration.settings_with(config.amplifier, self.storage, self.faults)
            amplifier = self.amplifier = self._kit.amplifier(given, self.clock)
            warm_up_ms = given.get("warm_up_ms", warm_up_ms)
        audio = self._kit.audio(settings, self.time)
        keeper = AmplifierTask(amplifier, self.clock, self.faults, warm_up_ms, audio.beats)
        playout = PlayoutTask(self.parts, self.clock, self.storage, audio, keeper)
        senses = None if config.inputs is None else self._senses_task(config.inputs, amplifier)
        tasks = [keeper, playout] + ([senses] if senses is not None else [])
        if config.sources:
            tasks.append(self._sources_task(keeper, playout, senses))
        return keeper, audio, tasks

    def _sources_task(
        self, keeper: AmplifierTask, playout: PlayoutTask, senses: "SensesTask | None"
    ) -> Task:
        from edge.sources_task import SourcesTask  # noqa: PLC0415 - a small heap has none
        from protocols.line_sources import LineSources  # noqa: PLC0415

        khz, microphone = self.config.sources, self.config.microphone
        desk = LineSources(microphone.input, microphone.open_ms_max)
        return SourcesTask(self.parts, self.clock, keeper, playout, senses, khz, desk)

    def _senses_task(self, settings: "dict[str, object]", amplifier: "object") -> "SensesTask":
        from edge.senses_task import SensesTask  # noqa: PLC0415 - a small heap has no inputs

        inputs = self._kit.inputs(settings, amplifier)
        tell_ms = self.config.status_s * 1000
        supply_min = self.config.supply_millivolts_min
        return SensesTask(inputs, self.clock, self.faults, self.book, tell_ms, supply_min)

    async def calibrate(self) -> None:
        """Learn the amplifier by a test tone and keep it; nothing else may run."""
        from edge import calibrate_verb  # noqa: PLC0415 - a technician's hour, not a node's life

        config = self.config
        if config.audio is None or config.amplifier is None:
            raise LocalFault("node.no_amplifier", "no amplifier is described", "Describe it first.")
        amplifier = self._kit.amplifier(config.amplifier, self.clock)
        audio = self._kit.audio(config.audio, self.time)
        print(await calibrate_verb.run(amplifier, audio, self.clock, self.storage))

    def _order_tasks(self, test: SelfTest, sync: SyncTask) -> list[Task]:
        memory, config = OrderMemory(self.storage), self.config
        has_images = config.firmware is not None
        means = Means(self.standing, memory, self.log, test, self.ending.restart, has_images)
        orders = OrdersTask(self.parts, self.clock, means)
        if not has_images:
            return [orders]
        from edge.firmware_task import Calls, FirmwareTask  # noqa: PLC0415 - few boards have slots
        from edge.image_store import ImageStore  # noqa: PLC0415

        folder = config.firmware[0]
        images = ImageStore(lambda path: self._kit.Storage(folder + "/" + path))
        calls = Calls(
            orders.end,
            self.ending.restart,
            self._kit.trial_passed,
            lambda: sync.contact_ms is not None,
            test.is_on_air,
            sync.look,
        )
        return [orders, FirmwareTask(self.parts, self.clock, images, memory, calls)]

    def _time_task(self) -> Task:
        from edge.network_time_task import NetworkTimeTask  # noqa: PLC0415

        return NetworkTimeTask(
            self.config.node,
            self.config.time_servers,
            self.time,
            self.faults,
            self._kit.datagrams(self.clock),
            self.entropy,
            self.budget.allowed,
        )

    def _modem_task(self, settings: "dict[str, object]") -> Task:
        from edge.modem_task import ModemTask, Ways  # noqa: PLC0415 - many nodes have a cable

        modem = self._kit.modem(settings, self.clock, self.amplifier)
        ways = Ways(self.link.counters, self.config.status_s * 1000)
        sim, faults = self.config.sim, self.faults
        self.modem = ModemTask(modem, self.clock, self.storage, faults, self.book, sim, ways)
        return self.modem

    def _stick_task(self, sync: SyncTask, uplink: RecordsTask) -> Task:
        from edge.pack_ingest import PackIngest  # noqa: PLC0415
        from edge.stick_records import Pen, StickRecords  # noqa: PLC0415
        from edge.stick_task import Desk, StickTask  # noqa: PLC0415

        config = self.config
        pen = Pen(
            config.node,
            self.parts.hubs,
            self.identity,
            self.entropy,
            self.time.now,
            uplink.carried,
        )
        desk = Desk(
            sync.content,
            PackIngest(self.parts, sync.content, self.storage, self.verifier),
            StickRecords(self.journal, pen),
            None if config.indicator is None else self._kit.indicator(config.indicator),
            sync.wake,
        )
        sticks = [self._kit.Storage(path) for path in config.sticks]
        return StickTask(self.parts, self.clock, sticks, desk)

    def _records_task(self) -> RecordsTask:
        faults, time = self.faults, self.time
        ties = Ties(time.now, time.offer_hub, faults.note, faults.clear, self.budget.allowed)
        return RecordsTask(
            self.config.node,
            self.parts.hubs,
            self.journal,
            self.book,
            self.storage,
            self.link,
            self.clock,
            self.identity,
            self.verifier,
            self.entropy,
            ties,
        )


def _arguments(given: list[str]) -> "tuple[str, str, bool]":
    """Return (verb, configuration file, loud); raises LocalFault `node.usage`."""
    words = [word for word in given if word != "--log"]
    if len(words) == 3 and words[0] in _VERBS and words[1] == "--config":
        return words[0], words[2], "--log" in given
    raise LocalFault("node.usage", "these words are not understood", _USAGE)


def main(given: "list[str] | None" = None) -> int:
    """Run `chieng-node`; returns the exit code: 0 done, 2 a fault that is explained, 75 start
    me again."""
    try:
        verb, path, loud = _arguments(sys.argv[1:] if given is None else given)
        data = given_files.read(platform.Storage, path, CONFIG_BYTES_MAX)
        if verb == "run" and _is_service(data):
            from edge.service import Service  # noqa: PLC0415

            make_node = lambda config: Node(config, loud)  # noqa: E731
            service = Service(data, platform, make_node)
            asyncio.run(platform.run_until_told(service.run()))
            return RESTART_CODE if service.restarts else 0
        config = configs.read(data)
        if verb == "identity":
            identity = platform.identity(config.data, platform.Entropy())
            print(str(binascii.hexlify(identity.public_key()), "ascii"))
            return 0
        node = Node(config, loud)
        asyncio.run(_run(node.calibrate() if verb == "calibrate" else node.run()))
        return RESTART_CODE if node.ending.why else 0
    except Fault as fault:
        print("chieng-node: " + str(fault), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


def _is_service(data: bytes) -> bool:
    """Tell whether a box is to be set up by cable; the code for that is loaded for such alone."""
    if b'"service"' not in data:
        return False
    from edge.service import is_service  # noqa: PLC0415

    return is_service(data)


async def _run(work: "object") -> None:
    await platform.run_until_told(work)


if __name__ == "__main__":
    sys.exit(main())
