"""The fields of TUF metadata, read strictly (specification 1.0.37, section 4).

Takes what `protocols.canonical` decoded and returns small values that hold only what the client
needs. Every type is checked by hand; a broken field raises `RemoteFault("trust.format")` that names
it. Unknown fields are tolerated everywhere, as section 4 asks: they are signed, never read.
"""

from binascii import unhexlify
from collections import namedtuple

from protocols import keys
from protocols.errors import RemoteFault
from protocols.limits import (
    DELEGATED_ROLES_MAX,
    KEYS_MAX,
    METADATA_BYTES_MAX,
    PATTERNS_MAX,
    ROLE_NAME_BYTES_MAX,
    SIGNATURES_MAX,
)

TOP_LEVEL = ("root", "targets", "snapshot", "timestamp")
SPEC_MAJOR = "1"
_REMEDY = "refuse the file; tell who publishes this repository"


class Role(namedtuple("Role", ("keys", "threshold"))):
    """Who may sign: `keys` maps key id to (scheme, public bytes), `threshold` how many must."""


class Meta(namedtuple("Meta", ("version", "length", "hashes"))):
    """What one file says of another: length may be None, hashes may be empty."""

    def bytes_max(self) -> int:
        """Return how long the file may be at most."""
        return int(min(self.length or METADATA_BYTES_MAX, METADATA_BYTES_MAX))


class Root(namedtuple("Root", ("version", "expires_s", "consistent", "roles"))):
    """The trusted keys: `roles` maps the four top-level names to `Role`."""


class Timestamp(namedtuple("Timestamp", ("version", "expires_s", "snapshot", "unit", "issued_s"))):
    """Which snapshot is current; `unit` and `issued_s` are our view fields, or None."""


class Snapshot(namedtuple("Snapshot", ("version", "expires_s", "meta", "unit", "issued_s"))):
    """Which version of every targets file is current.

    `meta` maps file name to `Meta`, or to the bare version where nothing else is said: a province
    lists hundreds, and two lists must fit a small heap, the one held and the one offered.
    """

    def of(self, role: str) -> Meta | None:
        """Return what is said of a role's file, or None."""
        found: Meta | int | None = self.meta.get(role + ".json")
        return Meta(found, None, {}) if isinstance(found, int) else found


class Target(namedtuple("Target", ("path", "length", "hashes", "custom"))):
    """One target file: `hashes` maps algorithm to lower-case hex, `custom` is opaque."""


class Delegation(namedtuple("Delegation", ("name", "role", "terminating"))):
    """One delegated role that is trusted for the path asked for."""


def broken(where: str, message: str) -> RemoteFault:
    """Return the error of a field that breaks the format."""
    return RemoteFault("trust.format", where[:80] + ": " + message, _REMEDY)


def take(fields: "dict[str, object]", name: str, kind: "type", where: str) -> "object":
    """Return a field that must be there and of one type; `bool` is no `int`."""
    value = fields.get(name)
    if not isinstance(value, kind) or (kind is int and (value is True or value is False)):
        raise broken(where, name + " is missing or of a wrong type")
    return value


def _number(fields: "dict[str, object]", name: str, least: int, where: str) -> int:
    value: int = take(fields, name, int, where)  # type: ignore[assignment]
    if value < least:
        raise broken(where, name + " is below " + str(least))
    return value


def _texts(value: object, where: str, count_max: int) -> "list[str]":
    if not isinstance(value, list) or len(value) > count_max:
        raise broken(where, "not a list, or too long")
    for item in value:
        if not isinstance(item, str):
            raise broken(where, "holds something else than text")
    return value


def envelope(document: object, where: str) -> "tuple[dict[str, object], dict[str, str]]":
    """Return (signed, signatures by key id) of a metadata file.

    A key id that stands twice is refused (4.2.1). A signature's hex is judged where it is used.
    """
    if not isinstance(document, dict):
        raise broken(where, "not an object")
    signed: dict[str, object] = take(document, "signed", dict, where)  # type: ignore[assignment]
    listed: list[object] = take(document, "signatures", list, where)  # type: ignore[assignment]
    if len(listed) > SIGNATURES_MAX:
        raise broken(where, "too many signatures")
    signatures: dict[str, str] = {}
    for entry in listed:
        if not isinstance(entry, dict):
            raise broken(where, "a signature is not an object")
        key_id = take(entry, "keyid", str, where)
        if key_id in signatures:
            raise broken(where, "a key id stands twice among the signatures")
        signatures[key_id] = take(entry, "sig", str, where)  # type: ignore
    return signed, signatures


