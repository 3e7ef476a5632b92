"""Bytes on the wire: what a check costs, and what content costs, beside casync, zsync, rsync, zip.

Prints `name value goal`. Everything runs in a network namespace (see `station`): the bytes are
those of IP packets in both directions. The peers get the same media and the same bundle as files.
"""

import asyncio
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from hub import events
from tests.bench.station import UNIT, Programme, Station, alone, carried, say, settled
from tests.hw.http_servers import free_port

DAYS = 14
CHECKS = 5
HEARTBEATS = 12


async def idle_checks(station: Station, secure: bool) -> None:
    """Print what a check without news costs."""
    suffix = " (TLS)" if secure else ""
    async with station.serving(secure):
        node = station.node().start()
        await node.until_idle()
        before = await settled()
        for _ in range(CHECKS):
            await node.check()
            await settled()
        kept = (await settled() - before) // CHECKS
        await node.hang_up()
        before = await settled()
        for _ in range(CHECKS):
            await node.check()
            await node.hang_up()
            await settled()
        fresh = (await settled() - before) // CHECKS
        await node.stop()
    say(f"idle check, kept connection{suffix}, bytes", str(kept), "" if secure else "<= 450")
    say(f"idle check, new connection{suffix}, bytes", str(fresh), "" if secure else "<= 1000")


async def heartbeats(station: Station, secure: bool) -> None:
    """Print what one heartbeat of the event stream costs, and one event."""
    suffix = " (TLS)" if secure else ""
    events.HEARTBEAT_S = 1
    async with station.serving(secure) as base:
        node = station.node()
        link = node.node.link
        response = await link.request("GET", f"{base}/v1/events?unit={UNIT}", {}, b"")
        await response.read(512)
        await asyncio.sleep(0.5)
        before, heard = carried(), 0
        while heard < HEARTBEATS:
            heard += (await response.read(512)).count(b":\n\n")
        await asyncio.sleep(0.2)
        spent = (carried() - before) // HEARTBEATS
        await response.close()
    say(f"event stream, one heartbeat{suffix}, bytes", str(spent), "" if secure else "<= 170")


class Shelf:
    """The same content for the peers: a folder of files, packed as each of them wants it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.www = folder / "www"
        self.www.mkdir(parents=True)
        self.source = folder / "content"
        self.port, self.rsync_port = free_port(), free_port()
        self._servers: list[subprocess.Popen[bytes]] = []

    def put(self, programme: Programme) -> None:
        """Write the content and everything that peers derive from it."""
        shutil.rmtree(self.source, ignore_errors=True)
        self.source.mkdir()
        manifest = programme.manifest(lambda data: hashlib.sha256(data).hexdigest())
        (self.source / "bundle.json").write_bytes(manifest)
        for name, data in programme.items:
            (self.source / f"{name}.wav").write_bytes(data)
        for name in ("content.tar", "content.zip"):
            (self.www / name).unlink(missing_ok=True)
        run("tar", "-cf", str(self.www / "content.tar"), "-C", str(self.source), ".")
        run("zip", "-q0r", str(self.www / "content.zip"), ".", cwd=self.source)
        run(
            *("zsyncmake", "-u", f"http://localhost:{self.port}/content.tar"),
            *("-o", str(self.www / "content.zsync"), str(self.www / "content.tar")),
        )
        store = self.www / "store.castr"
        run("casync", "make", f"--store={store}", str(self.www / "content.caidx"), str(self.source))

    def serve(self) -> None:
        """Serve the content by nginx and by rsync's own daemon."""
        config = self.folder / "nginx.conf"
        config.write_text(
            f"daemon off; pid {self.folder}/pid; error_log {self.folder}/error.log; "
            "worker_processes 1; events { worker_connections 64; } "
            f"http {{ access_log off; sendfile on; server {{ listen 127.0.0.1:{self.port}; "
            f"root {self.www}; }} client_body_temp_path {self.folder}/b; "
            f"proxy_temp_path {self.folder}/p; fastcgi_temp_path {self.folder}/f; "
            f"uwsgi_temp_path {self.folder}/u; scgi_temp_path {self.folder}/s; }}\n"
        )
        rsync = self.folder / "rsyncd.conf"
        rsync.write_text(
            f"use chroot = no\nuid = {os.getuid()}\ngid = {os.getgid()}\n"
            f"[content]\npath = {self.source}\n"
        )
        self.folder.chmod(0o755)
        nginx = ["/usr/sbin/nginx", "-p", str(self.folder), "-c", str(config), "-g", "user root;"]
        daemon = ["rsync", "--daemon", "--no-detach", f"--port={self.rsync_port}"]
        for words in (nginx, [*daemon, f"--config={rsync}"]):
            if shutil.which(words[0]) is not None:
                self._servers.append(subprocess.Popen(words, stderr=subprocess.DEVNULL))

    def close(self) -> None:
        """Stop the servers."""
        for server in self._servers:
            server.terminate()
            server.wait()

    def fetches(self, name: str) -> "dict[str, list[str]]":
        """Return the command of each peer that brings the content into a folder of this name."""
        base = f"http://localhost:{self.port}"
        here = self.folder / name
        here.mkdir(exist_ok=True)
        old = here / "zsync.tar"
        seed = ["-i", str(old)] if old.exists() else []
        tree = str(here / "casync")
        seeds = [f"--seed={tree}"] if Path(tree).is_dir() else []
        return {
            "casync": ["casync", "extract", f"--store={base}/store.castr", *seeds]
            + [f"{base}/content.caidx", tree],
            "zsync": ["zsync", "-q", *seed, "-o", str(old), f"{base}/content.zsync"],
            "rsync": ["rsync", "-a", "--delete"]
            + [f"rsync://localhost:{self.rsync_port}/content/", str(here / "rsync")],
            "zip": [
                "python3",
                "-c",
                "import sys, urllib.request as u; u.urlretrieve(*sys.argv[1:])",
            ]
            + [f"{base}/content.zip", str(here / "content.zip")],
        }


