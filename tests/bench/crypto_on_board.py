"""Times signature checks in the interpreter it is run by; prints one JSON object of microseconds.

Run by `bench_crypto.py` under MicroPython. A pass times every job once, one after the other; the
least of many passes counts, so that other work on the machine falls out of the ratios.
"""

import gc
import json
import time
from binascii import unhexlify

from hw.micropython.verifier import SHA512, Verifier
from protocols.sha512 import PureSha512

PASSES = 100
WANTED = {"ed25519": "plain", "ecdsa-sha2-nistp256": "plain", "rsassa-pss-sha256": "2048"}
BLOCKS = bytes(10 * 128)


def _cases():
    """Return {scheme: (public, signature, message)} of one good signature each."""
    found = {}
    key = None
    with open("tests/vectors/signatures.txt") as file:
        for line in file:
            words = line.split()
            if words[0] == "key":
                key = words
            elif words[1] == "1" and words[5] == WANTED[key[2]] and key[2] not in found:
                found[key[2]] = [unhexlify(word) for word in (key[3], words[4], words[3])]
    return found


def _hash(make):
    digest = make()
    digest.update(BLOCKS)


def _jobs(cases):
    """Return the jobs by name; "new" ones forget the key's table first."""
    verifier = Verifier()

    def check(scheme, fresh):
        if fresh:
            verifier.forget()
        public, signature, message = cases[scheme]
        if not verifier.verify(scheme, public, signature, [message]):
            raise SystemExit("a good signature was refused: " + scheme)

    # One key a job follows its own table: a cached job runs right behind the one that made it.
    return (
        ("rsa", lambda: check("rsassa-pss-sha256", False)),
        ("ed25519_new_key", lambda: check("ed25519", True)),
        ("ed25519", lambda: check("ed25519", False)),
        ("p256_new_key", lambda: check("ecdsa-sha2-nistp256", True)),
        ("p256", lambda: check("ecdsa-sha2-nistp256", False)),
        ("sha512_pure", lambda: _hash(PureSha512)),
        ("sha512_chosen", lambda: _hash(SHA512)),
    )


def _held(cases, scheme):
    """Return the heap bytes that one cached key holds."""
    verifier = Verifier()
    gc.collect()
    before = gc.mem_alloc()
    verifier.verify(scheme, cases[scheme][0], cases[scheme][1], [cases[scheme][2]])
    gc.collect()
    return gc.mem_alloc() - before


def main():
    """Time every job and print the result."""
    cases = _cases()
    jobs = _jobs(cases)
    least = {}
    for _ in range(PASSES):
        for name, job in jobs:
            gc.collect()
            started = time.ticks_us()
            job()
            took = time.ticks_diff(time.ticks_us(), started)
            least[name] = min(took, least.get(name, took))
    for scheme in ("ed25519", "ecdsa-sha2-nistp256"):
        least["held_" + scheme] = _held(cases, scheme)
    print(json.dumps(least))


main()
