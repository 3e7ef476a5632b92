"""A hub restored from last week's backup, and a hub whose online keys were stolen."""

import json
import shutil
from pathlib import Path

import pytest
from tuf.api.metadata import Delegations, Metadata, MetaFile

from hub.repository import envelope, recovery
from hub.repository.layout import sha256
from hub.repository.repository import Repository
from hub.repository.roles import DAY_S
from tests.hub.repository_clients import BODIES, REFUSALS
from tests.hub.repository_world import NOW_S, World

BUNDLE = "units/03.a/bundle.json"
WEEK_S = 7 * DAY_S


@pytest.fixture(params=BODIES)
def restored(tmp_path, request):
    """Return a world that published on after its backup, then lost everything but that backup."""
    with World(tmp_path, NOW_S - WEEK_S, request.param) as world:
        world.publish("03.a", b"last week", NOW_S - WEEK_S)
        root = world.repository.layout.root
        shutil.copytree(root, tmp_path / "backup")
        world.repository.sign_settings("03.a", "n1", b"since", NOW_S - DAY_S)
        world.publish("03.a", b"since the backup", NOW_S - DAY_S)
        client = world.client("03.a", name="steady")
        assert client.get(BUNDLE) == b"since the backup"
        shutil.copytree(root, tmp_path / "mirror")
        shutil.rmtree(root)
        shutil.copytree(tmp_path / "backup", root)
        world.repository = Repository(root, world.online)
        yield world


def test_a_restored_hub_goes_on_above_everything_it_ever_issued(restored):
    restored.repository.reissue(NOW_S)
    restored.publish("03.b", b"new", NOW_S)
    client = restored.client("03.b")
    assert client.get("units/03.b/bundle.json") == b"new"


def test_a_node_refuses_the_older_bundle_until_a_person_signs_again(restored):
    restored.repository.reissue(NOW_S)
    with pytest.raises(REFUSALS, match=r"version|older"):
        restored.client("03.a", name="steady").refresh()
    restored.publish("03.a", b"signed again", NOW_S + 5)
    client = restored.client("03.a", name="steady")
    assert client.get(BUNDLE) == b"signed again"
    restored.repository.sign_settings("03.a", "n1", b"again", NOW_S + 6)
    client = restored.client("03.a", name="steady")
    assert client.get("nodes/03.a/n1/settings.json") == b"again"


@pytest.mark.parametrize("copy", ["mirror", "clients/steady"])
def test_copies_bring_back_what_people_signed(restored, copy):
    """A mirror holds manifests too; a node's store holds the role files it trusted."""
    adopted = recovery.adopt(restored.repository, [restored.folder / copy], NOW_S)
    assert "unit-03.a" in [role for role, _ in adopted.roles]
    client = restored.client("03.a", name="steady")
    client.refresh()
    if adopted.missing:
        assert copy != "mirror" and BUNDLE in adopted.missing
        client.get(BUNDLE)
    else:
        assert client.get(BUNDLE) == b"since the backup"


def test_a_copy_brings_no_delegation_in_that_the_hub_would_refuse(restored, tmp_path):
    """An approver signed it and no hub ever published it: a stick with it changes nothing."""
    repository = restored.repository
    change = repository.propose_bundle("03.a", b"{}", NOW_S - DAY_S)
    change.metadata.signed.delegations = Delegations({}, {})
    change.sign(restored.approvers["03.a"])
    stick = tmp_path / "stick"
    stick.mkdir()
    name = f"{change.version}.unit-03.a.json"
    (stick / name).write_bytes(envelope.encode(change.metadata))
    assert recovery.adopt(repository, [stick], NOW_S).roles == []
    change.metadata.signed.delegations = None
    change.metadata.signatures.clear()
    change.sign(restored.approvers["03.a"])
    (stick / name).write_bytes(envelope.encode(change.metadata))
    assert recovery.adopt(repository, [stick], NOW_S).roles == [("unit-03.a", change.version)]


def test_forged_copies_count_for_nothing(restored, tmp_path):
    forged = tmp_path / "forged"
    forged.mkdir()
    own = restored.repository.archive.current("unit-03.a")
    for name, version in (("1.unit-03.a", 1), (f"{NOW_S}.unit-03.a", NOW_S)):
        metadata = Metadata.from_dict(own.to_dict())
        metadata.signed.version = version
        (forged / f"{name}.json").write_bytes(envelope.encode(metadata))
    (forged / "9.root.json").write_bytes(b"{}")
    (forged / "targets.json").write_text(json.dumps([1]))
    assert recovery.adopt(restored.repository, [forged], NOW_S).roles == []


