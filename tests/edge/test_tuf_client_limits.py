"""Bad fields, huge files, many roles: refused within bounds, and nothing is left behind."""

import json

import pytest

from protocols import limits

ROLES = ("root", "timestamp", "snapshot", "targets")
# Changes of a `signed` part that no role may carry.
ANY = {
    "type missing": lambda s: s.pop("_type"),
    "type of another": lambda s: s.update(_type="mirrors"),
    "type a number": lambda s: s.update(_type=1),
    "spec 2": lambda s: s.update(spec_version="2.0.0"),
    "spec 10": lambda s: s.update(spec_version="10.0"),
    "spec 1": lambda s: s.update(spec_version="1"),
    "spec of four": lambda s: s.update(spec_version="1.0.0.0"),
    "spec with letters": lambda s: s.update(spec_version="1.0.x"),
    "spec negative": lambda s: s.update(spec_version="1.-1"),
    "spec a number": lambda s: s.update(spec_version=1),
    "spec missing": lambda s: s.pop("spec_version"),
    "version missing": lambda s: s.pop("version"),
    "version 0": lambda s: s.update(version=0),
    "version negative": lambda s: s.update(version=-2),
    "version text": lambda s: s.update(version="2"),
    "version true": lambda s: s.update(version=True),
    "version null": lambda s: s.update(version=None),
    "version list": lambda s: s.update(version=[2]),
    "expires missing": lambda s: s.pop("expires"),
}
ROOT = {
    "keys missing": lambda s: s.pop("keys"),
    "keys a list": lambda s: s.update(keys=[]),
    "a key is text": lambda s: s["keys"].update(k="x"),
    "a key without type": lambda s: s["keys"].update(k={"scheme": "x", "keyval": {"public": ""}}),
    "a key without public": lambda s: s["keys"].update(
        k={"scheme": "x", "keytype": "x", "keyval": {}}
    ),
    "roles missing": lambda s: s.pop("roles"),
    "roles a list": lambda s: s.update(roles=[]),
    "a role missing": lambda s: s["roles"].pop("snapshot"),
    "a role is text": lambda s: s["roles"].update(snapshot="x"),
    "threshold 0": lambda s: s["roles"]["snapshot"].update(threshold=0),
    "threshold negative": lambda s: s["roles"]["snapshot"].update(threshold=-1),
    "threshold true": lambda s: s["roles"]["snapshot"].update(threshold=True),
    "threshold text": lambda s: s["roles"]["snapshot"].update(threshold="1"),
    "threshold missing": lambda s: s["roles"]["snapshot"].pop("threshold"),
    "key ids missing": lambda s: s["roles"]["snapshot"].pop("keyids"),
    "key ids text": lambda s: s["roles"]["snapshot"].update(keyids="x"),
    "key id a number": lambda s: s["roles"]["snapshot"]["keyids"].append(1),
    "key id twice": lambda s: s["roles"]["snapshot"]["keyids"].extend(["x", "x"]),
    "consistent text": lambda s: s.update(consistent_snapshot="true"),
    "consistent null": lambda s: s.update(consistent_snapshot=None),
    "consistent 1": lambda s: s.update(consistent_snapshot=1),
}
LISTING = {
    "meta missing": lambda s: s.pop("meta"),
    "meta a list": lambda s: s.update(meta=[]),
    "meta of text": lambda s: s["meta"].update({next(iter(s["meta"])): "1"}),
    "meta version missing": lambda s: next(iter(s["meta"].values())).pop("version"),
    "meta version 0": lambda s: next(iter(s["meta"].values())).update(version=0),
    "meta version true": lambda s: next(iter(s["meta"].values())).update(version=True),
    "meta length 0": lambda s: next(iter(s["meta"].values())).update(length=0),
    "meta length text": lambda s: next(iter(s["meta"].values())).update(length="9"),
    "meta length null": lambda s: next(iter(s["meta"].values())).update(length=None),
    "hashes empty": lambda s: next(iter(s["meta"].values())).update(hashes={}),
    "hashes a list": lambda s: next(iter(s["meta"].values())).update(hashes=["x"]),
    "hash a number": lambda s: next(iter(s["meta"].values())).update(hashes={"sha256": 1}),
    "a file of another kind": lambda s: s["meta"].update({"x.xml": {"version": 1}}),
}
TARGETS = {
    "targets missing": lambda s: s.pop("targets"),
    "targets a list": lambda s: s.update(targets=[]),
    "a target is text": lambda s: s["targets"].update(x="y"),
    "length missing": lambda s: s["targets"].update(x={"hashes": {"sha256": "00"}}),
    "length negative": lambda s: s["targets"].update(x={"length": -1, "hashes": {"sha256": ""}}),
    "length true": lambda s: s["targets"].update(x={"length": True, "hashes": {"sha256": ""}}),
    "hashes missing": lambda s: s["targets"].update(x={"length": 1}),
    "hashes empty": lambda s: s["targets"].update(x={"length": 1, "hashes": {}}),
    "delegations null": lambda s: s.update(delegations=None),
    "delegations a list": lambda s: s.update(delegations=[]),
    "delegations without keys": lambda s: s.update(delegations={"roles": []}),
    "delegations without roles": lambda s: s.update(delegations={"keys": {}}),
    "roles an object": lambda s: s.update(delegations={"keys": {}, "roles": {}}),
    "both kinds": lambda s: s.update(delegations={"keys": {}, "roles": [], "succinct_roles": BINS}),
    "bins of 0 bits": lambda s: s.update(
        delegations={"keys": {}, "succinct_roles": {**BINS, "bit_length": 0}}
    ),
    "bins of 33 bits": lambda s: s.update(
        delegations={"keys": {}, "succinct_roles": {**BINS, "bit_length": 33}}
    ),
    "bins without name": lambda s: s.update(
        delegations={"keys": {}, "succinct_roles": {**BINS, "name_prefix": 1}}
    ),
}
BINS = {"keyids": [], "threshold": 1, "bit_length": 2, "name_prefix": "bin"}
ROLE = {"name": "A", "keyids": [], "threshold": 1, "terminating": False, "paths": ["*"]}
DELEGATED = {
    "name missing": {"name": None},
    "name empty": {"name": ""},
    "name of the top": {"name": "root"},
    "name of the top too": {"name": "targets"},
    "threshold 0": {"threshold": 0},
    "key ids text": {"keyids": "x"},
    "key id twice": {"keyids": ["x", "x"]},
    "terminating missing": {"terminating": None},
    "terminating 1": {"terminating": 1},
    "terminating text": {"terminating": "false"},
    "paths text": {"paths": "*"},
    "paths of numbers": {"paths": [1]},
    "paths and prefixes": {"path_hash_prefixes": ["00"]},
    "prefixes of numbers": {"path_hash_prefixes": [1], "paths": None},
    "twice": {},
}


