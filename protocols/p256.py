"""ECDSA on P-256 with SHA-256 (FIPS 186-5), pure: verify.

The verdict, equal to OpenSSL's on every platform: the signature is exact DER of two INTEGERs in
[1, n-1] (minimal lengths, minimal integers, nothing trailing); the key is the uncompressed point,
X and Y below p and on the curve.

S is **not** required to be in the lower half. (r, n - s) verifies wherever (r, s) does, FIPS 186-5
says so, and the signers of TUF metadata (securesystemslib, PKCS#11 tokens) do not normalise: such
a rule would refuse half of all honest signatures. Nothing here identifies a document by its
signature, so the second form gains an attacker nothing.

Speed: as in `ed25519.py`, a key is prepared once and [u1]G + [u2]Q is one Straus chain of 128
doublings over four signed-digit halves. Jacobian coordinates, a = -3.
"""

import hashlib

from protocols.p256_base import BASE_ROWS, BASE_WINDOW
from protocols.signed_digits import digits_of, inverse

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_HALF_BITS = 128
_HALF_MASK = (1 << _HALF_BITS) - 1
_KEY_WINDOW = 4
_KEY_POINTS = 1 << (_KEY_WINDOW - 2)
# SEQUENCE of two INTEGERs of at most 33 bytes: 2 + 2 * (2 + 33).
SIGNATURE_BYTES_MAX = 72


def verify(key: bytes, signature: bytes, pieces: "list[bytes]") -> bool:
    """Tell whether a DER signature by a 64-byte key (X and Y) covers a message in pieces."""
    number = challenge(pieces)
    table = prepare(key)
    return table is not None and verify_prepared(table, signature, number)


def prepare(key: bytes) -> "tuple[list[tuple[int, ...]], ...] | None":
    """Return the table of a public key for `verify_prepared`, about 1 KiB; None off the curve."""
    if len(key) != 64:
        return None
    x = int.from_bytes(key[:32], "big")
    y = int.from_bytes(key[32:], "big")
    if x >= P or y >= P or (y * y - (x * x - 3) * x - B) % P:
        return None
    points = _odd_multiples(x, y, 1) + _odd_multiples(*_double(x, y, 1, _HALF_BITS))
    table = _affine(points)
    return (table[:_KEY_POINTS], table[_KEY_POINTS:])


