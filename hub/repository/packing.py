"""Choose what stands in a pack: everything of a unit's view that a node does not hold yet.

The choice is only a saving. A node asks for whatever a pack leaves out, so a view of which the hub
has forgotten the past gives a larger pack, never a wrong one.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hub.repository import relayed
from hub.repository.layout import Layout
from hub.repository.roles import role_name
from protocols import alert, bundle, pack, relays, schedule, tar
from protocols.alert import Alert
from protocols.errors import Fault, LocalFault, WorldFault
from protocols.hub_limits import PACK_NODE_PAPERS_MAX
from protocols.limits import (
    PACK_ALERT_BYTES_MAX,
    PACK_MEMBERS_MAX,
    PACK_PAPERS_BYTES_MAX,
    PACK_PAPERS_MAX,
)
from protocols.media import Rendition
from protocols.units import bundle_path

_PIECE_BYTES = 64 * 1024
_DAY_MS = 86_400_000


class Member(NamedTuple):
    """Name one file of a pack and where its bytes are."""

    name: str
    path: Path
    length: int

    @property
    def size(self) -> int:
        """Return how long it is in the tar, with head and padding."""
        return tar.BLOCK + self.length + len(tar.padding(self.length))

    def pieces(self) -> Iterator[bytes]:
        """Give its bytes in the tar; raises `WorldFault("pack.changed")`."""
        yield tar.header(self.name, self.length)
        left = self.length
        try:
            with self.path.open("rb") as file:
                while left and (piece := file.read(min(_PIECE_BYTES, left))):
                    left -= len(piece)
                    yield piece
        except OSError:
            left = left or 1
        if left:
            raise WorldFault("pack.changed", f"{self.path.name} is gone", "Ask once more.")
        yield tar.padding(self.length)


class Pack(NamedTuple):
    """Hold the choice: the view's `root` and `timestamp` versions, and the members in order."""

    root: int
    timestamp: int
    members: tuple[Member, ...]

    @property
    def length(self) -> int:
        """Return the length of the tar in bytes."""
        return sum(one.size for one in self.members) + len(tar.END)

    def mark(self) -> str:
        """Return a short text that is the same for the same bytes (an ETag).

        Every member but the timestamp and the snapshot is named by its version or its hash, and
        those two by the view's.
        """
        told = [str(self.timestamp), *(f"{one.name} {one.length}" for one in self.members)]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]

    def pieces(self, begin: int = 0) -> Iterator[bytes]:
        """Give the bytes from `begin` on.

        Raises `WorldFault("pack.changed")` when a file is not as it was.
        """
        for one in self.members:
            if begin >= one.size:
                begin -= one.size
                continue
            for piece in one.pieces():
                if begin < len(piece):
                    yield piece[begin:]
                begin = max(0, begin - len(piece))
        yield tar.END[begin:]


class Wish(NamedTuple):
    """Say what media to take along.

    `profile` is the rendition of alerts a node plays (empty: the shortest file); `ahead_ms` how far
    from `now_ms` the programme's media reach (0: none); `everything` lifts the limits that keep a
    pack over HTTP small, for a stick.
    """

    now_ms: int
    profile: str = ""
    ahead_ms: int = 0
    everything: bool = False


def stick_wish(now_ms: int, days: int = 14) -> Wish:
    """Return the wish of a stick: all papers, every open alert, so many days of programme."""
    return Wish(now_ms, ahead_ms=days * _DAY_MS, everything=True)


