"""The contract of the verifier port: one verdict, whatever the adapter and the input."""

import ctypes
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from hw import ports
from hw.linux import libcrypto
from hw.linux import verifier as linux
from hw.micropython import verifier as micropython
from hw.sim import verifier as sim
from protocols import keys
from protocols.errors import WorldFault
from protocols.sha512 import PureSha512
from tests.hw import openssl_verifier
from tests.vectors import make_ed25519, make_p256, make_rsa_pss
from tests.vectors.curves import (
    BASE256,
    BASE25519,
    P25519,
    edwards_bytes,
    edwards_times,
    weierstrass_times,
)

LINUX = linux.Verifier()
PURE = micropython.Verifier(PureSha512)
OPENSSL = openssl_verifier.Verifier()
RSA = make_rsa_pss.Key(2048, 65537)


def _sign(scheme: str, number: int, message: bytes) -> tuple[bytes, bytes]:
    """Return (public, signature) by one of four keys of a scheme."""
    if scheme == keys.ED25519:
        private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        return private.public_key().public_bytes_raw(), private.sign(message)
    if scheme == keys.P256:
        key = ec.derive_private_key(make_p256.SECRET + number, ec.SECP256R1())
        point = key.public_key().public_numbers()
        return make_p256.key_bytes((point.x, point.y)), key.sign(message, ec.ECDSA(SHA256()))
    padded = make_rsa_pss.pad(RSA, digest=hashlib.sha256(message).digest())
    return RSA.public, RSA.power(padded)


def _mutate(data: bytes, kind: str, at: int, octet: int) -> bytes:
    changed = bytearray(data)
    if kind == "insert":
        changed.insert(at % (len(data) + 1), octet)
    elif data:
        at %= len(data)
        if kind == "set":
            changed[at] = octet
        elif kind == "flip":
            changed[at] ^= 1 << octet % 8
        elif kind == "cut":
            del changed[at]
        else:
            del changed[at:]
    return bytes(changed)


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["public", "signature", "message"]),
        st.sampled_from(["set", "flip", "cut", "insert", "truncate"]),
        st.integers(0, 600),
        st.integers(0, 255),
    ),
    max_size=2,
)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(keys.SCHEMES), st.integers(0, 3), st.binary(max_size=200), CHANGES, st.data()
)
def test_verdicts_agree_on_mutated_inputs(scheme, number, message, changes, data) -> None:
    public, signature = _sign(scheme, number, message)
    values = {"public": public, "signature": signature, "message": message}
    for which, kind, at, octet in changes:
        values[which] = _mutate(values[which], kind, at, octet)
    unchanged = values == {"public": public, "signature": signature, "message": message}
    cut = data.draw(st.integers(0, len(values["message"])))
    pieces = [values["message"][:cut], values["message"][cut:]]
    verdict = LINUX.verify(scheme, values["public"], values["signature"], pieces)
    for other in (PURE, OPENSSL):
        assert verdict is other.verify(scheme, values["public"], values["signature"], iter(pieces))
    assert verdict is unchanged


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(keys.SCHEMES), st.binary(max_size=530), st.binary(max_size=520))
def test_verdicts_agree_on_any_bytes(scheme, public, signature) -> None:
    for verifier in (LINUX, PURE, OPENSSL):
        assert verifier.verify(scheme, public, signature, [b""]) is False


# Anything about a 64-byte signature and a key that an attacker of the equation may choose.
POINTS = st.one_of(
    st.integers(0, 12).map(lambda y: y.to_bytes(32, "little")),
    st.integers(P25519 - 3, P25519 + 18).map(lambda y: y.to_bytes(32, "little")),
    st.integers(1, 2**64).map(lambda k: edwards_bytes(edwards_times(k, BASE25519))),
    st.binary(min_size=32, max_size=32),
)
SCALARS = st.one_of(
    st.integers(0, 9),
    st.integers(make_ed25519.L - 2, make_ed25519.L + 2),
    st.integers(0, 2**256 - 1),
).map(lambda s: s.to_bytes(32, "little"))


@settings(max_examples=100, deadline=None)
@given(POINTS, POINTS, SCALARS, st.sampled_from([0, 128]))
def test_verdicts_agree_on_chosen_points(key, point, scalar, sign) -> None:
    key = key[:31] + bytes([key[31] ^ sign])
    for message in (b"", b"1"):
        verdict = LINUX.verify(keys.ED25519, key, point + scalar, [message])
        for other in (PURE, OPENSSL):
            assert verdict is other.verify(keys.ED25519, key, point + scalar, [message])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 2**256), st.integers(1, 2**256), st.booleans())
def test_verdicts_agree_on_chosen_ecdsa_numbers(secret, r, s, near) -> None:
    if near:
        r, s = make_p256.N - r % 40, make_p256.N - s % 40
    key = make_p256.key_bytes(weierstrass_times(secret, BASE256))
    signature = make_p256.der(r, s)
    verdict = LINUX.verify(keys.P256, key, signature, [b"m"])
    for other in (PURE, OPENSSL):
        assert verdict is other.verify(keys.P256, key, signature, [b"m"])


