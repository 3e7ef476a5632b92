"""A board at the far end of a USB cable that can be pulled, whose power comes over that cable."""

import contextlib
import os
import select
import signal
import subprocess
import termios
import threading
import tty
from pathlib import Path

from tests.micropython_nodes import INTERPRETERS

DOUBLE = Path(__file__).with_name("board_double.py")
BLOCK_BYTES = 4096


def _terminal():
    """Return (master, slave), where Ctrl-C is the one key that means something."""
    master, slave = os.openpty()
    tty.setraw(slave)
    mode = termios.tcgetattr(slave)
    mode[3] |= termios.ISIG
    for key in (termios.VQUIT, termios.VSUSP):
        mode[6][key] = b"\0"
    termios.tcsetattr(slave, termios.TCSANOW, mode)
    return master, slave


class BoardRig:
    """Hold one board; `port` is the laptop's end. `rom_bytes` 0 is firmware without ROMFS."""

    def __init__(self, folder, build="micropython", heap_kib=1024, flash_kib=4096, rom_bytes=0):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.port = folder / "ttyACM0"
        self.starts = 0
        self.received = 0
        self.output = b""
        self._cut_at = None
        self._flash = folder / "flash.img"
        self._flash.write_bytes(b"\xff" * (flash_kib * 1024))
        rom = "-"
        if rom_bytes:
            rom = str(folder / "rom.img")
            Path(rom).write_bytes(b"\xff" * rom_bytes)
        self._words = [
            # Its own terminal sends it Ctrl-C.
            *("setsid", "--ctty", str(INTERPRETERS / build)),
            *("-X", f"heapsize={heap_kib}k", str(DOUBLE)),
            *(str(self._flash), rom, str(folder)),
        ]
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def __enter__(self):
        self._plug()
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._ends.set()
        self._thread.join(10)
        self._pull()

    def cut_after(self, count):
        """Pull the cable after so many more bytes to the board; it is plugged in again at once."""
        self._cut_at = self.received + count

    def press_reset(self):
        """Press the board's button."""
        self._kill()

    def _plug(self):
        self._near, near_slave = _terminal()
        mode = termios.tcgetattr(near_slave)
        mode[3] &= ~termios.ISIG
        termios.tcsetattr(near_slave, termios.TCSANOW, mode)
        # Held open, so that a tool may close and open the port.
        self._held = near_slave
        self.port.unlink(missing_ok=True)
        self.port.symlink_to(os.ttyname(near_slave))
        self._power_on()

    def _power_on(self):
        self._far, far_slave = _terminal()
        self._process = subprocess.Popen(
            self._words,
            stdin=far_slave,
            stdout=far_slave,
            stderr=far_slave,
        )
        os.close(far_slave)
        self.starts += 1

    def _kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _power_off(self):
        self._kill()
        self._process.wait()
        os.close(self._far)

    def _pull(self):
        self._power_off()
        os.close(self._near)
        os.close(self._held)

    def _live(self):
        while not self._ends.is_set():
            ready = select.select([self._near, self._far], [], [], 0.05)[0]
            if self._near in ready and not self._to_board():
                self._pull()
                self._plug()
                continue
            if self._far in ready and not self._from_board():
                self._power_off()
                self._power_on()

    def _to_board(self):
        data = os.read(self._near, 4096)
        if self._cut_at is not None and self.received + len(data) > self._cut_at:
            data = data[: self._cut_at - self.received]
            self._cut_at = None
            os.write(self._far, data)
            return False
        self.received += len(data)
        os.write(self._far, data)
        return True

    def _from_board(self):
        try:
            data = os.read(self._far, 4096)
        except OSError:
            return False
        self.output = (self.output + data)[-20000:]
        os.write(self._near, data)
        return bool(data)
