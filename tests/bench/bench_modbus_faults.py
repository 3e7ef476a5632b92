"""Ten thousand Modbus exchanges on a faulty line: how many answers were right, and none wrong."""

import asyncio
import json
import time

from tests.hw.test_modbus_bus import run_exchanges

EXCHANGES = 10000


def main() -> None:
    """Run the exchanges and print the tally as one JSON line."""
    started_s = time.monotonic()
    tally = asyncio.run(run_exchanges(EXCHANGES, 1))
    tally["seconds"] = round(time.monotonic() - started_s)
    print(json.dumps({"modbus_faults": tally}))
    if tally["wrong"]:
        raise SystemExit("a wrong state was reported as right")


if __name__ == "__main__":
    main()
