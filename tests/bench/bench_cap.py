"""From a CAP file to the first sample on 100 agents over real sockets, beside a raw wake-up.

Agents are whole nodes (`edge.main.Node`: disk, sockets, TUF, play-out) with a simulated card, half
of them in each of two processes. No amplifier warms up, and a file is decoded once a process: on
poles every node has its own processor. The person's part is left out: the signature follows at
once. The peer is the least that could be done: the same event stream, then the same sound file,
unchecked.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from edge import config as configs
from edge.main import Node
from hub import bulletins, fleet
from hub.cap import arriving, intake, prefill
from hub.events import WAKES
from hub.production import new_name
from hub.publishing import Signature
from hub.timing import alert
from hw import platform, ports
from hw.linux.decoder import Decoder
from hw.sim.audio import AudioOut
from tests.bench.station import UNIT, Station, say
from tests.hub.cap_files import build, geocode, info

NODES = 100
PROCESSES = 2
ROUNDS = 5
SETTLE_S = 5


def wall_ms() -> int:
    """Return the wall clock, the same for every process of one machine."""
    return time.time_ns() // 1_000_000


class Card(AudioOut):
    """Note when the first sample of an item goes out."""

    name = ""

    async def _sound(self, position: int, length: int) -> int:
        if position == 0:
            print(json.dumps({"who": self.name, "at_ms": wall_ms()}), flush=True)
        return await super()._sound(position, length)


class Once(ports.Decoder):
    """Decode each file once a process; later nodes copy what came out."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._lock = asyncio.Lock()
        self._made: dict[str, bytes] = {}

    async def decode(self, storage: ports.Storage, name: str, media_type: str, out: str) -> int:
        """Decode, or copy."""
        async with self._lock:
            if name not in self._made:
                samples = await self._decoder.decode(storage, name, media_type, out)
                reader = storage.open(out)
                assert reader is not None
                self._made[name] = reader.read(2 * samples)
                reader.close()
                return samples
        writer = storage.stage(out)
        writer.write(self._made[name])
        writer.commit(out)
        writer.close()
        return len(self._made[name]) // 2


class Kit:
    """The platform's parts, but a simulated card and a shared decoder."""

    def __init__(self, name: str, decoder: Once):
        self._name = name
        self._decoder = decoder

    def __getattr__(self, name: str) -> object:
        return getattr(platform, name)

    def decoder(self) -> Once:
        """Return the decoder."""
        return self._decoder

    def audio(self, _settings: object, clock: ports.Clock) -> Card:
        """Return the card."""
        card = Card(clock)
        card.name = self._name
        return card


async def agents(paths: list[Path]) -> None:
    """Make nodes, tell their keys, run them when a line comes."""
    decoder = Once()
    nodes = []
    for path in paths:
        config = configs.read(path.read_bytes())
        node = Node(config, False, Kit(config.node, decoder))
        nodes.append(node)
        key = node.identity.public_key().hex()
        print(json.dumps({"node": config.node, "key": key}), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.gather(*(node.run() for node in nodes))


async def raw(base: str, count: int, first: int) -> None:
    """Wait on event streams, then fetch the sound that a line on stdin has named."""
    wanted = [""]

    async def one(session: aiohttp.ClientSession, number: int) -> None:
        async with session.get(f"{base}/v1/events?unit={UNIT}") as stream:
            seen = 0
            async for line in stream.content:
                if not line.startswith(b"data:"):
                    continue
                seen += 1
                if seen == 1 or not wanted[0]:
                    continue
                async with session.get(f"{base}/v1/blobs/{wanted[0]}") as answer:
                    await answer.read()
                print(json.dumps({"who": f"raw-{number}", "at_ms": wall_ms()}), flush=True)

    connector = aiohttp.TCPConnector(limit=0)
    limits = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=limits) as session:
        tasks = [asyncio.create_task(one(session, first + place)) for place in range(count)]
        while line := await asyncio.to_thread(sys.stdin.readline):
            wanted[0] = line.strip()
        for task in tasks:
            task.cancel()


class Crowd:
    """Child processes whose lines are read as they come."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.processes: list[asyncio.subprocess.Process] = []
        self.first: dict[str, int] = {}
        self.keys: dict[str, str] = {}
        self._readers: list[asyncio.Task[None]] = []

    async def start(self, *words: str) -> None:
        """Start one process."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.bench_cap", *words, stdin=pipe, stdout=pipe
        )
        self.processes.append(process)
        self._readers.append(asyncio.create_task(self._read(process)))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            told = json.loads(line)
            if "key" in told:
                self.keys[told["node"]] = told["key"]
            else:
                self.first.setdefault(told["who"], told["at_ms"])

    def say(self, text: str) -> None:
        """Write a line to every process."""
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(text.encode() + b"\n")

    async def stop(self) -> None:
        """End them."""
        for process in self.processes:
            process.terminate()
            await process.wait()
        await asyncio.gather(*self._readers)


async def until(is_true: "object", what: str, seconds: float = 180) -> None:
    """Wait for a condition; raises AssertionError."""
    deadline = time.monotonic() + seconds
    while not is_true():  # type: ignore[operator]
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)


