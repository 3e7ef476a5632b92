"""Publication: thresholds, stale and foreign changes, crashes, numbers, tidiness."""

import json
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tuf.api.metadata import Delegations, SuccinctRoles

from hub.repository import ceremony, expiries, request, signers
from hub.repository.durable import Disk
from hub.repository.policy import Policy
from hub.repository.pruning import KEPT_VERSIONS
from hub.repository.repository import Repository
from hub.repository.roles import DAY_S
from protocols import limits
from protocols.errors import Fault, LocalFault
from tests.hub.repository_world import NOW_S, World


class PowerCut(Exception):
    """The disk is gone."""


class FailingDisk(Disk):
    """Lose power before (`after` false) or just after the n-th change."""

    def __init__(self, count, after):
        self.left, self.after = count, after

    def _step(self, change):
        self.left -= 1
        if self.left >= 0 or (self.left == -1 and self.after):
            change()
        if self.left < 0:
            raise PowerCut

    def write(self, path, data, mode=0o644):
        self._step(lambda: Disk.write(self, path, data, mode))

    def remove(self, path):
        self._step(lambda: Disk.remove(self, path))


@pytest.fixture
def world(tmp_path):
    with World(tmp_path) as world:
        yield world


def code_of(call, *args, **names):
    with pytest.raises(Fault) as caught:
        call(*args, **names)
    assert caught.value.remedy
    return caught.value.code


def test_two_people_alert_waits_for_the_second(world):
    world.add_unit("03.two", ["00.prov"], alert_threshold=2)
    first, second = world.approvers["03.two"]
    outcome = world.repository.sign_alerts("03.two", [first], b'{"alerts":1}', NOW_S)
    assert (outcome.published, outcome.missing) == (False, 1)
    assert [one.role for one in world.repository.waiting()] == ["alert-03.two"]
    assert "alert-03.two" not in world.repository.views.load("03.two").listed()
    again = world.repository.sign_alerts("03.two", [first], b'{"alerts":1}', NOW_S + 5)
    assert not again.published
    done = world.repository.sign_alerts("03.two", [second], b'{"alerts":1}', NOW_S + 60)
    assert done.published and world.repository.waiting() == []
    client = world.client("03.two")
    assert client.get("alerts/03.two/alert.json") == b'{"alerts":1}'


def test_two_laptops_sign_copies_of_one_export(world):
    world.add_unit("03.two", ["00.prov"], bundle_threshold=2)
    export = world.repository.propose_bundle("03.two", b"{}", NOW_S).to_bytes()
    copies = [request.read(export).sign([one]).to_bytes() for one in world.approvers["03.two"]]
    assert not world.repository.accept([copies[0]], NOW_S).published
    assert world.repository.accept([copies[1]], NOW_S).published


def test_changes_that_must_not_get_in(world):
    repository, own = world.repository, world.approvers["03.a"][:1]
    stale = repository.propose_bundle("03.a", b"{}", NOW_S).sign(own)
    world.publish("03.a", b'{"new":1}', NOW_S + 9)
    assert code_of(repository.publish, [stale], NOW_S) == "request.stale"
    stranger = signers.generate()
    assert code_of(repository.sign_bundle, "03.a", [stranger], b"{}", NOW_S) == "request.key"
    assert code_of(repository.sign_bundle, "03.zz", own, b"{}", NOW_S) == "repository.role"
    assert code_of(repository.sign_bundle, "../x", own, b"{}", NOW_S) == "repository.role"
    assert code_of(repository.sign_settings, "03.a", "../n", b"{}", NOW_S) == "repository.name"
    large = b" " * (limits.MANIFEST_BYTES_MAX + 1)
    assert code_of(repository.sign_bundle, "03.a", own, large, NOW_S) == "repository.manifest"
    assert code_of(repository.place_unit, "03.a", ["00.typo"], NOW_S) == "repository.unit"
    changed = repository.propose_bundle("03.a", b"{}", NOW_S + 20)
    changed.files["units/03.a/bundle.json"] = b"[]"
    assert code_of(repository.accept, [changed.to_bytes()], NOW_S) == "request.file"
    ahead = repository.propose_bundle("03.a", b"{}", NOW_S + 3 * DAY_S).sign(own)
    assert code_of(repository.publish, [ahead], NOW_S) == "request.version"
    foreign = repository.proposals.manifests("unit-03.a", {"units/03.b/bundle.json": b"x"}, NOW_S)
    foreign.metadata.signed.version = NOW_S + 30
    assert code_of(repository.publish, [foreign.sign(own)], NOW_S) == "request.path"
    old = Policy({"unit": 1})
    repository.proposals._policy = old
    late = repository.propose_bundle("03.a", b"{}", NOW_S).sign(own)
    late.metadata.signed.version = NOW_S + 40
    assert code_of(repository.publish, [late], NOW_S + 2 * DAY_S) == "request.expired"
    assert code_of(repository.accept, [b"[]"], NOW_S) == "request.format"
    assert code_of(repository.accept, [b"\xff" * 20], NOW_S) == "request.format"


