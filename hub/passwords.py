"""Passwords: what is accepted, and argon2id hashes made and checked a few at a time.

Length and a list of common passwords, no rules on kinds of letters: NIST SP 800-63B, section
5.1.1.2.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from protocols.errors import RemoteFault, WorldFault
from protocols.hub_limits import PASSWORD_BYTES_MAX, PASSWORD_LETTERS_MIN

T = TypeVar("T")
# One check holds 64 MiB (argon2-cffi's RFC 9106 low-memory profile) and a core for some 50 ms.
CHECKS_AT_ONCE = 2
CHECKS_WAITING_MAX = 32

_COMMON = frozenset(FREQUENCY_LISTS["passwords"])
_HASHER = PasswordHasher()
# What an unknown account is checked against, so that its answer takes as long as a known one's.
_NOBODY = _HASHER.hash("no account has this password")


def clean(password: str, account: str) -> str:
    """Return a new password in NFC; raises `RemoteFault("password.*")` with what to change."""
    text = unicodedata.normalize("NFC", password)
    if len(text) < PASSWORD_LETTERS_MIN:
        raise RemoteFault(
            "password.short",
            f"password: fewer than {PASSWORD_LETTERS_MIN} letters",
            "Use several words.",
        )
    if len(text.encode()) > PASSWORD_BYTES_MAX:
        raise RemoteFault("password.long", "password: too long", "Use a shorter one.")
    plain = text.lower().strip()
    halved = plain[: len(plain) // 2]
    known = plain in _COMMON or (halved * 2 == plain and halved in _COMMON)
    if known or len(set(plain)) < 5 or (account and account.lower() in plain):
        raise RemoteFault(
            "password.common", "password: one that others would try first", "Use several words."
        )
    return text


def hash_now(password: str) -> str:
    """Return the argon2id hash of a clean password, made in this thread."""
    return _HASHER.hash(password)


class Checker:
    """Hash and check passwords in threads, `CHECKS_AT_ONCE` at a time."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(CHECKS_AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """Return the argon2id hash of a clean password; raises `WorldFault("hub.busy")`."""
        return await self._run(lambda: hash_now(password))

    async def check(self, hashed: str | None, password: str) -> bool:
        """Tell whether a password fits; None (no such account) takes as long and says no."""
        text = unicodedata.normalize("NFC", password)
        if len(text.encode(errors="replace")) > PASSWORD_BYTES_MAX:
            return False
        return await self._run(lambda: _fits(hashed or _NOBODY, text)) and hashed is not None

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= CHECKS_WAITING_MAX:
            raise WorldFault("hub.busy", "too many people sign in at once", "Try again soon.")
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def _fits(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
