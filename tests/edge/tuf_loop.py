"""Run `edge.tuf_client` commands from the standard input: one JSON list a line, time first.

Answers `done` and the fault's code. So one interpreter serves a whole test run.
"""

import gc
import json
import sys

from edge import tuf_client
from hw.sim.clock import Clock
from protocols.errors import Fault


def main():
    """Run until the input ends."""
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        words = json.loads(line)
        gc.collect()
        code = ""
        try:
            tuf_client.run(words[1:], Clock(words[0] * 1000))
        except Fault as fault:
            code = fault.code
        print("done " + code)


if __name__ == "__main__":
    main()
