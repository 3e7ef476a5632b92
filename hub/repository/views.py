"""A unit's view: its own snapshot and timestamp over the shared role files.

Both are issued together under one number, which all views share: the newest view of any unit is
above every older view of every unit, so a node that moves never sees a number go down.
"""

from pathlib import Path
from typing import NamedTuple, cast

from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Timestamp

from hub.repository import envelope, relayed
from hub.repository.archive import Archive
from hub.repository.layout import Layout, sha256
from hub.repository.online_keys import OnlineKeys
from hub.repository.policy import Policy
from hub.repository.roles import group_of, role_name
from protocols.errors import LocalFault
from protocols.units import bundle_path


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


class Views:
    """Read the views on disk, each parsed and verified only once."""

    def __init__(self, layout: Layout):
        self._layout = layout
        self._parsed: dict[str, tuple[tuple[int, ...], View]] = {}
        self._verified: dict[str, tuple[View, int]] = {}

    def load(self, unit: str) -> View | None:
        """Read a unit's view, or None when it has none."""
        versions = self._layout.snapshot_versions(unit)
        if not versions:
            return None
        path = self._layout.timestamp_file(unit)
        state: tuple[int, ...] = (versions[0],)
        if path.exists():
            found = path.stat()
            state = (versions[0], found.st_ino, found.st_mtime_ns)
        if unit not in self._parsed or self._parsed[unit][0] != state:
            self._parsed[unit] = (state, self._read(unit, versions[0], path))
        return self._parsed[unit][1]

    def _read(self, unit: str, version: int, timestamp_path: Path) -> View:
        path, timestamp = self._layout.snapshot_file(unit, version), None
        snapshot = cast(Metadata[Snapshot], envelope.decode(path.read_bytes(), str(path)))
        if timestamp_path.exists():
            data = timestamp_path.read_bytes()
            timestamp = cast(Metadata[Timestamp], envelope.decode(data, str(timestamp_path)))
        return View(unit, snapshot, timestamp)

    def holds(self, view: View, root: Root, policy: Policy, now_s: int) -> bool:
        """Tell whether a view is complete, and its signatures count and need no renewal yet."""
        timestamp, snapshot = view.timestamp, view.snapshot
        if timestamp is None or (
            timestamp.signed.snapshot_meta.version != snapshot.signed.version
            or policy.must_renew("timestamp", timestamp.signed.expires, now_s)
            or policy.must_renew("snapshot", snapshot.signed.expires, now_s)
        ):
            return False
        verified = self._verified.get(view.unit)
        if verified is None or verified[0] is not view or verified[1] != root.version:
            if not (
                envelope.verifies(root, "timestamp", timestamp)
                and envelope.verifies(root, "snapshot", snapshot)
            ):
                return False
            self._verified[view.unit] = (view, root.version)
        return True


def roles_of(chain: list[str]) -> list[str]:
    """Return the roles that a node of `chain[0]` may need: its own unit's and its ancestors'."""
    roles = ["targets", "relays", "firmware", role_name("nodes", chain[0])]
    for unit in chain:
        roles.append(role_name("registry", group_of(unit)))
        roles += [role_name(kind, unit) for kind in ("unit", "alert", "auto-alert")]
    return sorted(set(roles))


def wanted(
    archive: Archive, layout: Layout, chain: list[str], listed: dict[str, int]
) -> dict[str, int]:
    """Return the versions that a view should list.

    What was listed once stays listed and never goes down: clients refuse both (TUF 1.0, 5.5.5). New
    recordings are listed only where they are let in: elsewhere they are no news.
    """
    versions = dict(listed)
    for role in roles_of(chain):
        if role == "relays" and archive.counts(role, listed.get(role, 0)):
            if not _lets_in(archive, layout, chain[0]):
                continue
        current = archive.current(role)
        if current is not None:
            versions[role] = max(versions.get(role, 0), current.signed.version)
    return versions


def _lets_in(archive: Archive, layout: Layout, unit: str) -> bool:
    """Tell whether a unit's bundle lets any broadcaster's recordings in."""
    own = archive.current(role_name("unit", unit))
    target = None if own is None else own.signed.targets.get(bundle_path(unit))
    return target is not None and bool(relayed.sources(layout, unit, target.hashes["sha256"]))


class Issuer:
    """Sign and write views."""

    def __init__(self, layout: Layout, policy: Policy, online: OnlineKeys, root: Root):
        self._layout = layout
        self._policy = policy
        self._signers = online.signers()
        self._root = root
        self.bridge: list[str] = []

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
        keyids = [keyid for keyid in {*keyids, *self.bridge} if keyid in self._signers]
        envelope.sign(metadata, [self._signers[keyid] for keyid in sorted(keyids)])
        if not envelope.verifies(self._root, role, metadata):
            raise LocalFault(
                "keys.online",
                f"the hub holds no key that the root allows for {role}",
                "Restore keys/online from the backup, or rotate it with `chieng-tool keys`.",
            )
        return envelope.encode(metadata)
