"""`chieng-tool stick`: packs out, records home, with a real hub and a node that plays."""

import shutil

import aiohttp
import pytest

from hw.linux.storage import Storage
from protocols import carried
from tests.edge.node_world import COMMUNE
from tests.edge.stick_world import StickNode
from tests.tools.stick_desk import StickDesk


@pytest.fixture
async def desk(tmp_path):
    made = await StickDesk(tmp_path).open()
    yield made
    await made.listener.close()


def node_at(desk, **fields):
    """Return a node that no network reaches, with the desk's stick in its port."""
    plugged = Storage(str(desk.usb))
    return StickNode(desk.province, plugged, hub=[desk.base], clock="05:20", **fields)


def records_of(desk):
    return sorted(path.name for path in (desk.usb / "records").glob("*"))


async def test_write_ingest_play_collect_acknowledge(desk):
    desk.publish(desk.province.news_bundle())
    code, out = await desk.write()
    assert code == 0 and "100 %" in out and "1 recordings and pictures" in out, out
    node = node_at(desk)
    await desk.register(node)
    node.start("sync", "playout", "amplifier")
    await node.sticks.look()
    await node.pass_to("05:32")
    await node.stop()
    assert [play[0] for play in node.plays()] == ["news"]
    for chain, kind, body in node.book.facts:
        node.records.write(chain, kind, body)
    node.clock.advance(600_000)
    await node.sticks.look()
    assert node.lamp.shown[-1] == ("done", 100)
    assert await desk.stored() == []
    code, out = await desk.collect()
    assert code == 0 and f"{len(node.book.facts)} records" in out, out
    (play,) = await desk.services.ledger.read(lambda s: s.find("plays", {}))
    assert (play["item"], play["outcome"]) == ("news", "complete")
    assert records_of(desk) == [] and await desk.stored() == [1]
    (status,) = await desk.services.ledger.read(lambda s: s.find("node_status", {}))
    assert status.get("contact_ms") is None
    # The link is back: the hub's word arrives, and nothing is sent or told twice.
    noted = []
    task = desk.uplink(node, noted)
    epoch = node.journal.epoch("plays")
    task.ask()
    while await task.step():
        continue
    await node.wire.close()
    assert noted == [] and task.pending("plays") == task.pending("health") == 0
    assert node.journal.epoch("plays") == epoch and await desk.stored() == [1]
    # What the node itself had to tell, and nothing of records.
    assert await desk.faults() == [["sync.link", "link.open"]]


async def test_twice_and_in_any_order_changes_nothing(desk):
    node = node_at(desk)
    await desk.register(node)
    assert (await desk.write())[0] == 0
    for number in range(450):
        node.records.write("plays", "play", {"item": "x", "started_ms": number})
    await node.sticks.look()
    assert len(records_of(desk)) >= 3
    aside = desk.usb.parent / "aside"
    shutil.copytree(desk.usb / "records", aside)
    first = min(records_of(desk), key=lambda name: carried.read_name(name).first)
    (desk.usb / "records" / first).unlink()
    code, out = await desk.collect("--keep")
    assert code == 0 and "wait for earlier records" in out
    assert await desk.stored() == [] and await desk.faults() == []
    shutil.copy(aside / first, desk.usb / "records")
    for _ in range(2):
        code, out = await desk.collect("--keep")
        assert code == 0 and "450 records" in out
        assert await desk.stored() == list(range(1, 451))
    await desk.collect()
    assert records_of(desk) == [] and await desk.faults() == []
    assert "No records" in (await desk.collect())[1]


async def test_a_fork_and_a_tampered_batch_are_refused_and_stay(desk):
    node = node_at(desk)
    await desk.register(node)
    await desk.write()
    node.records.write("plays", "play", {"item": "one"})
    await node.sticks.look()
    (name,) = records_of(desk)
    path = desk.usb / "records" / name
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"one"', b'"two"'))
    code, out = await desk.collect()
    assert code == 1 and "signature.digest" in out and path.exists()
    path.write_bytes(data[:-3])
    code, out = await desk.collect()
    assert code == 1 and "carried.cut" in out and "→" in out
    path.write_bytes(data)
    assert (await desk.collect())[0] == 0
    # The same journal restored from a copy tells another story under the same key.
    copy = node_at(desk, storage=None)
    copy.identity = node.identity
    copy.sticks._records._pen = copy.sticks._records._pen._replace(identity=node.identity)
    copy.records.write("plays", "play", {"item": "other"})
    await copy.sticks.look()
    code, out = await desk.collect()
    assert code == 1 and "records.fork" in out and len(records_of(desk)) == 1
    assert await desk.faults() == [["plays", "records.fork"]]


