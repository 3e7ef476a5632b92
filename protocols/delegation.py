"""Which delegated role is trusted for which path (TUF specification 4.5 and TAP 15)."""

import hashlib
from binascii import hexlify

from protocols import metadata
from protocols.metadata import Delegation


def matches(pattern: str, path: str) -> bool:
    """Tell whether a shell pattern fits a path; no wildcard crosses `/`.

    `*`, `?`, `[seq]` and `[!seq]` mean what glob(7) and Python's `fnmatch` give them.
    """
    patterns = pattern.split("/")
    names = path.split("/")
    if len(patterns) != len(names):
        return False
    for at in range(len(names)):
        if not _fits(patterns[at], names[at]):
            return False
    return True


def _fits(pattern: str, name: str) -> bool:
    # Greedy, going back to the last star only: never more than len(pattern) * len(name) steps.
    at = to = 0
    star = back = -1
    while to < len(name):
        step = 0
        if at < len(pattern):
            mark = pattern[at]
            if mark == "*":
                star, back = at, to
                at += 1
                continue
            if mark == "[":
                step = _class(pattern, at, name[to])
            elif mark in ("?", name[to]):
                step = 1
        if step > 0:
            at += step
            to += 1
        elif star >= 0:
            back += 1
            at, to = star + 1, back
        else:
            return False
    while at < len(pattern) and pattern[at] == "*":
        at += 1
    return at == len(pattern)


def _class(pattern: str, start: int, character: str) -> int:
    # How long the class at `start` is when it fits the character, else 0.
    at = start + 1
    negated = pattern[at : at + 1] == "!"
    if negated:
        at += 1
    end = pattern.find("]", at + 1)
    if end < 0:
        # Without its end the bracket is an ordinary character.
        return 1 if character == "[" else 0
    found = False
    while at < end:
        low = high = pattern[at]
        if at + 2 < end and pattern[at + 1] == "-":
            high = pattern[at + 2]
            at += 2
        at += 1
        if low <= character <= high:
            found = True
    return end + 1 - start if found != negated else 0


def path_hash(path: str) -> str:
    """Return the SHA-256 of a path in lower-case hex."""
    return hexlify(hashlib.sha256(path.encode()).digest()).decode()


def bin_name(prefix: str, bit_length: int, path: str) -> str:
    """Return the name of the bin of a path: the first bits of its hash, in hex (TAP 15)."""
    number = int(path_hash(path)[:8], 16) >> (32 - bit_length)
    digits = (bit_length + 3) // 4
    text = "%x" % number
    return prefix + "-" + "0" * (digits - len(text)) + text


def _trusted(entry: "dict[str, object]", path: str, digest: str) -> bool:
    patterns: list[str] = entry.get("paths", ())  # type: ignore[assignment]
    for pattern in patterns:
        if matches(pattern, path):
            return True
    prefixes: list[str] = entry.get("path_hash_prefixes", ())  # type: ignore[assignment]
    for prefix in prefixes:
        if digest.startswith(prefix):
            return True
    return False


def find(signed: "dict[str, object]", path: str, where: str) -> "list[Delegation]":
    """Return the delegations of a checked targets file that are trusted for a path, in order.

    Ends with the first terminating one: what follows it is never asked (5.6.7.2).
    """
    delegations: dict[str, object] = signed.get("delegations")  # type: ignore[assignment]
    if delegations is None:
        return []
    ring = metadata.KeyRing(delegations["keys"])  # type: ignore[arg-type]
    succinct: dict[str, object] = delegations.get("succinct_roles")  # type: ignore[assignment]
    if succinct is not None:
        bits: int = succinct["bit_length"]  # type: ignore[assignment]
        name = bin_name(str(succinct["name_prefix"]), bits, path)
        return [Delegation(name, ring.role(succinct, where), True)]
    digest = path_hash(path)
    found = []
    roles: list[dict[str, object]] = delegations["roles"]
    for entry in roles:
        if _trusted(entry, path, digest):
            role = ring.role(entry, where)
            found.append(Delegation(entry["name"], role, entry["terminating"]))
            if entry["terminating"]:
                break
    return found
