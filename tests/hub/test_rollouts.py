"""Images go to a share of the nodes, and stop by themselves when too many fail."""

import json
from collections import namedtuple

import pytest

from hub import fleet, orders, rollouts
from hub.fleet import NodeForm
from hub.main import main
from hub.rollouts import Wanted
from protocols import settings
from protocols.errors import RemoteFault
from protocols.image import Image
from tests.hub.conftest import COMMUNE
from tools.image import TOP, members, pack

NOW_S = 1_800_000_000
BOARD = "linux-test"
Fact = namedtuple("Fact", ("node", "kind", "body"))


def ten_nodes(store):
    row = {"unit": COMMUNE, "valid_from": "2025-07-01", "name": "Xã", "kind": "commune"}
    fleet.add_unit(store, {**row, "parent": None}, "test", NOW_S)
    for number in range(10):
        groups = ["first"] if number < 2 else []
        key = bytes([number]) * 32
        form = NodeForm(f"loa-{number}", COMMUNE, "Cụm", "speaker", key, None, groups)
        fleet.add_node(store, form, "test", NOW_S)
    rollouts.published(store, Image(BOARD, 5, "ab" * 32, 4096, 3), "test", NOW_S)


@pytest.fixture
async def store(ledger):
    """Give `ask(decision, *arguments)` over a store with ten nodes and one image."""
    await ledger.write(ten_nodes)

    async def ask(decide, *arguments):
        return await ledger.write(lambda s: decide(s, *arguments))

    return ask


async def go(store, percent, groups=(), failures_max=2, version=5):
    wanted = Wanted(percent, groups, failures_max)
    return await store(rollouts.roll_out, BOARD, version, wanted, "ai", NOW_S)


async def answer(store, node, state, code=None):
    for row in await store(rollouts.asked, BOARD, 5):
        if row["node"] == node:
            body = {"order": row["name"], "state": state, "code": code}
            await store(orders.report, Fact(node, "order", body), NOW_S)


async def test_a_larger_share_contains_the_smaller_one(store):
    assert sorted(await go(store, 100, ["first"])) == ["loa-0", "loa-1"]
    few = await go(store, 30)
    more = await go(store, 100)
    assert len({"loa-0", "loa-1", *few}) + len(more) == 10
    assert await go(store, 100) == []
    made = await store(orders.orders_manifest, "loa-0", NOW_S)
    (order,) = settings.read_orders(made.data).orders
    assert (order.kind, order.version) == ("update", 5)


async def test_failures_stop_it_and_take_back_what_was_not_answered(store):
    await go(store, 50)
    first, second, third, *_ = [row["node"] for row in await store(rollouts.asked, BOARD, 5)]
    await answer(store, first, "done")
    await answer(store, second, "failed", "firmware.rolled_back")
    assert await store(rollouts.stop_failing, NOW_S) == []
    await answer(store, third, "refused", "order.unknown")
    assert len(await store(rollouts.stop_failing, NOW_S)) == 2
    (shown,) = await store(rollouts.status)
    assert shown["state"] == "stopped" and shown["why"] == "2 of 2 failures"
    assert shown["nodes"] == {"done": 1, "failed": 1, "refused": 1, "withdrawn": 2}
    assert shown["failures"] == {second: "firmware.rolled_back", third: "order.unknown"}
    with pytest.raises(RemoteFault, match="was stopped"):
        await go(store, 100)
    made = await store(orders.orders_manifest, first, NOW_S)
    assert made.rows == []


async def test_versions_only_grow_and_the_newest_alone_is_rolled_out(store):
    for version in (4, 5):
        with pytest.raises(RemoteFault, match="has had version 5"):
            await store(rollouts.check_new, Image(BOARD, version, "cd" * 32, 4096, 3))
    await store(rollouts.published, Image(BOARD, 6, "cd" * 32, 4096, 3), "test", NOW_S)
    with pytest.raises(RemoteFault, match="by now"):
        await go(store, 10)
    with pytest.raises(RemoteFault, match="no image 7"):
        await go(store, 10, version=7)
    for percent, most in ((0, 1), (101, 1), (10, 0)):
        with pytest.raises(RemoteFault, match="not a share"):
            await go(store, percent, (), most, 6)


def test_an_image_is_made_published_rolled_out_and_stopped_by_hand(
    config, passphrases, founded, tmp_path, capsys
):
    sheets, made = tmp_path / "sheets.json", tmp_path / "image.tar"
    sheets.write_text(json.dumps(passphrases))
    files = members(TOP)
    made.write_bytes(pack(files))
    assert "edge/main.py" in files and "hw/linux/chooser.py" not in files

    def run(*words):
        code = main([words[0], "--data", str(config.data), *words[1:]])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out.startswith("{") else err

    key = founded[0].parent / "stick" / "firmware-1.json"
    node = ("--id", "loa-1", "--unit", COMMUNE, "--public-key", "ab" * 32)
    assert run("node", "add", *node)[0] == 0
    which = ("--board", BOARD, "--version", "2")
    signed = ("--key", str(key), "--passphrase-file", str(sheets))
    code, printed = run("firmware", "publish", *which, "--image", str(made), *signed)
    assert code == 0 and printed["published"]
    code, complaint = run("firmware", "publish", *which, "--image", str(made), *signed)
    assert code == 1 and "[firmware.version]" in complaint
    code, complaint = run(
        "firmware", "publish", "--board", BOARD, "--version", "3", "--image", str(sheets), *signed
    )
    assert code == 1
    code, printed = run("firmware", "rollout", *which, "--percent", "100")
    assert code == 0 and printed["nodes"] == ["loa-1"]
    assert run("order", "list")[1]["orders"][0]["state"] == "sent"
    assert run("firmware", "status")[1]["rollouts"][0]["nodes"] == {"sent": 1}
    code, printed = run("firmware", "stop", *which)
    assert code == 0 and printed["nodes"] == ["loa-1"]
    assert run("firmware", "status", "--board", BOARD)[1]["rollouts"][0]["state"] == "stopped"
    export = tmp_path / "image.request"
    code, _ = run(
        *("firmware", "publish", "--board", BOARD, "--version", "3", "--image", str(made)),
        *("--export", str(export)),
    )
    assert code == 0
    code, printed = run("firmware", "accept", "--file", str(export))
    assert code == 0 and printed["signatures_missing"] == 1 and not printed["published"]
    assert run("firmware", "publish")[0] == 1
