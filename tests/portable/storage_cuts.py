"""A story over any store, and what must hold after the power went at any moment of it.

The story replaces a small and a large file, resumes a staged one, patches a log, removes a file. It
can be told again after a reboot and then ends as if nothing had happened.
"""

SMALL = (b"one " * 30, b"two " * 50, b"three " * 20)
LARGE = (bytes(range(256)) * 24, bytes(range(255, -1, -1)) * 32)
LOG_BYTES = 2048
LINES = (b"first line ", b"second line ")


def read(reader):
    """Return all bytes of a reader, or None."""
    if reader is None:
        return None
    data = b""
    while True:
        piece = reader.read(4096)
        if not piece:
            reader.close()
            return data
        data += piece


def put(store, name, data, staging="new"):
    """Store a file in two pieces."""
    writer = store.stage(staging)
    try:
        writer.write(data[: len(data) // 2])
        writer.write(data[len(data) // 2 :])
        writer.commit(name)
    finally:
        writer.close()


class Told:
    """What a caller was told is durable."""

    def __init__(self):
        self.small = -1
        self.large = 0
        self.part = 0
        self.lines = 0
        self.removed = False


def begin(store):
    """Make what stands before the story."""
    put(store, "f/large", LARGE[0])
    put(store, "gone", b"1")
    store.preallocate("log", LOG_BYTES)


def story(store, told):
    """Tell it; `told` follows."""
    for number in range(len(SMALL)):
        put(store, "f/small", SMALL[number])
        told.small = number
    writer = store.stage("part", True)
    try:
        if writer.position == 0:
            writer.write(LARGE[1][:3000])
            writer.flush()
            told.part = 3000
        writer.write(LARGE[1][writer.position :])
        writer.commit("f/large")
        told.large = 1
        told.part = 0
    finally:
        writer.close()
    position = 0
    for line in LINES:
        store.patch("log", position, line)
        position += len(line)
        told.lines += 1
    store.remove("gone")
    told.removed = True
    put(store, "f/small", SMALL[0])
    told.small = 3


def check(store, told):
    """Check a store that was opened after a cut in the story."""
    small = read(store.open("f/small"))
    first = max(told.small, 0)
    allowed = (SMALL + (SMALL[0],))[first : told.small + 2]
    assert small in allowed or (small is None and told.small < 0), (told.small, small)
    large = read(store.open("f/large"))
    assert large == LARGE[1] or (large == LARGE[0] and not told.large)
    part = read(store.open_staged("part"))
    assert LARGE[1].startswith(part or b"")
    assert len(part or b"") >= told.part or large == LARGE[1]
    text = b"".join(LINES)
    log = read(store.open("log"))
    written = len(b"".join(LINES[: told.lines]))
    assert len(log) == LOG_BYTES and log[:written] == text[:written]
    assert text.startswith(log[: len(text)].rstrip(b"\0"))
    assert log[len(text) :] == bytes(LOG_BYTES - len(text))
    assert store.open("gone") is None or not told.removed
    for name in store.names(""):
        assert name in ("log", "gone"), name
    for name in store.names("f"):
        assert name in ("small", "large"), name


def check_end(store):
    """Check a store in which the story came to its end."""
    assert read(store.open("f/small")) == SMALL[0]
    assert read(store.open("f/large")) == LARGE[1]
    assert store.names("") == ["log"]
    assert store.names("f") == ["large", "small"]
    assert store.open_staged("part") is None
