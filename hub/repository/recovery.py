"""Recovery: a hub restored from an old backup, a stolen online key.

A restored hub signs on above everything it ever issued, because its numbers are seconds. What it
lost are files that people signed after the backup. They are public: every mirror, stick and node
has copies, which count again when they verify. What no copy holds must be signed again by a person;
until then nodes that saw it refuse the older file and keep what they have.
"""

from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from tuf.api.metadata import Metadata, Root, Targets

from hub.repository import durable, envelope, rotation
from hub.repository.admission import VERSION_AHEAD_MAX, check_content
from hub.repository.layout import ROLE_FILE, sha256
from hub.repository.repository import Repository
from hub.repository.roles import depth_of, parse
from protocols import limits
from protocols.errors import Fault


class Adopted(NamedTuple):
    """Say what came back from copies: (role, version) pairs, and manifests that no copy holds."""

    roles: list[tuple[str, int]]
    missing: list[str]


def adopt(repository: Repository, folders: list[Path], now_s: int) -> Adopted:
    """Take over newer role files and their manifests from copies, and renew everything.

    A copy is any folder with TUF metadata: a mirror of this repository, an unpacked pack, a node's
    store. Nothing in it is trusted: a file counts when its delegator's keys signed it.
    """
    copies = _Copies(folders)
    layout, archive = repository.layout, repository.archive
    taken: list[tuple[str, int]] = []
    with durable.writer_lock(layout.lock):
        archive.reload()
        for data, root in copies.roots():
            if _succeeds(archive.root().signed, root):
                layout.disk.write(layout.role_file("root", root.signed.version), data)
                archive.reload()
                taken.append(("root", root.signed.version))
        for role, data, metadata in copies.targets():
            newest = archive.newest_version(role)
            delegator = archive.delegator(role)
            version = metadata.signed.version
            if not newest < version <= now_s + VERSION_AHEAD_MAX or delegator is None:
                continue
            if envelope.verifies(delegator, role, metadata) and _may_say(role, metadata.signed):
                layout.disk.write(layout.role_file(role, version), data)
                archive.reload()
                taken.append((role, version))
        missing = _restore_manifests(repository, copies)
    repository.reissue(now_s)
    return Adopted(taken, missing)


def discard_forged(repository: Repository, now_s: int) -> list[str]:
    """Remove role files and views whose numbers lie in the future: a thief's fast-forward.

    Call it after the online keys are replaced. Returns the names removed.
    """
    layout, removed = repository.layout, []
    highest = now_s + VERSION_AHEAD_MAX
    with durable.writer_lock(layout.lock):
        paths = [
            layout.role_file(role, version)
            for role, versions in layout.role_versions().items()
            for version in versions
            if version > highest and role != "root"
        ]
        for unit in layout.view_units():
            snapshots = layout.snapshot_versions(unit)
            paths += [layout.snapshot_file(unit, one) for one in snapshots if one > highest]
        for path in paths:
            layout.disk.remove(path)
            removed.append(str(path.relative_to(layout.root)))
        repository.archive.reload()
    return removed


class _Copies:
    """Read every file of some folders that could be metadata or a manifest."""

    def __init__(self, folders: list[Path]):
        self._paths = sorted(path for folder in folders for path in folder.rglob("*.json"))

    def roots(self) -> list[tuple[bytes, Metadata[Root]]]:
        found = [(data, metadata) for role, data, metadata in self._metadata() if role == "root"]
        return sorted(found, key=lambda pair: int(pair[1].signed.version))

    def targets(self) -> list[tuple[str, bytes, Metadata[Targets]]]:
        """Return delegators before delegates, newest first."""
        found = [one for one in self._metadata() if isinstance(one[2].signed, Targets)]
        return sorted(found, key=lambda one: (depth_of(one[0]), one[0], -one[2].signed.version))

    def by_hash(self) -> dict[str, bytes]:
        """Return small files by their SHA-256."""
        return {sha256(data): data for _, data in self._files(limits.MANIFEST_BYTES_MAX)}

    def _metadata(self) -> list[tuple[str, bytes, Metadata[Any]]]:
        found = []
        for path, data in self._files(limits.METADATA_BYTES_MAX):
            match = ROLE_FILE.fullmatch(path.name)
            role = match[2] if match else unquote(path.name.removesuffix(".json"))
            try:
                parse(role)
                found.append((role, data, envelope.decode(data, path.name)))
            except Fault:
                continue
        return found

    def _files(self, longest: int) -> list[tuple[Path, bytes]]:
        small = [path for path in self._paths if path.is_file() and path.stat().st_size <= longest]
        return [(path, path.read_bytes()) for path in small]


def _may_say(role: str, targets: Targets) -> bool:
    # Signed is not enough: what no publication would have let through does not come in by a copy.
    try:
        check_content(role, targets)
    except Fault:
        return False
    return True


def _succeeds(old: Root, new: Metadata[Root]) -> bool:
    if not isinstance(new.signed, Root) or new.signed.version != old.version + 1:
        return False
    result = new.signed.get_root_verification_result(old, new.signed_bytes, new.signatures)
    return result.verified


def _restore_manifests(repository: Repository, copies: _Copies) -> list[str]:
    by_hash, missing = copies.by_hash(), []
    for role in repository.archive.roles():
        current = repository.archive.current(role) if role != "root" else None
        for path, target in current.signed.targets.items() if current else ():
            digest = target.hashes["sha256"]
            file = repository.layout.target_file(path, digest)
            if file.exists():
                continue
            if digest in by_hash:
                repository.layout.disk.write(file, by_hash[digest])
            else:
                missing.append(path)
    return missing


class Replaced(NamedTuple):
    """Say which keys the hub has forgotten and which forged files it removed."""

    dropped: list[str]
    removed: list[str]


def replace_online_keys(
    repository: Repository, signers: list[Any], now_s: int, stolen: bool = True
) -> Replaced:
    """Give the hub new online keys for everything and make the old ones worthless.

    `signers` are enough holders of root, targets and registrar keys. With `stolen` forged files go
    and the old keys sign nothing more; in a planned change they help over the moment between.
    """
    removed = discard_forged(repository, now_s) if stolen else []
    plan = rotation.Rotation(repository, now_s).online().sign(signers)
    plan.publish(now_s, stolen)
    return Replaced(rotation.drop_old_online_keys(repository), removed)