def _delegated(fields):
    role = {name: value for name, value in {**ROLE, **fields}.items() if value is not None}
    roles = [role, ROLE] if not fields else [role]
    return lambda s: s.update(delegations={"keys": {}, "roles": roles})


CASES = {
    "root": {**ANY, **ROOT},
    "timestamp": {
        **ANY,
        **LISTING,
        "meta of two": lambda s: s["meta"].update({"x.json": {"version": 1}}),
        "meta of none": lambda s: s["meta"].clear(),
    },
    "snapshot": {**ANY, **LISTING},
    "targets": {**ANY, **TARGETS, **{n: _delegated(fields) for n, fields in DELEGATED.items()}},
}


@pytest.mark.parametrize("role", CASES)
def test_a_properly_signed_role_with_a_broken_field_is_refused(world, role):
    repository, client = world()
    client.init()
    repository.publish("root", "targets", "snapshot", "timestamp")
    name = f"metadata/{'' if role == 'timestamp' else '2.'}{role}.json"
    good = repository.files[name]
    order = ("root", "timestamp", "snapshot", "targets")
    expected = {"root": 1, **dict.fromkeys(order[: order.index(role)], 2)}
    for case, change in CASES[role].items():
        data = repository.edit(role, lambda document, change=change: change(document["signed"]))
        repository.files[name] = data
        assert client.refresh() == 1, case
        assert client.code == "trust.format", case
        assert client.trusted() == expected, case
        assert client.staged() == [], case
    repository.files[name] = good
    assert client.refresh() == 0


ENVELOPES = {
    "no object": lambda d: [],
    "no signed": lambda d: {"signatures": d["signatures"]},
    "signed a list": lambda d: {**d, "signed": []},
    "no signatures": lambda d: {"signed": d["signed"]},
    "signatures an object": lambda d: {**d, "signatures": {}},
    "a signature is text": lambda d: {**d, "signatures": ["x"]},
    "a key id is a number": lambda d: {**d, "signatures": [{"keyid": 1, "sig": "00"}]},
    "a signature is a number": lambda d: {**d, "signatures": [{"keyid": "x", "sig": 1}]},
    "too many": lambda d: {
        **d,
        "signatures": d["signatures"] + [{"keyid": f"{n}", "sig": "00"} for n in range(65)],
    },
}


def test_broken_envelopes(world):
    repository, client = world()
    client.init()
    good = repository.files["metadata/timestamp.json"]
    for name, change in ENVELOPES.items():
        data = json.dumps(change(json.loads(good))).encode()
        repository.files["metadata/timestamp.json"] = data
        assert client.refresh() == 1, name
        assert client.code == "trust.format", name
        assert client.trusted() == {"root": 1}
    repository.files["metadata/timestamp.json"] = good
    assert client.refresh() == 0


