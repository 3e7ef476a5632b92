"""Signatures, thresholds, key types and the rotation of keys."""

import json

import pytest
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner

from tests.edge.repository import Repository, new_signer

GENERATED = {
    "ed25519": CryptoSigner.generate_ed25519(),
    "ecdsa": CryptoSigner.generate_ecdsa(),
    "rsa": CryptoSigner.generate_rsa(),
}
SECOND = {
    "ed25519": CryptoSigner.generate_ed25519(),
    "ecdsa": CryptoSigner.generate_ecdsa(),
    "rsa": CryptoSigner.generate_rsa(),
}


def _signatures(data: bytes, change) -> bytes:
    document = json.loads(data)
    change(document["signatures"])
    return json.dumps(document).encode()


@pytest.mark.parametrize("kind", GENERATED)
def test_each_key_type_is_required_and_checked(world, kind):
    repository, client = world()
    client.init()
    repository.add_key("root", signer=GENERATED[kind])
    repository.root.roles["root"].threshold = 2
    repository.publish("root")
    assert client.refresh() == 0
    assert client.trusted()["root"] == 2
    repository.publish("root")
    other = SECOND[kind].sign(b"something else").signature

    def spoil(signatures):
        for entry in signatures:
            if entry["keyid"] == GENERATED[kind].public_key.keyid:
                entry["sig"] = other

    name = "metadata/3.root.json"
    good = repository.files[name]
    for change in (
        spoil,
        lambda signatures: signatures.pop(),
        lambda signatures: signatures[-1].update(sig=signatures[-1]["sig"][:-2]),
        lambda signatures: signatures[-1].update(sig=signatures[-1]["sig"] + "00"),
        lambda signatures: signatures[-1].update(sig="00" + signatures[-1]["sig"]),
    ):
        repository.files[name] = _signatures(good, change)
        assert client.refresh() == 1
        assert client.code in ("trust.bad_signature", "trust.threshold")
        assert client.trusted()["root"] == 2
    repository.files[name] = good
    assert client.refresh() == 0


def test_a_key_of_an_unknown_scheme_counts_for_nothing(world):
    repository, client = world()
    client.init()
    signer = GENERATED["ed25519"]
    for keytype, scheme in (("ed25519", "sphincs"), ("sphincs", "ed25519"), ("rsa", "ed25519")):
        public = {"public": signer.public_key.keyval["public"]}
        odd = type(signer.public_key)("ab" * 32, keytype, scheme, public)
        repository.root.add_key(odd, "timestamp")
        repository.publish("root", "timestamp")
        assert client.refresh() == 0
        repository.root.roles["timestamp"].threshold = 2
        repository.publish("root", "timestamp")
        name = "metadata/timestamp.json"
        document = json.loads(repository.files[name])
        signature = signer.sign(encode_canonical(document["signed"]).encode()).signature
        document["signatures"].append({"keyid": "ab" * 32, "sig": signature})
        repository.files[name] = json.dumps(document).encode()
        assert client.refresh() == 1
        repository.root.revoke_key("ab" * 32, "timestamp")
        repository.root.roles["timestamp"].threshold = 1
        repository.publish("root", "timestamp")
        assert client.refresh() == 0


def test_too_few_signatures(world):
    repository, client = world()
    repository.root.roles["snapshot"].threshold = 3
    repository.add_key("snapshot")
    repository.add_key("snapshot")
    repository.publish("root", "targets", "snapshot", "timestamp")
    client.init()
    assert client.refresh() == 0
    repository.signers["snapshot"].pop()
    repository.publish("snapshot", "timestamp")
    assert client.refresh() == 1
    assert (client.code, client.trusted()["snapshot"]) == ("trust.threshold", 2)


def test_a_threshold_above_the_number_of_keys_is_never_met(world):
    repository, client = world()
    client.init()
    for _ in range(2):
        repository.add_key("snapshot")
    repository.root.roles["snapshot"].threshold = 4
    repository.publish("root", "snapshot", "timestamp")
    assert client.refresh() == 1
    assert client.trusted() == {"root": 2, "timestamp": 2}


