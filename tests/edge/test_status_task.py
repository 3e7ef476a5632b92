"""The status record: soon after boot, then at its pace, with what is true then."""

from protocols.errors import WorldFault
from tests.edge.node_world import COMMUNE, Node, Province


async def test_a_status_tells_versions_faults_room_and_bytes(tmp_path):
    province = Province(tmp_path)
    province.publish(province.news_bundle())
    plan = {"period_bytes": 10**9}
    node = Node(province, status_s=10, budget=plan).start("sync", "status")
    await node.pass_ms(2000)
    node.faults.note("audio", WorldFault("audio.lost", "the card is gone", "plug it in"))
    await node.pass_ms(19_000)
    first, second, third = node.book.find("status")
    assert first["versions"] == [] and first["faults"] == []
    assert second["versions"] == [[COMMUNE, 1]]
    assert second["faults"] == [["audio", "audio.lost"]]
    assert second["free_bytes"] == node.storage.free_bytes()
    assert third["uptime_ms"] - second["uptime_ms"] == 10_000
    assert third["floor_ms"] == node.time.floor_ms
    assert third["spent_bytes"] > 0 and third["sim_lasts_days"] > 0
    await node.stop()
