"""Ed25519 (RFC 8032), pure: verify in pieces, sign, derive the public key.

The verdict, on every platform:

- The equation is the **cofactorless** one of RFC 8032 section 5.1.7 and of OpenSSL: the encoding of
  [S]B - [k]A, with k reduced modulo L, equals the bytes R.
- Stricter than OpenSSL, in `is_strict` that the Linux verifier asks too: A and R are canonical
  encodings (y < p) and not of small order; S < L as the RFC says, so nobody can alter a signature.
  (OpenSSL reads y modulo p and takes keys of small order, for which anybody can sign.)
- A point of mixed order is taken, as OpenSSL takes it; its torsion counts in the equation.

Speed. A key is prepared once (`prepare`): odd multiples of -A and of 2^127 (-A). Then [S]B - [k]A
is one Straus chain of 127 doublings over four signed-digit halves; the two tables of B ship in
`ed25519_base.py`. Products are folded modulo 2^255 - 19 instead of divided. Formulas: Hisil, Wong,
Carter, Dawson 2008 for a = -1, extended coordinates.

Signing and preparing are not constant-time: use them only where nobody measures the node.
"""

from protocols.ed25519_base import BASE_ROWS, BASE_WINDOW
from protocols.sha512 import PureSha512, Sha512
from protocols.signed_digits import digits_of, inverse

P = (1 << 255) - 19
L = (1 << 252) + 27742317777372353535851937790883648493
D = 37095705934669439343138083508754565189542113879843219016388785533085940283555
_SQRT_M1 = 19681161376707505956807079304988542015446066515923890162744021073123829784752
_MASK = (1 << 255) - 1
_HALF_BITS = 127
_HALF_MASK = (1 << _HALF_BITS) - 1
_KEY_WINDOW = 4
# y of the eight points whose order divides eight; every one has 1, 2, 4 or 8 as its order.
_SMALL_ORDER_Y = (
    0,
    1,
    P - 1,
    2707385501144840649318225287225658788936804267575313519463743609750303402022,
    55188659117513257062467267217118295137698188065244968500265048394206261417927,
)


def public(seed: bytes) -> bytes:
    """Return the 32-byte public key of a 32-byte seed (RFC 8032, 5.1.5)."""
    return _encode(_chain(_base_rows(_expand(seed)[0])))


def sign(seed: bytes, message: bytes) -> bytes:
    """Return the 64-byte signature of a message (RFC 8032, 5.1.6)."""
    scalar, prefix = _expand(seed)
    key = _encode(_chain(_base_rows(scalar)))
    nonce = _hash_scalar(Sha512(), (prefix,), [message])
    point = _encode(_chain(_base_rows(nonce)))
    number = _hash_scalar(Sha512(), (point, key), [message])
    return point + ((nonce + number * scalar) % L).to_bytes(32, "little")


def verify(key: bytes, signature: bytes, pieces: "list[bytes]") -> bool:
    """Tell whether a 64-byte signature by a 32-byte public key covers a message in pieces."""
    if not is_strict(key, signature):
        return False
    number = challenge(key, signature, pieces)
    table = prepare(key)
    return table is not None and verify_prepared(table, signature, number)


def is_strict(key: bytes, signature: bytes) -> bool:
    """Tell whether lengths, S < L, and the encodings of A and R are acceptable (see above)."""
    if len(key) != 32 or len(signature) != 64:
        return False
    if int.from_bytes(signature[32:], "little") >= L:
        return False
    for encoded in (key, signature[:32]):
        y = int.from_bytes(encoded, "little") & _MASK
        if y >= P or y in _SMALL_ORDER_Y:
            return False
    return True


def prepare(key: bytes) -> "tuple[list[tuple[int, ...]], ...] | None":
    """Return the table of a public key for `verify_prepared`, about 2 KiB; None off the curve."""
    y = int.from_bytes(key, "little")
    odd = y >> 255
    y &= _MASK
    u = y * y - 1
    v = D * y * y + 1
    # RFC 8032, 5.1.3: x = u v^3 (u v^7)^((p-5)/8), times sqrt(-1) where that is the other root.
    cube = v * v % P * v % P
    x = _root_power(u * cube % P * cube % P * v % P) * cube % P * u % P
    if (v * x * x - u) % P:
        x = x * _SQRT_M1 % P
        if (v * x * x - u) % P:
            return None
    if x & 1 == odd:
        x = P - x
    return (_odd_multiples((x, y, 1)), _odd_multiples(_chain([], (x, y, 1), _HALF_BITS)))


def _root_power(z: int) -> int:
    """Return z^((p-5)/8) = z^(2^252 - 3), by way of z^(2^n - 1) for growing n."""
    mask = _MASK
    known = {1: z}
    size = 1
    for extra in (1, 2, 1, 5, 10, 20, 10, 50, 100, 50, 2):
        x = known[size]
        for _ in range(extra):
            x *= x
            x = (x & mask) + (x >> 255) * 19
            x = (x & mask) + (x >> 255) * 19
        size += extra
        known[size] = x * known[extra] % P if size < 252 else x * z % P
    return known[size]


def challenge(
    key: bytes, signature: bytes, pieces: "list[bytes]", sha512: "type[PureSha512]" = Sha512
) -> int:
    """Return the number that stands for the message in the equation.

    Worked out before the key's table: a message comes in pieces of any size, and finds the heap
    unbroken.
    """
    return _hash_scalar(sha512(), (signature[:32], key), pieces)