def test_one_key_under_two_ids_counts_once(world):
    repository, client = world()
    client.init()
    signer = repository.signers["snapshot"][0]
    twin = type(signer.public_key)(
        "cd" * 32, "ed25519", "ed25519", {"public": signer.public_key.keyval["public"]}
    )
    repository.root.add_key(twin, "snapshot")
    repository.root.roles["snapshot"].threshold = 2
    repository.publish("root", "snapshot", "timestamp")
    name = "metadata/2.snapshot.json"

    def twice(signatures):
        signatures.append({"keyid": "cd" * 32, "sig": signatures[0]["sig"]})

    repository.files[name] = _signatures(repository.files[name], twice)
    assert client.refresh() == 1
    assert client.code == "trust.threshold"
    assert "snapshot" not in client.trusted()


def test_a_key_id_twice_among_the_signatures_is_refused(world):
    repository, client = world()
    client.init()
    name = "metadata/1.snapshot.json"
    good = repository.files[name]
    repository.files[name] = _signatures(good, lambda s: s.append(dict(s[0])))
    assert client.refresh() == 1
    assert client.code == "trust.format"
    repository.files[name] = _signatures(good, lambda s: s.append(dict(s[0], sig="")))
    assert client.refresh() == 1
    repository.files[name] = good
    assert client.refresh() == 0


def test_broken_signatures_beside_a_good_one_do_no_harm(world):
    repository, client = world()
    client.init()
    first = repository.signers["timestamp"][0].public_key.keyid
    repository.add_key("timestamp")
    repository.publish("root", "timestamp")
    stranger = new_signer(20).sign(b"x").to_dict()
    for version, sig in enumerate(["", "zz", "0", "00" * 64, "\u1ea3", "ab" * 300], 3):
        repository.publish("timestamp")

        def spoil(signatures, sig=sig):
            for entry in signatures:
                if entry["keyid"] == first:
                    entry["sig"] = sig
            signatures.insert(0, stranger)

        name = "metadata/timestamp.json"
        repository.files[name] = _signatures(repository.files[name], spoil)
        assert client.refresh() == 0, sig
        assert client.trusted()["timestamp"] == version


def test_a_key_of_another_role_does_not_sign(world):
    repository, client = world()
    client.init()
    repository.signers["snapshot"] = repository.signers["targets"]
    repository.publish("snapshot", "timestamp")
    assert client.refresh() == 1
    assert client.code == "trust.threshold"


