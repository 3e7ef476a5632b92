"""What must be true after the last kill: the node's words, the air and the hub's rows agree."""

import json
from collections import Counter
from pathlib import Path

import numpy as np

from hub.config import Config
from hub.services import open_hub
from protocols import wav
from tests.kill.world import NODE, RATE_HZ, World

# Below this, samples are the silence between items.
SILENT = 20
# A fragment shorter than this says too little of what it was.
FRAGMENT = RATE_HZ // 5
LIKENESS_MIN = 0.9


def rows_of(data: Path) -> list[dict]:
    """Return every record that the hub holds of the node, decoded, with its place and hash."""
    services, database = open_hub(Config(data=data))
    try:
        rows = database.read_now(lambda store: store.find("records", {"node": NODE}))
    finally:
        database.close()
    del services
    return [{**row, "content": json.loads(row["record"])} for row in rows]


def lost(world: World, rows: list[dict]) -> list[str]:
    """Return the facts that the node had printed, so had on disk, and the hub does not have."""
    arrived = Counter(_fact(row["content"]) for row in rows)
    printed = Counter(_fact(line) for line in world.lines)
    return sorted((printed - arrived).elements())


def broken(rows: list[dict]) -> list[str]:
    """Return where the hub's chains have holes or repeats, or do not follow by hash."""
    found = []
    for key in sorted({(row["chain"], row["epoch"]) for row in rows}):
        chain = [row for row in rows if (row["chain"], row["epoch"]) == key]
        chain.sort(key=lambda row: row["sequence"])
        before = "0" * 64
        for place, row in enumerate(chain, 1):
            if row["sequence"] != place or row["content"]["previous"] != before:
                found.append(f"{key} at {place}")
                break
            before = row["hash"]
    return found


def doubled(rows: list[dict]) -> list[str]:
    """Return occurrences that the hub counts as played whole more than once."""
    plays = [row["content"]["body"] for row in rows if row["kind"] == "play"]
    whole = Counter(
        (play["item"], play["scheduled_ms"])
        for play in plays
        if play["outcome"] == "complete" and play["class"] != "emergency"
    )
    return [str(key) for key, count in whole.items() if count > 1]


def strange(world: World, rows: list[dict]) -> list[str]:
    """Return what was on air, or said to be, that no approver signed."""
    plays = [row["content"]["body"] for row in rows if row["kind"] == "play"]
    found = [play["title"] for play in plays if play["rendition_sha256"] not in world.published]
    for number in range(1, world.rounds + 1):
        for start, fragment in fragments(world.air(number)):
            if not any(likeness(fragment, one) > LIKENESS_MIN for one in world.published.values()):
                found.append(f"{world.air(number).name} at {start / RATE_HZ:.2f} s")
    return found


def fragments(path: Path) -> list[tuple[int, np.ndarray]]:
    """Return (first sample, samples) of everything that sounded; a killed head may be behind."""
    if not path.exists():
        return []
    heard = np.frombuffer(path.read_bytes()[wav.HEAD_BYTES :], "<u1")
    heard = heard[: len(heard) // 2 * 2].view("<i2").astype(float)
    loud = np.flatnonzero(np.abs(heard) > SILENT)
    if not len(loud):
        return []
    edges = np.flatnonzero(np.diff(loud) > RATE_HZ // 10)
    firsts, lasts = np.r_[loud[0], loud[edges + 1]], np.r_[loud[edges], loud[-1]]
    return [
        (int(first), heard[first:last])
        for first, last in zip(firsts, lasts, strict=True)
        if last - first >= FRAGMENT
    ]


def likeness(fragment: np.ndarray, sound: np.ndarray) -> float:
    """Return how much a fragment is a stretch of a sound, 0 to 1, at the best place."""
    size = 1 << (len(fragment) + len(sound)).bit_length()
    spectrum = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(fragment, size))
    product = np.fft.irfft(spectrum, size)
    padded = np.r_[sound, np.zeros(len(fragment))]
    at = int(np.argmax(product[: len(sound)]))
    here = padded[at : at + len(fragment)]
    norm = np.sqrt(np.sum(here**2) * np.sum(fragment**2))
    return float(product[at] / norm) if norm else 0.0


def _fact(line: dict) -> str:
    """Name a fact; the printed line is dated a moment after the record."""
    told = {name: line[name] for name in ("chain", "kind", "body")}
    return json.dumps(told, sort_keys=True, ensure_ascii=False)
