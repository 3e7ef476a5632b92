"""The node's own key on Linux: made once, private, durable, and never mistaken for another."""

import os
import stat
import subprocess
import sys

import pytest

from hw.linux.entropy import Entropy
from hw.linux.identity import Identity
from hw.sim.entropy import Entropy as SimEntropy
from protocols import ed25519
from protocols.errors import LocalFault, WorldFault


@pytest.fixture
def path(tmp_path) -> str:
    return str(tmp_path / "identity.key")


def test_key_is_made_once_and_stays(path: str) -> None:
    first = Identity(path, Entropy())
    again = Identity(path, Entropy())
    assert first.public_key() == again.public_key() and len(first.public_key()) == 32
    signature = again.sign(b"record")
    assert ed25519.verify(first.public_key(), signature, [b"record"])
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert os.listdir(os.path.dirname(path)) == ["identity.key"]


def test_key_comes_from_the_entropy_port(path: str) -> None:
    seed = SimEntropy(b"seed").random_bytes(32)
    assert Identity(path, SimEntropy(b"seed")).public_key() == ed25519.public(seed)


def test_two_nodes_have_two_keys(tmp_path) -> None:
    made = {Identity(str(tmp_path / str(i)), Entropy()).public_key() for i in range(5)}
    assert len(made) == 5


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o601])
def test_open_file_is_refused(path: str, mode: int) -> None:
    Identity(path, Entropy())
    os.chmod(path, mode)
    with pytest.raises(LocalFault) as caught:
        Identity(path, Entropy())
    assert caught.value.code == "identity.exposed"


def test_umask_does_not_open_the_file(path: str) -> None:
    before = os.umask(0)
    try:
        Identity(path, Entropy())
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 63])
def test_cut_file_is_damage_and_is_kept(path: str, size: int) -> None:
    Identity(path, Entropy())
    with open(path, "r+b") as file:
        file.truncate(size)
    with pytest.raises(WorldFault) as caught:
        Identity(path, Entropy())
    assert caught.value.code == "identity.damaged"
    assert os.path.getsize(path) == size


@pytest.mark.parametrize("at", [0, 31, 32, 63])
def test_one_flipped_bit_is_damage(path: str, at: int) -> None:
    Identity(path, Entropy())
    with open(path, "r+b") as file:
        content = bytearray(file.read())
        content[at] ^= 4
        file.seek(0)
        file.write(content)
    with pytest.raises(WorldFault) as caught:
        Identity(path, Entropy())
    assert caught.value.code == "identity.damaged"


def test_longer_file_is_damage(path: str) -> None:
    Identity(path, Entropy())
    with open(path, "ab") as file:
        file.write(b"\0")
    with pytest.raises(WorldFault):
        Identity(path, Entropy())


def test_draft_of_a_crash_is_replaced(path: str) -> None:
    with open(path + ".new", "wb") as file:
        file.write(b"half a key")
    identity = Identity(path, Entropy())
    assert Identity(path, Entropy()).public_key() == identity.public_key()
    assert not os.path.exists(path + ".new")


def test_no_folder_is_said_plainly(tmp_path) -> None:
    with pytest.raises(WorldFault) as caught:
        Identity(str(tmp_path / "missing" / "identity.key"), Entropy())
    assert caught.value.code == "identity.unwritable"


def test_kill_at_any_system_call_leaves_no_key_or_a_whole_one(path: str) -> None:
    """End the process before each call that touches the file, then start again."""
    script = (
        "import os, sys\n"
        "left = [int(sys.argv[2])]\n"
        "def cut(function):\n"
        "    def call(*words, **names):\n"
        "        left[0] -= 1\n"
        "        if left[0] < 0:\n"
        "            os._exit(9)\n"
        "        return function(*words, **names)\n"
        "    return call\n"
        "for name in ('open', 'fdopen', 'fsync', 'rename', 'unlink'):\n"
        "    setattr(os, name, cut(getattr(os, name)))\n"
        "from hw.linux.entropy import Entropy\n"
        "from hw.linux.identity import Identity\n"
        "print(Identity(sys.argv[1], Entropy()).public_key().hex())\n"
    )
    codes = []
    for calls in range(12):
        command = [sys.executable, "-c", script, path, str(calls)]
        codes.append(subprocess.run(command, capture_output=True).returncode)
        if os.path.exists(path):
            key = Identity(path, Entropy()).public_key()
            assert Identity(path, Entropy()).public_key() == key
            os.unlink(path)
    assert codes[0] == 9 and codes[-1] == 0 and codes.count(9) >= 5


def test_a_destroyed_key_is_overwritten_and_signs_no_more(tmp_path, monkeypatch):
    path = tmp_path / "identity.key"
    identity = Identity(str(path), Entropy())
    seen = []
    unlink = os.unlink
    monkeypatch.setattr(os, "unlink", lambda name: (seen.append(path.read_bytes()), unlink(name)))
    identity.forget()
    assert seen == [bytes(64)] and not path.exists()
    with pytest.raises(LocalFault, match="destroyed"):
        identity.sign(b"x")
    identity.forget()
