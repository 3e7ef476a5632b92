"""A node's identity with OpenSSL underneath: the same key and signatures, sooner."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hw import ports


class Identity(ports.Identity):
    """Hold a key drawn from an entropy port."""

    def __init__(self, entropy):
        self._key = Ed25519PrivateKey.from_private_bytes(entropy.random_bytes(32))

    def public_key(self):
        return self._key.public_key().public_bytes_raw()

    def sign(self, message):
        return self._key.sign(message)
