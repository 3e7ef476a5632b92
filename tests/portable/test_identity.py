"""The node's own key over the storage port, with the power cut at every storage call."""

from hw.micropython.entropy import Entropy
from hw.micropython.identity import Identity
from hw.sim.entropy import Entropy as SimEntropy
from hw.sim.storage import PowerCut, Storage
from protocols import ed25519
from protocols.errors import Fault, WorldFault

SEED = SimEntropy(b"seed").random_bytes(32)


def test_key_is_made_once_and_signs():
    storage = Storage()
    first = Identity(storage, SimEntropy(b"seed"))
    again = Identity(storage, SimEntropy(b"other"))
    assert first.public_key() == again.public_key() == ed25519.public(SEED)
    assert ed25519.verify(first.public_key(), again.sign(b"record"), [b"rec", b"ord"])
    assert storage.names("") == ["identity.key"]


def test_entropy_of_the_board_makes_different_keys():
    entropy = Entropy()
    assert len(entropy.random_bytes(33)) == 33
    assert Identity(Storage(), entropy).public_key() != Identity(Storage(), entropy).public_key()


def test_power_cut_at_any_call_leaves_no_key_or_a_whole_one():
    cuts = 0
    for survive in (0, 50, 100):
        for call in range(1, 10):
            storage = Storage()
            storage.survive_percent = survive
            storage.cut_at = call
            try:
                Identity(storage, SimEntropy(b"seed"))
            except PowerCut:
                cuts += 1
            before = storage.files.get("identity.key")
            storage.reboot()
            key = Identity(storage, SimEntropy(b"next")).public_key()
            if before is not None:
                assert key == ed25519.public(SEED)
            assert Identity(storage, SimEntropy(b"last")).public_key() == key
    assert cuts >= 6


def test_damage_is_told_and_never_replaced():
    storage = Storage()
    Identity(storage, SimEntropy(b"seed"))
    whole = storage.files["identity.key"]
    flipped = bytes([whole[0] ^ 1]) + whole[1:]
    for content in (b"", whole[:32], whole[:63], whole + b"\0", flipped, whole[:63] + b"\0"):
        storage.files["identity.key"] = content
        try:
            Identity(storage, SimEntropy(b"seed"))
            raise AssertionError("taken")
        except WorldFault as fault:
            assert fault.code == "identity.damaged"
        assert storage.files["identity.key"] == content


def test_a_destroyed_key_signs_no_more_and_leaves_no_byte():
    storage = Storage()
    identity = Identity(storage, SimEntropy(b"seed"))
    key = identity.public_key()
    identity.forget()
    assert "identity.key" not in storage.files
    try:
        identity.sign(b"x")
        raise AssertionError("signed")
    except Fault as fault:
        assert fault.code == "identity.gone"
    identity.forget()
    assert Identity(storage, SimEntropy(b"next")).public_key() != key