@pytest.mark.parametrize("said", ["nothing", "a key", "bins"])
def test_an_approver_delegates_nothing_onward(world, said):
    repository, approvers = world.repository, world.approvers["03.a"]
    change = repository.propose_bundle("03.a", b"{}", NOW_S + 5)
    key = approvers[0].public_key
    change.metadata.signed.delegations = {
        "nothing": Delegations({}, {}),
        "a key": Delegations({key.keyid: key}, {}),
        "bins": Delegations({key.keyid: key}, None, SuccinctRoles([key.keyid], 1, 4, "bin")),
    }[said]
    assert code_of(repository.publish, [change.sign(approvers)], NOW_S) == "request.delegation"


def test_a_registrar_cannot_give_what_is_not_his(world):
    repository = world.repository
    change = repository.proposals.registry("03", [], NOW_S + 5)
    role = change.metadata.signed.delegations.roles
    other = repository.proposals.registry("00", [repository.unit("00.prov")], NOW_S + 5)
    role.update(other.metadata.signed.delegations.roles)
    change.metadata.signed.delegations.keys.update(other.metadata.signed.delegations.keys)
    change.sign(world.founders.registrars)
    assert code_of(repository.publish, [change], NOW_S) == "repository.delegation"
    unit = repository.unit("03.a")
    greedy = unit._replace(alert_threshold=3)
    registrars = world.founders.registrars
    assert code_of(repository.change_unit, greedy, registrars, NOW_S) == "repository.threshold"
    twice = unit._replace(approvers=[unit.approvers[0]] * 2)
    assert code_of(repository.change_unit, twice, registrars, NOW_S) == "repository.threshold"


def test_a_role_that_delegates_signs_no_file(world):
    path = "alerts/03.a/alert.json"
    change = world.repository.proposals.manifests("registry-03", {path: b"{}"}, NOW_S + 5)
    change.sign(world.founders.registrars)
    assert code_of(world.repository.publish, [change], NOW_S) == "request.path"
    up = world.repository.proposals.manifests(
        "nodes-03.a", {"nodes/03.a/../settings.json": b""}, NOW_S + 5
    )
    up.sign(list(world.online.signers().values()))
    assert code_of(world.repository.publish, [up], NOW_S) == "request.path"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_change_of_a_request_is_taken_whole_or_refused(world, data):
    good = world.repository.propose_bundle("03.a", b"{}", NOW_S + 5)
    document = json.loads(good.sign(world.approvers["03.a"][:1]).to_bytes())
    values = st.none() | st.integers() | st.text(max_size=9) | st.lists(st.integers(), max_size=2)
    where = data.draw(st.sampled_from(["format", "role", "metadata", "files"]))
    at = document
    while isinstance(at[where], dict) and at[where] and data.draw(st.booleans()):
        at = at[where]
        where = data.draw(st.sampled_from(sorted(at)))
    at[where] = data.draw(values | st.dictionaries(st.text(max_size=5), values, max_size=2))
    try:
        world.repository.accept([json.dumps(document).encode()], NOW_S + 5)
    except Fault as fault:
        assert fault.remedy
    world.repository.waiting()


