"""RSASSA-PSS: every salt, digest and modulus size the padding can meet."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import rsa_pss
from tests.vectors import make_rsa_pss as make

KEY = make.Key(2048, 65537)


@settings(max_examples=30)
@given(st.binary(max_size=100), st.binary(min_size=32, max_size=32))
def test_any_message_and_salt(message: bytes, salt: bytes) -> None:
    signature = KEY.power(make.pad(KEY, salt, hashlib.sha256(message).digest()))
    assert rsa_pss.verify(KEY.public, signature, [message[:7], message[7:]])
    assert not rsa_pss.verify(KEY.public, signature, [message, b"\0"])


@pytest.mark.parametrize("bits", [2049, 2050, 2053, 2056])
def test_every_remainder_of_the_modulus(bits: int) -> None:
    key = make.Key(bits, 65537)
    assert rsa_pss.verify(key.public, key.power(make.pad(key)), [make.MESSAGE])


@settings(max_examples=30)
@given(st.integers(0, 100).filter(lambda size: size != 32))
def test_no_other_salt_length(size: int) -> None:
    salt = (make.SALT * 4)[:size]
    assert not rsa_pss.verify(KEY.public, KEY.power(make.pad(KEY, salt)), [make.MESSAGE])


@settings(max_examples=50)
@given(st.integers(0, 255), st.sampled_from(range(255)))
def test_no_altered_padding(octet: int, at: int) -> None:
    padded = bytearray(make.pad(KEY))
    unchanged = padded[at] == octet
    padded[at] = octet
    below = int.from_bytes(padded, "big") < KEY.n
    signature = KEY.power(padded) if below else bytes(KEY.size)
    assert rsa_pss.verify(KEY.public, signature, [make.MESSAGE]) is unchanged


@given(st.binary(max_size=600))
def test_splitting_a_key_never_raises(data: bytes) -> None:
    numbers = rsa_pss.split(data)
    if numbers is not None:
        modulus, exponent = numbers
        assert 2048 <= modulus.bit_length() <= 4096 and 3 <= exponent < 2**32
        assert modulus % 2 == exponent % 2 == 1


@pytest.mark.parametrize(
    ("bits", "fits"), [(2040, False), (2047, False), (2048, True), (4096, True), (4097, False)]
)
def test_modulus_bounds(bits: int, fits: bool) -> None:
    modulus = 1 << (bits - 1) | 1
    public = modulus.to_bytes((bits + 7) // 8, "big") + b"\0\1\0\1"
    assert (rsa_pss.split(public) == (modulus, 65537)) is fits


@pytest.mark.parametrize(("exponent", "fits"), [(65537, True), (65536, False), (4, False)])
def test_exponents_are_odd(exponent: int, fits: bool) -> None:
    assert (rsa_pss.split(KEY.public[:-4] + exponent.to_bytes(4, "big")) is not None) is fits


def test_an_even_modulus_is_none() -> None:
    even = bytes(KEY.public[:-5]) + bytes([KEY.public[-5] & 0xFE]) + KEY.public[-4:]
    assert rsa_pss.split(even) is None


@pytest.mark.parametrize("at", [0, 15, 16, 31])
def test_every_octet_of_the_hash_counts(at: int) -> None:
    """A forger who may choose the mask as well changes one octet of the hash: still refused."""
    padded = bytearray(make.pad(KEY))
    split_at = len(padded) - 33
    true_hash = bytes(padded[split_at:-1])
    false_hash = bytearray(true_hash)
    false_hash[at] ^= 1
    for counter in range((split_at + 31) // 32):
        old = hashlib.sha256(true_hash + counter.to_bytes(4, "big")).digest()
        new = hashlib.sha256(bytes(false_hash) + counter.to_bytes(4, "big")).digest()
        for i in range(32 * counter, min(32 * counter + 32, split_at)):
            padded[i] ^= old[i % 32] ^ new[i % 32]
    padded[0] &= 0x7F
    padded[split_at:-1] = false_hash
    assert int.from_bytes(padded, "big") < KEY.n
    assert not rsa_pss.verify(KEY.public, KEY.power(padded), [make.MESSAGE])
