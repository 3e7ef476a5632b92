"""What is known of signatures in one run: OpenSSL looks at each of them once.

A verdict is a function of scheme, key, signature and message, so it is kept under exactly these: a
bit that flips in any of them makes another question. What an honest key has just signed is good.
"""

import hashlib

from hw import ports
from hw.linux.verifier import Verifier
from protocols import keys

# A fleet asks again within hours; what is forgotten is verified once more.
_KEPT_MAX = 50_000


class Notary(ports.Verifier):
    """Verify for all nodes of a run, and for its hub."""

    def __init__(self):
        self._verifier = Verifier()
        self._verdicts = {}

    def signed(self, public, signature, message):
        """Note a signature that was made here, by Ed25519."""
        self._keep((keys.ED25519, public, signature, hashlib.sha256(message).digest()), True)

    def verify(self, scheme, public, signature, message):
        """Tell whether a signature covers a message (an iterable of pieces), as the port has it."""
        digest = hashlib.sha256()
        pieces = list(message)
        for piece in pieces:
            digest.update(piece)
        question = (scheme, public, signature, digest.digest())
        verdict = self._verdicts.get(question)
        if verdict is None:
            verdict = self._verifier.verify(scheme, public, signature, pieces)
            self._keep(question, verdict)
        return verdict

    def is_signed(self, public, signature, message):
        """Tell the hub whether a node's key signed a message."""
        return self.verify(keys.ED25519, public, signature, [message])

    def _keep(self, question, verdict):
        if len(self._verdicts) >= _KEPT_MAX:
            self._verdicts.clear()
        self._verdicts[question] = verdict
