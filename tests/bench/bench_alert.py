"""From the hub's publication of an alert to its first sample, and from a start to what is due.

A real node process plays Opus on the clock-true card of `tests.hw.clock_card`; it listens to the
hub's events on loopback, then over the 3G-like link of `tests.slow_link`. The last question is
asked without any network, with a clock that is right: from the start of the process, so that the
machine's own start comes on top. There is no amplifier here, whose warm-up would come on top too.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from hub.renditions import OPUS_MEDIA_TYPE
from protocols import canonical
from tests.bench.station import UNIT, Programme, Station, say
from tests.hw.clock_card import ClockCard
from tests.hw.killed_nodes import install
from tests.portable import manifests
from tests.slow_link import Radio, SlowLink

ALERTS, STARTS = 12, 5
SECONDS = 6
SOUND_S_MAX = 60
CARD = {"kind": "alsa", "devices": "card"}


def noise(number: int) -> bytes:
    """Return seconds of noise as Opus at a constant 24 kbit/s, which no packer can shorten."""
    source = f"anoisesrc=color=pink:duration={SECONDS}:seed={number + 1}:sample_rate=16000"
    words = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-ac", "1", "-c:a", "libopus"]
    words += ["-b:a", "24k", "-vbr", "off", "-f", "ogg", "-"]
    return subprocess.run(words, check=True, capture_output=True).stdout


def publish(station: Station, alerts: "list[dict[str, Any]]", sound: bytes) -> float:
    """Publish one more alert; return the wall time (ms) at which that began."""
    began_s = time.time()
    number = len(alerts)
    alert = manifests.alert(f"flood-{number}", number, int(began_s), SECONDS)
    put = station.services.blobs.put_bytes(sound)
    alert["renditions"] = [
        {
            **{"profile": "opus", "media_type": OPUS_MEDIA_TYPE, "sha256": put.sha256},
            **{"length": len(sound), "duration_ms": SECONDS * 1000},
        }
    ]
    assert put.sha256 == hashlib.sha256(sound).hexdigest()
    alerts.append(alert)
    value = manifests.alerts(alerts[-4:], UNIT, len(alerts))
    value["issued_s"] = int(began_s)
    repository, signers = station.world.repository, station.world.approvers[UNIT][:1]
    outcome = repository.sign_alerts(UNIT, signers, canonical.encode(value), int(began_s))
    assert outcome.published
    return began_s * 1000


@contextlib.asynccontextmanager
async def running(path: Path, card: ClockCard) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a node on the card; it is killed at the end."""
    with path.with_suffix(".log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-um", "edge.main", "run", "--config", str(path), "--log"),
            env={**os.environ, **card.environment()},
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def first_heard(card: ClockCard, after_ms: float, wait_s: float, path: Path) -> float:
    """Return when (wall ms) the first sample after an instant was heard.

    Looks only after a while: reading the card would hold up the hub, which lives in this process.
    """
    end_s = time.monotonic() + SOUND_S_MAX
    await asyncio.sleep(wait_s)
    while time.monotonic() < end_s:
        if Path(f"{card.file}.log").exists():
            for at_ms, _ in card.heard():
                if at_ms >= after_ms:
                    return at_ms
        await asyncio.sleep(1)
    raise TimeoutError(path.with_suffix(".log").read_text()[-2000:])


def tell(what: str, delays_ms: "list[float]", goal: str) -> None:
    """Print the median and the 95th percentile."""
    ordered = sorted(delays_ms)
    say(f"{what}, p50, s", f"{ordered[len(ordered) // 2] / 1000:.2f}")
    say(f"{what}, p95, s", f"{ordered[int((len(ordered) - 1) * 0.95 + 0.5)] / 1000:.2f}", goal)


async def alerts(folder: Path, what: str, radio: Radio | None) -> None:
    """Publish alerts one after the other and print how soon each is heard."""
    folder.mkdir()
    station = Station(folder / "station")
    station.publish(Programme(1, 20_000))
    card = ClockCard(folder)
    sounds = [noise(number) for number in range(ALERTS)]
    delays_ms, published = [], []
    async with station.serving() as base:
        link = SlowLink(int(base.rsplit(":", 1)[1]), radio) if radio is not None else None
        given = f"http://127.0.0.1:{link.port}" if link is not None else base
        path = station.config(given, events=True, audio=CARD)
        async with running(path, card):
            # The first programme and the stream of events, whatever the link makes of them.
            await asyncio.sleep(8)
            for sound in sounds:
                began_ms = publish(station, published, sound)
                heard_ms = await first_heard(card, began_ms, SECONDS, path)
                delays_ms.append(heard_ms - began_ms)
                # Until it is over, and a while of silence.
                await asyncio.sleep(max(0.0, heard_ms / 1000 + SECONDS + 2 - time.time()))
        if link is not None:
            link.close()
    assert path.with_suffix(".log").read_text().count('"kind":"play"') == ALERTS
    station.close()
    tell(what, delays_ms, "<= 5")


async def starts(folder: Path) -> None:
    """Start a node in the middle of what is due, without a network, and print how soon it plays."""
    delays_ms = []
    for number in range(STARTS):
        where = folder / f"start-{number}"
        where.mkdir()
        path = install(where, where / "none")
        config = json.loads(path.read_text())
        del config["amplifier"]
        path.write_text(json.dumps({**config, "audio": CARD}))
        card = ClockCard(where)
        began_ms = time.time() * 1000
        async with running(path, card):
            delays_ms.append(await first_heard(card, began_ms, 1.5, path) - began_ms)
    tell("start of the process, no network, to the first sample", delays_ms, "")


async def main() -> None:
    """Print everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await starts(folder)
        await alerts(folder / "loopback", "alert published to first sample, loopback", None)
        what = "alert published to first sample, 3G-like link"
        await alerts(folder / "radio", what, Radio(cut_chance=0.0))


if __name__ == "__main__":
    asyncio.run(main())
