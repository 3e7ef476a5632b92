"""Speak with a MicroPython board over its raw REPL, through `mpremote` as a library."""

import asyncio
import base64
import contextlib
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport
from serial import SerialException

from protocols.errors import LocalFault, RemoteFault, WorldFault
from tools.serial_port import SerialPort

SIDE = Path(__file__).parents[1] / "hw" / "micropython" / "board_slots.py"
WRITE_BYTES = 4096
# A running agent leaves the port to nobody: its board is started anew within this.
REPL_S_MAX = 60
_READ_S = 3
# What mpremote and `hw.micropython.board_main` take for a wish to speak, and the prompt's answer.
_KNOCK = b"\r\x03\r\x01"
_PROMPT = b"raw REPL; CTRL-B to exit"
_KNOCK_EVERY_S = 0.2
_ASK_AFTER_S = 2


class Board:
    """Hold the raw REPL of the board on one port; `notice(word)` tells the technician."""

    def __init__(self, path: str, notice: Callable[[str], None] = lambda word: None):
        self._path = path
        self._notice = notice
        self._transport: SerialTransport | None = None

    def open(self) -> None:
        """Take the port and stop what runs on the board.

        Raises `serial.*` where the port cannot be had, `flash.no_repl` where no prompt comes.
        """
        asyncio.run(_probe(self._path))
        with _faults(self._path):
            self._transport = SerialTransport(os.path.realpath(self._path), timeout=_READ_S)
            if not self._knock(self._transport.serial):
                self.close()
                raise RemoteFault(
                    "flash.no_repl",
                    f"{self._path}: no MicroPython prompt came",
                    "Press the board's reset button and run the command again; a board "
                    "without MicroPython needs its firmware first.",
                )
            self._transport.enter_raw_repl(soft_reset=True)
            self._transport.exec(SIDE.read_bytes())

    def close(self) -> None:
        """Release the port."""
        transport, self._transport = self._transport, None
        if transport is not None:
            with contextlib.suppress(OSError, SerialException):
                transport.close()
            with contextlib.suppress(OSError, SerialException):
                transport.serial.close()

    def call(self, name: str, *given: object) -> Any:
        """Run a function of `board_slots` and return what it prints as JSON, or None."""
        words = ", ".join(repr(one) for one in given)
        with _faults(self._path):
            said = self._opened().exec(f"{name}({words})")
        try:
            return json.loads(said) if said.strip() else None
        except ValueError as error:
            raise RemoteFault(
                "flash.answer", f"{self._path}: {said[:80]!r}", "Run the command again."
            ) from error

    def write(self, place: str, slot: str, name: str, data: bytes) -> None:
        """Write one file of a slot."""
        for offset in range(0, max(1, len(data)), WRITE_BYTES):
            piece = base64.b64encode(data[offset : offset + WRITE_BYTES]).decode()
            self.call("write", place, slot, name, offset, piece)

    def reset(self) -> None:
        """Start the board anew and release the port."""
        with _faults(self._path):
            self._opened().exec_raw_no_follow("import machine\nmachine.reset()")
        self.close()

    def _knock(self, port: Any) -> bool:
        """Ask for the prompt again and again; tell whether it came."""
        started, heard, asked = time.monotonic(), b"", False
        while time.monotonic() < started + REPL_S_MAX:
            port.write(_KNOCK)
            ends = time.monotonic() + _KNOCK_EVERY_S
            while time.monotonic() < ends:
                heard = (heard + port.read(port.in_waiting))[-200:]
                if _PROMPT in heard:
                    return True
                time.sleep(0.01)
            if not asked and time.monotonic() > started + _ASK_AFTER_S:
                self._notice("flash_press_reset")
                asked = True
        return False

    def _opened(self) -> SerialTransport:
        if self._transport is None:
            raise LocalFault("serial.closed", "the port is not open", "Open it.")
        return self._transport


async def _probe(path: str) -> None:
    port = SerialPort(path)
    await port.open()
    await port.close()


@contextlib.contextmanager
def _faults(path: str) -> Iterator[None]:
    """Turn what `mpremote` raises into faults; what it prints is for its own users."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    except TransportExecError as error:
        last = str(error.error_output).strip().splitlines()[-1:]
        text = f"{path}: {last[0] if last else 'failed'}"
        if "ENOSPC" in text or "28" in text.split():
            raise RemoteFault(
                "flash.space", text, "Remove files from the board, or take a larger one."
            ) from error
        raise RemoteFault("flash.board", text, "Press reset and run the command again.") from error
    except (TransportError, SerialException, OSError) as error:
        raise WorldFault(
            "flash.lost", f"{path}: {error}", "Plug the board in and run the command again."
        ) from error
