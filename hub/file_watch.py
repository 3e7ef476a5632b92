"""Say at once when files of some folders are replaced: Linux inotify (man 7 inotify).

A hint, never the only way: a folder on a network disk tells nothing, and neither does a system
without inotify. Who waits for a file looks at it now and then all the same.
"""

import asyncio
import ctypes
import os
import struct
from collections.abc import Callable
from pathlib import Path

# <sys/inotify.h>: the masks, and the head of an event: watch, mask, cookie, length of the name.
_CLOSE_WRITE, _MOVED_TO, _ONLYDIR = 0x8, 0x80, 0x01000000
_OVERFLOW = 0x4000
_HEAD = struct.Struct("iIII")
_READ_BYTES = 64 * 1024


class FileWatch:
    """Call `changed(folder)` when a file of a watched folder was written whole or moved there.

    `changed(None)` means that some were missed: look everywhere.
    """

    def __init__(self, changed: Callable[[Path | None], None]):
        self._changed = changed
        self._folders: dict[int, Path] = {}
        self._watches: dict[Path, int] = {}
        self._loop = asyncio.get_running_loop()
        self._libc = ctypes.CDLL(None, use_errno=True)
        try:
            self._descriptor = int(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        except AttributeError:
            self._descriptor = -1
        if self._descriptor >= 0:
            self._loop.add_reader(self._descriptor, self._read)

    def add(self, folder: Path) -> bool:
        """Watch a folder; tell whether that is possible."""
        if self._descriptor < 0:
            return False
        mask = _CLOSE_WRITE | _MOVED_TO | _ONLYDIR
        watch = self._libc.inotify_add_watch(self._descriptor, os.fsencode(folder), mask)
        if watch < 0:
            return False
        self._folders[watch], self._watches[folder] = folder, watch
        return True

    def remove(self, folder: Path) -> None:
        """Watch a folder no longer; one that was not watched is no error."""
        watch = self._watches.pop(folder, None)
        if watch is not None:
            del self._folders[watch]
            self._libc.inotify_rm_watch(self._descriptor, watch)

    def close(self) -> None:
        """Watch nothing any more."""
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _read(self) -> None:
        data, at = os.read(self._descriptor, _READ_BYTES), 0
        found: dict[Path | None, None] = {}
        while at < len(data):
            watch, mask, _, length = _HEAD.unpack_from(data, at)
            at += _HEAD.size + length
            if mask & _OVERFLOW:
                found = {None: None}
                break
            folder = self._folders.get(watch)
            if folder is not None:
                found[folder] = None
        for one in found:
            self._changed(one)
