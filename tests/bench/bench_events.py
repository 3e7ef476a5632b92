"""Waking 1,000, 5,000 and 10,000 connected nodes with one publish, over plain HTTP.

Peers in the same run: mosquitto at QoS 0 and a C loop that only sends (`send_loop.c`). All clients
are plain sockets under one epoll in this process; each server is a process of its own. A wake-up
is measured twice: from the publish, and from the first node woken. The hub looks at its timestamps
twice a second, so the first holds up to half a second of waiting that peers do not have.
Sizes that `ulimit -n` does not allow are said and left out. Prints `name value goal`.
"""

import json
import random
import resource
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from hub.config import Config
from tests.bench import servers
from tests.bench.station import say
from tests.hw.http_servers import free_port

SIZES, PUBLISHES, SETTLED_S, WAIT_S = (1000, 5000, 10_000), 8, 1.0, 20.0
# Other files than connections that a server opens.
FILES_SPARE = 200
TOPIC = b"unit/" + servers.UNIT.encode()


class Server(NamedTuple):
    """Hold a server: what a client says and awaits, one step after another, and a publish."""

    port: int
    process: int
    steps: list[tuple[Callable[[int], bytes], bytes]]
    publish: Callable[[int], None]


def hub(stack: ExitStack, config: Config) -> Server:
    """Start the hub; a publish replaces the unit's timestamp, as every process here does."""
    folder = config.repository / "units" / servers.UNIT / "metadata"

    def publish(version: int) -> None:
        (folder / "draft").write_text(json.dumps({"signed": {"version": version}}))
        (folder / "draft").rename(folder / "timestamp.json")

    publish(1)
    port, process = servers.start_hub(stack, config)
    ask = f"GET /v1/events?unit={servers.UNIT} HTTP/1.1\r\nHost: {servers.HOST}:{port}\r\n\r\n"
    return Server(port, process, [(lambda _: ask.encode(), b"data:")], publish)


def _packet(kind: int, body: bytes) -> bytes:
    return bytes([kind, len(body)]) + body


def _text(text: bytes) -> bytes:
    return len(text).to_bytes(2, "big") + text


def mosquitto(stack: ExitStack, folder: Path) -> Server:
    """Start mosquitto; every client subscribes to one topic at QoS 0 (MQTT 3.1.1)."""
    port, file = free_port(), folder / "mosquitto.conf"
    file.write_text(f"listener {port} {servers.HOST}\nallow_anonymous true\nlog_type none\n")
    process = servers.start(stack, ["mosquitto", "-c", str(file)], port)

    def connect(number: int) -> bytes:
        return _packet(0x10, _text(b"MQTT") + b"\x04\x02\0\0" + _text(b"n%d" % number))

    subscribe = _packet(0x82, b"\0\1" + _text(TOPIC) + b"\0")
    source = stack.enter_context(socket.create_connection((servers.HOST, port)))
    source.sendall(connect(-1))
    source.recv(4)

    def publish(version: int) -> None:
        source.sendall(_packet(0x30, _text(TOPIC) + b"%d" % version))

    steps = [(connect, b"\x20\x02\0\0"), (lambda _: subscribe, b"\x90\x03\0\1\0")]
    return Server(port, process, steps, publish)


def send_loop(stack: ExitStack, folder: Path, count: int) -> Server:
    """Build and start the C loop for exactly so many clients."""
    port, program = free_port(), folder / "send_loop"
    source = Path(__file__).with_name("send_loop.c")
    subprocess.run(["gcc", "-O2", "-Wall", "-o", program, source], check=True)
    process = subprocess.Popen([program, str(port), str(count)], stdin=subprocess.PIPE)
    stack.callback(process.wait)
    stack.callback(process.kill)
    # No client may be spent on asking whether it listens.
    time.sleep(0.3)

    def publish(version: int) -> None:
        process.stdin.write(b"%s %d\n" % (TOPIC, version))
        process.stdin.flush()

    return Server(port, process.pid, [], publish)


