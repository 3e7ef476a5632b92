"""The sound engine on a clock-true card against `aplay` and `mpv`: starts, agreement, cost.

`mpv` is Debian's package; where it is not installed it is left out and named.
"""

import asyncio
import json
import os
import re
import shutil
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
PAIRS = 200
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
        "p99_ms": round(sorted(abs(error) for error in errors)[len(errors) * 99 // 100], 3),
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


def two_nodes_start() -> dict[str, float]:
    """Start items at the same instants on two nodes whose cards are wrong in opposite ways."""
    cards = [new_card(200), new_card(-200)]
    first_ms = time.time_ns() // 1000000 + 2000
    processes = [run(card, "starts", str(PAIRS), str(first_ms)) for card in cards]
    for process in processes:
        finish(process)
    one, other = ([at for at, sample in card.heard() if sample == 1] for card in cards)
    return spread([left - right for left, right in zip(one, other, strict=True)])


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


def cost(process: subprocess.Popen) -> tuple[float, int]:
    """Return the CPU seconds and the most memory (KB) of a process that ends.

    The memory that `wait4` tells is the parent's before the program was loaded: it is not used.
    """
    peak_kb, ended = 0, os.WEXITED | os.WNOHANG | os.WNOWAIT
    while os.waitid(os.P_PID, process.pid, ended) is None:
        status_text = Path(f"/proc/{process.pid}/status").read_text()
        peak_kb = max([peak_kb] + [int(one) for one in re.findall(r"VmHWM:\s+(\d+)", status_text)])
        time.sleep(0.1)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_utime + used.ru_stime, peak_kb


def mpv(card: ClockCard, path: Path) -> subprocess.Popen:
    environment = {**os.environ, **card.environment()}
    command = ["mpv", "--no-config", "--no-video", "--really-quiet", "--ao=alsa"]
    return subprocess.Popen([*command, "--audio-device=alsa/card", path], env=environment)


def costs() -> dict[str, object]:
    """Compare CPU of playing one file, start-up taken off by playing a short one, and memory."""
    card = new_card()
    long, short = card.file.with_name("long.wav"), card.file.with_name("short.wav")
    write_wav(long, [i % 9000 for i in range(16000 * SECONDS)])
    write_wav(short, [0] * 160)
    own_s, own_kb = cost(run(card, "long", str(SECONDS + 1)))
    own_s -= cost(run(card, "long", "1"))[0]
    found: dict[str, object] = {
        "engine": {
            "cpu_s": round(own_s, 3),
            "percent": round(own_s / SECONDS * 100, 2),
            "rss_mb": round(own_kb / 1024, 1),
        }
    }
    for name, player in (("aplay", aplay), ("mpv", mpv)):
        if shutil.which(name) is None:
            found[name] = "not installed: left out"
            continue
        spent_s, peak_kb = cost(player(card, long))
        spent_s -= cost(player(card, short))[0]
        found[name] = {
            "cpu_s": round(spent_s, 3),
            "rss_mb": round(peak_kb / 1024, 1),
            "engine_to_it": round(own_s / spent_s, 1),
        }
    return found


def main() -> None:
    """Print one JSON line a question."""
    print(json.dumps({"start_error_engine": engine_starts()}))
    print(json.dumps({"start_error_aplay": aplay_starts()}))
    print(json.dumps({"two_nodes_400_ppm_apart_starts": two_nodes_start()}))
    print(json.dumps({"two_nodes_400_ppm_apart": two_nodes()}))
    print(json.dumps({"interrupt_to_alert": interrupts()}))
    print(json.dumps({"interrupt_to_alert_of_a_node": node_interrupts()}))
    for ppm in (-200, 200):
        worst_ms = asyncio.run(worst_drift_ms(ppm, 1800, 8))
        # In virtual time: the same engine, a card and a clock that are computed.
        print(
            json.dumps({"drift_30_minutes_virtual": {"ppm": ppm, "worst_ms": round(worst_ms, 3)}})
        )
    print(json.dumps({"cost_of_%d_s" % SECONDS: costs()}))


if __name__ == "__main__":
    main()
