"""The node's own key in a file of its owner."""

import os
import stat

from hw import ports
from hw.linux import libcrypto
from protocols.errors import LocalFault, WorldFault

_SEED_BYTES = 32


class Identity(ports.Identity):
    """Hold the node's Ed25519 key; made from the entropy port at first use.

    The file holds the 32-byte seed, then the 32-byte public key, which tells a damaged file from a
    whole one. It is readable by its owner alone and durable before the key is first used.
    """

    def __init__(self, path: str, entropy: ports.Entropy):
        """Load the key, or make it; raises `WorldFault` (`identity.damaged`,
        `identity.unwritable`, `crypto.*`) and `LocalFault` (`identity.exposed`)."""
        try:
            if not os.path.lexists(path):
                _create(path, entropy.random_bytes(_SEED_BYTES))
            content = _read(path)
        except OSError as error:
            raise WorldFault(
                "identity.unwritable",
                "%s: %s" % (path, error.strerror),
                "Give the node's user a writable data folder",
            ) from error
        self._path = path
        self._seed: bytes | None = content[:_SEED_BYTES].ljust(_SEED_BYTES)
        self._public = libcrypto.public_key(self._seed)
        if content[_SEED_BYTES:] != self._public:
            raise WorldFault(
                "identity.damaged",
                path + " is not a whole key",
                "Wipe the node and enrol it again: the key cannot be recovered",
            )

    def public_key(self) -> bytes:
        """Return the 32 public bytes."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of a message."""
        if self._seed is None:
            raise LocalFault("identity.gone", "the key was destroyed", "Enrol the node anew.")
        return libcrypto.sign(self._seed, message)

    def forget(self) -> None:
        """Destroy the key: overwritten where it stands, then removed.

        Flash may keep an older copy of the block; the hub refuses a decommissioned node's key.
        """
        self._seed = None
        try:
            with open(self._path, "r+b", buffering=0) as file:
                file.write(bytes(os.fstat(file.fileno()).st_size))
                os.fsync(file.fileno())
            os.unlink(self._path)
            _sync_folder(self._path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise WorldFault(
                "identity.unwritable",
                "%s: %s" % (self._path, error.strerror),
                "Destroy the medium by hand",
            ) from error


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise LocalFault(
                "identity.exposed",
                path + " is open to other users",
                "chmod 600 it; if a stranger may have read it, wipe and enrol again",
            )
        return file.read(4 * _SEED_BYTES)


def _create(path: str, seed: bytes) -> None:
    """Write the key file so that a crash leaves either none or a whole one."""
    public = libcrypto.public_key(seed)
    staged = path + ".new"
    if os.path.lexists(staged):
        os.unlink(staged)
    handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(seed + public)
        file.flush()
        os.fsync(file.fileno())
    os.rename(staged, path)
    _sync_folder(path)


def _sync_folder(path: str) -> None:
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
