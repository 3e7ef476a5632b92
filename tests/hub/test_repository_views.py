"""A stock client and our own read a unit's view over real HTTP."""

import pytest

from tests.hub.repository_clients import BODIES, REFUSALS
from tests.hub.repository_world import NOW_S, World


@pytest.fixture(params=BODIES)
def world(tmp_path, request):
    with World(tmp_path, body=request.param) as world:
        yield world


def test_own_and_parent_bundles_arrive(world):
    world.publish("00.prov", b'{"bundle":"province"}')
    world.publish("03.a", b'{"bundle":"commune a"}')
    client = world.client("03.a")
    client.refresh()
    assert client.get("units/03.a/bundle.json") == b'{"bundle":"commune a"}'
    assert client.get("units/00.prov/bundle.json") == b'{"bundle":"province"}'
    world.publish("03.a", b'{"bundle":"commune a, later"}', NOW_S + 5)
    later = world.client("03.a")
    assert later.get("units/03.a/bundle.json") == b'{"bundle":"commune a, later"}'


def test_foreign_bundle_is_refused(world):
    world.publish("03.a", b"{}")
    world.publish("03.b", b"{}")
    client = world.client("03.a")
    client.refresh()
    with pytest.raises(REFUSALS):
        client.get("units/03.b/bundle.json")
