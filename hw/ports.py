"""The contracts between the agent and everything outside it.

Each class is one port. Adapters in `hw/linux/`, `hw/micropython/` and `hw/sim/` carry the same file
names and subclass these; `tests/hw/` runs one contract suite per port against every adapter. Times
are milliseconds, wall time is Unix UTC, sizes are bytes. Adapters raise `WorldFault` for faults of
the device or the world, never a platform's own exception.
"""

from protocols.errors import Fault


class Clock:
    """Tell time and wait; `fault` is what is wrong with the chip behind it, if anything."""

    fault: "Fault | None" = None

    def wall_ms(self) -> int | None:
        """Return the untrusted wall time (Unix UTC, ms), or None when the platform knows none."""
        raise NotImplementedError

    def ticks_ms(self) -> int:
        """Return monotonic milliseconds since boot; never wraps, never steps."""
        raise NotImplementedError

    def set_wall_ms(self, wall_ms: int) -> None:
        """Step the wall clock (and the RTC behind it, where there is one)."""
        raise NotImplementedError

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait for a duration."""
        raise NotImplementedError

    def alarm(self, duration_ms: int, ring: "object") -> "object":
        """Have `ring()` called later; returns what has `cancel()`, None where one only sleeps."""


class Entropy:
    """Give random bytes fit for keys and nonces."""

    def random_bytes(self, count: int) -> bytes:
        """Return `count` random bytes."""
        raise NotImplementedError


class Reader:
    """Read a stored file in pieces."""

    def read(self, count: int) -> bytes:
        """Return up to `count` bytes; empty at the end."""
        raise NotImplementedError

    def seek(self, position: int) -> None:
        """Continue reading at an absolute position."""
        raise NotImplementedError

    def close(self) -> None:
        """Release the file."""
        raise NotImplementedError


class Writer:
    """Write a file that nobody sees before `commit`."""

    position: int

    def write(self, data: bytes) -> None:
        """Append bytes at `position`; raises `WorldFault("storage.full")` when no room is left."""
        raise NotImplementedError

    def flush(self) -> None:
        """Make what was written so far durable under the staging name, to be resumed later."""
        raise NotImplementedError

    def commit(self, name: str) -> None:
        """Make the file durable and visible under `name`, replacing an older one at once."""
        raise NotImplementedError

    def close(self) -> None:
        """Close without commit; the staged bytes stay for a later `resume`."""
        raise NotImplementedError


class Storage:
    """Keep named files durably; names as `protocols.storage_names` allows: `folder/file` or `file`.

    After any crash a committed file is whole, old or new; a staged one holds a prefix of what was
    written, under no visible name. One file is open for writing at a time under one staging name.
    """

    # What a download may lose to a power cut; to lose less costs flash more writes.
    flush_bytes = 64 * 1024

    def open(self, name: str) -> Reader | None:
        """Open a visible file, or return None when there is none."""
        raise NotImplementedError

    def stage(self, name: str, resume: bool = False) -> Writer:
        """Start (or with `resume` continue) a staged file; `Writer.position` says where."""
        raise NotImplementedError

    def open_staged(self, name: str) -> Reader | None:
        """Open a staged file for checking (close its writer first), or return None."""
        raise NotImplementedError

    def staged_names(self) -> list[str]:
        """List the names of staged files that stand in no folder, sorted."""
        raise NotImplementedError

    def discard(self, name: str) -> None:
        """Forget a staged file; not an error when there is none."""
        raise NotImplementedError

    def remove(self, name: str) -> None:
        """Remove a visible file durably; not an error when there is none."""
        raise NotImplementedError

    def names(self, folder: str) -> list[str]:
        """List the visible files of a folder (names without the folder), sorted."""
        raise NotImplementedError

    def size(self, name: str) -> int | None:
        """Return a visible file's size in bytes, or None."""
        raise NotImplementedError

    def preallocate(self, name: str, length: int) -> None:
        """Create a visible file of zero bytes whose later `patch` needs no new blocks."""
        raise NotImplementedError

    def patch(self, name: str, position: int, data: bytes) -> None:
        """Overwrite bytes inside a preallocated file, durably when this returns."""
        raise NotImplementedError

    def free_bytes(self) -> int:
        """Return the room left for new files."""
        raise NotImplementedError

    def wipe(self, keep: "tuple[str, ...]") -> int:
        """Remove all but visible files named as in `keep`; returns how many are there after all."""
        raise NotImplementedError


