"""A pack handed over by cable arrives whole, whatever is pulled when, and never half."""

import argparse
import asyncio
import hashlib
import io
import random
from types import SimpleNamespace

import pytest

from edge.service_carry import Carry
from hw.sim.storage import Storage
from protocols.errors import Fault
from tests.tools.cable_scene import Box, CutPort, line
from tools.console import Console
from tools.node_commands import push_pack

PACK = random.Random(3).randbytes(9000)
NAME = hashlib.sha256(PACK).hexdigest()[:32] + ".pack"


def carrying_box():
    """Return a box in service, and where it puts packs."""
    box, handed = Box(), Storage()
    box.desk._carry = Carry(SimpleNamespace(handed=handed), box.entropy)
    return box, handed


def push(box, port, path, session=b"visit--1"):
    out = io.StringIO()
    options = argparse.Namespace(file=path, json=False)

    async def visit():
        cable = line(box, port, session)
        await cable.open()
        return await push_pack(SimpleNamespace(options=options, console=Console("vi", out)), cable)

    return asyncio.run(visit())


def held(storage):
    reader = storage.open(NAME)
    return None if reader is None else reader.read(len(PACK) + 1)


def test_a_pack_survives_a_cable_pulled_anywhere(tmp_path):
    path = tmp_path / "one.pack"
    path.write_bytes(PACK)
    box, handed = carrying_box()
    port = CutPort(box)
    assert push(box, port, path)["bytes"] == len(PACK)
    assert held(handed) == PACK
    for cut in [*port.written[1::3], *random.Random(4).sample(range(port.bytes), 20)]:
        box, handed = carrying_box()
        push(box, CutPort(box, [cut]), path)
        assert held(handed) == PACK, cut


def test_a_tool_that_dies_is_run_again_and_sends_only_the_rest(tmp_path):
    path = tmp_path / "one.pack"
    path.write_bytes(PACK)
    box, handed = carrying_box()
    whole = CutPort(box)
    push(box, whole, path)
    box, handed = carrying_box()
    broken = CutPort(box, [whole.bytes * 3 // 4])
    pull = broken._pull

    def pull_for_good():
        broken.is_missing = True
        pull()

    broken._pull = pull_for_good
    with pytest.raises(Fault) as caught:
        push(box, broken, path)
    assert caught.value.code == "service.unplugged" and held(handed) is None
    again = CutPort(box)
    push(box, again, path, b"visit--2")
    assert held(handed) == PACK and again.bytes < whole.bytes / 2
