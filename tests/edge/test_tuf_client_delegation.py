"""Delegated roles: which are asked, in which order, and that each is checked like any other."""

import pytest

from tests.edge.repository import days

FIRST = ["2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json"]
# Delegations (delegator, role, paths, terminating); the roles asked for "missing", in order.
GRAPHS = {
    "one": ([("targets", "A")], "A"),
    "two": ([("targets", "A"), ("targets", "B")], "AB"),
    "two levels": ([("targets", "A"), ("targets", "B"), ("B", "C")], "ABC"),
    "depth first": ([("targets", "A"), ("targets", "B"), ("A", "C"), ("A", "D")], "ACDB"),
    "three levels": ([("targets", "A"), ("targets", "B"), ("A", "C"), ("C", "D")], "ACDB"),
    "terminating": (
        [("targets", "A"), ("targets", "B"), ("A", "C", ["*"], True), ("A", "D")],
        "AC",
    ),
    "below terminating": (
        [("targets", "A"), ("targets", "B"), ("A", "C", ["*"], True), ("C", "D")],
        "ACD",
    ),
    "other path": ([("targets", "A", ["*.py"]), ("targets", "B"), ("A", "C")], "B"),
    "other path below": (
        [("targets", "A"), ("targets", "B"), ("A", "C", ["*.py"]), ("C", "D")],
        "AB",
    ),
    "terminating, other path": (
        [("targets", "A", ["*.py"], True), ("targets", "B")],
        "B",
    ),
    "cycle": (
        [("targets", "A"), ("targets", "B"), ("B", "C"), ("C", "D"), ("D", "B"), ("D", "D")],
        "ABCD",
    ),
    "two delegators": ([("targets", "A"), ("targets", "B"), ("B", "C"), ("A", "C")], "ACB"),
    "two delegators, one path": (
        [("targets", "A"), ("targets", "B"), ("B", "C"), ("A", "C", ["*.py"])],
        "ABC",
    ),
}


@pytest.mark.parametrize("graph", GRAPHS)
def test_order_of_the_search(world, graph):
    repository, client = world()
    client.init()
    delegations, order = GRAPHS[graph]
    for delegation in delegations:
        repository.delegate(*delegation)
    repository.publish_targets(*{name for d in delegations for name in d[:2]})
    assert client.download("missing") == 1
    assert client.code == "trust.unknown_target"
    assert repository.asked()[4:] == [f"1.{name}.json" for name in order]
    assert client.download("missing") == 1
    assert repository.asked() == ["2.root.json", "timestamp.json"]


FOUND = {
    "top": "",
    "README.md": "A",
    "releases/x/x_v1": "BC",
    "releases/y/y_v1.zip": "BD",
}


def test_search_finds_what_the_whole_way_delegates(world):
    repository, client = world()
    client.init()
    repository.delegate("targets", "A", ["*.doc", "*.md"])
    repository.delegate("targets", "B", ["releases/*/*"])
    repository.delegate("B", "C", ["releases/x/*"])
    repository.delegate("B", "D", ["releases/y/*.zip"])
    for path, way in FOUND.items():
        repository.add_target(way[-1] if way else "targets", path, path.encode())
    repository.add_target("D", "releases/z/z_v1.zip", b"not delegated to D")
    repository.add_target("C", "README2.md", b"not delegated to C")
    repository.publish_targets("targets", "A", "B", "C", "D")
    asked = set()
    for path, way in FOUND.items():
        assert client.download(path) == 0
        names = {f"1.{name}.json" for name in way} - asked
        assert {name for name in repository.asked() if name[:2] == "1."} == names
        asked |= names
    assert sorted(client.held().values()) == sorted(path.encode() for path in FOUND)
    for path in ("releases/z/z_v1.zip", "README2.md"):
        assert client.download(path) == 1
        assert client.code == "trust.unknown_target"


def test_the_first_delegation_wins(world):
    repository, client = world()
    client.init()
    for name in ("A", "B"):
        repository.delegate("targets", name)
        repository.add_target(name, "same", name.encode() * 9)
    repository.publish_targets("targets", "A", "B")
    assert client.download("same") == 0
    assert client.held() == {"same": b"AAAAAAAAA"}


