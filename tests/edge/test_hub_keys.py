"""Whose word of the hub a node believes: the keys that its trusted root names."""

import json

from edge.hub_keys import read_hub_keys
from hw.sim.storage import Storage
from protocols import canonical
from tests.edge.test_records_task import HUB_KEY, KEY_ID, put, root


def test_hub_keys_come_from_the_trusted_root_alone():
    storage = Storage()
    assert read_hub_keys(storage) == {}
    public = HUB_KEY.public_key().public_bytes_raw()
    put(storage, "metadata/root.json", root(public))
    assert read_hub_keys(storage) == {KEY_ID: public}
    value = json.loads(root(public))
    value["signed"]["keys"][KEY_ID]["scheme"] = "unknown"
    put(storage, "metadata/root.json", canonical.encode(value))
    assert read_hub_keys(storage) == {}