# Each root: its keys, its threshold, who signs it. The last one is refused where "no" stands.
ROOTS = {
    "one key rotated": [([1], 1, [1]), ([2], 1, [2, 1]), ([2], 1, [2])],
    "strangers sign too": [([1], 1, [3, 1, 4]), ([2], 1, [3, 2, 1, 4]), ([2], 1, [3, 2, 4])],
    "changing signers": [([0, 1, 2, 3, 4], 3, s) for s in ([0, 2, 4], [0, 4, 1], [0, 1, 3])],
    "one of five replaced": [([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 4, 1])],
    "all replaced": [
        ([0, 1, 2, 3, 4], 3, [0, 2, 4]),
        ([5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]),
        ([5, 6, 7, 8, 9], 3, [5, 6, 7]),
    ],
    "threshold raised": [([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [1, 2])],
    "threshold lowered": [([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1, 2]), ([1, 2, 3], 1, [1])],
    "no: old key did not sign": [([1], 1, [1]), ([2], 1, [2, 3, 4])],
    "no: new key did not sign": [([1], 1, [1]), ([2], 1, [1, 3, 4])],
    "no: not three new": [([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 2, 4])],
    "no: not three old": [([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 4, 5])],
    "no: new threshold": [([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [2])],
    "no: old threshold": [([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1])],
    "no: in the middle": [([1], 1, [1]), ([2], 1, [2]), ([2], 1, [1, 2])],
}


@pytest.mark.parametrize("story", ROOTS)
def test_root_rotation(world, story):
    repository, client = world()
    repository.root.version = 0
    for keys, threshold, signers in ROOTS[story]:
        repository.root.roles["root"].keyids.clear()
        repository.root.roles["root"].threshold = threshold
        for number in keys:
            repository.root.add_key(new_signer(10 + number).public_key, "root")
        repository.signers["root"] = [new_signer(10 + number) for number in signers]
        repository.publish("root")
    client.init()
    refused = story.startswith("no")
    assert client.refresh() == (1 if refused else 0)
    last = len(ROOTS[story]) - (1 if refused else 0)
    if story == "no: in the middle":
        last = 1
    expected = repository.files[f"metadata/{last}.root.json"]
    assert (client.metadata / "root.json").read_bytes() == expected
    assert not refused or client.trusted() == {"root": last}


# The role's new keys, threshold and signers; whether it is accepted.
OTHERS = {
    "rotated": ([2], 1, [2], True),
    "strangers sign too": ([1], 1, [3, 1, 4], True),
    "new key did not sign": ([2], 1, [1, 3, 4], False),
    "three of five, one wrong": ([0, 1, 3, 4, 5], 3, [0, 2, 4], False),
    "three of five, one missing": ([0, 1, 3, 4, 5], 3, [0, 4], False),
    "three of five": ([0, 1, 2, 3, 4], 3, [4, 1, 2], True),
}


@pytest.mark.parametrize("story", OTHERS)
@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_other_roles_follow_the_root(world, role, story):
    keys, threshold, signers, accepted = OTHERS[story]
    repository, client = world()
    client.init()
    assert client.refresh() == 0
    repository.root.roles[role].keyids.clear()
    repository.root.roles[role].threshold = threshold
    for number in keys:
        repository.root.add_key(new_signer(10 + number).public_key, role)
    repository.signers[role] = [new_signer(10 + number) for number in signers]
    repository.publish("root", "targets", "snapshot", "timestamp")
    assert client.refresh() == (0 if accepted else 1)
    assert client.trusted()["root"] == 2
    assert (client.trusted().get(role) == 2) == accepted


def test_cached_roles_are_verified_against_the_current_root(world):
    repository, client = world()
    client.init()
    assert client.refresh() == 0
    for role in ("timestamp", "snapshot", "targets"):
        repository.rotate(role)
        repository.publish("root")
        repository.asked()
        assert client.refresh() == 1
        assert client.code == "trust.threshold"
        version = repository.signed[role].version
        name = "timestamp.json" if role == "timestamp" else f"{version}.{role}.json"
        assert name in repository.asked()
        repository.serve(role, repository.bytes_of(role))
        repository.publish("snapshot", "timestamp")
        assert client.refresh() == 0


def test_the_chain_of_roots_is_walked_to_its_end(world):
    repository, client = world()
    client.init()
    for _ in range(12):
        repository.rotate("root")
        repository.publish("root")
        repository.signers["root"] = repository.signers["root"][:1]
        repository._next = 4 + repository._next % 20
    assert client.refresh() == 0
    expected = [f"{n}.root.json" for n in range(2, 15)]
    assert repository.asked()[:13] == expected
    assert client.trusted()["root"] == 13


def test_no_repository_can_make_the_walk_endless(tmp_path, monkeypatch):
    from protocols import trust
    from tests.edge.clients import InProcess

    monkeypatch.setattr(trust, "ROOT_ROTATIONS_MAX", 5)
    repository = Repository()
    client = InProcess(tmp_path, repository)
    client.init()
    for _ in range(8):
        repository.publish("root")
    assert client.refresh() == 0
    assert client.trusted()["root"] == 6
    assert "7.root.json" not in repository.asked()
    assert client.refresh() == 0
    assert client.trusted()["root"] == 9
