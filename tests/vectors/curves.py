"""Slow, plain curve arithmetic for making vectors: affine, by the text-book, nothing shared with
the code under test."""

P25519 = 2**255 - 19
L25519 = 2**252 + 27742317777372353535851937790883648493
D25519 = -121665 * pow(121666, -1, P25519) % P25519
BASE25519 = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    4 * pow(5, -1, P25519) % P25519,
)

P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B256 = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
BASE256 = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def edwards_add(a, b):
    """Add two points of edwards25519 (RFC 8032, 5.1.4, affine)."""
    p = P25519
    t = D25519 * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + t, -1, p) % p
    return x, (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, -1, p) % p


def edwards_times(k, point):
    """Multiply a point of edwards25519, of any order."""
    result = (0, 1)
    while k:
        if k & 1:
            result = edwards_add(result, point)
        point = edwards_add(point, point)
        k >>= 1
    return result


def edwards_x(y):
    """Return one x of a y of edwards25519, or None off the curve."""
    p = P25519
    square = (y * y - 1) * pow(D25519 * y * y + 1, -1, p) % p
    x = pow(square, (p + 3) // 8, p)
    if x * x % p != square:
        x = x * pow(2, (p - 1) // 4, p) % p
    return x if x * x % p == square else None


def edwards_bytes(point):
    """Encode a point of edwards25519 (RFC 8032, 5.1.2)."""
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def edwards_torsion():
    """Return a point of order eight."""
    y = 2
    while True:
        y += 1
        x = edwards_x(y)
        if x is not None:
            point = edwards_times(L25519, (x, y))
            if edwards_times(4, point) != (0, 1):
                return point


def weierstrass_add(a, b):
    """Add two points of P-256, None being the neutral one."""
    if a is None or b is None:
        return b if a is None else a
    p = P256
    if a[0] == b[0]:
        if (a[1] + b[1]) % p == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, p)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, p)
    x = (slope * slope - a[0] - b[0]) % p
    return x, (slope * (a[0] - x) - a[1]) % p


def weierstrass_times(k, point):
    """Multiply a point of P-256."""
    result = None
    while k:
        if k & 1:
            result = weierstrass_add(result, point)
        point = weierstrass_add(point, point)
        k >>= 1
    return result


def weierstrass_y(x):
    """Return one y of an x of P-256, or None off the curve."""
    square = (x**3 - 3 * x + B256) % P256
    y = pow(square, (P256 + 1) // 4, P256)
    return y if y * y % P256 == square else None
