"""Key objects on this interpreter, whose base64 reader is more lenient than CPython's."""

from binascii import b2a_base64, hexlify, unhexlify

from protocols import keys
from protocols.errors import RemoteFault

POINT = b"".join([bytes([i]) for i in range(64)])
P256_DER = unhexlify("3059301306072a8648ce3d020106082a8648ce3d03010703420004") + POINT
MODULUS = b"\xc1" + bytes(254) + b"\x01"
# SEQUENCE { SEQUENCE { rsaEncryption NULL } BIT STRING { SEQUENCE { n, e } } }
RSA_DER = (
    unhexlify("30820122300d06092a864886f70d01010105000382010f003082010a0282010100")
    + MODULUS
    + unhexlify("0203010001")
)


def _pem(der):
    text = b2a_base64(der).decode()[:-1]
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----"] + lines + ["-----END PUBLIC KEY-----", ""])


def _key(scheme, public):
    keytype = {"ed25519": "ed25519", "ecdsa-sha2-nistp256": "ecdsa", "rsassa-pss-sha256": "rsa"}
    return {"keytype": keytype[scheme], "scheme": scheme, "keyval": {"public": public}}


def _code(key):
    try:
        keys.parse(key)
    except RemoteFault as fault:
        return fault.code
    return None


def test_good_keys():
    assert keys.parse(_key(keys.ED25519, "0f" * 32)) == (keys.ED25519, b"\x0f" * 32)
    assert keys.parse(_key(keys.P256, _pem(P256_DER))) == (keys.P256, POINT)
    expected = (keys.RSA_PSS, MODULUS + b"\0\1\0\1")
    assert keys.parse(_key(keys.RSA_PSS, _pem(RSA_DER))) == expected


def test_key_id():
    # Worked out with securesystemslib 1.6: SSlibKey.keyid of this key.
    key = _key(keys.ED25519, hexlify(b"k" * 32).decode())
    assert keys.key_id(key) == "ac08739bdc7080b0ffef0a8ecc5bebfa5030cd734976c45b5cc4be735e72b0a2"


def test_base64_is_exact():
    good = _pem(P256_DER)
    lines = good.split("\n")
    for changed in (
        lines[1][:-1] + " ",
        lines[1][:-1] + "=",
        lines[1][:-1] + "*",
        lines[1][:-1] + "-",
        lines[1][:-1] + "\u1ea3",
        "\r" + lines[1][1:],
    ):
        assert _code(_key(keys.P256, good.replace(lines[1], changed))) == "key.format"
    for changed in (lines[2] + "=", lines[2][:-1], lines[2] + "AAAA", lines[2][:-4]):
        assert _code(_key(keys.P256, good.replace(lines[2], changed))) == "key.format"


def test_every_cut_and_every_altered_head_octet():
    for scheme, der in ((keys.P256, P256_DER), (keys.RSA_PSS, RSA_DER)):
        for length in range(0, len(der), 7):
            assert _code(_key(scheme, _pem(der[:length]))) == "key.format", length
        assert _code(_key(scheme, _pem(der + b"\0"))) == "key.format"
        for at in range(27):
            changed = der[:at] + bytes([der[at] ^ 0x41]) + der[at + 1 :]
            assert _code(_key(scheme, _pem(changed))) == "key.format", at


def test_numbers_are_minimal_and_positive():
    written = hexlify(RSA_DER).decode()
    for old, new, code in (
        ("0203010001", "0203810001", "key.format"),
        ("0203010001", "0203000101", "key.format"),
        ("0203010001", "0203800001", "key.format"),
        ("0203010001", "0303010001", "key.format"),
        ("0203010001", "0202010001", "key.format"),
        ("0203010001", "0204010001", "key.format"),
        ("0282010100c1", "02820101c1c1", "key.format"),
        ("0282010100c1", "02820101007f", "key.format"),
        ("0282010100c1", "028201010081", None),
        ("0282010100c1", "0282010141c1", None),
        ("0282010100c1", "0382010100c1", "key.format"),
        ("0282010100c1", "0281010100c1", "key.format"),
        ("0382010f00", "0382010f01", "key.format"),
    ):
        assert old in written
        changed = unhexlify(written.replace(old, new))
        assert _code(_key(keys.RSA_PSS, _pem(changed))) == code, new


def test_unknown_schemes_and_types():
    assert _code({}) == "key.scheme"
    assert _code({"keytype": "rsa", "scheme": "ed25519", "keyval": {"public": ""}}) == "key.scheme"
    assert _code({"keytype": "ed25519", "scheme": "ed25519"}) == "key.format"
    assert _code(_key(keys.ED25519, 5)) == "key.format"
    assert _code(_key(keys.ED25519, "0F" * 32)) == "key.format"
    assert _code(_key(keys.ED25519, "0f" * 33)) == "key.format"
