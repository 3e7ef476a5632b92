"""A node's identity with OpenSSL underneath: the same key and signatures, sooner."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hw import ports


class Identity(ports.Identity):
    """Hold a key drawn from an entropy port; a notary hears of all it signs."""

    def __init__(self, entropy, notary):
        self._key = Ed25519PrivateKey.from_private_bytes(entropy.random_bytes(32))
        self._public = self._key.public_key().public_bytes_raw()
        self._notary = notary

    def public_key(self):
        return self._public

    def sign(self, message):
        signature = self._key.sign(message)
        self._notary.signed(self._public, signature, message)
        return signature
