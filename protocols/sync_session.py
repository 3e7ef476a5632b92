"""Decide what a node fetches next, and when it asks again.

Theory of operation. One cycle: metadata, then the manifests in the order given (alerts, settings,
programmes), then media, those of alerts first and then what plays soonest. Media come in slices, so
that an alert never waits behind a long bulletin: when a check is due, it goes before the next
slice. There is no retry ceiling. A failed link ends the cycle and backs off with jitter; a medium
that the hub cannot give waits by itself and holds up no other. What the session knows is only what
it was last told: on any error the next cycle asks anew.
"""

import hashlib
from collections import namedtuple

from protocols.budget import ALERT, BULK, CONTROL
from protocols.errors import LocalFault

IDLE = "idle"
REFRESH = "refresh"
MANIFEST = "manifest"
BLOB = "blob"

BACKOFF_MS_MIN = 2_000
BACKOFF_MS_MAX = 600_000
# A medium that the hub lacks or serves wrongly is asked for again after 1, 2, 4 … minutes.
BLOB_BACKOFF_MS_MIN = 60_000
BLOB_BACKOFF_MS_MAX = 3_600_000
# A slice should take about this long, since an alert's check waits for its end. Its request costs
# 650 bytes: half a percent of the shortest, nothing on a fast link.
SLICE_MS = 3_000
SLICE_BYTES_MIN = 128 * 1024
SLICE_BYTES_MAX = 8 * 1024 * 1024
SLICE_GROWTH_MAX = 4
# Checks tighten this long before a slot, so that a late change of the programme is still heard.
TIGHT_BEFORE_SLOT_MS = 900_000
TIGHT_MS = 60_000
NIGHT_FACTOR = 4
# While the hub's event stream lives a check only covers for a lost event.
LISTENING_FACTOR = 4
NIGHT_FROM_S = 22 * 3600
NIGHT_UNTIL_S = 4 * 3600
JITTER_PERCENT = 20

Step = namedtuple("Step", ("kind", "path", "blob", "bytes_max", "alert"))
"""What to do: `REFRESH`, `MANIFEST` (`path`), or `BLOB` (up to `bytes_max` more of `blob`)."""

Wanted = namedtuple("Wanted", ("blob", "alert"))
"""A medium that the current manifests name, and whether an alert does."""


def poll_ms(base_ms: int, local_s: "int | None", slot_in_ms: "int | None") -> int:
    """Return the time between checks, before jitter.

    `local_s` is the second of the local day (None while the clock is unknown), `slot_in_ms` how
    soon the next slot starts (None when none is near).
    """
    if slot_in_ms is not None and slot_in_ms <= TIGHT_BEFORE_SLOT_MS:
        return min(base_ms, TIGHT_MS)
    if local_s is not None and (local_s >= NIGHT_FROM_S or local_s < NIGHT_UNTIL_S):
        return base_ms * NIGHT_FACTOR
    return base_ms


def jittered(interval_ms: int, node: str, turn: int) -> int:
    """Shorten an interval by up to 20 %, differently for every node and turn, reproducibly."""
    drawn = hashlib.sha256((node + "/" + str(turn)).encode()).digest()
    draw = drawn[0] << 8 | drawn[1]
    return interval_ms - interval_ms * JITTER_PERCENT * draw // (100 << 16)


def _doubled(least_ms: int, failures: int, most_ms: int) -> int:
    return min(least_ms << min(failures - 1, 20), most_ms)


class _Medium:
    """One wanted blob and its patience."""

    def __init__(self, wanted: Wanted):
        self.blob = wanted.blob
        self.alert = wanted.alert
        self.again_ms = 0
        self.failures = 0
        self.is_final = False


