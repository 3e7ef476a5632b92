"""Match what was heard with what was recorded: every stretch of sound once, and nothing else."""

from collections import Counter

from protocols import canonical
from tests.simulation.province import RATE_HZ

# A tick of the card: stretches shorter than this say nothing.
SHORT_MS = 500
# What sounded this long before the power went is on disk as having begun.
BEGUN_MS = 3_000


class AsRun:
    """Hold the play records that stand at the hub, or wait for it; `break_` reports a breach.

    `cuts` says how often each node lost power.
    """

    def __init__(self, break_, stored, cuts):
        self._break = break_
        # Power may go between the memo of a play and its first sample: once for each time it went.
        self._silent_cuts_left = dict(cuts)
        # (node, item, from, until) of records of plays whose end was seen.
        self._ended = Counter()
        # (node, item, from) to where records of cut plays say that they surely came.
        self._cut = {}
        # What was heard: to its end; near a cut or beside a damaged disk; cut, to where.
        self._certain = Counter()
        self._possible = Counter()
        self._heard_cut = {}
        self._owed = Counter()
        for key, data in stored.items():
            value = canonical.decode(data, len(data))
            if value["kind"] == "play":
                self._take(key[0], value["body"])

    def _take(self, name, body):
        # A card begins at a whole sample.
        key = (name, body["item"], body["from_ms"] * RATE_HZ // 1000 * 1000 // RATE_HZ)
        if body["outcome"] == "cut":
            self._cut.setdefault(key, []).append(body["until_ms"])
        elif body["until_ms"] - body["from_ms"] >= SHORT_MS:
            self._ended[(*key, body["until_ms"])] += 1

    def hear(self, name, item, heard, near_cut, is_flipped):
        """Take one stretch of sound; `near_cut`: the power went right after, `is_flipped`: some
        bit of this node's disk changed."""
        from_ms, until_ms = (
            one * 1000 // RATE_HZ for one in (heard.from_sample, heard.until_sample)
        )
        key = (name, item, from_ms)
        if heard.was_cut or near_cut:
            self._heard_cut.setdefault(key, []).append(until_ms)
        if heard.was_cut and until_ms - from_ms >= BEGUN_MS and not is_flipped:
            self._owed[key] += 1
        if until_ms - from_ms >= SHORT_MS:
            is_certain = not (heard.was_cut or near_cut or is_flipped)
            (self._certain if is_certain else self._possible)[(*key, until_ms)] += 1

    def cut_count(self):
        """Return how many plays are recorded as cut."""
        return sum(map(len, self._cut.values()))

    def check(self):
        """Report what does not match; returns the number of plays."""
        for key in self._certain:
            if self._ended[key] < self._certain[key]:
                self._break("a play was not recorded", *key)
        for key in self._ended:
            if self._ended[key] > self._certain[key] + self._possible[key]:
                self._break("a play was recorded twice", *key)
        for key, reached in self._cut.items():
            heard = self._heard_cut.get(key, [])
            unheard = len(reached) - len(heard)
            if unheard > 0 and not self._are_silent(key, reached, unheard):
                self._break("a play was recorded twice", *key, reached)
            # The furthest claim needs a stretch that came as far, and so on down.
            for claimed, came in zip(sorted(reached)[::-1], sorted(heard)[::-1], strict=False):
                if claimed > came + SHORT_MS:
                    self._break("a cut play was recorded as longer than it was", *key, claimed)
        for key, count in self._owed.items():
            ended = sum(self._ended[(*key, until)] for until in set(self._heard_cut[key]))
            if len(self._cut.get(key, ())) + ended < count:
                self._break("a cut play was not recorded", *key)
        return sum(self._ended.values())

    def _are_silent(self, key, reached, unheard):
        """Tell whether that many cut plays of one kind may have ended before their first sample."""
        name, _, from_ms = key
        left = self._silent_cuts_left.get(name, 0) - unheard
        self._silent_cuts_left[name] = left
        return left >= 0 and sum(one <= from_ms for one in reached) >= unheard