TEXTS = {
    "no JSON": lambda t: b"<html>",
    "empty": lambda t: b"",
    "cut": lambda t: t[:-1],
    "more follows": lambda t: t + b"{}",
    "UTF-16": lambda t: t.decode().encode("utf-16"),
    "byte order mark": lambda t: b"\xef\xbb\xbf" + t,
    "latin-1": lambda t: t.replace(b'"signed":{', b'"signed":{"\xe9":1,'),
    "duplicate key": lambda t: t.replace(b'"signed":{', b'"signed":{"version":1,'),
    "fraction": lambda t: t.replace(b'"signed":{', b'"signed":{"a":1.5,'),
    "huge number": lambda t: t.replace(b'"signed":{', b'"signed":{"a":' + b"9" * 400 + b","),
    "deep": lambda t: t.replace(b'"signed":{', b'"signed":{"a":' + b"[" * 15 + b"]" * 15 + b","),
    "very deep": lambda t: t.replace(b'"signed":{', b'"signed":{"a":' + b"[" * 9000 + b","),
    "half a pair": lambda t: t.replace(b'"signed":{', b'"signed":{"a":"\\ud83d",'),
    "NaN": lambda t: t.replace(b'"signed":{', b'"signed":{"a":NaN,'),
}


def test_texts_that_are_no_strict_json(world):
    repository, client = world()
    client.init()
    good = repository.files["metadata/timestamp.json"]
    for name, change in TEXTS.items():
        broken = change(good)
        assert broken != good
        repository.files["metadata/timestamp.json"] = broken
        assert client.refresh() == 1, name
        assert client.code == "trust.format", name


def test_surrogate_pairs_are_joined_before_the_signature_is_checked(world):
    repository, client = world()
    client.init()
    repository.timestamp.unrecognized_fields["note"] = "\U0001f600 \u1ea3"
    repository.publish("timestamp")
    text = json.dumps(json.loads(repository.files["metadata/timestamp.json"]))
    assert "\\ud83d\\ude00" in text
    repository.files["metadata/timestamp.json"] = text.encode()
    assert client.refresh() == 0


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("2.root", limits.ROOT_BYTES_MAX),
        ("timestamp", limits.TIMESTAMP_BYTES_MAX),
        ("2.snapshot", limits.METADATA_BYTES_MAX),
        ("2.targets", limits.METADATA_BYTES_MAX),
    ],
)
def test_files_beyond_their_limit_are_cut_off(world, name, size):
    repository, client = world()
    client.init()
    repository.publish("root", "targets", "snapshot", "timestamp")
    whole = repository.files[f"metadata/{name}.json"]
    spaces = b" " * (size + 1 - len(whole))
    repository.files[f"metadata/{name}.json"] = whole + spaces
    assert client.refresh() == 1
    assert client.code == "trust.length"
    assert client.staged() == []
    repository.files[f"metadata/{name}.json"] = whole + spaces[:-1]
    assert client.refresh() == 0


def test_a_file_longer_than_its_listing_is_cut_off(world):
    repository, client = world(hashes=True)
    client.init()
    for role in ("snapshot", "targets"):
        whole = repository.files[f"metadata/1.{role}.json"]
        repository.files[f"metadata/1.{role}.json"] = whole + b" " * 400000
        assert client.refresh() == 1
        assert client.code == "trust.length"
        repository.files[f"metadata/1.{role}.json"] = whole
    assert client.refresh() == 0


def test_too_many_delegated_roles_or_keys(world):
    repository, client = world()
    client.init()
    repository.targets.version = 2
    repository.snapshot.meta["targets.json"].version = 2
    repository.publish("snapshot", "timestamp")
    many = [{**ROLE, "name": f"r{n}"} for n in range(limits.DELEGATED_ROLES_MAX + 1)]
    keys = {f"{n}": KEY for n in range(limits.KEYS_MAX + 1)}
    for delegations in ({"keys": {}, "roles": many}, {"keys": keys, "roles": []}):
        data = repository.edit(
            "targets", lambda d, x=delegations: d["signed"].update(delegations=x)
        )
        repository.files["metadata/2.targets.json"] = data
        assert client.refresh() == 1
        assert client.code in ("trust.format", "trust.memory")


KEY = {"keytype": "x", "scheme": "x", "keyval": {"public": ""}}


def test_a_role_of_neither_paths_nor_prefixes_is_trusted_for_nothing(world):
    repository, client = world()
    client.init()
    repository.targets.version = 2
    repository.snapshot.meta["targets.json"].version = 2
    repository.publish("snapshot", "timestamp")
    change = _delegated({"paths": None})
    data = repository.edit("targets", lambda document: change(document["signed"]))
    repository.files["metadata/2.targets.json"] = data
    assert client.download("x") == 1
    assert client.code == "trust.unknown_target"
    assert repository.asked()[-1] == "2.targets.json"
