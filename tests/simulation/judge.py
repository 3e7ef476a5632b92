"""What must hold, whatever happens: checked while a run goes on, and once more at its end.

The judge knows what was approved, hears every sound card, sees what every journal took and what the
hub acknowledged. It knows nothing of what an agent believes except the time.
"""

import hashlib
import re
from collections import Counter, namedtuple

from hub.ingest import HOLE
from protocols import canonical
from tests.simulation.as_run import AsRun
from tests.simulation.province import PROVINCE, UTC_OFFSET_MIN

# A fade begins in time and a gain changes with the clock's own step: what is no breach yet.
EDGE_MS = 1_500
# What ended this shortly before a power cut may not have been written down.
UNWRITTEN_MS = 2_000
# An alert that stood verified with its sound this long, with power on, must have begun.
OWED_MS = 15 * 60_000
LATE_MS = 1_800_000
# What the hub says of records that neither it nor the node has any more.
_HOLE = re.compile(r"\w+ (\w+): (\d+) to (\d+) are lost")

Approved = namedtuple("Approved", "item unit legal_class hamlets seconds repeats expires_ms policy")


class Broken(AssertionError):
    """Report what did not hold, when, and where."""


def _clock_s(text):
    hours, minutes = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def _within(bands, second):
    for first, last, *_ in bands:
        start, end = _clock_s(first), _clock_s(last)
        if start <= second < end or (end < start and (second >= start or second < end)):
            return True
    return False


def _is_told(key, told):
    """Tell whether a gap record speaks for a record; one without an end speaks for all after it."""
    for node, chain, epoch, first, last in told:
        if key[:3] == (node, chain, epoch) and first <= key[3] <= (last or key[3]):
            return True
    return False


