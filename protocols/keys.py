"""Public keys of TUF metadata: from key object to (scheme, public bytes).

| keytype | scheme | public bytes |
|---|---|---|
| `ed25519` | `ed25519` | 32, as in RFC 8032 |
| `ecdsa`, `ecdsa-sha2-nistp256` | `ecdsa-sha2-nistp256` | 64: X and Y, big-endian |
| `rsa` | `rsassa-pss-sha256` | n big-endian without leading zeros, then e as four bytes |

Only one writing of a key is taken (a final newline aside): lower-case hex; a PEM `PUBLIC KEY` block
as RFC 7468 generators write it, of exact base64 around exact DER (RFC 5280, 4.1.2.7); the
uncompressed point (RFC 5480 makes it the one every reader must know; compressed ones are refused on
every platform). A reader that counts signers must count different (scheme, public bytes), because
one key may stand under two key ids.
Whether the numbers make a usable key is the verifier's business.
"""

import hashlib
from binascii import a2b_base64, b2a_base64, hexlify, unhexlify

from protocols.errors import RemoteFault
from protocols.limits import PEM_BYTES_MAX

ED25519 = "ed25519"
P256 = "ecdsa-sha2-nistp256"
RSA_PSS = "rsassa-pss-sha256"
SCHEMES = (ED25519, P256, RSA_PSS)

_KEYTYPES = {ED25519: (ED25519,), P256: ("ecdsa", P256), RSA_PSS: ("rsa",)}
_PEM_HEAD = "-----BEGIN PUBLIC KEY-----"
_PEM_TAIL = "-----END PUBLIC KEY-----"
# SubjectPublicKeyInfo up to the point: id-ecPublicKey, prime256v1, BIT STRING, uncompressed.
_P256_HEAD = unhexlify("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
# AlgorithmIdentifier rsaEncryption with NULL.
_RSA_ALGORITHM = unhexlify("300d06092a864886f70d0101010500")
_HEX = "0123456789abcdef"


def parse(key: "dict[str, object]") -> tuple[str, bytes]:
    """Return (scheme, public bytes) of a TUF key object.

    Raises `RemoteFault`: `key.scheme` for a keytype and scheme we do not verify (a reader of
    metadata passes over such a key), `key.format` for a known one written wrongly.
    """
    keytype = key.get("keytype")
    scheme = key.get("scheme")
    if not isinstance(scheme, str) or keytype not in _KEYTYPES.get(scheme, ()):
        raise RemoteFault(
            "key.scheme", "keytype and scheme not supported", "Use one of " + ", ".join(SCHEMES)
        )
    keyval = key.get("keyval")
    text = keyval.get("public") if isinstance(keyval, dict) else None
    if not isinstance(text, str) or len(text) > PEM_BYTES_MAX:
        raise _format("keyval.public is not a short string")
    if scheme == ED25519:
        return scheme, _read_hex(text)
    der = _read_pem(text)
    return scheme, _read_p256(der) if scheme == P256 else _read_rsa(der)


def key_id(key: "dict[str, object]") -> str:
    """Return the usual TUF key id: SHA-256, in hex, of the key's canonical JSON.

    The specification lets a repository choose any id, so an id proves nothing. `key` must be one
    that `parse` takes.
    """
    keyval = key.get("keyval")
    if not isinstance(keyval, dict):
        raise _format("keyval is not an object")
    canonical = '{"keytype":"%s","keyval":{"public":"%s"},"scheme":"%s"}' % (
        key["keytype"],
        keyval["public"],
        key["scheme"],
    )
    return hexlify(hashlib.sha256(canonical.encode()).digest()).decode()


def _format(message: str) -> RemoteFault:
    return RemoteFault("key.format", message, "Write the key as python-tuf does")


def _read_hex(text: str) -> bytes:
    if len(text) != 64 or any(c not in _HEX for c in text):
        raise _format("keyval.public is not 64 lower-case hex digits")
    return unhexlify(text)


def _read_pem(text: str) -> bytes:
    """Return the DER of one PEM block as RFC 7468 generators write it: lines of 64, LF."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    if len(lines) < 3 or lines[0] != _PEM_HEAD or lines[-1] != _PEM_TAIL:
        raise _format("keyval.public is not one PEM block PUBLIC KEY")
    lines = lines[1:-1]
    if not lines[-1] or any([len(line) != 64 for line in lines[:-1]]) or len(lines[-1]) > 64:
        raise _format("the PEM block is not in lines of 64")
    body = "".join(lines).encode()
    try:
        der = a2b_base64(body)
    except ValueError:
        der = b""
    if b2a_base64(der)[:-1] != body:
        raise _format("the PEM block is not exact base64")
    return der


def _read_p256(der: bytes) -> bytes:
    head = len(_P256_HEAD)
    if len(der) != head + 64 or der[:head] != _P256_HEAD:
        raise _format("not an uncompressed P-256 SubjectPublicKeyInfo")
    return der[head:]


def _read_rsa(der: bytes) -> bytes:
    inner = _unwrap(der, 0, 0x30, len(der))
    key_at = inner + len(_RSA_ALGORITHM)
    if der[inner:key_at] != _RSA_ALGORITHM:
        raise _format("not an rsaEncryption SubjectPublicKeyInfo")
    bits = _unwrap(der, key_at, 0x03, len(der))
    if der[bits : bits + 1] != b"\0":
        raise _format("the RSA key is not whole octets")
    numbers = _unwrap(der, bits + 1, 0x30, len(der))
    modulus_at, modulus_end = _read_length(der, numbers, 0x02)
    exponent_at = _unwrap(der, modulus_end, 0x02, len(der))
    modulus = _positive(der[modulus_at:modulus_end])
    exponent = _positive(der[exponent_at:])
    if len(exponent) > 4:
        raise _format("the RSA exponent is above 2^32 - 1")
    return modulus + bytes(4 - len(exponent)) + exponent


def _unwrap(der: bytes, at: int, tag: int, end: int) -> int:
    """Return where the content of the element at `at` starts; it must reach exactly to `end`."""
    start, stop = _read_length(der, at, tag)
    if stop != end:
        raise _format("DER element of a wrong length")
    return start


def _read_length(der: bytes, at: int, tag: int) -> tuple[int, int]:
    """Return (start, end) of an element's content; the length in its one DER form."""
    head = der[at : at + 4]
    if len(head) < 2 or head[0] != tag:
        raise _format("DER element missing")
    size = head[1]
    start = at + 2
    if size > 127:
        extra = size - 128
        if not 1 <= extra <= 2 or len(head) < 2 + extra:
            raise _format("DER length not in its short form")
        size = int.from_bytes(head[2 : 2 + extra], "big")
        start += extra
        if size < (128 if extra == 1 else 256):
            raise _format("DER length not in its short form")
    if start + size > len(der):
        raise _format("DER element cut short")
    return start, start + size


def _positive(body: bytes) -> bytes:
    """Return the octets of a positive DER INTEGER without its leading zero."""
    if not body or body[0] > 127 or (body[0] == 0 and (len(body) == 1 or body[1] < 128)):
        raise _format("DER INTEGER not positive and minimal")
    return body[1:] if body[0] == 0 else body