def test_a_root_of_after_the_backup_comes_back_from_a_copy(restored, tmp_path):
    mirror = Repository(tmp_path / "mirror", restored.online)
    change = mirror.proposals.root(NOW_S).sign(restored.founders.root[:2])
    mirror.publish([change], NOW_S)
    restored.client("03.a", name="steady")
    adopted = recovery.adopt(restored.repository, [tmp_path / "mirror"], NOW_S)
    assert adopted.roles[0] == ("root", 2) and adopted.missing == []
    client = restored.client("03.a", name="steady")
    assert client.get(BUNDLE) == b"since the backup"


class Thief:
    """Hold copies of the online keys and write what they allow."""

    def __init__(self, world):
        self.world = world
        self.signers = list(world.online.signers().values())
        self.layout = world.repository.layout

    def fast_forward(self, unit, number):
        """Publish a view of enormous numbers, as served to clients."""
        view = self.world.repository.views.load(unit)
        snapshot, timestamp = view.snapshot, view.timestamp
        snapshot.signed.version = timestamp.signed.version = number
        snapshot.signed.meta[f"nodes-{unit}.json"] = MetaFile(number)
        nodes = self.world.repository.archive.current(f"nodes-{unit}")
        nodes.signed.version = number
        data = self._sign(nodes)
        self.layout.role_file(f"nodes-{unit}", number).write_bytes(data)
        data = self._sign(snapshot)
        self.layout.snapshot_file(unit, number).write_bytes(data)
        entry = MetaFile(number, len(data), {"sha256": sha256(data)})
        timestamp.signed.snapshot_meta = entry
        self.layout.timestamp_file(unit).write_bytes(self._sign(timestamp))

    def _sign(self, metadata):
        metadata.signatures.clear()
        return envelope.encode(envelope.sign(metadata, self.signers))


@pytest.mark.parametrize("body", BODIES)
def test_stolen_online_keys_can_stall_but_not_speak_and_are_replaced(tmp_path, body):
    with World(tmp_path, body=body) as world:
        world.publish("03.a", b"programme")
        steady = world.client("03.a", name="steady")
        assert steady.get(BUNDLE) == b"programme"
        thief = Thief(world)

        # The thief cannot put a word on air: no online key signs a bundle or an alert.
        for role in ("unit-03.a", "alert-03.a"):
            path = world.repository.archive.delegator(role).get_delegated_role(role).paths[0]
            forged = world.repository.proposals.manifests(role, {path: b"x"}, NOW_S + 3)
            with pytest.raises(Exception, match="none of the signatures"):
                world.repository.publish([forged.sign(thief.signers)], NOW_S + 3)

        # The thief can stall: numbers so high that the hub's own would look old.
        thief.fast_forward("03.a", 2**53 - 1)
        client = world.client("03.a", name="steady")
        assert client.refresh()[1] == 2**53 - 1

        # Recovery: new online keys in a new root; the forged files go; views start anew.
        repository = Repository(world.repository.layout.root, world.online)
        people = world.founders
        present = [*people.root[:2], *people.targets, *people.registrars]
        recovered = recovery.replace_online_keys(repository, present, NOW_S + 10)
        assert len(recovered.dropped) == 5 and any("nodes-03.a" in one for one in recovered.removed)
        client = world.client("03.a", name="steady")
        assert client.get(BUNDLE) == b"programme"
        assert client.refresh()[1] < NOW_S + DAY_S
        repository.sign_settings("03.a", "n1", b"{}", NOW_S + 20)
        client = world.client("03.a", name="steady")
        assert client.get("nodes/03.a/n1/settings.json") == b"{}"

        # The old keys are worth nothing any more, for clients old and new.
        thief.layout = repository.layout
        view = repository.views.load("03.a")
        path = Path(repository.layout.timestamp_file("03.a"))
        honest = path.read_bytes()
        path.write_bytes(thief._sign(view.timestamp))
        for name in ("steady", None):
            with pytest.raises(REFUSALS):
                world.client("03.a", name=name).refresh()
        path.write_bytes(honest)
        assert world.client("03.a").get(BUNDLE) == b"programme"
