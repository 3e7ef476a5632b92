"""RSASSA-PSS cases: own keys from fixed primes, own padding, so that any part can be wrong."""

import hashlib
import math

MESSAGE = b"B\xc3\xa3o s\xe1\xbb\x91 13"
DIGEST = hashlib.sha256(MESSAGE).digest()
SALT = hashlib.sha256(b"salt").digest()


def prime(bits, label, exponent):
    """Return the first prime of `bits` bits, two highest set, after a hash of the label."""
    stream = b"".join(hashlib.sha512(b"%s %d" % (label, i)).digest() for i in range(5))
    start = int.from_bytes(stream, "big") >> (len(stream) * 8 - bits)
    candidate = start | 3 << (bits - 2) | 1
    while math.gcd(candidate - 1, exponent) > 1 or not probably_prime(candidate):
        candidate += 2
    return candidate


def probably_prime(n):
    """Tell by small divisors and Miller-Rabin to twelve bases."""
    if any(n % p == 0 for p in range(3, 2000, 2)):
        return False
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        x = pow(base, odd, n)
        if x in (1, n - 1):
            continue
        if not any((x := x * x % n) == n - 1 for _ in range(twos - 1)):
            return False
    return True


class Key:
    """Hold an RSA key of exactly `bits` bits."""

    def __init__(self, bits, exponent):
        label = b"%d %d" % (bits, exponent)
        p = prime((bits + 1) // 2, b"p" + label, exponent)
        q = prime(bits // 2, b"q" + label, exponent)
        self.n, self.e, self.bits = p * q, exponent, bits
        self.d = pow(exponent, -1, (p - 1) * (q - 1))
        self.size = (bits + 7) // 8
        assert self.n.bit_length() == bits
        self.public = self.n.to_bytes(self.size, "big") + exponent.to_bytes(4, "big")

    def power(self, encoded):
        """Apply the private exponent to a padded message."""
        return pow(int.from_bytes(encoded, "big"), self.d, self.n).to_bytes(self.size, "big")


def mgf(seed, length, name):
    """Return the mask of RFC 8017, B.2.1."""
    count = range(length // hashlib.new(name).digest_size + 1)
    return b"".join(hashlib.new(name, seed + i.to_bytes(4, "big")).digest() for i in count)[:length]


def pad(key, salt=SALT, digest=DIGEST, trailer=0xBC, mark=1, first=0, **other):
    """Pad as RFC 8017, 9.1.1, with any part chosen."""
    name = other.get("hash_name", "sha256")
    bits = key.bits - 1
    length = (bits + 7) // 8
    seed = hashlib.new(name, bytes(8) + digest + salt).digest()
    block = bytearray(length - len(seed) - 1)
    block[-len(salt) - 1 :] = bytes([mark]) + salt
    block[0] |= first
    if other.get("gap"):
        block[-len(salt) - 3] = other["gap"]
    mask = mgf(seed, len(block), other.get("mgf_name", name))
    masked = bytearray(a ^ b for a, b in zip(block, mask, strict=True))
    masked[0] &= 255 >> (8 * length - bits)
    masked[0] |= other.get("top", 0)
    return bytes(masked) + seed + bytes([trailer])


def cases():
    """Yield (title, valid, key, message, signature)."""
    keys = [Key(2048, 65537), Key(2048, 3), Key(2049, 65537), Key(2055, 17), Key(2050, 2**32 - 1)]
    keys += [Key(3072, 65537), Key(4095, 3), Key(4096, 65537)]
    for key in keys:
        title = "%d bits, e of %d" % (key.bits, key.e)
        good = key.power(pad(key))
        yield title, True, key.public, MESSAGE, good
        yield title + ", other message", False, key.public, MESSAGE + b"!", good
        for size in (0, 31, 33):
            salt = (SALT + SALT)[:size]
            broken = key.power(pad(key, salt))
            yield "%s, salt of %d" % (title, size), False, key.public, MESSAGE, broken
    yield from paddings(keys[0])
    yield from paddings(keys[2])
    yield from lengths(keys[0])
    yield from bad_keys(keys[0])


def paddings(key):
    """Yield one wrong part at a time."""
    room = (key.bits - 1 + 7) // 8 - 34
    name = "%d bits, " % key.bits
    sha1 = hashlib.sha1(MESSAGE).digest()
    sha512 = hashlib.sha512(MESSAGE).digest()
    for title, padded in (
        ("salt as long as can be", pad(key, (SALT * 9)[:room])),
        ("salt of 20", pad(key, SALT[:20])),
        ("SHA-1", pad(key, digest=sha1, hash_name="sha1")),
        ("SHA-512", pad(key, digest=sha512, hash_name="sha512")),
        ("MGF1 with SHA-1", pad(key, mgf_name="sha1")),
        ("trailer cc", pad(key, trailer=0xCC)),
        ("trailer 00", pad(key, trailer=0)),
        ("mark 00", pad(key, mark=0)),
        ("mark 02", pad(key, mark=2)),
        ("filling not zero at its start", pad(key, first=1)),
        ("filling not zero at its end", pad(key, gap=1)),
        ("digest of nothing", pad(key, digest=b"")),
        ("digest cut", pad(key, digest=DIGEST[:31])),
    ):
        yield name + title, False, key.public, MESSAGE, key.power(padded)
    if key.bits % 8 != 1:
        top = pad(key, top=256 >> ((8 - key.bits) % 8 + 1))
        if int.from_bytes(top, "big") < key.n:
            yield name + "highest bit set", False, key.public, MESSAGE, key.power(top)
    else:
        wide = b"\1" + pad(key)
        yield name + "octet above the padding", False, key.public, MESSAGE, key.power(wide)
    kind = bytes.fromhex("3031300d060960864801650304020105000420") + DIGEST
    filled = b"\0\1" + b"\xff" * (key.size - len(kind) - 3) + b"\0" + kind
    yield name + "PKCS #1 v1.5", False, key.public, MESSAGE, key.power(filled)


def lengths(key):
    """Yield signatures of other lengths and values."""
    good = key.power(pad(key))
    value = int.from_bytes(good, "big")
    for title, broken in (
        ("empty", b""),
        ("one octet short", good[:-1]),
        ("first octet missing", good[1:]),
        ("one octet long", good + b"\0"),
        ("zero in front", b"\0" + good),
        ("n more, one octet long", (value + key.n).to_bytes(key.size + 1, "big")),
        ("zero", bytes(key.size)),
        ("one", (1).to_bytes(key.size, "big")),
        ("n - 1", (key.n - 1).to_bytes(key.size, "big")),
        ("n", key.n.to_bytes(key.size, "big")),
        ("n - s", (key.n - value).to_bytes(key.size, "big")),
        ("ones", b"\xff" * key.size),
    ):
        yield title, False, key.public, MESSAGE, broken
    for tries in range(1000):
        text = b"%d" % tries
        padded = pad(key, digest=hashlib.sha256(text).digest())
        value = int.from_bytes(key.power(padded), "big")
        if value + key.n < 1 << 8 * key.size:
            more = (value + key.n).to_bytes(key.size, "big")
            yield "n more, same length", False, key.public, text, more
            yield "the same without", True, key.public, text, value.to_bytes(key.size, "big")
            break


def bad_keys(key):
    """Yield keys out of bounds or in another form; where they can sign, they did."""
    good = key.power(pad(key))
    for small in (Key(2047, 65537), Key(1024, 65537), Key(4097, 65537), Key(4104, 3)):
        signed = small.power(pad(small))
        yield "key of %d bits" % small.bits, False, small.public, MESSAGE, signed
    n, e = key.public[:-4], key.public[-4:]
    encoded = pad(key)
    for title, broken, signed in (
        ("empty", b"", good),
        ("e alone", e, good),
        ("n with a zero in front", b"\0" + key.public, good),
        ("n with a zero, signature too", b"\0" + key.public, b"\0" + good),
        ("n even", n[:-1] + bytes([n[-1] ^ 1]) + e, good),
        ("n of zero", bytes(256) + e, good),
        ("e of 0", n + bytes(4), good),
        ("e of 1", n + b"\0\0\0\1", encoded),
        ("e of 2", n + b"\0\0\0\2", good),
        ("e even", n + b"\0\1\0\0", good),
        ("e other", n + b"\0\0\0\3", good),
        ("cut", key.public[1:], good),
    ):
        yield "key " + title, False, broken, MESSAGE, signed
