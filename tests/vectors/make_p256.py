"""ECDSA P-256 cases: exact DER, ranges, the curve, and every special path of the addition."""

import hashlib

from tests.vectors.curves import BASE256, N256, P256, weierstrass_add, weierstrass_times
from tests.vectors.curves import weierstrass_y as y_of

N = N256
P = P256
MESSAGE = b"M\xc6\xb0a l\xe1\xbb\x9bn"
DIGEST = int.from_bytes(hashlib.sha256(MESSAGE).digest(), "big")
SECRET = int.from_bytes(hashlib.sha256(b"secret").digest(), "big") % N
NONCE = int.from_bytes(hashlib.sha256(b"nonce").digest(), "big") % N


def integer(value):
    """Encode a DER INTEGER."""
    body = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return b"\x02" + bytes([len(body)]) + body


def der(r, s):
    """Encode a signature."""
    body = integer(r) + integer(s)
    return b"\x30" + bytes([len(body)]) + body


def key_bytes(point):
    """Return X and Y."""
    return point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def sign(secret, nonce=NONCE, message=MESSAGE):
    """Return r and s."""
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    r = weierstrass_times(nonce, BASE256)[0] % N
    return r, pow(nonce, -1, N) * (digest + r * secret) % N


def cases():
    """Yield (title, valid, key, message, signature)."""
    key = key_bytes(weierstrass_times(SECRET, BASE256))
    r, s = sign(SECRET)
    yield "plain", True, key, MESSAGE, der(r, s)
    yield "n - s, as FIPS 186-5 allows", True, key, MESSAGE, der(r, N - s)
    yield "n - r", False, key, MESSAGE, der(N - r, s)
    yield "other message", False, key, MESSAGE + b".", der(r, s)
    for length in (0, 55, 56, 64, 1000):
        text = bytes(i & 255 for i in range(length))
        yield "message of %d" % length, True, key, text, der(*sign(SECRET, NONCE, text))
    yield from ranges(key, r, s)
    yield from encodings(key, r, s)
    yield from keys_near_the_base()
    yield from free_points()
    yield from bad_keys(key, der(r, s))


def ranges(key, r, s):
    """Yield r and s outside [1, n-1], among them ones equal modulo n."""
    for title, pair in (
        ("r of 0", (0, s)),
        ("s of 0", (r, 0)),
        ("both 0", (0, 0)),
        ("r of n", (N, s)),
        ("s of n", (r, N)),
        ("r + n", (r + N, s)),
        ("s + n", (r, s + N)),
        ("r of 1", (1, s)),
        ("s of 1", (r, 1)),
        ("both 1", (1, 1)),
        ("r of n - 1", (N - 1, s)),
        ("s of n - 1", (r, N - 1)),
        ("r of 2^256", (1 << 256, s)),
        ("r of p", (P, s)),
        ("r of p - n", (P - N, s)),
    ):
        yield title, False, key, MESSAGE, der(*pair)


def encodings(key, r, s):
    """Yield anything but exact DER."""
    good = der(r, s)
    ri, si = integer(r), integer(s)

    def sequence(body, length=None):
        return b"\x30" + (bytes([len(body)]) if length is None else length) + body

    def long_int(encoded):
        return encoded[:1] + bytes([encoded[1] + 1, 0]) + encoded[2:]

    negative = N - 1 - (1 << 256)
    variants = [
        ("empty", b""),
        ("raw r and s", r.to_bytes(32, "big") + s.to_bytes(32, "big")),
        ("length in long form", sequence(ri + si, bytes([0x81, len(ri + si)]))),
        ("length in longer form", sequence(ri + si, bytes([0x82, 0, len(ri + si)]))),
        ("indefinite length", b"\x30\x80" + ri + si + b"\0\0"),
        ("length one more", sequence(ri + si, bytes([len(ri + si) + 1]))),
        ("length one less", sequence(ri + si, bytes([len(ri + si) - 1]))),
        ("length of zero", sequence(ri + si, b"\0")),
        ("trailing octet", good + b"\0"),
        ("trailing octet inside", sequence(ri + si + b"\0")),
        ("trailing NULL inside", sequence(ri + si + b"\5\0")),
        ("third integer", sequence(ri + si + b"\2\1\1")),
        ("one integer", sequence(ri)),
        ("no integer", sequence(b"")),
        ("r with a zero in front", sequence(long_int(ri) + si)),
        ("s with a zero in front", sequence(ri + long_int(si))),
        ("r in long form", sequence(b"\2\x81" + ri[1:] + si)),
        ("s in long form", sequence(ri + b"\2\x81" + si[1:])),
        ("r empty", sequence(b"\2\0" + si)),
        ("s empty", sequence(ri + b"\2\0")),
        ("r negative", sequence(integer_of(negative) + si)),
        ("s negative", sequence(ri + integer_of(-s))),
        ("set in place of sequence", b"\x31" + good[1:]),
        ("octet string for r", sequence(b"\4" + ri[1:] + si)),
        ("octet string for s", sequence(ri + b"\4" + si[1:])),
        ("bit 5 of the tag of r", sequence(b"\x22" + ri[1:] + si)),
        ("sequence in a sequence", sequence(good)),
        ("r longer than all", sequence(b"\2\x7f" + ri[2:] + si)),
        ("s longer than all", sequence(ri + b"\2\x7f" + si[2:])),
        ("swapped", sequence(si + ri)),
        ("huge r", sequence(b"\2\x28" + b"\1" * 40 + si)),
    ]
    for title, encoded in variants + damaged(good, len(ri) + 2):
        yield title, False, key, MESSAGE, encoded


