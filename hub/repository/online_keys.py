"""The keys that rest at the hub unwrapped, one file each, readable by the hub alone."""

from collections.abc import Iterable
from pathlib import Path

from securesystemslib.signer import CryptoSigner, Key

from hub.repository import signers
from hub.repository.durable import Disk
from hub.repository.roles import ONLINE_HOLDERS
from protocols.errors import LocalFault


class OnlineKeys:
    """Keep the private keys of `ONLINE_HOLDERS` in a folder, files of mode 0600.

    Two keys of one holder exist only while one is being rotated: metadata decide which one counts,
    so callers pick from `signers` by the key ids that a delegation names.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)

    @classmethod
    def create(cls, folder: Path) -> "OnlineKeys":
        """Make a first key for every holder that has none yet."""
        keys = cls(folder)
        for holder in ONLINE_HOLDERS:
            if not keys._files(holder):
                keys.add(holder)
        return keys

    def add(self, holder: str) -> Key:
        """Make a new key for a holder and return its public half."""
        if holder not in ONLINE_HOLDERS:
            raise LocalFault("keys.holder", f"{holder!r} holds no online key", "Check the name.")
        signer = signers.generate()
        number = 1 + max(
            (int(path.stem.rpartition(".")[2]) for path in self._files(holder)), default=0
        )
        Disk().write(self.folder / f"{holder}.{number}.pem", signer.private_bytes, 0o600)
        return signer.public_key

    def newest(self, holder: str) -> Key:
        """Return the public half of a holder's newest key."""
        files = self._files(holder)
        if not files:
            raise LocalFault(
                "keys.missing", f"no {holder} key in {self.folder}", "Run the rotation for it."
            )
        return _load(files[-1]).public_key

    def signers(self) -> dict[str, CryptoSigner]:
        """Return all signers held, by key id."""
        held = [_load(path) for holder in ONLINE_HOLDERS for path in self._files(holder)]
        return {signer.public_key.keyid: signer for signer in held}

    def drop(self, keep: Iterable[str]) -> list[str]:
        """Delete every key whose id is not in `keep` and return the ids deleted."""
        kept, gone = set(keep), []
        for holder in ONLINE_HOLDERS:
            for path in self._files(holder):
                keyid = _load(path).public_key.keyid
                if keyid not in kept:
                    path.unlink()
                    gone.append(keyid)
        return gone

    def _files(self, holder: str) -> list[Path]:
        files = self.folder.glob(f"{holder}.*.pem")
        return sorted(files, key=lambda path: int(path.stem.rpartition(".")[2]))


def _load(path: Path) -> CryptoSigner:
    return signers.load(path.read_bytes())
