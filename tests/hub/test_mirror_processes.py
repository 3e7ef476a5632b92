"""Real processes: a hub and a province, each killed with SIGKILL while records come in.

The long run, every fault of the switch with both victims, is `python -m tests.hub.mirror_kills`.
"""

from tests.hub import mirror_kills


async def test_killed_at_random_nothing_is_lost_or_doubled(config, tmp_path):
    # These rounds double the answers and cut batches short; the hub is killed, then the province.
    figures, wrong = await mirror_kills.story(config, tmp_path, 2, seed=20, first=5, life_s=1.5)
    assert wrong == []
    assert figures["kills_hub"] + figures["kills_province"] >= 2
    assert figures["records"] == 2 * (mirror_kills.PLAYS + 5)
