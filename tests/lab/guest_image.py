"""Pack the lab's guest: Debian's arm64 kernel modules, Python and libraries, and our own code."""

import gzip
import io
import os
import re
import stat
from pathlib import Path

import serial

TOP = Path(__file__).resolve().parents[2]
GUEST = TOP / ".cache" / "lab" / "guest"
# Modules by name; what a kernel has built in has no file and is passed over.
MODULES = (
    "gpio-pl061 virtio_pci virtio_gpu xhci-pci snd-usb-audio ftdi_sio usb-storage sd_mod vfat "
    "nls_cp437 nls_ascii nls_iso8859-1 nls_utf8 i6300esb rtc-pl031"
).split()
_UNUSED = re.compile(
    r"/(test|tests|idlelib|tkinter|ensurepip|lib2to3|turtledemo|__pycache__|config-3[^/]*)(/|$)"
    r"|^/usr/(share/(doc|man|locale|lintian|perl|bug)|sbin|include|lib/systemd|lib/udev)"
    r"|^/(boot|var|etc|sbin|lib/modules|lib/udev|lib/systemd)|perl|initramfs"
)


class Archive:
    """Write a cpio archive in the form that the kernel unpacks (newc)."""

    def __init__(self) -> None:
        self._out = io.BytesIO()
        self._number = 0
        self._names: set[str] = set()

    def add(self, name: str, mode: int, data: bytes = b"") -> None:
        """Add one entry, and the folders above it."""
        name = name.strip("/")
        if name in self._names:
            return
        parent = os.path.dirname(name)
        if parent:
            self.add(parent, stat.S_IFDIR | 0o755)
        self._names.add(name)
        self._write(name, mode, data)

    def _write(self, name: str, mode: int, data: bytes) -> None:
        self._number += 1
        path = name.encode() + b"\0"
        numbers = (self._number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
        head = b"070701" + b"".join(b"%08x" % number for number in numbers)
        for part in (head + path, data):
            self._out.write(part + bytes(-len(part) % 4))

    def packed(self) -> bytes:
        """End the archive and return it compressed."""
        self._write("TRAILER!!!", 0, b"")
        return gzip.compress(self._out.getvalue(), 1)

    def tree(self, folder: Path, place: str) -> None:
        """Add a folder with all in it that a guest can use."""
        for top, folders, files in os.walk(folder):
            for name in sorted(folders + files):
                path = Path(top) / name
                target = place + "/" + str(path.relative_to(folder))
                if _UNUSED.search(target):
                    continue
                if path.is_symlink():
                    self.add(target, stat.S_IFLNK | 0o777, os.readlink(path).encode())
                elif path.is_file():
                    self.add(target, stat.S_IFREG | (path.stat().st_mode & 0o755), _read(path))


def _read(path: Path) -> bytes:
    return path.read_bytes()


def module_files() -> list[Path]:
    """Return the modules' files, each after those it needs."""
    files = {one.stem.replace("-", "_"): one for one in GUEST.glob("lib/modules/**/*.ko")}
    ordered: list[Path] = []

    def take(name: str) -> None:
        path = files.get(name.replace("-", "_"))
        if path is None or path in ordered:
            return
        found = re.search(rb"\0depends=([^\0]*)\0", path.read_bytes())
        for need in (found.group(1).decode() if found else "").split(","):
            take(need)
        ordered.append(path)

    for name in MODULES:
        take(name)
    return ordered


def build() -> tuple[Path, bytes]:
    """Return (kernel, initial file system)."""
    archive = Archive()
    archive.tree(GUEST, "")
    archive.add("lab/mkfs.fat", stat.S_IFREG | 0o755, _read(GUEST / "sbin" / "mkfs.fat"))
    for index, path in enumerate(module_files()):
        archive.add(f"lab/modules/{index:03}-{path.name}", stat.S_IFREG | 0o644, path.read_bytes())
    for name in ("edge", "hw", "protocols"):
        archive.tree(TOP / name, "/lab/" + name)
    archive.tree(Path(serial.__file__).parent, "/lab/serial")
    here = Path(__file__).parent
    archive.add("lab/guest.py", stat.S_IFREG | 0o644, _read(here / "guest.py"))
    archive.add("init", stat.S_IFREG | 0o755, _read(here / "init.sh"))
    for name in ("proc", "sys", "dev", "tmp", "stick"):
        archive.add(name, stat.S_IFDIR | 0o755)
    return next(GUEST.glob("boot/vmlinuz-*")), archive.packed()
