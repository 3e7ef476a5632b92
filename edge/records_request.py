"""Sign one batch of records as the request that carries it, over a link or by hand."""

import binascii
from collections import namedtuple

from hw import ports
from protocols import http_signature

PATH = "/v1/records"

SignedRequest = namedtuple("SignedRequest", ("url", "host", "path", "headers", "nonce"))
"""Where a batch goes (`host` is the authority), its headers, and the nonce of its answer."""


def sign(
    base: str,
    body: bytes,
    node: str,
    wall_ms: int | None,
    identity: ports.Identity,
    entropy: ports.Entropy,
) -> SignedRequest:
    """Sign a batch for the hub at the address `base`; `wall_ms` is None with an unknown clock."""
    scheme, _, rest = base.partition("://")
    host, mark, prefix = rest.rstrip("/").partition("/")
    path = mark + prefix + PATH
    authority = http_signature.authority(host, scheme == "https")
    nonce = str(binascii.hexlify(entropy.random_bytes(16)), "ascii")
    headers = http_signature.request_headers(
        "POST",
        authority,
        path,
        body,
        node,
        nonce,
        None if wall_ms is None else wall_ms // 1000,
        identity.sign,
    )
    headers["content-type"] = "application/json"
    return SignedRequest(scheme + "://" + host + path, authority, path, headers, nonce)
