"""`make simulate`: many seeds on all cores; a failing one prints the command that replays it.

python -m tests.simulation.main --seeds 200 [--first 1] [--nodes 20 --days 30] [--jobs 2]
"""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulation.world import Scale, run


def main(given=None):
    """Run; return the exit code."""
    words = argparse.ArgumentParser(prog="simulate")
    words.add_argument("--seeds", type=int, default=20, help="how many seeds")
    words.add_argument("--first", type=int, default=1, help="the first seed")
    words.add_argument("--nodes", type=int, default=0, help="nodes (0: drawn from the seed)")
    words.add_argument("--days", type=int, default=0, help="days (0: drawn from the seed)")
    words.add_argument("--calm", action="store_true", help="no faults")
    words.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    asked = words.parse_args(given)
    scale = Scale(asked.nodes, asked.days, () if asked.calm else None)
    began, totals, failed, node_days, cpu_s = time.monotonic(), Counter(), [], 0, 0.0
    seeds = range(asked.first, asked.first + asked.seeds)
    with ProcessPoolExecutor(asked.jobs) as pool:
        for outcome in pool.map(partial(run, scale), seeds):
            node_days += outcome.node_days
            cpu_s += outcome.cpu_s
            totals.update({k: v for k, v in outcome.counts.items() if isinstance(v, int)})
            if outcome.fault:
                failed.append(outcome)
                print(f"seed {outcome.seed} ({outcome.counts['kinds']}): {outcome.fault}")
                print("  replay: " + _replay(asked, outcome.seed), flush=True)
    wall_s = time.monotonic() - began
    print(
        f"{len(seeds)} seeds, {len(failed)} failed; {node_days} node-days in {wall_s:.1f} s with "
        f"{asked.jobs} processes: {node_days / wall_s:.1f} node-days per second "
        f"({1000 * cpu_s / max(1, node_days):.0f} ms of CPU each)"
    )
    print("; ".join(f"{totals[name]} {name}" for name in sorted(totals)))
    return 1 if failed else 0


def _replay(asked, seed):
    words = [f"--first {seed} --jobs 1"]
    words += [f"--nodes {asked.nodes}"] if asked.nodes else []
    words += [f"--days {asked.days}"] if asked.days else []
    words += ["--calm"] if asked.calm else []
    return "make simulate SEEDS=1 ARGS='" + " ".join(words) + "'"


if __name__ == "__main__":
    sys.exit(main())
