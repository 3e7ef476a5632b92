"""`POST /v1/records`, signed batches stored durably (WAL, FULL, group commit).

Peers in the same run: the same handler over a ledger that answers at once and stores nothing, the
same hub on a PostgreSQL of its own (fsync on, a Unix socket), and raw `sqlite3` that commits the
same rows to the same kind of file without any HTTP. Every request is signed beforehand; `LINES`
keep-alive connections of other nodes each ask and wait in turn: when a slot begins for 10,000 nodes
they all report within seconds, so hundreds wait at any moment. Prints `name value goal`.
"""

import asyncio
import dataclasses
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub import fleet
from hub.app import create_node_app
from hub.config import Config
from hub.database import Database
from hub.main import event_loop
from hub.services import open_hub
from hub.serving import Listener
from hub.store import Ledger
from protocols import http_signature, records
from tests.bench import servers
from tests.bench.station import say
from tests.hub import postgres
from tests.hw.http_servers import free_port

LINES, ROUNDS, EPOCH = 256, 3, "00" * 8
BATCHES = {1: 6, 20: 2}


def body_of(number: int) -> dict[str, Any]:
    """Return what a node tells of one play."""
    return {
        "item": "tin-1",
        "title": "Bản tin sáng",
        "class": "normal",
        "unit": servers.UNIT,
        "bundle_version": 3,
        "scheduled_ms": 1000 * number,
        "started_ms": 1000 * number,
        "ended_ms": 1000 * number + 900,
        "outcome": "complete",
        "resumed": False,
        "evidence": {"grade": 3, "milliwatts": 41000},
    }


def history(node: str, size: int) -> list[list[records.Entry]]:
    """Return one node's plays in batches."""
    chain, built = records.Chain(node, records.PLAYS, EPOCH), []
    for number in range(1, size * BATCHES[size] + 1):
        entry = chain.build(1_000_000 + number, "hub", 5, "play", body_of(number))
        chain.advance(entry)
        built.append(entry)
    return [built[at : at + size] for at in range(0, len(built), size)]


def requests_of(
    node: str, key: Ed25519PrivateKey, batches: list[list[records.Entry]], port: int
) -> list[bytes]:
    """Return the whole signed requests that carry some batches in their order."""
    made, host, now_s = [], f"{servers.HOST}:{port}", int(time.time())
    for at, batch in enumerate(batches):
        datas = [entry.data for entry in batch]
        body = records.build_batch(node, records.PLAYS, EPOCH, at * len(batch), datas)
        headers = http_signature.request_headers(
            "POST", host, "/v1/records", body, node, f"n{at}", now_s, key.sign
        )
        headers["content-length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST /v1/records HTTP/1.1\r\nhost: {host}\r\n{lines}\r\n"
        made.append(head.encode() + body)
    return made


class Nodes:
    """Hold fresh nodes, registered, and their batches."""

    def __init__(self, database: Database, name: str, size: int):
        self.size = size
        self.keys = {f"{name}-{line}": Ed25519PrivateKey.generate() for line in range(LINES)}
        self.histories = {node: history(node, size) for node in self.keys}
        for node, key in self.keys.items():
            public = key.public_key().public_bytes_raw()
            form = fleet.NodeForm(node, servers.UNIT, node, "speaker", public)
            made = database.submit(lambda store, form=form: fleet.add_node(store, form, "bench", 1))
            made.result()

    def requests(self, port: int) -> list[list[bytes]]:
        """Return every node's requests to one hub."""
        return [requests_of(node, self.keys[node], given, port)
                for node, given in self.histories.items()]  # fmt: skip


async def line(port: int, requests: list[bytes]) -> None:
    """Send one node's requests, each after the answer to the one before."""
    reader, writer = await asyncio.open_connection(servers.HOST, port)
    for request in requests:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode() + (await reader.read(500)).decode())
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
    writer.close()


