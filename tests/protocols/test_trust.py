"""The client's state machine: its table, its order, its view fields, driven by hand."""

import io
import json

import pytest

from hw.linux.verifier import Verifier
from protocols import trust
from protocols.errors import LocalFault, RemoteFault
from protocols.limits import METADATA_BYTES_MAX, ROOT_BYTES_MAX, TIMESTAMP_BYTES_MAX
from protocols.trust import MOVES, Trust
from tests.edge.repository import NOW, Repository, days

NOW_S = int(NOW.timestamp())
STATES = sorted({state for state, _ in MOVES} | set(MOVES.values()))
TRIGGERS = sorted({trigger for _, trigger in MOVES})


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_listed_pairs_move_and_all_others_raise_and_change_nothing(state, trigger):
    session = Trust(Verifier(), NOW_S)
    session.state = state
    if (state, trigger) in MOVES:
        session._move(trigger)
        assert session.state == MOVES[state, trigger]
        return
    with pytest.raises(LocalFault) as caught:
        session._move(trigger)
    assert caught.value.code == "trust.order"
    assert session.state == state


def test_every_state_is_reached_and_left():
    assert {state for state, _ in MOVES} == set(STATES) - {"failed"}
    assert set(trust._JUDGES) == set(STATES) - {"failed", "ready"}


def step(session, repository, cached=None):
    """Serve one wanted file; return its name, or None at the end."""
    want = session.wanted()
    if want is None:
        return None
    if want.source is None:
        data = (cached or {}).get(want.file, 404)
    else:
        data = repository.files.get("metadata/" + want.source, 404)
    if data == 404:
        session.absent()
        return want.source or want.file
    verdict = session.offer(io.BytesIO(data))
    if cached is not None:
        for name in verdict.drop:
            cached.pop(name, None)
        if verdict.keep:
            cached[want.file] = data
    return want.source or want.file


def run(session, repository, cached):
    names = []
    while True:
        name = step(session, repository, cached)
        if name is None:
            return names
        names.append(name)


@pytest.fixture
def repository():
    return Repository()


@pytest.fixture
def cached(repository):
    return {"root.json": repository.files["metadata/1.root.json"]}


def test_files_are_wanted_in_order_with_their_limits(repository, cached):
    repository.hashes = True
    repository.publish("targets", "snapshot", "timestamp")
    session = Trust(Verifier(), NOW_S)
    wants = []
    while session.wanted() is not None:
        wants.append(tuple(session.wanted()))
        step(session, repository, cached)
    sizes = {
        role: len(repository.files[f"metadata/2.{role}.json"]) for role in ("snapshot", "targets")
    }
    assert wants == [
        ("root", "root.json", None, ROOT_BYTES_MAX),
        ("root", "root.json", "2.root.json", ROOT_BYTES_MAX),
        ("timestamp", "timestamp.json", None, TIMESTAMP_BYTES_MAX),
        ("timestamp", "timestamp.json", "timestamp.json", TIMESTAMP_BYTES_MAX),
        ("snapshot", "snapshot.json", None, sizes["snapshot"]),
        ("snapshot", "snapshot.json", "2.snapshot.json", sizes["snapshot"]),
        ("targets", "targets.json", None, sizes["targets"]),
        ("targets", "targets.json", "2.targets.json", sizes["targets"]),
    ]
    assert session.state == "ready"
    assert METADATA_BYTES_MAX > max(sizes.values())


def test_calls_out_of_turn_change_nothing(repository, cached):
    session = Trust(Verifier(), NOW_S)
    while True:
        state = session.state
        calls = [lambda: session.search("x")] if state != "ready" else []
        calls += [session.unchanged]
        if state == "ready":
            calls += [session.absent, lambda: session.offer(io.BytesIO(b""))]
        for call in calls:
            with pytest.raises(LocalFault) as caught:
                call()
            assert caught.value.code == "trust.order"
            assert session.state == state
        if step(session, repository, cached) is None:
            break
    assert state == "ready"


def test_after_a_failure_nothing_is_wanted_or_taken(repository, cached):
    repository.files["metadata/timestamp.json"] = b"{}"
    session = Trust(Verifier(), NOW_S)
    with pytest.raises(RemoteFault):
        run(session, repository, cached)
    assert session.state == "failed"
    assert session.wanted() is None
    for call in (session.absent, session.unchanged, lambda: session.offer(io.BytesIO(b""))):
        with pytest.raises(LocalFault):
            call()
    with pytest.raises(LocalFault):
        session.search("x")