class Clients:
    """Hold many connections under one epoll."""

    def __init__(self, stack: ExitStack, server: Server, count: int):
        self._poll = stack.enter_context(select.epoll())
        self._sockets: dict[int, socket.socket] = {}
        for at in range(0, count, 200):
            some = []
            for _ in range(at, min(at + 200, count)):
                plug = stack.enter_context(socket.create_connection((servers.HOST, server.port)))
                some.append(plug)
                self._sockets[plug.fileno()] = plug
            for say_it, awaited in server.steps:
                for number, plug in enumerate(some, start=at):
                    plug.sendall(say_it(number))
                for plug in some:
                    _until(plug, awaited)
        for fileno, plug in self._sockets.items():
            plug.setblocking(False)
            self._poll.register(fileno, select.EPOLLIN)

    def settle(self) -> None:
        """Take what still comes until nothing has come for a while."""
        while events := self._poll.poll(SETTLED_S):
            self._take(events)

    def _take(self, events: list[tuple[int, int]]) -> list[tuple[int, float]]:
        taken = []
        for fileno, _ in events:
            data = self._sockets[fileno].recv(4096)
            if not data:
                raise RuntimeError("a client was dropped")
            # A heartbeat names no unit.
            if servers.UNIT.encode() in data:
                taken.append((fileno, time.perf_counter()))
        return taken

    def woken(self, publish: Callable[[], None]) -> tuple[float, list[float]]:
        """Publish; return when, and when each client heard of it."""
        heard: dict[int, float] = {}
        start = time.perf_counter()
        publish()
        while len(heard) < len(self._sockets):
            events = self._poll.poll(WAIT_S)
            if not events:
                raise RuntimeError(f"only {len(heard)} of {len(self._sockets)} were woken")
            for fileno, at in self._take(events):
                heard.setdefault(fileno, at)
        return start, list(heard.values())


def _until(plug: socket.socket, awaited: bytes) -> None:
    """Read until the answer holds what is awaited."""
    plug.settimeout(WAIT_S)
    got = b""
    while awaited not in got:
        piece = plug.recv(4096)
        if not piece:
            raise RuntimeError(f"refused: {got[:200]!r}")
        got += piece


def resident(process: int) -> int:
    """Return the bytes of memory that a process holds."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"process {process} has no memory")


class Figures(NamedTuple):
    """Hold milliseconds from the publish and from the first woken (p50, p99), and KB a client."""

    publish_p50: float
    publish_p99: float
    first_p50: float
    first_p99: float
    kilobytes: float


def measure(server: Server, count: int) -> Figures:
    """Connect so many clients and wake them `PUBLISHES` times, at instants that no beat meets."""
    chance = random.Random(count)
    with ExitStack() as stack:
        before = resident(server.process)
        clients = Clients(stack, server, count)
        clients.settle()
        kilobytes = (resident(server.process) - before) / 1024 / count
        since_publish, since_first = [], []
        for version in range(2, PUBLISHES + 2):
            time.sleep(chance.uniform(0.1, 0.6))
            start, heard = clients.woken(lambda version=version: server.publish(version))
            since_publish += [(one - start) * 1000 for one in heard]
            since_first += [(one - min(heard)) * 1000 for one in heard]
    found = []
    for times in (since_publish, since_first):
        cuts = statistics.quantiles(times, n=100)
        found += [cuts[49], cuts[98]]
    return Figures(*found, kilobytes)


def compare(folder: Path, config: Config, count: int) -> None:
    """Print the figures of all three with so many clients."""
    found = {}
    for name in ("hub", "mosquitto", "C loop"):
        # A fresh process each, so memory begins at nothing.
        with ExitStack() as stack:
            if name == "hub":
                server = hub(stack, config)
            elif name == "mosquitto":
                server = mosquitto(stack, folder)
            else:
                server = send_loop(stack, folder, count)
            found[name] = one = measure(server, count)
        where = f"{name}, {count}"
        say(f"{where}: publish to woken, p50 / p99, ms",
            f"{one.publish_p50:.0f} / {one.publish_p99:.0f}")  # fmt: skip
        say(f"{where}: first to others, p50 / p99, ms",
            f"{one.first_p50:.0f} / {one.first_p99:.0f}")  # fmt: skip
        goal = "<= 12" if (name, count) == ("hub", max(SIZES)) else ""
        say(f"{where}: memory a connection, KB", f"{one.kilobytes:.1f}", goal)
    ours = found["hub"]
    for name, most in (("mosquitto", "<= 0.40"), ("C loop", "<= 1.3")):
        peer, goal = found[name], most if count == max(SIZES) else ""
        publish, first = ours.publish_p99 / peer.publish_p99, ours.first_p99 / peer.first_p99
        say(f"hub to {name}, {count}: p99 from the publish, times", f"{publish:.2f}", goal)
        say(f"hub to {name}, {count}: p99 from the first, times", f"{first:.2f}", goal)


def main() -> None:
    """Measure every size that the limits allow, or those given."""
    sizes = [int(one) for one in sys.argv[1:]] or SIZES
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        config = servers.found(folder)
        for count in sizes:
            if count + FILES_SPARE > most:
                say(f"{count} clients", "left out", f"ulimit -n is {most}")
                continue
            compare(folder, config, count)


if __name__ == "__main__":
    main()
