"""Sign and read HTTP messages by RFC 9421, in one fixed Ed25519 profile.

Theory of operation. A request covers `@method`, `@authority`, `@path` and `content-digest`; an
answer covers `@status`, its own `content-digest` and the request's (`;req`, RFC 9421 section 2.4),
and carries the request's nonce as its own. So an answer speaks of exactly one request of exactly
one sender, and any RFC 9421 library can check both. This module builds and parses text; signing
and checking are the caller's (`Identity`, `Verifier`).

Clock rule. `created` says what the signer's clock showed and is left out when it shows nothing
(RFC 9421 section 2.3 only recommends it). A receiver never refuses a message because of `created`:
a node whose clock is unknown must still deliver its records. Replay is harmless for another
reason: a record is stored once under (node, epoch, sequence), and a node accepts an answer only
to the nonce it waits for. `expires`, where present, is the signer's own wish and is only parsed.
"""

import binascii
import hashlib
from collections import namedtuple

from protocols.errors import LocalFault, RemoteFault
from protocols.limits import (
    SIGNATURE_HEADER_BYTES_MAX,
    SIGNATURE_LABEL_BYTES_MAX,
    SIGNATURE_TEXT_BYTES_MAX,
)

LABEL = "chieng"
ALGORITHM = "ed25519"
REQUEST_COMPONENTS = '("@method" "@authority" "@path" "content-digest")'
ANSWER_COMPONENTS = '("@status" "content-digest" "content-digest";req)'

_REMEDY = (
    "Sign with the profile of protocols/http_signature.py; keep proxies from changing headers."
)
_LABEL_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789_-.*"


class Signed(namedtuple("Signed", ("key_id", "nonce", "created_s", "signature", "base"))):
    """One parsed signature: check `signature` over `base` with the key that `key_id` names.

    `created_s` is Unix seconds or None, `signature` 64 bytes, `base` the signature base as bytes.
    """


def content_digest(body: bytes) -> str:
    """Return the Content-Digest value (RFC 9530) of a body."""
    return digest_value(hashlib.sha256(body).digest())


def digest_value(sha256: bytes) -> str:
    """Return the Content-Digest value for a SHA-256 of 32 bytes computed elsewhere."""
    if len(sha256) != 32:
        raise LocalFault("signature.digest", "SHA-256 must be 32 bytes", "Pass the raw digest.")
    return "sha-256=:" + _base64(sha256) + ":"


def authority(host: str, tls: bool) -> str:
    """Return `@authority` for a Host header: lower case, without the scheme's own port.

    RFC 9421 section 2.2.3.
    """
    host = host.lower()
    port = ":443" if tls else ":80"
    return host[: -len(port)] if host.endswith(port) else host


def request_headers(
    method: str,
    host: str,
    path: str,
    body: bytes,
    key_id: str,
    nonce: str,
    created_s: int | None,
    sign: "object",
) -> dict[str, str]:
    """Return the three headers that sign a request; `sign(base) -> 64 bytes` makes the signature.

    `host` is the authority as `authority` returns it, `path` the absolute path without a query,
    `created_s` None when the clock is unknown.
    """
    digest = content_digest(body)
    params = REQUEST_COMPONENTS + _parameters(key_id, nonce, created_s)
    return _headers(digest, params, _request_base(method, host, path, digest, params), sign)


def answer_headers(
    status: int,
    body: bytes,
    request_digest: str,
    key_id: str,
    nonce: str,
    created_s: int | None,
    sign: "object",
) -> dict[str, str]:
    """Return the three headers that sign an answer to the request with that digest and nonce."""
    digest = content_digest(body)
    params = ANSWER_COMPONENTS + _parameters(key_id, nonce, created_s)
    return _headers(digest, params, _answer_base(status, digest, request_digest, params), sign)


def read_request(
    method: str, host: str, path: str, headers: dict[str, str], body_sha256: bytes
) -> Signed:
    """Parse a signed request and bind it to its body; the caller then checks the signature.

    `headers` has lower-case names. Raises `RemoteFault` with `signature.missing`,
    `signature.format`, `signature.profile` or `signature.digest`.
    """
    digest = _read_digest(headers, body_sha256)
    params, key_id, nonce, created_s, signature = _read_headers(headers, REQUEST_COMPONENTS)
    base = _request_base(method, host, path, digest, params)
    return Signed(key_id, nonce, created_s, signature, base)


def read_answer(
    status: int,
    headers: dict[str, str],
    body_sha256: bytes,
    request_digest: str,
    nonce: str,
) -> Signed:
    """Parse a signed answer to the request with that digest and nonce.

    Raises as `read_request`, and `signature.nonce` when the answer is to another request.
    """
    digest = _read_digest(headers, body_sha256)
    params, key_id, found, created_s, signature = _read_headers(headers, ANSWER_COMPONENTS)
    if found != nonce:
        raise RemoteFault(
            "signature.nonce", "the answer carries another request's nonce", "Ask again."
        )
    base = _answer_base(status, digest, request_digest, params)
    return Signed(key_id, found, created_s, signature, base)


def _request_base(method: str, host: str, path: str, digest: str, params: str) -> bytes:
    lines = (
        ("@method", method),
        ("@authority", host),
        ("@path", path),
        ("content-digest", digest),
    )
    text = ""
    for name, value in lines:
        _check_value(name, value)
        text += '"' + name + '": ' + value + "\n"
    return (text + '"@signature-params": ' + params).encode()


def _answer_base(status: int, digest: str, request_digest: str, params: str) -> bytes:
    if not 100 <= status <= 599:
        raise LocalFault("signature.status", "status %d" % status, "Pass the HTTP status.")
    _check_value("content-digest", request_digest)
    text = '"@status": %d\n"content-digest": ' % status + digest
    text += '\n"content-digest";req: ' + request_digest
    return (text + '\n"@signature-params": ' + params).encode()