def challenge(pieces: "list[bytes]") -> int:
    """Return the number that stands for the message; as in `ed25519`, before the key's table."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return int.from_bytes(digest.digest(), "big")


def verify_prepared(
    table: "tuple[list[tuple[int, ...]], ...]", signature: bytes, number: int
) -> bool:
    """Verify with a prepared key."""
    pair = read_signature(signature)
    if pair is None:
        return False
    r, s = pair
    w = inverse(s, N)
    u1 = number * w % N
    u2 = r * w % N
    x, _, z = _chain(
        [
            (digits_of(u1 & _HALF_MASK, BASE_WINDOW), [], BASE_ROWS[0]),
            (digits_of(u1 >> _HALF_BITS, BASE_WINDOW), [], BASE_ROWS[1]),
            (digits_of(u2 & _HALF_MASK, _KEY_WINDOW), table[0], b""),
            (digits_of(u2 >> _HALF_BITS, _KEY_WINDOW), table[1], b""),
        ]
    )
    if not z:
        return False
    # x / z^2 modulo p equals r modulo n: either r itself, or r + n where that is below p.
    zz = z * z % P
    return (r * zz - x) % P == 0 or (r + N < P and ((r + N) * zz - x) % P == 0)


def read_signature(signature: bytes) -> tuple[int, int] | None:
    """Return r and s of an exact DER signature, both in [1, n-1]; None otherwise."""
    length = len(signature)
    if not 8 <= length <= SIGNATURE_BYTES_MAX or signature[:2] != bytes((0x30, length - 2)):
        return None
    r, at = _read_integer(signature, 2)
    s, at = _read_integer(signature, at)
    return (r, s) if r and s and at == length else None


def _read_integer(signature: bytes, at: int) -> tuple[int, int]:
    """Return a minimal DER INTEGER in [1, n-1] and where it ends; (0, 0) otherwise."""
    head = signature[at : at + 2]
    end = at + 2 + (head[1] if len(head) == 2 else 0)
    body = signature[at + 2 : end]
    if head[:1] != b"\x02" or not body or end > len(signature):
        return 0, 0
    if body[0] > 127 or (body[0] == 0 and (len(body) == 1 or body[1] < 128)):
        return 0, 0
    value = int.from_bytes(body, "big")
    return (value, end) if value < N else (0, 0)


def _odd_multiples(x: int, y: int, z: int) -> list[tuple[int, int, int]]:
    """Return 1, 3, 5, 7 times a Jacobian point.

    Adding uses no coefficient of the curve, so it is done on the isomorphic curve where twice the
    point has z = 1; multiplying each z by the true one leads back.
    """
    x2, y2, z2 = _double(x, y, z, 1)
    square = z2 * z2 % P
    moved = (x * square % P, y * square * z2 % P, z)
    points = []
    for _ in range(_KEY_POINTS):
        points.append((moved[0], moved[1], moved[2] * z2 % P))
        moved = _add(moved[0], moved[1], moved[2], x2, y2)
    return points


def _affine(points: list[tuple[int, int, int]]) -> "list[tuple[int, ...]]":
    """Return Jacobian points, none neutral, as affine ones, by a single inversion."""
    products = [1]
    for _, _, z in points:
        products.append(products[-1] * z % P)
    w = inverse(products[-1], P)
    result: list[tuple[int, ...]] = []
    for i in range(len(points) - 1, -1, -1):
        x, y, z = points[i]
        own = w * products[i] % P
        w = w * z % P
        square = own * own % P
        result.append((x * square % P, y * square * own % P))
    result.reverse()
    return result


def _double(x: int, y: int, z: int, times: int) -> tuple[int, int, int]:
    """Double a Jacobian point several times (Bernstein's dbl-2001-b)."""
    p = P
    for _ in range(times):
        d = z * z % p
        g = y * y % p
        g += g
        f = g + g
        b = x * f % p
        a = 3 * (x - d) * (x + d) % p
        z = (y + y) * z % p
        x = (a * a - b - b) % p
        y = (a * (b - x) - f * g) % p
    return x, y, z


def _add(x: int, y: int, z: int, x2: int, y2: int) -> tuple[int, int, int]:
    """Add an affine point to a Jacobian one; z = 0 is the neutral point."""
    p = P
    if not z:
        return x2, y2, 1
    zz = z * z % p
    h = (x2 * zz - x) % p
    r = (y2 * zz * z - y) % p
    if not h:
        if r:
            return 1, 1, 0
        return _double(x, y, z, 1)
    hh = h * h % p
    v = x * hh % p
    hhh = hh * h % p
    x = (r * r - hhh - 2 * v) % p
    return x, (r * (v - x) - y * hhh) % p, z * h % p


def _chain(
    rows: "list[tuple[bytearray, list[tuple[int, ...]], bytes]]",
) -> tuple[int, int, int]:
    """Add up the rows' digits from the highest place down, doubling between (Straus)."""
    x = y = 1
    z = 0
    waiting = 0
    for i in range(_HALF_BITS, -1, -1):
        waiting += 1
        for digits, table, packed in rows:
            code = digits[i]
            if code:
                if waiting:
                    x, y, z = _double(x, y, z, waiting)
                    waiting = 0
                index = (code & 127) - 1
                x2, y2 = table[index] if table else _base_entry(packed, index)
                x, y, z = _add(x, y, z, x2, P - y2 if code > 127 else y2)
    return _double(x, y, z, waiting)


def _base_entry(row: bytes, index: int) -> tuple[int, int]:
    at = 64 * index
    return (
        int.from_bytes(row[at : at + 32], "big"),
        int.from_bytes(row[at + 32 : at + 64], "big"),
    )
