"""Waking 1,000, 5,000 and 10,000 connected nodes with one publish, over plain HTTP and over TLS.

Peers in the same run: mosquitto at QoS 0 and a C loop that only sends (`send_loop.c`). All clients
are sockets of this process; each server is a process of its own. When a wake-up reached a client's
socket is what the kernel noted of its bytes (SO_TIMESTAMPNS): this process sleeps until all have
arrived and reads then, so that it neither delays nor disturbs any server. It is measured twice:
from the publish, and from the first client reached. Sizes that `ulimit -n` does not allow are said
and left out. Prints `name value goal`.
"""

import json
import random
import resource
import select
import socket
import ssl
import statistics
import struct
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

SIZES, PUBLISHES, SETTLED_S, WAIT_S, NAP_S = (1000, 5000, 10_000), 8, 1.0, 20.0, 0.2
# <asm-generic/socket.h>; Python has no name for it.
SO_TIMESTAMPNS = 35
# Other files than connections that a server opens.
FILES_SPARE = 200
TOPIC = b"unit/" + servers.UNIT.encode()


class Server(NamedTuple):
    """Hold a server: what a client says and awaits, one step after another, and a publish."""

    port: int
    process: int
    steps: list[tuple[Callable[[int], bytes], bytes]]
    publish: Callable[[int], None]
    tls: ssl.SSLContext | None = None


def hub(stack: ExitStack, config: Config, tls: ssl.SSLContext | None) -> Server:
    """Start the hub; over TLS its pages' listener is asked.

    A publish replaces the unit's timestamp, as every process here does.
    """
    folder = config.repository / "units" / servers.UNIT / "metadata"

    def publish(version: int) -> None:
        (folder / "draft").write_text(json.dumps({"signed": {"version": version}}))
        (folder / "draft").rename(folder / "timestamp.json")

    publish(1)
    if tls is None:
        port, process = servers.start_hub(stack, config)
    else:
        port, process = servers.start_hub_over_tls(stack, config, config.data.parent)
    ask = f"GET /v1/events?unit={servers.UNIT} HTTP/1.1\r\nHost: {servers.NAME}:{port}\r\n\r\n"
    return Server(port, process, [(lambda _: ask.encode(), b"data:")], publish, tls)


def _packet(kind: int, body: bytes) -> bytes:
    return bytes([kind, len(body)]) + body


def _text(text: bytes) -> bytes:
    return len(text).to_bytes(2, "big") + text


def mosquitto(stack: ExitStack, folder: Path, tls: ssl.SSLContext | None) -> Server:
    """Start mosquitto; every client subscribes to one topic at QoS 0 (MQTT 3.1.1)."""
    port, source_port, file = free_port(), free_port(), folder / "mosquitto.conf"
    text = f"allow_anonymous true\nlog_type none\nuser {folder.owner()}\n"
    text += f"listener {source_port} {servers.HOST}\nlistener {port} {servers.HOST}\n"
    if tls is not None:
        text += f"certfile {folder}/server.pem\nkeyfile {folder}/server.key\n"
    file.write_text(text)
    process = servers.start(stack, ["mosquitto", "-c", str(file)], port)

    def connect(number: int) -> bytes:
        return _packet(0x10, _text(b"MQTT") + b"\x04\x02\0\0" + _text(b"n%d" % number))

    subscribe = _packet(0x82, b"\0\1" + _text(TOPIC) + b"\0")
    source = stack.enter_context(socket.create_connection((servers.HOST, source_port)))
    source.sendall(connect(-1))
    source.recv(4)

    def publish(version: int) -> None:
        source.sendall(_packet(0x30, _text(TOPIC) + b"%d" % version))

    steps = [(connect, b"\x20\x02\0\0"), (lambda _: subscribe, b"\x90\x03\0\1\0")]
    return Server(port, process, steps, publish, tls)


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


class Line:
    """Speak to a server over one socket, in the clear or over TLS."""

    def __init__(self, server: Server):
        self.plug = socket.create_connection((servers.HOST, server.port))
        self._tls: ssl.SSLObject | None = None
        if server.tls is not None:
            self._come, self._go = ssl.MemoryBIO(), ssl.MemoryBIO()
            self._tls = server.tls.wrap_bio(self._come, self._go, server_hostname=servers.NAME)

    def shake(self) -> None:
        """Complete the TLS handshake, if there is one."""
        while self._tls is not None:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.plug.sendall(self._go.read())
                self._come.write(self.plug.recv(65536))
                continue
            self.plug.sendall(self._go.read())
            return

    def send(self, data: bytes) -> None:
        """Send some bytes."""
        if self._tls is not None:
            self._tls.write(data)
            data = self._go.read()
        self.plug.sendall(data)

    def receive(self) -> tuple[bytes, float]:
        """Return what has arrived, and when the kernel had its end (Unix s; 0 without a stamp)."""
        data, notes, _, _ = self.plug.recvmsg(65536, 128)
        if not data:
            raise RuntimeError("a client was dropped")
        at = 0.0
        for level, kind, value in notes:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, nanoseconds = struct.unpack("@qq", value)
                at = seconds + nanoseconds / 1e9
        return self._opened(data), at

    def _opened(self, data: bytes) -> bytes:
        if self._tls is None:
            return data
        self._come.write(data)
        opened = b""
        try:
            while piece := self._tls.read(65536):
                opened += piece
        except ssl.SSLWantReadError:
            pass
        return opened


