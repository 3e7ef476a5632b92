"""One contract over every storage adapter, and a power cut at every call of the simulated one."""

import errno
import os

import pytest

from hw.linux.slot_files import SlotFiles as LinuxSlotFiles
from hw.linux.storage import Storage as LinuxStorage
from hw.micropython.slot_files import SlotFiles as MicroPythonSlotFiles
from hw.micropython.storage import Storage as MicroPythonStorage
from hw.sim.slot_files import SlotFiles as SimSlotFiles
from hw.sim.storage import PowerCut
from hw.sim.storage import Storage as SimStorage
from hw.slot_storage import Storage as SlotStorage
from protocols.errors import LocalFault, WorldFault
from tests.portable.storage_contract import CHECKS

ADAPTERS = {
    "linux": lambda path: LinuxStorage(str(path)),
    "linux-apart": lambda path: LinuxStorage(str(path / "root"), str(path / "staging")),
    "micropython": lambda path: MicroPythonStorage(str(path)),
    "sim": lambda path: SimStorage(),
    "linux-slots": lambda path: SlotStorage(LinuxSlotFiles(str(path / "slots"))),
    "micropython-slots": lambda path: SlotStorage(MicroPythonSlotFiles(str(path / "slots"))),
    "sim-slots": lambda path: SlotStorage(SimSlotFiles()),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_contract(adapter, check, tmp_path):
    (tmp_path / "root").mkdir()
    store = ADAPTERS[adapter](tmp_path)
    if adapter in ("linux", "micropython"):
        (tmp_path / "root").rmdir()
    check(store)


@pytest.mark.parametrize("adapter", ["linux", "micropython", "linux-slots", "micropython-slots"])
def test_files_survive_a_new_adapter(adapter, tmp_path):
    store = ADAPTERS[adapter](tmp_path)
    writer = store.stage("one")
    writer.write(b"data")
    writer.flush()
    writer.close()
    again = ADAPTERS[adapter](tmp_path)
    again.stage("one", resume=True).commit("f/one")
    reader = ADAPTERS[adapter](tmp_path).open("f/one")
    assert reader.read(9) == b"data"
    reader.close()


def test_linux_commit_syncs_file_before_rename_and_folder_after(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "rename"):
        real = getattr(os, name)

        def spy(*arguments, name=name, real=real):
            target = arguments[0]
            folder = isinstance(target, int) and os.path.isdir(f"/proc/self/fd/{target}")
            calls.append(name + (" folder" if folder else ""))
            return real(*arguments)

        monkeypatch.setattr(os, name, spy)
    writer = LinuxStorage(str(tmp_path)).stage("x")
    writer.write(b"1")
    writer.commit("y")
    assert calls == ["fsync", "rename", "fsync folder"]


def test_linux_resumes_before_a_hole_that_a_power_cut_left(tmp_path):
    store = LinuxStorage(str(tmp_path))
    writer = store.stage("x")
    writer.write(b"1" * 8192)
    writer.close()
    # On disk stands the size of a later write whose blocks were never filled.
    os.truncate(store.staged_path("x"), 20000)
    writer = store.stage("x", resume=True)
    assert writer.position == 8192
    writer.write(b"2")
    writer.commit("y")
    reader = store.open("y")
    assert reader.read(9000) == b"1" * 8192 + b"2"
    reader.close()


@pytest.mark.parametrize(
    ("number", "fault", "code"),
    [
        (errno.ENOSPC, WorldFault, "storage.full"),
        (errno.EIO, WorldFault, "storage.io"),
        (errno.EXDEV, LocalFault, "storage.apart"),
    ],
)
def test_linux_names_the_fault_of_the_disk(number, fault, code, tmp_path, monkeypatch):
    def broken(*arguments):
        raise OSError(number, os.strerror(number))

    store = LinuxStorage(str(tmp_path))
    writer = store.stage("x")
    writer.write(b"1")
    monkeypatch.setattr(os, "rename", broken)
    with pytest.raises(fault) as caught:
        writer.commit("y")
    assert caught.value.code == code
    assert store.open("y") is None


def test_sim_storage_is_full_at_its_capacity():
    store = SimStorage(capacity_bytes=10)
    writer = store.stage("x")
    writer.write(b"12345678")
    with pytest.raises(WorldFault) as caught:
        writer.write(b"abc")
    assert caught.value.code == "storage.full"
    writer.commit("x")
    assert store.free_bytes() == 2


OLD, NEW = b"old" * 100, b"new" * 70


def _story(store):
    """Replace a file, in pieces; then patch a log."""
    writer = store.stage("part", resume=True)
    if writer.position == 0:
        writer.write(NEW[:50])
        writer.flush()
    writer.write(NEW[writer.position :])
    writer.commit("file")
    store.patch("log", 4, b"abcd")
    store.remove("gone")


@pytest.mark.parametrize("survive_percent", [0, 30, 100])
def test_sim_power_cut_at_every_call(survive_percent):
    cut_at = 0
    while True:
        cut_at += 1
        store = SimStorage()
        store.files = {"file": OLD, "log": bytes(8), "gone": b"1"}
        store.cut_at = cut_at
        store.survive_percent = survive_percent
        try:
            _story(store)
        except PowerCut:
            with pytest.raises(PowerCut):
                store.remove("file")
            store.reboot()
            assert store.files["file"] in (OLD, NEW)
            assert NEW.startswith(bytes(store.staged.get("part", b"")))
            assert store.files["log"][:4] == bytes(4)
            assert b"abcd".startswith(store.files["log"][4:].rstrip(b"\0"))
            _story(store)
        else:
            assert cut_at > 7
            break
    assert store.files == {"file": NEW, "log": bytes(4) + b"abcd"}


def test_files_are_the_nodes_own(tmp_path):
    store = LinuxStorage(str(tmp_path / "root"))
    for name, visible in (("a", "provision/config.json"), ("b", "root.json")):
        writer = store.stage(name)
        writer.write(b"PIN")
        staged = store.staged_path(name)
        assert os.stat(staged).st_mode & 0o777 == 0o600
        writer.commit(visible)
        assert os.stat(tmp_path / "root" / visible).st_mode & 0o777 == 0o600
