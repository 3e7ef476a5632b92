"""Our client and `tuf.ngclient` over the same generated repositories, step by step.

A story is told from its seed: a repository, honest changes with a cycle of both clients after each,
one or two breakages, another cycle. A cycle is a refresh, then look-up and download of every path;
the clients must agree on each verdict, on the bytes taken, and on the metadata left in store. A
disagreement must be one of `tests.edge.differences`, else it is a fault of ours.

    python -m tests.edge.differential --count 5000 --seed 7
    python -m tests.edge.differential --count 1 --seed 7.123     (replays one story)
"""

import argparse
import asyncio
import gc
import logging
import os
import re
import tempfile
from collections import Counter, namedtuple
from pathlib import Path
from urllib.parse import quote as percent

from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.ngclient import FetcherInterface, Updater

from edge.metadata_fetch import MetadataFetch
from hw.linux.verifier import Verifier
from hw.sim.storage import Storage
from protocols.errors import RemoteFault, WorldFault
from protocols.trust import quote
from tests.edge.breakages import break_something
from tests.edge.clients import MemoryLink
from tests.edge.differences import explain
from tests.edge.story import PATHS, Story

BASE = "http://repository/"
# One step of a cycle: what was tried, whether it succeeded, and what it gave or why it failed.
Step = namedtuple("Step", ("what", "good", "detail"))


class Fetcher(FetcherInterface):
    """Answer ngclient from a story."""

    def __init__(self, story: Story):
        self._story = story

    def _fetch(self, url: str):
        data = self._story.fetch(url[len(BASE) :])
        if isinstance(data, int):
            raise DownloadHTTPError("status", data)
        return iter((data,))


class Theirs:
    """The reference client, over a folder."""

    def __init__(self, story: Story, folder: Path):
        self._story = story
        self._folder = folder

    def cycle(self) -> list[Step]:
        """Run one cycle."""
        steps = []
        try:
            updater = Updater(
                str(self._folder),
                BASE + "metadata/",
                str(self._folder / "targets"),
                BASE + "targets/",
                Fetcher(self._story),
                bootstrap=self._story.first_root,
            )
            updater._trusted_set.reference_time = self._story.now
            updater.refresh()
        except Exception as error:
            return [Step("refresh", False, _named(error))]
        steps.append(Step("refresh", True, ""))
        for path in PATHS:
            steps.append(self._take(updater, path))
        return steps

    def _take(self, updater: Updater, path: str) -> Step:
        place = self._folder / "targets" / percent(path, "")
        try:
            target = updater.get_targetinfo(path)
            if target is None:
                return Step(path, False, "not found")
            if updater.find_cached_target(target, str(place)) is None:
                updater.download_target(target, str(place))
        except Exception as error:
            return Step(path, False, _named(error))
        return Step(path, True, place.read_bytes().decode())

    def stored(self) -> dict[str, bytes]:
        """Return the metadata in store."""
        return {path.name: path.read_bytes() for path in self._folder.glob("*.json")}


def _named(error: Exception) -> str:
    # Anything but these is no verdict; ngclient lets some such errors through.
    known = isinstance(error, (RepositoryError, DownloadError))
    return ("" if known else "crash: ") + type(error).__name__ + ": " + str(error)[:200]


class Ours:
    """Our client, over stores in memory."""

    def __init__(self, story: Story):
        self._story = story
        self._metadata = Storage()
        self._targets = Storage()
        self._metadata.files["root.json"] = story.first_root
        self._verifier = Verifier()

    def cycle(self) -> list[Step]:
        """Run one cycle."""
        return asyncio.run(self._cycle())

    async def _cycle(self) -> list[Step]:
        fetch = MetadataFetch(
            MemoryLink(self._story),
            self._metadata,
            self._verifier,
            BASE + "metadata",
            BASE + "targets",
            folder="",
        )
        try:
            await fetch.refresh(int(self._story.now.timestamp()))
        except Exception as fault:
            return [Step("refresh", False, _told(fault))]
        steps = [Step("refresh", True, "")]
        for path in PATHS:
            name = quote(path)
            try:
                target = await fetch.find_target(path)
                await fetch.download_target(target, self._targets, name)
            except Exception as fault:
                steps.append(Step(path, False, _told(fault)))
                continue
            steps.append(Step(path, True, self._targets.files[name].decode()))
        return steps

    def stored(self) -> dict[str, bytes]:
        """Return the metadata in store."""
        assert not self._metadata.staged and not self._targets.staged
        return dict(self._metadata.files)