def seconds(text: str) -> int | None:
    """Return Unix seconds of "YYYY-MM-DDTHH:MM:SSZ", or None when it is not exactly that."""
    if len(text) != 20:
        return None
    for at in range(20):
        mark = "dddd-dd-ddTdd:dd:ddZ"[at]
        if not ("0" <= text[at] <= "9" if mark == "d" else text[at] == mark):
            return None
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    hour, minute, second = int(text[11:13]), int(text[14:16]), int(text[17:19])
    if not 1 <= month <= 12 or hour > 23 or minute > 59 or second > 59:
        return None
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    lengths = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    if year < 1 or not 1 <= day <= lengths[month - 1]:
        return None
    # Days since 1970 in the Gregorian calendar, years starting in March.
    if month < 3:
        year -= 1
        month += 12
    days = year * 365 + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day
    return (days - 719469) * 86400 + hour * 3600 + minute * 60 + second


def _head(signed: "dict[str, object]", kind: str) -> "tuple[int, int]":
    # Check type and specification version; return (version, expiry).
    if signed.get("_type") != kind:
        raise broken(kind, "_type is not " + kind)
    parts = str(take(signed, "spec_version", str, kind)).split(".")
    if not 2 <= len(parts) <= 3 or parts[0] != SPEC_MAJOR:
        raise broken(kind, "spec_version is not 1.x")
    for part in parts:
        if not part or [c for c in part if not "0" <= c <= "9"]:
            raise broken(kind, "spec_version is not a version")
    expires_s = seconds(str(take(signed, "expires", str, kind)))
    if expires_s is None:
        raise broken(kind, "expires is not YYYY-MM-DDTHH:MM:SSZ")
    return _number(signed, "version", 1, kind), expires_s


def _check_keys(listed: object, where: str) -> "dict[str, dict[str, object]]":
    if not isinstance(listed, dict) or len(listed) > KEYS_MAX:
        raise broken(where, "keys is not an object, or too long")
    for key in listed.values():
        if not isinstance(key, dict):
            raise broken(where, "a key is not an object")
        take(key, "keytype", str, where)
        take(key, "scheme", str, where)
        take(take(key, "keyval", dict, where), "public", str, where)  # type: ignore[arg-type]
    return listed


def _check_role(entry: object, where: str) -> "tuple[list[str], int]":
    if not isinstance(entry, dict):
        raise broken(where, "a role is not an object")
    key_ids = _texts(entry.get("keyids"), where + " keyids", KEYS_MAX)
    if len(set(key_ids)) != len(key_ids):
        raise broken(where, "a key id stands twice")
    return key_ids, _number(entry, "threshold", 1, where)


class KeyRing:
    """The keys of one file, each parsed once, so that all roles share it."""

    def __init__(self, known: "dict[str, dict[str, object]]"):
        self._known = known
        self._parsed: dict[str, tuple[str, bytes] | None] = {}
        self._last = Role({}, 0)

    def role(self, entry: object, where: str) -> Role:
        """Return the role of an entry; one like the last is the last.

        A key that is not listed or that we cannot use counts for nothing; it breaks nothing.
        """
        key_ids, threshold = _check_role(entry, where)
        usable = {}
        for key_id in key_ids:
            key = self._key(key_id)
            if key is not None:
                usable[key_id] = key
        if usable != self._last.keys or threshold != self._last.threshold:
            self._last = Role(usable, threshold)
        return self._last

    def _key(self, key_id: str) -> "tuple[str, bytes] | None":
        if key_id not in self._parsed:
            self._parsed[key_id] = None
            if key_id in self._known:
                try:
                    self._parsed[key_id] = keys.parse(self._known[key_id])
                except RemoteFault:
                    return None
        return self._parsed[key_id]


def read_root(signed: "dict[str, object]") -> Root:
    """Read a root (4.3): all four roles must stand, others are ignored."""
    version, expires_s = _head(signed, "root")
    consistent = signed.get("consistent_snapshot", False)
    if consistent is not True and consistent is not False:
        raise broken("root", "consistent_snapshot is not true or false")
    ring = KeyRing(_check_keys(signed.get("keys"), "root"))
    entries: dict[str, object] = take(signed, "roles", dict, "root")  # type: ignore[assignment]
    roles = {}
    for name in TOP_LEVEL:
        roles[name] = ring.role(entries.get(name), "root " + name)
    return Root(version, expires_s, consistent, roles)


def _hashes(value: object, where: str) -> "dict[str, str]":
    if not isinstance(value, dict) or not value:
        raise broken(where, "hashes is not an object, or empty")
    for digest in value.values():
        if not isinstance(digest, str):
            raise broken(where, "a hash is not text")
    return value


def _meta(entry: object, where: str) -> Meta:
    if not isinstance(entry, dict):
        raise broken(where, "not an object")
    length = _number(entry, "length", 1, where) if "length" in entry else None
    hashes = _hashes(entry["hashes"], where) if "hashes" in entry else {}
    return Meta(_number(entry, "version", 1, where), length, hashes)