async def test_an_unknown_node_is_refused_in_the_users_language(desk):
    node = node_at(desk)
    await desk.write()
    node.records.write("plays", "play", {"item": "one"})
    await node.sticks.look()
    base = ["collect", "--hub", desk.base]
    code, out = await desk.tool(*base, language="vi")
    assert code == 1 and "Đăng ký cụm thu ở máy chủ trước." in out and "Giữ các tệp lại" in out


async def test_a_cut_download_is_continued(desk):
    desk.publish(desk.province.news_bundle(seconds=60))
    assert (await desk.write())[0] == 0
    pack = desk.usb / f"packs/{COMMUNE}.pack"
    whole = pack.read_bytes()
    part = pack.with_name(pack.name + ".part")
    for begun in (1, 511, 5000, len(whole) // 2, len(whole) - 700, len(whole) - 1):
        pack.unlink(missing_ok=True)
        part.write_bytes(whole[:begun])
        part.with_name(pack.name + ".mark").write_text(await etag(desk))
        code, out = await desk.write()
        assert code == 0 and "going on from" in out, out
        assert pack.read_bytes() == whole
    # Other bytes meanwhile: from the start.
    part.write_bytes(whole[:5000])
    part.with_name(pack.name + ".mark").write_text('"old"')
    code, out = await desk.write()
    assert code == 0 and "going on" not in out and pack.read_bytes() == whole
    # What rotted on the stick is found when it is read back, and fetched anew.
    rotten = bytearray(whole[: len(whole) // 2])
    rotten[-1] ^= 1
    part.write_bytes(rotten)
    part.with_name(pack.name + ".mark").write_text(await etag(desk))
    code, out = await desk.write()
    assert code == 1 and "stick.damaged" in out and not part.exists()
    assert (await desk.write())[0] == 0


async def etag(desk):
    url = f"{desk.base}/v1/units/{COMMUNE}/pack?have=0.0&days=14"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.headers["ETag"]


async def test_show_tells_what_is_there_and_whether_it_is_whole(desk):
    desk.publish(desk.province.news_bundle())
    assert "Not written by" in (await desk.tool("show"))[1]
    await desk.write()
    node = node_at(desk)
    node.records.write("plays", "play", {"item": "one"})
    await node.sticks.look()
    code, out = await desk.tool("show")
    assert code == 0 and "03.a: version" in out and "Records of node-1: plays 1–1" in out
    pack = desk.usb / f"packs/{COMMUNE}.pack"
    pack.write_bytes(pack.read_bytes()[:-512])
    code, out = await desk.tool("show", language="vi")
    assert code == 1 and "pack.cut" in out and "chieng-tool stick write" in out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--hub", "nowhere", "--unit", "03.a"], "tool.hub"),
        (["--hub", "http://127.0.0.1:1", "--unit", "03.a"], "tool.hub_unreachable"),
        (["--hub", "{base}", "--unit", "03a"], "tool.unit"),
        (["--hub", "{base}", "--unit", "03.nobody"], "stick.unit"),
        (["--hub", "{base}", "--unit", "03.a", "--days", "91"], "tool.days"),
    ],
)
async def test_wrong_input_is_named_with_what_to_do(desk, words, code):
    given = [word.replace("{base}", desk.base) for word in words]
    for language in ("vi", "en"):
        failed, out = await desk.tool("write", *given, language=language)
        assert failed == 1 and code + ":" in out
        assert "→" in out or out.endswith("]\n")
    assert not (desk.usb / "chieng-stick.json").exists()


async def test_a_stick_too_small_is_told_before_anything_is_fetched(desk, monkeypatch):
    desk.publish(desk.province.news_bundle())
    usage = shutil.disk_usage(desk.usb)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1 << 20))
    code, out = await desk.write()
    assert code == 1 and "stick.full" in out and "MB are free" in out
    assert not (desk.usb / f"packs/{COMMUNE}.pack").exists()
    monkeypatch.undo()
    desk.usb.rename(desk.usb.with_name("pulled"))
    code, out = await desk.write()
    assert code == 1 and "tool.stick" in out and not desk.usb.exists()
