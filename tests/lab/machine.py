"""A QEMU machine that emulates an arm64 board, its console and its monitor."""

import json
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from tests.portable.manifests import MIDNIGHT_S

MEMORY_MB = 1024
BOOT_S = 120
ANSWER_S = 60
# What the guest's clock says at its start: six in the morning of the tests' day.
WALL_S = MIDNIGHT_S + 6 * 3600


class Machine:
    """Boot a guest and speak with it; `folder` takes the sockets, the sound and the pictures."""

    def __init__(self, kernel: Path, initrd: bytes, folder: Path, serial_path: str):
        self.folder = folder
        (folder / "initrd").write_bytes(initrd)
        self.stick = folder / "stick.img"
        with self.stick.open("wb") as image:
            image.truncate(16 << 20)
        self.sound = folder / "sound.wav"
        words = ["qemu-system-aarch64", "-M", "virt", "-accel", "tcg", "-cpu", "cortex-a57"]
        words += ["-m", str(MEMORY_MB), "-smp", "2", "-kernel", str(kernel)]
        words += ["-initrd", str(folder / "initrd"), "-display", "none", "-no-reboot"]
        words += ["-nic", "none"]
        words += [
            "-append",
            "console=ttyAMA0 quiet loglevel=1 vt.global_cursor_default=0 rdinit=/init",
        ]
        for option, text in (
            ("-chardev", f"socket,id=console,path={folder}/console,server=on,wait=off"),
            ("-serial", "chardev:console"),
            ("-monitor", f"unix:{folder}/monitor,server=on,wait=off"),
            ("-device", "qemu-xhci,id=usb"),
            ("-audiodev", f"wav,id=card,path={self.sound}"),
            ("-device", "usb-audio,audiodev=card"),
            ("-chardev", f"serial,id=line,path={serial_path}"),
            ("-device", "usb-serial,chardev=line,id=adapter"),
            ("-blockdev", f"driver=file,node-name=stick,filename={self.stick}"),
            ("-device", "usb-storage,drive=stick,id=disk"),
            ("-device", "virtio-gpu-pci,xres=640,yres=480"),
            ("-device", "i6300esb"),
            # A reset is seen as a pause, after which the guest goes on.
            ("-watchdog-action", "pause"),
            ("-rtc", "base=" + time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(WALL_S))),
        ):
            words += [option, text]
        self._log = (folder / "qemu.log").open("w")
        self.process = subprocess.Popen(words, stdout=self._log, stderr=self._log)
        self._received = b""

    def __enter__(self) -> "Machine":
        self._console = self._join("console")
        self._monitor = self._join("monitor")
        self._until(self._monitor, b"(qemu) ", 10)
        self.wait_for(b"LAB-UP", BOOT_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait(20)
        self._log.close()

    def ask(self, name: str, **words: object) -> object:
        """Have the guest do something; raises RuntimeError with its fault."""
        self.send(name, **words)
        return self.answer(ANSWER_S)

    def send(self, name: str, **words: object) -> None:
        """Send an order."""
        self._console.sendall(json.dumps({"do": name, "with": words}).encode() + b"\n")

    def answer(self, seconds: float) -> object:
        """Return the answer to the order sent last."""
        answer = json.loads(self.wait_for(b"LAB {", seconds, whole_line=True)[4:])
        if "fault" in answer:
            raise RuntimeError(answer["fault"] + " " + answer["text"])
        return answer["value"]

    def monitor(self, command: str, seconds: float = 20) -> str:
        """Run a command of QEMU's monitor and return what it prints."""
        self._monitor.sendall(command.encode() + b"\n")
        text = self._until(self._monitor, b"\n(qemu) ", seconds).decode(errors="replace")
        return text.partition("\n")[2].removesuffix("\n(qemu) ").strip()

    def wait_for(self, mark: bytes, seconds: float, whole_line: bool = False) -> bytes:
        """Wait until the console has said something; return its line."""
        until_s = time.monotonic() + seconds
        while True:
            at = self._received.find(mark)
            end = self._received.find(b"\n", at) if at >= 0 else -1
            if at >= 0 and (end >= 0 or not whole_line):
                end = max(end, at + len(mark))
                line, self._received = self._received[at:end], self._received[end:]
                return line
            self._console.settimeout(max(until_s - time.monotonic(), 0.01))
            try:
                data = self._console.recv(65536)
            except TimeoutError:
                data = b""
            if not data:
                tail = self._received[-800:].decode(errors="replace")
                raise RuntimeError(f"the guest did not say {mark!r}: {tail}")
            self._received += data

    def _join(self, name: str) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        until_s = time.monotonic() + 20
        while True:
            try:
                made.connect(str(self.folder / name))
                return made
            except OSError:
                if time.monotonic() > until_s:
                    self.process.kill()
                    raise
                time.sleep(0.1)

    def _until(self, source: socket.socket, mark: bytes, seconds: float) -> bytes:
        source.settimeout(seconds)
        data = b""
        while not data.endswith(mark):
            piece = source.recv(65536)
            if not piece:
                raise RuntimeError("the monitor has gone")
            data += piece
        return data