def run(*words: str, cwd: Path | None = None) -> None:
    """Run a command quietly; its complaint is shown when it fails."""
    if shutil.which(words[0]) is None:
        # `peers` says which one is missing and how to get it.
        return
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words[:3])}…: {done.stderr or done.stdout}")


async def peers(shelf: Shelf) -> "dict[str, int]":
    """Return what each peer spends to bring what is on the shelf now."""
    spent = {}
    for name, words in shelf.fetches("peers").items():
        if shutil.which(words[0]) is None:
            print(f"{name}: missing; apt-get install {words[0]}")
            continue
        before = await settled()
        await asyncio.to_thread(run, *words)
        spent[name] = await settled() - before
    return spent


def compare(what: str, ours: int, payload: int, spent: "dict[str, int]", goal: str) -> None:
    """Print ours and the peers', as parts of the payload."""
    say(f"{what}: chieng, bytes / payload", f"{ours / payload:.4f}", goal)
    for name, count in spent.items():
        say(f"{what}: {name}", f"{count / payload:.4f}")
    if spent:
        best = min(spent, key=lambda name: spent[name])
        say(f"{what}: chieng / {best}, the best of them", f"{ours / spent[best]:.4f}", "<= 1")


async def content(folder: Path, secure: bool) -> None:
    """Print what a first sync and one new item cost."""
    station = Station(folder / f"station-{secure}")
    programme = Programme(DAYS - 1)
    station.publish(programme)
    shelf = Shelf(folder / f"shelf-{secure}")
    if not secure:
        shelf.serve()
        shelf.put(programme)
    async with station.serving(secure):
        node = station.node()
        before = await settled()
        node.start()
        await node.until_idle()
        first = await settled() - before
        spoken = sum(node.node.link.counters())
        say("first sync, without TCP/IP and TLS", f"{spoken / programme.payload():.4f}")
        spent = {} if secure else await peers(shelf)
        suffix = " (TLS)" if secure else ""
        compare(f"first sync of {DAYS} days{suffix}", first, programme.payload(), spent, "")
        new = programme.add("new")
        station.publish(programme)
        before = await settled()
        await node.check()
        fresh = await settled() - before
        spoken = sum(node.node.link.counters()) - spoken
        say("one new item, without TCP/IP and TLS", f"{spoken / len(new):.4f}", "<= 1.005")
        assert len(node.node.storage.names("blobs")) == DAYS
        if not secure:
            shelf.put(programme)
            spent = await peers(shelf)
        compare(f"one new item{suffix}", fresh, len(new), spent, "")
        await node.stop()
    shelf.close()
    station.close()


async def main() -> None:
    """Print everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        station = Station(folder / "idle")
        station.publish(Programme(1, 20_000))
        for secure in (False, True):
            await idle_checks(station, secure)
            await heartbeats(station, secure)
        station.close()
        for secure in (False, True):
            await content(folder, secure)


if __name__ == "__main__":
    alone("tests.bench.bench_wire")
    asyncio.run(main())
