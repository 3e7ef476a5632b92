"""The reader of metadata fields: whatever comes is read or refused, never anything else."""

import datetime
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuf.api.metadata import Metadata
from tuf.api.serialization import DeserializationError

from protocols import canonical, metadata
from protocols.errors import RemoteFault
from tests.edge.repository import Repository

UTC = datetime.UTC
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("1.0ab", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@given(st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31)))
def test_seconds_equal_the_calendar(moment):
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    text = f"{moment.year:04}-{moment:%m-%dT%H:%M:%SZ}"
    assert metadata.seconds(text) == int(moment.timestamp())


@given(st.text("0123456789-T:Z ", min_size=18, max_size=21))
def test_other_times_are_none_or_in_the_calendar(text):
    try:
        moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        assert metadata.seconds(text) is None
    else:
        assert metadata.seconds(text) in (None, int(moment.timestamp()))


@pytest.fixture(scope="module")
def files():
    repository = Repository(hashes=True)
    repository.delegate("targets", "A", ["a/*"])
    repository.delegate("targets", "B", prefixes=["00"])
    repository.add_target("targets", "x", b"1")
    repository.publish_targets("targets", "A", "B")
    roles = {"root": "1.root", "timestamp": "timestamp", "snapshot": "2.snapshot"}
    roles["targets"] = "2.targets"
    return {
        role: canonical.decode(repository.files[f"metadata/{name}.json"], 99999)
        for role, name in roles.items()
    }


READERS = {
    "root": metadata.read_root,
    "timestamp": lambda signed: metadata.read_timestamp(signed, None),
    "snapshot": lambda signed: metadata.read_snapshot(signed, None),
    "targets": lambda signed: metadata.read_targets(signed, "targets"),
}


def _places(value, place=()):
    yield place
    if isinstance(value, dict):
        for key in value:
            yield from _places(value[key], (*place, key))
    elif isinstance(value, list):
        for at in range(len(value)):
            yield from _places(value[at], (*place, at))


def _read(role, document):
    try:
        signed, _ = metadata.envelope(document, role)
        READERS[role](signed)
    except RemoteFault as fault:
        assert fault.code == "trust.format"
        return False
    return True


@pytest.mark.parametrize("role", READERS)
@given(data=st.data())
def test_any_value_in_any_place_is_read_or_refused(files, role, data):
    document = json.loads(json.dumps(files[role]))
    place = data.draw(st.sampled_from(list(_places(document))))
    value = data.draw(anything)
    if not place:
        document = value
    else:
        holder = document
        for step in place[:-1]:
            holder = holder[step]
        if data.draw(st.booleans()):
            holder[place[-1]] = value
        else:
            del holder[place[-1]]
    accepted = _read(role, json.loads(json.dumps(document)))
    try:
        Metadata.from_bytes(json.dumps(document).encode())
    except DeserializationError:
        reference = False
    else:
        reference = True
    # We may be stricter, never laxer, but for two things: a key object may hold anything that
    # python-tuf's key classes refuse, and a role may be delegated no path at all.
    if accepted and not reference:
        assert "keyval" in place or "keys" in place or "paths" in place or _known_lax(document)


def _known_lax(document):
    roles = document["signed"].get("delegations", {}).get("roles", [])
    none = any("paths" not in role and "path_hash_prefixes" not in role for role in roles)
    extra = set(document["signed"].get("roles", {})) - set(metadata.TOP_LEVEL)
    return none or extra


def test_a_key_id_that_stands_for_no_usable_key_counts_for_nothing():
    ring = metadata.KeyRing({"good": KEY, "odd": {**KEY, "scheme": "x"}})
    role = ring.role({"keyids": ["good", "odd", "absent"], "threshold": 2}, "x")
    assert list(role.keys) == ["good"] and role.threshold == 2
    assert ring.role({"keyids": ["good"], "threshold": 2}, "x") is role
    assert ring.role({"keyids": ["good"], "threshold": 1}, "x") is not role


KEY = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "ab" * 32}}
