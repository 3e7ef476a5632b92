"""An alert's life through the whole agent: by the hub, and by a stick where there is no hub."""

import itertools

import pytest

from tests.edge.node_world import COMMUNE, Node, Province
from tests.edge.stick_world import StickNode, pack_of, stick
from tests.portable import manifests


class Carrier:
    """Bring what a province publishes to its node, one way or the other."""

    def __init__(self, kind, folder):
        self.kind = kind
        self.folder = folder
        self.province = Province(folder)
        self.version = 0
        self.written = 0

    async def start(self, value=None):
        """Return a node that holds a programme with news at 05:30, running at 05:29."""
        self.province.publish(value or self.province.news_bundle())
        if self.kind == "hub":
            self.node = Node(self.province, clock="05:28")
        else:
            self.node = StickNode(self.province, stick(), clock="05:28")
        self.node.start("sync", "playout", "amplifier")
        await self.bring()
        await self.node.pass_to("05:29")
        return self.node

    async def bring(self):
        """Let the node know what is new."""
        if self.kind == "hub":
            self.node.sync.wake()
        else:
            self.written += 1
            data = pack_of(self.province, self.folder / "b", now_ms=self.node.clock.wall_ms())
            self.node.plugged.files = stick(data, written_s=self.written).files
            await self.node.sticks.look()

    async def alert(self, *entries):
        """Publish the alerts that stand now, and bring them."""
        self.version += 1
        self.province.publish(manifests.alerts(list(entries), COMMUNE, self.version))
        await self.bring()

    def flood(self, name="flood", clock="05:29", **fields):
        """Return an alert sent at a time of the day."""
        return self.province.flood(name, manifests.at_ms(clock) // 1000, **fields)


@pytest.fixture(params=["hub", "stick"])
async def carrier(request, tmp_path):
    made = Carrier(request.param, tmp_path)
    yield made
    await made.node.stop()


async def test_it_repeats_with_its_gap_until_its_end_and_the_news_resume_between(carrier):
    node = await carrier.start(carrier.province.news_bundle(seconds=60))
    await node.pass_to("05:30:10")
    repeat = {"gap_s": 30, "until_s": manifests.at_ms("05:31") // 1000}
    await carrier.alert(carrier.flood(clock="05:30", repeat=repeat))
    await node.pass_to("05:35")
    plays = node.plays()
    storms = [play for play in plays if play[0] == "flood"]
    assert [play[4] for play in storms] == ["complete"] * 2, plays
    assert storms[0][1] < "05:30:13" and "05:30:40" < storms[1][1] < "05:31"
    news = [play[2:] for play in plays if play[0] == "news"]
    assert [play[2] for play in news] == ["interrupted", "interrupted", "complete"]
    # Nothing is left out and little is heard twice: each stretch begins where the last ended.
    assert news[0][0] == 0 and news[-1][1] == 60_000
    for before, after in itertools.pairwise(news):
        assert before[1] - 3_000 <= after[0] <= before[1]
    bodies = node.book.find("play", item="news")
    assert [body["resumed"] for body in bodies] == [False, True, True]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"expires_s": manifests.at_ms("05:28") // 1000}, "expired"),
        ({"maximum_age_s": 600}, "too_old"),
    ],
)
async def test_what_comes_too_late_is_written_down_and_not_heard(carrier, fields, reason):
    node = await carrier.start()
    await carrier.alert(carrier.flood(clock="05:00", **fields))
    await node.pass_to("05:29:55")
    assert node.audio.heard == []
    assert node.book.find("play", item="flood") == []
    (fact,) = node.book.find("skip", item="flood")
    assert fact["reason"] == reason
    await node.pass_to("05:31")
    assert [play[0] for play in node.plays() if play[4] == "complete"] == ["news"]


async def test_an_update_takes_the_place_of_what_plays(carrier):
    node = await carrier.start()
    flood = carrier.flood(seconds=30)
    await carrier.alert(flood)
    await node.pass_ms(8_000)
    news = carrier.flood("flood-2", kind="update", references=["flood"], seconds=5, seed=901)
    await carrier.alert(flood, news)
    await node.pass_to("05:29:50")
    found = {body["item"]: body for body in node.book.find("play")}
    assert (found["flood"]["outcome"], found["flood"]["reason"]) == ("interrupted", "superseded")
    assert found["flood-2"]["outcome"] == "complete"


async def test_a_cancel_ends_what_plays_and_what_was_to_repeat(carrier):
    node = await carrier.start()
    repeat = {"gap_s": 15, "until_s": manifests.at_ms("05:40") // 1000}
    flood = carrier.flood(seconds=20, repeat=repeat)
    await carrier.alert(flood)
    await node.pass_ms(8_000)
    end = carrier.flood("end", kind="cancel", references=["flood"], renditions=[])
    await carrier.alert(flood, end)
    await node.pass_to("05:33")
    (fact,) = node.book.find("play", item="flood")
    assert (fact["outcome"], fact["reason"]) == ("interrupted", "cancelled")
    assert [play[0] for play in node.plays() if play[4] == "complete"] == ["news"]
    assert not [one for one in node.audio.heard if one.started_ms > manifests.at_ms("05:31")]


async def test_a_drill_is_announced_as_one_and_recorded_as_one(carrier):
    value = carrier.province.news_bundle()
    intro = manifests.item("intro", 2)
    intro["renditions"] = [carrier.province.sound(3, 77)]
    value["items"].append(intro)
    value["policy"]["drill_intro"] = "intro"
    node = await carrier.start(value)
    await carrier.alert(carrier.flood("drill", drill=True))
    await node.pass_to("05:29:40")
    found = [(body["item"], body["drill"], body["outcome"]) for body in node.book.find("play")]
    assert found == [("intro", True, "complete"), ("drill", True, "complete")]
