"""What a technician's laptop keeps of its visits until the hub has it, and after.

`queue/<node>.enrolment.json` waits for the hub, `queue/<node>.answer.json` is its signed word;
`records/…` are record batches as they lie on a stick; `sheets/` what was printed.
All of it is signed by nodes or hub and holds no secret. Writing is durable before the node is told.
"""

import os
from pathlib import Path

from hub.repository.durable import Disk
from protocols import carried, enrolment, paper
from protocols.carried import Name
from protocols.enrolment import Verdict
from protocols.errors import RemoteFault, WorldFault
from protocols.paper import Paper
from protocols.units import is_node_id


def default_home() -> Path:
    """Return the folder of this user's visits."""
    return Path(os.environ.get("CHIENG_HOME") or Path.home() / ".chieng")


class VisitFiles:
    """Hold one folder of visits."""

    def __init__(self, home: Path, disk: Disk | None = None):
        self.home = home
        self._disk = disk or Disk()

    def keep_enrolment(self, data: bytes) -> Path:
        """Put an enrolment in the queue, once; the same again changes nothing."""
        found = paper.read(data, enrolment.ENROLMENT)
        path = self._enrolment(str(found.body.value("node")))
        if not path.exists() or path.read_bytes() != data:
            self.write(path, data)
        return path

    def enrolments(self) -> list[tuple[str, Paper]]:
        """Return (node, paper) of every enrolment kept here."""
        found = []
        for path in sorted((self.home / "queue").glob("*.enrolment.json")):
            one = paper.read(path.read_bytes(), enrolment.ENROLMENT)
            found.append((str(one.body.value("node")), one))
        return found

    def enrolment(self, node: str) -> Paper | None:
        """Return a node's enrolment, or None."""
        path = self._enrolment(node) if is_node_id(node) else None
        if path is None or not path.exists():
            return None
        return paper.read(path.read_bytes(), enrolment.ENROLMENT)

    def answer(self, node: str) -> Verdict | None:
        """Return the hub's last word on a node, or None."""
        path = self._of(node, "queue", "answer.json")
        return enrolment.read_answer(path.read_bytes())[0] if path.exists() else None

    def keep_answer(self, node: str, data: bytes) -> None:
        """Keep the hub's word."""
        self.write(self._of(node, "queue", "answer.json"), data)

    def keep_batch(self, name: Name, data: bytes) -> None:
        """Keep a batch of records, as it would lie on a stick; raises `carried.*`."""
        carried.read(data)
        file = carried.file_name(name)
        if carried.read_name(file) != name:
            raise _no_name(file)
        self.write(self.records / file, data)

    @property
    def records(self) -> Path:
        """Return the folder of the batches that wait for the hub."""
        return self.home / carried.FOLDER

    def export(self, folder: Path) -> int:
        """Copy all that waits for the hub to a folder, for its page; return how many files."""
        waiting = [self._enrolment(node) for node, _ in self.enrolments()]
        waiting += sorted(self.records.glob("*" + carried.SUFFIX))
        for path in waiting:
            self.write(folder / path.name, path.read_bytes())
        return len(waiting)

    def sheet(self, node: str) -> Path:
        """Return where a node's acceptance sheet stands."""
        return self._of(node, "sheets", "html")

    def write(self, path: Path, data: bytes) -> None:
        """Write a file durably; raises `WorldFault("tool.disk")`."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._disk.write(path, data)
        except OSError as error:
            raise WorldFault(
                "tool.disk", f"{path}: {error.strerror}", "Make room on this laptop's disk."
            ) from error

    def _enrolment(self, node: str) -> Path:
        return self._of(node, "queue", "enrolment.json")

    def _of(self, node: str, folder: str, suffix: str) -> Path:
        """Return a node's file; raises `RemoteFault("visit.name")` for what is no node's name."""
        if not is_node_id(node):
            raise _no_name(node)
        return self.home / folder / f"{node}.{suffix}"


def _no_name(said: str) -> RemoteFault:
    text = f"{said[:80]!r} is no name that a node can have"
    return RemoteFault("visit.name", text, "This box is none of ours: leave it, and tell the hub.")