def test_hub_signs_settings_orders_relays_and_its_own_alerts_only_where_enabled(world):
    repository = world.repository
    repository.sign_settings("03.a", "n1", b'{"volume":1}', NOW_S)
    repository.sign_orders("03.a", "n1", b'{"orders":1}', NOW_S)
    repository.sign_relays("vov1", b'{"media":1}', NOW_S)
    world.publish("03.a", b'{"policy":{"relays":["vov1"]}}')
    world.repository.sign_firmware("esp32", world.founders.firmware, b'{"image":1}', NOW_S)
    client = world.client("03.a")
    assert client.get("nodes/03.a/n1/settings.json") == b'{"volume":1}'
    assert client.get("nodes/03.a/n1/orders.json") == b'{"orders":1}'
    assert client.get("relays/vov1/media.json") == b'{"media":1}'
    assert client.get("firmware/esp32/image.json") == b'{"image":1}'
    repository.forget_node("03.a", "n1", NOW_S)
    assert world.client("03.a").get("nodes/03.a/n1/orders.json") is None
    assert code_of(repository.sign_auto_alerts, "03.a", b"{}", NOW_S) == "keys.online"
    enabled = repository.unit("03.a")._replace(auto_alert=True)
    repository.change_unit(enabled, world.founders.registrars, NOW_S)
    repository.sign_auto_alerts("03.a", b'{"auto":1}', NOW_S)
    assert world.client("03.a").get("alerts/03.a/auto.json") == b'{"auto":1}'


def test_recordings_are_news_only_where_they_are_let_in(world):
    layout = world.repository.layout
    world.publish("03.a", b'{"policy":{"relays":["vov1"]}}')
    world.publish("03.b", b'{"policy":{"relays":[]}}')
    before = {unit: layout.stamp(unit) for unit in ("03.a", "03.b", "00.prov")}
    for number in range(12):
        world.repository.sign_relays("vov1", b'{"media":%d}' % number, NOW_S + number)
    assert layout.stamp("03.a") != before.pop("03.a")
    assert {unit: layout.stamp(unit) for unit in before} == before
    world.repository.refresh(NOW_S + 60)
    assert {unit: layout.stamp(unit) for unit in before} == before
    assert world.client("03.a").get("relays/vov1/media.json") == b'{"media":11}'
    world.publish("03.b", b'{"policy":{"relays":["vov1"]},"version":2}', NOW_S + 70)
    assert world.client("03.b").get("relays/vov1/media.json") == b'{"media":11}'


def test_one_number_for_all_views_never_goes_back(world):
    layout = world.repository.layout
    seen = 0
    for step, unit in enumerate(["03.a", "03.b", "03.a", "00.prov", "03.b"]):
        now_s = NOW_S - 1000 * step
        world.publish(unit, b'{"n":%d}' % step, now_s)
        number = world.repository.views.load(unit).timestamp.signed.version
        assert number > seen
        seen = number
    timestamp = world.repository.views.load("03.b").timestamp.signed
    assert timestamp.unrecognized_fields["x-unit"] == "03.b"
    assert timestamp.unrecognized_fields["x-issued"] == NOW_S - 4000
    before = layout.timestamp_file("03.a").read_bytes()
    world.publish("03.b", b'{"elsewhere":1}', NOW_S + 60)
    assert layout.timestamp_file("03.a").read_bytes() == before


def test_refresh_renews_before_half_of_the_validity_is_gone(world):
    repository = world.repository
    assert repository.refresh(NOW_S + 10 * DAY_S) == []
    assert repository.refresh(NOW_S + 16 * DAY_S) == ["00.prov", "03.a", "03.b"]
    assert repository.refresh(NOW_S + 16 * DAY_S) == []
    world.publish("03.a", b"{}")
    soon = expiries.expiring(repository, NOW_S + 380 * DAY_S)
    assert ("unit-03.a", "approver", False) in [(e.role, e.holder, e.online) for e in soon]
    assert "root" not in [one.role for one in soon]
    assert expiries.expiring(repository, NOW_S, 5) == []


