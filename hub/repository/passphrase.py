"""Generated passphrases: strong, easy to type, and a typo is told before any waiting.

Sixteen random symbols of 23 make 72 bits. Four groups of four, each closed by a check symbol over
the prime 23: every single wrong symbol and every swap of two neighbours in a group is noticed, with
the number of the group. The symbols hold no vowel, no `d`, `w` or `y` and no 0 or 1, so that
neither Telex nor VNI turns what is typed into a Vietnamese letter, and nothing looks like another.
"""

import secrets
from collections.abc import Callable

from protocols.errors import LocalFault

SYMBOLS = "23456789bcfghjklmnprtvx"
GROUPS = 4
GROUP_SYMBOLS = 4
# What people type for a symbol that is not in use.
MISREAD = str.maketrans({"1": "l", "i": "l", "s": "5", "z": "2", "q": "9"})


def generate(choose: Callable[[str], str] = secrets.choice) -> str:
    """Return a new passphrase like `k7f2m-…`; `choose` picks one symbol at random."""
    groups = []
    for _ in range(GROUPS):
        symbols = "".join(choose(SYMBOLS) for _ in range(GROUP_SYMBOLS))
        groups.append(symbols + _check_symbol(symbols))
    return "-".join(groups)


def normalise(typed: str) -> str:
    """Return the passphrase as it was generated; case, spaces and dashes do not matter.

    Raises `LocalFault("keys.passphrase_typo")` naming the group that is mistyped.
    """
    symbols = "".join(typed.casefold().replace("-", " ").split()).translate(MISREAD)
    length = GROUP_SYMBOLS + 1
    if len(symbols) != GROUPS * length:
        raise _typo(f"{len(symbols)} symbols instead of {GROUPS * length}")
    groups = [symbols[at : at + length] for at in range(0, len(symbols), length)]
    for number, group in enumerate(groups, 1):
        if any(symbol not in SYMBOLS for symbol in group) or group[-1] != _check_symbol(group[:-1]):
            raise _typo(f"group {number} ({group}) is mistyped")
    return "-".join(groups)


def _check_symbol(symbols: str) -> str:
    total = sum(weight * SYMBOLS.index(symbol) for weight, symbol in enumerate(symbols, 1))
    return SYMBOLS[-total % len(SYMBOLS)]


def _typo(what: str) -> LocalFault:
    return LocalFault("keys.passphrase_typo", what, "Compare it with the printed sheet.")
