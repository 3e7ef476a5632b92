"""Rotation of every key, units that split and merge, people who come and go: seen by clients.

`steady` clients keep what they trusted before the change; new clients start from the first root.
"""

import pytest

from hub.repository import expiries, signers
from hub.repository.registry import Grant, Unit
from hub.repository.roles import DAY_S
from tests.hub.repository_clients import BODIES, REFUSALS
from tests.hub.repository_world import NOW_S, World

BUNDLE = "units/03.a/bundle.json"


@pytest.fixture(params=BODIES)
def world(tmp_path, request):
    with World(tmp_path, body=request.param) as world:
        world.publish("03.a", b"programme")
        assert world.client("03.a", name="steady").get(BUNDLE) == b"programme"
        yield world


def still_reads(world, content=b"programme"):
    """Check that an old and a new client read the bundle, and return the old one."""
    assert world.client("03.a").get(BUNDLE) == content
    steady = world.client("03.a", name="steady")
    assert steady.get(BUNDLE) == content
    return steady


def rotate_root(world, changes, signers, now_s=NOW_S + 10, others=(), stolen=False):
    repository = world.repository
    change = repository.proposals.root(now_s, changes).sign(signers)
    return repository.publish([change, *others], now_s, stolen)


def test_root_keys_change_and_the_old_ones_alone_sign_no_further(world):
    fresh = [signers.generate() for _ in range(3)]
    old = world.founders.root
    keys = {"root": ([one.public_key for one in fresh], 2)}
    one_old = world.repository.proposals.root(NOW_S, keys).sign([old[0], *fresh[:2]])
    assert world.repository.publish([one_old], NOW_S).missing == 1
    assert rotate_root(world, keys, [*old[:2], *fresh[:2]]).published
    still_reads(world)
    outcome = rotate_root(world, {}, old)
    assert not outcome.published
    assert rotate_root(world, {}, fresh[1:]).version == 3
    assert still_reads(world).refresh()[0] == 3


def test_targets_key_changes(world):
    fresh = signers.generate()
    both = [*world.founders.targets, fresh]
    targets = world.repository.proposals.targets(NOW_S + 5).sign(both)
    keys = {"targets": ([fresh.public_key], 1)}
    assert rotate_root(world, keys, world.founders.root[:2], others=[targets]).published
    still_reads(world)
    world.publish("03.a", b"after", NOW_S + 20)
    still_reads(world, b"after")


def test_lost_targets_key_is_replaced_without_it(world):
    fresh = signers.generate()
    targets = world.repository.proposals.targets(NOW_S + 5).sign([fresh])
    keys = {"targets": ([fresh.public_key], 1)}
    assert rotate_root(world, keys, world.founders.root[1:], others=[targets]).published
    still_reads(world)


@pytest.mark.parametrize("scheme", signers.SCHEMES)
def test_registrar_changes_with_every_key_type(world, scheme):
    fresh = signers.generate(scheme)
    repository = world.repository
    grant = Grant("", [fresh.public_key], 1)
    changes = [repository.proposals.targets(NOW_S + 5, registrars=grant)]
    changes[0].sign(world.founders.targets)
    changes += [repository.proposals.again(f"registry-{g}", NOW_S + 5) for g in ("00", "03")]
    for change in changes[1:]:
        change.sign([fresh])
    assert repository.publish(changes, NOW_S + 5).published
    still_reads(world)
    unit = repository.unit("03.a")
    with pytest.raises(Exception, match="none of the signatures"):
        repository.change_unit(unit, world.founders.registrars, NOW_S + 9)
    assert repository.change_unit(unit, [fresh], NOW_S + 9).published
    still_reads(world)


def test_online_keys_change_while_clients_read(world):
    repository, online = world.repository, world.online
    old = set(online.signers())
    keys = {role: ([online.add(role)], 1) for role in ("timestamp", "snapshot")}
    online.add("nodes")
    online.add("relays")
    now_s = NOW_S + 5
    others = [repository.proposals.targets(now_s).sign(world.founders.targets)]
    for group in ("00", "03"):
        units = [repository.unit(unit) for unit in repository.units() if unit[:2] == group]
        change = repository.proposals.registry(group, units, now_s)
        others.append(change.sign(world.founders.registrars))
    assert rotate_root(world, keys, world.founders.root[:2], others=others).published
    still_reads(world)
    kept = [online.newest(holder).keyid for holder in ("timestamp", "snapshot", "nodes")]
    kept += [online.newest(holder).keyid for holder in ("relays", "auto-alert")]
    gone = online.drop(kept)
    assert len(gone) == 4 and set(gone) < old
    repository.sign_settings("03.a", "n1", b"{}", NOW_S + 20)
    repository.sign_relays("vov1", b"{}", NOW_S + 20)
    let_in = b'{"policy":{"relays":["vov1"]}}'
    world.publish("03.a", let_in, NOW_S + 20)
    repository.reissue(NOW_S + 30)
    client = still_reads(world, let_in)
    assert client.get("nodes/03.a/n1/settings.json") == b"{}"
    assert client.get("relays/vov1/media.json") == b"{}"