def _view(signed: "dict[str, object]", kind: str, unit: str | None) -> "tuple[object, object]":
    # Our own fields mean something only to a node that knows its unit; then both must stand.
    if unit is None:
        return None, None
    return take(signed, "x-unit", str, kind), _number(signed, "x-issued", 0, kind)


def read_timestamp(signed: "dict[str, object]", unit: str | None) -> Timestamp:
    """Read a timestamp (4.6), which describes the snapshot and nothing else."""
    version, expires_s = _head(signed, "timestamp")
    meta: dict[str, object] = take(signed, "meta", dict, "timestamp")  # type: ignore[assignment]
    if len(meta) != 1 or "snapshot.json" not in meta:
        raise broken("timestamp", "meta does not describe snapshot.json alone")
    snapshot = _meta(meta["snapshot.json"], "timestamp snapshot.json")
    owner, issued_s = _view(signed, "timestamp", unit)
    return Timestamp(version, expires_s, snapshot, owner, issued_s)


def read_snapshot(signed: "dict[str, object]", unit: str | None) -> Snapshot:
    """Read a snapshot (4.4), and consume it: its list becomes the `meta` returned."""
    version, expires_s = _head(signed, "snapshot")
    meta: dict[str, object] = take(signed, "meta", dict, "snapshot")  # type: ignore[assignment]
    for name, entry in meta.items():
        if not name.endswith(".json"):
            raise broken("snapshot", "a file name does not end in .json")
        read = _meta(entry, "snapshot " + name)
        meta[name] = read if read.length or read.hashes else read.version
    owner, issued_s = _view(signed, "snapshot", unit)
    return Snapshot(version, expires_s, meta, owner, issued_s)


def read_targets(signed: "dict[str, object]", where: str) -> "tuple[int, int]":
    """Check a whole targets file (4.5) and return (version, expiry)."""
    version, expires_s = _head(signed, "targets")
    targets: dict[str, object] = take(signed, "targets", dict, where)  # type: ignore[assignment]
    for path, entry in targets.items():
        _target(entry, path, where)
    if "delegations" in signed:
        _check_delegations(signed["delegations"], where)
    return version, expires_s


def _target(entry: object, path: str, where: str) -> Target:
    if not isinstance(entry, dict):
        raise broken(where, "a target is not an object")
    hashes = _hashes(entry.get("hashes"), where)
    return Target(path, _number(entry, "length", 0, where), hashes, entry.get("custom"))


def _check_delegations(value: object, where: str) -> None:
    if not isinstance(value, dict):
        raise broken(where, "delegations is not an object")
    _check_keys(value.get("keys"), where)
    if "succinct_roles" in value:
        if "roles" in value:
            raise broken(where, "both roles and succinct_roles")
        entry: dict[str, object]
        entry = take(value, "succinct_roles", dict, where)  # type: ignore[assignment]
        _check_role(entry, where)
        take(entry, "name_prefix", str, where)
        if not 1 <= _number(entry, "bit_length", 1, where) <= 32:
            raise broken(where, "bit_length is not within 1 and 32")
        return
    listed: list[object] = take(value, "roles", list, where)  # type: ignore[assignment]
    if len(listed) > DELEGATED_ROLES_MAX:
        raise broken(where, "too many delegated roles")
    names = set()
    for delegated in listed:
        _check_role(delegated, where)
        names.add(_check_delegated(delegated, where))  # type: ignore[arg-type]
    if len(names) != len(listed):
        raise broken(where, "a role name stands twice")


def _check_delegated(entry: "dict[str, object]", where: str) -> str:
    name = str(take(entry, "name", str, where))
    # On a FAT disk, names that differ only in case are one file.
    if not name or name.lower() in TOP_LEVEL or len(name.encode()) > ROLE_NAME_BYTES_MAX:
        raise broken(where, "a delegated role's name is reserved or too long")
    terminating = entry.get("terminating")
    if terminating is not True and terminating is not False:
        raise broken(where, "terminating is not true or false")
    if "paths" in entry and "path_hash_prefixes" in entry:
        raise broken(where, "both paths and path_hash_prefixes")
    for field in ("paths", "path_hash_prefixes"):
        if field in entry:
            _texts(entry[field], where + " " + field, PATTERNS_MAX)
    return name


def find_target(signed: "dict[str, object]", path: str, where: str) -> Target | None:
    """Return the target of a path in a checked targets file, or None."""
    targets: dict[str, object] = signed["targets"]  # type: ignore[assignment]
    return _target(targets[path], path, where) if path in targets else None


def signature_bytes(text: str) -> bytes:
    """Return a signature's bytes, empty when its hex is broken: it then fits no key."""
    try:
        return unhexlify(text)
    except ValueError:
        return b""
