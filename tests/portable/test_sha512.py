"""SHA-512 on this interpreter: the pure rounds, and the ones its verifier chose."""

import hashlib
import sys
from binascii import hexlify

from hw.micropython.verifier import SHA512
from protocols.sha512 import PureSha512, Sha512

# FIPS 180-4 examples (NIST "SHA512.pdf"), and SHA-512 of nothing (RFC 4634 test harness).
KNOWN = (
    (
        b"",
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
        "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    ),
    (
        b"abc",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    (
        b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
        b"hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
        "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
        "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
    ),
)


def test_known_digests():
    for make in (PureSha512, SHA512, Sha512):
        for message, expected in KNOWN:
            digest = make()
            digest.update(message)
            assert hexlify(digest.digest()).decode() == expected


def test_lengths_around_the_padding_and_any_pieces():
    for length in (1, 110, 111, 112, 119, 120, 127, 128, 129, 239, 240, 255, 256, 700):
        message = bytes([(i * 37 + length) & 255 for i in range(length)])
        digests = []
        for make in (PureSha512, SHA512):
            for step in (1, 100, 128, 1000):
                digest = make()
                for at in range(0, length, step):
                    digest.update(message[at : at + step])
                digests.append(digest.digest())
        assert all([digest == digests[0] for digest in digests]), length


def test_views_are_taken_like_bytes():
    message = bytearray(range(200))
    for make in (PureSha512, SHA512):
        one = make()
        one.update(bytes(message))
        other = make()
        other.update(memoryview(message)[:150])
        other.update(message[150:])
        assert one.digest() == other.digest()


def test_fastest_is_chosen_once():
    if hasattr(hashlib, "sha512"):
        assert SHA512 is Sha512 and Sha512 is not PureSha512
    elif sys.maxsize >> 32:
        assert SHA512 is Sha512 is PureSha512
    else:
        # The 32-bit test interpreter has the viper emitter, as boards have.
        assert SHA512.__name__ == "ViperSha512"
        assert SHA512 is not PureSha512