async def broadcast(station: Station, number: int, crowd: Crowd) -> dict[str, int]:
    """Bring a CAP file, make and sign its alert; return the moments of that."""
    services, now_s = station.services, station.services.now_s()
    place = geocode("chieng-unit", UNIT)
    data = build(now_s, info(now_s, area=place), identifier=f"KTTV-{number}")
    moments = {"file": wall_ms()}
    row, is_new = await arriving.arrive(services, data, "file", None, "bench")
    assert is_new and row["state"] == "waiting"
    moments["kept"] = wall_ms()
    name = new_name()

    def prepare(store):  # type: ignore[no-untyped-def]
        filled = prefill.values(store, row["message"], UNIT, now_s)
        when = prefill.fixed(store, row, UNIT, alert(int(filled["hours"]), 0, False))
        draft = bulletins.Draft(
            *(UNIT, filled["title"], "vi-VN", "emergency", filled["text"], "", "vi-VN"),
            *(None, [], when),
        )
        bulletins.create(store, name, draft, "bench", now_s)
        intake.use(store, row, UNIT, name, now_s)

    await services.ledger.write(prepare)
    await services.production.make(name, 1)
    made = await services.ledger.read(lambda s: bulletins.current(s, name))
    assert made["state"] == bulletins.READY, made["fault_code"]
    moments["ready"] = wall_ms()
    opus = next(one for one in made["renditions"] if one["profile"] == "opus")
    crowd.say(opus["sha256"])
    await asyncio.sleep(0.5)
    crowd.first.clear()
    moments["signed"] = wall_ms()
    signature = Signature("bench", station.world.approvers[UNIT][0])
    outcome = await services.publisher.approve(name, [signature])
    assert outcome.published
    moments["published"] = wall_ms()
    await until(lambda: len(crowd.first) == crowd.size, "not all were reached")
    station.length_ms = opus["duration_ms"]
    return moments


def spread(values: list[int]) -> str:
    """Return p50 / p95 / worst."""
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
    return f"{int(statistics.median(ordered))}/{p95}/{ordered[-1]}"


async def measured(station: Station, crowd: Crowd, rounds: int, first: int) -> dict[str, list[int]]:
    """Broadcast several times; return all delays (ms)."""
    found: dict[str, list[int]] = {"kept": [], "ready": [], "published": [], "reached": [],
                                   "all": []}  # fmt: skip
    for number in range(rounds):
        moments = await broadcast(station, first + number, crowd)
        found["kept"].append(moments["kept"] - moments["file"])
        found["ready"].append(moments["ready"] - moments["file"])
        found["published"].append(moments["published"] - moments["signed"])
        made_ms = moments["ready"] - moments["file"]
        for at_ms in crowd.first.values():
            found["reached"].append(at_ms - moments["signed"])
            found["all"].append(made_ms + at_ms - moments["signed"])
        # The next one is heard when this one has ended.
        await asyncio.sleep(station.length_ms / 1000 + SETTLE_S)
    return found


async def bench(folder: Path, size: int, rounds: int) -> None:
    """Run the peer and the agents, and print."""
    station = Station(folder)
    services = station.services
    row = {"unit": UNIT, "valid_from": "2025-01-01", "name": "Xã", "kind": "x", "parent": None}
    await services.ledger.write(lambda s: fleet.add_unit(s, row, "bench", 1))
    async with station.serving() as base:
        wakes = station.app[WAKES]
        crowd, share = Crowd(size), size // PROCESSES
        for place in range(PROCESSES):
            await crowd.start("raw", "--base", base, "--count", str(share), "--first",
                              str(place * share))  # fmt: skip
        await until(lambda: wakes.streams == size, "the raw clients listen")
        peer = await measured(station, crowd, rounds, 0)
        await crowd.stop()
        await until(lambda: wakes.streams == 0, "the raw clients are gone")
        crowd = Crowd(size)
        paths = [station.config(base, events=True, status_s=86400) for _ in range(size)]
        for place in range(PROCESSES):
            own = paths[place * share : (place + 1) * share]
            await crowd.start("agents", *map(str, own))
        await until(lambda: len(crowd.keys) == size, "the agents have keys")
        for name, key in crowd.keys.items():
            form = fleet.NodeForm(name, UNIT, name, "speaker", bytes.fromhex(key))
            await services.ledger.write(lambda s, f=form: fleet.add_node(s, f, "bench", 1))
        crowd.say("run")
        await until(lambda: wakes.streams == size, "the agents listen")
        await asyncio.sleep(SETTLE_S)
        found = await measured(station, crowd, rounds, rounds)
        await crowd.stop()
    say(f"alerts of {station.length_ms} ms, each on {size} agents", str(rounds))
    say("CAP file in -> kept and shown, ms p50/p95/worst", spread(found["kept"]))
    say("CAP file in -> sound made, ready to sign, ms", spread(found["ready"]))
    say("signature -> published, ms", spread(found["published"]))
    say("signature -> first sample, ms", spread(found["reached"]))
    say("CAP file in -> first sample, nobody thinking, ms", spread(found["all"]), "<= 5000 p95")
    say("peer: event, then the file unchecked, ms", spread(peer["reached"]))
    ratios = [
        statistics.quantiles(found["reached"], n=20)[at]
        / statistics.quantiles(peer["reached"], n=20)[at]
        for at in (9, 18)
    ]
    say("ratio to the peer, p50/p95", f"{ratios[0]:.1f}/{ratios[1]:.1f}")
    station.close()


def main() -> None:
    """Run the bench, or one of its child processes."""
    words = argparse.ArgumentParser()
    words.add_argument("role", nargs="?", default="bench", choices=("bench", "agents", "raw"))
    words.add_argument("paths", nargs="*")
    words.add_argument("--nodes", type=int, default=NODES)
    words.add_argument("--rounds", type=int, default=ROUNDS)
    words.add_argument("--base")
    words.add_argument("--count", type=int)
    words.add_argument("--first", type=int)
    asked = words.parse_args()
    if asked.role == "agents":
        asyncio.run(agents([Path(one) for one in asked.paths]))
    elif asked.role == "raw":
        asyncio.run(raw(asked.base, asked.count, asked.first))
    else:
        folder = Path(tempfile.mkdtemp())
        try:
            asyncio.run(bench(folder / "station", asked.nodes, asked.rounds))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
