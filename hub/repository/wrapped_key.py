"""Private keys at rest: argon2id (RFC 9106) over a generated passphrase, then AES-256-GCM."""

import binascii
import json
import os
from typing import Any, NamedTuple

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner, Key

from hub.repository import passphrase as passphrases
from hub.repository import signers
from protocols import hub_limits
from protocols.errors import LocalFault, RemoteFault

FORMAT = "chieng-key/1"
SALT_BYTES = 16
NONCE_BYTES = 12
KEY_BYTES = 32


class Cost(NamedTuple):
    """Say how much work a guess costs."""

    memory_kib: int = 64 * 1024
    passes: int = 3
    lanes: int = 1


# A guess costs 64 MiB and three passes, on top of 72 bits.
COST = Cost()


def generate_passphrase() -> str:
    """Return a new passphrase of 72 bits, to be shown once."""
    return passphrases.generate()


def wrap(
    private: bytes,
    passphrase: str,
    public: dict[str, Any] | None = None,
    cost: Cost | None = None,
) -> dict[str, Any]:
    """Encrypt private bytes; `public` (holder, key id, key) stays readable, bound to them.

    A guess costs `COST` where nothing else is said.
    """
    cost = cost or COST
    salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
    document = {
        "format": FORMAT,
        "kdf": {"name": "argon2id", "salt": salt.hex(), **cost._asdict()},
        "cipher": {"name": "aes-256-gcm", "nonce": nonce.hex()},
        "public": public or {},
    }
    key = _derive(passphrases.normalise(passphrase), salt, cost)
    sealed = AESGCM(key).encrypt(nonce, private, _bound(document))
    return {**document, "sealed": binascii.b2a_base64(sealed, newline=False).decode()}


def unwrap(document: dict[str, Any], passphrase: str) -> bytes:
    """Decrypt private bytes.

    Raises `LocalFault` "keys.passphrase_typo" (seen without work) or "keys.passphrase" (another
    key's passphrase, or a changed file), `RemoteFault("keys.format")` for a file that is none or
    that asks for absurd work.
    """
    typed = passphrases.normalise(passphrase)
    try:
        kdf, cipher = document["kdf"], document["cipher"]
        names = (document["format"], kdf["name"], cipher["name"])
        cost = Cost(kdf["memory_kib"], kdf["passes"], kdf["lanes"])
        salt, nonce = bytes.fromhex(kdf["salt"]), bytes.fromhex(cipher["nonce"])
        sealed = binascii.a2b_base64(document["sealed"], strict_mode=True)
    except (KeyError, TypeError, ValueError) as error:
        raise _format(f"not a wrapped key: {error!r}") from error
    if names != (FORMAT, "argon2id", "aes-256-gcm") or (len(salt), len(nonce)) != (
        SALT_BYTES,
        NONCE_BYTES,
    ):
        raise _format(f"unknown form {names}")
    _check_cost(cost)
    try:
        return AESGCM(_derive(typed, salt, cost)).decrypt(nonce, sealed, _bound(document))
    except InvalidTag as error:
        raise LocalFault(
            "keys.passphrase",
            "this passphrase does not open this key",
            "Take the sheet that was printed with this very key.",
        ) from error


def wrap_signer(
    signer: CryptoSigner, passphrase: str, holder: str, cost: Cost | None = None
) -> dict[str, Any]:
    """Wrap a signer; `holder` says what the key is for."""
    key = signer.public_key
    public = {"holder": holder, "keyid": key.keyid, "key": key.to_dict()}
    return wrap(signer.private_bytes, passphrase, public, cost)


def unwrap_signer(document: dict[str, Any], passphrase: str) -> CryptoSigner:
    """Return the signer of a wrapped key; forget it after use."""
    private = load_pem_private_key(unwrap(document, passphrase), None)
    return CryptoSigner(private, public_key(document))  # type: ignore[arg-type]


def public_key(document: dict[str, Any]) -> Key:
    """Return the public half that a wrapped key names."""
    try:
        public = document["public"]
        return Key.from_dict(public["keyid"], dict(public["key"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _format(f"not a wrapped key: {error!r}") from error


def generate_signer(scheme: str = "ed25519") -> CryptoSigner:
    """Make a fresh key, to be wrapped."""
    return signers.generate(scheme)


def decode(data: bytes) -> dict[str, Any]:
    """Read a key file; raises `RemoteFault("keys.format")`."""
    try:
        if len(data) > hub_limits.KEY_FILE_BYTES_MAX:
            raise ValueError(f"{len(data)} bytes")
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _format(f"not a wrapped key: {error}") from error
    if not isinstance(document, dict):
        raise _format("not a wrapped key")
    return document


def encode(document: dict[str, Any]) -> bytes:
    """Return the bytes of a key file."""
    return json.dumps(document, sort_keys=True, indent=1).encode()


def _derive(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    return hash_secret_raw(
        passphrase.encode(), salt, cost.passes, cost.memory_kib, cost.lanes, KEY_BYTES, Type.ID
    )


def _bound(document: dict[str, Any]) -> bytes:
    bound = {name: document.get(name) for name in ("format", "kdf", "cipher", "public")}
    return json.dumps(bound, sort_keys=True, separators=(",", ":")).encode()


def _check_cost(cost: Cost) -> None:
    highest = (hub_limits.KDF_MEMORY_KIB_MAX, hub_limits.KDF_PASSES_MAX, hub_limits.KDF_LANES_MAX)
    for value, most in zip(cost, highest, strict=True):
        if type(value) is not int or not 1 <= value <= most:
            raise _format(f"the file asks for absurd work: {cost}")
    if cost.memory_kib < 8 * cost.lanes:
        raise _format(f"the file asks for too little memory: {cost}")


def _format(what: str) -> RemoteFault:
    return RemoteFault("keys.format", what, "Use the key file as it was made at the ceremony.")
