"""How fast a fleet lives in virtual time: 20 nodes x 30 calm days on every core.

Prints `name value goal`. A province a core, each with its hub, its newsroom and its share of the
nodes; nothing breaks, everything is judged. The goal is on two cores that nobody else uses.
"""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulation.world import Scale, run

NODES, DAYS = 20, 30
CORES = 2


def main() -> None:
    """Print what it took."""
    jobs = min(CORES, os.cpu_count() or 1)
    began = time.monotonic()
    with ProcessPoolExecutor(jobs) as pool:
        outcomes = list(pool.map(partial(run, Scale(NODES // jobs, DAYS, ())), range(1, jobs + 1)))
    wall_s = time.monotonic() - began
    node_days = sum(outcome.node_days for outcome in outcomes)
    cpu_s = sum(outcome.cpu_s for outcome in outcomes)
    faults = [outcome.fault for outcome in outcomes if outcome.fault]
    print(f"simulator_processes {jobs} 2")
    print(f"simulator_nodes_x_days {node_days} 600")
    print(f"simulator_wall_s {wall_s:.1f} 10")
    print(f"simulator_node_days_per_s {node_days / wall_s:.1f} 60")
    print(f"simulator_cpu_ms_per_node_day {1000 * cpu_s / node_days:.0f} 33")
    print(f"simulator_breaches {len(faults)} 0")


if __name__ == "__main__":
    main()
