"""The kernel's watchdog device: what it is told. A real one bites in `make lab` only."""

import os

import pytest

from hw.linux.devices import watchdog
from protocols.errors import LocalFault, WorldFault


def made(path, **fields):
    return watchdog({"kind": "kernel", "path": str(path), **fields})


def test_food_is_no_v_and_leave_is_taken_with_one(tmp_path):
    """A file stands in: it takes bytes, and knows no timeout."""
    path = tmp_path / "watchdog"
    path.write_bytes(b"")
    dog = made(path)
    assert dog.open() == 5000 and dog.open() == 5000
    dog.feed()
    assert b"V" not in path.read_bytes()
    dog.feed()
    dog.close()
    dog.close()
    assert path.read_bytes() == b"\0\0V"


def test_a_device_that_is_not_there_or_forbidden_or_no_watchdog(tmp_path):
    with pytest.raises(WorldFault) as caught:
        made(tmp_path / "none").open()
    assert caught.value.code == "watchdog.missing" and not os.listdir(tmp_path)
    dog = made("/dev/full")
    dog.open()
    with pytest.raises(WorldFault) as caught:
        dog.feed()
    assert caught.value.code == "watchdog.lost"
    dog.close()


@pytest.mark.parametrize("fields", [{"timeout_s": 4}, {"timeout_s": 601}, {"path": ""}])
def test_settings_have_bounds(tmp_path, fields):
    with pytest.raises(LocalFault) as caught:
        watchdog({"kind": "kernel", **fields})
    assert caught.value.code == "config.watchdog"
