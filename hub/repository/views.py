"""A unit's view: its own snapshot and timestamp over the shared role files.

Both are issued together under one number, which all views share: the newest view of any unit is
above every older view of every unit, so a node that moves never sees a number go down.
"""

from typing import NamedTuple, cast

from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Timestamp

from hub.repository import envelope
from hub.repository.archive import Archive
from hub.repository.layout import Layout, sha256
from hub.repository.online_keys import OnlineKeys
from hub.repository.policy import Policy
from hub.repository.roles import group_of, role_name
from protocols.errors import LocalFault


class View(NamedTuple):
    """Hold a unit's newest snapshot, and the timestamp, which may not name it yet."""

    unit: str
    snapshot: Metadata[Snapshot]
    timestamp: Metadata[Timestamp] | None

    @property
    def chain(self) -> list[str]:
        """Return the unit and its ancestors, nearest first, as the snapshot says (`x-chain`)."""
        return list(self.snapshot.signed.unrecognized_fields["x-chain"])

    def listed(self) -> dict[str, int]:
        """Return the version of every role that the view lists."""
        meta = self.snapshot.signed.meta
        return {name.removesuffix(".json"): entry.version for name, entry in meta.items()}


def load(layout: Layout, unit: str) -> View | None:
    """Read a unit's view, or None when it has none."""
    versions = layout.snapshot_versions(unit)
    if not versions:
        return None
    path = layout.snapshot_file(unit, versions[0])
    snapshot = cast(Metadata[Snapshot], envelope.decode(path.read_bytes(), str(path)))
    path, timestamp = layout.timestamp_file(unit), None
    if path.exists():
        timestamp = cast(Metadata[Timestamp], envelope.decode(path.read_bytes(), str(path)))
    return View(unit, snapshot, timestamp)


def roles_of(chain: list[str]) -> list[str]:
    """Return the roles that a node of `chain[0]` may need: its own unit's and its ancestors'."""
    roles = ["targets", "relays", "firmware", role_name("nodes", chain[0])]
    for unit in chain:
        roles.append(role_name("registry", group_of(unit)))
        roles += [role_name(kind, unit) for kind in ("unit", "alert", "auto-alert")]
    return sorted(set(roles))


def wanted(archive: Archive, chain: list[str], listed: dict[str, int]) -> dict[str, int]:
    """Return the versions that a view should list.

    What was listed once stays listed and never goes down: clients refuse both (TUF 1.0, 5.5.5).
    """
    versions = dict(listed)
    for role in roles_of(chain):
        current = archive.current(role)
        if current is not None:
            versions[role] = max(versions.get(role, 0), current.signed.version)
    return versions


class Issuer:
    """Sign and write views."""

    def __init__(self, layout: Layout, policy: Policy, online: OnlineKeys, root: Root):
        self._layout = layout
        self._policy = policy
        self._online = online
        self._root = root
        self.bridge: list[str] = []

    def holds(self, view: View, now_s: int) -> bool:
        """Tell whether a view is complete, and its signatures count and need no renewal yet."""
        timestamp = view.timestamp
        if timestamp is None or (
            timestamp.signed.snapshot_meta.version != view.snapshot.signed.version
        ):
            return False
        return all(
            envelope.verifies(self._root, role, metadata)
            and not self._policy.must_renew(role, metadata.signed.expires, now_s)
            for role, metadata in (("timestamp", timestamp), ("snapshot", view.snapshot))
        )

    def issue(self, chain: list[str], versions: dict[str, int], version: int, now_s: int) -> None:
        """Write the snapshot, then the timestamp that makes it count."""
        unit = chain[0]
        fields = {"x-unit": unit, "x-issued": now_s}
        snapshot = Metadata(
            Snapshot(
                version,
                expires=self._policy.expires("snapshot", now_s),
                meta={f"{role}.json": MetaFile(number) for role, number in versions.items()},
                unrecognized_fields={**fields, "x-chain": chain},
            )
        )
        data = self._signed("snapshot", snapshot)
        self._layout.disk.write(self._layout.snapshot_file(unit, version), data)
        entry = MetaFile(version, len(data), {"sha256": sha256(data)})
        timestamp = Metadata(
            Timestamp(
                version,
                expires=self._policy.expires("timestamp", now_s),
                snapshot_meta=entry,
                unrecognized_fields=fields,
            )
        )
        self._layout.disk.write(
            self._layout.timestamp_file(unit), self._signed("timestamp", timestamp)
        )

    def _signed(self, role: str, metadata: Metadata[Snapshot] | Metadata[Timestamp]) -> bytes:
        keyids = envelope.keyids_of(self._root, role)
        envelope.sign(metadata, list(self._online.signers([*keyids, *self.bridge])))
        if not envelope.verifies(self._root, role, metadata):
            raise LocalFault(
                "keys.online",
                f"the hub holds no key that the root allows for {role}",
                "Restore keys/online from the backup, or rotate it with `chieng-tool keys`.",
            )
        return envelope.encode(metadata)
