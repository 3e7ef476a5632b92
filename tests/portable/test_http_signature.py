"""HTTP signatures on both interpreters: same bytes, same refusals."""

import hashlib

from protocols import ed25519, http_signature
from protocols.errors import RemoteFault

SEED = bytes(range(32))


def sign(base):
    return ed25519.sign(SEED, base)


def test_a_request_signature_is_byte_exact_and_verifies():
    headers = http_signature.request_headers(
        "POST", "hub.example", "/v1/records", b"{}", "node-1", "n1", 1795000000, sign
    )
    digest = hashlib.sha256(b"{}").digest()
    read = http_signature.read_request("POST", "hub.example", "/v1/records", headers, digest)
    assert (read.key_id, read.nonce, read.created_s) == ("node-1", "n1", 1795000000)
    assert ed25519.verify(ed25519.public(SEED), read.signature, [read.base])
    lines = read.base.split(b"\n")
    assert lines[0] == b'"@method": POST'
    assert lines[4] == b'"@signature-params": ("@method" "@authority" "@path" "content-digest")' + (
        b';created=1795000000;nonce="n1";keyid="node-1";alg="ed25519"'
    )


def test_an_answer_is_bound_to_its_request():
    asked = http_signature.content_digest(b"{}")
    headers = http_signature.answer_headers(200, b"[]", asked, "k", "n1", None, sign)
    digest = hashlib.sha256(b"[]").digest()
    read = http_signature.read_answer(200, headers, digest, asked, "n1")
    assert ed25519.verify(ed25519.public(SEED), read.signature, [read.base])
    other = http_signature.content_digest(b"other")
    read = http_signature.read_answer(200, headers, digest, other, "n1")
    assert not ed25519.verify(ed25519.public(SEED), read.signature, [read.base])


def test_bent_headers_are_refused():
    headers = http_signature.request_headers("POST", "h", "/", b"", "node-1", "n1", None, sign)
    digest = hashlib.sha256(b"").digest()
    for name in ("signature", "signature-input", "content-digest"):
        for change in ("", "x", headers[name][:-1], headers[name] + ", a=b"):
            bent = dict(headers)
            bent[name] = change
            try:
                http_signature.read_request("POST", "h", "/", bent, digest)
            except RemoteFault as fault:
                assert fault.code.startswith("signature.")
                continue
            raise AssertionError((name, change))