async def over_http(port: int, lines: list[list[bytes]]) -> float:
    """Return batches per second over all connections."""
    start = time.perf_counter()
    await asyncio.gather(*(line(port, requests) for requests in lines))
    return sum(map(len, lines)) / (time.perf_counter() - start)


def raw(path: Path, nodes: Nodes, group: int) -> float:
    """Return batches per second of `sqlite3` alone, `group` of them in a commit."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA foreign_keys=ON")
    # As they come over HTTP: the first batch of every node, then the second.
    waiting = [batch for turn in zip(*nodes.histories.values(), strict=True) for batch in turn]
    start = time.perf_counter()
    for at in range(0, len(waiting), group):
        db.execute("BEGIN IMMEDIATE")
        for batch in waiting[at : at + group]:
            _rows(db, batch)
        db.execute("COMMIT")
    took = time.perf_counter() - start
    db.close()
    return len(waiting) / took


def _rows(db: sqlite3.Connection, batch: list[records.Entry]) -> None:
    """Write what one batch leaves: records, their head, as-run rows, the node's status."""
    now_ms = int(time.time() * 1000)
    rows, plays = [], []
    for entry in batch:
        one, body = entry.record, entry.record.body
        key = (one.node, one.chain, one.epoch)
        rows.append((*key, one.sequence, entry.hash, one.kind, now_ms, entry.data))
        plays.append((one.node, one.epoch, one.sequence, body["unit"], body["item"], body["title"],
                      body["class"], body["scheduled_ms"], body["started_ms"], body["ended_ms"],
                      body["outcome"], 0, 3, 41000))  # fmt: skip
    db.executemany("INSERT INTO records VALUES (?,?,?,?,?,?,?,?)", rows)
    names = "node, epoch, sequence, unit, item, title, class, scheduled_ms, started_ms, ended_ms"
    names += ", outcome, resumed, grade, milliwatts"
    db.executemany(f"INSERT INTO plays ({names}) VALUES ({','.join('?' * 14)})", plays)
    last = batch[-1]
    db.execute("INSERT OR REPLACE INTO record_heads VALUES (?,?,?,?,?)",
               (*key, last.record.sequence, last.hash))  # fmt: skip
    db.execute(
        "INSERT OR REPLACE INTO node_status (node, nonces_json, contact_ms, clock, play_title)"
        " VALUES (?,?,?,?,?)", (last.record.node, "[]", now_ms, "hub", body["title"]),
    )  # fmt: skip


class AnswersAtOnce(Ledger):
    """Know every node and say of every batch that it is stored."""

    def __init__(self, rows: dict[str, Any]):
        self._rows = rows

    def get(self, _table: str, node: str) -> Any:
        """Return a node's row, as a store does."""
        return self._rows.get(node)

    async def read(self, ask: Any) -> Any:
        """Ask this object itself."""
        return ask(self)

    async def write_small(self, decide: Any, reads: Any = ()) -> Any:
        """Store nothing."""
        return records.Verdict(records.STORED, [], 1, None)


async def nothing_stored(data: str, port: str) -> None:
    """Serve the hub's own handler over a ledger that stores nothing."""
    services, _ = open_hub(Config(data=Path(data)))
    found = await services.ledger.read(lambda store: store.find("nodes"))
    quick = AnswersAtOnce({row["node"]: row for row in found})
    served = Listener(create_node_app(dataclasses.replace(services, ledger=quick)))
    await served.start(servers.HOST, int(port))
    await asyncio.Event().wait()


class Round(NamedTuple):
    """Hold the nodes of one round: one fleet for the hub, one for each peer that keeps rows."""

    hub: Nodes
    server: Nodes
    alone: Nodes
    grouped: Nodes


class Rates(NamedTuple):
    """Hold batches per second of one round; per second of the processor's time for two of them."""

    hub: float
    nothing: float
    server: float
    alone: float
    grouped: float
    hub_work: float
    nothing_work: float


