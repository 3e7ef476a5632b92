"""Images are installed whole or not at all, tried, and rolled back, whatever call loses power."""

import asyncio

import pytest

from hw.linux import chooser
from hw.sim.storage import PowerCut, Reader
from protocols import image
from protocols.errors import RemoteFault
from tests.edge.image_world import Board, agent, describe, pack
from tests.edge.power_rigs import every_cut


def install(board, version, files=None, count=None):
    files = agent(version) if files is None else files
    data = pack(files)
    wanted = describe(data, version, files)
    wanted = wanted._replace(files=count or wanted.files)
    asyncio.run(board.images().install(wanted, Reader(data)))


def test_an_image_is_tried_and_stays():
    board = Board()
    assert board.boot() == ""
    install(board, 5)
    assert board.images().version() == 0 and not board.images().is_trial()
    assert board.boot() == "a" and board.holds("a") == agent(5)
    images = board.images()
    assert images.is_trial() and images.version() == 5
    images.confirm()
    assert board.boot() == "a" and not board.images().is_trial()
    install(board, 6)
    assert board.boot() == "b" and board.holds("a") == agent(5) and board.holds("b") == agent(6)
    board.images().confirm()
    install(board, 7)
    assert board.boot() == "a" and board.holds("a") == agent(7)


def test_an_image_that_never_confirms_is_rolled_back_and_told():
    board = Board()
    install(board, 5)
    board.boot()
    board.images().confirm()
    install(board, 6)
    assert [board.boot() for _ in range(chooser.BOOTS_MAX + 2)] == ["b", "b", "b", "a", "a"]
    choice = board.images().choice
    assert (choice.slot, choice.version, choice.failed, choice.trial) == ("a", 5, 6, "")
    install(board, 7)
    assert board.boot() == "b" and board.images().version() == 7


@pytest.mark.parametrize(
    ("files", "count", "code"),
    [
        ({"etc/passwd": b"x"}, None, "image.path"),
        ({"edge/a/b/c.py": b"x"}, None, "image.path"),
        ({"edge": b"x"}, None, "image.path"),
        ({"edge/main.py": b"x"}, 2, "image.files"),
    ],
)
def test_what_is_no_image_is_refused_and_what_ran_runs_on(files, count, code):
    board = Board()
    install(board, 5)
    board.boot()
    board.images().confirm()
    with pytest.raises(RemoteFault) as raised:
        install(board, 6, files, count)
    assert raised.value.code == code
    assert board.boot() == "a" and board.holds("a") == agent(5)


def test_a_cut_tar_and_rotten_flash_are_refused():
    board = Board()
    data = pack(agent(5))
    wanted = describe(data, 5, agent(5))
    with pytest.raises(RemoteFault, match="ends before"):
        asyncio.run(board.images().install(wanted, Reader(data[:-600])))
    images = board.images()
    images._digest = lambda slot, path: b"rotten"
    with pytest.raises(RemoteFault, match="not stored whole"):
        asyncio.run(images.install(wanted, Reader(data)))
    assert board.boot() == ""


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b'{"slot":"c"}', b'{"boots":-1}'])
def test_a_damaged_choice_is_the_boards_own_image(record):
    board = Board()
    board.disk.files["choice.json"] = record
    assert board.images().choice == image.NOTHING


@pytest.mark.parametrize("rig", ["ext4-0", "ext4-40", "ext4-100"])
def test_power_may_go_at_any_call_of_installing_and_switching(rig):
    def prepare(disk):
        board = Board(disk)
        install(board, 5)
        board.boot()
        board.images().confirm()

    def act(disk, told):
        board = Board(disk)
        install(board, 6)
        told["installed"] = True
        assert board.boot() == "b"
        board.images().confirm()
        told["confirmed"] = True

    def check(disk, told):
        board = Board(disk)
        slot = board.boot()
        assert slot == "a" or told.get("installed") or board.images().is_trial()
        assert slot == "b" or not told.get("confirmed")
        # Whatever runs is whole.
        assert board.holds(slot) == agent(6 if slot == "b" else 5)
        if slot == "b":
            assert board.images().version() == 6
        # And the way on is open: the same image again, or what was begun.
        install(board, 7)
        assert board.holds(board.boot()) == agent(7)
        assert board.images().version() == 7

    assert every_cut(rig, prepare, act, check) >= 20


def test_a_cut_between_count_and_start_uses_up_a_try_and_no_more():
    board = Board()
    install(board, 5)
    board.disk.cut_at = board.disk.calls + 2
    with pytest.raises(PowerCut):
        board.boot()
    board.disk.reboot()
    board.disk.cut_at = None
    assert [board.boot() for _ in range(4)].count("a") in (2, 3)
    assert board.boot() == ""
