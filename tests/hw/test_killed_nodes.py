"""A node killed while it plays: the relay board switches off within the dead-man time."""

from tests.hw.killed_nodes import ALLOWED_MS, kill


async def test_killed_nodes_fall_silent_in_time():
    took = await kill(2)
    assert len(took) == 2 and max(took) <= ALLOWED_MS
    # The node renews every two seconds: what is left of the hold then is at least four.
    assert min(took) > 3000
