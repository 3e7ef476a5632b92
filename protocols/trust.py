"""The TUF client workflow (specification 1.0.37, section 5), without any input or output.

How it works. `Trust` is one update cycle with its fixed start time. It says which file it wants
next (`wanted`), and is given a reader of it (`offer`) or told that there is none (`absent`). State
is what has been accepted, in order: each step first asks whether its turn has come (`MOVES`, where
a missing entry is the error), then verifies, and only then does the caller store the file under its
plain name. A cached file is verified exactly like a fetched one, against whoever delegates to it
*now*; when it fails, it counts as absent and the file is fetched. A fetched file that fails ends
the cycle. Files stream: reader, hash, parser, canonical pieces, signature; nothing of a role
outlives its step but the few values that later steps compare with.

A file found good is remembered by its hash and its delegator's: many look-ups, one check each.
"""

from collections import namedtuple

from protocols import delegation, metadata
from protocols.errors import LocalFault, RemoteFault
from protocols.limits import (
    DELEGATIONS_MAX,
    METADATA_BYTES_MAX,
    ROOT_BYTES_MAX,
    ROOT_ROTATIONS_MAX,
    TIMESTAMP_BYTES_MAX,
)
from protocols.trust_checks import (
    File,
    check_fresh,
    check_signatures,
    check_snapshot_rollback,
    check_timestamp_rollback,
    check_version,
    check_view,
    online_keys_left,
    refusal,
    remembered,
)

# (state, trigger): next state. "more" and "done" say whether the search has roles left to ask.
MOVES = {
    ("root", "accepted"): "next root",
    ("root", "failed"): "failed",
    ("next root", "accepted"): "next root",
    ("next root", "absent"): "old timestamp",
    ("next root", "enough"): "old timestamp",
    ("next root", "failed"): "failed",
    ("old timestamp", "accepted"): "timestamp",
    ("old timestamp", "refused"): "timestamp",
    ("old timestamp", "absent"): "timestamp",
    ("old timestamp", "failed"): "failed",
    ("timestamp", "accepted"): "old snapshot",
    ("timestamp", "unchanged"): "old snapshot",
    ("timestamp", "failed"): "failed",
    ("old snapshot", "accepted"): "old targets",
    ("old snapshot", "outdated"): "snapshot",
    ("old snapshot", "refused"): "snapshot",
    ("old snapshot", "absent"): "snapshot",
    ("old snapshot", "failed"): "failed",
    ("snapshot", "accepted"): "old targets",
    ("snapshot", "failed"): "failed",
    ("old targets", "accepted"): "ready",
    ("old targets", "refused"): "targets",
    ("old targets", "absent"): "targets",
    ("old targets", "failed"): "failed",
    ("targets", "accepted"): "ready",
    ("targets", "failed"): "failed",
    ("ready", "search"): "old role",
    # A search that a lost link left half-way is begun anew.
    ("old role", "search"): "old role",
    ("role", "search"): "old role",
    ("old role", "more"): "old role",
    ("old role", "done"): "ready",
    ("old role", "refused"): "role",
    ("old role", "absent"): "role",
    ("old role", "failed"): "ready",
    ("role", "more"): "old role",
    ("role", "done"): "ready",
    ("role", "failed"): "ready",
}
# States that read what an earlier cycle stored; there a refused file counts as absent.
_CACHED = ("old timestamp", "old snapshot", "old targets", "old role")
_TARGETS = ("old targets", "targets", "old role", "role")
_ONLINE = ("timestamp.json", "snapshot.json")


class Want(namedtuple("Want", ("role", "file", "source", "bytes_max"))):
    """The next file: its stored name, and its name at the server (ready for an address), or None.

    None asks for the stored file itself.
    """


class Verdict(namedtuple("Verdict", ("keep", "drop"))):
    """What to do in the store: `keep` the file offered, after removing the files `drop`."""


class _Visit(namedtuple("_Visit", ("name", "role", "authority", "path"))):
    """A role to ask: who may sign it, the hash of its delegator's file, and the way to it."""


