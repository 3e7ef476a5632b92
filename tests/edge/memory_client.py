"""Our client over a store in memory, and a repository of views, for tests of single clauses."""

import asyncio

from edge.metadata_fetch import MetadataFetch, Refreshed
from hw.linux.verifier import Verifier
from hw.sim.storage import Storage
from protocols.errors import RemoteFault, WorldFault
from protocols.metadata import Target
from tests.edge.clients import MemoryLink
from tests.edge.repository import NOW, Repository

BASE = "http://repository/"
NOW_S = int(NOW.timestamp())


class ViewRepository(Repository):
    """A repository whose timestamp and snapshot carry our fields."""

    def __init__(self, unit: str = "03.k7f2", **options):
        self.unit = unit
        self.issued_s = NOW_S - 1000
        super().__init__(**options)

    def bytes_of(self, role: str) -> bytes:
        """Put the view's fields in before signing."""
        signed = self.signed[role]
        if role in ("timestamp", "snapshot"):
            signed.unrecognized_fields["x-unit"] = self.unit
            signed.unrecognized_fields["x-issued"] = self.issued_s
        return super().bytes_of(role)


class MemoryClient:
    """A client whose stores are dictionaries: `metadata.files` and `targets.files`."""

    def __init__(self, repository: Repository, unit: str | None = None, link=None):
        self.repository = repository
        self.metadata = Storage()
        self.targets = Storage()
        self.metadata.files["root.json"] = repository.files["metadata/1.root.json"]
        self.link = link or MemoryLink(repository)
        self.refreshed: Refreshed | None = None
        self.target: Target | None = None
        self.boot(unit)

    def boot(self, unit: str | None = None) -> None:
        """Begin anew with what stands in store."""
        self.fetch = MetadataFetch(
            *(self.link, self.metadata, Verifier(), BASE + "metadata", BASE + "targets"),
            folder="",
            unit=unit,
        )

    def refresh(self, now_s: int = NOW_S, sure_s: int | None = None) -> str:
        """Run a cycle; return the code of its fault, or nothing."""
        try:
            self.refreshed = asyncio.run(self.fetch.refresh(now_s, sure_s))
        except (RemoteFault, WorldFault) as fault:
            assert not self.metadata.staged
            return fault.code
        assert not self.metadata.staged
        return ""

    def find(self, path: str) -> str:
        """Look a target up; return the code of its fault, or nothing."""
        self.target = None
        try:
            self.target = asyncio.run(self.fetch.find_target(path))
        except (RemoteFault, WorldFault) as fault:
            return fault.code
        return ""

    def take(self, path: str) -> str:
        """Look a target up and download it; return the code of its fault, or nothing."""
        code = self.find(path)
        if code:
            return code
        try:
            asyncio.run(self.fetch.download_target(self.target, self.targets, "target"))
        except (RemoteFault, WorldFault) as fault:
            assert not self.targets.staged
            return fault.code
        assert not self.targets.staged
        return ""