def test_real_pss_signatures_of_openssl() -> None:
    for bits in (2048, 3072):
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        public = key.public_key().public_numbers().n.to_bytes(bits // 8, "big") + b"\0\1\0\1"
        for salt, taken in ((32, True), (31, False), (padding.PSS.MAX_LENGTH, False)):
            scheme = padding.PSS(padding.MGF1(SHA256()), salt)
            signature = key.sign(b"real", scheme, SHA256())
            for verifier in (LINUX, PURE, OPENSSL):
                assert verifier.verify(keys.RSA_PSS, public, signature, [b"real"]) is taken


@pytest.mark.parametrize("verifier", [LINUX, PURE, OPENSSL, sim.Verifier()])
def test_port(verifier: ports.Verifier) -> None:
    assert isinstance(verifier, ports.Verifier)
    for scheme in keys.SCHEMES:
        public, signature = _sign(scheme, 1, b"abc")
        for pieces in ([b"abc"], [b"a", b"", b"bc"], (c for c in [b"ab", b"c"])):
            assert verifier.verify(scheme, public, signature, pieces) is True
        assert verifier.verify(scheme, public, signature, []) is False
    other, signature = _sign(keys.ED25519, 2, b"abc")
    for scheme in (keys.P256, keys.RSA_PSS, "", "ed448"):
        assert verifier.verify(scheme, other, signature, [b"abc"]) is False


def test_refused_keys_are_not_kept() -> None:
    verifier = micropython.Verifier()
    assert not verifier.verify(keys.P256, bytes(64), make_p256.der(1, 1), [b""])
    assert not verifier._tables


def test_tables_are_bounded_and_freed() -> None:
    verifier = micropython.Verifier()
    for number in range(4):
        for scheme in (keys.ED25519, keys.P256):
            public, signature = _sign(scheme, number, b"m")
            assert verifier.verify(scheme, public, signature, [b"m"])
            assert len(verifier._tables) <= micropython.TABLES_MAX
    assert verifier._tables
    verifier.forget()
    assert not verifier._tables
    assert verifier.verify(scheme, public, signature, [b"m"])


def test_one_key_under_two_schemes_is_two_tables() -> None:
    verifier = micropython.Verifier()
    public, signature = _sign(keys.P256, 1, b"m")
    assert verifier.verify(keys.P256, public, signature, [b"m"])
    assert not verifier.verify(keys.ED25519, public, signature, [b"m"])


def test_a_small_rsa_key_is_refused_however_good_its_signature() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    public = key.public_key().public_numbers().n.to_bytes(128, "big") + b"\0\1\0\1"
    scheme = padding.PSS(padding.MGF1(SHA256()), 32)
    signature = key.sign(b"real", scheme, SHA256())
    for verifier in (LINUX, PURE, OPENSSL):
        assert not verifier.verify(keys.RSA_PSS, public, signature, [b"real"])


def test_a_refusal_leaves_nothing_for_tls_to_stumble_over(monkeypatch) -> None:
    """OpenSSL keeps errors for its thread until somebody asks; `ssl` asks after its own calls."""
    public, signature = _sign(keys.ED25519, 1, b"abc")
    errors = ctypes.CDLL("libcrypto.so.3").ERR_peek_error
    errors.restype = ctypes.c_ulong
    library = libcrypto._load()
    make = library.EVP_PKEY_new_raw_public_key
    left = []

    def refuse(kind: int, engine: None, data: bytes, size: int) -> None:
        assert make(kind, engine, data, size - 1) is None
        left.append(errors())

    monkeypatch.setattr(library, "EVP_PKEY_new_raw_public_key", refuse)
    with pytest.raises(WorldFault):
        libcrypto.verify(public, signature, b"abc")
    assert left[0] != 0 and errors() == 0


def test_a_missing_openssl_is_named_with_its_package(monkeypatch) -> None:
    monkeypatch.setattr(libcrypto, "_functions", None)
    monkeypatch.setattr(libcrypto, "_NAME", "libcrypto-missing.so")
    public, signature = _sign(keys.ED25519, 1, b"abc")
    with pytest.raises(WorldFault) as caught:
        LINUX.verify(keys.ED25519, public, signature, [b"abc"])
    assert caught.value.code == "crypto.missing" and "libssl3" in caught.value.remedy


@pytest.mark.parametrize("kind", ["public", "private", "context"])
def test_a_null_pointer_of_openssl_is_a_fault_and_never_followed(monkeypatch, kind) -> None:
    """Out of memory, or by a policy of the machine that forbids Ed25519 (FIPS)."""
    public, signature = _sign(keys.ED25519, 1, b"abc")
    name = "EVP_MD_CTX_new" if kind == "context" else f"EVP_PKEY_new_raw_{kind}_key"
    seed = bytes([1]) * 32
    assert libcrypto.sign(seed, b"abc") == signature
    monkeypatch.setattr(libcrypto._load(), name, lambda *_: None)
    calls = {
        "verify": lambda: LINUX.verify(keys.ED25519, public, signature, [b"abc"]),
        "public_key": lambda: libcrypto.public_key(seed),
        "sign": lambda: libcrypto.sign(seed, b"abc"),
    }
    need = {"public": ("verify",), "private": ("public_key", "sign"), "context": ("verify", "sign")}
    for call in need[kind]:
        with pytest.raises(WorldFault) as caught:
            calls[call]()
        assert caught.value.code == "crypto.refused" and caught.value.remedy