def _check_value(name: str, value: str) -> None:
    plain = 0 < len(value) <= SIGNATURE_HEADER_BYTES_MAX
    if not plain or min(value) < "!" or max(value) > "~":
        raise RemoteFault("signature.format", name + " holds a space, control or nothing", _REMEDY)


def _parameters(key_id: str, nonce: str, created_s: int | None) -> str:
    for name, value in (("keyid", key_id), ("nonce", nonce)):
        if not _is_plain_text(value):
            raise LocalFault("signature.format", name + " is not plain text", "Use plain ASCII.")
    text = "" if created_s is None else ";created=%d" % created_s
    return text + ';nonce="%s";keyid="%s";alg="%s"' % (nonce, key_id, ALGORITHM)


def _headers(digest: str, params: str, base: bytes, sign: "object") -> dict[str, str]:
    signature = sign(base)  # type: ignore[operator]
    return {
        "content-digest": digest,
        "signature-input": LABEL + "=" + params,
        "signature": LABEL + "=:" + _base64(signature) + ":",
    }


def _read_digest(headers: dict[str, str], body_sha256: bytes) -> str:
    found = _header(headers, "content-digest")
    expected = digest_value(body_sha256)
    if found != expected:
        raise RemoteFault(
            "signature.digest", "content-digest is not the body's SHA-256", "Send the body again."
        )
    return expected


def _read_headers(
    headers: dict[str, str], components: str
) -> tuple[str, str, str, int | None, bytes]:
    label, params = _member(_header(headers, "signature-input"))
    signature_label, value = _member(_header(headers, "signature"))
    if label != signature_label:
        raise RemoteFault("signature.profile", "the two headers name other labels", _REMEDY)
    if not params.startswith(components):
        raise RemoteFault("signature.profile", "the covered components are others", _REMEDY)
    found = _read_parameters(params[len(components) :])
    if found.get("alg", ALGORITHM) != ALGORITHM:
        raise RemoteFault("signature.profile", "alg is not ed25519", _REMEDY)
    for name in ("keyid", "nonce"):
        if name not in found:
            raise RemoteFault("signature.profile", name + " is missing", _REMEDY)
    signature = _read_bytes(value, 64)
    created_s = found.get("created")
    return params, str(found["keyid"]), str(found["nonce"]), created_s, signature  # type: ignore


def _header(headers: dict[str, str], name: str) -> str:
    value = headers.get(name)
    if value is None:
        raise RemoteFault("signature.missing", name + " is missing", _REMEDY)
    if len(value) > SIGNATURE_HEADER_BYTES_MAX:
        raise RemoteFault("signature.format", name + " is too long", _REMEDY)
    return value


def _member(value: str) -> tuple[str, str]:
    """Split the only member of a dictionary field (RFC 8941 section 3.2) into label and value."""
    end = value.find("=")
    label = value[:end] if end > 0 else ""
    good = 0 < len(label) <= SIGNATURE_LABEL_BYTES_MAX and label[0] in _LABEL_CHARACTERS[:26] + "*"
    for character in label:
        good = good and character in _LABEL_CHARACTERS
    if not good:
        raise RemoteFault("signature.format", "a label is malformed", _REMEDY)
    return label, value[end + 1 :]


def _read_parameters(text: str) -> "dict[str, str | int]":
    """Read `;name=value` pairs in any order, each once, written without any space."""
    found: dict[str, str | int] = {}
    position = 0
    while position < len(text):
        equals = text.find("=", position)
        name = text[position + 1 : equals]
        if text[position] != ";" or equals < 0 or name in found:
            raise RemoteFault("signature.format", "parameters are malformed", _REMEDY)
        if name in ("created", "expires"):
            found[name], position = _read_integer(text, equals + 1)
        elif name in ("nonce", "keyid", "alg"):
            found[name], position = _read_string(text, equals + 1)
        else:
            raise RemoteFault("signature.profile", "a parameter is not of the profile", _REMEDY)
    return found


def _read_integer(text: str, start: int) -> tuple[int, int]:
    end = start
    while end < len(text) and end - start < 16 and "0" <= text[end] <= "9":
        end += 1
    digits = text[start:end]
    if not digits or len(digits) > 15 or (digits[0] == "0" and digits != "0"):
        raise RemoteFault("signature.format", "a time is malformed", _REMEDY)
    return int(digits), end


def _read_string(text: str, start: int) -> tuple[str, int]:
    end = text.find('"', start + 1)
    value = text[start + 1 : end]
    if text[start : start + 1] != '"' or end < 0 or not _is_plain_text(value):
        raise RemoteFault("signature.format", "a text parameter is malformed", _REMEDY)
    return value, end + 1


def _is_plain_text(value: str) -> bool:
    if not 0 < len(value) <= SIGNATURE_TEXT_BYTES_MAX:
        return False
    if '"' in value or "\\" in value:
        return False
    return min(value) >= " " and max(value) <= "~"


def _read_bytes(value: str, length: int) -> bytes:
    """Read a byte sequence (RFC 8941 section 3.3.5) in its one canonical spelling."""
    raw = b""
    if value.startswith(":") and value.endswith(":"):
        try:
            raw = binascii.a2b_base64(value[1:-1].encode())
        except ValueError:
            raw = b""
    if len(raw) != length or ":" + _base64(raw) + ":" != value:
        raise RemoteFault("signature.format", "the signature is not %d bytes" % length, _REMEDY)
    return raw


def _base64(raw: bytes) -> str:
    return binascii.b2a_base64(raw).decode().strip()
