"""What can be wrong with a repository: one function each, drawn by a story.

A breakage registers what it alters and returns how it is told. Names of roles, paths and values in
the telling are what `tests.edge.differences` matches on.
"""

import json
from datetime import timedelta

from tests.edge.delegation_breakages import delegation, target
from tests.edge.fields import break_a_field
from tests.edge.repository import TOP
from tests.edge.story import Story, kind_of

UNSIGNED = ("timestamp", "snapshot", "targets")


def break_something(story: Story) -> None:
    """Break a story in one or two ways, and publish it."""
    for _ in range(story.pick((1, 1, 2))):
        action = story.pick(BREAKAGES)
        told = action(story)
        if told:
            story.told.append(told)
    story.publish_all(root=any(role == "root" for role in _touched(story)) or story.chance(0.2))


def _touched(story: Story) -> list[str]:
    return [*story.changes, *story.envelopes, *story.raws]


def _role(story: Story, roles=None) -> str:
    return story.pick(roles or (*TOP, "targets", *story.delegated(), *story.delegated()))


# Signatures and keys.


def signatures(story: Story) -> str:
    """Spoil the list of signatures."""
    role = _role(story)

    def foreign(document):
        key = story.signer()
        document["signatures"] = [key.sign(b"other").to_dict()]

    def flip(document):
        text = document["signatures"][0]["sig"]
        document["signatures"][0]["sig"] = ("1" if text[0] != "1" else "2") + text[1:]

    def swap(document):
        listed = document["signatures"]
        if len(listed) > 1:
            listed[0]["sig"], listed[1]["sig"] = listed[1]["sig"], listed[0]["sig"]

    def extra(entry):
        return lambda document: document["signatures"].insert(0, entry)

    actions = {
        "none": lambda document: document["signatures"].clear(),
        "one less": lambda document: document["signatures"].pop(),
        "reversed": lambda document: document["signatures"].reverse(),
        "foreign": foreign,
        "flipped": flip,
        "swapped": swap,
        "empty": lambda document: document["signatures"][0].update(sig=""),
        "odd hex": lambda document: document["signatures"][0].update(sig="abc"),
        "no hex": lambda document: document["signatures"][0].update(sig="zz" * 64),
        "upper hex": lambda document: document["signatures"][0].update(
            sig=document["signatures"][0]["sig"].upper()
        ),
        "short": lambda document: document["signatures"][0].update(sig="00" * 32),
        "long": lambda document: document["signatures"][0].update(
            sig=document["signatures"][0]["sig"] + "00"
        ),
        "twice": lambda document: document["signatures"].append(document["signatures"][0]),
        "unknown key": extra({"keyid": "ff" * 32, "sig": "00" * 64}),
        "unknown key, bad hex": extra({"keyid": "ff" * 32, "sig": "?"}),
        "unknown field": lambda document: document["signatures"][0].update(more=1),
        "missing": lambda document: document.pop("signatures"),
        "no object": extra("text"),
        "number": extra({"keyid": "ff" * 32, "sig": 7}),
        "no key id": extra({"sig": "00"}),
        "moved": lambda document: document["signatures"][0].update(keyid="ee" * 32),
    }
    name = story.pick(actions)
    story.envelope(role, actions[name])
    return f"signatures {kind_of(role)}: {name}"


def wrong_signer(story: Story) -> str:
    """Sign with another key, a role's key of another role, or fewer keys."""
    role = _role(story)
    how = story.pick(("new key", "another role's", "fewer", "nobody", "also another"))
    if how == "fewer":
        story.signers[role] = story.signers[role][:-1]
    elif how == "nobody":
        story.signers[role] = []
    elif how == "new key":
        story.signers[role] = [story.signer()]
    else:
        other = story.signers[_role(story)]
        story.signers[role] = other if how == "another role's" else other + story.signers[role]
        story.signers[role] = list(dict.fromkeys(story.signers[role]))
    story.change(role, lambda signed: None)
    return f"signer {kind_of(role)}: {how}"


