"""Signed digits and inverses, by their definition."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import ed25519, p256
from protocols.signed_digits import digits_of, inverse


def _value(digits: bytearray) -> int:
    total = 0
    for place, code in enumerate(digits):
        if code:
            digit = 2 * (code & 127) - 1
            total += (-digit if code > 127 else digit) << place
    return total


@given(st.integers(0, 2**128 - 1), st.sampled_from([2, 3, 4, 6]))
def test_digits_add_up_and_are_sparse(scalar: int, window: int) -> None:
    digits = digits_of(scalar, window)
    assert _value(digits) == scalar
    places = [place for place, code in enumerate(digits) if code]
    assert all(b - a >= window for a, b in pairwise(places))
    assert all((code & 127) <= 1 << (window - 2) for code in digits)


@pytest.mark.parametrize("scalar", [0, 1, 2**127, 2**128 - 1, 2**128 - 2**122])
def test_digits_at_the_edges(scalar: int) -> None:
    assert _value(digits_of(scalar, 6)) == scalar


@given(st.integers(0, 2**520), st.sampled_from([ed25519.P, p256.P, p256.N]))
def test_inverses(value: int, prime: int) -> None:
    result = inverse(value, prime)
    assert 0 <= result < prime
    assert result * value % prime == (1 if value % prime else 0)


def test_zero_has_no_inverse() -> None:
    assert inverse(0, ed25519.P) == inverse(p256.P, p256.P) == 0