def test_hash_prefixes(world):
    repository, client = world()
    client.init()
    # SHA-256 of "a" begins with ca97, of "b" with 3e23.
    repository.delegate("targets", "A", prefixes=["3e23", "ca97"])
    repository.delegate("targets", "B", prefixes=["3", "c"], terminating=True)
    repository.delegate("targets", "C")
    repository.add_target("A", "a", b"1")
    repository.publish_targets("targets", "A", "B", "C")
    assert client.download("a") == 0
    assert client.download("b") == 1
    assert repository.asked() == [*FIRST, "1.A.json", "2.root.json", "timestamp.json", "1.B.json"]
    assert client.download("c") == 1
    assert repository.asked()[2:] == ["1.C.json"]


@pytest.mark.parametrize(("bits", "path", "name"), [(1, "boo", 0), (1, "too", 1), (5, "boo", None)])
def test_hash_bins(world, bits, path, name):
    import hashlib

    repository, client = world()
    client.init()
    repository.delegate_bins("targets", bits, "bin")
    number = hashlib.sha256(path.encode()).digest()[0] >> (8 - bits)
    assert name is None or number == name
    role = f"bin-{number:0{(bits + 3) // 4}x}"
    repository.add_target(role, path, b"in the bin")
    bins = [name for name in repository.signed if name.startswith("bin-")]
    repository.publish_targets("targets", *bins)
    assert client.download(path) == 0
    assert repository.asked()[4:] == [f"1.{role}.json"]


NAMES = ["?", "#", "/delegatedrole", "../delegatedrole", ".", "..", "a b", "\u1ea3", "\U0001f600"]


@pytest.mark.parametrize("name", [*NAMES, "%2F", "a.b", "A_~-"])
def test_unusual_role_names_are_encoded(world, name):
    from urllib.parse import quote

    repository, client = world()
    client.init()
    repository.delegate("targets", name)
    repository.add_target(name, "x", b"1")
    repository.publish_targets("targets", name)
    assert client.download("x") == 0
    encoded = quote(name, "")
    assert repository.asked()[-1] == f"1.{encoded}.json"
    assert len(client.trusted()) == 5
    assert (client.metadata / (encoded + ".json")).is_file()
    names = {path.name for path in client.metadata.iterdir()}
    assert names <= {*(f"{role}.json" for role in client.trusted()), ".staged"}


def _world_of_two(world, **options):
    repository, client = world(**options)
    client.init()
    repository.delegate("targets", "A")
    repository.delegate("A", "B")
    repository.add_target("B", "x", b"first")
    repository.publish_targets("targets", "A", "B")
    return repository, client


def _spoil_unsigned(repository):
    repository.signers["B"].clear()
    repository.publish_targets("B")
    return "trust.threshold"


def _spoil_expired(repository):
    repository.signed["B"].expires = days(-1)
    repository.publish_targets("B")
    return "trust.expired"


def _spoil_older(repository):
    repository.publish_targets("B")
    repository.files["metadata/2.B.json"] = repository.files["metadata/1.B.json"]
    return "trust.version"


def _spoil_newer(repository):
    repository.publish_targets("B")
    repository.signed["B"].version = 3
    repository.files["metadata/2.B.json"] = repository.bytes_of("B")
    return "trust.version"


def _spoil_type(repository):
    repository.publish_targets("B")
    data = repository.edit("B", lambda d: d["signed"].update(_type="snapshot", meta={}))
    repository.files["metadata/2.B.json"] = data
    return "trust.format"


def _spoil_missing(repository):
    repository.publish_targets("B")
    repository.files["metadata/2.B.json"] = 404
    return "trust.absent"


def _spoil_hash(repository):
    repository.hashes = True
    repository.publish_targets("B")
    repository.files["metadata/2.B.json"] += b" "
    return "trust.length"


def _spoil_other_role(repository):
    repository.publish_targets("B")
    repository.signed["A"].version = 2
    repository.files["metadata/2.B.json"] = repository.bytes_of("A")
    return "trust.threshold"


SPOILED = [
    _spoil_unsigned,
    _spoil_expired,
    _spoil_older,
    _spoil_newer,
    _spoil_type,
    _spoil_missing,
    _spoil_hash,
    _spoil_other_role,
]


