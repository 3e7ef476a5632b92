"""Static node-facing files by the hub, by nginx on the same files, and behind the shipped example.

`wrk` asks for a blob of 1 KB and one of 5 MB over `LINES` keep-alive connections, the servers in
turn, `ROUNDS` times. nginx (one worker, as the hub is one process) reads hard links of the hub's
own files with the plainest configuration; the shipped example stands once beside the hub, whose
folder it reads, and once elsewhere, where its cache answers. Prints `name value goal`.
"""

import hashlib
import os
import re
import shutil
import statistics
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

from hub.blobs import Blobs
from hub.config import Config
from tests.bench import servers
from tests.bench.station import say
from tests.hub.test_nginx_example import FRAME, example
from tests.hw.http_servers import free_port

LINES, SECONDS, ROUNDS = 32, 3, 3
SIZES = {"1 KB": 1024, "5 MB": 5 * 1024 * 1024}
GOALS = {"1 KB": ">= 0.15", "5 MB": ">= 0.75"}
HUB, NGINX, BESIDE, ELSEWHERE = "hub", "nginx", "example beside the hub", "example elsewhere"
PLAIN = """
server {{
    listen 127.0.0.1:{port}; root {root}; default_type application/octet-stream;
    sendfile on; tcp_nopush on; keepalive_requests 1000000;
}}
"""


def nginx(stack: ExitStack, folder: Path, server: str, port: int) -> None:
    """Start Debian's nginx with one server's text."""
    folder.mkdir()
    (folder / "example.conf").write_text(server)
    (folder / "nginx.conf").write_text(FRAME.format(folder=folder, user=folder.owner()))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    servers.start(stack, [program, "-c", str(folder / "nginx.conf"), "-p", str(folder)], port)


def plain(stack: ExitStack, folder: Path, blobs: Blobs, names: list[str]) -> int:
    """Serve hard links of some blobs under the hub's own addresses; return the port."""
    root, port = folder / "files", free_port()
    (root / "v1" / "blobs").mkdir(parents=True)
    for name in names:
        os.link(blobs.path(name), root / "v1" / "blobs" / name)
    nginx(stack, folder / "plain", PLAIN.format(port=port, root=root), port)
    return port


def shipped(stack: ExitStack, folder: Path, root: Path, hub: int) -> int:
    """Serve the shipped example before a hub, which may read `root`; return the port."""
    port = free_port()
    nginx(stack, folder, example(folder, root, hub, port), port)
    return port


def load(port: int, path: str, length: int) -> float:
    """Return requests per second; raises when one was not answered well."""
    url = f"http://{servers.HOST}:{port}{path}"
    words = ["wrk", "-t1", f"-c{LINES}", f"-d{SECONDS}s", "--timeout", "20s", url]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    asked = re.search(r"(\d+) requests in [\d.]+\w+, ([\d.]+)([KMGT]?)B read", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if asked is None or rate is None or "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    size = float(asked[2]) * 1024 ** " KMGT".index(asked[3] or " ")
    if size < int(asked[1]) * length * 0.98:
        raise RuntimeError("answers were too short: " + said)
    return float(rate[1])


def measure(config: Config, folder: Path, names: dict[str, str]) -> None:
    """Print the figures of every server and size."""
    blobs = Blobs(config.blobs)
    with ExitStack() as stack:
        hub, _ = servers.start_hub(stack, config)
        ports = {
            HUB: hub,
            NGINX: plain(stack, folder, blobs, list(names.values())),
            BESIDE: shipped(stack, folder / "beside", config.data, hub),
            ELSEWHERE: shipped(stack, folder / "elsewhere", folder / "nothing", hub),
        }
        for name, sha256 in names.items():
            rates: dict[str, list[float]] = {server: [] for server in ports}
            for _ in range(ROUNDS):
                for server, port in ports.items():
                    rates[server].append(load(port, f"/v1/blobs/{sha256}", SIZES[name]))
            for server, found in rates.items():
                say(f"{server}, {name}, requests a second", f"{statistics.median(found):.0f}")
            for server in (HUB, BESIDE, ELSEWHERE):
                ratio = statistics.median(
                    one / peer for one, peer in zip(rates[server], rates[NGINX], strict=True)
                )
                goal = GOALS[name] if server == HUB else ">= 0.9"
                say(f"{server} to nginx, {name}, times", f"{ratio:.2f}", goal)


def main() -> None:
    """Found a hub with two blobs and measure."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        config = servers.found(folder)
        blobs, names = Blobs(config.blobs), {}
        for name, size in SIZES.items():
            block = hashlib.sha256(name.encode()).digest()
            names[name] = blobs.put_bytes(block * (size // len(block))).sha256
        measure(config, folder, names)


if __name__ == "__main__":
    main()
