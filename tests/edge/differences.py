"""Every difference from `tuf.ngclient` that we accept, one by one, with its reason.

A difference is accepted only in a story with the breakage it names, on the side it names, with the
fault it names. Where only the stores differ, either client's fault may be the one that counts.
"""

import re
from collections import namedtuple

# `story` fits one thing told of the story, `side` is who refuses, `says` fits what it says.
Difference = namedtuple("Difference", ("name", "story", "side", "says"))

_DELEGATED = "((?!root|timestamp|snapshot|targets)[^=: ]+(=[0-9]+ ?)?)+"
DIFFERENCES = tuple(
    Difference(*row)
    for row in (
        # What JSON is. Signed bytes must mean one thing to every reader, so ours takes one writing.
        (
            "a key twice in an object: theirs takes the last",
            "raw .*: key twice",
            "ours",
            "json.duplicate",
        ),
        (
            "fractions, NaN, integers over 2^53-1: theirs takes them unless signed",
            "raw .*: (NaN|fraction|large number)",
            "ours",
            "json.number",
        ),
        (
            "half a surrogate pair: theirs takes it unless signed",
            "raw .*: half a pair",
            "ours",
            "json.encoding",
        ),
        (
            "nesting over 16 levels: theirs has no limit",
            "raw .*: (very )?nested",
            "ours",
            "json.depth",
        ),
        ("a string over 64 KiB: theirs has no limit", "raw .*: long text", "ours", "json.string"),
        (
            "a byte order mark, or UTF-16: theirs guesses the encoding",
            "raw .*: (BOM|UTF-16)",
            "ours",
            "json.(encoding|syntax)",
        ),
        # Limits of a small board.
        (
            "512 KiB of targets or snapshot, 64 KiB of root: theirs takes 5 MB, 2 MB and 512 KB",
            "raw .*: (large|very nested|long text)",
            "ours",
            "trust.length: more than (524288|65536)",
        ),
        # Types. Theirs lets Python's truth pass for a number, and some fields be anything.
        (
            "true is no number",
            "keys of .*: threshold true|field .* = (True|False)",
            "ours",
            "(threshold|version|length|bit_length) is missing or of a wrong type",
        ),
        (
            "a signature is text, even of an unknown key",
            "signatures .*: number",
            "ours",
            "sig is missing or of a wrong type",
        ),
        (
            "key ids are text",
            r"field .*(keyids|root: roles\.\w+\.\*\.\*).* = ",
            "ours",
            "keyids: holds something else than text",
        ),
        (
            "a listing of no bytes is a mistake",
            "listing of .*: length 0|field .*length = (0|False)",
            "ours",
            "length is below 1",
        ),
        (
            "a snapshot lists files that end in .json",
            r"listing of .*: no json|field snapshot: meta.(\*|more) ",
            "ours",
            "a file name does not end in .json",
        ),
        (
            "a timestamp describes the snapshot alone",
            r"listing of snapshot: (one more|no json)|field timestamp: meta.more",
            "ours",
            "meta does not describe snapshot.json alone",
        ),
        (
            "times are written in one way",
            "field .*expires = '2031-3-1T0:0:0Z'",
            "ours",
            "expires is not YYYY",
        ),
        (
            "ed25519 keys are written in lower-case hex",
            "keys of .*: key upper hex",
            "ours",
            "trust.(threshold|bad_signature)",
        ),
        (
            "consistent_snapshot is true or false",
            "field root: consistent_snapshot = ",
            "ours",
            "consistent_snapshot is not true or false",
        ),
        (
            "terminating is true or false",
            "delegation: terminating number|field .*terminating",
            "ours",
            "terminating is not true or false",
        ),
        (
            "a role's name is text",
            r"field .*roles.\*.name = ",
            "ours",
            "name is missing or of a wrong type",
        ),
        (
            "a role's name fits a file's",
            "delegation: named long",
            "ours",
            "name is reserved or too long",
        ),
        (
            "paths are a list",
            "delegation: paths text|field .*(paths|prefixes) = ",
            "ours",
            "(paths|prefixes): not a list",
        ),
        ("key ids are a list", "field .*keyids = ", "ours", "keyids: not a list"),
        # Theirs asks nothing of a snapshot that it stored earlier but its signature and version.
        (
            "a stored snapshot, too, has the hash that the timestamp signs",
            "listing of snapshot: version (less|1)",
            "ours",
            # Ours then fetches: by an address without a version it gets the file of that hash.
            "trust.((hash|length): snapshot: not the (hash|length) that is signed"
            "|version: snapshot: version)",
        ),
        # Where ours is laxer, because the specification says so.
        (
            "keys of unknown kinds count for nothing (4.2)",
            r"keys of .*: key (scheme|type)|field .*keys.\*.(keytype|scheme) ",
            "theirs",
            "DeserializationError",
        ),
        (
            "a delegation without paths is trusted for nothing",
            "delegation: paths gone|field .*roles.*.(paths|path_hash_prefixes) removed",
            "theirs",
            "DeserializationError",
        ),
        (
            "roles of a root beyond the four are ignored (4.3)",
            r"field root: roles.(more|\*) = ",
            "theirs",
            "DeserializationError",
        ),
        # Each role is asked for once in a cycle. A role of two delegators that fails for one and
        # would do for the other is then found by the next cycle. (Our roles have one delegator.)
        (
            "a role that failed is not asked for again",
            "they ask again",
            "ours",
            "trust.(version|hash|length|threshold|bad_signature): " + _DELEGATED,
        ),
        (
            "a role that failed is not stored later",
            "they ask again",
            "store",
            f"^{_DELEGATED}$",
        ),
        # 5.3.11: theirs leaves files of which one key left, when others still satisfy the root.
        (
            "a key of timestamp or snapshot left: ours removes what it signed",
            "(keys of root:|field root: (keys|roles)|rotate_a_top_role)",
            "store",
            r"^(root.json=\d+ )?(snapshot.json=0)?( ?timestamp.json=0)?$",
        ),
        # So ours then takes a timestamp whatever its number; theirs keeps the old one.
        (
            "a key of timestamp or snapshot left: ours begins anew with the timestamp",
            "keys of root: a key id less",
            "store",
            r"^(root.json=\d+ )?snapshot.json=0 timestamp.json=\d+$",
        ),
    )
)


def explain(told: tuple[str, ...], step: str, ours: "list", theirs: "list") -> str:
    """Return the name of the accepted difference, or nothing.

    `step` is where they part ("store" for what is kept); `ours` and `theirs` are the steps so far.
    """
    says = {
        "ours": "\n".join(one.detail for one in ours if not one.good),
        "theirs": "\n".join(one.detail for one in theirs if not one.good),
    }
    sides = ("ours", "theirs", "store") if step == "store" else ("ours",)
    if step != "store":
        sides = ("ours",) if not ours[-1].good else ("theirs",)
    for one in DIFFERENCES:
        if one.side not in sides or not any(re.match(one.story, what) for what in told):
            continue
        text = ours[-1].detail if one.side == "store" else says[one.side]
        if re.search(one.says, text):
            return one.name
    return ""
