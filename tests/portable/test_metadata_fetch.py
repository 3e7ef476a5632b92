"""What the client of a node does beyond plain TUF: views, answers 304, and bounds of manifests.

Signatures are taken as read here: the verifier says yes to all.
"""

import asyncio

from edge.metadata_fetch import MetadataFetch
from hw import ports
from hw.sim.storage import Storage
from protocols import canonical
from protocols.errors import RemoteFault
from protocols.limits import MANIFEST_BYTES_MAX
from protocols.trust import Trust

UNIT = "03.k7f2"
NOW_S = 1800000000
KEY = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "42" * 32}}


class Verifier(ports.Verifier):
    """Find every signature good."""

    def verify(self, scheme, public, signature, message):
        return True

    def forget(self):
        pass


class Response(ports.Response):
    """Hold a status, and a body or nothing."""

    def __init__(self, status, data=b""):
        self.status = status
        self.headers = {}
        self._data = data

    async def read(self, count):
        piece, self._data = self._data[:count], self._data[count:]
        return piece

    async def close(self):
        pass


class Link(ports.Link):
    """Serve files by name, the timestamp with a tag; `asked` tells what was asked for."""

    def __init__(self):
        self.files = {}
        self.asked = []

    async def request(self, method, url, headers, body):
        name = url[len("http://hub/") :]
        self.asked.append((name, headers.get("if-none-match")))
        data = self.files.get(name)
        if data is None:
            return Response(404)
        tag = '"%d"' % len(data)
        if headers.get("if-none-match") == tag:
            return Response(304)
        response = Response(200, data)
        if name == "timestamp.json":
            response.headers["etag"] = tag
        return response


def signed(kind, version, fields):
    """Return a file of a kind, signed by the one key."""
    content = {"_type": kind, "spec_version": "1.0.31", "expires": "2099-01-01T00:00:00Z"}
    content["version"] = version
    for name in fields:
        content[name] = fields[name]
    return canonical.encode(
        {"signed": content, "signatures": [{"keyid": "k", "sig": "00"}]},
    )


def view(kind, version, listed, unit=UNIT):
    """Return a timestamp or snapshot that lists versions."""
    meta = {}
    for name in listed:
        meta[name + ".json"] = {"version": listed[name]}
    return signed(kind, version, {"meta": meta, "x-unit": unit, "x-issued": NOW_S - 60})


def world(length=10):
    """Return (link, storage, fetch) of a repository with one target, "t", of a length."""
    role = {"keyids": ["k"], "threshold": 1}
    roles = {"root": role, "timestamp": role, "snapshot": role, "targets": role}
    link = Link()
    storage = Storage()
    root = {"keys": {"k": KEY}, "roles": roles, "consistent_snapshot": True}
    storage.files["root.json"] = signed("root", 1, root)
    target = {"length": length, "hashes": {"sha256": "00" * 32}}
    link.files["1.targets.json"] = signed("targets", 1, {"targets": {"t": target}})
    link.files["3.snapshot.json"] = view("snapshot", 3, {"targets": 1})
    link.files["timestamp.json"] = view("timestamp", 3, {"snapshot": 3})
    return link, storage, boot(link, storage)


def boot(link, storage):
    """Return a client that begins with what is stored."""
    return MetadataFetch(link, storage, Verifier(), "http://hub", "http://hub/t", "", UNIT)


def code_of(awaitable):
    """Run to the end; return the code of the fault, or nothing."""
    try:
        asyncio.run(awaitable)
    except RemoteFault as fault:
        return fault.code
    return ""


def test_the_tag_is_offered_with_ones_own_view_only():
    link, storage, fetch = world()
    assert code_of(fetch.refresh(NOW_S)) == ""
    own = storage.files["timestamp.json"]
    link.asked = []
    assert code_of(fetch.refresh(NOW_S)) == ""
    assert ("timestamp.json", '"%d"' % len(own)) in link.asked
    # The store was filled elsewhere: the server has no news, but not of this view.
    storage.files["timestamp.json"] = view("timestamp", 3, {"snapshot": 3}, "03.k7f3")
    link.asked = []
    assert code_of(fetch.refresh(NOW_S)) == ""
    assert ("timestamp.json", None) in link.asked
    assert storage.files["timestamp.json"] == own