class Clients:
    """Hold many connections under one epoll."""

    def __init__(self, stack: ExitStack, server: Server, count: int):
        self._poll = stack.enter_context(select.epoll())
        self._lines: dict[int, Line] = {}
        for at in range(0, count, 200):
            some = [Line(server) for _ in range(at, min(at + 200, count))]
            for line in some:
                stack.enter_context(line.plug)
                line.plug.settimeout(WAIT_S)
                line.shake()
            for say_it, awaited in server.steps:
                for number, line in enumerate(some, start=at):
                    line.send(say_it(number))
                for line in some:
                    got = b""
                    while awaited not in got:
                        got += line.receive()[0]
            self._lines.update({line.plug.fileno(): line for line in some})
        for fileno, line in self._lines.items():
            line.plug.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._poll.register(fileno, select.EPOLLIN)

    def settle(self) -> None:
        """Take what still comes until nothing has come for a while."""
        while events := self._poll.poll(SETTLED_S):
            self._take(events)

    def _take(self, events: list[tuple[int, int]]) -> dict[int, float]:
        taken = {}
        for fileno, _ in events:
            data, at = self._lines[fileno].receive()
            # A heartbeat names no unit.
            if servers.UNIT.encode() in data:
                taken[fileno] = at
        return taken

    def woken(self, publish: Callable[[], None]) -> tuple[float, list[float]]:
        """Publish; return when, and when each client was reached."""
        heard: dict[int, float] = {}
        start = time.time()
        publish()
        while len(heard) < len(self._lines):
            if time.time() > start + WAIT_S:
                raise RuntimeError(f"only {len(heard)} of {len(self._lines)} were woken")
            time.sleep(NAP_S)
            events = self._poll.poll(0, len(self._lines))
            # Whoever is missing has a beat at most; reading now would cost the server its core.
            if len(events) + len(heard) >= len(self._lines):
                for fileno, at in self._take(events).items():
                    heard.setdefault(fileno, at)
        return start, list(heard.values())


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


def compare(folder: Path, config: Config, count: int, tls: ssl.SSLContext | None = None) -> None:
    """Print the figures of all three, or over TLS of two, with so many clients."""
    found, over = {}, " over TLS" if tls is not None else ""
    is_whole = count == max(SIZES)
    for name in ("hub", "mosquitto", "C loop")[: 2 if tls else 3]:
        # A fresh process each, so memory begins at nothing.
        with ExitStack() as stack:
            if name == "hub":
                server = hub(stack, config, tls)
            elif name == "mosquitto":
                server = mosquitto(stack, folder, tls)
            else:
                server = send_loop(stack, folder, count)
            found[name] = one = measure(server, count)
        where = f"{name}{over}, {count}"
        say(f"{where}: publish to woken, p50 / p99, ms",
            f"{one.publish_p50:.0f} / {one.publish_p99:.0f}")  # fmt: skip
        say(f"{where}: first to others, p50 / p99, ms",
            f"{one.first_p50:.0f} / {one.first_p99:.0f}")  # fmt: skip
        goal = ("<= 40" if tls else "<= 12") if name == "hub" and is_whole else ""
        say(f"{where}: memory a connection, KB", f"{one.kilobytes:.1f}", goal)
    ours = found["hub"]
    for name, peer in list(found.items())[1:]:
        most = "<= 1.3" if name == "C loop" else "<= 0.60" if tls else "<= 0.40"
        goal = most if is_whole else ""
        publish, first = ours.publish_p99 / peer.publish_p99, ours.first_p99 / peer.first_p99
        where = f"hub to {name}{over}, {count}"
        say(f"{where}: p99 from the publish, times", f"{publish:.2f}", goal)
        say(f"{where}: p99 from the first, times", f"{first:.2f}", goal)


def main() -> None:
    """Measure every size that the limits allow, or those given; the largest over TLS too."""
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
            if count == max(sizes):
                compare(folder, config, count, servers.trust(folder))


if __name__ == "__main__":
    main()
