"""A node's store holds what is recorded of the sources that its own bundle names, and no others."""

from edge.manifests import Manifests
from hw.sim.storage import Storage
from protocols import canonical
from protocols.errors import RemoteFault
from protocols.units import bundle_path, relay_path
from tests.portable import manifests, recordings

# The disk of the test is in the heap, the longest manifest twice on it.
HEAP_KB = 240

UNIT, NODE = manifests.COMMUNE, "node-1"
OWN, VOV = bundle_path(UNIT), relay_path("vov1")


def _boot(storage):
    held = Manifests(storage, NODE, UNIT)
    assert held.load() == []
    return held


def _arrive(storage, held, path, value):
    writer = storage.stage("test")
    writer.write(canonical.encode(value))
    writer.commit(held.stored_name(path))
    try:
        return held.take(path)
    except RemoteFault as fault:
        return fault.code


def _relay(version, **fields):
    value = recordings.relay([recordings.recording(7, manifests.MIDNIGHT_S)], version=version)
    value.update(fields)
    return value


def test_sources_follow_the_bundle_and_versions_never_go_back():
    storage = Storage()
    held = _boot(storage)
    assert VOV not in held.paths() and held.relays() == {}
    assert _arrive(storage, held, OWN, recordings.bundle()) is True
    assert held.paths()[-1] == VOV
    assert _arrive(storage, held, VOV, _relay(5)) is True
    assert _arrive(storage, held, VOV, _relay(5)) is False
    assert _arrive(storage, held, VOV, _relay(4)) == "manifest.rollback"
    assert _arrive(storage, held, VOV, _relay(6, source="vov2")) == "format.field"
    assert held.relays()["vov1"].version == 5
    held.activate(UNIT)
    # What was refused stands among what arrived, and is refused by the next life, too.
    later = Manifests(storage, NODE, UNIT)
    assert [(path, fault.code) for path, fault in later.load()] == [(VOV, "format.field")]
    assert later.relays()["vov1"].version == 5

    plain = manifests.bundle()
    plain.update(version=2)
    assert _arrive(storage, later, OWN, plain) is True
    assert later.relays() == {} and VOV not in later.paths()


def test_a_manifest_beyond_its_length_is_read_no_further():
    storage = Storage()
    held = Manifests(storage, NODE, UNIT)
    assert held.bytes_max(VOV) < held.bytes_max(OWN)
    writer = storage.stage("test")
    for _ in range(held.bytes_max(VOV) // 1024 + 1):
        writer.write(b"p" * 1024)
    writer.commit(held.stored_name(VOV))
    try:
        held.take(VOV)
    except RemoteFault as fault:
        assert fault.code == "manifest.length"
    else:
        raise AssertionError("accepted")


def _many_refuse():
    """Return pieces of the longest manifest that the format takes, nearly."""
    yield b'{"format":"chieng-relay/1","recordings":[],"refused":["u"'
    for number in range(255):
        yield b',"%056d"' % number
    yield b'],"source":"vov1","version":9}'


def test_the_longest_manifest_is_read_or_refused_and_the_node_lives():
    storage = Storage()
    held = Manifests(storage, NODE, UNIT)
    writer = storage.stage("test")
    for piece in _many_refuse():
        writer.write(piece)
    writer.commit(held.stored_name(VOV))
    try:
        assert held.take(VOV)
    except RemoteFault as fault:
        assert fault.code == "manifest.length"


class _Crowded(Storage):
    def open(self, name):
        if name.startswith("candidates/relays"):
            raise MemoryError
        return super().open(name)


def test_what_memory_does_not_hold_is_refused_and_the_next_life_begins():
    storage = _Crowded()
    held = Manifests(storage, NODE, UNIT)
    assert _arrive(storage, held, OWN, recordings.bundle()) is True
    assert _arrive(storage, held, VOV, _relay(5)) == "manifest.length"
    later = Manifests(storage, NODE, UNIT)
    assert [(path, fault.code) for path, fault in later.load()] == [(VOV, "manifest.length")]
    assert later.activate(UNIT) is True
