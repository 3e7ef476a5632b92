"""Two clients with one face: python-tuf's, and the node's own over a real link and a real disk."""

import asyncio
import gc
import time
from pathlib import Path

from tuf.api.exceptions import RepositoryError
from tuf.ngclient import Updater

from edge.metadata_fetch import MetadataFetch
from hw.linux.link import Link
from hw.linux.storage import Storage
from hw.linux.verifier import Verifier
from protocols.errors import RemoteFault

REFUSALS = (RepositoryError, RemoteFault)


class Stock:
    """Read with `tuf.ngclient`, started anew each time."""

    def __init__(self, folder: Path, url: str, unit: str, root: bytes):
        self._folder = folder
        self._urls = f"{url}/units/{unit}/metadata/", f"{url}/targets/"
        self._root = None if folder.exists() else root
        (folder / "targets").mkdir(parents=True, exist_ok=True)

    def _updater(self):
        folder, targets = str(self._folder), str(self._folder / "targets")
        root, self._root = self._root, None
        return Updater(folder, self._urls[0], targets, self._urls[1], bootstrap=root)

    def refresh(self):
        """Refresh and return the versions of (root, timestamp) trusted then."""
        updater = self._updater()
        updater.refresh()
        trusted = updater._trusted_set
        return trusted.root.version, trusted.timestamp.version

    def get(self, path):
        """Return a target's bytes, or None when no role lists it."""
        updater = self._updater()
        info = updater.get_targetinfo(path)
        return None if info is None else Path(updater.download_target(info)).read_bytes()


class Own:
    """Read with `edge.metadata_fetch`, as a node of the unit does."""

    def __init__(self, folder: Path, url: str, unit: str, root: bytes):
        folder.mkdir(parents=True, exist_ok=True)
        self._storage = Storage(str(folder))
        self._urls = f"{url}/units/{unit}/metadata/", f"{url}/targets/"
        self._unit = unit
        if self._storage.size("metadata/root.json") is None:
            self._store("metadata/root.json", root)

    def _store(self, name, data):
        writer = self._storage.stage(name.replace("/", "-"))
        writer.write(data)
        writer.commit(name)

    def refresh(self):
        """Refresh and return the versions of (root, timestamp) trusted then."""
        return _run(self._refresh())

    async def _refresh(self):
        link = Link()
        try:
            fetch = self._fetch(link)
            found = await fetch.refresh(int(time.time()))
            return fetch._trust.root.version, found.version
        finally:
            await link.close()

    def get(self, path):
        """Return a target's bytes, or None when no role lists it."""
        return _run(self._get(path))

    async def _get(self, path):
        link = Link()
        try:
            fetch = self._fetch(link)
            await fetch.refresh(int(time.time()))
            try:
                target = await fetch.find_target(path)
            except RemoteFault as fault:
                if fault.code == "trust.unknown_target":
                    return None
                raise
            await fetch.download_target(target, self._storage, "got")
        finally:
            await link.close()
        reader = self._storage.open("got")
        data = reader.read(target.length + 1)
        reader.close()
        return data

    def _fetch(self, link):
        return MetadataFetch(link, self._storage, Verifier(), *self._urls, unit=self._unit)


def _run(work):
    # The client collects garbage for the sake of boards; it need not walk the test runner's heap.
    gc.freeze()
    try:
        return asyncio.run(work)
    finally:
        gc.unfreeze()


BODIES = {"stock": Stock, "own": Own}