def worked(process: int) -> float:
    """Return how many seconds of processor time a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(config: Config, server: Config, fleets: dict[int, list[Round]], spare: Path) -> None:
    """Print the figures of hub and peers, the median of every round's own ratio."""
    with ExitStack() as stack:
        hub, hub_id = servers.start_hub(stack, config)
        on_server, server_id = servers.start_hub(stack, server)
        own, nothing = [sys.executable, "-m", "tests.bench.bench_ingest", "nothing"], free_port()
        nothing_id = servers.start(stack, [*own, str(config.data), str(nothing)], nothing)
        for size, rounds in fleets.items():
            figures = []
            for at, one in enumerate(rounds):
                asked = [(hub, hub_id, one.hub), (nothing, nothing_id, one.hub)]
                asked.append((on_server, server_id, one.server))
                rates, work = {}, {}
                # Each has every place in the order once.
                for port, process, nodes in asked[at % 3 :] + asked[: at % 3]:
                    before, lines = worked(process), nodes.requests(port)
                    rates[port] = asyncio.run(over_http(port, lines))
                    work[port] = sum(map(len, lines)) / (worked(process) - before)
                kept = raw(spare, one.alone, 1), raw(spare, one.grouped, LINES)
                three = rates[hub], rates[nothing], rates[on_server]
                figures.append(Rates(*three, *kept, work[hub], work[nothing]))
            _print(size, figures)


def _print(size: int, figures: list[Rates]) -> None:
    middle = Rates(*(statistics.median(one) for one in zip(*figures, strict=True)))
    name = f"{size} a batch"
    for peer, rate in (("hub", middle.hub), ("hub on PostgreSQL", middle.server)):
        say(f"{peer}, {name}, batches / records a second", f"{rate:.0f} / {rate * size:.0f}")
    say(f"storing nothing, {name}, batches a second", f"{middle.nothing:.0f}")
    both = f"{middle.alone:.0f} / {middle.grouped:.0f}"
    say(f"raw sqlite3, {name}, commit each / per {LINES}, batches/s", both)
    for field, peer, goal in (
        ("nothing", "storing nothing", ">= 0.9"),
        ("server", "the hub on PostgreSQL", ">= 2"),
        ("alone", "raw sqlite3, a commit each", ""),
        ("grouped", f"raw sqlite3, a commit per {LINES}", ""),
    ):
        ratio = statistics.median(one.hub / getattr(one, field) for one in figures)
        say(f"hub to {peer}, {name}, times", f"{ratio:.2f}", goal)
    ratio = statistics.median(one.hub_work / one.nothing_work for one in figures)
    say(f"the same to storing nothing, {name}, by processor time, times", f"{ratio:.2f}")


def main() -> None:
    """Found a hub, one on PostgreSQL and a spare file, register the nodes, measure."""
    cluster = postgres.Cluster(fsync="on", full_page_writes="on")
    try:
        with tempfile.TemporaryDirectory() as folder:
            _run(Path(folder), cluster.fresh())
    finally:
        cluster.close()


def _run(folder: Path, address: str) -> None:
    configs = {}
    for name, database in (("hub", None), ("server", address), ("spare", None)):
        (folder / name).mkdir()
        configs[name] = servers.found(folder / name, database)
    opened = {name: Database(config.where) for name, config in configs.items()}
    fleets = {
        size: [
            Round(
                Nodes(opened["hub"], f"h{size}-{at}", size),
                Nodes(opened["server"], f"p{size}-{at}", size),
                Nodes(opened["spare"], f"a{size}-{at}", size),
                Nodes(opened["spare"], f"g{size}-{at}", size),
            )
            for at in range(ROUNDS)
        ]
        for size in BATCHES
    }
    for database in opened.values():
        database.close()
    measure(configs["hub"], configs["server"], fleets, configs["spare"].database)


if __name__ == "__main__":
    if sys.argv[1:2] == ["nothing"]:
        with asyncio.Runner(loop_factory=event_loop()) as runner:
            runner.run(nothing_stored(*sys.argv[2:4]))
    else:
        main()
