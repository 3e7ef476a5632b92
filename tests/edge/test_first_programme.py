"""A node whose first programme is verified and still waits for its media."""

from tests.edge.node_world import COMMUNE, Node, Province
from tests.portable import manifests


async def test_an_alert_before_the_first_programme_is_active_keeps_to_its_policy(tmp_path):
    province = Province(tmp_path)
    value = province.news_bundle()
    value["policy"]["emergency_ceiling_percent"] = 70
    (rendition,) = value["items"][0]["renditions"]
    province.answers[rendition["sha256"]] = 503
    province.publish(value)
    province.publish(manifests.alerts([province.flood(seconds=5)], COMMUNE))
    node = Node(province, clock="04:00").start("sync", "playout", "amplifier")
    await node.pass_to("04:02")
    assert node.manifests.bundles() == () and len(node.manifests.candidates()) == 1
    assert {one.gain_q15 for one in node.audio.heard} == {32767 * 70 // 100}
    # A later life knows it from its store.
    await node.stop()
    later = Node(province, storage=node.storage, clock="04:10")
    assert later.manifests.waiting().policy.volume("emergency", 0) == 70
    province.answers.clear()
    later.start("sync", "playout", "amplifier")
    await later.pass_to("04:12")
    assert later.manifests.waiting() is None and len(later.manifests.bundles()) == 1
    await later.stop()
