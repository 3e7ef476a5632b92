"""Sign with a private key that never leaves a PKCS#11 token: P-256 and RSA.

P-256 is securesystemslib's `HSMSigner` as it is. Version 1.6 of it knows no RSA, so
`RsaTokenSigner` extends it: RSASSA-PSS, SHA-256, salt of 32 bytes, the only kind nodes take.
Ed25519 keys stay in software: tokens that hold them are rare and disagree about the point's form.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib import parse

import pkcs11
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from pkcs11.util import biginteger
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import HSMSigner, Key, SecretsHandler, Signature, Signer, SSlibKey

from protocols import keys
from protocols.errors import Fault, LocalFault, RemoteFault, WorldFault

_SALT_BYTES = 32
_PIN_REMEDY = "Type the token's PIN; most tokens lock after a few wrong ones."


class RsaTokenSigner(HSMSigner):
    """Sign with an RSA key on a token, named as `HSMSigner` names its keys."""

    def __init__(
        self, key_number: int, public_key: SSlibKey, pin: SecretsHandler, label: str | None = None
    ):
        self.hsm_keyid = key_number
        self.token_label = label
        self.pin_handler = pin
        self._public_key = public_key

    def sign(self, payload: bytes) -> Signature:
        """Return an RSASSA-PSS signature; the digest is made here, the padding by the token."""
        pin = self.pin_handler(self.SECRETS_HANDLER_MSG)
        sha256 = pkcs11.Mechanism.SHA256
        with self._find_token(self.token_label).open(user_pin=pin) as session:
            key = _rsa_key(session, pkcs11.ObjectClass.PRIVATE_KEY, self.hsm_keyid)
            signature = key.sign(  # type: ignore[attr-defined]
                hashlib.sha256(payload).digest(),
                mechanism=pkcs11.Mechanism.RSA_PKCS_PSS,
                mechanism_param=(sha256, pkcs11.MGF.SHA256, _SALT_BYTES),
            )
        return Signature(self.public_key.keyid, signature.hex())


class _Checked(Signer):
    """Check every signature before anybody sees it, and speak in faults."""

    def __init__(self, signer: HSMSigner):
        self._signer = signer

    @property
    def public_key(self) -> SSlibKey:
        return self._signer.public_key

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> "_Checked":
        raise NotImplementedError("made by open_signer")

    def sign(self, payload: bytes) -> Signature:
        with _faults():
            signature = self._signer.sign(payload)
        try:
            self.public_key.verify_signature(signature, payload)
        except UnverifiedSignatureError as error:
            raise LocalFault(
                "token.mismatch",
                "the token's key is not the one that was imported",
                "Insert the right token, or import its key again.",
            ) from error
        return signature


def import_key(
    library: str, key_number: int, label: str | None = None, pin: str | None = None
) -> tuple[str, SSlibKey]:
    """Return (uri, public key) of a key on a token; both are kept, neither is secret.

    `library` is the path of the token's PKCS#11 module, `key_number` the object's id on the token,
    `pin` is needed where public keys are private objects. Raises faults `token.*`.
    """
    os.environ["PYKCS11LIB"] = library
    with _faults():
        try:
            uri, key = HSMSigner.import_(key_number, label, None if pin is None else lambda _: pin)
        except ValueError:
            uri, key = _import_rsa(key_number, label, pin)
    if key.scheme not in keys.SCHEMES:
        raise RemoteFault("token.scheme", f"nodes do not verify {key.scheme}", "Use P-256 or RSA.")
    return uri, key


def open_signer(library: str, uri: str, key: SSlibKey, pin: str) -> Signer:
    """Return the signer of an imported key; every signature logs in anew and is checked.

    Raises faults `token.*`, also from `sign`.
    """
    os.environ["PYKCS11LIB"] = library
    parts = parse.urlparse(uri)
    label = dict(parse.parse_qsl(parts.query)).get("label")
    if parts.scheme != HSMSigner.SCHEME or not parts.path.isdecimal():
        raise LocalFault("token.uri", f"{uri!r} names no token key", "Import the key again.")
    maker = {keys.P256: HSMSigner, keys.RSA_PSS: RsaTokenSigner}.get(key.scheme)
    if maker is None:
        raise LocalFault("token.scheme", f"no {key.scheme} on tokens", "Use P-256 or RSA.")
    return _Checked(maker(int(parts.path), key, lambda _: pin, label))


def _import_rsa(key_number: int, label: str | None, pin: str | None) -> tuple[str, SSlibKey]:
    token = HSMSigner._find_token(label)
    with token.open(user_pin=pin) as session:
        found = _rsa_key(session, pkcs11.ObjectClass.PUBLIC_KEY, key_number)
        modulus = int.from_bytes(found[pkcs11.Attribute.MODULUS], "big")
        exponent = int.from_bytes(found[pkcs11.Attribute.PUBLIC_EXPONENT], "big")
    public = RSAPublicNumbers(exponent, modulus).public_key()
    key = SSlibKey.from_crypto(public, scheme=keys.RSA_PSS)
    name = parse.urlencode({"label": token.label})
    return f"{HSMSigner.SCHEME}:{key_number}?{name}", key


def _rsa_key(session: pkcs11.Session, kind: pkcs11.ObjectClass, key_number: int) -> pkcs11.Object:
    return session.get_key(kind, pkcs11.KeyType.RSA, id=biginteger(key_number))


@contextmanager
def _faults() -> Iterator[None]:
    """Turn what PKCS#11 raises into faults with a code and a remedy."""
    try:
        yield
    except Fault:
        raise
    except (pkcs11.exceptions.PinIncorrect, pkcs11.exceptions.PinInvalid) as error:
        raise LocalFault("token.pin", "the token refused the PIN", _PIN_REMEDY) from error
    except pkcs11.exceptions.PinLenRange as error:
        raise LocalFault("token.pin", "the PIN's length is wrong", _PIN_REMEDY) from error
    except pkcs11.exceptions.PinLocked as error:
        remedy = "Unlock it with the token's security officer PIN."
        raise LocalFault("token.locked", "the token is locked", remedy) from error
    except (pkcs11.exceptions.NoSuchKey, pkcs11.exceptions.MultipleObjectsReturned) as error:
        raise _no_key() from error
    except (pkcs11.exceptions.PKCS11Error, RuntimeError, ValueError) as error:
        # HSMSigner says ValueError for a missing token and for a missing (ECDSA) key.
        if "ECDSA" in str(error):
            raise _no_key() from error
        remedy = "Insert the token, and check the module's path and the token's label."
        raise WorldFault("token.unreachable", str(error) or repr(error), remedy) from error


def _no_key() -> LocalFault:
    remedy = "List the token's objects and give the id of one P-256 or RSA pair."
    return LocalFault("token.key", "no single such key on the token", remedy)
