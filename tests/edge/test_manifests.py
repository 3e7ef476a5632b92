"""The manifests a node acts on: what is good replaces, what is not never does."""

import pytest

from edge.manifests import Manifests
from hw.sim.storage import Storage
from protocols import canonical
from protocols.errors import Fault, RemoteFault
from protocols.limits import AUTO_PER_DAY_MAX
from protocols.units import alert_path, auto_alert_path, bundle_path, settings_path
from tests.edge.node_world import put
from tests.portable import manifests

UNIT, ABOVE, NODE = manifests.COMMUNE, manifests.PROVINCE, "node-1"
OWN, ALERTS = bundle_path(UNIT), alert_path(UNIT)
SETTINGS = settings_path(UNIT, NODE)


class Shelf:
    """A store of manifests, and what a new boot finds in it."""

    def __init__(self):
        self.storage = Storage()
        self.held = self.boot()

    def boot(self):
        self.held = Manifests(self.storage, NODE, UNIT)
        self.faults = [(path, fault.code) for path, fault in self.held.load()]
        return self.held

    def arrive(self, path, value):
        data = value if isinstance(value, bytes) else canonical.encode(value)
        put(self.storage, self.held.stored_name(path), data)
        return self.held.take(path)

    def active(self):
        return [(one.unit, one.version) for one in self.held.bundles()]


def bundle(version=1, **fields):
    return {**manifests.bundle(), "version": version, **fields}


def alerts(version=1):
    return manifests.alerts([manifests.alert("flood", 9, manifests.MIDNIGHT_S)], UNIT, version)


def test_a_programme_is_a_candidate_until_it_is_activated():
    shelf = Shelf()
    assert shelf.arrive(OWN, bundle()) is True
    assert shelf.active() == []
    assert [one.version for one in shelf.held.candidates()] == [1]
    assert shelf.held.units() == [UNIT, ABOVE]
    assert shelf.arrive(OWN, bundle()) is False
    assert shelf.held.activate(UNIT) is True
    assert shelf.active() == [(UNIT, 1)]
    assert shelf.held.candidates() == []
    shelf.boot()
    assert (shelf.active(), shelf.held.candidates(), shelf.faults) == ([(UNIT, 1)], [], [])


def test_the_paths_follow_the_ancestors_and_alerts_come_first():
    shelf = Shelf()
    shelf.arrive(OWN, bundle())
    paths = shelf.held.paths()
    assert paths[0] == ALERTS
    assert paths[1] == alert_path(ABOVE)
    assert paths[-2:] == [OWN, bundle_path(ABOVE)]
    assert SETTINGS in paths


def test_bundles_come_nearest_first():
    shelf = Shelf()
    shelf.arrive(OWN, bundle())
    shelf.arrive(bundle_path(ABOVE), bundle(unit=ABOVE, ancestors=[]))
    for unit in (ABOVE, UNIT):
        shelf.held.activate(unit)
    assert shelf.active() == [(UNIT, 1), (ABOVE, 1)]
    shelf.boot()
    assert shelf.active() == [(UNIT, 1), (ABOVE, 1)]


def test_who_is_no_longer_above_is_no_longer_heard():
    shelf = Shelf()
    shelf.arrive(OWN, bundle())
    shelf.arrive(bundle_path(ABOVE), bundle(unit=ABOVE, ancestors=[]))
    for unit in (ABOVE, UNIT):
        shelf.held.activate(unit)
    shelf.arrive(OWN, bundle(2, ancestors=[]))
    shelf.held.activate(UNIT)
    assert shelf.active() == [(UNIT, 2)]


@pytest.mark.parametrize("reboots", [False, True])
def test_a_rollback_is_refused_with_or_without_a_reboot(reboots):
    shelf = Shelf()
    shelf.arrive(OWN, bundle(3))
    shelf.held.activate(UNIT)
    shelf.arrive(ALERTS, alerts(3))
    settings = {**manifests.settings(), "sequence": 3}
    shelf.arrive(SETTINGS, settings)
    older = {**settings, "sequence": 2, "volume_percent": 10}
    for path, value in ((OWN, bundle(2)), (ALERTS, alerts(2)), (SETTINGS, older)):
        with pytest.raises(RemoteFault) as caught:
            shelf.arrive(path, value)
        assert caught.value.code == "manifest.rollback" and caught.value.remedy
    if reboots:
        shelf.boot()
        assert {code for _, code in shelf.faults} == {"manifest.rollback"}
    assert shelf.active() == [(UNIT, 3)]
    assert shelf.held.alerts()[0].version == 3
    assert shelf.held.settings.volume_percent == 70


