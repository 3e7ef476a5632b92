"""A node that the hub revoked goes quiet by its own signed settings, but for emergencies."""

import json

from hub import issuing
from tests.edge.node_world import COMMUNE, NODE, Node, Province
from tests.portable import manifests


async def test_a_revoked_node_goes_quiet_and_still_warns(tmp_path):
    province = Province(tmp_path)
    province.publish(province.news_bundle())
    node = Node(province).start("sync", "playout", "amplifier")
    await node.pass_ms(3_000)
    assert [one.unit for one in node.manifests.bundles()] == [COMMUNE]
    province.publish_settings(json.loads(issuing.silence(NODE, COMMUNE, 1)))
    node.sync.wake()
    await node.pass_to("05:32")
    assert [one for one in node.plays() if one[4] == "complete"] == []
    assert [heard for heard in node.audio.heard if heard.gain_q15] == []
    flood = province.flood(sent_s=manifests.at_ms("05:32") // 1000)
    province.publish({**manifests.alerts([flood], COMMUNE), "version": 1})
    node.sync.wake()
    await node.pass_to("05:33")
    assert [one[0] for one in node.plays() if one[4] == "complete"] == ["flood"]
    await node.stop()
