"""The two slots that hold application images, and the choice between them.

Theory of operation. The slot that does not run is emptied, filled and read back; only then one
small file says that it is on trial. A power cut before that leaves a slot that nothing names, after
it a whole image. The chooser, outside of any image, counts each start of a trial; `confirm` ends
it well.
"""

import hashlib

from edge import state_file
from hw import ports
from protocols import canonical, image, tar
from protocols.errors import Fault, RemoteFault
from protocols.limits import IMAGE_FILES_MAX, MANIFEST_BYTES_MAX
from protocols.tar import PackReader

_NAME = "choice.json"
_BLOCK_BYTES = 4096
_REMEDY = "Build the image again and publish it under a higher version."


class ImageStore:
    """Hold the slots of one board; `open_store(path)` opens a folder below theirs as a store."""

    def __init__(self, open_store: "object"):
        self._open_store = open_store
        self._stores: dict[str, ports.Storage] = {}
        self._top = self._store("")
        data = state_file.read(self._top, _NAME, MANIFEST_BYTES_MAX)
        self.choice = image.NOTHING if data is None else image.read_choice(data)

    def _store(self, path: str) -> ports.Storage:
        if path not in self._stores:
            self._stores[path] = self._open_store(path)  # type: ignore[operator]
        return self._stores[path]

    def version(self) -> int:
        """Return the version that runs now, 0 for what the board came with."""
        return int(self.choice.trial_version if self.is_trial() else self.choice.version)

    def is_trial(self) -> bool:
        """Tell whether what runs now is on trial."""
        return bool(self.choice.trial and self.choice.boots)

    def confirm(self) -> None:
        """End a trial well, durably."""
        self._choose(self.choice.confirmed())

    async def install(self, wanted: image.Image, reader: ports.Reader) -> None:
        """Unpack a verified image into the free slot and put it on trial.

        Raises `RemoteFault("image.*")` for one that is no image, `WorldFault` of the storage; the
        choice is untouched then.
        """
        # What is on trial and not begun yet stands in the free slot: it is given up first.
        if self.choice.trial:
            self._choose(image.Choice(self.choice.slot, self.choice.version, "", 0, 0, 0))
        slot = self.choice.free_slot()
        self._clear(slot)
        files = await self._unpack(slot, reader)
        if len(files) != wanted.files:
            raise RemoteFault("image.files", str(len(files)) + " files in the image", _REMEDY)
        for path in sorted(files):
            if self._digest(slot, path) != files[path]:
                raise RemoteFault("image.damaged", path + " was not stored whole", _REMEDY)
        self._choose(self.choice.on_trial(slot, wanted.version))

    def _choose(self, choice: image.Choice) -> None:
        state_file.write(self._top, _NAME, canonical.encode(choice.to_dict()))
        self.choice = choice

    def _clear(self, slot: str) -> None:
        for folder in image.FOLDERS:
            self._store(slot + "/" + folder).wipe(())

    def _place(self, slot: str, path: str) -> "tuple[ports.Storage, str]":
        """Return the store and the name in it of one file of an image."""
        folder, _, name = path.partition("/")
        if folder not in image.FOLDERS or not name or name.count("/") > 1:
            raise RemoteFault("image.path", path + " has no place in an image", _REMEDY)
        return self._store(slot + "/" + folder), name

    async def _unpack(self, slot: str, reader: ports.Reader) -> "dict[str, bytes]":
        """Store every file; return their hashes as they came, by path."""
        files: dict[str, bytes] = {}
        unpacking = _Unpacking()
        pack = PackReader()
        while True:
            piece = reader.read(_BLOCK_BYTES)
            if not piece:
                break
            for event in pack.receive(piece):
                if event[0] == tar.MEMBER:
                    path = str(event[1])
                    if path in files or len(files) >= IMAGE_FILES_MAX:
                        raise RemoteFault("image.files", path + " is one too many", _REMEDY)
                    files[path] = b""
                    store, name = self._place(slot, path)
                    unpacking.begin(store, name)
                elif event[0] == tar.DATA:
                    unpacking.add(event[1])  # type: ignore[arg-type]
                elif event[0] == tar.MEMBER_END:
                    files[path] = unpacking.end()
        if not pack.is_complete:
            raise RemoteFault("image.cut", "the image ends before its end", _REMEDY)
        return files

    def _digest(self, slot: str, path: str) -> bytes:
        store, name = self._place(slot, path)
        reader = store.open(name)
        if reader is None:
            return b""
        digest = hashlib.sha256()
        try:
            while True:
                piece = reader.read(_BLOCK_BYTES)
                if not piece:
                    return bytes(digest.digest())
                digest.update(piece)
        finally:
            reader.close()


class _Unpacking:
    """Store one file at a time."""

    def begin(self, store: ports.Storage, name: str) -> None:
        """Start a file."""
        self._name = name
        self._writer = store.stage(name.replace("/", "."))
        self._digest = hashlib.sha256()

    def add(self, data: bytes) -> None:
        """Add bytes to it."""
        self._digest.update(data)
        self._writer.write(data)

    def end(self) -> bytes:
        """Make it durable; return its SHA-256."""
        self._writer.commit(self._name)
        return bytes(self._digest.digest())


def is_final(fault: Fault) -> bool:
    """Tell whether trying the same image again is of no use."""
    return fault.code.startswith(("image.", "pack."))
