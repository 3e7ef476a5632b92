"""Ed25519 cases: what a strict, cofactorless verifier takes and refuses."""

import hashlib

from tests.vectors.curves import (
    BASE25519,
    L25519,
    P25519,
    edwards_add,
    edwards_bytes,
    edwards_times,
    edwards_torsion,
    edwards_x,
)

L = L25519
P = P25519
SECRET = int.from_bytes(hashlib.sha512(b"secret").digest(), "little") % L
NONCE = int.from_bytes(hashlib.sha512(b"nonce").digest(), "little") % L


def challenge(point, key, message):
    """Return k, reduced modulo L."""
    return int.from_bytes(hashlib.sha512(point + key + message).digest(), "little") % L


def signature(point, key, message, nonce=NONCE, secret=SECRET):
    """Sign with freely chosen R, nonce and secret."""
    scalar = (nonce + challenge(point, key, message) * secret) % L
    return point + scalar.to_bytes(32, "little")


def cases():
    """Yield (title, valid, key, message, signature)."""
    key = edwards_bytes(edwards_times(SECRET, BASE25519))
    point = edwards_bytes(edwards_times(NONCE, BASE25519))
    message = b"Ch\xc3\xa0o bu\xe1\xbb\x95i s\xc3\xa1ng"
    good = signature(point, key, message)
    yield "plain", True, key, message, good
    for length in (0, 1, 47, 48, 63, 64, 65, 111, 112, 127, 128, 129, 175, 176, 1000):
        text = bytes(i & 255 for i in range(length))
        yield "message of %d" % length, True, key, text, signature(point, key, text)
    yield "other message", False, key, message + b"!", good
    for bit in (0, 7, 128, 254, 255, 256, 300, 503, 508, 509, 511):
        broken = bytearray(good)
        broken[bit >> 3] ^= 1 << (bit & 7)
        yield "bit %d flipped" % bit, False, key, message, bytes(broken)
    for title, broken in (
        ("empty", b""),
        ("one byte short", good[:-1]),
        ("one byte long", good + b"\0"),
        ("R alone", good[:32]),
        ("S first", good[32:] + good[:32]),
        ("zeros", bytes(64)),
        ("ones", b"\xff" * 64),
    ):
        yield title, False, key, message, broken
    for broken in (b"", key[:-1], key + b"\0", bytes([key[0] ^ 1]) + key[1:]):
        yield "key of %d bytes" % len(broken), False, broken, message, good
    yield "key negated", False, key[:31] + bytes([key[31] ^ 128]), message, good
    yield from scalars(key, message, good)
    yield from small_orders(key, point, message)
    yield from mixed_orders(key, message)
    yield from encodings(message, good)


def scalars(key, message, good):
    """Yield S that is not below L."""
    s = int.from_bytes(good[32:], "little")
    times = 1
    while s + times * L < 1 << 256:
        broken = good[:32] + (s + times * L).to_bytes(32, "little")
        yield "S + %d L" % times, False, key, message, broken
        times += 1
    for title, s in (("zero", 0), ("one", 1), ("L - 1", L - 1), ("L", L), ("2^255", 1 << 255)):
        yield "S of " + title, False, key, message, good[:32] + s.to_bytes(32, "little")


def small_orders(key, point, message):
    """Yield signatures whose equation holds with A or R of small order."""
    torsion = edwards_torsion()
    for i in range(8):
        small = edwards_bytes(edwards_times(i, torsion))
        # Whoever wants may sign for such an A: take messages until [k]A is neutral.
        text, s = forge(small, lambda k: k % 8 == 0)
        yield "A of small order %d" % i, False, small, text, s
        for tries in range(200):
            text = message + b"%d" % tries
            forged = signature(small, key, text, nonce=0)
            if i == 0 or challenge(small, key, text) % 8 == 0:
                break
        yield "R of small order %d" % i, False, key, text, forged
    yield "both neutral", False, edwards_bytes((0, 1)), message, edwards_bytes((0, 1)) + bytes(32)
    yield "plain again", True, key, message, signature(point, key, message)


def forge(key, wanted):
    """Return a message and a signature by [nonce]B alone whose challenge is as wanted."""
    point = edwards_bytes(edwards_times(NONCE, BASE25519))
    tries = 0
    while not wanted(challenge(point, key, b"%d" % tries)):
        tries += 1
    message = b"%d" % tries
    return message, signature(point, key, message, secret=0)


def mixed_orders(key, message):
    """Yield A and R with a torsion part: it counts, so only some signatures hold."""
    torsion = edwards_torsion()
    plain_r = edwards_times(NONCE, BASE25519)
    for i in (1, 2, 4):
        small = edwards_times(i, torsion)
        mixed = edwards_bytes(edwards_add(edwards_times(SECRET, BASE25519), small))
        point = edwards_bytes(plain_r)
        seen = set()
        for tries in range(100):
            text = b"%d" % tries
            holds = challenge(point, mixed, text) * i % 8 == 0
            if holds not in seen:
                seen.add(holds)
                yield (
                    "A of mixed order %d, k %s" % (i, "a multiple" if holds else "free"),
                    holds,
                    mixed,
                    text,
                    signature(point, mixed, text),
                )
        mixed_r = edwards_bytes(edwards_add(plain_r, small))
        yield "R of mixed order %d" % i, False, key, message, signature(mixed_r, key, message)
        for tries in range(200):
            text = b"%d" % tries
            if (challenge(mixed_r, mixed, text) + 1) * i % 8 == 0:
                yield (
                    "torsion of A and R cancels, %d" % i,
                    True,
                    mixed,
                    text,
                    signature(mixed_r, mixed, text),
                )
                break


def encodings(message, good):
    """Yield keys and R that are not the canonical encoding of a point."""
    for y in range(19):
        for sign in (0, 1):
            encoded = (y + P | sign << 255).to_bytes(32, "little")
            text, s = forge(encoded, lambda k: k % 8 == 0)
            yield "A of p + %d, sign %d" % (y, sign), False, encoded, text, s
    key = edwards_bytes(edwards_times(SECRET, BASE25519))
    for y in (0, 1, 18):
        encoded = (y + P).to_bytes(32, "little")
        forged = signature(encoded, key, message, nonce=0)
        yield "R of p + %d" % y, False, key, message, forged
    for y in (1, P - 1):
        encoded = (y | 1 << 255).to_bytes(32, "little")
        text, s = forge(encoded, lambda k: k % 2 == 0)
        yield "A of minus zero, y %d" % (y & 1), False, encoded, text, s
        forged = signature(encoded, key, message, nonce=0)
        yield "R of minus zero, y %d" % (y & 1), False, key, message, forged
    off = [y for y in range(2, 40) if edwards_x(y) is None]
    for y in off[:4]:
        yield "A off the curve, y %d" % y, False, y.to_bytes(32, "little"), message, good
        forged = signature(y.to_bytes(32, "little"), key, message)
        yield "R off the curve, y %d" % y, False, key, message, forged
