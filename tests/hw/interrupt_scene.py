"""Let an alert interrupt a whole node's programme on the virtual card; run by test_alsa_card.

Play-out, hashing, amplifier and audio are the agent's own; its disk takes 40 ms for every write, as
a flash card does. Prints when the decision was made, as JSON.
"""

import asyncio
import hashlib
import json
import os
import struct
import sys
import time

from edge.amplifier_task import AmplifierTask
from edge.playout_task import PlayoutTask
from hw.linux.audio import AlsaOut
from hw.linux.clock import Clock
from hw.sim.amplifier import Amplifier
from hw.sim.storage import Storage
from protocols import alert, bundle, canonical, wav
from protocols.play_values import AlertsSet
from tests.edge.node_world import COMMUNE, Node, put
from tests.portable import manifests

WRITE_S = 0.04
ALERT_SAMPLE = -9000


class SlowStorage(Storage):
    """Take the time of a flash card for every durable write."""

    def stage(self, name, resume=False):
        time.sleep(WRITE_S)
        return super().stage(name, resume)


class TestDay(Clock):
    """Tell the time of day of the tests' programmes, and go on from there."""

    def __init__(self):
        super().__init__()
        self._shift_ms = manifests.at_ms("05:30:10") - time.time_ns() // 1000000

    def wall_ms(self):
        return time.time_ns() // 1000000 + self._shift_ms


class SoundingNode(Node):
    """A node whose clock and card are real."""

    def boot(self):
        self.clock = TestDay()
        super().boot()
        self.audio = AlsaOut(("card",), self.time)
        self.amplifier = Amplifier(self.clock, None)
        self.keeper = AmplifierTask(self.amplifier, self.clock, self.faults, 0)
        self.playout = PlayoutTask(self.parts, self.clock, self.storage, self.audio, self.keeper)


def sound(storage, samples):
    """Store a WAV and return its rendition."""
    frames = struct.pack("<%dh" % len(samples), *samples)
    data = wav.head(16000, len(frames), 0) + frames
    sha256 = hashlib.sha256(data).hexdigest()
    put(storage, "blobs/" + sha256, data)
    return {
        "profile": "pcm16",
        "media_type": "audio/wav",
        "sha256": sha256,
        "length": len(data),
        "duration_ms": len(samples) // 16,
    }


async def main() -> None:
    storage = SlowStorage()
    item = manifests.item("news", 1)
    item["renditions"] = [sound(storage, [1 + i % 7000 for i in range(16000 * 60)])]
    value = manifests.bundle(COMMUNE, [])
    morning = manifests.rule("morning", ["news"], ["05:30"])
    value.update(items=[item], rules=[morning], pages=[], fallback=[])
    flood = manifests.alert("flood", 1, manifests.at_ms("05:30") // 1000)
    flood["renditions"] = [sound(storage, [ALERT_SAMPLE] * 16000 * 30)]
    alerts = manifests.alerts([flood], COMMUNE)
    node = SoundingNode(Day(), storage=storage)
    node.manifests._bundles[COMMUNE] = bundle.read(canonical.encode(value))
    node.start("amplifier", "playout")
    await asyncio.sleep(1.5)
    decided_ms = time.time_ns() / 1e6
    node.parts.feed.publish(AlertsSet((alert.read(canonical.encode(alerts)),), True))
    await asyncio.sleep(0.6)
    await node.stop()
    plays = [(play["item"], play["outcome"]) for play in node.book.find("play")]
    faults = node.codes()
    print(json.dumps({"decided_ms": decided_ms, "plays": plays, "faults": faults}))
    sys.stdout.flush()
    os._exit(0)


class Day:
    """Stand in for a province that this node never asks."""

    root = b"{}"

    def serve(self, method, url, headers, body):
        return 404, {}, b""


if __name__ == "__main__":
    asyncio.run(main())
