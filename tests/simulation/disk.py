"""A node's disk: power cuts at any call, torn writes, a full card, bits that flip."""

from hw.sim import storage


class Disk(storage.Storage):
    """The store in memory with running totals; `on_cut` is called when power goes in a call."""

    def __init__(self, random, capacity_bytes):
        super().__init__(capacity_bytes)
        self._random = random
        self.on_cut = None
        self.filler_bytes = 0

    def power_off(self):
        """Take the power away between two calls."""
        self._off = True

    def cut_within(self, calls):
        """Let power go at one of the next so many changing calls."""
        self.cut_at = self.calls + 1 + self._random.randrange(calls)
        self.survive_percent = self._random.choice((0, 1, 37, 50, 99, 100))

    def cut_now(self):
        """Raise `PowerCut` when this call was the one."""
        if self._off and self.on_cut is not None:
            told, self.on_cut = self.on_cut, None
            told()
        super().cut_now()

    def free_bytes(self):
        """Return the room left; `filler_bytes` is what somebody else put on the card."""
        return max(0, super().free_bytes() - self.filler_bytes)

    def room_bytes(self, folders, kept):
        """Return the room once all files of some folders were gone but those of kept names."""
        others = [name for name in self.files if name.startswith(folders)]
        others = [name for name in others if name.rpartition("/")[2] not in kept]
        free_bytes = super().free_bytes() - self.filler_bytes
        return free_bytes + sum(len(self.files[name]) for name in others)

    def flip(self, folder):
        """Change one bit of one visible file of a folder; tells its name, or None.

        Of the two copies of the root one is spared: nothing could mend both.
        """
        names = [name for name in sorted(self.files) if name.startswith(folder)]
        names = [name for name in names if self.files[name] and name != "state/root"]
        if not names:
            return None
        name = self._random.choice(names)
        data = bytearray(self.files[name])
        data[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)
        self.files[name] = bytes(data)
        return name