def test_a_failed_search_leaves_other_targets_to_be_found(repository, cached):
    repository.delegate("targets", "A", ["a/*"])
    repository.delegate("targets", "B", ["b/*"])
    repository.add_target("B", "b/x", b"1")
    repository.publish_targets("targets", "A", "B")
    repository.files["metadata/1.A.json"] = b"{}"
    session = Trust(Verifier(), NOW_S)
    run(session, repository, cached)
    session.search("a/x")
    with pytest.raises(RemoteFault):
        run(session, repository, cached)
    assert session.state == "ready"
    session.search("b/x")
    run(session, repository, cached)
    assert session.target.path == "b/x"


def test_a_search_that_a_lost_link_left_is_begun_anew(repository, cached):
    repository.delegate("targets", "A")
    repository.add_target("A", "x", b"1")
    repository.publish_targets("targets", "A")
    session = Trust(Verifier(), NOW_S)
    run(session, repository, cached)
    for stop_at in ("targets.json", "A.json", "1.A.json"):
        session.search("x")
        while session.wanted() is not None and session.wanted().file != stop_at:
            step(session, repository, cached)
    session.search("x")
    run(session, repository, cached)
    assert session.target.length == 1


def test_an_answer_304_keeps_the_cached_timestamp_while_it_is_fresh(repository, cached):
    run(Trust(Verifier(), NOW_S), repository, cached)
    for now_s, fresh in ((NOW_S, True), (int(days(30).timestamp()), False)):
        repository.root.expires = repository.snapshot.expires = days(60)
        session = Trust(Verifier(), now_s)
        session.root = None
        cached["root.json"] = repository.bytes_of("root")
        while session.state != "timestamp":
            step(session, repository, cached)
        if fresh:
            session.unchanged()
            assert run(session, repository, cached) == ["snapshot.json", "targets.json"]
            continue
        with pytest.raises(RemoteFault) as caught:
            session.unchanged()
        assert (caught.value.code, session.state) == ("trust.expired", "failed")


class Counting(Verifier):
    """Count the signatures verified."""

    count = 0

    def verify(self, scheme, public, signature, message):
        self.count += 1
        return super().verify(scheme, public, signature, message)


def test_a_file_costs_its_signatures_once_in_a_cycle(repository, cached):
    repository.delegate("targets", "A", ["*"])
    for path in "xyz":
        repository.add_target("A", path, b"1")
    repository.publish_targets("targets", "A")
    run(Trust(Verifier(), NOW_S), repository, cached)
    verifier = Counting()
    session = Trust(verifier, NOW_S)
    run(session, repository, cached)
    # Root, timestamp (cached and served are the same), snapshot, targets.
    assert verifier.count == 4
    for path in "xyz":
        session.search(path)
        run(session, repository, cached)
        assert session.target.path == path
    assert verifier.count == 5


def test_no_more_signatures_are_verified_than_are_needed(repository, cached):
    for _ in range(4):
        repository.add_key("timestamp")
    repository.root.roles["timestamp"].threshold = 2
    repository.publish("root", "timestamp")
    verifier = Counting()
    session = Trust(verifier, NOW_S)
    while session.state != "timestamp":
        step(session, repository, cached)
    before = verifier.count
    step(session, repository, cached)
    assert verifier.count - before == 2


def test_a_heap_that_is_full_ends_the_cycle(repository, cached):
    class Full:
        def read(self, count):
            raise MemoryError

    for stop_at in ("old timestamp", "timestamp", "old snapshot", "old targets"):
        session = Trust(Verifier(), NOW_S)
        while session.state != stop_at:
            step(session, repository, cached)
        with pytest.raises(RemoteFault) as caught:
            session.offer(Full())
        assert (caught.value.code, session.state) == ("trust.memory", "failed")
        run(Trust(Verifier(), NOW_S), repository, cached)


# The view of one unit.


def view(repository, unit="03.k7f2", issued_s=NOW_S - 60):
    for role in ("timestamp", "snapshot"):
        fields = repository.signed[role].unrecognized_fields
        fields.pop("x-unit", None)
        fields.pop("x-issued", None)
        if unit is not None:
            fields["x-unit"] = unit
        if issued_s is not None:
            fields["x-issued"] = issued_s
    repository.publish("snapshot", "timestamp")