@pytest.mark.parametrize("spoil", SPOILED)
@pytest.mark.parametrize("cached", [False, True])
def test_every_check_holds_for_delegated_roles(world, spoil, cached):
    repository, client = _world_of_two(world)
    if cached:
        assert client.download("x") == 0
    code = spoil(repository)
    assert client.download("x") == 1
    assert client.code in (code, "trust.hash", "trust.length")
    assert client.trusted().get("B") == (1 if cached else None)
    assert client.held() == ({"x": b"first"} if cached else {})
    assert client.staged() == []


def test_a_role_that_the_snapshot_does_not_list_ends_the_search(world):
    repository, client = _world_of_two(world)
    del repository.snapshot.meta["B.json"]
    repository.publish("snapshot", "timestamp")
    assert client.download("x") == 1
    assert client.code == "trust.not_listed"
    assert client.refresh() == 0


def test_cached_roles_expire(world):
    repository, client = _world_of_two(world)
    repository.signed["B"].expires = days(7)
    repository.add_target("B", "y", b"second")
    repository.publish_targets("B")
    assert client.download("x") == 0
    later = int(days(8).timestamp())
    assert client.download("y", now_s=later) == 1
    assert client.code == "trust.expired"
    repository.signed["B"].expires = days(21)
    repository.publish_targets("B")
    assert client.download("y", now_s=later) == 0


@pytest.mark.parametrize("role", ["A", "B"])
def test_a_cached_role_is_verified_against_its_current_delegator(world, role):
    repository, client = _world_of_two(world)
    assert client.download("x") == 0
    delegator = {"A": "targets", "B": "A"}[role]
    held = repository.signed[delegator].delegations.roles[role]
    held.keyids.clear()
    repository.signers[role].clear()
    repository.add_key(role, delegator)
    repository.publish_targets(delegator)
    repository.asked()
    assert client.download("x") == 1
    assert client.code == "trust.threshold"
    asked = repository.asked()
    assert asked.count(f"1.{role}.json") == 1
    repository.publish_targets(role)
    assert client.download("x") == 0
    held.threshold = 2
    repository.publish_targets(delegator)
    assert client.download("x") == 1


def test_a_role_of_two_delegators_satisfies_each_on_its_way(world):
    repository, client = world()
    client.init()
    repository.delegate("targets", "A", ["a/*", "b/*"])
    repository.delegate("targets", "B", ["b/*"])
    repository.delegate("A", "C", ["a/*"])
    repository.signers["C"].clear()
    repository.delegate("B", "C", ["b/*"])
    stranger = repository.signers["C"].pop()
    repository.add_key("C", "A")
    for path in ("a/x", "b/x"):
        repository.add_target("C", path, path.encode())
    repository.publish_targets("targets", "A", "B", "C")
    assert client.download("a/x", "b/x") == 1
    assert client.code == "trust.threshold"
    asked = repository.asked()
    assert asked[4:] == ["1.A.json", "1.C.json", "1.B.json"]
    assert client.held() == {"a%2Fx": b"a/x"}
    repository.signers["C"].append(stranger)
    repository.publish_targets("C")
    assert client.download("a/x", "b/x") == 0


def test_several_targets_ask_for_each_role_once(world):
    repository, client = _world_of_two(world)
    repository.add_target("A", "y", b"second")
    repository.publish_targets("A")
    assert client.download("x", "y", "x") == 0
    asked = repository.asked()
    assert sorted(asked) == sorted(set(asked))
    assert client.download("x", "y", "z") == 1
    assert repository.asked() == ["2.root.json", "timestamp.json"]


def test_the_search_is_bounded(world):
    from protocols.limits import DELEGATIONS_MAX

    repository, client = world()
    client.init()
    names = [f"r{number}" for number in range(DELEGATIONS_MAX + 3)]
    for name in names:
        repository._next = 8
        repository.delegate("targets", name)
        repository.signers[name] = [repository.signers[names[0]][0]]
    repository.add_target(names[-1], "far", b"1")
    repository.add_target(names[DELEGATIONS_MAX - 1], "near", b"2")
    repository.publish_targets("targets", *names)
    assert client.download("near") == 0, client.code
    assert client.download("far") == 1
    assert client.code == "trust.unknown_target"
    assert len([name for name in repository.asked() if name.startswith("1.r")]) == DELEGATIONS_MAX