def _key_actions(owner: str, number: int) -> dict:
    def roles_of(signed):
        return list(signed["roles"].values()) if owner == "root" else signed["delegations"]["roles"]

    def keys_of(signed):
        return signed["keys"] if owner == "root" else signed["delegations"]["keys"]

    def one(signed):
        listed = roles_of(signed)
        return listed[number % len(listed)]

    def key(signed):
        listed = keys_of(signed)
        return listed[sorted(listed)[number % len(listed)]]

    def alias(signed):
        role = one(signed)
        keys_of(signed)["aa" * 32] = keys_of(signed)[role["keyids"][0]]
        role["keyids"].append("aa" * 32)

    def both_ids(signed):
        alias(signed)
        one(signed)["threshold"] = 2

    return {
        "threshold 1": lambda s: one(s).update(threshold=1),
        "threshold 2": lambda s: one(s).update(threshold=2),
        "threshold 99": lambda s: one(s).update(threshold=99),
        "threshold 0": lambda s: one(s).update(threshold=0),
        "threshold text": lambda s: one(s).update(threshold="1"),
        "threshold true": lambda s: one(s).update(threshold=True),
        "no key ids": lambda s: one(s).update(keyids=[]),
        "a key id less": lambda s: one(s)["keyids"].pop(),
        "a key id twice": lambda s: one(s)["keyids"].append(one(s)["keyids"][0]),
        "an unknown key id": lambda s: one(s)["keyids"].append("bb" * 32),
        "a key less": lambda s: keys_of(s).pop(sorted(keys_of(s))[number % len(keys_of(s))]),
        "key scheme": lambda s: key(s).update(scheme="ed448"),
        "key type": lambda s: key(s).update(keytype="rsa"),
        "key type unknown": lambda s: key(s).update(keytype="new", scheme="new"),
        "key upper hex": lambda s: key(s)["keyval"].update(
            public=key(s)["keyval"]["public"].upper()
        ),
        "key cut": lambda s: key(s)["keyval"].update(public=key(s)["keyval"]["public"][:-2]),
        "key field": lambda s: key(s).update(more={"x": [1]}),
        "one key, two ids": alias,
        "one key, two ids, threshold 2": both_ids,
    }


def keys(story: Story) -> str:
    """Alter a key or who may sign in root or in delegations."""
    owner = story.pick(("root", *story.delegators()))
    actions = _key_actions(owner, story.random.randrange(1000))
    name = story.pick(actions)
    story.change(owner, actions[name])
    return f"keys of {kind_of(owner)}: {name}"


# Versions, times, listings.


def version(story: Story) -> str:
    """Write another version into a role than its name and listing say."""
    role = _role(story)
    step = story.pick((-1, 1, 100, -1000))
    story.change(role, lambda signed: signed.update(version=signed["version"] + step))
    return f"version {kind_of(role)}: {step:+}"


