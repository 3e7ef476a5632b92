"""Every committed signature, judged by this interpreter's own verifier and the pure one."""

from binascii import unhexlify

from hw.micropython.verifier import Verifier as PureVerifier
from hw.platform import Verifier
from protocols import ed25519


def _bytes(text):
    return b"" if text == "-" else unhexlify(text)


def _lines(name):
    with open("tests/vectors/" + name) as file:
        for line in file:
            if not line.startswith("#"):
                yield line.split()


def _judge(name, verifier):
    keys = {}
    count = [0, 0]
    for words in _lines(name):
        if words[0] == "key":
            # Cases stand right behind their key: one key at a time is enough for a small heap.
            keys = {words[1]: (words[2], _bytes(words[3]))}
        elif words[0] == "case":
            valid = words[1] == "1"
            scheme, public = keys[words[2]]
            message = _bytes(words[3])
            half = len(message) // 2
            pieces = [message[:half], message[half:]]
            verdict = verifier.verify(scheme, public, _bytes(words[4]), pieces)
            assert verdict is valid, " ".join(words[5:])
            count[valid] += 1
    return count


# One class where this interpreter's own verifier is the pure one, else both.
VERIFIERS = {Verifier, PureVerifier}


def test_our_vectors():
    for make in VERIFIERS:
        refused, taken = _judge("signatures.txt", make())
        assert refused > 300 and taken > 90


def test_published_vectors():
    for make in VERIFIERS:
        refused, taken = _judge("published.txt", make())
        assert refused > 15 and taken > 20


def test_forgetting_tables_changes_no_verdict():
    verifier = PureVerifier()
    for _ in range(2):
        assert sum(_judge("published.txt", verifier)) > 40
        verifier.forget()


def test_published_signatures_are_made_again():
    keys = {}
    count = 0
    for words in _lines("published.txt"):
        if words[0] == "key":
            keys[words[1]] = words[3]
        elif words[0] == "sign":
            seed = _bytes(words[1])
            assert ed25519.public(seed) == _bytes(keys[words[2]])
            assert ed25519.sign(seed, _bytes(words[3])) == _bytes(words[4]), words[5:]
            count += 1
    assert count == 20


def test_unknown_scheme_is_false():
    for verifier in [make() for make in VERIFIERS]:
        assert verifier.verify("ed25519ph", bytes(32), bytes(64), [b""]) is False
        assert verifier.verify("", b"", b"", []) is False