def test_firmware_key_changes(world):
    repository = world.repository
    repository.sign_firmware("esp32", world.founders.firmware, b"one", NOW_S)
    fresh = signers.generate()
    grant = Grant("firmware", [fresh.public_key], 1)
    targets = repository.proposals.targets(NOW_S + 5, firmware=grant)
    again = repository.proposals.again("firmware", NOW_S + 5).sign([fresh])
    repository.publish([targets.sign(world.founders.targets), again], NOW_S + 5)
    client = world.client("03.a", name="steady")
    assert client.get("firmware/esp32/image.json") == b"one"


def test_an_approver_leaves_and_the_one_who_stays_takes_over(world):
    _leaver, stays = world.approvers["03.a"]
    unit = world.repository.unit("03.a")._replace(approvers=[stays.public_key])
    world.repository.change_unit(unit, world.founders.registrars, NOW_S + 5, [stays])
    still_reads(world)
    with pytest.raises(Exception, match="none of the signatures"):
        world.publish("03.a", b"the leaver's word", NOW_S + 9)


def test_an_approver_leaves_and_nobody_signs_yet(world):
    _leaver, stays = world.approvers["03.a"]
    unit = world.repository.unit("03.a")._replace(approvers=[stays.public_key])
    world.repository.change_unit(unit, world.founders.registrars, NOW_S + 5)
    assert expiries.orphans(world.repository) == ["unit-03.a"]
    with pytest.raises(REFUSALS):
        world.client("03.a", name="steady").get(BUNDLE)
    world.repository.sign_bundle("03.a", [stays], b"programme", NOW_S + 9)
    assert expiries.orphans(world.repository) == []
    still_reads(world)


def test_an_approver_joins(world):
    joins = signers.generate()
    unit = world.repository.unit("03.a")
    unit = unit._replace(approvers=[*unit.approvers, joins.public_key])
    world.repository.change_unit(unit, world.founders.registrars, NOW_S + 5)
    still_reads(world)
    world.repository.sign_bundle("03.a", [joins], b"first word", NOW_S + 9)
    still_reads(world, b"first word")


def test_the_same_person_twice_is_one_signature(world):
    unit = world.repository.unit("03.a")._replace(bundle_threshold=2)
    world.repository.change_unit(unit, world.founders.registrars, NOW_S + 5)
    one = world.approvers["03.a"][0]
    assert not world.repository.sign_bundle("03.a", [one, one], b"{}", NOW_S + 9).published


def test_a_unit_splits_and_its_nodes_go_over(world):
    world.add_unit("03.new", ["00.prov"], NOW_S + 5)
    world.repository.place_unit("03.new", ["00.prov"], NOW_S + 6, after=["03.a"])
    world.repository.sign_bundle("03.new", world.approvers["03.new"][:1], b"own word", NOW_S + 7)
    moved = world.client("03.new", name="steady")
    assert moved.get("units/03.new/bundle.json") == b"own word"
    assert world.client("03.a").get(BUNDLE) == b"programme"


def test_two_units_merge_into_one_of_them(world):
    repository = world.repository
    world.publish("03.b", b"the other half")
    assert world.client("03.b", name="other").get("units/03.b/bundle.json")
    both = [*repository.unit("03.a").approvers, *repository.unit("03.b").approvers]
    registrars = world.founders.registrars
    repository.change_unit(Unit("03.a", both), registrars, NOW_S + 5)
    repository.place_unit("03.a", ["00.prov"], NOW_S + 6, after=["03.b"])
    repository.sign_bundle("03.a", world.approvers["03.b"][:1], b"one word", NOW_S + 7)
    other = world.client("03.a", name="other")
    assert other.get(BUNDLE) == b"one word"
    repository.close_unit("03.b", registrars, NOW_S + 8)
    assert repository.units() == ["00.prov", "03.a"]
    assert world.client("03.a", name="other").get("units/03.b/bundle.json") is None
    left_behind = world.client("03.b")
    assert left_behind.get("units/03.b/bundle.json") is None
    still_reads(world, b"one word")


def test_new_parents_keep_the_roles_of_the_old_ones_listed(world):
    world.add_unit("00.region", ["00.prov"], NOW_S + 5)
    world.repository.place_unit("03.a", ["00.region", "00.prov"], NOW_S + 6)
    assert world.repository.chain("03.a") == ["03.a", "00.region", "00.prov"]
    still_reads(world)
    world.repository.place_unit("03.a", ["00.prov"], NOW_S + 7)
    still_reads(world)


@pytest.mark.parametrize("body", BODIES)
def test_a_role_expires_while_nodes_are_offline(tmp_path, body):
    past_s = NOW_S - 401 * DAY_S
    with World(tmp_path, past_s, body) as world:
        world.publish("03.a", b"last year", past_s)
        world.repository.refresh(NOW_S)
        with pytest.raises(REFUSALS, match="expired"):
            world.client("03.a").get(BUNDLE)
        due = [one.role for one in expiries.expiring(world.repository, NOW_S)]
        assert "unit-03.a" in due and "nodes-03.a" not in due and "root" not in due
        world.repository.publish(
            [
                world.repository.proposals.again("unit-03.a", NOW_S).sign(
                    world.approvers["03.a"][:1]
                )
            ],
            NOW_S,
        )
        assert world.client("03.a").get(BUNDLE) == b"last year"
