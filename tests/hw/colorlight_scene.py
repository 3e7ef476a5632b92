"""Drive a Colorlight card that is tcpdump; print the picture rebuilt from the capture as JSON.

Run by test_colorlight. The frames are read back by the offsets that public drivers document, from
what left the interface, not from what our code meant to send.
"""

import asyncio
import hashlib
import json
import random
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hw.linux.colorlight_board import ColorlightBoard
from protocols import colorlight
from tests.hw.two_hosts import far_host

# Answers a card's detection, as a card does, from host B.
CARD = """
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("cable1", 0))
print("ready", flush=True)
while True:
    frame = s.recv(2048)
    if frame[12:14] == b"\\x07\\x00":
        s.send(b"\\xff" * 6 + b"\\x11\\x22\\x33\\x44\\x55\\x66" + b"\\x08\\x05" + bytes(100))
"""


def captured(path: Path) -> list[bytes]:
    """Return the frames of a pcap file."""
    data = path.read_bytes()
    frames, position = [], 24
    while position + 16 <= len(data):
        length = struct.unpack("<I", data[position + 8 : position + 12])[0]
        frames.append(data[position + 16 : position + 16 + length])
        position += 16 + length
    return frames


def rebuild(frames: list[bytes], width: int, height: int) -> tuple[list[bytes], list[int]]:
    """Return the picture that the last latch shows, in RGB, and the brightness of every latch."""
    canvas = [bytearray(width * 3) for _ in range(height)]
    shown, levels = [bytes(row) for row in canvas], []
    for frame in frames:
        if frame[:12] != bytes.fromhex("112233445566222233445566"):
            continue
        if frame[12] == 0x55:
            row, column, count = struct.unpack(">HHH", frame[13:19])
            assert frame[19:21] == b"\x08\x88" and count <= 497
            pixels = frame[21 : 21 + count * 3]
            for i in range(count):
                blue, green, red = pixels[i * 3 : i * 3 + 3]
                canvas[row][(column + i) * 3 : (column + i) * 3 + 3] = bytes((red, green, blue))
        elif frame[12:14] == b"\x01\x07":
            shown = [bytes(row) for row in canvas]
            levels.append(frame[35])
    return shown, levels


def start_capture(prefix: list[str], path: Path) -> subprocess.Popen:
    command = [*prefix, "tcpdump", "-Z", "root", "-i", "cable1", "-s", "1600"]
    command += ["--immediate-mode", "-B", "16384", "-w", str(path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while "listening on" not in process.stderr.readline():
        pass
    return process


async def main() -> None:
    width, height = int(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(75)
    rows = [rng.randbytes(width * 3) for _ in range(height)]
    board = ColorlightBoard("cable0", width, height, colorlight.dialect())
    with far_host() as prefix, tempfile.TemporaryDirectory() as folder:
        absent = await board.present()
        path = Path(folder) / "capture"
        capture = start_capture(prefix, path)
        await board.set_brightness(40)
        started_s = time.monotonic()
        await board.show(rows)
        seconds = time.monotonic() - started_s
        await asyncio.sleep(0.5)
        capture.terminate()
        capture.wait()
        capture.stderr.close()
        picture, levels = rebuild(captured(path), width, height)
        command = [*prefix, sys.executable, "-c", CARD]
        card = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        card.stdout.readline()
        present = await board.present()
        card.kill()
        card.wait()
        card.stdout.close()
        await board.close()
    result = {
        "sent": hashlib.sha256(b"".join(rows)).hexdigest(),
        "rebuilt": hashlib.sha256(b"".join(picture)).hexdigest(),
        "levels": levels,
        "absent": absent,
        "present": present,
        "milliseconds": round(seconds * 1000),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    asyncio.run(main())
