"""Key files on sticks: made with a passphrase shown once, opened by typing it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hub.repository import signers, token_signer, wrapped_key
from hub.repository.durable import Disk
from hub.repository.roles import check_name
from hub.repository.wrapped_key import Cost
from protocols import hub_limits
from protocols.errors import LocalFault, RemoteFault, WorldFault
from tools.console import Console

TRIES = 5
CARD_FORMAT = "chieng-token-key/1"


class KeyFiles:
    """Make and open wrapped keys for one command."""

    def __init__(self, console: Console, cost: Cost):
        self._console = console
        self._cost = cost

    def make(self, place: str, kind: str, scheme: str = "ed25519") -> Any:
        """Make a key for `HOLDER=FOLDER` and return its signer.

        The file is `<kind>-<holder>.json`, readable by its owner alone; an older one of that name
        is never replaced.
        """
        name, path = _new_file(place, kind)
        signer = wrapped_key.generate_signer(scheme)
        passphrase = wrapped_key.generate_passphrase()
        document = wrapped_key.wrap_signer(signer, passphrase, name, self._cost)
        Disk().write(path, wrapped_key.encode(document), 0o600)
        self._console.say("key_made", holder=name, path=path, passphrase=passphrase)
        return signer

    def open(self, path: Path) -> Any:
        """Open a key file; a typo may be mended a few times before it counts as wrong."""
        document = wrapped_key.decode(read(path, hub_limits.KEY_FILE_BYTES_MAX))
        if document.get("format") == CARD_FORMAT:
            return self._open_token(document)
        holder = document.get("public", {}).get("holder", path.name)
        for left in range(TRIES - 1, -1, -1):
            typed = self._console.ask_secret("passphrase", holder=holder)
            try:
                return wrapped_key.unwrap_signer(document, typed)
            except LocalFault as fault:
                if fault.code != "keys.passphrase_typo" or not left or not typed:
                    raise
                self._console.say("typo", what=fault.message)
        raise AssertionError("the last try returns or raises")

    def name_token(self, place: str, kind: str, library: str, number: int, label: str) -> None:
        """Write the file of a key that stays on a PKCS#11 token; the token is asked for its PIN."""
        name, path = _new_file(place, kind)
        pin = self._console.ask_secret("pin", holder=name)
        uri, found = token_signer.import_key(library, number, label, pin)
        key = signers.short(found)
        public = {"holder": name, "keyid": key.keyid, "key": key.to_dict()}
        document = {"format": CARD_FORMAT, "library": library, "uri": uri, "public": public}
        Disk().write(path, wrapped_key.encode(document), 0o600)
        self._console.say("token_named", holder=name, path=path)

    def _open_token(self, document: dict[str, Any]) -> Any:
        key: Any = wrapped_key.public_key(document)
        library, uri = document.get("library"), document.get("uri")
        if not isinstance(library, str) or not isinstance(uri, str):
            raise RemoteFault("keys.format", "not a token's key", "Name the key again.")
        pin = self._console.ask_secret("pin", holder=document["public"].get("holder", key.keyid))
        return token_signer.open_signer(library, uri, key, pin)

    def open_all(self, paths: Iterable[Path]) -> list[Any]:
        """Open several key files in the given order."""
        return [self.open(path) for path in paths]


def public_key(path: Path) -> Any:
    """Return the public half that a key file names, without opening it."""
    return wrapped_key.public_key(wrapped_key.decode(read(path, hub_limits.KEY_FILE_BYTES_MAX)))


def _new_file(place: str, kind: str) -> tuple[str, Path]:
    holder, folder = split_place(place)
    name = f"{kind}-{check_name(holder)}"
    path = folder / f"{name}.json"
    if not folder.is_dir():
        raise no_file(folder, "is no folder")
    if path.exists():
        raise LocalFault(
            "keys.exists", f"{path} exists already", "Choose another name, or put it away."
        )
    return name, path


def split_place(place: str) -> tuple[str, Path]:
    """Split `HOLDER=FOLDER`."""
    holder, mark, folder = place.partition("=")
    if not mark or not folder:
        raise LocalFault("tool.file", f"{place!r} is not HOLDER=FOLDER", "Write e.g. an=/media/an.")
    return holder, Path(folder)


def check_apart(places: Sequence[str]) -> None:
    """Refuse two holders of one role on one stick."""
    folders = [split_place(place)[1].resolve() for place in places]
    if len(set(folders)) != len(folders):
        raise LocalFault(
            "keys.folders", "two root keys in one folder", "Give every holder a stick of his own."
        )


def read(path: Path, bytes_max: int) -> bytes:
    """Read a file of bounded size; raises `WorldFault("tool.file")`."""
    try:
        if path.stat().st_size > bytes_max:
            raise no_file(path, "is too large")
        return path.read_bytes()
    except OSError as error:
        raise no_file(path, error.strerror or str(error)) from error


def no_file(path: Path, why: str) -> WorldFault:
    """Return the error of a file that cannot be used."""
    return WorldFault("tool.file", f"{path}: {why}", "Check the path, and that the stick is in.")