class Packer:
    """Choose packs from a repository's folder; `blob_path(sha256)` says where media stand."""

    def __init__(self, layout: Layout, blob_path: Any):
        self._layout = layout
        self._blob_path = blob_path

    def choose(self, unit: str, root: int, timestamp: int, wish: Wish) -> Pack | None:
        """Return what is newer than `root` and `timestamp`, or None when nothing is.

        Raises `LocalFault("repository.unit")` for a unit without a view.
        """
        path = self._layout.timestamp_file(unit)
        if not path.is_file():
            raise LocalFault("repository.unit", f"{unit} has no view", "Add the unit first.")
        newest = _read(path)["signed"]
        roots = sorted(v for v in self._layout.role_versions().get("root", []) if v > root)
        if not roots and newest["version"] == timestamp:
            return None
        names = [
            (f"{version}.root.json", self._layout.role_file("root", version)) for version in roots
        ]
        members = [_member(pack.METADATA + name, file) for name, file in names]
        members.append(_member(pack.METADATA + "timestamp.json", path))
        if newest["version"] > timestamp:
            members += self._view(unit, newest["meta"]["snapshot.json"]["version"], timestamp, wish)
        return Pack(roots[-1] if roots else root, newest["version"], _bounded(members))

    def _view(self, unit: str, version: int, known: int, wish: Wish) -> list[Member]:
        """Return the snapshot, the role files and manifests that changed, then media."""
        snapshot = self._layout.snapshot_file(unit, version)
        listed, before = _listed(snapshot), _listed(self._layout.snapshot_file(unit, known))
        papers = [_member(f"{pack.METADATA}{version}.snapshot.json", snapshot)]
        manifests: dict[str, Member] = {}
        changed: dict[str, str] = {}
        wanted = self._sources(unit, listed)
        for role in sorted(listed):
            if before.get(role) == listed[role]:
                continue
            file = self._layout.role_file(role, listed[role])
            if not file.is_file():
                continue
            papers.append(_member(f"{pack.METADATA}{listed[role]}.{role}.json", file))
            old = _targets(self._layout.role_file(role, before.get(role, 0)))
            fresh = {
                path: digest
                for path, digest in _targets(file).items()
                if old.get(path) != digest and relayed.is_wanted(path, wanted)
            }
            if role.startswith("nodes-") and len(fresh) > PACK_NODE_PAPERS_MAX:
                fresh = fresh if wish.everything else {}
            for path, digest in fresh.items():
                manifest = self._layout.target_file(path, digest)
                if manifest.is_file():
                    manifests[digest] = _member(pack.TARGETS + digest, manifest)
                    changed[path] = digest
        media = self._alert_media(unit, changed, manifests, wish)
        if wish.ahead_ms:
            media += self._programme_media(manifests, wish)
            media += _recorded(changed, manifests)
        return papers + list(manifests.values()) + self._blobs(media, wish)

    def _sources(self, unit: str, listed: dict[str, int]) -> tuple[str, ...]:
        """Return the broadcasters whose recordings a unit lets in."""
        role = role_name("unit", unit)
        targets = _targets(self._layout.role_file(role, listed.get(role, 0)))
        return relayed.sources(self._layout, unit, targets.get(bundle_path(unit)))

    def _alert_media(
        self, unit: str, changed: dict[str, str], manifests: dict[str, Member], wish: Wish
    ) -> list[Rendition]:
        if not any(path.startswith("alerts/") for path in changed):
            return []
        found: list[Alert] = []
        for member in manifests.values():
            try:
                found += alert.read(member.path.read_bytes()).alerts
            except Fault:
                # Another kind of manifest.
                continue
        media = []
        for one in sorted(found, key=lambda one: (-one.sent_s, one.id)):
            if one.expires_s * 1000 > wish.now_ms:
                for renditions in (one.renditions, *(page.renditions for page in one.pages)):
                    media += _taken(renditions, wish)
        return media

    def _programme_media(self, manifests: dict[str, Member], wish: Wish) -> list[Rendition]:
        """Return the media of every programme within the time ahead, what plays soonest first."""
        found: list[tuple[int, Rendition]] = []
        for member in manifests.values():
            try:
                programme = bundle.read(member.path.read_bytes())
            except Fault:
                continue
            found += _ahead(programme, wish)
        return [rendition for _, rendition in sorted(found)]

    def _blobs(self, media: Sequence[Rendition], wish: Wish) -> list[Member]:
        members: dict[str, Member] = {}
        room = PACK_ALERT_BYTES_MAX
        for one in media:
            path = self._blob_path(one.sha256)
            name = pack.BLOBS + one.sha256
            fits = wish.everything or one.length <= room
            if name not in members and fits and path.is_file():
                members[name] = _member(name, path)
                room -= one.length
        return list(members.values())


def _recorded(changed: dict[str, str], manifests: dict[str, Member]) -> list[Rendition]:
    """Return what is recorded of the broadcasters that the unit lets in."""
    found: list[Rendition] = []
    for path, digest in changed.items():
        if path.startswith("relays/"):
            try:
                read = relays.read(manifests[digest].path.read_bytes(), path.split("/")[1])
            except Fault:
                continue
            found += [rendition for one in read.recordings for rendition in one.renditions]
    return found


def _taken(renditions: Sequence[Rendition], wish: Wish) -> list[Rendition]:
    if wish.everything:
        return sorted(renditions, key=lambda one: one.length)
    wanted = [one for one in renditions if one.profile == wish.profile]
    if wish.profile or not renditions:
        return wanted
    return [min(renditions, key=lambda one: (one.length, one.sha256))]


def _ahead(programme: bundle.Bundle, wish: Wish) -> Iterable[tuple[int, Rendition]]:
    """Return (first needed at, rendition) of a programme, for every place it reaches."""
    until_ms = wish.now_ms + wish.ahead_ms
    starts = [(0, name) for name in programme.fallback]
    if programme.policy.drill_intro:
        starts.append((0, programme.policy.drill_intro))
    for rule in programme.rules:
        from_ms = wish.now_ms - rule.duration_ms
        at_ms = schedule.first_start_ms(rule, from_ms, until_ms, programme.utc_offset_min)
        if at_ms is not None:
            starts += [(at_ms, name) for name in rule.items]
    for at_ms, name in starts:
        for rendition in programme.items[name].renditions:
            yield at_ms, rendition
    for page in programme.pages:
        if page.from_s * 1000 < until_ms and page.until_s * 1000 > wish.now_ms:
            for rendition in page.renditions:
                yield page.from_s * 1000, rendition


def _bounded(members: list[Member]) -> tuple[Member, ...]:
    """Leave out what a reader would refuse; it asks for that by itself."""
    kept: list[Member] = []
    left = PACK_PAPERS_BYTES_MAX
    for one in members:
        if not one.name.startswith(pack.BLOBS):
            if one.length > left or len(kept) >= PACK_PAPERS_MAX:
                continue
            left -= one.length
        if len(kept) < PACK_MEMBERS_MAX:
            kept.append(one)
    return tuple(kept)


def _member(name: str, path: Path) -> Member:
    return Member(name, path, path.stat().st_size)


def _read(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _listed(path: Path) -> dict[str, int]:
    """Return the versions that a snapshot lists; nothing for one that is gone."""
    if not path.is_file():
        return {}
    meta = _read(path)["signed"]["meta"]
    return {name.removesuffix(".json"): entry["version"] for name, entry in meta.items()}


def _targets(path: Path) -> dict[str, str]:
    """Return the SHA-256 of every target that a role file lists; nothing for one that is gone."""
    if not path.is_file():
        return {}
    targets = _read(path)["signed"].get("targets", {})
    return {name: entry["hashes"]["sha256"] for name, entry in targets.items()}