class Response:
    """Answer of a link: `status`, `headers` (lower-case names), and a body to read."""

    status: int
    headers: dict[str, str]

    async def read(self, count: int) -> bytes:
        """Return up to `count` body bytes; empty at the end; raises `WorldFault` on a cut."""
        raise NotImplementedError

    async def close(self) -> None:
        """Stop reading; the connection is kept only when the body was read to its end."""
        raise NotImplementedError


class Link:
    """Speak HTTP to the hub."""

    # Whether answers in the coding `deflate` (RFC 9110, 8.4.1.2) arrive inflated.
    inflates = False

    async def request(
        self, method: str, url: str, headers: dict[str, str], body: bytes
    ) -> Response:
        """Send one request and return its answer when the head has arrived."""
        raise NotImplementedError

    def counters(self) -> tuple[int, int]:
        """Return bytes (received, sent) on the interface since boot."""
        raise NotImplementedError

    def life(self) -> str:
        """Name the life of what `counters` counts; "" where nothing but a lower count tells."""
        return ""


class Serial:
    """Carry bytes over one serial line.

    Faults: `serial.missing`, `serial.permission`, `serial.busy` at `open`, `serial.lost` later.
    After a fault or `close`, `open` may be tried again.
    """

    async def open(self) -> None:
        """Take the line; nothing when it is open already."""
        raise NotImplementedError

    async def write(self, data: bytes) -> None:
        """Send all bytes."""
        raise NotImplementedError

    async def read(self, count: int, timeout_ms: int) -> bytes:
        """Return 1 to `count` bytes, or empty bytes when none came within the time."""
        raise NotImplementedError

    async def close(self) -> None:
        """Release the line."""
        raise NotImplementedError


class Datagrams:
    """Send and receive UDP packets from one socket."""

    async def open(self) -> None:
        """Take a socket; nothing when it is open already; raises `WorldFault("network.down")`."""
        raise NotImplementedError

    async def send(self, data: bytes, host: str, port: int) -> None:
        """Send one packet to an IPv4 address or a name; raises `WorldFault("network.down")`."""
        raise NotImplementedError

    async def receive(self, timeout_ms: int) -> bytes:
        """Return the next packet, or empty bytes when none came within the time."""
        raise NotImplementedError

    async def close(self) -> None:
        """Release the socket."""
        raise NotImplementedError


class AudioOut:
    """Keep one mono 16-bit stream at `rate_hz`, silence when idle; positions count its samples."""

    rate_hz: int

    async def open(self) -> None:
        """Start the stream (silence)."""
        raise NotImplementedError

    async def play(self, pcm: Reader, position: int, at_ms: int | None, gain_q15: int) -> int:
        """Play PCM (s16le mono) from a sample position until its end or `stop`.

        Starts at wall time `at_ms`, or at once when None. Returns the position after the last
        sample heard. Raises `WorldFault("audio.lost")` when the card is gone.
        """
        raise NotImplementedError

    async def stop(self, fade_ms: int) -> None:
        """Fade out what plays; the waiting `play` returns the position reached."""
        raise NotImplementedError

    def set_gain(self, gain_q15: int) -> None:
        """Change the gain of what plays (32767 is unity)."""
        raise NotImplementedError

    def beats(self) -> int | None:
        """Return a count that grows while the stream is fed, or None where nobody counts."""
        return None

    async def close(self) -> None:
        """Stop the stream and release the card."""
        raise NotImplementedError


