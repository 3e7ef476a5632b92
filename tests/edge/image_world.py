"""Images, and a board whose slots stand on one simulated disk."""

import hashlib
import json

from edge import state_file
from edge.image_store import ImageStore
from hw import ports
from hw.linux import chooser
from hw.sim.storage import Storage
from protocols import image, tar

BOARD = "linux-test"


def pack(files):
    """Return the tar of an image from {path: bytes}."""
    pieces = []
    for path in sorted(files):
        pieces += [tar.header(path, len(files[path])), files[path], tar.padding(len(files[path]))]
    return b"".join([*pieces, tar.END])


def describe(data, version, files):
    """Return the image that a manifest would name."""
    digest = hashlib.sha256(data).hexdigest()
    return image.Image(BOARD, version, digest, len(data), len(files))


def agent(version):
    """Return the files of an agent that is told by its version alone."""
    return {
        "edge/main.py": b"VERSION = %d\n" % version,
        "edge/__init__.py": b"",
        "hw/linux/clock.py": b"# %d\n" % version * 300,
        "protocols/slot.py": b"x" * (4000 + version),
    }


class Below(ports.Storage):
    """One folder of a disk as a store of its own."""

    def __init__(self, disk, folder):
        self._disk = disk
        self._folder = folder.replace("/", "+")

    def _name(self, name):
        if not self._folder:
            return name
        return self._folder + "+" + name if "/" in name else self._folder + "/" + name

    def open(self, name):
        return self._disk.open(self._name(name))

    def stage(self, name, resume=False):
        return _Writer(self._disk.stage("staged." + name, resume), self)

    def wipe(self, keep):
        starts = (self._folder + "/", self._folder + "+")
        for name in sorted(self._disk.files):
            if name.startswith(starts):
                self._disk.remove(name)
        return 0

    def discard(self, name):
        self._disk.discard("staged." + name)


class _Writer:
    def __init__(self, writer, store):
        self._writer = writer
        self._store = store
        self.write = writer.write
        self.close = writer.close

    def commit(self, name):
        self._writer.commit(self._store._name(name))


class Board:
    """A board with two slots; `boot` is what the chooser does."""

    def __init__(self, disk=None):
        self.disk = disk or Storage()

    def images(self):
        return ImageStore(lambda path: Below(self.disk, path))

    def boot(self):
        """Return the slot that the chooser starts, its record stored first."""
        data = self.disk.files.get("choice.json")
        record = {} if data is None else json.loads(data)
        slot, counted = chooser.choose(record)
        if counted != record:
            state_file.write(self.disk, "choice.json", json.dumps(counted).encode())
        return slot

    def holds(self, slot):
        """Return {path: bytes} of what stands in a slot."""
        found = {}
        for name, data in self.disk.files.items():
            folder, _, rest = name.replace("+", "/").partition("/")
            if folder == slot:
                found[rest] = bytes(data)
        return found
