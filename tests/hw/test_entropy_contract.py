"""The contract of the entropy port against every adapter."""

import pytest

from hw import ports
from hw.linux import entropy as linux
from hw.micropython import entropy as micropython
from hw.sim import entropy as sim


@pytest.fixture(params=["linux", "micropython", "sim"])
def entropy(request) -> ports.Entropy:
    makers = {"linux": linux.Entropy, "micropython": micropython.Entropy}
    return sim.Entropy(b"any") if request.param == "sim" else makers[request.param]()


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 1000])
def test_as_many_bytes_as_asked(entropy: ports.Entropy, count: int) -> None:
    data = entropy.random_bytes(count)
    assert type(data) is bytes and len(data) == count


def test_never_the_same_twice(entropy: ports.Entropy) -> None:
    assert len({entropy.random_bytes(16) for _ in range(200)}) == 200


def test_bits_are_balanced(entropy: ports.Entropy) -> None:
    ones = sum(octet.bit_count() for octet in entropy.random_bytes(10000))
    # 80,000 fair coins lie this far from the middle once in a billion runs.
    assert abs(ones - 40000) < 900


def test_simulated_bytes_repeat_by_seed() -> None:
    one, same, other = sim.Entropy(b"1"), sim.Entropy(b"1"), sim.Entropy(b"2")
    first = one.random_bytes(10) + one.random_bytes(70)
    assert first == same.random_bytes(80) != other.random_bytes(80)
