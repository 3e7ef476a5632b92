"""P-256 against slow curve arithmetic, and the shipped table derived again."""

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import p256, p256_base
from tests.vectors import curves, make_p256

SECRETS = st.integers(1, curves.N256 - 1)


def test_base_rows_are_multiples_of_the_base_point() -> None:
    point = curves.BASE256
    for row in p256_base.BASE_ROWS:
        assert len(row) == 16 * 64
        multiple, double = point, curves.weierstrass_add(point, point)
        for at in range(0, len(row), 64):
            assert row[at : at + 64] == make_p256.key_bytes(multiple)
            multiple = curves.weierstrass_add(multiple, double)
        point = curves.weierstrass_times(2**128, point)


def test_constants() -> None:
    assert (p256.P, p256.N, p256.B) == (curves.P256, curves.N256, curves.B256)


@given(SECRETS, SECRETS, st.binary(max_size=200))
def test_own_signatures(secret: int, nonce: int, message: bytes) -> None:
    key = make_p256.key_bytes(curves.weierstrass_times(secret, curves.BASE256))
    r, s = make_p256.sign(secret, nonce, message)
    assert p256.verify(key, make_p256.der(r, s), [message])
    assert p256.verify(key, make_p256.der(r, curves.N256 - s), [message[:9], message[9:]])
    assert not p256.verify(key, make_p256.der(r, s), [message, b"\0"])


@given(st.integers(1, 40) | st.integers(curves.N256 - 40, curves.N256 - 1), st.integers(1, 40))
def test_keys_near_the_base(secret: int, nonce: int) -> None:
    key = make_p256.key_bytes(curves.weierstrass_times(secret, curves.BASE256))
    r, s = make_p256.sign(secret, nonce)
    assert p256.verify(key, make_p256.der(r, s), [make_p256.MESSAGE])
    assert not p256.verify(key, make_p256.der(r, s + 1), [make_p256.MESSAGE])


@settings(max_examples=25)
@given(SECRETS)
def test_prepared_tables_hold_odd_multiples(secret: int) -> None:
    point = curves.weierstrass_times(secret, curves.BASE256)
    tables = p256.prepare(make_p256.key_bytes(point))
    assert tables is not None
    for table, times in ((tables[0], 1), (tables[1], 2**128)):
        expected = [curves.weierstrass_times((2 * i + 1) * times, point) for i in range(4)]
        assert table == expected


def _jacobian(point: tuple[int, int], z: int) -> tuple[int, int, int]:
    p = curves.P256
    return point[0] * z * z % p, point[1] * z**3 % p, z


@given(SECRETS, st.integers(1, curves.P256 - 1))
def test_every_path_of_the_addition(secret: int, z: int) -> None:
    point = curves.weierstrass_times(secret, curves.BASE256)
    assert point is not None
    x, y = point
    triple = curves.weierstrass_times(3 * secret % curves.N256, curves.BASE256)
    twice = curves.weierstrass_add(point, point)
    moved = _jacobian(point, z)
    assert p256._affine([p256._add(*moved, *twice)]) == [triple]
    assert p256._affine([p256._add(*moved, x, y)]) == [twice]
    assert p256._add(*moved, x, curves.P256 - y)[2] == 0
    assert p256._add(1, 1, 0, x, y) == (x, y, 1)


@given(st.binary(max_size=80))
def test_reading_a_signature_never_raises(data: bytes) -> None:
    pair = p256.read_signature(data)
    assert pair is None or make_p256.der(*pair) == data


@given(st.integers(1, curves.N256 - 1), st.integers(1, curves.N256 - 1))
def test_reading_what_was_written(r: int, s: int) -> None:
    assert p256.read_signature(make_p256.der(r, s)) == (r, s)


def test_a_coordinate_has_one_spelling() -> None:
    """A small x may also be written x + p: the same point, another key id, refused."""
    p = curves.P256
    for x in range(1, 60):
        square = (x**3 - 3 * x + curves.B256) % p
        y = pow(square, (p + 1) // 4, p)
        if y * y % p == square:
            break
    assert p256.prepare(make_p256.key_bytes((x, y))) is not None
    assert p256.prepare((x + p).to_bytes(32, "big") + y.to_bytes(32, "big")) is None


def test_an_integer_without_its_leading_zero_is_negative() -> None:
    r = s = curves.N256 - 2
    good = make_p256.der(r, s)
    assert p256.read_signature(good) == (r, s)
    bare = r.to_bytes(32, "big")
    both = b"\x02\x20" + bare + b"\x02\x20" + bare
    assert p256.read_signature(b"\x30" + bytes([len(both)]) + both) is None
