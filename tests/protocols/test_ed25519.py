"""Ed25519 against slow curve arithmetic, and the shipped tables derived again."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import ed25519, ed25519_base
from tests.vectors import curves, make_ed25519

SEEDS = st.binary(min_size=32, max_size=32)


def test_base_rows_are_multiples_of_the_base_point() -> None:
    point = curves.BASE25519
    p = curves.P25519
    for row in ed25519_base.BASE_ROWS:
        assert len(row) == 16 * 96
        multiple, double = point, curves.edwards_add(point, point)
        for at in range(0, len(row), 96):
            x, y = multiple
            expected = ((y - x) % p, (y + x) % p, 2 * curves.D25519 * x * y % p)
            assert row[at : at + 96] == b"".join(v.to_bytes(32, "little") for v in expected)
            multiple = curves.edwards_add(multiple, double)
        point = curves.edwards_times(2**127, point)


def test_constants() -> None:
    assert (ed25519.P, ed25519.L, ed25519.D) == (curves.P25519, curves.L25519, curves.D25519)
    torsion = curves.edwards_torsion()
    small = {curves.edwards_times(i, torsion)[1] for i in range(8)}
    assert small == set(ed25519._SMALL_ORDER_Y)
    assert ed25519._SQRT_M1**2 % ed25519.P == ed25519.P - 1


@given(SEEDS, st.binary(max_size=300), st.integers(0, 300))
def test_round_trip_in_any_pieces(seed: bytes, message: bytes, cut: int) -> None:
    key = ed25519.public(seed)
    signature = ed25519.sign(seed, message)
    assert ed25519.verify(key, signature, [message[:cut], message[cut:]])
    assert not ed25519.verify(key, signature, [message, b"\0"])


@pytest.mark.parametrize("scalar", [1, 2, 127, 2**127 - 1, 2**127, 2**252, curves.L25519 - 1])
def test_multiples_of_the_base_at_the_edges(scalar: int) -> None:
    chain = ed25519._chain(ed25519._base_rows(scalar))
    expected = curves.edwards_times(scalar, curves.BASE25519)
    assert ed25519._encode(chain) == curves.edwards_bytes(expected)


@settings(max_examples=25)
@given(SEEDS)
def test_prepared_tables_hold_odd_multiples_of_the_negated_key(seed: bytes) -> None:
    key = ed25519.public(seed)
    tables = ed25519.prepare(key)
    assert tables is not None
    p = curves.P25519
    y = int.from_bytes(key, "little") & (1 << 255) - 1
    x = curves.edwards_x(y)
    assert x is not None
    if x & 1 == key[31] >> 7:
        x = p - x
    for table, times in ((tables[0], 1), (tables[1], 2**127)):
        for i, (minus, plus, double_z, dt) in enumerate(table):
            point = curves.edwards_times((2 * i + 1) * times, (x, y))
            w = pow(double_z, -1, p)
            assert ((plus - minus) * w % p, (plus + minus) * w % p) == point
            assert dt * w % p == curves.D25519 * point[0] * point[1] % p


@settings(max_examples=25)
@given(st.integers(0, curves.L25519 - 1), st.integers(0, 7), st.binary(max_size=20))
def test_torsion_counts_in_the_equation(secret: int, order: int, message: bytes) -> None:
    """Compare with [S]B - [k]A = R worked out slowly, A and R of mixed order."""
    torsion = curves.edwards_torsion()
    small = curves.edwards_times(order, torsion)
    a_point = curves.edwards_add(curves.edwards_times(secret, curves.BASE25519), small)
    key = curves.edwards_bytes(a_point)
    nonce = secret * 7 + 1
    plain = curves.edwards_times(nonce, curves.BASE25519)
    point = curves.edwards_bytes(plain)
    signature = make_ed25519.signature(point, key, message, nonce, secret)
    k = make_ed25519.challenge(point, key, message)
    holds = k * order % 8 == 0 and secret != 0
    assert ed25519.verify(key, signature, [message]) is holds


def test_secret_scalar_is_clamped_as_the_standard_says() -> None:
    seed = bytes(range(32))
    digest = bytearray(hashlib.sha512(seed).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 63 | 64
    scalar = int.from_bytes(digest, "little")
    point = curves.edwards_times(scalar, curves.BASE25519)
    assert ed25519.public(seed) == curves.edwards_bytes(point)


def test_off_curve_key_has_no_table() -> None:
    off = next(y for y in range(2, 40) if curves.edwards_x(y) is None)
    assert ed25519.prepare(off.to_bytes(32, "little")) is None


@pytest.mark.parametrize("bit", [0, 7, 100, 255])
def test_every_bit_of_r_counts(bit: int) -> None:
    """A forger with the secret key hashes a changed R, so that only the comparison can tell."""

    def scalar(seed: bytes) -> int:
        digest = bytearray(hashlib.sha512(seed).digest()[:32])
        digest[0] &= 248
        digest[31] = digest[31] & 63 | 64
        return int.from_bytes(digest, "little")

    key, nonce = b"k" * 32, b"n" * 32
    public, changed = ed25519.public(key), bytearray(ed25519.public(nonce))
    changed[bit // 8] ^= 1 << bit % 8
    k = int.from_bytes(hashlib.sha512(bytes(changed) + public + b"m").digest(), "little")
    s = (scalar(nonce) + k * scalar(key)) % curves.L25519
    signature = bytes(changed) + s.to_bytes(32, "little")
    assert ed25519.is_strict(public, signature)
    assert not ed25519.verify(public, signature, [b"m"])