@pytest.mark.parametrize("reboots", [False, True])
@pytest.mark.parametrize("bad", [b"", b"{}", b"\xff\xfe", b"[" * 40, b'{"a":1,"a":2}'])
def test_a_signed_but_broken_manifest_replaces_nothing(bad, reboots):
    shelf = Shelf()
    shelf.arrive(OWN, bundle())
    shelf.held.activate(UNIT)
    shelf.arrive(ALERTS, alerts())
    shelf.arrive(SETTINGS, manifests.settings())
    for path in (OWN, ALERTS, SETTINGS):
        with pytest.raises(Fault):
            shelf.arrive(path, bad)
    if reboots:
        shelf.boot()
        assert sorted(path for path, _ in shelf.faults) == sorted([OWN, ALERTS, SETTINGS])
    assert shelf.active() == [(UNIT, 1)]
    assert len(shelf.held.alerts()) == 1
    assert shelf.held.settings.volume_percent == 70


def test_what_arrived_after_a_candidate_is_not_activated_in_its_name():
    shelf = Shelf()
    shelf.arrive(OWN, bundle())
    shelf.held.activate(UNIT)
    shelf.arrive(OWN, bundle(2))
    with pytest.raises(RemoteFault):
        shelf.arrive(OWN, b"{}")
    assert shelf.held.activate(UNIT) is False
    assert shelf.active() == [(UNIT, 1)]
    shelf.boot()
    assert (shelf.active(), shelf.faults) == ([(UNIT, 1)], [])


def test_a_damaged_active_file_is_read_again_from_what_arrived():
    shelf = Shelf()
    shelf.arrive(OWN, bundle())
    shelf.held.activate(UNIT)
    shelf.arrive(ALERTS, alerts())
    for name in shelf.storage.names("manifests"):
        put(shelf.storage, "manifests/" + name, b"{")
    shelf.boot()
    assert {code for _, code in shelf.faults} == {"json.syntax"}
    assert [one.version for one in shelf.held.candidates()] == [1]
    assert len(shelf.held.alerts()) == 1
    assert shelf.held.activate(UNIT) is True
    shelf.boot()
    assert shelf.faults == []


def test_another_units_manifest_is_refused():
    shelf = Shelf()
    for path, value in (
        (OWN, bundle(unit="03.other")),
        (ALERTS, manifests.alerts([], "03.other")),
        (SETTINGS, {**manifests.settings(), "node": "node-2"}),
    ):
        with pytest.raises(RemoteFault) as caught:
            shelf.arrive(path, value)
        assert caught.value.code == "format.field"


def test_an_oversized_file_on_disk_is_refused():
    shelf = Shelf()
    with pytest.raises(RemoteFault) as caught:
        shelf.arrive(OWN, b" " * (256 * 1024 + 1))
    assert caught.value.code == "manifest.length"


def test_references_make_a_cancel():
    shelf = Shelf()
    shelf.arrive(ALERTS, alerts())
    assert not shelf.held.has_cancel(ALERTS)
    end = manifests.alert("end", 9, manifests.MIDNIGHT_S)
    end.update(kind="cancel", references=["flood"])
    shelf.arrive(ALERTS, manifests.alerts([end], UNIT, 2))
    assert shelf.held.has_cancel(ALERTS)


def test_nothing_stored_is_nothing_held():
    shelf = Shelf()
    assert (shelf.active(), shelf.held.alerts(), shelf.held.settings) == ([], (), None)
    assert shelf.held.take(OWN) is False


def relayed(count, version, first=0):
    entries = []
    for number in range(first, first + count):
        entries.append(manifests.alert(f"auto.{number}", 9, manifests.MIDNIGHT_S))
    return manifests.alerts(entries, UNIT, version)


def test_relayed_alerts_are_bounded_and_counted_over_reboots():
    shelf, auto = Shelf(), auto_alert_path(UNIT)
    human = manifests.alerts([manifests.alert("flood", 9, manifests.MIDNIGHT_S)], UNIT, 1)
    with pytest.raises(RemoteFault) as caught:
        shelf.arrive(auto, human)
    assert caught.value.code == "alert.auto"
    assert shelf.arrive(ALERTS, human) is True, "an approver may say what the hub may not"
    assert shelf.arrive(auto, relayed(AUTO_PER_DAY_MAX - 1, 1)) is True
    shelf.boot()
    assert shelf.arrive(auto, relayed(1, 2, first=50)) is True
    shelf.boot()
    with pytest.raises(RemoteFault) as caught:
        shelf.arrive(auto, relayed(1, 3, first=60))
    assert caught.value.code == "alert.auto_rate"
    found = [one.id for held in shelf.held.alerts() for one in held.alerts]
    assert found == ["flood", "auto.50"], "what was held stays"
    put(shelf.storage, "state/auto", b"spoilt")
    assert shelf.arrive(auto, relayed(1, 3, first=60)) is True