def damaged(good, middle):
    """Return a signature cut, or with one octet altered; s starts at `middle`."""
    variants = [("cut at %d" % at, good[:at]) for at in (1, 2, 3, 10, middle, middle + 1)]
    variants.append(("last octet missing", good[:-1]))
    for at in (0, 1, 2, 3, 4, 20, middle, middle + 1, len(good) - 1):
        broken = bytearray(good)
        broken[at] ^= 1
        variants.append(("octet %d altered" % at, bytes(broken)))
    return variants


def integer_of(value):
    """Encode a DER INTEGER of either sign."""
    size = (value + (value < 0)).bit_length() // 8 + 1
    return b"\2" + bytes([size]) + value.to_bytes(size, "big", signed=True)


def keys_near_the_base():
    """Yield keys whose multiples meet those of G, so that sums double or vanish."""
    for title, secret in (
        ("G", 1),
        ("2 G", 2),
        ("3 G", 3),
        ("5 G", 5),
        ("7 G", 7),
        ("-G", N - 1),
        ("-2 G", N - 2),
        ("-3 G", N - 3),
        ("2^128 G", 1 << 128),
        ("-2^128 G", N - (1 << 128)),
        ("G / 2", (N + 1) // 2),
        ("G / 2^128", pow(1 << 128, -1, N)),
    ):
        key = key_bytes(weierstrass_times(secret, BASE256))
        for nonce in (NONCE, 1, 2, N - 1):
            r, s = sign(secret, nonce)
            yield "key %s, nonce %d" % (title, nonce % 5), True, key, MESSAGE, der(r, s)
        r, s = sign(secret)
        yield "key %s, s + 1" % title, False, key, MESSAGE, der(r, s + 1)
        # e + r d = 0 sends the sum to the neutral point, which has no x.
        r = -DIGEST * pow(secret, -1, N) % N
        yield "key %s, neutral sum" % title, False, key, MESSAGE, der(r, s)
        # u1 = u2 adds equal scalars: r = e.
        yield "key %s, r of e" % title, False, key, MESSAGE, der(DIGEST % N, s)


def free_points():
    """Yield keys solved for a chosen R, among them R whose x is not below n."""
    above = [x for x in range(N + 1, N + 60) if y_of(x) is not None][:3]
    small = [x for x in range(1, 60) if y_of(x) is not None][:2]
    high = [x for x in range(P - 40, P) if y_of(x) is not None][-2:]
    for x in above + small + high:
        point = (x, y_of(x))
        r = x % N
        s = NONCE
        minus = weierstrass_times(N - DIGEST * pow(s, -1, N) % N, BASE256)
        key = weierstrass_times(s * pow(r, -1, N) % N, weierstrass_add(point, minus))
        name = "n + %d" % (x - N) if x >= N else "%d" % x
        yield "R with x of " + name[:12], True, key_bytes(key), MESSAGE, der(r, s)


def bad_keys(key, good):
    """Yield keys that are no point, or not written as one."""
    x, y = int.from_bytes(key[:32], "big"), int.from_bytes(key[32:], "big")
    small = next(x for x in range(1, 60) if y_of(x) is not None)
    for title, broken in (
        ("empty", b""),
        ("cut", key[:-1]),
        ("with its 04", b"\4" + key),
        ("compressed", bytes([2 + (y & 1)]) + key[:32]),
        ("one too long", key + b"\0"),
        ("off the curve", key_bytes((x, y ^ 1))),
        ("swapped", key[32:] + key[:32]),
        ("zero", bytes(64)),
        ("ones", b"\xff" * 64),
        ("x + p", key_bytes((small + P, y_of(small)))),
        ("x of p", key_bytes((P, y_of(0)))),
    ):
        yield "key " + title, False, broken, MESSAGE, good
    yield "key negated", False, key_bytes((x, P - y)), MESSAGE, good
    yield "key with small x", False, key_bytes((small, y_of(small))), MESSAGE, good
