"""A replaced file is told at once, by its folder."""

import asyncio
import os
from pathlib import Path

import pytest

from hub.file_watch import FileWatch


@pytest.fixture
async def watch():
    told = asyncio.Queue()
    one = FileWatch(told.put_nowait)
    one.told = told
    yield one
    one.close()
    one.close()


async def test_files_written_and_moved_there_are_told_by_their_folder(watch, tmp_path):
    folders = [tmp_path / name for name in ("một", "hai")]
    for folder in folders:
        folder.mkdir()
        assert watch.add(folder)
    (folders[1] / "draft").write_text("a")
    assert await asyncio.wait_for(watch.told.get(), 3) == folders[1]
    (tmp_path / "elsewhere").write_text("b")
    os.replace(tmp_path / "elsewhere", folders[0] / "file")
    assert await asyncio.wait_for(watch.told.get(), 3) == folders[0]
    for number in range(500):
        (folders[0] / "file").write_text(str(number))
    assert await asyncio.wait_for(watch.told.get(), 3) == folders[0]
    while not watch.told.empty():
        assert watch.told.get_nowait() == folders[0]


async def test_a_folder_no_longer_watched_is_not_told(watch, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    watch.add(tmp_path / "a")
    watch.add(tmp_path / "b")
    watch.remove(tmp_path / "a")
    watch.remove(tmp_path / "a")
    (tmp_path / "a" / "x").write_text("1")
    (tmp_path / "b" / "x").write_text("1")
    assert await asyncio.wait_for(watch.told.get(), 3) == tmp_path / "b"
    assert watch.told.empty()


async def test_a_folder_that_is_none_and_one_that_goes_break_nothing(watch, tmp_path):
    assert not watch.add(tmp_path / "none")
    (tmp_path / "file").write_text("1")
    assert not watch.add(tmp_path / "file")
    (tmp_path / "a").mkdir()
    assert watch.add(tmp_path / "a")
    (tmp_path / "a").rmdir()
    await asyncio.sleep(0.05)
    watch.remove(tmp_path / "a")


async def test_a_flood_that_the_kernel_cut_off_means_look_everywhere(watch, tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    watch.add(tmp_path / "a")
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    one, other = tmp_path / "a" / "x", tmp_path / "a" / "y"
    one.write_text("1")
    # Not read in between: the loop is held up.
    for _ in range(most // 2 + 2):
        os.rename(one, other)
        os.rename(other, one)
    told = [await asyncio.wait_for(watch.told.get(), 3)]
    while None not in told:
        told.append(await asyncio.wait_for(watch.told.get(), 3))
