"""Run the real adapters on a real kernel and prove from outside of it what they did: `make lab`.

The guest is Debian's arm64 kernel on an emulated board; the witnesses are QEMU's monitor, the files
behind its devices, and pymodbus on this machine. Prints a table; a failed row ends with code 1.
Timing inside an emulation says nothing: precision is measured on the host.
"""

import array
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from tests.lab import guest_image, node_rows
from tests.lab.machine import Machine
from tests.lab.node_rows import HEIGHT, WIDTH

# The data register of the board's PL061 (QEMU's `virt`), all eight lines.
GPIO_DATA = "0x090303fc"
POWER_KEY_LINE = 3
TONE_HZ = 1000


class Lab:
    """Hold the guest and the devices around it."""

    def __init__(self, machine: Machine, switchings: Path):
        self.machine = machine
        self._switchings = switchings

    def gpio_out(self) -> str:
        """Levels as the chip's register holds them."""
        seen = []
        for line, level in ((5, 1), (6, 1), (5, 0), (6, 0)):
            self.machine.ask("pin", line=line, level=level)
            seen.append(int(self.machine.monitor("xp /1wx " + GPIO_DATA).split()[-1], 16) & 0x60)
        assert seen == [0x20, 0x60, 0x40, 0x00], seen
        return "lines 5 and 6 in the chip's register: " + " ".join("%02x" % one for one in seen)

    def gpio_in(self) -> str:
        """An edge that the monitor makes."""
        self.machine.send("pulse", line=POWER_KEY_LINE, seconds=30)
        self.machine.wait_for(b"LAB-READY", 30)
        self.machine.monitor("system_powerdown")
        edges = self.machine.answer(60)
        assert edges == 1, edges
        return "the power key's pulse was seen"

    def relay(self) -> str:
        """Relay and meter of pymodbus on this machine."""
        assert self.machine.ask("relay", hold_ms=60_000) == 1
        assert self._last() == (True, "flash-on"), self._last()
        watts = self.machine.ask("meter")
        assert self.machine.ask("relay", hold_ms=0) == 0
        assert self._last() == (False, "write"), self._last()
        assert self.machine.ask("relay", hold_ms=2000) == 1
        self._until(lambda: self._last() == (False, "timer"), 20)
        return f"pymodbus switched on, off, and off by its timer; {watts} mW read"

    def serial_unplugged(self) -> str:
        """The adapter pulled and put back."""
        self.machine.monitor("device_del adapter")
        self._until(lambda: not self.machine.ask("exists", path="/dev/ttyUSB0"), 30)
        codes = []
        for _ in range(2):
            try:
                self.machine.ask("relay", hold_ms=1000)
            except RuntimeError as error:
                codes.append(str(error).split()[0])
        assert codes and set(codes) <= {"serial.lost", "serial.missing"}, codes
        self.machine.monitor("device_add usb-serial,chardev=line,id=adapter")
        self._until(lambda: self.machine.ask("exists", path="/dev/ttyUSB0"), 30)
        assert self.machine.ask("relay", hold_ms=60_000) == 1
        assert self._last() == (True, "flash-on")
        self.machine.ask("relay", hold_ms=0)
        return "faults " + ", ".join(codes) + "; plugged in again it switches, no restart"

    def sound(self) -> str:
        """A tone in the file behind the USB card."""
        played = self.machine.ask("sound", seconds=3, hz=TONE_HZ)
        assert played == 48_000, played
        data = self.machine.sound.read_bytes()
        rate = int.from_bytes(data[24:28], "little")
        left = array.array("h", data[44 : len(data) // 4 * 4])[::2]
        loud = [number for number in range(len(left)) if abs(left[number]) > 2000]
        assert loud, "silence"
        pieces = [left[at : at + rate // 10] for at in range(loud[0], loud[-1], rate // 10)]
        pitches = sorted(_crossings(piece) * 10 / 2 for piece in pieces)
        middle = pitches[len(pitches) // 2]
        assert abs(middle - TONE_HZ) < 20 and len(pieces) >= 28, (middle, len(pieces))
        return f"{len(pieces) / 10:.1f} s of {middle:.0f} Hz in the card's file at {rate} Hz"

    def picture(self) -> str:
        """Pixels as the screen has them."""
        self.machine.ask("picture", width=WIDTH, height=HEIGHT)
        half = WIDTH // 2
        row = bytes([255, 128, 0]) * half + bytes([0, 64, 255]) * half
        node_rows.wait_for_pixels(self.machine, row * HEIGHT, 20)
        return f"{HEIGHT} of {HEIGHT} rows equal in the screen dump"

    def stick(self) -> str:
        """A store on a FAT stick: its bytes in the stick's image, pulled while mounted."""
        marks = [os.urandom(2000), os.urandom(2000)]
        status, text = self.machine.ask("stick", form=True)  # type: ignore[misc]
        assert status == 0, text
        assert self.machine.ask("keep", file="pack", hex_bytes=marks[0].hex()) == 2000
        assert marks[0] in self.machine.stick.read_bytes()
        self.machine.monitor("device_del disk")
        time.sleep(2)
        try:
            self.machine.ask("keep", file="pack", hex_bytes=marks[1].hex())
            raise AssertionError("written to a stick that is not there")
        except RuntimeError as error:
            code = str(error).split()[0]
        assert code.startswith("storage."), code
        self.machine.ask("leave")
        self.machine.monitor("device_add usb-storage,drive=stick,id=disk")
        status, text = self.machine.ask("stick", form=False)  # type: ignore[misc]
        assert status == 0, text
        assert self.machine.ask("fetch", file="pack") == marks[0].hex()
        self.machine.ask("leave")
        return f"bytes found in the stick's image; pulled: {code}; put back: old file whole"

    def stick_pack(self) -> str:
        """A whole node and a signed pack."""
        return node_rows.stick_pack(self.machine)

    def watchdog(self) -> str:
        """A whole node that is stopped, killed, and hung."""
        return node_rows.watchdog(self.machine)

    def _last(self) -> tuple[bool, str]:
        lines = self._switchings.read_text().splitlines()
        found = json.loads(lines[-1])
        return bool(found["on"]), str(found["cause"])

    def _until(self, condition: Callable[[], object], seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until_s, "not in time"
            time.sleep(0.3)


def _crossings(samples: "array.array[int]") -> int:
    return sum((one < 0) != (other < 0) for one, other in pairwise(samples))


ROWS = (
    ("GPIO out (gpiod)", Lab.gpio_out),
    ("GPIO in (gpiod)", Lab.gpio_in),
    ("relay and meter, USB serial", Lab.relay),
    ("USB serial unplugged", Lab.serial_unplugged),
    ("USB sound card (ALSA)", Lab.sound),
    ("framebuffer", Lab.picture),
    ("FAT on a USB stick", Lab.stick),
    ("signed pack on a USB stick", Lab.stick_pack),
    ("watchdog device", Lab.watchdog),
)


def run(folder: Path) -> int:
    """Run every row; return how many failed."""
    kernel, initrd = guest_image.build()
    port, log = folder / "port", folder / "switchings"
    words = ["-m", "tools.demo_devices", "--baud", "9600", "--link", str(port), "--log", str(log)]
    devices = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL)
    failed = 0
    try:
        until_s = time.monotonic() + 30
        while not port.exists():
            assert time.monotonic() < until_s, "the devices did not start"
            time.sleep(0.1)
        started_s = time.monotonic()
        with Machine(kernel, initrd, folder, os.path.realpath(port)) as machine:
            print(f"{kernel.name} up after {time.monotonic() - started_s:.0f} s", flush=True)
            lab = Lab(machine, log)
            for name, row in ROWS:
                try:
                    verdict = "proved  " + row(lab)
                except (AssertionError, RuntimeError, OSError) as error:
                    failed += 1
                    verdict = "FAILED  " + (str(error) or type(error).__name__)
                print(f"{name:28} {verdict}", flush=True)
    finally:
        devices.terminate()
        devices.wait(20)
    return failed


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        started_s = time.monotonic()
        failed = run(Path(folder))
        rows = f"{len(ROWS) - failed} of {len(ROWS)} rows proved"
        print(f"{rows} in {time.monotonic() - started_s:.0f} s")
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