class Amplifier:
    """Switch the amplifier and observe it.

    The safe state is off: at `open`, on `close`, and whenever `renew` stops coming.
    """

    async def open(self) -> None:
        """Bring the amplifier to its safe state, whatever an earlier life left."""
        raise NotImplementedError

    async def close(self) -> None:
        """Leave the amplifier in its safe state and release the devices."""
        raise NotImplementedError

    async def on(self, hold_ms: int) -> None:
        """Switch on, armed to fall off after `hold_ms` without `renew`."""
        raise NotImplementedError

    async def renew(self, hold_ms: int) -> None:
        """Push the dead-man forward."""
        raise NotImplementedError

    async def off(self) -> None:
        """Switch off."""
        raise NotImplementedError

    async def connect(self, source: str, hold_ms: int) -> None:
        """Let a line input (`fm`, `mic`, ...) through, armed as `on`; one at a time.

        "" disconnects all, which is the safe state. Raises `LocalFault("amplifier.no_source")`.
        """
        raise NotImplementedError

    async def observe(self) -> dict[str, int]:
        """Return what was observed: any of `accepted`, `coil`, `milliwatts`, `idle_milliwatts`,
        `line` (0 or 1). Absent keys were not observable."""
        raise NotImplementedError

    def take_faults(self) -> list[Fault]:
        """Return what was found wrong since the last call, one fault per code."""
        raise NotImplementedError


class Inputs:
    """Feel the world beside the amplifier: mains, supply, temperature, keys."""

    async def read(self) -> dict[str, int]:
        """Return any of mains, line, key (0, 1), supply_millivolts, temperature_millicelsius."""
        raise NotImplementedError

    def faults(self) -> "list[tuple[str, Fault]]":
        """Return (name, fault) of what could not be read the last time."""
        raise NotImplementedError


class Board:
    """Show frames on a public board."""

    width_px: int
    height_px: int
    channels: int

    async def show(self, rows: "list[bytes]") -> None:
        """Show one frame: `height_px` rows of `width_px * channels` bytes (8 bits a channel)."""
        raise NotImplementedError

    async def off(self) -> None:
        """Darken the board."""
        raise NotImplementedError

    async def set_brightness(self, percent: int) -> None:
        """Set the lamps' level (0 to 100) for what is shown from now on."""
        raise NotImplementedError

    async def present(self) -> bool | None:
        """Tell whether the device answers, or None where it cannot."""
        raise NotImplementedError

    async def close(self) -> None:
        """Darken the board and release it; a later `show` takes it again."""
        raise NotImplementedError

    async def read_back(self) -> bytes | None:
        """Return the SHA-256 of the rows shown now, or None where the device cannot tell."""
        raise NotImplementedError


class Indicator:
    """Tell a person at the cabinet what the node does with what was plugged in."""

    def show(self, state: str, percent: int) -> None:
        """Show `off`, `working` (with how much is done), `done` (may be pulled) or `trouble`;
        raises `WorldFault("indicator.lost")`."""
        raise NotImplementedError


class Verifier:
    """Check signatures."""

    def verify(self, scheme: str, public: bytes, signature: bytes, message: "object") -> bool:
        """Tell whether `signature` by `public` covers `message` (an iterable of byte pieces).

        `scheme` and the form of `public` are those of `protocols.keys`. A malformed key or
        signature is False, never an error.
        """
        raise NotImplementedError

    def forget(self) -> None:
        """Free what was kept to go faster."""


class Identity:
    """Hold the node's own Ed25519 key; the private half never leaves."""

    def public_key(self) -> bytes:
        """Return the 32 public bytes."""
        raise NotImplementedError

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of a message."""
        raise NotImplementedError

    def forget(self) -> None:
        """Destroy the key for good, on disk and here; nothing signs afterwards."""
        raise NotImplementedError


class Decoder:
    """Turn verified media into PCM that the audio port plays."""

    async def decode(self, storage: Storage, name: str, media_type: str, out: str) -> int:
        """Decode a visible file to s16le mono under the visible name `out`; return its samples.

        Raises `RemoteFault("media.undecodable")` for content, `WorldFault` for the world.
        """
        raise NotImplementedError


class Inflate:
    """Decompress zlib streams."""

    def open(self, source: Reader, length_max: int) -> Reader:
        """Return a reader of the decompressed bytes; more than `length_max` is a `RemoteFault`."""
        raise NotImplementedError
