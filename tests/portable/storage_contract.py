"""What every storage adapter must do, as plain functions over an empty store."""

from protocols.errors import Fault


def _read(reader):
    if reader is None:
        return None
    pieces = []
    while True:
        piece = reader.read(7)
        if not piece:
            reader.close()
            return b"".join(pieces)
        pieces.append(piece)


def _put(store, name, data, staging="new"):
    writer = store.stage(staging)
    writer.write(data)
    writer.commit(name)


def _code(function, *arguments):
    try:
        function(*arguments)
    except Fault as fault:
        return fault.code
    return None


def check_absent(store):
    assert store.open("a/b") is None
    assert store.size("a/b") is None
    assert store.open_staged("a/b") is None
    assert store.names("a") == []
    assert store.names("") == []
    store.remove("a/b")
    store.discard("a/b")


def check_commit_makes_visible(store):
    writer = store.stage("new")
    assert writer.position == 0
    writer.write(b"first ")
    writer.write(b"second")
    assert writer.position == 12
    assert store.open("a/b") is None
    assert store.names("a") == [] and store.names("") == []
    writer.commit("a/b")
    assert _read(store.open("a/b")) == b"first second"
    assert store.size("a/b") == 12
    assert store.open_staged("new") is None


def check_commit_replaces(store):
    _put(store, "a/b", b"old, and longer")
    _put(store, "a/b", b"new")
    assert _read(store.open("a/b")) == b"new"
    assert store.names("a") == ["b"]


def check_reader_keeps_its_file(store):
    _put(store, "a", b"0123456789")
    reader = store.open("a")
    assert reader.read(4) == b"0123"
    _put(store, "a", b"other")
    assert reader.read(99) == b"456789"
    assert reader.read(1) == b""
    reader.seek(2)
    assert reader.read(3) == b"234"
    reader.close()


def check_stage_resumes(store):
    writer = store.stage("part/one")
    writer.write(b"abc")
    writer.flush()
    writer.close()
    writer = store.stage("part/one", True)
    assert writer.position == 3
    writer.write(b"def")
    writer.close()
    assert _read(store.open_staged("part/one")) == b"abcdef"
    store.stage("part/one", True).commit("whole")
    assert _read(store.open("whole")) == b"abcdef"


def check_staged_names(store):
    assert store.staged_names() == []
    for name in ("two", "one", "part/three"):
        writer = store.stage(name)
        writer.write(b"abc")
        writer.close()
    assert store.staged_names() == ["one", "two"]
    store.stage("one", True).commit("whole")
    store.discard("two")
    assert store.staged_names() == []


def check_stage_starts_over(store):
    writer = store.stage("x")
    writer.write(b"abc")
    writer.close()
    writer = store.stage("x")
    assert writer.position == 0
    writer.close()
    assert _read(store.open_staged("x")) == b""
    store.discard("x")
    assert store.open_staged("x") is None


def check_names_and_remove(store):
    for name in ("z", "a", "m"):
        _put(store, "f/" + name, b"1")
    _put(store, "top.json", b"2")
    store.stage("f/hidden").close()
    assert store.names("f") == ["a", "m", "z"]
    assert store.names("") == ["top.json"]
    store.remove("f/m")
    assert store.names("f") == ["a", "z"]
    assert store.open("f/m") is None


def check_preallocate_and_patch(store):
    store.preallocate("log/1", 1000)
    assert store.size("log/1") == 1000
    assert _read(store.open("log/1")) == bytes(1000)
    store.patch("log/1", 990, b"0123456789")
    store.patch("log/1", 0, b"ab")
    assert _read(store.open("log/1")) == b"ab" + bytes(988) + b"0123456789"
    assert _code(store.patch, "log/1", 991, b"0123456789") == "storage.range"
    assert _code(store.patch, "log/1", -1, b"0") == "storage.range"
    assert _code(store.patch, "log/2", 0, b"0") == "storage.range"
    assert store.size("log/1") == 1000


def check_bad_names(store):
    bad = ["", "/", "a/", "/a", "a/b/c", ".", "..", "../a", "a/..", ".staged", ".staged/x"]
    bad += ["a b", "a\x00", "a\nb", "\u0111", "a\\b", "n" * 241]
    for name in bad:
        assert _code(store.open, name) == "storage.name", name
        assert _code(store.open_staged, name) == "storage.name", name
        assert _code(store.stage, name) == "storage.name", name
        assert _code(store.remove, name) == "storage.name", name
        assert _code(store.discard, name) == "storage.name", name
        assert _code(store.size, name) == "storage.name", name
        writer = store.stage("fine")
        assert _code(writer.commit, name) == "storage.name", name
        writer.close()
    _put(store, "..%2Fx.json", b"1")
    _put(store, "n" * 236, b"1")
    assert store.names("") == ["..%2Fx.json", "n" * 236]


def check_free_bytes(store):
    before = store.free_bytes()
    assert before > 0
    _put(store, "big", bytes(30000))
    assert store.size("big") == 30000


def check_wipe(store):
    for name in ("a/one", "a/two", "b/one", "alone"):
        _put(store, name, b"data")
    writer = store.stage("half")
    writer.write(b"x")
    writer.flush()
    writer.close()
    assert store.wipe(("a/two", "b/")) == 0
    assert (store.names("a"), store.names("b"), store.names("")) == (["two"], ["one"], [])
    assert store.open_staged("half") is None
    assert store.wipe(()) == 0
    assert store.names("a") + store.names("b") == []


CHECKS = (
    check_absent,
    check_commit_makes_visible,
    check_commit_replaces,
    check_reader_keeps_its_file,
    check_stage_resumes,
    check_staged_names,
    check_stage_starts_over,
    check_names_and_remove,
    check_preallocate_and_patch,
    check_bad_names,
    check_free_bytes,
    check_wipe,
)