def test_a_crash_at_any_write_leaves_a_view_that_clients_read(world):
    """Old or new, and the next refresh completes it or the command is run again."""
    world.publish("03.a", b"old")
    count = 0
    while True:
        count += 1
        for after in (False, True):
            world.publish("03.a", b"old", NOW_S)
            cut = FailingDisk(count, after)
            shaky = Repository(world.repository.layout.root, world.online, cut)
            try:
                shaky.sign_bundle("03.a", world.approvers["03.a"][:1], b"new", NOW_S)
                finished = True
            except PowerCut:
                finished = False
            client = world.client("03.a", name="steady")
            got = client.get("units/03.a/bundle.json")
            assert got in {b"old", b"new"} and (got == b"new" or not finished)
            world.repository.refresh(NOW_S)
            client = world.client("03.a", name="steady")
            if not finished:
                world.publish("03.a", b"new", NOW_S)
                client = world.client("03.a", name="steady")
            assert client.get("units/03.a/bundle.json") == b"new"
        if finished:
            break
    assert count > 4


def test_a_crash_while_an_approver_is_replaced_leaves_a_readable_view(world):
    world.publish("03.a", b"programme")
    for count in range(12):
        joins = signers.generate()
        unit = world.repository.unit("03.a")._replace(approvers=[joins.public_key])
        cut = FailingDisk(count, False)
        shaky = Repository(world.repository.layout.root, world.online, cut)
        try:
            shaky.change_unit(unit, world.founders.registrars, NOW_S, [joins])
        except PowerCut:
            pass
        world.repository.refresh(NOW_S)
        client = world.client("03.a", name="steady")
        registry = world.repository.archive.current("registry-03").signed
        if joins.public_key.keyid in registry.delegations.keys:
            world.repository.change_unit(unit, world.founders.registrars, NOW_S, [joins])
            client = world.client("03.a", name="steady")
        assert client.get("units/03.a/bundle.json") == b"programme"
    assert joins.public_key.keyid in registry.delegations.keys


def test_old_files_go_and_what_is_in_use_stays(world):
    layout = world.repository.layout
    world.publish("03.b", b"quiet for long")
    for step in range(3 * KEPT_VERSIONS):
        world.publish("03.a", b'{"step":%d}' % step, NOW_S + step)
    assert len(layout.role_versions()["unit-03.a"]) <= KEPT_VERSIONS + 1
    assert len(layout.snapshot_versions("03.a")) <= KEPT_VERSIONS
    manifests = list((layout.targets / "units/03.a").iterdir())
    assert len(manifests) <= KEPT_VERSIONS + 1
    assert world.client("03.b").get("units/03.b/bundle.json") == b"quiet for long"
    assert b"step" in world.client("03.a").get("units/03.a/bundle.json")


def test_writers_wait_for_each_other(world):
    failures = []

    def publish(step):
        try:
            repository = Repository(world.repository.layout.root, world.online)
            repository.sign_settings("03.a", "n%d" % step, b"{}", NOW_S)
        except Fault as fault:
            failures.append(fault)

    threads = [threading.Thread(target=publish, args=(step,)) for step in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    client = world.client("03.a")
    for step in range(6):
        assert client.get(f"nodes/03.a/n{step}/settings.json") is not None


def test_founding_twice_or_with_too_few_holders_is_refused(tmp_path, world):
    again = (world.online, world.founders, ["03"], NOW_S)
    code = code_of(ceremony.found, world.repository.layout.root, *again)
    assert code == "repository.exists"
    few = world.founders._replace(root_threshold=4)
    with pytest.raises(LocalFault) as caught:
        ceremony.found(tmp_path / "few", world.online, few, ["03"], NOW_S)
    assert caught.value.code == "repository.threshold"
    assert code_of(Repository(tmp_path / "none", world.online).refresh, NOW_S) == "repository.empty"


def test_two_versions_of_one_second_are_told_apart_by_time_and_size(tmp_path):
    path = tmp_path / "timestamp.json"
    seconds = []
    for text in (b"one", b"two", b"six"):
        Disk().write(path, text)
        seconds.append(int(path.stat().st_mtime))
    assert seconds[0] < seconds[1] < seconds[2]
