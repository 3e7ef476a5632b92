"""Kill playing nodes and see when pymodbus' relay board, by its own timer, switches off.

`python -m tests.hw.killed_nodes 50` kills fifty, five at a time, and prints one line of JSON.
"""

import asyncio
import hashlib
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from edge.amplifier_task import HOLD_MS
from hw.linux.storage import Storage
from protocols import canonical, wav
from tests.edge.node_world import put
from tests.portable import manifests

# The board counts tenths of a second; the rest is the writing of its log.
ALLOWED_MS = HOLD_MS + 300
AT_ONCE = 5
SECONDS = 120


def install(folder: Path, port: Path) -> Path:
    """Prepare a node that plays now, without a hub; return its configuration."""
    storage = Storage(str(folder / "data"))
    frames = bytes(range(256)) * (SECONDS * 125)
    data = wav.head(16000, len(frames), 0) + frames
    sha256 = hashlib.sha256(data).hexdigest()
    put(storage, "blobs/" + sha256, data)
    now_s = int(time.time())
    local_s = (now_s + manifests.OFFSET_MIN * 60) // 60 * 60 % 86400
    clock = "%02d:%02d" % (local_s // 3600, local_s % 3600 // 60)
    item = manifests.item("news", 1, SECONDS)
    item["renditions"][0].update(
        profile="pcm16", media_type="audio/wav", sha256=sha256, length=len(data)
    )
    value = manifests.bundle(ancestors=[])
    value.update(
        items=[item], rules=[manifests.rule("now", ["news"], [clock])], pages=[], fallback=[]
    )
    value.update(issued_s=now_s - 60, valid_from_s=now_s - 86400, valid_until_s=now_s + 86400)
    value["policy"]["quiet"] = []
    path = "units/" + manifests.COMMUNE + "/bundle.json"
    put(storage, "manifests/" + path.replace("/", "+"), canonical.encode(value))
    (folder / "root.json").write_text("{}")
    config = {
        "node": "node-1",
        "unit": manifests.COMMUNE,
        "kind": "speaker",
        "hub": ["http://127.0.0.1:9"],
        "data": str(folder / "data"),
        "root": str(folder / "root.json"),
        "audio": {"kind": "wav", "path": str(folder / "heard.wav")},
        "amplifier": {"kind": "modbus", "port": str(port), "baud": 115200, "warm_up_ms": 200},
    }
    file = folder / "node.json"
    file.write_text(json.dumps(config))
    return file


def switchings(log: Path) -> list[dict]:
    """Return what the relay board noted so far."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


async def until(condition, seconds: float) -> None:
    """Wait for a condition; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


async def one(rng: random.Random) -> int:
    """Kill one node while it plays; return after how long (ms) the relay was off."""
    with tempfile.TemporaryDirectory(prefix="killed-") as name:
        folder = Path(name)
        port, log = folder / "port", folder / "log"
        words = ["-m", "tools.demo_devices", "--baud", "115200", "--link", port, "--log", log]
        devices = await asyncio.create_subprocess_exec(
            sys.executable, *words, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            await until(port.exists, 30)
            words = ["-m", "edge.main", "run", "--config", install(folder, port)]
            node = await asyncio.create_subprocess_exec(sys.executable, *words)
            try:
                heard = folder / "heard.wav"
                await until(lambda: heard.exists() and any(heard.read_bytes()[4000:]), 30)
                assert switchings(log)[-1]["on"]
                await asyncio.sleep(rng.uniform(0, 3))
            finally:
                node.kill()
            killed_ms = time.time_ns() // 1000000
            await node.wait()
            await until(lambda: not switchings(log)[-1]["on"], ALLOWED_MS / 1000 + 10)
            last = switchings(log)[-1]
            assert last["cause"] == "timer", last
            return last["at_ms"] - killed_ms
        finally:
            devices.terminate()
            await devices.wait()


async def kill(count: int, seed: int = 1) -> list[int]:
    """Kill so many nodes, some at a time; return what each relay took (ms)."""
    rng = random.Random(seed)
    turn = asyncio.Semaphore(AT_ONCE)

    async def one_in_turn() -> int:
        async with turn:
            return await one(rng)

    return list(await asyncio.gather(*[one_in_turn() for _ in range(count)]))


def main() -> None:
    """Print how many relays were off in time, and the slowest."""
    took = asyncio.run(kill(int(sys.argv[1])))
    in_time = sum(ms <= ALLOWED_MS for ms in took)
    result = {"killed": len(took), "off_in_time": in_time, "hold_ms": HOLD_MS}
    print(json.dumps({"killed_nodes": {**result, "worst_ms": max(took), "least_ms": min(took)}}))
    if in_time < len(took):
        raise SystemExit("a relay stayed on")


if __name__ == "__main__":
    main()