def _told(error: Exception) -> str:
    # A client of ours that fails by anything but a fault of what was served has failed.
    served = isinstance(error, (RemoteFault, WorldFault))
    return f"{error.code}: {error.message}" if served else f"crash: {error!r}"


class Verdict(namedtuple("Verdict", ("seed", "told", "kind", "reason", "ours", "theirs"))):
    """How a story ended: `kind` is accepted, refused, explained or disagree."""

    def __str__(self) -> str:
        return (
            f"{self.kind}: {self.reason}\n  story: {', '.join(self.told)}\n  ours:   {self.ours}\n"
            f"  theirs: {self.theirs}\n  replay: python -m tests.edge.differential --count 1 "
            f"--seed {self.seed}"
        )


def tell(seed: str) -> Verdict:
    """Tell one story to both clients."""
    story = Story(seed)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as top:
        folder = Path(top)
        (folder / "targets").mkdir()
        ours, theirs = Ours(story), Theirs(story, folder)
        cycles = story.pick((1, 1, 1, 2, 3))
        broken = story.chance(0.85)
        for number in range(cycles + broken):
            if number == cycles:
                break_something(story)
            elif number:
                story.move()
            verdict = _compare(seed, story, ours, theirs)
            if verdict.kind in ("explained", "disagree"):
                break
        return verdict


def _compare(seed: str, story: Story, ours: Ours, theirs: Theirs) -> Verdict:
    told = tuple(story.told)
    story.asked()
    mine = ours.cycle()
    asked = story.asked()
    cut_off = any(re.match("link|trust.length", step.detail) for step in mine)
    if len(set(asked)) < len(asked) and not cut_off:
        return Verdict(seed, told, "disagree", "our client asked twice", asked, "")
    other = theirs.cycle()
    asked = story.asked()
    if len(set(asked)) < len(asked):
        told += ("they ask again",)
    for a in mine:
        if a.detail.startswith("crash"):
            return Verdict(seed, told, "disagree", "our client crashed", a, other[0])
    for number, (a, b) in enumerate(zip(mine, other, strict=False), 1):
        if (a.what, a.good) != (b.what, b.good) or (a.good and a.detail != b.detail):
            reason = explain(told, a.what, mine[:number], other[:number])
            return Verdict(seed, told, "explained" if reason else "disagree", reason, a, b)
    held, kept = ours.stored(), theirs.stored()
    if held != kept:
        names = sorted(n for n in held.keys() | kept.keys() if held.get(n) != kept.get(n))
        mine.append(Step("store", False, " ".join(f"{n}={len(held.get(n, b''))}" for n in names)))
        other.append(Step("store", False, " ".join(f"{n}={len(kept.get(n, b''))}" for n in names)))
        reason = explain(told, "store", mine, other)
        kind = "explained" if reason else "disagree"
        return Verdict(seed, told, kind, reason, mine[-2:], other[-2:])
    good = all(step.good or step.detail.startswith("trust.unknown_target") for step in mine)
    return Verdict(seed, told, "accepted" if good else "refused", "", mine[-1], other[-1])


def run(seed: str, count: int, show=None) -> list[Verdict]:
    """Tell `count` stories and return their verdicts; `show` is called with each."""
    seeds = [seed] if count == 1 else [f"{seed}.{number}" for number in range(count)]
    verdicts = []
    logging.disable(logging.CRITICAL)
    # The client collects garbage after each role; what stands already need not be walked each time.
    gc.collect()
    gc.freeze()
    try:
        for one in seeds:
            verdicts.append(tell(one))
            if show:
                show(verdicts[-1])
    finally:
        gc.unfreeze()
        logging.disable(logging.NOTSET)
    return verdicts


def _show(verdict: Verdict) -> None:
    if verdict.kind == "disagree":
        print(verdict, flush=True)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", default="1")
    options = parser.parse_args()
    verdicts = run(options.seed, options.count, _show)
    if options.count == 1 and verdicts[0].kind != "disagree":
        print(verdicts[0])
    kinds = Counter(verdict.kind for verdict in verdicts)
    reasons = Counter(verdict.reason for verdict in verdicts if verdict.kind == "explained")
    for reason, count in sorted(reasons.items()):
        print(f"{count:6} {reason}")
    print(", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    return 1 if kinds["disagree"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