class SyncSession:
    """Hold one node's sync state; all times are monotonic milliseconds.

    Ask `next_step` until it gives None, do each step, and tell the outcome by `refreshed`,
    `manifest_done`, `blob_progress`, `blob_refused` or `link_lost`; then wait for `deadline_ms`.
    """

    def __init__(self, node: str):
        self._node = node
        self._turn = 0
        self._failures = 0
        self._due_ms = 0
        self._is_woken = False
        self._slice_bytes = SLICE_BYTES_MIN
        self._paths: list[str] = []
        self._media: list[_Medium] = []
        self._waiting: Step | None = None
        self.state = IDLE

    def wake(self, now_ms: int) -> None:
        """Check at once: the hub said that something is new, or a person asked.

        What a check under way has read already may be older than the news: it is followed by
        another.
        """
        self._due_ms = min(self._due_ms, now_ms)
        self._is_woken = self.state in (REFRESH, MANIFEST)

    def check_by(self, at_ms: int) -> None:
        """Check at this time at the latest."""
        self._due_ms = min(self._due_ms, at_ms)

    def want(self, wanted: list[Wanted]) -> None:
        """Replace the list of media, those of alerts first, then what plays soonest.

        A medium that stays wanted keeps its patience.
        """
        known = {medium.blob.sha256: medium for medium in self._media}
        self._media = []
        for urgent in (True, False):
            for one in wanted:
                if one.alert is not urgent:
                    continue
                medium = known.get(one.blob.sha256, _Medium(one))
                medium.alert = one.alert
                self._media.append(medium)

    def missing(self) -> list[Wanted]:
        """Return what is still wanted, in order."""
        return [Wanted(medium.blob, medium.alert) for medium in self._media]

    def arrived(self, sha256: str) -> None:
        """Want a medium no more: another carrier brought it."""
        self._media = [medium for medium in self._media if medium.blob.sha256 != sha256]

    def next_step(self, now_ms: int, allowed: "object") -> Step | None:
        """Return what to do now, or None until `deadline_ms`.

        `allowed(purpose)` says how many bytes may be spent on `ALERT`, `CONTROL` or `BULK`.
        """
        self._waiting = self._choose(now_ms, allowed)
        return self._waiting

    def _choose(self, now_ms: int, allowed: "object") -> Step | None:
        if self.state == MANIFEST:
            return Step(MANIFEST, self._paths[0], None, 0, False)
        if self.state == REFRESH or now_ms >= self._due_ms:
            # Checking is how alerts arrive: it may use the reserve when all else is spent.
            if not allowed(CONTROL) and not allowed(ALERT):  # type: ignore[operator]
                self._rest(now_ms, BACKOFF_MS_MAX)
                return None
            self.state = REFRESH
            return Step(REFRESH, "", None, 0, False)
        for medium in self._media:
            if now_ms < medium.again_ms:
                continue
            room = allowed(ALERT if medium.alert else BULK)  # type: ignore[operator]
            if room > 0:
                self.state = BLOB
                size = min(self._slice_bytes, room)
                return Step(BLOB, "", medium.blob, size, medium.alert)
        self.state = IDLE
        return None

    def refreshed(self, paths: list[str]) -> None:
        """Go on with the manifests to look at, in order; an empty list ends the cycle's checks."""
        self._expect(REFRESH)
        self._paths = list(paths)
        self.state = MANIFEST if self._paths else IDLE

    def manifest_done(self, named: "list[str] | tuple[str, ...]" = ()) -> None:
        """Go on with the next manifest, whether this one was new, absent or refused.

        `named` are further ones that it told of; they come last.
        """
        self._expect(MANIFEST)
        self._paths.pop(0)
        self._paths.extend(named)
        self.state = MANIFEST if self._paths else IDLE

    def checked(self, now_ms: int, interval_ms: int) -> None:
        """End the cycle's checks: the link works, the next check is in about `interval_ms`."""
        self._failures = 0
        self._rest(now_ms, 0 if self._is_woken else interval_ms)
        self._is_woken = False

    def blob_progress(self, is_whole: bool) -> None:
        """Note a slice; a whole medium is wanted no more.

        Slices do not restore patience: a medium whose last one spoils it would be fetched for ever.
        """
        sha256 = self._expect(BLOB).blob.sha256
        if is_whole:
            self.arrived(sha256)
        self.state = IDLE

    def pace(self, count: int, elapsed_ms: int) -> None:
        """Learn the link's pace from a slice of `count` bytes; the next ones are sized by it."""
        fitting = count * SLICE_MS // max(elapsed_ms, 1)
        fitting = min(fitting, self._slice_bytes * SLICE_GROWTH_MAX, SLICE_BYTES_MAX)
        if fitting > self._slice_bytes and count < self._slice_bytes:
            # The end of a medium says little.
            return
        self._slice_bytes = max(SLICE_BYTES_MIN, fitting)

    def blob_refused(self, now_ms: int, is_final: bool) -> None:
        """Let a medium wait that the hub does not have, serves wrongly, or for which no room is.

        `is_final` says that the hub itself has no better: nothing else need wait for it then.
        """
        sha256 = self._expect(BLOB).blob.sha256
        for medium in self._media:
            if medium.blob.sha256 == sha256:
                medium.failures += 1
                medium.is_final = is_final
                wait_ms = _doubled(BLOB_BACKOFF_MS_MIN, medium.failures, BLOB_BACKOFF_MS_MAX)
                medium.again_ms = now_ms + self._jittered(wait_ms)
        self.state = IDLE

    def link_lost(self, now_ms: int) -> None:
        """End the cycle at once and back off; works in every state."""
        self._failures += 1
        self._paths = []
        self.state = IDLE
        self._waiting = None
        self._rest(now_ms, _doubled(BACKOFF_MS_MIN, self._failures, BACKOFF_MS_MAX))
        for medium in self._media:
            medium.again_ms = max(medium.again_ms, self._due_ms)

    def deadline_ms(self, allowed: "object") -> int:
        """Return when `next_step` may have something again."""
        deadline_ms = self._due_ms
        for medium in self._media:
            if allowed(ALERT if medium.alert else BULK) > 0:  # type: ignore[operator]
                deadline_ms = min(deadline_ms, medium.again_ms)
        return deadline_ms

    def pending(self) -> list[str]:
        """Return the hashes of media still wanted that may yet be had."""
        return [medium.blob.sha256 for medium in self._media if not medium.is_final]

    def _rest(self, now_ms: int, interval_ms: int) -> None:
        self._due_ms = now_ms + self._jittered(interval_ms)

    def _jittered(self, interval_ms: int) -> int:
        self._turn += 1
        return jittered(interval_ms, self._node, self._turn)

    def _expect(self, kind: str) -> Step:
        step = self._waiting
        if step is None or step.kind != kind or self.state != kind:
            raise LocalFault("sync.order", "no " + kind + " was asked for", "Ask next_step first")
        self._waiting = None
        return step
