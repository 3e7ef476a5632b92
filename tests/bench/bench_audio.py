"""The sound engine on a clock-true card against `aplay`: start error, agreement, interrupt, CPU."""

import asyncio
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

from tests.hw.clock_card import ClockCard
from tests.hw.test_audio_stream import worst_drift_ms

STARTS = 60
SECONDS = 20


def run(card: ClockCard, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.hw.card_scene", *arguments]
    environment = {**os.environ, **card.environment()}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> dict:
    return json.loads(process.communicate()[0])


def new_card(ppm: int = 0) -> ClockCard:
    return ClockCard(Path(tempfile.mkdtemp(prefix="card-")), ppm)


def spread(errors: list[float]) -> dict[str, float]:
    ordered = sorted(errors)
    return {
        "median_ms": round(ordered[len(ordered) // 2], 3),
        "worst_ms": round(max(abs(error) for error in ordered), 3),
    }


def engine_starts() -> dict[str, float]:
    card = new_card()
    asked = finish(run(card, "starts", str(STARTS)))["at_ms"]
    first = [at_ms for at_ms, sample in card.heard() if sample == 1]
    return spread([heard - at_ms for heard, at_ms in zip(first, asked, strict=True)])


def write_wav(path: Path, samples: list[int]) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes(struct.pack("<%dh" % len(samples), *samples))


def aplay(card: ClockCard, path: Path) -> subprocess.Popen:
    environment = {**os.environ, **card.environment()}
    return subprocess.Popen(["aplay", "-q", "-D", "card", path], env=environment)


def aplay_starts() -> dict[str, float]:
    card = new_card()
    path = card.file.with_name("item.wav")
    write_wav(path, [1, *[2] * 1599])
    asked = []
    for _ in range(STARTS // 2):
        at_s = time.time() + 0.05
        time.sleep(at_s - time.time())
        asked.append(at_s * 1000)
        aplay(card, path).wait()
    first = [at_ms for at_ms, sample in card.heard() if sample == 1]
    return spread([heard - at_ms for heard, at_ms in zip(first, asked, strict=True)])


def two_nodes() -> dict[str, float]:
    """Play one item at one instant on two nodes whose cards are wrong in opposite ways."""
    cards = [new_card(200), new_card(-200)]
    at_ms = time.time_ns() // 1000000 + 2000
    processes = [run(card, "long", str(SECONDS), str(at_ms)) for card in cards]
    for process in processes:
        finish(process)
    one, other = (instants(card) for card in cards)
    return spread([one[place] - other[place] for place in one if place in other])


def instants(card: ClockCard) -> dict[int, float]:
    """Return when each sample of the item was first heard, by its place in the item."""
    found: dict[int, float] = {}
    cycle, last = 0, 0
    for at_ms, sample in card.heard():
        if sample < last - 14000:
            cycle += 28000
        last = sample
        found.setdefault(cycle + sample, at_ms)
    return found


def interrupts() -> dict[str, float]:
    errors = []
    for _ in range(10):
        card = new_card()
        decided_ms = finish(run(card, "interrupt"))["decided_ms"]
        errors.append(next(at for at, sample in card.heard() if sample == -9000) - decided_ms)
    return spread(errors)


def node_interrupts() -> dict[str, float]:
    """Let alerts interrupt a whole node whose disk takes 40 ms for a write."""
    errors = []
    for _ in range(20):
        card = new_card()
        command = [sys.executable, "-m", "tests.hw.interrupt_scene"]
        environment = {**os.environ, **card.environment()}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        decided_ms = json.loads(done.stdout)["decided_ms"]
        errors.append(next(at for at, sample in card.heard() if sample == -9000) - decided_ms)
    return spread(errors)


def cpu_seconds(process: subprocess.Popen) -> float:
    """Return the CPU seconds of a process that ends."""
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return used.ru_utime + used.ru_stime


def cpu() -> dict[str, float]:
    """Compare CPU of playing, start-up taken off by playing a short item, too."""
    card = new_card()
    long, short = card.file.with_name("long.wav"), card.file.with_name("short.wav")
    write_wav(long, [i % 9000 for i in range(16000 * SECONDS)])
    write_wav(short, [0] * 160)
    theirs = cpu_seconds(aplay(card, long)) - cpu_seconds(aplay(card, short))
    process = run(card, "long", str(SECONDS + 1))
    ours = cpu_seconds(process) - cpu_seconds(run(card, "long", "1"))
    return {
        "engine_s": round(ours, 3),
        "aplay_s": round(theirs, 3),
        "ratio": round(ours / theirs, 1),
        "engine_percent": round(ours / SECONDS * 100, 2),
        "engine_rss_mb": round(json.loads(process.stdout.read())["peak_kb"] / 1024, 1),
    }


def main() -> None:
    """Print one JSON line a question."""
    print(json.dumps({"start_error_engine": engine_starts()}))
    print(json.dumps({"start_error_aplay": aplay_starts()}))
    print(json.dumps({"two_nodes_400_ppm_apart": two_nodes()}))
    print(json.dumps({"interrupt_to_alert": interrupts()}))
    print(json.dumps({"interrupt_to_alert_of_a_node": node_interrupts()}))
    for ppm in (-200, 200):
        worst_ms = asyncio.run(worst_drift_ms(ppm, 1800, 8))
        print(json.dumps({"drift_30_minutes": {"ppm": ppm, "worst_ms": round(worst_ms, 3)}}))
    print(json.dumps({"cpu_of_%d_s" % SECONDS: cpu()}))


if __name__ == "__main__":
    main()
