"""Connector: a folder or a stick, for provinces without a link.

Out: `out/<number>-<kind>.jsonl`, one record a line in our own words, and beside it `.sig`: the
SHA-256 of the file, the key id and an Ed25519 signature over both, by the hub's online key (the
one that signs TUF timestamps; `chieng-drop/1` separates the two uses). A file is whole or not
there. In: `in/<name>.jsonl` with `.sig` by the province's key, media under `in/media/<sha256>`.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.mirror import directive
from hub.mirror.connector import (
    TAKEN,
    Connector,
    Doubt,
    Letter,
    Page,
    Trouble,
    Verdict,
)
from hub.mirror.directive import Directive
from protocols.hub_limits import PEER_ANSWER_BYTES_MAX

PREFIX = b"chieng-drop/1\n"


def signed_message(data: bytes) -> bytes:
    """Return what is signed for a file."""
    return PREFIX + hashlib.sha256(data).hexdigest().encode()


class FileDrop(Connector):
    """Exchange files with one province."""

    def __init__(
        self,
        folder: Path,
        public_key: str,
        sign: Callable[[bytes], tuple[str, bytes]],
        now_ms: Callable[[], int],
    ):
        self._folder = folder
        self._public_key = public_key
        self._sign = sign
        self._now_ms = now_ms

    async def send(self, letters: Sequence[Letter]) -> list[Verdict]:
        lines = [
            json.dumps(
                {
                    "key": letter.key,
                    "kind": letter.kind,
                    "subject": letter.subject,
                    "number": letter.number,
                    "at_ms": letter.at_ms,
                    **letter.body,
                },
                ensure_ascii=False,
            )
            for letter in letters
        ]
        data = ("\n".join(lines) + "\n").encode()
        name = f"{letters[0].number:017}-{letters[0].kind}.jsonl"
        await asyncio.to_thread(self._drop, name, data)
        return [Verdict(letter.key, TAKEN) for letter in letters]

    def _drop(self, name: str, data: bytes) -> None:
        """Write the signature first: whoever sees the file finds both."""
        key_id, signature = self._sign(signed_message(data))
        said = {
            "sha256": hashlib.sha256(data).hexdigest(),
            "key_id": key_id,
            "signature": signature.hex(),
        }
        try:
            (self._folder / "out").mkdir(parents=True, exist_ok=True)
            for path, content in (
                (self._folder / "out" / f"{name}.sig", json.dumps(said).encode()),
                (self._folder / "out" / name, data),
            ):
                _write(path, content)
        except OSError as error:
            raise Trouble(
                "mirror.folder",
                f"the folder does not take it: {error.strerror}",
                "Put the stick in, or free some space.",
            ) from error

    async def pull(self, cursor: str) -> Page:
        """Read the next signed file after `cursor`, by name."""
        return await asyncio.to_thread(self._read_next, cursor)

    def _read_next(self, cursor: str) -> Page:
        folder = self._folder / "in"
        names = sorted(path.name for path in folder.glob("*.jsonl") if path.name > cursor)
        if not names:
            return Page([], cursor, True)
        data = self._verified(folder / names[0])
        found = []
        for line in data.decode(errors="replace").splitlines():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                value = None
            if isinstance(value, dict):
                found.append(self.directive(value))
        return Page(found, names[0], len(names) == 1)

    def _verified(self, path: Path) -> bytes:
        unsigned = Trouble(
            "mirror.unsigned",
            f"{path.name} is not signed by the province's key",
            "Ask the province for the file and its signature again.",
        )
        try:
            if path.stat().st_size > PEER_ANSWER_BYTES_MAX:
                raise unsigned
            data = path.read_bytes()
            said = json.loads(path.with_name(path.name + ".sig").read_bytes())
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self._public_key))
            key.verify(bytes.fromhex(said["signature"]), signed_message(data))
        except (OSError, ValueError, KeyError, TypeError, RecursionError, InvalidSignature):
            raise unsigned from None
        return data

    def directive(self, one: dict[str, Any]) -> Directive:
        return directive.read(one.get("supply"), one.get("kind"), one)

    async def fetch(self, url: str, offset: int, count: int) -> bytes:
        return await asyncio.to_thread(self._part, url, offset, count)

    def _part(self, url: str, offset: int, count: int) -> bytes:
        path = self._folder / "in" / "media" / Path(url).name
        try:
            with path.open("rb") as file:
                file.seek(offset)
                return file.read(count)
        except (OSError, ValueError) as error:
            # A name with a zero byte is a ValueError.
            raise Trouble(
                "mirror.media", f"{path.name!r} is not in the folder", "Bring it along."
            ) from error

    def doubts(self) -> list[Doubt]:
        return [Doubt("Định dạng tệp JSON Lines có chữ ký", "dự thảo của hệ thống này")]


def _write(path: Path, data: bytes) -> None:
    draft = path.with_name("." + path.name)
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
