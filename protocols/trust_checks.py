"""The single checks of the TUF client, each refusing with its own code and remedy."""

from protocols.canonical import Message, decode, decode_reader, encode
from protocols.errors import RemoteFault
from protocols.file_hash import FileHash
from protocols.metadata import Meta, Role, Root, Snapshot, Timestamp, envelope, signature_bytes

# Names and versions, by turns, in one piece of what is remembered of a snapshot.
_REMEMBERED_MAX = 32
REMEDIES = {
    "trust.absent": "publish the file, or point the node at the right address",
    "trust.bad_signature": "refuse it; somebody altered the file or signed with another key",
    "trust.expired": "renew the role, or check the clock; nothing new is taken until then",
    "trust.format": "refuse the file; tell who publishes this repository",
    "trust.length": "fetch it again; if it stays so, the server or the line alters files",
    "trust.memory": "publish smaller role files, or use a bigger board",
    "trust.no_root": "provision the node with the root of its province",
    "trust.not_listed": "publish a snapshot that lists the role",
    "trust.rollback": "refuse it; an older state is being served",
    "trust.threshold": "refuse it until enough approvers have signed",
    "trust.unknown_target": "check the path, and which role signs it",
    "trust.version": "fetch it again; the files served do not belong together",
    "trust.wrong_view": "point the node at the address of its own unit",
}


def refusal(code: str, message: str) -> RemoteFault:
    """Return the error of a code, with its remedy."""
    return RemoteFault(code, message[:200], REMEDIES[code])


class File:
    """One metadata file as it was read: `signed`, `signatures`, and `hash` of all its bytes."""

    def __init__(self, reader: "object", bytes_max: int, algorithms: "list[str]", where: str):
        self.where = where
        self.hash = FileHash(["sha256"] + [name for name in algorithms if name != "sha256"])
        self._reader = reader
        try:
            document = decode_reader(self._read, bytes_max)
        except RemoteFault as fault:
            code = "trust.length" if fault.code == "json.long" else "trust.format"
            raise refusal(code, where + ": " + fault.code + ", " + fault.message)
        self.signed, self.signatures = envelope(document, where)
        self.digest = self.hash.digest("sha256")

    def _read(self, count: int) -> bytes:
        data: bytes = self._reader.read(count)  # type: ignore[attr-defined]
        self.hash.update(data)
        return data


def check_signatures(
    file: File, role: Role, verifier: "object", verdicts: "dict[tuple[bytes, bytes], bool]"
) -> None:
    """Require signatures by a threshold of different keys of a role (5.3.4, 5.4.2, ...).

    Two key ids of one key count once. `verdicts` remembers what was verified of this file before.
    Raises `RemoteFault("trust.bad_signature" | "trust.threshold")`.
    """
    message = Message(file.signed)
    good: set[bytes] = set()
    bad = 0
    for key_id in file.signatures:
        if len(good) >= role.threshold:
            break
        if key_id not in role.keys:
            continue
        scheme, public = role.keys[key_id]
        signature = signature_bytes(file.signatures[key_id])
        verdict = verdicts.get((public, signature))
        if verdict is None:
            verdict = verifier.verify(scheme, public, signature, message)  # type: ignore
            verdicts[(public, signature)] = verdict
        if verdict:
            good.add(public)
        else:
            bad += 1
    if len(good) < role.threshold:
        count = str(len(good)) + " of " + str(role.threshold) + " signatures"
        raise refusal(
            "trust.bad_signature" if bad else "trust.threshold", file.where + ": " + count
        )


def check_fresh(expires_s: int, now_s: int, where: str) -> None:
    """Require that a role has not expired: its time must be later than the start (5.3.10, ...)."""
    if expires_s <= now_s:
        raise refusal("trust.expired", where + ": expired")


def check_view(unit: str | None, given: str | None, where: str) -> None:
    """Require our own unit's view where the unit is known."""
    if unit is not None and given != unit:
        raise refusal("trust.wrong_view", where + ": view of unit " + str(given)[:40])


def check_version(expected: int, given: int, where: str) -> None:
    """Require exactly the version that was announced (5.3.5, 5.5.4, 5.6.4)."""
    if given != expected:
        message = where + ": version " + str(given) + " instead of " + str(expected)
        raise refusal("trust.version", message)


def check_timestamp_rollback(old: Timestamp, new: Timestamp) -> None:
    """Refuse a timestamp, or its snapshot, older than what was trusted (5.4.3)."""
    if new.version < old.version:
        raise refusal("trust.rollback", "timestamp: older than the trusted one")
    if new.snapshot.version < old.snapshot.version:
        raise refusal("trust.rollback", "timestamp: names an older snapshot than the trusted one")


def remembered(snapshot: Snapshot) -> Snapshot:
    """Return what `check_snapshot_rollback` needs of a snapshot, in a third of the memory.

    Its `meta` is a list of pieces, each the canonical list of some names and versions by turns.
    """
    pieces = []
    piece: list[object] = []
    for name, listed in snapshot.meta.items():
        piece.append(name)
        piece.append(_listed_version(listed))
        if len(piece) >= _REMEMBERED_MAX:
            pieces.append(encode(piece))
            piece = []
    pieces.append(encode(piece))
    return Snapshot(snapshot.version, snapshot.expires_s, pieces, snapshot.unit, snapshot.issued_s)


def check_snapshot_rollback(old: Snapshot, new: Snapshot) -> None:
    """Refuse a snapshot that is older, or in which a role is older or gone (5.5.5).

    Its own version counts too: the timestamp that named the old one may be lost (5.4.3). Between
    the views of two units roles may go, as each lists its own chain; none may be older. `old` is as
    `remembered`.
    """
    if new.version < old.version:
        raise refusal("trust.rollback", "snapshot: older than the trusted one")
    for piece in old.meta:
        pairs: list[object] = decode(piece, len(piece))  # type: ignore[assignment]
        for at in range(0, len(pairs), 2):
            name = str(pairs[at])
            listed = new.meta.get(name)
            if listed is None:
                if old.unit == new.unit:
                    raise refusal("trust.rollback", "snapshot: no longer lists " + name)
            elif _listed_version(listed) < int(pairs[at + 1]):  # type: ignore[call-overload]
                raise refusal("trust.rollback", "snapshot: lists an older " + name)


def _listed_version(listed: "Meta | int") -> int:
    return listed if isinstance(listed, int) else int(listed.version)


def online_keys_left(old: Root, new: Root) -> bool:
    """Tell whether a key of timestamp or snapshot was taken away (5.3.11)."""
    for name in ("timestamp", "snapshot"):
        kept = set(new.roles[name].keys.values())
        for key in old.roles[name].keys.values():
            if key not in kept:
                return True
    return False
