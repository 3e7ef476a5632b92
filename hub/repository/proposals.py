"""The next version of each role, ready to be signed."""

import copy
from collections.abc import Iterable

from securesystemslib.signer import Key
from tuf.api.metadata import Metadata, Root, Targets

from hub.repository import registry
from hub.repository.archive import Archive
from hub.repository.online_keys import OnlineKeys
from hub.repository.policy import Policy, next_version
from hub.repository.registry import Grant, Unit
from hub.repository.request import Request, target
from hub.repository.roles import group_of, role_name
from protocols import limits
from protocols.errors import LocalFault


class Proposals:
    """Make requests from the current state; nothing is written here."""

    def __init__(self, archive: Archive, policy: Policy, online: OnlineKeys):
        self._archive = archive
        self._policy = policy
        self._online = online

    def manifests(self, role: str, files: dict[str, bytes], now_s: int) -> Request:
        """Propose new or changed manifests in a role; the others stay."""
        for path, data in files.items():
            if len(data) > limits.MANIFEST_BYTES_MAX:
                raise LocalFault(
                    "repository.manifest",
                    f"{path} has {len(data)} bytes",
                    f"Keep manifests within {limits.MANIFEST_BYTES_MAX} bytes.",
                )
        targets = self._next(role, now_s)
        targets.targets = {
            **targets.targets,
            **{path: target(path, data) for path, data in files.items()},
        }
        return Request(role, Metadata(targets), files)

    def again(self, role: str, now_s: int) -> Request:
        """Propose the newest content of a role under a new version and validity."""
        return Request(role, Metadata(self._next(role, now_s)))

    def without(self, role: str, paths: Iterable[str], now_s: int) -> Request:
        """Propose a role without some of its manifests (a node that left its unit)."""
        targets = self._next(role, now_s)
        gone = set(paths)
        targets.targets = {path: file for path, file in targets.targets.items() if path not in gone}
        return Request(role, Metadata(targets))

    def registry(self, group: str, units: Iterable[Unit], now_s: int) -> Request:
        """Propose a registry with exactly these units and the hub's newest online keys."""
        role = role_name("registry", group)
        targets = self._next(role, now_s)
        nodes, auto = self._online.newest("nodes"), self._online.newest("auto-alert")
        grants = registry.unit_grants(group, units, nodes, auto)
        targets.delegations = registry.delegations(role, grants)
        return Request(role, Metadata(targets))

    def unit_change(self, unit: Unit, now_s: int) -> Request:
        """Propose a registry in which a unit is new or changed; the others stay."""
        return self.registry(
            group_of(unit.unit), {**self.units_beside(unit.unit), unit.unit: unit}.values(), now_s
        )

    def unit_end(self, unit: str, now_s: int) -> Request:
        """Propose a registry without a unit."""
        units = self.units_beside(unit)
        units.pop(unit, None)
        return self.registry(group_of(unit), units.values(), now_s)

    def units_beside(self, unit: str) -> dict[str, Unit]:
        """Return all units of a unit's group, by id."""
        role = role_name("registry", group_of(unit))
        current = self._archive.current(role)
        if current is None:
            raise LocalFault(
                "repository.group",
                f"{role} is not in force",
                "Open the group with `chieng-tool keys groups`.",
            )
        return registry.read_units(current.signed)

    def targets(
        self,
        now_s: int,
        groups: Iterable[str] = (),
        registrars: Grant | None = None,
        firmware: Grant | None = None,
    ) -> Request:
        """Propose the top-level targets: further groups, other registrars or release keys.

        What is not given stays; the relays key becomes the hub's newest.
        """
        targets = self._next("targets", now_s)
        grants = registry.read_grants(targets)
        for group in groups:
            name = role_name("registry", group)
            model = registrars or next(
                (grant for role, grant in grants.items() if role.startswith("registry-")), None
            )
            if model is None:
                raise LocalFault("repository.registrar", f"{name} has no keys", "Name registrars.")
            grants[name] = Grant(name, model.keys, model.threshold)
        for name, grant in grants.items():
            if registrars is not None and name.startswith("registry-"):
                grants[name] = registrars._replace(role=name)
            elif name == "firmware" and firmware is not None:
                grants[name] = grant._replace(keys=firmware.keys, threshold=firmware.threshold)
        grants["relays"] = Grant("relays", [self._online.newest("relays")], 1)
        if firmware is not None:
            grants["firmware"] = firmware._replace(role="firmware")
        targets.delegations = registry.delegations("targets", list(grants.values()))
        return Request("targets", Metadata(targets))

    def root(self, now_s: int, changes: dict[str, tuple[list[Key], int]] | None = None) -> Request:
        """Propose the next root; `changes` maps a top-level role to its keys and threshold."""
        old = self._archive.root().signed
        root = copy.deepcopy(old)
        root.version += 1
        root.expires = self._policy.expires("root", now_s)
        set_root_keys(root, changes or {})
        return Request("root", Metadata(root))

    def _next(self, role: str, now_s: int) -> Targets:
        newest = self._archive.newest_version(role)
        current = self._archive.current(role)
        if current is None and newest:
            current = self._archive.read(role, newest)
        targets = Targets() if current is None else copy.deepcopy(current.signed)
        targets.version = next_version(newest, now_s)
        targets.expires = self._policy.expires(role, now_s)
        return targets


def set_root_keys(root: Root, changes: dict[str, tuple[list[Key], int]]) -> None:
    """Give top-level roles of a root new keys and thresholds."""
    for role, (keys, threshold) in changes.items():
        registry.check_threshold(role, [key.keyid for key in keys], threshold)
        for keyid in list(root.roles[role].keyids):
            root.revoke_key(keyid, role)
        for key in keys:
            root.add_key(key, role)
        root.roles[role].threshold = threshold