def verify_prepared(
    table: "tuple[list[tuple[int, ...]], ...]", signature: bytes, number: int
) -> bool:
    """Check the equation alone; call it only when `is_strict(key, signature)`."""
    rows = _base_rows(int.from_bytes(signature[32:], "little"))
    rows.append((digits_of(number & _HALF_MASK, _KEY_WINDOW), table[0], b""))
    rows.append((digits_of(number >> _HALF_BITS, _KEY_WINDOW), table[1], b""))
    return _encode(_chain(rows)) == signature[:32]


def _expand(seed: bytes) -> tuple[int, bytes]:
    digest = Sha512()
    digest.update(seed)
    expanded = digest.digest()
    scalar = int.from_bytes(expanded[:32], "little")
    return (scalar & ((1 << 254) - 8) | 1 << 254) % L, expanded[32:]


def _hash_scalar(digest: PureSha512, head: "tuple[bytes, ...]", rest: "list[bytes]") -> int:
    for piece in head:
        digest.update(piece)
    for piece in rest:
        digest.update(piece)
    return int.from_bytes(digest.digest(), "little") % L


def _base_rows(scalar: int) -> "list[tuple[bytearray, list[tuple[int, ...]], bytes]]":
    """Return the two rows of [scalar]B for `_chain`."""
    return [
        (digits_of(scalar & _HALF_MASK, BASE_WINDOW), [], BASE_ROWS[0]),
        (digits_of(scalar >> _HALF_BITS, BASE_WINDOW), [], BASE_ROWS[1]),
    ]


def _base_entry(row: bytes, index: int) -> tuple[int, int, int, int]:
    """Read one shipped multiple of B, affine: y - x, y + x, 2dxy of 32 bytes each."""
    at = 96 * index
    return (
        int.from_bytes(row[at : at + 32], "little"),
        int.from_bytes(row[at + 32 : at + 64], "little"),
        2,
        int.from_bytes(row[at + 64 : at + 96], "little"),
    )


def _odd_multiples(point: tuple[int, int, int]) -> "list[tuple[int, ...]]":
    """Return 1, 3, 5, 7 times a point, each as y - x, y + x, 2z, 2dt to be added."""
    x, y, z = point
    double = _chain([], point, 1)
    e, f, g, h = x, z, z, y
    # (x, y, z) is (x z, y z, z z) with t = x y.
    step = _entry(
        double[0] * double[2], double[1] * double[2], double[2] * double[2], double[0] * double[1]
    )
    table: list[tuple[int, ...]] = []
    for _ in range(1 << (_KEY_WINDOW - 2)):
        table.append(_entry(e * f, g * h, f * g, e * h))
        e, f, g, h = _add(e, f, g, h, step)
    return table


def _entry(x: int, y: int, z: int, t: int) -> tuple[int, int, int, int]:
    return ((y - x) % P, (y + x) % P, 2 * z % P, 2 * D * t % P)


def _add(e: int, f: int, g: int, h: int, entry: "tuple[int, ...]") -> tuple[int, int, int, int]:
    """Add an entry to the point (x, y, z, t) = (ef, gh, fg, eh); return the sum's e, f, g, h.

    Folding keeps every value below 2^300; what leaves a product for another is below 2^256.
    """
    mask = _MASK
    minus, plus, z2, t2 = entry
    x = e * f
    y = g * h
    a = y - x
    a = (a & mask) + (a >> 255) * 19
    a = ((a & mask) + (a >> 255) * 19) * minus
    b = y + x
    b = (b & mask) + (b >> 255) * 19
    b = ((b & mask) + (b >> 255) * 19) * plus
    c = e * h
    c = ((c & mask) + (c >> 255) * 19) * t2
    d = f * g
    d = ((d & mask) + (d >> 255) * 19) * z2
    e = b - a
    f = d - c
    g = d + c
    h = b + a
    return (
        (e & mask) + (e >> 255) * 19,
        (f & mask) + (f >> 255) * 19,
        (g & mask) + (g >> 255) * 19,
        (h & mask) + (h >> 255) * 19,
    )


def _chain(
    rows: "list[tuple[bytearray, list[tuple[int, ...]], bytes]]",
    start: tuple[int, int, int] = (0, 1, 1),
    doublings: int = _HALF_BITS + 1,
) -> tuple[int, int, int]:
    """Double a point `doublings` times, adding the rows' digits on the way (Straus)."""
    mask = _MASK
    x, y, z = start
    for i in range(doublings - 1, -1, -1):
        # With a = x^2, b = y^2: (2xy, b + a, b - a, 2z^2 - b + a) are e, h, g, f.
        a = x * x
        b = y * y
        e = 2 * x * y
        e = (e & mask) + (e >> 255) * 19
        h = b + a
        h = (h & mask) + (h >> 255) * 19
        g = b - a
        f = 2 * z * z - g
        g = (g & mask) + (g >> 255) * 19
        f = (f & mask) + (f >> 255) * 19
        for digits, table, packed in rows:
            code = digits[i]
            if code:
                index = (code & 127) - 1
                minus, plus, z2, t2 = table[index] if table else _base_entry(packed, index)
                if code > 127:
                    minus, plus, t2 = plus, minus, -t2
                e, f, g, h = _add(e, f, g, h, (minus, plus, z2, t2))
        x = e * f
        x = (x & mask) + (x >> 255) * 19
        x = (x & mask) + (x >> 255) * 19
        y = g * h
        y = (y & mask) + (y >> 255) * 19
        y = (y & mask) + (y >> 255) * 19
        z = f * g
        z = (z & mask) + (z >> 255) * 19
        z = (z & mask) + (z >> 255) * 19
    return x, y, z


def _encode(point: tuple[int, int, int]) -> bytes:
    """Return the 32 bytes of a point (RFC 8032, 5.1.2)."""
    x, y, z = point
    w = inverse(z, P)
    return (y * w % P | (x * w % P & 1) << 255).to_bytes(32, "little")
