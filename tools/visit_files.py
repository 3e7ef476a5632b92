"""What a technician's laptop keeps of its visits until the hub has it, and after.

`queue/<node>.enrolment.json` waits for the hub, `queue/<node>.answer.json` is its signed word;
`records/<node>/…` are record batches in the node's own envelopes; `sheets/` what was printed.
All of it is signed by nodes or hub and holds no secret. Writing is durable before the node is told.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hub.repository.durable import Disk
from protocols import enrolment, paper
from protocols.enrolment import Verdict
from protocols.errors import WorldFault
from protocols.paper import Paper


def default_home() -> Path:
    """Return the folder of this user's visits."""
    return Path(os.environ.get("CHIENG_HOME") or Path.home() / ".chieng")


class VisitFiles:
    """Hold one folder of visits."""

    def __init__(self, home: Path):
        self.home = home

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
        path = self._enrolment(node)
        if not path.exists():
            return None
        return paper.read(path.read_bytes(), enrolment.ENROLMENT)

    def answer(self, node: str) -> Verdict | None:
        """Return the hub's last word on a node, or None."""
        path = self.home / "queue" / f"{node}.answer.json"
        return enrolment.read_answer(path.read_bytes())[0] if path.exists() else None

    def keep_answer(self, node: str, data: bytes) -> None:
        """Keep the hub's word."""
        self.write(self.home / "queue" / f"{node}.answer.json", data)

    def keep_batch(self, node: str, name: str, headers: Mapping[str, Any], body: bytes) -> None:
        """Keep a batch of records; the body first, its envelope says that it is whole."""
        folder = self.home / "records" / node
        self.write(folder / f"{name}.body", body)
        self.write(folder / f"{name}.json", json.dumps(dict(headers)).encode())

    def batches(self) -> list[tuple[Path, dict[str, str], bytes]]:
        """Return (envelope's path, headers, body) of every batch that waits, oldest first."""
        found = []
        for path in sorted((self.home / "records").glob("*/*.json")):
            body = path.with_suffix(".body").read_bytes()
            found.append((path, json.loads(path.read_bytes()), body))
        return found

    def drop_batch(self, path: Path) -> None:
        """Forget a batch that the hub has on disk."""
        path.unlink()
        path.with_suffix(".body").unlink()

    def sheet(self, node: str) -> Path:
        """Return where a node's acceptance sheet stands."""
        return self.home / "sheets" / f"{node}.html"

    def write(self, path: Path, data: bytes) -> None:
        """Write a file durably; raises `WorldFault("tool.disk")`."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            Disk().write(path, data)
        except OSError as error:
            raise WorldFault(
                "tool.disk", f"{path}: {error.strerror}", "Make room on this laptop's disk."
            ) from error

    def _enrolment(self, node: str) -> Path:
        return self.home / "queue" / f"{node}.enrolment.json"
