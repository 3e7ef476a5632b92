"""The fixed RFC 9421 profile, against a library that nobody here wrote."""

import datetime
import hashlib
from types import SimpleNamespace

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    MappingKeyResolver,
    algorithms,
    exceptions,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import http_signature
from protocols.errors import LocalFault, RemoteFault

NODE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
HUB = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KEYS = MappingKeyResolver(
    public_keys={"node-1": NODE.public_key(), "hub-key": HUB.public_key()},
    private_keys={"node-1": NODE, "hub-key": HUB},
)
BODY = b'{"node":"node-1"}'
ANSWER = b'{"position":3}'
URL = "http://127.0.0.1:8080/v1/records"
CREATED_S = 1795000000
WHEN = datetime.datetime.fromtimestamp(CREATED_S, datetime.UTC)
WIDE = datetime.timedelta(days=36500)


def sign_request(created_s=CREATED_S):
    return http_signature.request_headers(
        "POST", "127.0.0.1:8080", "/v1/records", BODY, "node-1", "n0nce", created_s, NODE.sign
    )


def sign_answer(request_digest, created_s=CREATED_S):
    return http_signature.answer_headers(
        200, ANSWER, request_digest, "hub-key", "n0nce", created_s, HUB.sign
    )


def read_request(headers, body=BODY, method="POST", host="127.0.0.1:8080", path="/v1/records"):
    return http_signature.read_request(method, host, path, headers, hashlib.sha256(body).digest())


def read_answer(headers, request_digest, nonce="n0nce", status=200, body=ANSWER):
    return http_signature.read_answer(
        status, headers, hashlib.sha256(body).digest(), request_digest, nonce
    )


def request_message(headers):
    return SimpleNamespace(method="POST", url=URL, headers=dict(headers))


def answer_message(headers, request):
    return SimpleNamespace(status_code=200, url=URL, headers=dict(headers), request=request)


def library_verifier():
    return HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=KEYS)


def library_signer():
    return HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=KEYS)


def check(key, signed):
    key.public_key().verify(signed.signature, signed.base)


def test_the_library_accepts_our_request():
    message = request_message(sign_request())
    results = library_verifier().verify(message, max_age=WIDE, body=BODY)
    assert results[0].parameters["keyid"] == "node-1"
    assert results[0].body == BODY
    assert '"@authority"' in results[0].covered_components


def test_the_library_accepts_our_answer():
    request = request_message(sign_request())
    message = answer_message(sign_answer(request.headers["content-digest"]), request)
    results = library_verifier().verify(message, max_age=WIDE, body=ANSWER)
    assert results[0].nonce == "n0nce"
    assert (
        results[0].covered_components['"content-digest";req'] == request.headers["content-digest"]
    )


def test_the_library_refuses_our_answer_to_another_request():
    request = request_message(sign_request())
    headers = sign_answer(http_signature.content_digest(b"another"))
    with pytest.raises(exceptions.InvalidSignature):
        library_verifier().verify(answer_message(headers, request), max_age=WIDE, body=ANSWER)


def test_we_accept_the_librarys_request():
    digest = http_signature.content_digest(BODY)
    message = request_message({"Content-Digest": digest})
    library_signer().sign(
        message,
        key_id="node-1",
        created=WHEN,
        nonce="n0nce",
        use_existing_digest=True,
        covered_component_ids=("@method", "@authority", "@path", "content-digest"),
    )
    signed = read_request({name.lower(): value for name, value in message.headers.items()})
    check(NODE, signed)
    assert (signed.key_id, signed.nonce, signed.created_s) == ("node-1", "n0nce", CREATED_S)


def test_we_accept_the_librarys_answer():
    request = request_message(sign_request())
    message = answer_message({"Content-Digest": http_signature.content_digest(ANSWER)}, request)
    library_signer().sign(
        message,
        key_id="hub-key",
        created=WHEN,
        nonce="n0nce",
        use_existing_digest=True,
        covered_component_ids=("@status", "content-digest", '"content-digest";req'),
    )
    lower = {name.lower(): value for name, value in message.headers.items()}
    signed = read_answer(lower, request.headers["content-digest"])
    check(HUB, signed)


def test_an_unknown_clock_leaves_created_out():
    headers = sign_request(None)
    assert "created" not in headers["signature-input"]
    signed = read_request(headers)
    check(NODE, signed)
    assert signed.created_s is None


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"host": "127.0.0.1:8081"},
        {"path": "/v1/enrolments"},
    ],
)
def test_a_moved_request_fails_its_signature(change):
    with pytest.raises(InvalidSignature):
        check(NODE, read_request(sign_request(), **change))


def test_a_changed_body_fails_its_digest():
    with pytest.raises(RemoteFault) as caught:
        read_request(sign_request(), body=BODY + b" ")
    assert caught.value.code == "signature.digest"


def test_a_changed_status_fails_the_signature():
    digest = http_signature.content_digest(BODY)
    with pytest.raises(InvalidSignature):
        check(HUB, read_answer(sign_answer(digest), digest, status=409))


