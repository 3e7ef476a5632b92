"""Kill a real node (and sometimes its hub) at random instants: `make killtest ROUNDS=200`.

Every fact that a node has printed was on its disk. After the last kill all of them must be at the
hub, once, in unbroken chains, and nothing may have sounded that no approver signed, although bits
of what the node stores are flipped on the way and the radio cuts connections.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.kill import judge
from tests.kill.world import World, found
from tools.demo_process import wait_until

# Most kills fall into start-up, sync and play; some nodes live long enough for all of it.
LIFE_S_MAX = 9
PUBLISH_EVERY, EMERGENCY_EVERY = 6, 18
SPOIL_CHANCE, HUB_CHANCE = 0.15, 0.1
SETTLE_S = 180


def run(world: World, rounds: int) -> dict[str, Any]:
    """Kill for some rounds, let the node finish, and judge."""
    world.start_hub()
    spoiled = hub_kills = 0
    began_s = time.monotonic()
    for number in range(rounds):
        world.start_node()
        if number % PUBLISH_EVERY == 0:
            emergency = number % EMERGENCY_EVERY == PUBLISH_EVERY
            world.publish("emergency" if emergency else "priority")
        time.sleep(world.random.random() * LIFE_S_MAX)
        if world.random.random() < HUB_CHANCE:
            world.kill(world.hub)
            world.start_hub()
            hub_kills += 1
        world.kill(world.node)
        if world.random.random() < SPOIL_CHANCE:
            spoiled += world.spoil_a_blob()
    world.start_node()
    rows = settle(world)
    plays = [row["content"]["body"] for row in rows if row["kind"] == "play"]
    return {
        "rounds": rounds,
        "hub_killed": hub_kills,
        "connections_cut": world.link.cuts,
        "bits_flipped": spoiled,
        "published": world.bulletins,
        "facts_printed": len(world.lines),
        "records_at_hub": len(rows),
        "plays": len(plays),
        "plays_interrupted": sum(play["outcome"] != "complete" for play in plays),
        "fragments_on_air": sum(
            len(judge.fragments(world.air(one))) for one in range(1, world.rounds + 1)
        ),
        "lost": judge.lost(world, rows),
        "broken": judge.broken(rows),
        "doubled": judge.doubled(rows),
        "unverified": judge.strange(world, rows),
        "seconds": round(time.monotonic() - began_s),
    }


def settle(world: World) -> list[dict]:
    """Wait until everything printed so far is at the hub; return the hub's rows."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        rows = judge.rows_of(world.data)
        if not judge.lost(world, rows) or time.monotonic() > deadline:
            return rows
        wait_until("a moment", 5, lambda: True, [world.hub, world.node])
        time.sleep(1)


def failures(said: dict[str, Any]) -> list[str]:
    """Return what must be empty and is not."""
    return [name for name in ("lost", "broken", "doubled", "unverified") if said[name]]


def main() -> int:
    """Run the loop and print its summary; returns 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description="Kill a node at random, and look at the hub.")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chieng-kill-") as folder:
        data = Path(folder) / "hub"
        world = World(Path(folder), data, found(data), chosen.seed)
        try:
            said = run(world, chosen.rounds)
        finally:
            world.close()
    shown = {name: value[:5] if isinstance(value, list) else value for name, value in said.items()}
    print(json.dumps(shown, ensure_ascii=False, indent=1))
    return 1 if failures(said) else 0


if __name__ == "__main__":
    sys.exit(main())
