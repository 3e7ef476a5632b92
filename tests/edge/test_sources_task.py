"""Line inputs of a whole node: windows, the programme before them, the key, and records."""

import pytest

from edge.senses_task import SensesTask
from edge.sources_task import SourcesTask
from edge.supervisor import Supervisor
from hw.ports import Inputs
from protocols import canonical
from protocols.line_sources import LineSources
from tests.edge.node_world import COMMUNE, Node, Province, put
from tests.portable import manifests

FM = {"input": "fm", "khz": 99100, "windows": [["05:10", "05:40"]]}


class Key(Inputs):
    """A key that a test turns."""

    pressed = 0

    async def read(self):
        return {"key": self.pressed}

    def faults(self):
        return []


@pytest.fixture
async def node(tmp_path):
    import asyncio

    province = Province(tmp_path)
    value = province.news_bundle(clock="05:20", seconds=60)
    value["policy"]["inputs"] = [FM]
    node = Node(province, clock="05:05")
    sha256 = value["items"][0]["renditions"][0]["sha256"]
    put(node.storage, "blobs/" + sha256, province.blobs[sha256])
    put(node.storage, "manifests/units+" + COMMUNE + "+bundle.json", canonical.encode(value))
    node.boot()
    node.key = Key()
    senses = SensesTask(node.key, node.clock, node.faults, node.book, 900_000, 0)
    desk = LineSources("mic", 30_000)
    sources = SourcesTask(
        node.parts, node.clock, node.keeper, node.playout, senses, {"fm": 99100, "mic": 0}, desk
    )
    supervisor = Supervisor(node.clock, node.faults)
    tasks = [node.keeper, node.playout, senses, sources]
    node.running = asyncio.create_task(supervisor.run(tasks))
    await node.pass_ms(500)
    yield node
    await node.stop()
    assert node.amplifier.coil() == 0 and node.amplifier.source() == ""


def facts(node):
    return [
        (body["source"], body["reason"], body["ended"], body["lasted_ms"] // 1000)
        for body in node.book.find("source")
    ]


async def test_a_window_and_the_programme_in_it(node):
    await node.pass_to("05:09:58")
    assert node.amplifier.source() == "" and node.amplifier.coil() == 0
    await node.pass_to("05:10:02")
    assert node.amplifier.source() == "fm" and node.amplifier.coil() == 1
    await node.pass_to("05:20:10")
    assert node.amplifier.source() == "" and node.audio.is_sounding()
    await node.pass_to("05:21:05")
    assert node.amplifier.source() == "fm"
    await node.pass_to("05:40:05")
    assert node.amplifier.source() == "" and node.amplifier.coil() == 0
    found = [fact[:3] for fact in facts(node)]
    assert found == [("fm", "window", "preempted"), ("fm", "window", "over")]
    assert node.plays()[0][4] == "complete"
    assert node.book.find("source")[0]["evidence"]["grade"] == 3
    assert node.open_codes() == []


async def test_the_key_interrupts_the_news_which_go_on_after_it(node):
    await node.pass_to("05:20:10")
    node.key.pressed = 1
    await node.pass_ms(1500)
    assert node.amplifier.source() == "mic" and not node.audio.is_sounding()
    await node.pass_ms(10_000)
    node.key.pressed = 0
    await node.pass_ms(1500)
    assert node.amplifier.source() == "" and node.audio.is_sounding()
    await node.pass_to("05:22")
    assert [play[4] for play in node.plays()] == ["interrupted", "complete"]
    assert node.plays()[1][2] == node.plays()[0][3]
    (mic,) = node.book.find("source", source="mic")
    assert (mic["reason"], mic["ended"], mic["class"]) == ("key", "over", "emergency")
    assert 10_000 <= mic["lasted_ms"] <= 12_500


async def test_a_jammed_key_is_cut(node):
    node.key.pressed = 1
    await node.pass_ms(29_000)
    assert node.amplifier.source() == "mic"
    await node.pass_ms(4_000)
    assert node.amplifier.source() == "" and node.amplifier.coil() == 0
    await node.pass_ms(60_000)
    assert node.amplifier.source() == ""
    assert [fact[3] in (29, 30) for fact in facts(node)] == [True]


async def test_an_alert_takes_the_microphone_away(node):
    node.key.pressed = 1
    await node.pass_ms(3_000)
    assert node.amplifier.source() == "mic"
    flood = node.province.flood(seconds=5, sent_s=node.clock.wall_ms() // 1000)
    sha256 = flood["renditions"][0]["sha256"]
    put(node.storage, "blobs/" + sha256, node.province.blobs[sha256])
    from protocols import alert
    from protocols.play_values import AlertsSet

    value = manifests.alerts([flood], COMMUNE)
    node.parts.feed.publish(AlertsSet((alert.read(canonical.encode(value)),), True))
    await node.pass_ms(2_500)
    assert node.amplifier.source() == "" and node.audio.is_sounding()
    await node.pass_ms(6_000)
    assert node.amplifier.source() == "mic"
    node.key.pressed = 0
    await node.pass_ms(3_000)
