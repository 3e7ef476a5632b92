"""Where every file of a repository stands."""

import hashlib
import os
import re
from pathlib import Path

from hub.repository.durable import Disk

ROLE_FILE = re.compile(r"([1-9][0-9]{0,15})\.(.+)\.json")


class Layout:
    """Name the files under one repository folder.

    `metadata/` and `targets/` are public as they stand; a unit's view overlays
    `units/<unit>/metadata/` on `metadata/`. `state/` is the hub's own and never served.
    """

    def __init__(self, root_path: Path, disk: Disk | None = None):
        self.disk = disk or Disk()
        self.root = Path(root_path)
        self.metadata = self.root / "metadata"
        self.targets = self.root / "targets"
        self.units = self.root / "units"
        self._view_root = f"{self.units}{os.sep}"
        self.state = self.root / "state"
        self.pending = self.state / "pending"
        self.lock = self.state / "lock"
        self.policy = self.state / "policy.json"

    def role_file(self, role: str, version: int) -> Path:
        """Return the path of a shared role file."""
        return self.metadata / f"{version}.{role}.json"

    def role_versions(self) -> dict[str, list[int]]:
        """Return the versions of every role on disk, newest first."""
        found: dict[str, list[int]] = {}
        for name in _names(self.metadata):
            match = ROLE_FILE.fullmatch(name)
            if match:
                found.setdefault(match[2], []).append(int(match[1]))
        return {role: sorted(versions, reverse=True) for role, versions in found.items()}

    def view(self, unit: str) -> Path:
        """Return the folder of a unit's own timestamp and snapshots."""
        return self.units / unit / "metadata"

    def timestamp_file(self, unit: str) -> Path:
        """Return the path of a unit's timestamp."""
        return self.view(unit) / "timestamp.json"

    def stamp(self, unit: str) -> int:
        """Return what changes with every new timestamp of a unit; 0 where there is none.

        Nodes look in all day long, and this is what each look-in costs: no path is built.
        """
        try:
            return os.stat(f"{self._view_root}{unit}/metadata/timestamp.json").st_mtime_ns
        except OSError:
            return 0

    def snapshot_file(self, unit: str, version: int) -> Path:
        """Return the path of one snapshot of a unit."""
        return self.view(unit) / f"{version}.snapshot.json"

    def snapshot_versions(self, unit: str) -> list[int]:
        """Return the versions of a unit's snapshots on disk, newest first."""
        matches = (ROLE_FILE.fullmatch(name) for name in _names(self.view(unit)))
        return sorted((int(m[1]) for m in matches if m and m[2] == "snapshot"), reverse=True)

    def view_units(self) -> list[str]:
        """Return the units that have a view, sorted."""
        return sorted(unit for unit in _names(self.units) if self.snapshot_versions(unit))

    def target_file(self, path: str, sha256: str) -> Path:
        """Return the path of a target file under its consistent-snapshot name."""
        folder, _, base = path.rpartition("/")
        return self.targets / folder / f"{sha256}.{base}"

    def pending_file(self, role: str) -> Path:
        """Return the path of a request that waits for further signatures."""
        return self.pending / f"{role}.json"


def sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes in hex."""
    return hashlib.sha256(data).hexdigest()


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []
