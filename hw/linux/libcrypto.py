"""Ed25519 by the machine's OpenSSL, which Python's `ssl` holds already (EVP_PKEY-ED25519(7)).

The package `cryptography` carries an OpenSSL of its own: 6 MB and a tenth of a node's start.
"""

import ctypes

from protocols.errors import WorldFault

_NAME = "libcrypto.so.3"
# NID_ED25519 of <openssl/obj_mac.h>
_ED25519 = 1087
_KEY_BYTES = 32
_functions: ctypes.CDLL | None = None


def _load() -> ctypes.CDLL:
    """Return libcrypto with its types set; raises `WorldFault("crypto.missing")`."""
    global _functions
    if _functions is not None:
        return _functions
    try:
        library = ctypes.CDLL(_NAME)
    except OSError as error:
        raise WorldFault("crypto.missing", str(error), "install libssl3") from error
    handle, data, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
    raw = (ctypes.c_int, handle, data, size)
    init = (handle, handle, handle, handle, handle)
    signatures = {
        "EVP_PKEY_new_raw_public_key": (handle, raw),
        "EVP_PKEY_new_raw_private_key": (handle, raw),
        "EVP_PKEY_get_raw_public_key": (ctypes.c_int, (handle, data, ctypes.POINTER(size))),
        "EVP_PKEY_free": (None, (handle,)),
        "EVP_MD_CTX_new": (handle, ()),
        "EVP_MD_CTX_free": (None, (handle,)),
        "EVP_DigestSignInit": (ctypes.c_int, init),
        "EVP_DigestSign": (ctypes.c_int, (handle, data, ctypes.POINTER(size), data, size)),
        "EVP_DigestVerifyInit": (ctypes.c_int, init),
        "EVP_DigestVerify": (ctypes.c_int, (handle, data, size, data, size)),
        "ERR_clear_error": (None, ()),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    _functions = library
    return library


def verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether a signature by a public key covers a message; see `protocols.ed25519` for what
    OpenSSL takes beyond the rules.

    Raises `WorldFault` (`crypto.missing`, `crypto.refused`).
    """
    if len(public) != _KEY_BYTES:
        return False
    library = _load()
    key = library.EVP_PKEY_new_raw_public_key(_ED25519, None, public, len(public))
    context = library.EVP_MD_CTX_new()
    call = (context, signature, len(signature), message, len(message))
    try:
        _demand(key is not None and context is not None)
        _demand(library.EVP_DigestVerifyInit(context, None, None, None, key) == 1)
        return bool(library.EVP_DigestVerify(*call) == 1)
    finally:
        _release(library, key, context)


def public_key(seed: bytes) -> bytes:
    """Return the 32-byte public key of a 32-byte seed; raises as `verify`."""
    library = _load()
    key = library.EVP_PKEY_new_raw_private_key(_ED25519, None, seed, len(seed))
    public, length = ctypes.create_string_buffer(_KEY_BYTES), ctypes.c_size_t(_KEY_BYTES)
    try:
        _demand(key is not None)
        _demand(library.EVP_PKEY_get_raw_public_key(key, public, ctypes.byref(length)) == 1)
    finally:
        _release(library, key, None)
    return public.raw


def sign(seed: bytes, message: bytes) -> bytes:
    """Return the 64-byte signature of a message by a 32-byte seed; raises as `verify`."""
    library = _load()
    key = library.EVP_PKEY_new_raw_private_key(_ED25519, None, seed, len(seed))
    context = library.EVP_MD_CTX_new()
    signature, length = ctypes.create_string_buffer(64), ctypes.c_size_t(64)
    call = (context, signature, ctypes.byref(length), message, len(message))
    try:
        _demand(key is not None and context is not None)
        _demand(library.EVP_DigestSignInit(context, None, None, None, key) == 1)
        _demand(library.EVP_DigestSign(*call) == 1)
    finally:
        _release(library, key, context)
    return signature.raw


def _release(library: ctypes.CDLL, key: int | None, context: int | None) -> None:
    library.EVP_MD_CTX_free(context)
    library.EVP_PKEY_free(key)
    # TLS would take what a refusal leaves in the thread's queue for an error of its own.
    library.ERR_clear_error()


def _demand(is_done: bool) -> None:
    """Raise `WorldFault("crypto.refused")` unless OpenSSL did its part: without memory, or where a
    policy of the machine (FIPS) forbids Ed25519, it gives null pointers, which it would follow."""
    if not is_done:
        remedy = "Allow Ed25519 in the machine's openssl.cnf, or free memory"
        raise WorldFault("crypto.refused", "OpenSSL makes nothing of Ed25519 here", remedy)
