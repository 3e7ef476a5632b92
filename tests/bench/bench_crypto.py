"""Signature checks under MicroPython as a ratio to RSA-2048-PSS in the same interpreter and run.

Prints `name ratio goal`. A cached key is one whose table the verifier still holds; goals are those
of a prototype. Without a goal stand: a key seen for the first time, hashing, and heap held.
"""

import json
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
INTERPRETERS = {"micropython": "768k", "micropython32": "320k"}
GOALS = {"ed25519": 5.5, "p256": 4.7}


def measure(interpreter: str) -> dict[str, int]:
    """Return microseconds (and bytes, for `held_`) by job."""
    command = [
        str(TOP / ".cache" / "micropython" / "bin" / interpreter),
        "-X",
        "heapsize=" + INTERPRETERS[interpreter],
        "-m",
        "tests.bench.crypto_on_board",
    ]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    """Print a line for every measure of both interpreters."""
    for interpreter in INTERPRETERS:
        least = measure(interpreter)
        for name in ("ed25519", "p256", "ed25519_new_key", "p256_new_key"):
            ratio = least[name] / least["rsa"]
            goal = GOALS.get(name, "-")
            print(f"{interpreter}_{name}_verify_to_rsa2048_verify {ratio:.2f} {goal}")
        ratio = least["sha512_chosen"] / least["sha512_pure"]
        print(f"{interpreter}_chosen_sha512_to_pure_sha512 {ratio:.2f} -")
        for name in ("held_ed25519", "held_ecdsa-sha2-nistp256"):
            print(f"{interpreter}_heap_bytes_{name} {least[name]} -")


if __name__ == "__main__":
    main()
