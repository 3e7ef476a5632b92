"""The hub and its peers as processes of their own, on loopback."""

import socket
import ssl
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from hub import founding
from hub.config import Config
from hub.services import open_hub
from tests.hw.http_servers import certificates, free_port

UNIT = "03.a"
HOST = "127.0.0.1"
# Under which the certificate is.
NAME = "localhost"


def found(folder: Path, database: str | None = None) -> Config:
    """Found a hub with one commune, which has no bundle yet; `database` is one of PostgreSQL."""
    config = Config(data=folder / "hub", database_url=database)
    founding.found(config, ["00", "03"], folder / "stick", config.now_ms() // 1000)
    services, database = open_hub(config)
    row = {"unit": UNIT, "valid_from": "2025-07-01", "name": "Xã Đo", "kind": "commune"}
    database.submit(lambda store: store.add("units", row)).result()
    database.close()
    (services.config.repository / "units" / UNIT / "metadata").mkdir(parents=True)
    return config


def start(stack: ExitStack, words: list[str], port: int) -> int:
    """Start a program that listens on `port`, wait until it does, and return its process id."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.kill)
    for _ in range(400):
        if process.poll() is not None:
            break
        with suppress(OSError), socket.create_connection((HOST, port)):
            return process.pid
        time.sleep(0.05)
    raise RuntimeError(f"{words[0]} does not come up")


def trust(folder: Path) -> ssl.SSLContext:
    """Write a certificate into a folder; return what a client trusts it by."""
    certificates(folder)
    return ssl.create_default_context(cafile=folder / "ca.pem")


def start_hub(stack: ExitStack, config: Config) -> tuple[int, int]:
    """Serve a hub as in operation, nodes apart from pages; return port and process id."""
    port, pages = free_port(), free_port()
    return port, start(stack, _words(config, port, pages), port)


def start_hub_over_tls(stack: ExitStack, config: Config, folder: Path) -> tuple[int, int]:
    """Serve a hub with its pages over TLS; return their port and the process id."""
    port, pages = free_port(), free_port()
    words = [*_words(config, port, pages), "--public-name", NAME]
    words += ["--tls-certificate", f"{folder}/server.pem", "--tls-key", f"{folder}/server.key"]
    return pages, start(stack, words, pages)


def _words(config: Config, port: int, pages: int) -> list[str]:
    words = [sys.executable, "-m", "hub.main", "serve", "--data", str(config.data)]
    return words + ["--listen", f"{HOST}:{port}", "--pages", f"{HOST}:{pages}"]
