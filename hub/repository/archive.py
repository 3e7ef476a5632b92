"""The role files on disk, and which of their versions counts now.

Nothing is remembered beside the signed files: the current version of a role is the highest one that
verifies under its current delegator. A file written ahead of its delegator counts for nothing yet,
and a crash between the two leaves the old pair in force.
"""

from typing import Any, cast

from tuf.api.metadata import Metadata, Root, Targets

from hub.repository import envelope
from hub.repository.layout import Layout
from hub.repository.roles import delegator_of, parse
from protocols.errors import LocalFault


class Archive:
    """Read role files, parsing and verifying each only once."""

    def __init__(self, layout: Layout):
        self._layout = layout
        self._versions: dict[str, list[int]] = {}
        self._parsed: dict[tuple[str, int], Metadata[Any]] = {}
        self._verified: dict[tuple[str, int, int], bool] = {}

    def reload(self) -> None:
        """Look at the disk again."""
        self._versions = self._layout.role_versions()
        kept = {(role, number) for role, numbers in self._versions.items() for number in numbers}
        self._parsed = {key: value for key, value in self._parsed.items() if key in kept}
        self._verified = {key: value for key, value in self._verified.items() if key[:2] in kept}

    def roles(self) -> list[str]:
        """Return the names of all roles on disk, sorted."""
        return sorted(self._versions)

    def newest_version(self, role: str) -> int:
        """Return the highest version on disk, counting or not; 0 when there is none."""
        return self._versions.get(role, [0])[0]

    def read(self, role: str, version: int) -> Metadata[Any]:
        """Return one version of a role."""
        key = (role, version)
        if key not in self._parsed:
            path = self._layout.role_file(role, version)
            self._parsed[key] = envelope.decode(path.read_bytes(), path.name)
        return self._parsed[key]

    def root(self) -> Metadata[Root]:
        """Return the newest root; raises `LocalFault` in an empty repository."""
        if not self.newest_version("root"):
            raise LocalFault(
                "repository.empty",
                f"{self._layout.root} holds no root",
                "Run `chieng-tool keys found` first.",
            )
        return self.read("root", self.newest_version("root"))

    def current(self, role: str) -> Metadata[Targets] | None:
        """Return the version of a targets role that counts now, or None."""
        delegator = self.delegator(role)
        if delegator is None:
            return None
        for version in self._versions.get(role, []):
            if self._counts(role, version, delegator):
                return cast(Metadata[Targets], self.read(role, version))
        return None

    def counts(self, role: str, version: int) -> bool:
        """Tell whether a version of a role on disk verifies under its current delegator."""
        delegator = self.delegator(role)
        is_here = version in self._versions.get(role, [])
        return is_here and delegator is not None and self._counts(role, version, delegator)

    def _counts(self, role: str, version: int, delegator: envelope.Delegator) -> bool:
        key = (role, version, delegator.version)
        if key not in self._verified:
            self._verified[key] = envelope.verifies(delegator, role, self.read(role, version))
        return self._verified[key]

    def delegator(self, role: str) -> envelope.Delegator | None:
        """Return what delegates `role` now, or None when its own delegator does not count."""
        name = delegator_of(role)
        if name == "root":
            return self.root().signed
        found = self.current(name)
        return None if found is None else found.signed

    def is_orphan(self, role: str) -> bool:
        """Tell whether a role is delegated and has files, but none that counts."""
        delegator = self.delegator(role)
        if delegator is None or not envelope.keyids_of(delegator, role):
            return False
        return self.newest_version(role) > 0 and self.current(role) is None

    def units(self) -> list[str]:
        """Return the units that a registry delegates to, sorted."""
        found = []
        for role in self.roles():
            registry = self.current(role) if role.startswith("registry-") else None
            if registry is None or registry.signed.delegations is None:
                continue
            for name in registry.signed.delegations.roles or {}:
                kind, scope = parse(name)
                if kind.name == "unit":
                    found.append(scope)
        return sorted(found)
