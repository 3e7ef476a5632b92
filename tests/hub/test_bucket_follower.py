"""A folder that follows a bucket shows whole views only, whatever is published meanwhile."""

import json
import shutil
import tempfile
import threading
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.bucket_follower import Follower
from hub.repository.pruning import KEPT_VERSIONS

LASTING = ("root.json", "timestamp.json")
UNITS = ("03.a", "03.b")


def stamp(version):
    """Return a timestamp that names the snapshot of its own number."""
    meta = {"snapshot.json": {"version": version}}
    return json.dumps({"signed": {"version": version, "meta": meta}}).encode()


def snapshot(version):
    """Return a snapshot that names the role file of its own number."""
    return json.dumps({"signed": {"meta": {"unit-03.json": {"version": version}}}}).encode()


class Publisher:
    """Stand in for a bucket into which another hub publishes, a step at each of our requests."""

    place = "s3://thử"

    def __init__(self, pace):
        self.held = {"repository/metadata/1.root.json": b"root"}
        self._steps, self._pace = self._publish(), iter(pace)
        self._lock = threading.Lock()
        for _ in range(2 * len(UNITS) + 2):
            next(self._steps)

    def _publish(self):
        """Put what a publication is made of, in any order but that timestamps are last."""
        version = 0
        while True:
            version += 1
            self.held[f"repository/metadata/{version}.unit-03.json"] = b"role" * version
            yield
            for unit in UNITS:
                name = f"repository/units/{unit}/metadata/{version}.snapshot.json"
                self.held[name] = snapshot(version)
                yield
            self.held[f"repository/targets/units/{version}.bundle.json"] = b"manifest" * version
            yield
            for unit in UNITS:
                self.held[f"repository/units/{unit}/metadata/timestamp.json"] = stamp(version)
                yield
            for name in [one for one in self.held if not one.endswith(LASTING)]:
                if int(name.rpartition("/")[2].partition(".")[0]) <= version - KEPT_VERSIONS:
                    del self.held[name]

    def _asked(self):
        with self._lock:
            for _ in range(next(self._pace, 0)):
                next(self._steps)
            return dict(self.held)

    def listed(self, under):
        held = self._asked()
        return {name: (str(hash(data)), len(data)) for name, data in held.items() if under in name}

    def whole(self, name, length_max):
        held = self._asked()
        if name not in held:
            raise FileNotFoundError(name)
        assert len(held[name]) <= length_max
        return held[name]


class Blobs:
    """Hold a bucket, as the hub's blobs do."""

    def __init__(self, bucket):
        self.bucket = bucket


def check_whole(root):
    """See that every view that is shown has its snapshot and its role file."""
    versions = []
    for unit in UNITS:
        folder = root / "units" / unit / "metadata"
        if (folder / "timestamp.json").exists():
            version = json.loads((folder / "timestamp.json").read_bytes())["signed"]["version"]
            assert (folder / f"{version}.snapshot.json").read_bytes() == snapshot(version)
            assert (root / "targets" / "units" / f"{version}.bundle.json").exists()
            assert (root / "metadata" / f"{version}.unit-03.json").read_bytes() == b"role" * version
            versions.append(version)
    return versions


@settings(deadline=None)
@given(pace=st.lists(st.integers(0, 12), max_size=40), looks=st.integers(1, 12))
def test_a_view_that_is_shown_is_whole_however_much_is_published_meanwhile(pace, looks):
    root = Path(tempfile.mkdtemp())
    try:
        publisher, before = Publisher(pace), []
        follower = Follower(root, Blobs(publisher), lambda: None)
        for _ in range(looks):
            follower.look()
            now = check_whole(root)
            assert all(new >= old for new, old in zip(now, before, strict=False))
            before = now
        # Once nothing is published any more, the newest is here and what was pruned is gone.
        publisher._pace = iter(())
        while follower.look():
            check_whole(root)
        newest = [
            json.loads(publisher.held[f"repository/units/{unit}/metadata/timestamp.json"])
            for unit in UNITS
        ]
        assert check_whole(root) == [one["signed"]["version"] for one in newest]
        here = {f"repository/{one.relative_to(root)}" for one in root.rglob("*.json")}
        assert here == set(publisher.held) and follower.behind() == 0
    finally:
        shutil.rmtree(root)


def test_what_a_bucket_lost_or_has_yet_to_get_stays_here(tmp_path, caplog):
    publisher = Publisher([])
    follower = Follower(tmp_path, Blobs(publisher), lambda: None)
    assert follower.look() == 7 and follower.look() == 0
    whole, here = dict(publisher.held), set(tmp_path.rglob("*.json"))
    old = "repository/units/03.a/metadata/"
    behind = {**whole, f"{old}timestamp.json": stamp(0), f"{old}0.snapshot.json": snapshot(0)}
    behind["repository/metadata/0.unit-03.json"] = b""
    del behind[f"{old}1.snapshot.json"]
    for held in (
        {},
        {name: data for name, data in whole.items() if "timestamp" not in name},
        # A bucket that is behind the copy which this folder was made of.
        behind,
        {**whole, f"{old}timestamp.json": b"{}"},
    ):
        publisher.held = held
        follower.look()
        assert here <= set(tmp_path.rglob("*.json")) and check_whole(tmp_path) == [1, 1]
    assert "is not newer than the one here" in caplog.text
    publisher.held = whole
    assert follower.look() == 0


def test_a_view_that_was_pruned_before_it_came_is_not_shown(tmp_path):
    # Both timestamps are read, then much is published before the bucket is listed again.
    publisher = Publisher([0, 0, 0, 100])
    follower = Follower(tmp_path, Blobs(publisher), lambda: None)
    follower.look()
    assert check_whole(tmp_path) == []
    follower.look()
    (version,) = set(check_whole(tmp_path))
    assert version > KEPT_VERSIONS


def test_what_a_bucket_lists_and_never_gives_holds_up_nothing(tmp_path):
    publisher = Publisher([])
    whole = publisher.whole

    def odd(name, length_max):
        if "ghost" in name:
            raise FileNotFoundError(name)
        return whole(name, length_max)

    publisher.whole = odd
    publisher.held["repository/metadata/3.ghost.json"] = b"?"
    follower = Follower(tmp_path, Blobs(publisher), lambda: None)
    follower.look()
    assert check_whole(tmp_path) == [], "it may just have been pruned"
    follower.look()
    assert check_whole(tmp_path) == [1, 1] and follower.behind() == 1