def test_an_answer_to_another_nonce_is_refused():
    digest = http_signature.content_digest(BODY)
    with pytest.raises(RemoteFault) as caught:
        read_answer(sign_answer(digest), digest, nonce="other")
    assert caught.value.code == "signature.nonce"


def bent(name, old, new):
    headers = sign_request()
    assert old in headers[name]
    headers[name] = headers[name].replace(old, new, 1)
    return headers


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (bent("signature-input", '"@method" ', ""), "signature.profile"),
        (bent("signature-input", ' "content-digest"', ""), "signature.profile"),
        (bent("signature-input", "chieng=", "other="), "signature.profile"),
        (bent("signature-input", "ed25519", "hmac-sha256"), "signature.profile"),
        (bent("signature-input", ";nonce", ";tag"), "signature.profile"),
        (bent("signature-input", ';nonce="n0nce"', ""), "signature.profile"),
        (bent("signature-input", ';keyid="node-1"', ""), "signature.profile"),
        (bent("signature-input", ";nonce", "; nonce"), "signature.profile"),
        (bent("signature-input", "created=", "created=0"), "signature.format"),
        (bent("signature-input", "created=", "created=-"), "signature.format"),
        (bent("signature-input", "created=1", "created=1234567890"), "signature.format"),
        (bent("signature-input", 'keyid="', 'keyid="\\"'), "signature.format"),
        (bent("signature-input", 'keyid="node-1"', 'keyid="node-1'), "signature.format"),
        (bent("signature-input", ";alg", ';nonce="x";alg'), "signature.format"),
        (bent("signature-input", "chieng=", "Chieng="), "signature.format"),
        (bent("signature-input", "chieng=", "="), "signature.format"),
        (bent("signature-input", "chieng=", "c" * 600 + "="), "signature.format"),
        (bent("signature-input", "n0nce", "n" * 129), "signature.format"),
        (bent("signature", "=:", "=:A"), "signature.format"),
        (bent("signature", "==:", ":"), "signature.format"),
        (bent("signature", "=:", "="), "signature.format"),
        (bent("signature", "chieng=", "chieng=:AA==:, x="), "signature.format"),
        (bent("content-digest", "sha-256", "sha-512"), "signature.digest"),
        (bent("content-digest", "sha-256=", "sha-256= "), "signature.digest"),
        ({}, "signature.missing"),
        ({"content-digest": sign_request()["content-digest"]}, "signature.missing"),
    ],
)
def test_every_other_form_is_refused_with_its_code(headers, code):
    with pytest.raises(RemoteFault) as caught:
        read_request(headers)
    assert caught.value.code == code
    assert caught.value.remedy


def test_parameters_may_come_in_any_order_and_with_expires():
    headers = sign_request()
    params = http_signature.REQUEST_COMPONENTS + (
        ';alg="ed25519";expires=1795000300;keyid="node-1";nonce="n0nce"'
    )
    headers["signature-input"] = "sig1=" + params
    headers["signature"] = headers["signature"].replace("chieng=", "sig1=")
    signed = read_request(headers)
    assert signed.created_s is None
    assert signed.base.endswith(params.encode())


@pytest.mark.parametrize(
    ("host", "tls", "expected"),
    [
        ("Hub.Example:443", True, "hub.example"),
        ("Hub.Example:80", False, "hub.example"),
        ("hub.example:8080", False, "hub.example:8080"),
        ("hub.example:80", True, "hub.example:80"),
        ("[::1]:8080", False, "[::1]:8080"),
    ],
)
def test_authority_is_normalised(host, tls, expected):
    assert http_signature.authority(host, tls) == expected


def test_our_own_mistakes_are_local():
    with pytest.raises(LocalFault):
        http_signature.digest_value(b"short")
    with pytest.raises(LocalFault):
        http_signature.request_headers("POST", "h", "/", b"", 'a"b', "n", None, NODE.sign)
    with pytest.raises(LocalFault):
        http_signature.answer_headers(42, b"", "sha-256=:x:", "k", "n", None, HUB.sign)


@given(
    st.dictionaries(
        st.sampled_from(["signature", "signature-input"]),
        st.lists(
            st.one_of(
                st.text(max_size=5),
                st.sampled_from([http_signature.REQUEST_COMPONENTS, "a=", ":", ";nonce=", '"x"']),
            ),
            max_size=8,
        ).map("".join),
    )
)
@settings(max_examples=100)
def test_any_text_is_parsed_or_refused(headers):
    headers["content-digest"] = http_signature.content_digest(BODY)
    with pytest.raises(RemoteFault):
        read_request(headers)


@given(st.integers(0, 2000), st.characters(), st.sampled_from(["signature", "signature-input"]))
@settings(max_examples=100)
def test_one_changed_character_never_verifies(index, character, name):
    headers = sign_request()
    text = headers[name]
    index %= len(text)
    if text[index] == character:
        return
    headers[name] = text[:index] + character + text[index + 1 :]
    with pytest.raises((RemoteFault, InvalidSignature)):
        signed = read_request(headers)
        public = Ed25519PublicKey.from_public_bytes(NODE.public_key().public_bytes_raw())
        public.verify(signed.signature, signed.base)