def test_our_own_view_is_taken_and_tells_its_time(repository, cached):
    view(repository)
    session = Trust(Verifier(), NOW_S, "03.k7f2")
    run(session, repository, cached)
    assert (session.state, session.issued_s, session.now_s) == ("ready", NOW_S - 60, NOW_S)


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_the_view_of_another_unit_is_refused_before_it_is_stored(repository, cached, role):
    view(repository)
    repository.signed[role].unrecognized_fields["x-unit"] = "03.aaaa"
    repository.publish(*(["snapshot", "timestamp"] if role == "snapshot" else ["timestamp"]))
    session = Trust(Verifier(), NOW_S, "03.k7f2")
    with pytest.raises(RemoteFault) as caught:
        run(session, repository, cached)
    assert caught.value.code == "trust.wrong_view"
    assert role + ".json" not in cached
    stock = Trust(Verifier(), NOW_S)
    run(stock, repository, cached)
    assert (stock.state, stock.issued_s) == ("ready", 0)


@pytest.mark.parametrize(
    ("unit", "issued_s"),
    [
        (None, 1_790_000_000),
        ("03.k7f2", None),
        (3, 1_790_000_000),
        ("03.k7f2", "1"),
        ("03.k7f2", True),
        ("03.k7f2", -1),
    ],
)
def test_a_node_that_knows_its_unit_insists_on_both_fields(repository, cached, unit, issued_s):
    view(repository, unit, issued_s)
    session = Trust(Verifier(), NOW_S, "03.k7f2")
    with pytest.raises(RemoteFault) as caught:
        run(session, repository, cached)
    assert caught.value.code == "trust.format"
    run(Trust(Verifier(), NOW_S), repository, cached)


def test_a_clock_that_is_behind_follows_the_signed_time(repository, cached):
    view(repository, issued_s=NOW_S)
    session = Trust(Verifier(), NOW_S - 86400 * 900, "03.k7f2")
    run(session, repository, cached)
    assert session.now_s == NOW_S == session.issued_s
    # A role that had expired when the timestamp was issued is expired, whatever the clock says.
    repository.targets.expires = days(-1)
    repository.publish("targets")
    view(repository, issued_s=NOW_S)
    behind = Trust(Verifier(), NOW_S - 86400 * 900, "03.k7f2")
    with pytest.raises(RemoteFault) as caught:
        run(behind, repository, cached)
    assert caught.value.code == "trust.expired"


def test_a_node_moves_to_another_unit(repository, cached):
    repository.delegate("targets", "unit-a")
    repository.delegate("targets", "unit-b")
    repository.publish("targets", "unit-a", "unit-b")
    other = repository.snapshot.meta.pop("unit-b.json")
    view(repository, "03.a")
    run(Trust(Verifier(), NOW_S, "03.a"), repository, cached)
    listed = repository.snapshot.meta.pop("unit-a.json")
    repository.snapshot.meta["unit-b.json"] = other
    # The two views may carry one version: it is counted for the whole province.
    repository.timestamp.version -= 1
    view(repository, "03.b")
    moved = Trust(Verifier(), NOW_S, "03.b")
    run(moved, repository, cached)
    assert moved.state == "ready"
    assert json.loads(cached["timestamp.json"])["signed"]["x-unit"] == "03.b"
    # But no role may be older in the new view, and in the same view none may go.
    repository.snapshot.meta["unit-a.json"] = listed
    del repository.snapshot.meta["unit-b.json"]
    repository.snapshot.meta["targets.json"].version = 1
    view(repository, "03.a")
    with pytest.raises(RemoteFault) as caught:
        run(Trust(Verifier(), NOW_S, "03.a"), repository, cached)
    assert caught.value.code == "trust.rollback"


def test_rotation_of_an_online_key_takes_its_word_on_the_time(repository, cached):
    session = Trust(Verifier(), NOW_S, None, NOW_S - 5)
    run(session, repository, cached)
    assert session.now_s >= NOW_S
    repository.rotate("timestamp")
    repository.publish("root", "timestamp")
    session = Trust(Verifier(), NOW_S, None, NOW_S - 5)
    run(session, repository, cached)
    assert session.now_s == NOW_S - 5


def test_every_refusal_has_a_remedy():
    from protocols.trust_checks import REMEDIES, refusal

    for code in REMEDIES:
        assert refusal(code, "x" * 500).remedy and len(refusal(code, "x" * 500).message) <= 200
