"""Key objects of metadata: what `cryptography` and securesystemslib write, and mutations of it."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from hypothesis import example, given
from hypothesis import strategies as st
from securesystemslib.signer import SSlibKey

from protocols import keys
from protocols.errors import RemoteFault
from tests.vectors import make_p256, make_rsa_pss
from tests.vectors.curves import BASE256, weierstrass_times

RSA = make_rsa_pss.Key(2048, 65537)
RSA_NUMBERS = rsa.RSAPublicNumbers(RSA.e, RSA.n).public_key()
EC = ec.derive_private_key(make_p256.SECRET, ec.SECP256R1()).public_key()
ED = ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32).public_key()


def _pem(der: bytes) -> str:
    text = base64.b64encode(der).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


def _der(key: object) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _object(scheme: str, public: object, keytype: str | None = None) -> dict[str, object]:
    names = {keys.ED25519: "ed25519", keys.P256: "ecdsa", keys.RSA_PSS: "rsa"}
    return {"keytype": keytype or names[scheme], "scheme": scheme, "keyval": {"public": public}}


def _code(key: dict[str, object]) -> str:
    with pytest.raises(RemoteFault) as caught:
        keys.parse(key)
    return caught.value.code


def test_keys_as_securesystemslib_writes_them() -> None:
    expected = {
        keys.ED25519: ED.public_bytes_raw(),
        keys.P256: make_p256.key_bytes(weierstrass_times(make_p256.SECRET, BASE256)),
        keys.RSA_PSS: RSA.public,
    }
    for crypto in (ED, EC, RSA_NUMBERS):
        written = SSlibKey.from_crypto(crypto)
        data = written.to_dict()
        assert keys.parse(data) == (written.scheme, expected[written.scheme])
        assert keys.key_id(data) == written.keyid


def test_both_names_of_the_ecdsa_keytype() -> None:
    for keytype in ("ecdsa", "ecdsa-sha2-nistp256"):
        assert keys.parse(_object(keys.P256, _pem(_der(EC)), keytype))[0] == keys.P256


def test_final_newline_may_miss() -> None:
    text = _pem(_der(EC))
    assert keys.parse(_object(keys.P256, text[:-1])) == keys.parse(_object(keys.P256, text))


@pytest.mark.parametrize(
    ("keytype", "scheme"),
    [
        ("rsa", "ed25519"),
        ("ed25519", "rsassa-pss-sha256"),
        ("ecdsa", "ecdsa-sha2-nistp384"),
        ("rsa", "rsa-pkcs1v15-sha256"),
        ("sphincs", "sphincs"),
        (None, None),
        ([], {}),
        (1, True),
        ("ed25519", ["ed25519"]),
    ],
)
def test_schemes_we_do_not_verify(keytype: object, scheme: object) -> None:
    assert _code({"keytype": keytype, "scheme": scheme, "keyval": {"public": "00"}}) == "key.scheme"


@pytest.mark.parametrize("keyval", [None, "", [], {}, {"public": None}, {"public": b"00"}, 3])
def test_keyval_of_wrong_types(keyval: object) -> None:
    for scheme in keys.SCHEMES:
        key = _object(scheme, "")
        key["keyval"] = keyval
        assert _code(key) == "key.format"


def test_hex_is_exact() -> None:
    good = "ab" * 32
    assert keys.parse(_object(keys.ED25519, good)) == (keys.ED25519, b"\xab" * 32)
    bad = ("", good[:-1], good + "a", good[:-2], good.upper(), good[:-1] + "g", " " + good[1:])
    for text in (*bad, "0x" + good[2:], good[:-1] + "\n", "４" * 64, good + "\n"):
        assert _code(_object(keys.ED25519, text)) == "key.format"


def test_pem_is_exact() -> None:
    der = _der(EC)
    good = _pem(der)
    head, first, second, tail = good.split("\n")[:4]
    for text in (
        "",
        "\n" + good,
        good + "\n",
        " " + good,
        good.replace("\n", "\r\n"),
        good.replace("PUBLIC KEY", "EC PUBLIC KEY"),
        "\n".join([head, tail]),
        "\n".join([head, first + second, tail]),
        "\n".join([head, "", first, second, tail]),
        "\n".join([head, first, second, "", tail]),
        "\n".join([head, "Comment: a", "", first, second, tail]),
        "\n".join([head, first[:-1] + "*", second, tail]),
        "\n".join([head, first, second.replace("=", ""), tail]),
        "\n".join([head, first, second + "====", tail]),
        good + good,
        good[: len(good) // 2],
        "A" * 1025,
    ):
        assert _code(_object(keys.P256, text)) == "key.format", text


def test_points_are_uncompressed() -> None:
    compressed = EC.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    der = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + compressed
    assert load_pem_public_key(_pem(der).encode()) == EC
    assert _code(_object(keys.P256, _pem(der))) == "key.format"
    other = ec.generate_private_key(ec.SECP256K1()).public_key()
    assert _code(_object(keys.P256, _pem(_der(other)))) == "key.format"
    assert _code(_object(keys.P256, _pem(_der(RSA_NUMBERS)))) == "key.format"
    assert _code(_object(keys.RSA_PSS, _pem(_der(EC)))) == "key.format"


@pytest.mark.parametrize("exponent", [3, 17, 257, 65537, 2**31 + 1, 2**32 - 1])
def test_exponents(exponent: int) -> None:
    der = _der(rsa.RSAPublicNumbers(exponent, RSA.n).public_key())
    public = RSA.public[:-4] + exponent.to_bytes(4, "big")
    assert keys.parse(_object(keys.RSA_PSS, _pem(der))) == (keys.RSA_PSS, public)


def test_exponent_above_32_bits() -> None:
    der = _der(rsa.RSAPublicNumbers(2**32 + 1, RSA.n).public_key())
    assert _code(_object(keys.RSA_PSS, _pem(der))) == "key.format"


MUTATIONS = st.lists(
    st.tuples(st.sampled_from(["set", "cut", "add"]), st.integers(0, 400), st.integers(0, 255)),
    min_size=1,
    max_size=3,
)


@given(st.sampled_from([EC, RSA_NUMBERS]), MUTATIONS)
@example(RSA_NUMBERS, [("cut", 0, 0)])
@example(RSA_NUMBERS, [("set", 1, 0x83)])
def test_mutated_der_is_refused_or_exact(key: object, changes: list[tuple[str, int, int]]) -> None:
    der = bytearray(_der(key))
    for kind, at, octet in changes:
        at %= len(der)
        if kind == "set":
            der[at] = octet
        elif kind == "cut":
            del der[at]
        else:
            der.insert(at, octet)
    scheme = keys.P256 if key is EC else keys.RSA_PSS
    try:
        _, public = keys.parse(_object(scheme, _pem(bytes(der))))
    except RemoteFault as fault:
        assert fault.code == "key.format"
        return
    # What we take has one writing: the numbers, written again, are the same DER.
    if scheme == keys.P256:
        assert _der(EC)[:27] + public == der
    else:
        n, e = int.from_bytes(public[:-4], "big"), int.from_bytes(public[-4:], "big")
        assert der == _spki(n, e)


def _spki(n: int, e: int) -> bytes:
    def tlv(tag: int, body: bytes) -> bytes:
        size = len(body)
        if size < 128:
            return bytes([tag, size]) + body
        octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
        return bytes([tag, 128 + len(octets)]) + octets + body

    numbers = [tlv(2, v.to_bytes(v.bit_length() // 8 + 1, "big")) for v in (n, e)]
    bits = tlv(3, b"\0" + tlv(0x30, b"".join(numbers)))
    return tlv(0x30, bytes.fromhex("300d06092a864886f70d0101010500") + bits)


@given(st.text(max_size=200) | st.binary(max_size=300).map(_pem))
def test_any_text_is_refused_with_a_code(text: str) -> None:
    for scheme in keys.SCHEMES:
        assert _code(_object(scheme, text)) == "key.format"


def _element(tag: int, body: bytes, length: bytes = b"") -> bytes:
    if not length:
        size = len(body)
        length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + body


@pytest.mark.parametrize(
    ("length", "fits"), [(b"\x03", True), (b"\x81\x03", False), (b"\x82\x00\x03", False)]
)
def test_a_length_is_written_in_its_shortest_form(length: bytes, fits: bool) -> None:
    modulus = _element(2, b"\0" + RSA.n.to_bytes((RSA.n.bit_length() + 7) // 8, "big"))
    numbers = _element(0x30, modulus + _element(2, b"\x01\x00\x01", length))
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    key = _object(keys.RSA_PSS, _pem(_element(0x30, algorithm + _element(3, b"\0" + numbers))))
    if fits:
        assert keys.parse(key)[0] == keys.RSA_PSS
    else:
        assert _code(key) == "key.format"