def test_unchanged_is_said_of_ones_own_view_only():
    for unit in (UNIT, "03.k7f3"):
        storage = world()[1]
        storage.files["timestamp.json"] = view("timestamp", 3, {"snapshot": 3}, unit)
        trust = Trust(Verifier(), NOW_S, UNIT)
        trust.offer(storage.open("root.json"))
        trust.absent()
        trust.offer(storage.open("timestamp.json"))
        try:
            trust.unchanged()
            code = ""
        except RemoteFault as fault:
            code = fault.code
        assert code == ("" if unit == UNIT else "trust.wrong_view")
        assert (trust.state == "failed") == (unit != UNIT)


def test_an_older_snapshot_is_refused_without_a_timestamp_to_compare():
    link, storage, fetch = world()
    assert code_of(fetch.refresh(NOW_S)) == ""
    held = storage.files["snapshot.json"]
    del storage.files["timestamp.json"]
    link.files["2.snapshot.json"] = view("snapshot", 2, {"targets": 1})
    link.files["timestamp.json"] = view("timestamp", 4, {"snapshot": 2})
    assert code_of(boot(link, storage).refresh(NOW_S)) == "trust.rollback"
    assert storage.files["snapshot.json"] == held


def test_a_target_that_is_signed_as_too_long_is_not_asked_for():
    for length in (MANIFEST_BYTES_MAX, MANIFEST_BYTES_MAX + 1):
        link, storage, fetch = world(length)
        assert code_of(fetch.refresh(NOW_S)) == ""
        target = asyncio.run(fetch.find_target("t"))
        link.asked = []
        code = code_of(fetch.download_target(target, storage, "x", MANIFEST_BYTES_MAX))
        assert code == ("trust.absent" if length == MANIFEST_BYTES_MAX else "trust.length")
        assert len(link.asked) == (length == MANIFEST_BYTES_MAX)
        assert code_of(fetch.download_target(target, storage, "x")) == "trust.absent"


def test_not_one_of_many_roles_may_be_older_or_gone():
    listed = {"targets": 1}
    for number in range(40):
        listed["role-%02d" % number] = 2
    for change in (1, 0):
        # Dicts of some interpreters have no order: each name may stand at any place of the list.
        for number in range(40):
            link, storage, fetch = world()
            link.files["3.snapshot.json"] = view("snapshot", 3, listed)
            if not number:
                assert code_of(fetch.refresh(NOW_S)) == ""
                held = dict(storage.files)
            storage.files = dict(held)
            other = dict(listed)
            other["role-%02d" % number] = change
            if not change:
                del other["role-%02d" % number]
            link.files["4.snapshot.json"] = view("snapshot", 4, other)
            link.files["timestamp.json"] = view("timestamp", 4, {"snapshot": 4})
            assert code_of(boot(link, storage).refresh(NOW_S)) == "trust.rollback"


def test_a_role_that_is_not_served_is_asked_for_once_a_cycle():
    link, _, fetch = world()
    role = {"name": "A", "keyids": ["k"], "threshold": 1, "paths": ["*"], "terminating": False}
    fields = {"targets": {}, "delegations": {"keys": {"k": KEY}, "roles": [role]}}
    link.files["2.targets.json"] = signed("targets", 2, fields)
    link.files["3.snapshot.json"] = view("snapshot", 3, {"targets": 2, "A": 1})
    assert code_of(fetch.refresh(NOW_S)) == ""
    for path in ("x", "y", "x"):
        assert code_of(fetch.find_target(path)) == "trust.absent"
    assert link.asked.count(("1.A.json", None)) == 1
    # The next cycle asks again, and finds it.
    link.files["1.A.json"] = signed("targets", 1, {"targets": {}})
    assert code_of(fetch.refresh(NOW_S)) == ""
    assert code_of(fetch.find_target("x")) == "trust.unknown_target"