class Judge:
    """Watch one world."""

    def __init__(self, world):
        self._world = world
        self._approved = {}
        self._items = {}
        self.policies = {}
        self.cancelled = {}
        self._appended = {}
        self._acked = {}
        self._heard = []
        self._cuts = {}
        self._complete = {}
        self._bulk = {}
        self.flipped = set()
        # Nodes whose card lost records that the hub had: a flipped bit, or no room left.
        self.spoilt_journals = set()
        self._holes = set()
        self.trace = hashlib.sha256()
        self.counts = Counter()

    # What happens.

    def note(self, *what):
        """Put an event into the trace."""
        self.trace.update(repr((self._world.true_ms(), *what)).encode())

    def approve(self, sound, approved):
        """Take what an approver has signed."""
        self._approved[hashlib.sha256(sound.pcm).hexdigest()] = approved
        self._items[approved.item] = approved

    def cut(self, station):
        """Note that a station lost power."""
        self._cuts.setdefault(station.name, []).append(self._world.true_ms())
        self.counts["cuts"] += 1
        self.note(station.name, "cut")

    def appended(self, station, entry):
        """Take a record that stands in a node's journal."""
        record = entry.record
        key = (record.node, record.chain, record.epoch, record.sequence)
        if self._appended.get(key, entry.hash) != entry.hash:
            self.break_("forked", station.name, key)
        self._appended[key] = entry.hash
        self.counts["records"] += 1

    def acknowledged(self, node, chain, epoch, position):
        """Check that what the hub acknowledges stands there, as the node wrote it."""
        key = (node, chain, epoch)
        since = min(self._acked.get(key, 0), position)
        self._acked[key] = position
        self.note(node, "acknowledged", chain, epoch, position)
        for sequence in range(since + 1, position + 1):
            whole = (*key, sequence)
            wanted = self._appended.get(whole)
            row = self._world.hub.store.get("records", *whole)
            if wanted is not None and (row is None or row["hash"] != wanted):
                if not self._is_hole_told(whole):
                    self.break_("acknowledged and lost", node, whole)

    def hub_took(self):
        """Read what the hub says of holes, whenever it has taken a batch."""
        for (node, chain), row in self._world.hub.store._rows["faults"].items():
            found = _HOLE.fullmatch(row["message"]) if row["code"] == HOLE else None
            if found:
                self._holes.add((node, chain, found[1], int(found[2]), int(found[3])))

    def _is_hole_told(self, whole):
        """Tell whether card and restored hub both lost a record, and the hub said so."""
        return whole[0] in self.spoilt_journals and _is_told(whole, self._holes)

    def restored(self):
        """Forget what a hub acknowledged whose database is an older copy now."""
        self._acked.clear()

    def fetched(self, station, path, size):
        """Count the bytes of media that no alert names."""
        if "/blobs/" not in path:
            return
        budget = station.config.budget
        sha256 = path.rpartition("/")[2]
        if budget.period_bytes and sha256 not in self._world.alert_blobs:
            spent = sum(station.modem.counters()) + station.spent_bytes
            # One slice may end past the line that it was granted up to, by its heads.
            if spent > budget.period_bytes - budget.reserve_bytes + 4096:
                self.break_("bulk took the reserve", station.name, spent)

    def spent(self, station):
        """Check a station's budget."""
        budget = station.config.budget
        if budget.period_bytes:
            spent = sum(station.modem.counters()) + station.spent_bytes
            if spent > budget.period_bytes + 8192:
                self.break_("over budget", station.name, spent)

    def heard(self, station, heard):
        """Check one stretch of sound, at the moment when it ends."""
        now_ms = self._world.true_ms()
        approved = self._approved.get(heard.sha256)
        self.note(station.name, "heard", heard.sha256, heard.from_sample, heard.until_sample)
        self.counts["stretches"] += 1
        if approved is None or approved.unit not in (station.unit, PROVINCE):
            self.break_("unverified sound", station.name, heard)
        if approved.hamlets and station.hamlet not in approved.hamlets:
            self.break_("another hamlet's sound", station.name, approved.item)
        self._heard.append((station.name, approved.item, heard, now_ms))
        self._check_hours(station, approved, heard)
        if approved.legal_class == "emergency" and heard.until_sample >= heard.samples:
            self._check_once(station, approved, now_ms)

    def _check_once(self, station, approved, now_ms):
        key = (station.name, approved.item)
        before_ms = self._complete.get(key)
        self._complete[key] = now_ms
        if before_ms is None or approved.repeats:
            return
        cuts = self._cuts.get(station.name, ())
        if not any(before_ms <= cut <= before_ms + UNWRITTEN_MS for cut in cuts):
            self.break_("an alert played twice", station.name, approved.item)

    def _check_hours(self, station, approved, heard):
        """Hold a stretch against quiet hours and ceilings, in the node's own time."""
        if heard.believed_ms is None:
            if approved.legal_class != "emergency":
                self.break_("played without a clock", station.name, approved.item)
            return
        policy = self.policies[station.unit]
        is_emergency = approved.legal_class == "emergency"
        may = is_emergency and policy["emergency_in_quiet"]
        length_ms = heard.ended_ticks - heard.started_ticks
        gains = list(heard.gains)
        for at_ms in range(EDGE_MS, length_ms - EDGE_MS, EDGE_MS):
            second = (heard.believed_ms + at_ms) // 1000 + UTC_OFFSET_MIN * 60
            if not may and _within(policy["quiet"], second % 86400):
                self.break_("quiet hours", station.name, approved.item)
            while len(gains) > 1 and gains[1][0] <= heard.started_ticks + at_ms - EDGE_MS:
                gains.pop(0)
            gain = min(one for _, one in gains[:2])
            ceiling = self._ceiling(policy, is_emergency, second % 86400)
            if gain > 32767 * ceiling // 100:
                self.break_("above the ceiling", station.name, approved.item, gain)

    def _ceiling(self, policy, is_emergency, second):
        if is_emergency:
            return policy["emergency_ceiling_percent"]
        lowest = 100
        for band in policy["ceilings"]:
            # Both sides of an edge count while the gain changes.
            if _within([band], second) and _within([band], (second - 3) % 86400):
                lowest = min(lowest, band[2])
        return lowest

    # Alerts that are owed.

    async def owe(self, station, approved, sleep):
        """Check some time after an alert was verified that it has played, where it could."""
        node, boots = station.node, station.boots
        verified_ms = self._world.true_ms()
        await sleep(OWED_MS / 1000)
        if station.boots != boots or not station.is_on or station.node is not node:
            return
        if approved.expires_ms < verified_ms + OWED_MS + 3_600_000:
            return
        if approved.item in self.cancelled or not self._had_sound(station, approved):
            return
        policy = self.policies[station.unit]
        seconds = [ms // 1000 + UTC_OFFSET_MIN * 60 for ms in (verified_ms, self._world.true_ms())]
        if not policy["emergency_in_quiet"] and any(
            _within(policy["quiet"], second % 86400) for second in seconds
        ):
            return
        if abs((node.time.wall_ms() or 0) - self._world.true_ms()) > 60_000:
            return
        self.counts["alerts owed"] += 1
        if (station.name, approved.item) not in self._complete:
            self.break_("an alert was not played", station.name, approved.item)

    def _had_sound(self, station, approved):
        for manifest in station.node.parts.manifests.alerts():
            for one in manifest.alerts:
                if one.id == approved.item:
                    return all(self._can_sound(station, it) for it in one.renditions)
        return False

    def _can_sound(self, station, it):
        """Tell whether a rendition is here, and decoded or with room to be, if need be by making
        room: an alert displaces what no alert names."""
        blobs = station.node.parts.blobs
        if not blobs.has(it.sha256):
            return False
        if blobs.is_ready(it.sha256, it.media_type):
            return True
        alerts = self._world.alert_blobs
        return station.disk.room_bytes(("blobs/", "pcm/"), alerts) > it.length

    # At the end.

    def finish(self):
        """Check what must be so once everything has come home."""
        waiting = {}
        for station in self._world.stations:
            waiting.update(station.waiting())
        self._check_records(waiting)
        rows = self._world.hub.store._rows["records"]
        stored = {key: row["record"] for key, row in rows.items() if row["kind"] == "play"}
        stored.update((key, data) for key, data in waiting.items() if key not in rows)
        as_run = AsRun(
            self.break_, stored, {name: len(times) for name, times in self._cuts.items()}
        )
        for name, item, heard, ended_ms in self._heard:
            cuts = self._cuts.get(name, ())
            near_cut = any(ended_ms <= cut <= ended_ms + UNWRITTEN_MS for cut in cuts)
            as_run.hear(name, item, heard, near_cut, name in self.flipped)
        self.counts["plays"] += as_run.check()
        self.counts["cut plays"] += as_run.cut_count()

    def _check_records(self, waiting):
        rows = self._world.hub.store._rows["records"]
        told = []
        for key, row in rows.items():
            if row["kind"] == "gap":
                body = canonical.decode(row["record"], len(row["record"]))["body"]
                told.append((key[0], key[1], body["epoch"], body["first"], body["last"]))
        for key, wanted in self._appended.items():
            row = rows.get(key)
            if row is not None and row["hash"] == wanted:
                continue
            if key in waiting:
                self.counts["records waiting for the SIM's next period"] += 1
            elif self._is_hole_told(key):
                # The hub's disk was lost and a bit of the journal: two copies, both gone.
                self.counts["records lost with both disks"] += 1
            elif not (key[0] in self.flipped and _is_told(key, told)):
                self.break_("a record was lost", key[0], key)

    def break_(self, what, where, *detail):
        """Report a breach; it ends the run."""
        day, second = divmod(self._world.true_ms() - self._world.start_ms, 86_400_000)
        at = "day %d %02d:%02d:%02d" % (
            day,
            second // 3_600_000,
            second // 60_000 % 60,
            second // 1000 % 60,
        )
        fault = Broken(f"{what}: {where} at {at}: {detail}; {self._world.state_of(where)}")
        self._world.fail(fault)
        raise fault
