"""Pick the agent's image at boot: `python3 chooser.py FOLDER run --config FILE`.

Copied to the board once and never replaced by an image, so it imports nothing of ours before it has
picked, and is as small as it can be. FOLDER holds `choice.json` (see `protocols/image.py`) and the
slots `a` and `b`; without them the agent beside this file runs. A trial is counted before it is
begun: an image that crashes, hangs or takes the power with it runs out of tries by itself, and the
one before it runs again.
"""

import importlib
import json
import os
import signal
import sys
from typing import Any

BOOTS_MAX = 3
# The agent judges a trial within ten minutes; one that has not by then hangs.
TRIAL_S = 1800


def choose(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return (slot to run, record to store before it runs); see `protocols.image.Choice`."""
    slot, trial, boots = record.get("slot", ""), record.get("trial", ""), record.get("boots", 0)
    if not trial:
        return slot, record
    if boots < BOOTS_MAX:
        return trial, {**record, "boots": boots + 1}
    kept = {"slot": slot, "version": record.get("version", 0), "trial": "", "boots": 0}
    return slot, {**kept, "trial_version": 0, "failed": record.get("trial_version", 0)}


def load(path: str) -> dict[str, Any]:
    """Return the record; an unreadable one is none."""
    try:
        with open(path, "rb") as file:
            value = json.loads(file.read())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def store(path: str, record: dict[str, Any]) -> None:
    """Put a record in the place of the old one, durably."""
    with open(path + ".new", "w") as file:
        file.write(json.dumps(record, sort_keys=True, separators=(",", ":")))
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".new", path)
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def main(folder: str, words: list[str]) -> int:
    """Run the agent of the slot that is due; returns its exit code."""
    path = os.path.join(folder, "choice.json")
    record = load(path)
    slot, counted = choose(record)
    if counted != record:
        store(path, counted)
    if slot:
        sys.path.insert(0, os.path.join(folder, slot))
    if slot and slot == counted.get("trial"):
        signal.alarm(TRIAL_S)
    return int(importlib.import_module("edge.main").main(words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
