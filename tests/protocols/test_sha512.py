"""The pure SHA-512 against the platform's."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from protocols import sha512


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_any_pieces_hash_as_the_platform_does(pieces: list[bytes]) -> None:
    digest = sha512.PureSha512()
    for piece in pieces:
        digest.update(piece)
    assert digest.digest() == hashlib.sha512(b"".join(pieces)).digest()


def test_this_interpreter_uses_its_own() -> None:
    assert sha512.Sha512 is hashlib.sha512


def test_constants_are_roots_of_primes() -> None:
    primes = [n for n in range(2, 410) if all(n % p for p in range(2, n))][:80]
    for i, prime in enumerate(primes):
        word = int.from_bytes(sha512.ROUND_CONSTANTS[8 * i : 8 * i + 8], "big")
        root = (round(prime ** (1 / 3) - 0.5) << 64) + word
        assert root**3 <= prime << 192 < (root + 1) ** 3
    for i, prime in enumerate(primes[:8]):
        word = int.from_bytes(sha512.INITIAL_STATE[8 * i : 8 * i + 8], "big")
        root = (round(prime**0.5 - 0.5) << 64) + word
        assert root**2 <= prime << 128 < (root + 1) ** 2