def expiry(story: Story) -> str:
    """Let a role expire, now or long ago, or never."""
    role = _role(story)
    ago = story.pick((0, 1, -1, 86400, 40 * 86400, -86400 * 365 * 500))
    when = (story.now - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    story.change(role, lambda signed: signed.update(expires=when))
    return f"expired {kind_of(role)}: {ago} s ago"


def listing(story: Story) -> str:
    """Say something untrue of a role in snapshot or timestamp."""
    role = _role(story, ("snapshot", "targets", *story.delegated(), *story.delegated()))

    def alter(change):
        def altered(signed):
            change(signed["meta"][role + ".json"], signed["meta"])

        return altered

    wrong = "00" * 32
    actions = {
        "hash": lambda entry, meta: entry.update(hashes={"sha256": wrong}),
        "no hash": lambda entry, meta: entry.pop("hashes", None),
        "no length": lambda entry, meta: entry.pop("length", None),
        "one hash of two": lambda entry, meta: entry.update(
            hashes={**entry.get("hashes", {}), "sha512": wrong}
        ),
        "unknown hash": lambda entry, meta: entry.update(
            hashes={**entry.get("hashes", {}), "rot13": "x"}
        ),
        "upper hash": lambda entry, meta: entry.update(
            hashes={k: v.upper() for k, v in entry.get("hashes", {"sha256": wrong}).items()}
        ),
        "hashes empty": lambda entry, meta: entry.update(hashes={}),
        "length 1": lambda entry, meta: entry.update(length=1),
        "length more": lambda entry, meta: entry.update(length=entry.get("length", 9000) + 1),
        "length less": lambda entry, meta: entry.update(length=entry.get("length", 9000) - 1),
        "length huge": lambda entry, meta: entry.update(length=10**9),
        "length 0": lambda entry, meta: entry.update(length=0),
        "version more": lambda entry, meta: entry.update(version=entry["version"] + 1),
        "version less": lambda entry, meta: entry.update(version=entry["version"] - 1),
        "version 1": lambda entry, meta: entry.update(version=1),
        "gone": lambda entry, meta: meta.pop(role + ".json"),
        "one more": lambda entry, meta: meta.update({"other.json": {"version": 1}}),
        "no json": lambda entry, meta: meta.update({"other": {"version": 1}}),
        "field": lambda entry, meta: entry.update(more=None),
    }
    name = story.pick(actions)
    story.change("timestamp" if role == "snapshot" else "snapshot", alter(actions[name]))
    return f"listing of {kind_of(role)}: {name}"


# What the server does, whatever is signed.


def _served(story: Story, role: str) -> str:
    # The name under which the newest file of a role is served.
    signed = story.signed[role]
    from urllib.parse import quote

    versioned = role == "root" or (role != "timestamp" and story.root.consistent_snapshot)
    return f"metadata/{str(signed.version) + '.' if versioned else ''}{quote(role, '')}.json"


def serving(story: Story) -> str:
    """Serve a file wrongly."""
    role = _role(story)
    how = story.pick(
        ("403", "404", "500", "cut", "longer", "space", "empty", "old", "root", "no JSON", "bit")
    )
    old = story.files.get(_served(story, role), 404)
    offset = story.random.randrange(1, 200)

    def after():
        name = _served(story, role)
        data = story.files[name]
        if how.isdigit():
            story.files[name] = int(how)
        elif isinstance(data, bytes):
            flipped = bytearray(data)
            if flipped:
                flipped[offset % len(flipped)] ^= 1
            story.files[name] = {
                "cut": data[:-1],
                "longer": data + b"x",
                "space": data + b" \n",
                "empty": b"",
                "old": old,
                "root": story.first_root,
                "no JSON": b"<html>",
                "bit": bytes(flipped),
            }[how]

    story.afters.append(after)
    return f"served {kind_of(role)}: {how}"


def frozen(story: Story) -> str:
    """Serve everything as it was: yesterday's files under today's names stay away."""
    before = dict(story.files)
    which = story.pick(("all", "timestamp", "snapshot", "all but root"))

    def after():
        for name, data in list(story.files.items()):
            if which in name or which == "all" or (which == "all but root" and "root" not in name):
                story.files[name] = before.get(name, 404) if "targets/" not in name else data

    story.afters.append(after)
    return f"frozen: {which}"


def raw(story: Story) -> str:
    """Write a role's JSON in an unusual or broken way; its listing fits the bytes."""
    role = _role(story)
    head, tail = b'{"signed":', b',"more":1}'
    actions = {
        "key twice": lambda data: b'{"signed":{},' + data[1:],
        "key twice inside": lambda data: data.replace(b'"_type":', b'"version": 1, "_type":', 1),
        "BOM": lambda data: b"\xef\xbb\xbf" + data,
        "UTF-16": lambda data: data.decode().encode("utf-16"),
        "tail": lambda data: data + b"{}",
        "comma": lambda data: data[:-1] + b",}",
        "NaN": lambda data: data[:-1] + b',"more":NaN}',
        "fraction": lambda data: data[:-1] + b',"more":1.0}',
        "large number": lambda data: data[:-1] + b',"more":9007199254740993}',
        "outer field": lambda data: data[:-1] + b',"more":1}',
        "half a pair": lambda data: data[:-1] + b',"more":"\\ud800"}',
        "escapes": lambda data: data.replace(b'"signed"', b'"\\u0073igned"'),
        "indented": lambda data: json.dumps(json.loads(data), indent=3).encode(),
        "nested": lambda data: data[:-1] + b',"more":' + b"[" * 40 + b"]" * 40 + b"}",
        "very nested": lambda data: data[:-1] + b',"more":' + b"[" * 9000 + b"]" * 9000 + b"}",
        "list": lambda data: b"[" + data + b"]",
        "no signed": lambda data: head + b"{}" + tail,
        "bad UTF-8": lambda data: data[:-1] + b',"more":"\xff"}',
        "long text": lambda data: data[:-1] + b',"more":"' + b"x" * 66000 + b'"}',
        "large": lambda data: data[:-1] + b" " * 530000 + b"}",
    }
    name = story.pick(actions)
    story.raws.setdefault(role, []).append(actions[name])
    return f"raw {kind_of(role)}: {name}"


def missing_root(story: Story) -> str:
    """Break the chain of roots: a version skipped, or signed by the wrong side."""
    how = story.pick(("skipped", "new only", "old only", "first again", "old threshold", "both"))
    if how == "skipped":
        story.publish("root")
        story.files[_served(story, "root")] = 404
    elif how == "first again":
        story.files[f"metadata/{story.root.version + 1}.root.json"] = story.first_root
    else:
        old = list(story.signers["root"])
        story.root.roles["root"].threshold = 1
        story.rotate("root")
        signers = {"new only": story.signers["root"][:1], "old only": old}
        story.signers["root"] = signers.get(how, story.signers["root"])
        if how == "old threshold":
            story.root.roles["root"].threshold = 3
        story.publish("root")
    return f"root chain: {how}"


BREAKAGES = (
    *(signatures, signatures, wrong_signer, wrong_signer, keys, keys, version, expiry, expiry),
    *(listing, listing, serving, serving, frozen, raw, missing_root, delegation, delegation),
    *(target, target, break_a_field, break_a_field, break_a_field),
)