def quote(text: str, marks: str = "") -> str:
    """Percent-encode all but letters, digits, `-._~` and `marks` (RFC 3986, 2.3)."""
    pieces = []
    for byte in text.encode():
        character = chr(byte)
        plain = "a" <= character <= "z" or "A" <= character <= "Z" or "0" <= character <= "9"
        if not (plain or character in "-._~" or character in marks):
            character = "%%%02X" % byte
        pieces.append(character)
    return "".join(pieces)


class Trust:
    """One update cycle.

    `verifier` is the port, `now_s` the fixed start time (Unix seconds, no earlier than the largest
    `issued_s` ever seen), `unit` the node's unit, or None for a repository without views. `sure_s`
    is the time without an online key's word (0: unknown): a thief's date must not outlast the
    recovery. `issued_s` is the latest signed time seen (0 for none).
    """

    def __init__(
        self, verifier: "object", now_s: int, unit: str | None = None, sure_s: int | None = None
    ):
        self.state = "root"
        self.now_s = now_s
        self._sure_s = now_s if sure_s is None else sure_s
        self.issued_s = 0
        self.root: metadata.Root = None  # type: ignore[assignment]
        self.timestamp: metadata.Timestamp = None  # type: ignore[assignment]
        self.snapshot: metadata.Snapshot = None  # type: ignore[assignment]
        self.target: metadata.Target | None = None
        self._verifier = verifier
        self._unit = unit
        self._root_digest = ""
        self._rotations = self._visits = 0
        self._drop: tuple[str, ...] = ()
        self._known: set[tuple[str, str, str]] = set()
        self._fetched: set[str] = set()
        self._path = ""
        self._stack: list[_Visit] = []
        self._visit = _Visit("targets", None, "", ())

    def wanted(self) -> Want | None:
        """Return the file to offer next, or None when the cycle or the search is over."""
        state = self.state
        if state == "root":
            return Want("root", "root.json", None, ROOT_BYTES_MAX)
        if state == "next root":
            source = str(self.root.version + 1) + ".root.json"
            return Want("root", "root.json", source, ROOT_BYTES_MAX)
        if state == "old timestamp":
            self._check_root_fresh()
        if state in ("old timestamp", "timestamp"):
            name = "timestamp.json"
            return Want("timestamp", name, None if state in _CACHED else name, TIMESTAMP_BYTES_MAX)
        if state in ("old snapshot", "snapshot"):
            return self._want("snapshot", self.timestamp.snapshot)
        if state in _TARGETS:
            return self._want(self._visit.name, self._meta())
        return None

    def _want(self, role: str, meta: metadata.Meta) -> Want:
        file = quote(role) + ".json"
        source = None
        if self.state not in _CACHED:
            source = str(meta.version) + "." + file if self.root.consistent else file
        return Want(role, file, source, meta.bytes_max())

    def _meta(self) -> metadata.Meta:
        name = self._visit.name
        meta: metadata.Meta | None = self.snapshot.of(name)
        if meta is None:
            self._move("failed")
            raise refusal("trust.not_listed", name[:80] + ": not in the snapshot")
        return meta

    def offer(self, reader: "object") -> Verdict:
        """Judge the wanted file; `reader` has `read(count)`.

        Raises `RemoteFault("trust.*")` when a fetched file is refused; it must not be kept.
        """
        state = self.state
        if state not in _JUDGES:
            raise LocalFault("trust.order", "no file is wanted in state " + state, "ask wanted()")
        try:
            trigger = _JUDGES[state](self, reader)
        except RemoteFault:
            if state not in _CACHED or self._already_fetched():
                self._move("failed")
                raise
            trigger = "refused"
        except (MemoryError, RuntimeError):
            self._move("failed")
            raise refusal("trust.memory", state + ": too big for this board")
        keep = state not in _CACHED and state != "root" and trigger != "unchanged"
        drop, self._drop = self._drop, ()
        self._move(trigger)
        return Verdict(keep, drop)

    def absent(self) -> None:
        """Take note that the wanted file does not exist (a root: that the server has no newer one).

        Raises `RemoteFault("trust.absent")` where the cycle cannot go on without it.
        """
        if self.state not in _JUDGES:
            raise LocalFault("trust.order", "no file is wanted in " + self.state, "ask wanted()")
        if self.state == "role":
            self._fetched.add(self._visit.name)
        if (self.state, "absent") in MOVES and not self._already_fetched():
            self._move("absent")
            return
        code = "trust.no_root" if self.state == "root" else "trust.absent"
        message = self.state + ": there is none"
        self._move("failed")
        raise refusal(code, message)

    def unchanged(self) -> None:
        """Take note that the server's timestamp is the cached one (an answer 304)."""
        if self.state != "timestamp" or self.timestamp is None:
            raise LocalFault("trust.order", "no cached timestamp", "ask without a condition")
        try:
            check_view(self._unit, self.timestamp.unit, "timestamp")
            self._trust_timestamp(self.timestamp)
        except RemoteFault:
            self._move("failed")
            raise
        self._move("unchanged")

    def search(self, path: str) -> None:
        """Begin to look for a target; when `wanted` is None again, `target` holds it or None."""
        self._move("search")
        self._path, self.target, self._visits, self._stack = path, None, 0, []
        self._visit_top()

    def _visit_top(self) -> None:
        self._visit = _Visit("targets", self.root.roles["targets"], self._root_digest, ())
        # Whom a search goes by: name, file, expiry.
        self.asked: list[tuple[str, object, int]] = [("root", self._root_digest, 0)]

    def _already_fetched(self) -> bool:
        # Each role is asked for once in a cycle; its stored file is what the server has.
        return self.state == "old role" and self._visit.name in self._fetched

    def _move(self, trigger: str) -> None:
        state = MOVES.get((self.state, trigger))
        if state is None:
            raise LocalFault("trust.order", trigger + " in state " + self.state, "ask wanted()")
        self.state = state

    # One judge for each state.

    def _signed_by(self, file: File, role: metadata.Role, authority: str) -> None:
        known = (authority, file.where, file.digest)
        if known not in self._known:
            check_signatures(file, role, self._verifier, {})
            if len(self._known) > 2 * DELEGATIONS_MAX:
                self._known.clear()
            self._known.add(known)

    def _judge_root(self, reader: "object") -> str:
        file = File(reader, ROOT_BYTES_MAX, [], "root")
        root = metadata.read_root(file.signed)
        check_signatures(file, root.roles["root"], self._verifier, {})
        self.root = root
        self._root_digest = file.digest
        return "accepted"

    def _judge_next_root(self, reader: "object") -> str:
        file = File(reader, ROOT_BYTES_MAX, [], "root")
        verdicts: dict[tuple[bytes, bytes], bool] = {}
        check_signatures(file, self.root.roles["root"], self._verifier, verdicts)
        root = metadata.read_root(file.signed)
        check_signatures(file, root.roles["root"], self._verifier, verdicts)
        check_version(self.root.version + 1, root.version, "root")
        if online_keys_left(self.root, root):
            self.now_s = self._sure_s
            self._drop = _ONLINE
        self.root = root
        self._root_digest = file.digest
        self._rotations += 1
        return "enough" if self._rotations == ROOT_ROTATIONS_MAX else "accepted"

    def _check_root_fresh(self) -> None:
        try:
            check_fresh(self.root.expires_s, self.now_s, "root")
        except RemoteFault:
            self._move("failed")
            raise

    def _judge_old_timestamp(self, reader: "object") -> str:
        file = File(reader, TIMESTAMP_BYTES_MAX, [], "timestamp")
        self._signed_by(file, self.root.roles["timestamp"], self._root_digest)
        self.timestamp = metadata.read_timestamp(file.signed, self._unit)
        self._note_time(self.timestamp.issued_s)
        return "accepted"

    def _note_time(self, issued_s: int | None) -> None:
        # A signed time is the least that it can be now; without our view fields there is none.
        self.issued_s = max(self.issued_s, issued_s or 0)
        self.now_s = max(self.now_s, self.issued_s)

    def _judge_timestamp(self, reader: "object") -> str:
        file = File(reader, TIMESTAMP_BYTES_MAX, [], "timestamp")
        self._signed_by(file, self.root.roles["timestamp"], self._root_digest)
        new = metadata.read_timestamp(file.signed, self._unit)
        check_view(self._unit, new.unit, "timestamp")
        old = self.timestamp
        if old is not None:
            check_timestamp_rollback(old, new)
            if new.version == old.version and new.unit == old.unit:
                self._trust_timestamp(old)
                return "unchanged"
        self._trust_timestamp(new)
        return "accepted"

    def _trust_timestamp(self, timestamp: metadata.Timestamp) -> None:
        self._note_time(timestamp.issued_s)
        check_fresh(timestamp.expires_s, self.now_s, "timestamp")
        self.timestamp = timestamp

    def _judge_old_snapshot(self, reader: "object") -> str:
        meta = self.timestamp.snapshot
        file = File(reader, METADATA_BYTES_MAX, list(meta.hashes), "snapshot")
        self._signed_by(file, self.root.roles["snapshot"], self._root_digest)
        snapshot = metadata.read_snapshot(file.signed, self._unit)
        # Even when outdated or expired it stands: the new one is compared with it.
        self.snapshot = remembered(snapshot)
        if snapshot.version != meta.version or snapshot.unit != self._unit:
            return "outdated"
        file.hash.check(meta.length, meta.hashes, "snapshot")
        check_fresh(snapshot.expires_s, self.now_s, "snapshot")
        self.snapshot = snapshot
        self._visit_top()
        return "accepted"

    def _judge_snapshot(self, reader: "object") -> str:
        meta = self.timestamp.snapshot
        file = File(reader, meta.bytes_max(), list(meta.hashes), "snapshot")
        file.hash.check(meta.length, meta.hashes, "snapshot")
        self._signed_by(file, self.root.roles["snapshot"], self._root_digest)
        new = metadata.read_snapshot(file.signed, self._unit)
        check_view(self._unit, new.unit, "snapshot")
        check_version(meta.version, new.version, "snapshot")
        if self.snapshot is not None:
            check_snapshot_rollback(self.snapshot, new)
        check_fresh(new.expires_s, self.now_s, "snapshot")
        self.snapshot = new
        self._visit_top()
        return "accepted"

    def _judge_targets(self, reader: "object") -> str:
        visit, where = self._visit, self._visit.name
        if self.state not in _CACHED:
            self._fetched.add(visit.name)
        meta = self._meta()
        file = File(reader, meta.bytes_max(), list(meta.hashes), where)
        file.hash.check(meta.length, meta.hashes, where)
        self._signed_by(file, visit.role, visit.authority)
        version, expires_s = metadata.read_targets(file.signed, where)
        check_version(meta.version, version, where)
        check_fresh(expires_s, self.now_s, where)
        if self.state in ("old targets", "targets"):
            return "accepted"
        self.asked.append((where, meta, expires_s))
        return self._examine(file, where)

    def _examine(self, file: File, where: str) -> str:
        # Pre-order, depth first (5.6.7): this role, then its delegations in their order.
        visit = self._visit
        self.target = metadata.find_target(file.signed, self._path, where)
        if self.target is not None:
            return "done"
        delegations = delegation.find(file.signed, self._path, where)
        if delegations and delegations[-1].terminating:
            self._stack = []
        way = visit.path + (visit.name,)
        for found in reversed(delegations):
            self._stack.append(_Visit(found.name, found.role, file.digest, way))
        while self._stack and self._visits < DELEGATIONS_MAX:
            visit = self._stack.pop()
            if visit.name not in visit.path:
                self._visits += 1
                self._visit = visit
                return "more"
        return "done"


_JUDGES = {
    "root": Trust._judge_root,
    "next root": Trust._judge_next_root,
    "old timestamp": Trust._judge_old_timestamp,
    "timestamp": Trust._judge_timestamp,
    "old snapshot": Trust._judge_old_snapshot,
    "snapshot": Trust._judge_snapshot,
    "old targets": Trust._judge_targets,
    "targets": Trust._judge_targets,
    "old role": Trust._judge_targets,
    "role": Trust._judge_targets,
}
